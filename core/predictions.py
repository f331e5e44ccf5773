"""A model's out-of-sample outputs, aligned with a data set."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

BASELINE = "baseline: "
"""How the name of a model begins that was trained here, and all that is said of it."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """Out-of-sample outputs in Dataset row order.

    model: its name, shown beside every number that it made.
    pred_probs: (N, K) float32 or float64, memory-mapped, columns in Dataset.names order. Rows sum to 1,
    unless a row can have several labels.
    embeddings: (N, D) float16 or float32, memory-mapped.
    """

    model: str = ""
    pred_probs: np.ndarray | None = None
    embeddings: np.ndarray | None = None
    # Not an argument: a copy made with dataclasses.replace must digest its own values.
    _parts: dict[str, str] = field(default_factory=dict, init=False, repr=False)

    def part(self, name: str) -> str:
        """sha256 over every value of pred_probs or embeddings; "" where the array is absent."""
        if name not in self._parts:
            array = {"pred_probs": self.pred_probs, "embeddings": self.embeddings}[name]
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
