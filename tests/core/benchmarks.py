"""A small benchmark with known truth: three models, a noisy test split, and verdicts on it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from core.dataset import Dataset
from core.loading import Prepared
from core.model_store import add_model
from core.predictions import Predictions
from core.review.decisions import Action, Decision
from core.source import Source
from core.workspace import Workspace
from tests.conftest import make_dataset

CLASSES = ("cat", "dog", "owl")
MISSES = {"good": 0.08, "fair": 0.16, "poor": 0.3}
"""How often each model is wrong."""


def truth_of(rows: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 3, rows)


def noisy(rows: int = 600, name: str = "bench", split: bool = True, noise: float = 0.15) -> Dataset:
    """Rows of three classes; 15% of the labels are wrong, and every second row is in the split test."""
    truth, rng = truth_of(rows), np.random.default_rng(1)
    given = np.where(rng.random(rows) < noise, (truth + 1) % 3, truth)
    dataset = make_dataset(given.tolist(), CLASSES, name)
    if not split:
        return dataset
    table = dataset.table.assign(split=pd.array(["train", "test"] * (rows // 2), dtype="str"))
    return replace(dataset, table=table, columns=replace(dataset.columns, split="split"))


def model(name: str, rows: int) -> Predictions:
    """Wrong on its share of the rows, half of the time with the class that wrong labels have."""
    truth, rng = truth_of(rows), np.random.default_rng(len(name) + ord(name[0]))
    off = np.where(rng.random(rows) < 0.5, 1, 2)
    said = np.where(rng.random(rows) < MISSES[name], (truth + off) % 3, truth)
    return Predictions(name, np.eye(3, dtype=np.float32)[said] * 0.8 + np.float32(0.2 / 3))


def stored(workspace: Workspace, dataset: Dataset, names: tuple[str, ...] = tuple(MISSES)) -> None:
    """The data set with the first model in use and the others beside it."""
    first, *others = names
    source = Source(workspace.root / f"{dataset.name}.csv", "csv", "0" * 64, 1)
    workspace.save(Prepared(dataset, model(first, len(dataset)), source, ()))
    for name in others:
        add_model(workspace, dataset.name, model(name, len(dataset)))


def verdict(dataset: Dataset, position: int, action: Action | None = None, **changes: str) -> Decision:
    """What somebody who knows the truth says of a row; another action where it is given."""
    given, right = int(dataset.labels[position]), int(truth_of(len(dataset))[position])
    said = action or (Action.KEEP if given == right else Action.RELABEL)
    label = dataset.classes[right] if said is Action.RELABEL else None
    row = str(dataset.row_ids[position])
    op = f"{dataset.name} {row} {said}"
    return Decision(dataset.name, row, said, "ann", dataset.classes[given], op, label, **changes)
