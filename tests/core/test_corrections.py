"""Decisions applied to a data set."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.corrections import Corrections, ExportOptions, correct, preview
from core.dataset import Columns, Dataset
from core.errors import InputError
from core.review.classes import class_list
from core.review.decisions import Action, Decision
from core.review.policy import Outcomes
from core.source import Source
from tests.conftest import make_dataset

SOURCE = Source(Path("pets.csv"), "csv", "", 0)


def decision(
    row_id: str, action: Action = Action.RELABEL, given: str = "cat", label: str | None = "dog"
) -> Decision:
    label = label if action is Action.RELABEL else None
    return Decision(
        "pets", row_id, action, "ann", given, f"op-{row_id}", label, None, "why", "2026-01-02T03:04:05Z"
    )


def build(dataset: Dataset, *decisions: Decision, quality: Any = None, **options: Any) -> Corrections:
    decided = Outcomes({d.row_id: d for d in decisions}, class_list(dataset.classes))
    return correct(dataset, SOURCE, decided, ExportOptions(**options), quality)


@pytest.fixture
def pets() -> Dataset:
    return make_dataset([0, 1, -1, 0])


def test_correct__relabel_changes_one_cell_and_exclude_one_row(pets: Dataset) -> None:
    made = build(pets, decision("r3", Action.EXCLUDE), decision("r0"), decision("r2", given=""))
    assert [(c.position, c.column, c.before, c.after) for c in made.changes] == [
        (0, "label", "cat", "dog"),
        (2, "label", "", "dog"),
        (3, "", "cat", ""),
    ]
    assert made.tokens_in(0, 4) == {0: "dog", 2: "dog"}
    assert made.tokens_in(1, 2) == {}
    assert made.dropped.tolist() == [False, False, False, True]
    assert (made.rows_written, made.untouched, made.conflicts, made.already) == (3, False, (), 0)


@pytest.mark.parametrize("action", [Action.KEEP, Action.AMBIGUOUS, Action.NEEDS_REVIEW])
def test_correct__other_actions_change_nothing(pets: Dataset, action: Action) -> None:
    made = build(pets, decision("r0", action))
    assert (made.changes, made.untouched, list(made.decisions)) == ((), True, [0])


def test_correct__writes_the_class_as_its_token(pets: Dataset) -> None:
    made = build(replace(pets, tokens=("0", "1")), decision("r0"))
    assert made.changes[0].after == "1"


def test_correct__marks_instead_of_dropping(pets: Dataset) -> None:
    made = build(pets, decision("r0", Action.EXCLUDE), excluded="mark")
    assert [(c.column, c.before, c.after) for c in made.changes] == [("excluded", "", "True")]
    assert not made.dropped.any()
    assert made.added(np.arange(4)) == {"excluded": [True, False, False, False]}


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (
            decision("gone"),
            "the row with id 'gone' is no longer in the data (relabel dog by ann)",
        ),
        (
            decision("r1", Action.KEEP),
            "the given label is 'dog', but it was 'cat' when it was decided (keep by ann)",
        ),
        (
            decision("r3", given="dog", label="bird"),
            "the given label is 'cat', but it was 'dog' when it was decided (relabel bird by ann)",
        ),
        (decision("r0", label="scarf"), "decided class 'scarf' is not in your class list"),
        (
            decision("r2", Action.EXCLUDE),
            "the given label is '', but it was 'cat' when it was decided (exclude by ann)",
        ),
    ],
)
def test_correct__conflicts_are_listed_and_refused(pets: Dataset, one: Decision, said: str) -> None:
    made = build(pets, one, decision("r0") if one.row_id != "r0" else decision("r3"))
    assert [p.found for p in made.conflicts] == [said]
    assert len(made.changes) == 1
    with pytest.raises(InputError, match="Mend: "):
        made.refuse_conflicts()
    skipping = replace(made, options=ExportOptions(conflicts="skip"))
    skipping.refuse_conflicts()


def test_correct__conflict_names_row_and_mend(pets: Dataset) -> None:
    made = build(pets, decision("r3", label="scarf"))
    assert str(made.conflicts[0]) == (
        "row 4, column label: decided class 'scarf' is not in your class list. "
        "Mend: add it to the class list, or decide again."
    )


def test_correct__many_conflicts_say_how_many_more(pets: Dataset) -> None:
    made = build(pets, *(decision(f"gone{i}") for i in range(25)))
    with pytest.raises(InputError, match="and 5 more decisions that conflict with the data"):
        made.refuse_conflicts()


def test_correct__decisions_that_the_data_show_already(pets: Dataset) -> None:
    made = build(pets, decision("r1"), decision("gone", Action.EXCLUDE))
    assert (made.already, made.conflicts, made.changes) == (2, (), ())


def test_correct__without_label_column(pets: Dataset) -> None:
    bare = replace(pets, columns=Columns(id="id"), labels=np.full(4, -1, dtype=np.int32))
    made = build(bare, decision("r0", given=""), decision("r1", Action.EXCLUDE, given=""))
    assert [p.found for p in made.conflicts] == ["the data set has no label column to write to"]
    assert [(c.column, c.before, c.after) for c in made.changes] == [("", "", "")]


def test_correct__splits(pets: Dataset) -> None:
    parted = replace(
        pets,
        table=pets.table.assign(split=["train", "test", "train", "test"]),
        columns=replace(pets.columns, split="split"),
    )
    decisions = (decision("r0"), decision("r3"), decision("r2", Action.EXCLUDE, given=""))
    made = build(parted, *decisions, splits=("test",))
    assert made.dropped.tolist() == [True, False, True, False]
    assert (made.left_out, [c.row_id for c in made.changes]) == (2, ["r3"])
    with pytest.raises(InputError, match=r"no row is in split 'dev'\. Expected: one of test, train"):
        build(parted, splits=("dev",))
    with pytest.raises(InputError, match="no split column"):
        build(pets, splits=("test",))


def test_correct__added_columns(pets: Dataset) -> None:
    quality = np.array([0.1, 0.5, np.nan, 1.0], dtype=np.float32)
    names = ("decided_at", "annotator", "decision", "label_quality", "given_label")
    made = build(pets, decision("r0"), decision("r1", Action.KEEP, "dog"), quality=quality, add=names)
    assert made.added(np.array([0, 1, 2])) == {
        "given_label": ["cat", "dog", ""],
        "label_quality": [0.1, 0.5, None],
        "decision": ["relabel", "keep", None],
        "annotator": ["ann", "ann", None],
        "decided_at": ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z", None],
    }


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"add": ("colour",)}, "cannot add the columns colour"),
        ({"add": ("label_quality",)}, "there are no label quality scores to add"),
        ({"add": ("decision",)}, "the source already has a column called 'decision'"),
        ({"excluded": "mark"}, "the source already has a column called 'excluded'"),
    ],
)
def test_correct__options_that_cannot_be_met(pets: Dataset, options: dict[str, Any], said: str) -> None:
    taken = replace(pets, table=pets.table.assign(decision="", excluded=""))
    with pytest.raises(InputError, match=said):
        build(taken, **options)


def test_preview__one_line_a_change(pets: Dataset) -> None:
    made = build(pets, decision("r3", Action.EXCLUDE), decision("r0"))
    shown = preview(made)
    assert shown.columns.tolist() == [
        "row", "row_id", "column", "before", "after", "decided by", "how", "when", "reason",
    ]  # fmt: skip
    assert shown.values.tolist() == [
        [1, "r0", "label", "cat", "dog", "ann", "1 annotator", "2026-01-02T03:04:05Z", "why"],
        [4, "r3", "", "cat", "", "ann", "1 annotator", "2026-01-02T03:04:05Z", "why"],
    ]
    assert len(preview(made, 1)) == 1
