from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.dataset import Columns, Dataset
from core.issues import Result, issue_table
from core.predictions import Predictions
from core.review.decisions import Action, Decision
from core.review.items import (
    FIELD_LIMIT,
    PREVIEW_LIMIT,
    TEXT_LIMIT,
    Board,
    content,
    findings,
    item,
    preview,
    why,
)
from tests.conftest import make_dataset

CLASSES = ("shirt", "t-shirt", "bag")


def link(position: int, size: str) -> str:
    return f"{size}/{position}"


def clothes(texts: list[str | None], probs: list[list[float]] | None, check: str = "label_issues") -> Board:
    """Row i has id "r<i>" and the label shirt; the last row has none. Row 0 is flagged, t-shirt suggested."""
    n = len(texts)
    ids = pd.Index([f"r{i}" for i in range(n)], dtype="str")
    labels = np.array([0] * (n - 1) + [-1], dtype=np.int32)
    table = pd.DataFrame({"text": pd.array(texts, dtype="str")}, index=ids)
    dataset = Dataset("clothes", table, Columns(content=("text",), kind="text"), CLASSES, CLASSES, labels)
    flagged = np.arange(n) == 0
    found = issue_table(
        dataset, np.full(n, 0.25), flagged, np.where(flagged, 1, -1), {0: "The check's words."}
    )
    results = {check: Result(found, {"flagged": 1, "estimator": "test"})} if check else {}
    made = None if probs is None else np.array(probs, dtype=np.float32)
    return Board(dataset, Predictions("m", made), results, check, link)


def sentence(pieces: list[tuple[str, bool]]) -> str:
    return "".join(words for words, _ in pieces)


PROBS = [[0.04, 0.91, 0.05], [0.5, 0.5, 0.0], [0.2, 0.3, 0.5]]


def test_item__is_what_the_surface_shows() -> None:
    board = clothes(["a", "b", "c"], PROBS)
    decision = Decision("clothes", "r0", Action.RELABEL, "ann", "shirt", "op", label="bag", seq=4)
    shown = item(board, 0, decision)
    assert json.loads(json.dumps(shown)) == {
        "row_id": "r0",
        "number": 1,
        "given": "shirt",
        "suggestion": "t-shirt",
        "classes": [["t-shirt", 0.91], ["bag", 0.05], ["shirt", 0.04]],
        "likely": [],
        "why": [
            ["Flagged because the model gives ", False],
            ["t-shirt 91%", True],
            [" and ", False],
            ["shirt 4%", True],
            [".", False],
        ],
        "checks": [
            {
                "name": "label_issues",
                "title": "Label errors",
                "flagged": True,
                "score": 0.25,
                "suggestion": "t-shirt",
                "reason": "The check's words.",
            }
        ],
        "content": {"kind": "text", "text": "a", "more": 0},
        "decision": {"op_id": "op", "action": "relabel", "label": "bag", "annotator": "ann", "final": False},
        "hidden": False,
        "between": None,
    }


def test_item__classes_tie_in_class_order_and_unlabelled_rows_have_no_given() -> None:
    board = clothes(["a", "b", "c"], PROBS)
    assert [name for name, _ in item(board, 1, None)["classes"]] == ["shirt", "t-shirt", "bag"]
    last = item(board, 2, None)
    assert (last["given"], last["suggestion"], last["decision"]) == (None, None, None)


def test_item__without_predictions_lists_classes_in_their_order() -> None:
    shown = item(clothes(["a", "b"], None), 0, None)
    assert shown["classes"] == [("shirt", None), ("t-shirt", None), ("bag", None)]
    assert shown["why"] == [("The check's words.", False)]


def test_findings__of_every_check_that_has_run_in_their_order() -> None:
    board = clothes(["a", "b", "c"], PROBS)
    found = board.results["label_issues"]
    calm = Result(issue_table(board.dataset, np.ones(3), np.zeros(3, dtype=bool)), found.summary)
    results = {"made_up": calm, "near_duplicates": calm, **board.results}
    shown = findings(replace(board, results=results), 1)
    assert [(f["name"], f["title"]) for f in shown] == [
        ("label_issues", "Label errors"),
        ("near_duplicates", "Near-duplicates"),
        ("made_up", "made_up"),
    ]
    assert shown[1] == {
        "name": "near_duplicates",
        "title": "Near-duplicates",
        "flagged": False,
        "score": 1.0,
        "suggestion": None,
        "reason": "",
    }
    assert findings(clothes(["a"], None, ""), 0) == []


def test_item__of_very_many_classes_names_nine_and_ranks_fifty() -> None:
    names = tuple(f"c{k}" for k in range(60))
    probs = np.full((1, 60), 0.01, dtype=np.float32)
    probs[0, 57] = 0.4
    dataset = make_dataset([0], names)
    shown = item(Board(dataset, Predictions("m", probs), {}, "", link), 0, None)
    assert [name for name, _ in shown["classes"]] == ["c57", *(f"c{k}" for k in range(8))]
    assert shown["likely"] == [57, *range(49)]
    assert item(Board(dataset, Predictions(), {}, "", link), 0, None)["likely"] == []


