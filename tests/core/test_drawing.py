from __future__ import annotations

from xml.etree import ElementTree

import pytest

from core.drawing import Axes, Drawing, Shape, ticks


@pytest.mark.parametrize(
    ("top", "whole", "found"),
    [
        (1, True, [0, 1]),
        (3, True, [0, 1, 2, 3]),
        (97, True, [0, 20, 40, 60, 80]),
        (12_000, True, [0, 2500, 5000, 7500, 10_000]),
        (1, False, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.03, False, [0, 0.01, 0.02, 0.03]),
    ],
)
def test_ticks__are_few_and_round(top: float, whole: bool, found: list[float]) -> None:
    assert ticks(top, whole=whole) == pytest.approx(found)


def test_axes__put_the_origin_below_left_and_the_ends_within_the_picture() -> None:
    axes = Axes(10, 4)
    assert (axes.x(0), axes.y(0)) == (axes.before, axes.height - axes.below)
    assert (axes.x(10), axes.y(4)) == (axes.width - axes.beside, axes.above)
    band = axes.band("band", [0, 10], [0, 1], [4, 2])
    assert band.at == ("M52,22L556,122L556,172L52,222Z",)
    numbers = [s.words for s in Axes(1500, 0.5, percent=False).shapes("a", "b") if s.kind == "tick"]
    assert numbers == ["0", "0", "500", "1,000", "1,500"]
    assert "40%" in [s.words for s in Axes(1, 1, percent=True).shapes("a", "b")]


def test_svg__is_well_formed_named_and_holds_no_markup_of_others() -> None:
    evil = "</title><script>\"'&"
    drawing = Drawing(
        10, 5, evil, (Shape("text", "name", (1, 2, "start"), evil), Shape("line", "rule", (0, 0, 1, 1)))
    )
    root = ElementTree.fromstring(drawing.svg())
    assert (root.get("viewBox"), root.get("role")) == ("0 0 10 5", "img")
    assert [(child.tag, child.text) for child in root] == [("title", evil), ("text", evil), ("line", None)]
    assert root[2].attrib == {"class": "rule", "x1": "0", "y1": "0", "x2": "1", "y2": "1"}
    assert "style" not in drawing.svg()


def test_told__is_what_a_browser_draws_from() -> None:
    drawing = Drawing(10, 5, "words", (Shape("circle", "point", (1, 2, 3)),))
    shape = ["circle", "point", {"cx": 1, "cy": 2, "r": 3}, ""]
    assert drawing.told() == {"width": 10, "height": 5, "words": "words", "shapes": [shape]}
