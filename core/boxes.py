"""Where the rows of a data set lie in their pictures, where each row is a box in a picture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

SIDES = ("x", "y", "w", "h")
_SHARES = "box"
"""The column by which the YOLO importer's tables are known: their boxes are shares of the picture."""


@dataclass(frozen=True, eq=False)
class Boxes:
    """One box a row, in row order.

    values: (N, 4) float64: x and y of the upper left corner, width, height; NaN where a row has no box.
    shares: whether they are shares of the upright picture's width and height; else they are its pixels.
    picture: (N,) int32, the same for the rows of one picture; -1 where a row names none.
    paths: the pictures' paths, by these codes.
    """

    values: np.ndarray
    shares: bool
    picture: np.ndarray
    paths: np.ndarray

    @cached_property
    def _by_picture(self) -> tuple[np.ndarray, np.ndarray]:
        order = np.argsort(self.picture, kind="stable")
        return order, self.picture[order]

    def of_same_picture(self, position: int) -> np.ndarray:
        """Positions of the rows of a row's picture, itself among them, in row order; none without one."""
        code = self.picture[position]
        if code < 0:
            return np.empty(0, dtype=np.int64)
        order, codes = self._by_picture
        return order[np.searchsorted(codes, code) : np.searchsorted(codes, code, side="right")]

    def in_shares(self, values: np.ndarray, size: tuple[int, int] | None) -> np.ndarray | None:
        """(n, 4) boxes of a picture of this (width, height) as shares of it; None where that is not known."""
        if self.shares:
            return values
        return None if size is None or min(size) <= 0 else values / np.array([*size, *size], dtype=np.float64)


def boxes_of(table: pd.DataFrame, content: str) -> Boxes | None:
    """The boxes of a table, None where it has no columns x, y, w, h of numbers. content: the column of the
    pictures' paths.

    YOLO's boxes, which are written by their centres, are read as such.
    """
    import pandas as pd

    there = set(SIDES) <= set(table.columns)
    if not there or not all(pd.api.types.is_numeric_dtype(table[side]) for side in SIDES):
        return None
    columns = [table[side].to_numpy(dtype=np.float64, na_value=np.nan) for side in SIDES]
    values = np.stack(columns, axis=1)
    shares = _SHARES in table.columns
    if shares:
        values[:, :2] -= values[:, 2:] / 2
    codes, paths = pd.factorize(table[content])
    return Boxes(values, shares, codes.astype(np.int32), np.asarray(paths, dtype=object))
