from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from core.methods.picture_facts import SIDE, measure


def noise(width: int = 200, height: int = 100, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize(
    ("colour", "brightness", "grey"),
    [
        ((0, 0, 0), 0, True),
        ((255, 255, 255), 1, True),
        ((128, 128, 128), 128 / 255, True),
        ((255, 0, 0), 0.241**0.5, False),
        ((0, 255, 0), 0.691**0.5, False),
        ((0, 0, 255), 0.068**0.5, False),
    ],
)
def test_measure__one_colour(colour: tuple[int, int, int], brightness: float, grey: bool) -> None:
    facts = measure(Image.new("RGB", (200, 100), colour), (200, 100))
    assert (facts["darkest"], facts["brightest"]) == (
        pytest.approx(brightness, abs=1e-3),
        pytest.approx(brightness, abs=1e-3),
    )
    assert facts["grey"] == grey and facts["looked"]
    assert facts["edges"] == 0
    assert facts["entropy"] <= np.log2(3) + 1e-6  # one level in each of three channels
    assert (facts["width"], facts["height"]) == (200, 100)


def test_measure__half_black_half_white() -> None:
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:, 32:] = 255
    facts = measure(Image.fromarray(pixels), (64, 64))
    assert (facts["darkest"], facts["brightest"]) == (0, pytest.approx(1))
    assert facts["entropy"] == pytest.approx(np.log2(6))  # two levels in each of three channels
    edge = np.zeros((62, 62))
    edge[:, 31] = 255  # FIND_EDGES: 8 times a pixel less its neighbours, cut to [0, 255]
    assert facts["edges"] == pytest.approx(edge.std())


def test_measure__blurring_takes_edges_away() -> None:
    sharp = noise(64, 64)
    edges = [
        float(measure(sharp.filter(ImageFilter.GaussianBlur(radius)), (64, 64))["edges"])
        for radius in (0, 1, 2, 4)
    ]
    assert edges == sorted(edges, reverse=True) and edges[-1] < edges[0] / 10


def test_measure__is_the_same_of_a_larger_copy() -> None:
    small = noise(SIDE, SIDE // 2)
    large = small.resize((SIDE * 8, SIDE * 4), Image.Resampling.NEAREST)
    first, second = measure(small, small.size), measure(large, large.size)
    for name in ("darkest", "brightest", "entropy", "edges"):
        assert first[name] == pytest.approx(second[name])


@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 5))
def test_measure__any_size(width: int, height: int, seed: int) -> None:
    facts = measure(noise(width, height, seed), (width, height))
    assert 0 <= facts["darkest"] <= facts["brightest"] <= 1
    assert 0 <= facts["entropy"] <= 8 + np.log2(3)
    assert np.isnan(facts["edges"]) or 0 <= facts["edges"] <= 255
