from __future__ import annotations

import numpy as np

from core.dataset import Dataset
from core.issue_rows import issue_rows, page_count, page_of, state_of
from core.issues import Result, issue_table
from core.predictions import Predictions
from core.review.decisions import VERDICTS, Action, Decision, Standing
from core.review.items import Board


def board(dataset: Dataset, analysed: bool = True) -> Board:
    flagged = np.array([False, True, False, False, False, False])
    table = issue_table(
        dataset,
        np.array([0.9, 0.25, 0.8, 0.7, 0.6, 1.0]),
        flagged,
        np.array([-1, 1, -1, -1, -1, -1]),
        {1: "The model gives dog 80% and cat 20%."},
    )
    results = {"label_issues": Result(table, {"flagged": 1, "estimator": "test"})} if analysed else {}
    check = "label_issues" if analysed else ""
    return Board(dataset, Predictions("test"), results, check, lambda position, size: f"/{position}/{size}")


def test_issue_rows__plain_cells_in_the_order_asked(pets: Dataset) -> None:
    decision = Decision("pets", "r1", Action.RELABEL, "ann", "cat", "op", label="dog")
    rows = issue_rows(board(pets), np.array([1, 5]), {"r1": Standing((decision,), None, decision)})
    assert rows.index.tolist() == ["r1", "r5"]
    assert rows.to_dict("records") == [
        {
            "row": 2,
            "preview": "text 1",
            "given": "cat",
            "suggested": "dog",
            "score": 0.25,
            "why": "The model gives dog 80% and cat 20%.",
            "state": "changed to dog",
            "reviewer": "ann",
        },
        {
            "row": 6,
            "preview": "text 5",
            "given": "",
            "suggested": "",
            "score": 1.0,
            "why": "Not flagged.",
            "state": "undecided",
            "reviewer": "",
        },
    ]


def test_issue_rows__without_an_analysis(pets: Dataset) -> None:
    rows = issue_rows(board(pets, analysed=False), np.array([0]), {})
    assert list(rows.columns) == ["row", "preview", "given", "state", "reviewer"]


def test_issue_rows__several_annotators(pets: Dataset) -> None:
    keep = Decision("pets", "r0", Action.KEEP, "ann", "cat", "op1")
    change = Decision("pets", "r0", Action.RELABEL, "bea", "cat", "op2", label="dog")
    word = Decision("pets", "r1", Action.EXCLUDE, "cleo", "cat", "op3", final=True)
    standings = {"r0": Standing((keep, change)), "r1": Standing((keep,), word, word)}
    rows = issue_rows(board(pets), np.array([0, 1]), standings)
    assert rows["state"].tolist() == ["annotators disagree", "excluded"]
    assert rows["reviewer"].tolist() == ["ann, bea", "ann, cleo"]


def test_issue_rows__clusters_count_from_one(pets: Dataset) -> None:
    clusters = np.array([1, 0, 1, 0, 0, 2], dtype=np.int32)
    rows = issue_rows(board(pets), np.array([5, 0]), {}, clusters)
    assert rows["cluster"].tolist() == [3, 2]
    assert list(rows.columns)[:3] == ["row", "cluster", "preview"]
    assert len(issue_rows(board(pets), np.array([], dtype=np.int64), {}, clusters)) == 0


def test_issue_rows__no_rows(pets: Dataset) -> None:
    assert len(issue_rows(board(pets), np.array([], dtype=np.int64), {})) == 0


def test_state_of__every_action_has_words() -> None:
    for action in VERDICTS:
        assert state_of(Decision("pets", "r1", action, "ann", "cat", "op", label="dog"))
    assert state_of(None) == "undecided"


def test_pages__a_hundred_rows_each() -> None:
    positions = np.arange(201)
    assert [page_count(n) for n in (0, 1, 100, 101, 201)] == [1, 1, 1, 2, 3]
    assert page_of(positions, 1).tolist() == list(range(100))
    assert page_of(positions, 3).tolist() == [200]
