from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies

from core.errors import InputError
from core.review.areas import MOST_CORNERS, Area

places = strategies.floats(-1, 1, width=32)


def test_holds__a_box_with_its_edge() -> None:
    box = Area("pca", ((0, 0), (1, 0.5)))
    points = np.array([[0, 0], [1, 0.5], [0.5, 0.25], [0.5, 0.6], [-0.1, 0.2]])
    assert box.holds(points).tolist() == [True, True, True, False, False]


def test_holds__what_a_bent_line_leaves_out() -> None:
    shape = Area("pca", ((0, 0), (4, 0), (4, 4), (3, 4), (3, 1), (1, 1), (1, 4), (0, 4)))
    points = np.array([[0.5, 3], [2, 3], [3.5, 3], [2, 0.5], [5, 0.5]])
    assert shape.holds(points).tolist() == [True, False, True, True, False]


@given(strategies.tuples(places, places), strategies.floats(0.1, 1), strategies.integers(3, 200))
def test_drawn__keeps_the_shape_with_few_corners(
    centre: tuple[float, float], size: float, corners: int
) -> None:
    turn = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    line = [(centre[0] + size * np.cos(t), centre[1] + size * np.sin(t)) for t in turn]
    drawn = Area.drawn("near", line)
    assert 2 < len(drawn.corners) <= MOST_CORNERS
    rng = np.random.default_rng(0)
    points = np.array(centre) + rng.uniform(-1.2, 1.2, (400, 2)) * size
    whole = Area("near", tuple(line))
    assert (whole.holds(points) != drawn.holds(points)).mean() < 0.02


@given(strategies.lists(strategies.tuples(places, places), min_size=2, max_size=MOST_CORNERS))
@settings(max_examples=200)
def test_parse__reads_back_what_was_written(corners: list[tuple[float, float]]) -> None:
    text = str(Area("near", tuple(corners)))
    assert str(Area.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "near", "near:", "near:1,2", "near:1,2 3", "near:1,2 x,4", "near:1,nan 2,3", "a-b:1,2 3,4"]
)
def test_parse__refuses_what_is_no_area(text: str) -> None:
    with pytest.raises(InputError):
        Area.parse(text)


def test_parse__refuses_a_line_of_very_many_corners() -> None:
    with pytest.raises(InputError):
        Area.parse("near:" + " ".join(["0,0"] * (MOST_CORNERS + 1)))


def test_drawn__a_line_without_size_is_kept() -> None:
    assert not Area.drawn("near", [(0.5, 0.5)] * 40).holds(np.zeros((3, 2))).any()