@pytest.mark.parametrize(
    ("neighbours", "expected"),
    [
        (None, "Flagged because the model gives t-shirt 91% and shirt 4%."),
        (
            (8, 10),
            "Flagged because the model gives t-shirt 91% and shirt 4%, "
            "and 8 of its 10 nearest rows are labelled t-shirt.",
        ),
        (
            (1, 4),
            "Flagged because the model gives t-shirt 91% and shirt 4%, "
            "and 1 of its 4 nearest rows is labelled t-shirt.",
        ),
        (
            (0, 10),
            "Flagged because the model gives t-shirt 91% and shirt 4%. "
            "But none of its 10 nearest rows is labelled t-shirt.",
        ),
        ((0, 0), "Flagged because the model gives t-shirt 91% and shirt 4%."),
    ],
)
def test_why__leaves_out_what_is_not_known(neighbours: tuple[int, int] | None, expected: str) -> None:
    assert sentence(why(clothes(["a", "b", "c"], PROBS), 0, neighbours)) == expected


def test_why__other_checks_unflagged_rows_and_no_analysis() -> None:
    assert sentence(why(clothes(["a", "b", "c"], PROBS, "near_duplicates"), 0)) == "The check's words."
    unflagged = "Not flagged: score 0.25, where 0 is worst and 1 is clean."
    assert sentence(why(clothes(["a", "b", "c"], PROBS), 1)) == unflagged
    assert why(clothes(["a", "b", "c"], PROBS, ""), 0) == []


def test_content__long_text_is_cut_and_says_by_how_much() -> None:
    board = clothes(["x" * (TEXT_LIMIT + 7), None, "c"], None)
    shown = content(board, 0)
    assert (len(shown["text"]), shown["more"]) == (TEXT_LIMIT, 7)
    assert content(board, 1) == {"kind": "text", "text": "", "more": 0}
    tile = preview(board, 0)
    assert len(tile["text"]) == PREVIEW_LIMIT + 1
    assert (tile["label"], tile["number"]) == ("shirt", 1)


def test_content__picture_is_a_link_and_a_size() -> None:
    table = pd.DataFrame({"path": ["a.png"]}, index=pd.Index(["0"], dtype="str"))
    columns = Columns(content=("path",), kind="image")
    dataset = Dataset("p", table, columns, CLASSES, CLASSES, np.zeros(1, dtype=np.int32))
    board = Board(dataset, Predictions(), {}, "", link)
    assert content(board, 0) == {
        "kind": "image",
        "full": "full/0",
        "thumb": "thumb/0",
        "size": None,
        "tile": None,
        "name": "a.png",
        "boxes": None,
    }
    assert preview(board, 0)["thumb"] == "thumb/0"


def test_preview__of_a_table_row_names_its_fields() -> None:
    table = pd.DataFrame({"a": [1.5, 2.0], "b": ["x", "y"]}, index=pd.Index(["r0", "r1"], dtype="str"))
    columns = Columns(None, None, None, ("a", "b"), "tabular")
    labels = np.array([0, 1], dtype=np.int32)
    dataset = Dataset("t", table, columns, ("cat", "dog"), ("cat", "dog"), labels)
    board = Board(dataset, Predictions("m"), {}, "", link)
    assert preview(board, 1) == {"row_id": "r1", "number": 2, "label": "dog", "text": "a 2, b y"}


def test_why__tells_the_votes_on_the_given_label() -> None:
    board = clothes(["a", "b", "c"], PROBS)
    table = board.dataset.table.assign(
        **{"share of label": [0.6, 0.52, np.nan], "lead of label": [0.2, 0.04, 0]}
    )
    columns = replace(board.dataset.columns, label="label")
    voted = replace(board, dataset=replace(board.dataset, table=table, columns=columns))
    assert sentence(why(voted, 0)).endswith(" The given label has 60% of the votes.")
    assert "52% of the votes; the votes are split, so that it is ambiguous rather than wrong." in sentence(
        why(voted, 1)
    )
    assert sentence(why(voted, 2)).endswith(" The votes on its label tie.")
    assert sentence(why(replace(voted, check=""), 0)) == "The given label has 60% of the votes."
    assert why(replace(voted, hidden=np.array([True] * 3)), 0) == []
    plain = replace(voted, dataset=replace(voted.dataset, table=table.assign(**{"lead of label": "x"})))
    assert "votes" not in sentence(why(plain, 0))


def test_content__of_a_wide_row_is_its_first_columns_and_how_many_more() -> None:
    names = tuple(f"m{i}" for i in range(FIELD_LIMIT + 3))
    table = pd.DataFrame([range(FIELD_LIMIT + 3)], columns=names, index=pd.Index(["r0"], dtype="str"))
    columns = Columns(None, None, None, names, "tabular")
    dataset = Dataset("t", table, columns, ("cat",), ("cat",), np.array([0], dtype=np.int32))
    board = Board(dataset, Predictions("m"), {}, "", link)
    shown = content(board, 0)
    assert [f["name"] for f in shown["fields"]] == list(names[:FIELD_LIMIT])
    assert shown["more"] == 3
    text = ", ".join(f"m{i} {i}" for i in range(FIELD_LIMIT))
    assert preview(board, 0)["text"] == text[:PREVIEW_LIMIT] + "…"
