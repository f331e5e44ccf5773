"""Data sets whose labels are numbers, read by the loader from files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from core.corrections import Corrections, correct
from core.dataset import Dataset
from core.loading import Plan, Prepared, prepare, read_table
from core.preflight.columns import guess_columns
from core.review.classes import classes_of
from core.review.decisions import Action
from core.review.policy import Outcomes
from tests.core.exporters.conftest import decide

PRICES = ["4150", "380.50", "12.5", "", "415.00", "1e3", "-7.25", "380.5"]
CSV = "id,text,label\r\n" + "".join(f'r{i},"house, {i}",{p}\r\n' for i, p in enumerate(PRICES))


def load(path: Path, predictions: Path | None = None, **roles: object) -> Prepared:
    """The file with the label column called label read as numbers."""
    raw = read_table(path)
    columns = replace(guess_columns(raw), label="label", delimiter="", target=True, **roles)
    return prepare(raw, Plan("prices", columns, pred_probs=predictions))


def dataset_of(path: Path, content: bytes | None = None) -> Dataset:
    """The data set of a file that has nothing to mend. content: written to it first."""
    if content is not None:
        path.write_bytes(content)
    prepared = load(path)
    assert prepared.ok and prepared.dataset is not None, prepared.problems
    return prepared.dataset


def corrected(prepared: Prepared, choices: dict[int, str | Action]) -> Corrections:
    """The corrections of choices by row position."""
    dataset = prepared.dataset
    assert dataset is not None, prepared.problems
    decisions = [decide(dataset, position, choice) for position, choice in choices.items()]
    decided = Outcomes({d.row_id: d for d in decisions}, classes_of(dataset))
    return correct(dataset, prepared.source, decided)
