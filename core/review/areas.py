"""Areas of a map: which rows lie inside a drawn line, and the line as a text that an address can carry."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import refuse

MOST_CORNERS = 60
_ROWS_AT_ONCE = 65_536


@dataclass(frozen=True)
class Area:
    """method: the map that the area is of. corners: two for a box, three or more for a drawn line."""

    method: str
    corners: tuple[tuple[float, float], ...]

    @classmethod
    def parse(cls, text: str) -> Area:
        """An area from its text, as `str` writes it. Raises InputError for a text that is none."""
        method, _, rest = text.partition(":")
        try:
            corners = tuple((float(x), float(y)) for x, y in (pair.split(",") for pair in rest.split(" ")))
        except ValueError:
            corners = ()
        sound = all(math.isfinite(value) for corner in corners for value in corner)
        if not method.isidentifier() or len(corners) < 2 or len(corners) > MOST_CORNERS or not sound:
            raise refuse(
                "the area of the map cannot be read", expected="map:x,y x,y", mend="draw it again on Explore"
            )
        return cls(method, corners)

    @classmethod
    def drawn(cls, method: str, corners: Sequence[tuple[float, float]]) -> Area:
        """An area as somebody drew it, with as few corners as keep its shape, MOST_CORNERS at most.

        Source: Douglas, Peucker: Algorithms for the reduction of the number of points, 1973.
        """
        line = np.asarray(corners, dtype=np.float64)
        if len(line) > 2:
            size = float(np.ptp(line, axis=0).max())
            share = 0.002
            while len(kept := _simple(line, share * size)) > MOST_CORNERS:
                share *= 1.5
            line = kept
        return cls(method, tuple((round(float(x), 4), round(float(y), 4)) for x, y in line))

    def __str__(self) -> str:
        return f"{self.method}:" + " ".join(f"{x:.4g},{y:.4g}" for x, y in self.corners)

    def holds(self, points: np.ndarray) -> np.ndarray:
        """(N,) bool: which of (N, 2) points lie inside; a line that crosses itself counts even-odd."""
        line = np.asarray(self.corners)
        low, high = line.min(axis=0), line.max(axis=0)
        inside = ((points >= low) & (points <= high)).all(axis=1)
        if len(line) == 2:
            return inside
        near = np.flatnonzero(inside)
        for start in range(0, len(near), _ROWS_AT_ONCE):
            some = near[start : start + _ROWS_AT_ONCE]
            inside[some] = _even_odd(line, points[some])
        return inside


def _even_odd(line: np.ndarray, points: np.ndarray) -> np.ndarray:
    x, y = points[:, 0].astype(np.float64), points[:, 1].astype(np.float64)
    odd = np.zeros(len(points), dtype=bool)
    for (x0, y0), (x1, y1) in zip(line, np.roll(line, -1, axis=0), strict=True):
        if y0 == y1:
            continue
        crosses = (y0 > y) != (y1 > y)
        odd ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return odd


def _simple(line: np.ndarray, within: float) -> np.ndarray:
    """The corners without those that lie at most `within` from the line between the ones that are kept."""
    keep = np.zeros(len(line), dtype=bool)
    keep[[0, -1]] = True
    spans = [(0, len(line) - 1)]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        between = line[first + 1 : last] - line[first]
        along = line[last] - line[first]
        length = float(np.hypot(*along))
        cross = np.abs(between[:, 0] * along[1] - between[:, 1] * along[0])
        apart = cross / length if length else np.hypot(between[:, 0], between[:, 1])
        at = int(apart.argmax())
        if apart[at] > within:
            middle = first + 1 + at
            keep[middle] = True
            spans += [(first, middle), (middle, last)]
    return line[keep]
