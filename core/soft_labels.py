"""How the readers of this review shared a row's label among the classes, for a file to train on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from core.dataset import Dataset
from core.errors import refuse
from core.review.classes import ClassList
from core.review.decisions import Action, Standing

if TYPE_CHECKING:
    from core.corrections import Corrections

NAME = "soft_label"
"""The column that an export adds."""
HOW = (
    "The share of this review's readers who gave the row each class, a JSON mapping that sums to 1. Each "
    "person's last answer counts once, final words too; answers that name no class do not count. A row to "
    "which nobody gave a class has its given label."
)


def shares(standing: Standing | None, classes: ClassList) -> dict[str, float]:
    """Class, as it is called now -> its share of the answers that name a class; they sum to 1.

    Each person's last answer counts once, a final word as that person's. {} where nobody named a class: no
    answer, "exclude", "ambiguous" and "needs review" name none.
    """
    if standing is None:
        return {}
    answers: dict[str, str] = {}
    for said in (*standing.opinions, *([standing.final] if standing.final is not None else [])):
        answers.pop(said.annotator, None)
        if said.action is Action.RELABEL:
            answers[said.annotator] = classes.resolve(said.label or "", said.seq)
        elif said.action is Action.KEEP and said.given_label:
            answers[said.annotator] = classes.resolve(said.given_label, said.seq)
    counts = Counter(answers.values())
    return {name: counts[name] / len(answers) for name in sorted(counts)}


def check(dataset: Dataset) -> None:
    """Raises InputError where a row's label is not one class."""
    if dataset.sets is not None or dataset.targets is not None:
        raise refuse(
            "soft labels share one label a row among the classes",
            expected="a data set in which each row has one class",
            mend="leave that column out of the export",
        )


def column(corrections: Corrections, positions: np.ndarray) -> list[str | None]:
    """The cells of these rows, classes as the label column writes them. A row to which nobody gave a class
    has the one of its label.
    """
    dataset, classes = corrections.dataset, corrections.outcomes.classes
    standings, written = corrections.outcomes.standings, corrections.written
    ids = dataset.row_ids[positions].tolist()
    given = [classes.resolve(name) for name in dataset.given_labels(positions).tolist()]
    found = (shares(standings.get(row_id), classes) for row_id in ids)
    return [_cell(said, label, written.text) for said, label in zip(found, given, strict=True)]


def rows_by_readers(corrections: Corrections) -> int:
    """How many of the rows that are written have a class from their readers."""
    classes = corrections.outcomes.classes
    named = [row_id for row_id, s in corrections.outcomes.standings.items() if shares(s, classes)]
    positions = corrections.dataset.positions(named)
    return int((~corrections.dropped[positions[positions >= 0]]).sum())


def _cell(found: Mapping[str, float], otherwise: str | None, token: Callable[[str], str]) -> str | None:
    """The shares as a JSON mapping. otherwise: the label of a row that nobody gave a class, which gets all;
    None where it has none. token: how a class is written in the label column.
    """
    whole = found or ({otherwise: 1.0} if otherwise else {})
    made: dict[str, float] = {}
    for name, share in whole.items():
        made[token(name)] = made.get(token(name), 0.0) + share
    return json.dumps(made, ensure_ascii=False) if made else None
