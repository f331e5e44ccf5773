"""Small projects read through the real importers, for the exporters' tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import core.importers
from core.cells import cell_text
from core.corrections import Corrections, ExportOptions, correct
from core.dataset import Columns, Dataset
from core.importers._base import ImportFormat
from core.progress import Progress
from core.registry import collect
from core.review.classes import class_list
from core.review.decisions import Action, Decision
from core.review.policy import Outcomes
from core.source import Source


def load(
    path: Path, format: str = "csv", label: str = "label", split: str | None = None
) -> tuple[Dataset, Source]:
    """A data set with ids r0, r1, ... whose classes are the texts of its label column, sorted."""
    raw = collect(core.importers, ImportFormat)[format].read(path, Progress())
    cells = [cell_text(cell) for cell in raw.frame[label]]
    classes = tuple(sorted(set(cells) - {""}))
    labels = np.array([classes.index(c) if c else -1 for c in cells], dtype=np.int32)
    table = raw.frame.set_axis([f"r{i}" for i in range(len(raw.frame))], axis=0)
    columns = Columns(label=label, split=split)
    return Dataset("set", table, columns, classes, classes, labels), raw.source


def decide(dataset: Dataset, position: int, choice: str | Action) -> Decision:
    """A decision on one row: a class name to relabel to, or another action."""
    code = int(dataset.labels[position])
    relabel = not isinstance(choice, Action)
    return Decision(
        dataset=dataset.name,
        row_id=str(dataset.row_ids[position]),
        action=Action.RELABEL if relabel else choice,
        annotator="ann",
        given_label=dataset.classes[code] if code >= 0 else "",
        op_id=f"op{position}",
        label=str(choice) if relabel else None,
        shown="the model says so",
        decided_at="2026-01-02T03:04:05Z",
    )


def plan(
    loaded: tuple[Dataset, Source],
    choices: dict[int, str | Action] | None = None,
    label_quality: np.ndarray | None = None,
    **options: object,
) -> Corrections:
    """The corrections of a loaded data set for choices by row position."""
    dataset, source = loaded
    decisions = [decide(dataset, position, choice) for position, choice in (choices or {}).items()]
    decided = Outcomes({d.row_id: d for d in decisions}, class_list(dataset.classes))
    return correct(dataset, source, decided, ExportOptions(**options), label_quality)  # type: ignore[arg-type]


@pytest.fixture(scope="module", autouse=True)
def no_power_cut() -> Iterator[None]:
    """These tests compare bytes: waiting for the disk would take most of the time of many examples."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str, bytes], Path]:
    """Writes bytes to a file in a fresh folder and returns its path."""

    def write(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write
