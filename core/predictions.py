"""A model's out-of-sample outputs, aligned with a data set."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

BASELINE = "baseline: "
"""How the name of a model begins that was trained here, and all that is said of it."""

MODEL_PARTS = ("pred_probs", "embeddings", "predicted")
"""The arrays of Predictions, by name."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """Out-of-sample outputs in Dataset row order.

    model: its name, shown beside every number that it made.
    pred_probs: (N, K) float32 or float64, memory-mapped, columns in Dataset.names order. Rows sum to 1,
    unless a row can have several labels.
    predicted: (N,) float64, the model's number for each row, where labels are numbers.
    embeddings: (N, D) float16 or float32, memory-mapped.
    """

    model: str = ""
    pred_probs: np.ndarray | None = None
    embeddings: np.ndarray | None = None
    predicted: np.ndarray | None = None
    # Not an argument: a copy made with dataclasses.replace must digest its own values.
    _parts: dict[str, str] = field(default_factory=dict, init=False, repr=False)

    @property
    def output(self) -> np.ndarray | None:
        """What the model says of the labels: pred_probs or, where these are numbers, predicted."""
        return self.pred_probs if self.pred_probs is not None else self.predicted

    def part(self, name: str) -> str:
        """sha256 over every value of pred_probs, embeddings or predicted; "" where the array is absent."""
        if name not in self._parts:
            array = {
                "pred_probs": self.pred_probs,
                "embeddings": self.embeddings,
                "predicted": self.predicted,
            }[name]
            self._parts[name] = "" if array is None else _array_digest(array)
        return self._parts[name]

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
