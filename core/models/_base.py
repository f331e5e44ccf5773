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
    weights: sha256 of what else they depend on, a pretrained model's files; "" for none. at: where these lie.
    """

    name: str
    title: str
    kind: Kind
    version: int
    fit_transform: FitTransform
    weights: str = ""
    at: str = ""

    @property
    def spec(self) -> str:
        """What to ask for to get the same embedder again."""
        return f"{self.name}:{self.at}" if self.at else self.name


class Open(Protocol):
    """The embedder of a pretrained model, its files found and digested, nothing of them loaded yet.

    weights: what names the model. download: whether it may be fetched from a hub. Raises InputError and
    Cancelled.
    """

    def __call__(self, weights: str, download: bool, progress: Progress) -> Embedder: ...


@dataclass(frozen=True)
class Pretrained:
    """Features of a model trained elsewhere, run by a library that Labelmend does without.

    modules: what must be importable. extra: which of Labelmend's extras brings it, "" for none. weights: what
    stands after "NAME:", in words. cost: a word on time and disk. packages: known packages that carry a
    model. runs_code: whether it runs code that is named with it; then it is for the command line only.
    """

    name: str
    title: str
    kind: Kind
    modules: tuple[str, ...]
    extra: str
    weights: str
    cost: str
    open: Open
    packages: tuple[str, ...] = ()
    runs_code: bool = False
