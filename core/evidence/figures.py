"""The figures of the evidence, drawn from its numbers."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from core.drawing import Axes, Drawing, Shape
from core.evidence import words
from core.evidence.remaining import Remaining

FEW = 10
"""Random rows before which the interval is too wide to draw: nothing else would be seen beside it."""
NARROW = 300, 220
"""Width and height of a figure for a telephone, so that its letters are not made small."""
_APART = 14


def drawn_from(line: Sequence[Remaining]) -> list[Remaining]:
    """The points of a burn-down that can be drawn; fewer than two: there is none."""
    found = [one for one in line if one.audits >= FEW]
    return found if len(found) > 1 else []


def burn_down(line: Sequence[Remaining], width: int = 640, height: int = 260) -> Drawing | None:
    """Wrong labels found, and the interval of those left, by rows read; None with too few random rows.

    line: as `State.line`.
    """
    points = drawn_from(line)
    if not points:
        return None
    read = [float(one.read) for one in points]
    low, high = [float(one.left[0]) for one in points], [float(one.left[1]) for one in points]
    found = [float(one.found) for one in points]
    axes = Axes(read[-1], max(1.0, *high, *found), width, height)
    right = axes.x(read[-1]) + 8
    at_left, at_found = axes.y((low[-1] + high[-1]) / 2), axes.y(found[-1])
    if abs(at_left - at_found) < _APART:  # the names of the two must not lie on each other
        at_found = at_left + (_APART if at_found >= at_left else -_APART)
    shapes = [
        *axes.shapes("rows read", "wrong labels"),
        axes.band("band", read, low, high),
        axes.line("found", list(zip(read, found, strict=True))),
        Shape("text", "name", (right, at_left + 4, "start"), f"left ({points[-1].level:.0%})"),
        Shape("text", "name strong", (right, at_found + 4, "start"), "found"),
    ]
    return Drawing(axes.width, axes.height, words.burn_down_in_words(points[-1]), tuple(shapes))


def reliability(frame: pd.DataFrame) -> Drawing | None:
    """Foretold against found share of wrong labels; None without groups. frame: as `State.reliability`."""
    if not len(frame):
        return None
    top = min(1.0, 1.1 * float(frame[["foretold", "high"]].to_numpy().max()))
    axes = Axes(top, top, percent=True)
    shapes = [*axes.shapes("foretold share wrong", "found wrong"), axes.line("ideal", [(0, 0), (top, top)])]
    for told, seen, low, high in frame[["foretold", "found", "low", "high"]].itertuples(index=False):
        shapes.append(axes.bar("interval", told, low, min(high, top)))
        shapes.append(Shape("circle", "point", (axes.x(told), axes.y(seen), 4)))
    shapes.append(Shape("text", "name", (axes.x(top) + 6, axes.y(top) + 4, "start"), "as foretold"))
    return Drawing(axes.width, axes.height, words.reliability_in_words(frame), tuple(shapes))
