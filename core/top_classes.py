"""What a model predicts, read from its probabilities: at once where they are few, else kept by content."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from core import class_report
from core.cache import load_table, store_table
from core.dataset import Dataset
from core.predictions import Predictions
from core.progress import Progress

_VERSION = 1  # raise it when other values come from the same content
_FEW_BYTES = 64 << 20
"""Probabilities that are read in less time than a kept table is."""


def top_classes(
    cache_dir: Path, predictions: Predictions, progress: Progress
) -> tuple[np.ndarray, np.ndarray]:
    """Class and probability of each row, as core.class_report.top_classes gives them."""
    probs = _probs(predictions)

    def make() -> pd.DataFrame:
        predicted, confidence = class_report.top_classes(probs, progress)
        return pd.DataFrame({"predicted": predicted, "confidence": confidence})

    found = kept(cache_dir, "top_classes", [predictions.part("pred_probs")], probs, make)
    return found["predicted"].to_numpy(), found["confidence"].to_numpy()


def label_counts(
    cache_dir: Path, dataset: Dataset, predictions: Predictions, progress: Progress
) -> pd.DataFrame:
    """Rows by label, as core.class_report.label_counts gives them."""
    probs = _probs(predictions)
    parts = [predictions.part("pred_probs"), dataset.part("labels")]
    return kept(
        cache_dir,
        "label_counts",
        parts,
        probs,
        lambda: class_report.label_counts(dataset, probs, progress),
    )


def kept(
    cache_dir: Path, name: str, parts: list[str], probs: np.ndarray, make: Callable[[], pd.DataFrame]
) -> pd.DataFrame:
    """What `make` gives, from the cache where many probabilities have to be read for it. parts: digests of
    all that it depends on."""
    if probs.nbytes <= _FEW_BYTES:
        return make()
    key = hashlib.sha256(":".join([name, str(_VERSION), *parts]).encode()).hexdigest()
    found = load_table(cache_dir, name, key)
    if found is None:
        found = make()
        store_table(cache_dir, name, key, found)
    return found


def _probs(predictions: Predictions) -> np.ndarray:
    if predictions.pred_probs is None:
        raise ValueError("there are no predicted probabilities")
    return predictions.pred_probs
