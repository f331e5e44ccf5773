"""What Review makes of rows with several labels: items, queues, decisions, bulk decisions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.audit import run_audit
from core.bulk import Wish, preview
from core.desk import Desk
from core.errors import InputError
from core.issues import Result
from core.loading import Prepared
from core.predictions import Predictions
from core.review.decisions import Action, Decision
from core.review.items import Board, item
from core.review.policy import outcomes
from core.review.queue import Filters, select
from core.settings import Settings
from core.source import Source
from core.storage import read_dataset, write_dataset
from core.team import Team
from core.workspace import Workspace
from tests.core.label_sets import MOODS, PROBS, moods

SETTINGS = {"label_issues": {"filter_by": "predicted_neq_given"}}


@pytest.fixture
def results(tmp_path: Path) -> dict[str, Result]:
    return run_audit(moods(), Predictions("m", PROBS), tmp_path / "cache", ["label_issues"], SETTINGS).results


@pytest.fixture
def desk(tmp_path: Path, results: dict[str, Result]) -> Desk:
    workspace = Workspace(Settings(tmp_path / "ws", (tmp_path,), "", "ann"))
    source = Source(tmp_path / "moods.csv", "csv", "0" * 64, 0)
    workspace.save(Prepared(moods(), Predictions("m", PROBS), source, ()))
    return Desk(workspace, lambda project: results)


def relabel(label: str, row: str = "r1", given: str = "sad") -> Decision:
    return Decision("moods", row, Action.RELABEL, "ann", given, f"op-{row}-{label}", label=label)


def test_item__given_and_suggested_classes_are_at_hand(results: dict[str, Result]) -> None:
    board = Board(moods(), Predictions("m", PROBS), results, "label_issues", lambda *_: "")
    shown = item(board, 0, None)
    assert (shown["given"], shown["suggestion"]) == ("joy|love", "joy|sad")
    assert shown["classes"] == [("joy", 0.95), ("sad", 0.6), ("love", 0.03)]
    assert shown["why"] == [("The model gives sad 60% (not among the labels) and love 3% (a label).", False)]
    assert item(board, 4, None)["given"] is None


def test_item__a_given_class_is_shown_though_many_are_likelier() -> None:
    from dataclasses import replace

    names = ("joy", "love", "sad", *(f"c{i:02d}" for i in range(20)))
    dataset = replace(moods(), sets=replace(MOODS, names=names, tokens=names))
    probs = np.linspace(0, 1, 23, dtype=np.float32)[None].repeat(6, axis=0)
    shown = item(Board(dataset, Predictions("m", probs), {}, "", lambda *_: ""), 0, None)
    assert [name for name, _ in shown["classes"]] == [
        "c19", "c18", "c17", "c16", "c15", "c14", "c13", "love", "joy",
    ]  # fmt: skip
    assert shown["likely"][:2] == [22, 21]


@pytest.mark.parametrize(
    ("filters", "rows"),
    [
        (Filters(given="joy", cut=1.0), [0, 5, 2]),
        (Filters(given="love", cut=1.0), [0, 5, 3]),
        (Filters(sug="sad"), [0]),
        (Filters(sug="joy"), [0]),
        (Filters(sug="love"), []),
        (Filters(given="hate", cut=1.0), []),
        (Filters(given="joy|love", cut=1.0), []),
    ],
)
def test_select__rows_with_a_label_among_theirs(
    results: dict[str, Result], filters: Filters, rows: list[int]
) -> None:
    assert sorted(select(moods(), results, {}, filters).tolist()) == sorted(rows)


def test_record__any_set_of_the_classes_and_nothing_else(desk: Desk) -> None:
    for label in ("joy|love|sad", "love|sad"):
        (receipt,) = desk.record([relabel(label)])
        assert receipt.refused == ""
    for label in ("sad|love", "joy|hate", "", "joy|joy"):
        (receipt,) = desk.record([relabel(label)])
        assert receipt.refused == f"{label!r} is not a set of classes of this project."
    assert desk.store.in_force("moods")["r1"].label == "love|sad"


def test_record__the_classes_stay_as_they_are(desk: Desk) -> None:
    change = Decision("moods", "", Action.CLASS, "ann", "", "op", detail='{"add": "hate"}')
    assert "cannot be changed" in desk.record([change])[0].refused


def test_bulk__to_the_suggested_set_or_to_one_that_no_row_has(desk: Desk) -> None:
    team = Team(desk)
    every = Filters(cut=1.0)
    found = preview(team, "ann", Wish("moods", every, Action.RELABEL))
    assert (found.counts.change, found.counts.unsuggested) == (1, 5)
    assert found.pairs == (("joy|love", "joy|sad", 1),)
    found = preview(team, "ann", Wish("moods", every, Action.RELABEL, "love|sad"))
    assert found.counts.change == 6
    with pytest.raises(InputError, match="is not a class of this project"):
        preview(team, "ann", Wish("moods", every, Action.RELABEL, "sad|love"))


def test_outcomes__crowdlab_has_no_meaning_for_sets() -> None:
    with pytest.raises(InputError, match="rows here can have several"):
        outcomes({}, [], moods(), "crowdlab", PROBS)


def test_storage__keeps_how_sets_are_written(tmp_path: Path) -> None:
    dataset = moods()
    prepared = Prepared(dataset, Predictions("m", PROBS), Source(tmp_path / "t.csv", "csv", "0", 0), ())
    (tmp_path / "moods").mkdir()
    write_dataset(tmp_path / "moods", prepared, dataset)
    found = read_dataset(tmp_path / "moods")[0]
    assert (found.sets, found.columns, found.classes) == (MOODS, dataset.columns, dataset.classes)
    assert found.fingerprint == dataset.fingerprint
