"""Tokens as rows: which of them make a sentence, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

SENTENCE, POSITION, TOKEN = range(3)
"""The places of the three columns in Columns.tokens."""


@dataclass(frozen=True, eq=False)
class Sentences:
    """The rows of N tokens put together to S sentences.

    order: (N,) row positions, sentence by sentence in order of first appearance, each by its positions.
    starts: (S + 1,) where each sentence begins in `order`; the last is N.
    place: (N,) where each row stands in `order`. names: (S,) what the data call each sentence.
    """

    order: np.ndarray
    starts: np.ndarray
    place: np.ndarray
    names: np.ndarray

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def codes(self) -> np.ndarray:
        """(N,) the sentence of each place in `order`."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def rows(self, row: int) -> tuple[np.ndarray, int]:
        """(the rows of the sentence that a row stands in, its place among them)."""
        place = int(self.place[row])
        start, stop = self.starts[np.searchsorted(self.starts, place, "right") - 1 :][:2].tolist()
        return self.order[start:stop], place - start

    def whole(self, rows: np.ndarray) -> np.ndarray:
        """(N,) bool: the rows of every sentence that holds one of these; rows: (N,) bool."""
        if not rows.any():
            return rows
        touched = np.logical_or.reduceat(rows[self.order], self.starts[:-1])
        out = np.zeros(len(rows), dtype=bool)
        out[self.order] = np.repeat(touched, np.diff(self.starts))
        return out


def sentences_of(table: pd.DataFrame, tokens: Sequence[str]) -> Sentences:
    """The sentences of a table. tokens: its columns of the sentence, of the position in it, of the token.

    Positions that are no numbers come last, in the order of the rows.
    """
    codes, names = pd.factorize(table[tokens[SENTENCE]], use_na_sentinel=False)
    at = pd.to_numeric(table[tokens[POSITION]], errors="coerce").to_numpy(np.float64, na_value=np.nan)
    in_order = (np.diff(codes) > 0) | ((np.diff(codes) == 0) & (np.diff(at) > 0))
    order = np.arange(len(codes)) if in_order.all() else np.lexsort((at, codes))  # lexsort puts NaN last
    place = np.empty(len(codes), dtype=np.int64)
    place[order] = np.arange(len(codes))
    starts = np.append(np.flatnonzero(np.diff(codes[order], prepend=-1)), len(codes))
    return Sentences(order, starts, place, np.asarray(names, dtype=object))
