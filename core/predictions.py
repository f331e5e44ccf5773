"""A model's out-of-sample outputs, aligned with a data set."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

BASELINE = "baseline: "
"""How the name of a model begins that was trained here, and all that is said of it."""
MODEL_PARTS = ("pred_probs", "embeddings", "predicted", "detections", "log_sums")
"""The parts of what a model made, each with a digest of its own."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """Out-of-sample outputs in Dataset row order.

    model: its name, shown beside every number that it made.
    pred_probs: (N, K) float32 or float64, memory-mapped, columns in Dataset.names order. Rows sum to 1,
    unless a row can have several labels.
    predicted: (N,) float64, the model's number for each row, where labels are numbers.
    embeddings: (N, D) float16 or float32, memory-mapped.
    detections: where rows are boxes in pictures, all that the model found there, one line a detection:
        image (categorical, paths as the data have them), label (categorical, Dataset.names), score in [0, 1],
        x, y, w, h (float32, as core.boxes.Boxes has them).
    log_sums: (N,) float32, where the model gave logits: the log of the sum of their exponentials, which
        softmax takes away. With pred_probs it gives the logits back.
    """

    model: str = ""
    pred_probs: np.ndarray | None = None
    embeddings: np.ndarray | None = None
    predicted: np.ndarray | None = None
    detections: pd.DataFrame | None = None
    log_sums: np.ndarray | None = None
    # Not an argument: a copy made with dataclasses.replace must digest its own values.
    _parts: dict[str, str] = field(default_factory=dict, init=False, repr=False)

    @property
    def output(self) -> np.ndarray | None:
        """What the model says of the labels: pred_probs or, where these are numbers, predicted."""
        return self.pred_probs if self.pred_probs is not None else self.predicted

    def part(self, name: str) -> str:
        """sha256 over every value of one of MODEL_PARTS; "" where it is absent."""
        if name not in self._parts:
            self._parts[name] = self._digest(name)
        return self._parts[name]

    def _digest(self, name: str) -> str:
        if name == "detections":
            return "" if self.detections is None else _frame_digest(self.detections)
        array: np.ndarray | None = getattr(self, name)
        return "" if array is None else _array_digest(array)

    def trust(self, parts: Mapping[str, str]) -> None:
        """Take digests that were stored together with these very values."""
        self._parts.update(parts)

    @property
    def parts(self) -> dict[str, str]:
        """The digests computed so far, to be stored with the arrays."""
        return dict(self._parts)


def _array_digest(array: np.ndarray) -> str:
    sha = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    rows = max(1, (16 << 20) // max(1, array[:1].nbytes))
    for start in range(0, len(array), rows):
        sha.update(np.ascontiguousarray(array[start : start + rows]).data)
    return sha.hexdigest()


def _frame_digest(frame: pd.DataFrame) -> str:
    """Of the detections: codes and categories of what is categorical, else the numbers themselves."""
    sha = hashlib.sha256(f"{len(frame)}".encode())
    for name in frame.columns:
        values = frame[name]
        sha.update(f"{name}:{values.dtype.name}:".encode())
        if values.dtype.name == "category":
            sha.update("\x00".join(map(str, values.cat.categories)).encode("utf-8", "surrogatepass"))
            values = values.cat.codes.astype("int32")
        sha.update(np.ascontiguousarray(values.to_numpy()).data)
    return sha.hexdigest()
