"""A model's work in a thread beside, so that Cancel is answered however long one step takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from core.errors import InputError, refuse
from core.preflight.probabilities import check_embeddings
from core.progress import Progress

T = TypeVar("T")
_LOOK = 0.2
"""Seconds between two looks at Cancel."""
_SAID = 200
"""Characters of a library's own words that are passed on."""


class Beside:
    """Runs one piece of work after the other in one thread; cancelled, it ends with the piece in hand."""

    def __enter__(self) -> Beside:
        self._pool = ThreadPoolExecutor(1, "model")
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def run(self, work: Callable[[], T], progress: Progress) -> T:
        """What the work gives. Raises InputError in the library's words where it fails, Cancelled."""
        future = self._pool.submit(work)
        while not future.done():
            progress.report(0)
            try:
                future.exception(_LOOK)
            except TimeoutError:
                continue
        try:
            return future.result()
        except (InputError, MemoryError):
            raise
        except Exception as error:
            raise refuse(f"the model cannot be used: {_words(error)}", mend="try other weights") from error


def _words(error: Exception) -> str:
    said = " ".join(str(error).split()) or "no reason given"
    return f"{type(error).__name__}: {said[:_SAID]}"


class Rows:
    """Gathers the features of rows, a batch at a time."""

    def __init__(self, count: int, title: str) -> None:
        self._count, self._title = count, title
        self._values: np.ndarray | None = None

    def put(self, rows: Sequence[int] | np.ndarray, made: object) -> None:
        """Keep a batch. Raises InputError for anything but one vector of numbers a row, all of one length."""
        values = np.asarray(made)
        width = self._values.shape[1:] if self._values is not None else values.shape[1:]
        fits = values.ndim == 2 and values.shape[1] > 0 and values.shape == (len(rows), *width)
        if not fits or values.dtype.kind not in "fiu":
            found = f"features of shape {values.shape} and type {values.dtype} for {len(rows):,} rows"
            wanted = ", ".join(str(n) for n in width) if len(width) == 1 and width[0] else "D"
            raise refuse(found, file=self._title, expected=f"numbers of shape ({len(rows)}, {wanted})")
        if self._values is None:
            self._values = np.zeros((self._count, *width), np.float32)
        with np.errstate(over="ignore"):
            self._values[np.asarray(rows)] = values

    def values(self) -> np.ndarray:
        """(N, D) float32, finite; 0 for rows of which nothing was kept. Raises InputError."""
        if self._values is None:
            raise TypeError("no batch was kept")
        check_embeddings(self._values, self._title)
        return self._values
