"""What every embedder is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from core.dataset import Dataset, Kind
from core.errors import Problem
from core.progress import Progress


@dataclass(frozen=True, eq=False)
class Features:
    """values: (N, D) float32, finite, D >= 1. remarks: what was left out, cut short or unreadable."""

    values: np.ndarray
    remarks: tuple[Problem, ...] = ()


class FitTransform(Protocol):
    """Features of every row of a data set; reads its content only, never a label.

    The same data set and seed give the same features. Raises InputError where there is nothing to learn
    from, Cancelled when the progress was cancelled.
    """

    def __call__(self, dataset: Dataset, seed: int, progress: Progress) -> Features: ...


@dataclass(frozen=True)
class Embedder:
    """Features from the content of one kind of data set.

    title: what it is, in words that stand beside its numbers. version: raise it when the features change.
    """

    name: str
    title: str
    kind: Kind
    version: int
    fit_transform: FitTransform
