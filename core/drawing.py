"""Small figures as shapes: one description that the report writes as SVG and the review surface draws itself.

A shape has a class and no colour: colours are those of the style sheet around it, light, dark or printed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Literal

Tag = Literal["path", "line", "circle", "text"]
_AT = {
    "path": ("d",),
    "line": ("x1", "y1", "x2", "y2"),
    "circle": ("cx", "cy", "r"),
    "text": ("x", "y", "text-anchor"),
}
"""The attributes that each shape has, in their order."""


@dataclass(frozen=True)
class Shape:
    """kind: its class. at: the values of the attributes that its tag has. words: what a text says."""

    tag: Tag
    kind: str
    at: tuple[str | float, ...]
    words: str = ""


@dataclass(frozen=True)
class Drawing:
    """width, height: in units of its own, of which a letter is 12 high. words: what it shows, in a sentence
    for who does not see it. shapes: the first is drawn first.
    """

    width: int
    height: int
    words: str
    shapes: tuple[Shape, ...]

    def told(self) -> dict[str, Any]:
        """As JSON for the browser: every shape as [tag, class, {attribute: value}, words]."""
        shapes = [[s.tag, s.kind, dict(_attributes(s)), s.words] for s in self.shapes]
        return {"width": self.width, "height": self.height, "words": self.words, "shapes": shapes}

    def svg(self) -> str:
        """As an <svg> element; it needs no style attribute, so that a strict policy lets it through."""
        shapes = "".join(
            f'<{s.tag} class="{escape(s.kind)}"'
            + "".join(f' {name}="{escape(str(value))}"' for name, value in _attributes(s))
            + f">{escape(s.words)}</{s.tag}>"
            for s in self.shapes
        )
        return (
            f'<svg class="drawing" role="img" viewBox="0 0 {self.width} {self.height}">'
            f"<title>{escape(self.words)}</title>{shapes}</svg>"
        )


def _attributes(shape: Shape) -> list[tuple[str, str | float]]:
    return list(zip(_AT[shape.tag], shape.at, strict=True))


@dataclass(frozen=True)
class Axes:
    """Two axes from 0 to `right` and `top`, > 0, with room above, beside, below and before for their numbers.

    percent: whether the numbers on both are shares; else they are counts.
    """

    right: float
    top: float
    width: int = 640
    height: int = 260
    percent: bool = False
    above: int = 22
    beside: int = 84
    below: int = 38
    before: int = 52

    def x(self, value: float) -> float:
        return round(self.before + (self.width - self.before - self.beside) * value / self.right, 1)

    def y(self, value: float) -> float:
        tall = self.height - self.above - self.below
        return round(self.above + tall * (1 - value / self.top), 1)

    def line(self, kind: str, points: Iterable[tuple[float, float]]) -> Shape:
        """A line through points (x, y) of the axes."""
        return Shape("path", kind, (_through([(self.x(x), self.y(y)) for x, y in points]),))

    def band(self, kind: str, x: Sequence[float], low: Sequence[float], high: Sequence[float]) -> Shape:
        """The ground between two lines over the same x."""
        edge = [*zip(x, high, strict=True), *zip(reversed(x), reversed(low), strict=True)]
        return Shape("path", kind, (_through([(self.x(a), self.y(b)) for a, b in edge]) + "Z",))

    def bar(self, kind: str, x: float, low: float, high: float) -> Shape:
        """An interval of y at one x."""
        return Shape("line", kind, (self.x(x), self.y(low), self.x(x), self.y(high)))

    def shapes(self, across: str, up: str) -> list[Shape]:
        """Grid, numbers and names of both axes."""
        left, base = self.x(0), self.y(0)
        made: list[Shape] = []
        for value in ticks(self.top, whole=not self.percent):
            y = self.y(value)
            made.append(Shape("line", "rule", (left, y, self.x(self.right), y)))
            made.append(Shape("text", "tick", (left - 6, y + 4, "end"), self._number(value)))
        for value in ticks(self.right, whole=not self.percent):
            made.append(Shape("text", "tick", (self.x(value), base + 16, "middle"), self._number(value)))
        made.append(Shape("text", "name", (self.x(self.right), base + 32, "end"), across))
        made.append(Shape("text", "name", (left, self.above - 8, "start"), up))
        return made

    def _number(self, value: float) -> str:
        return f"{100 * value:g}%" if self.percent else f"{value:,.0f}"


def ticks(top: float, most: int = 5, whole: bool = False) -> list[float]:
    """Round numbers from 0 up to `top` > 0, no more than most + 1 of them; whole: whole numbers."""
    rough = top / most
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(k * size for k in (1, 2, 2.5, 5, 10) if k * size >= rough * (1 - 1e-9))
    if whole:
        step = math.ceil(step - 1e-9)
    return [round(i * step, 10) for i in range(math.floor(top / step + 1e-9) + 1)]


def _through(points: Iterable[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:g},{y:g}" for x, y in points)
