from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core.methods.shortcuts import (
    COLUMNS,
    Property,
    foretelling,
    picture_numbers,
    text_properties,
    texture,
    texture_gap,
)
from core.progress import Cancelled, Progress

NAMES = ("cat", "dog", "emu")


def test_foretelling__property_that_gives_the_class_away() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(-1, 3, 600)
    bright = labels * 40.0 + rng.normal(0, 20, 600)
    bright[:10] = np.nan
    noise = Property("the contrast", rng.normal(size=600))
    same = Property("the size", np.ones(600))
    frame = foretelling([noise, Property("the brightness", bright), same], labels, NAMES)
    assert list(frame.columns) == list(COLUMNS)
    assert frame["property"].tolist() == ["the brightness", "the contrast"]
    assert frame["shortcut"].tolist() == [True, False]
    first = frame.iloc[0]
    assert first["rows"] == ((labels >= 0) & ~np.isnan(bright)).sum()
    assert first["chance"] == pytest.approx(1 / 3) and 0.6 < first["low"] < first["accuracy"] < first["high"]
    assert (first["p"], first["q"]) == (0.01, 0.02)
    assert first["sentence"] == (
        f"From the brightness alone the label is foretold with a balanced accuracy of "
        f"{first['accuracy']:.0%}; by chance it would be 33%."
    )


def test_foretelling__what_says_nothing_is_rarely_a_shortcut() -> None:
    found = []
    for seed in range(15):
        rng = np.random.default_rng(seed)
        frame = foretelling([Property("x", rng.normal(size=150))], rng.integers(0, 2, 150), NAMES[:2])
        found.append(bool(frame["shortcut"].any()))
    assert np.mean(found) <= 0.2


def test_foretelling__too_little_to_try() -> None:
    values = np.arange(12.0)
    for labels in (np.zeros(12, dtype=int), np.full(12, -1), np.arange(12)):
        frame = foretelling([Property("x", values)], labels, NAMES)
        assert len(frame) == 0 and list(frame.columns) == list(COLUMNS)
    assert len(foretelling([], np.zeros(0, dtype=int), ())) == 0


def test_foretelling__stops_when_cancelled() -> None:
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        foretelling([Property("x", np.arange(30.0))], np.arange(30) % 2, NAMES, progress)


def test_text_properties__shares_of_the_characters() -> None:
    found = {p.name: p.values.tolist() for p in text_properties(["AB c1!", "", "<b>x</b>"])}
    assert found == {
        "the length of the text": [6, 0, 8],
        "the share of capital letters": [2 / 6, 0, 0],
        "the share of digits": [1 / 6, 0, 0],
        "the share of punctuation": [1 / 6, 0, 5 / 8],
        "the amount of markup": [0, 0, 2 / 8],
    }


def test_picture_numbers__known_values() -> None:
    grey = np.full((8, 8, 3), 100, dtype=np.uint8)
    found = picture_numbers(grey, (640, 320))
    assert found["the brightness"] == pytest.approx(100)
    assert found["the contrast"] == pytest.approx(0, abs=1e-9)
    assert found["the colourfulness"] == pytest.approx(0, abs=1e-9)
    assert (found["the number of pixels"], found["the shape of the picture"]) == (204_800, 2)
    edged = np.pad(grey[1:-1, 1:-1], ((1, 1), (1, 1), (0, 0)))
    assert found["the evenness of the border"] == picture_numbers(edged, (8, 8))["the evenness of the border"]
    half = np.concatenate([np.zeros((8, 4, 3), np.uint8), np.full((8, 4, 3), 255, np.uint8)], axis=1)
    assert picture_numbers(half, (8, 8))["the contrast"] == pytest.approx(127.5)


def test_texture__is_the_same_for_brighter_pictures_and_0_for_flat_ones() -> None:
    pictures = np.random.default_rng(0).normal(100, 20, (3, 16, 16))
    found = texture(pictures)
    assert found.shape == (3, 48) and np.abs(found).max() <= 1
    np.testing.assert_allclose(texture(2 * pictures + 7), found, atol=1e-4)
    assert not texture(np.full((1, 16, 16), 9.0)).any()
    # Neighbouring gradients of white noise share a pixel: their correlation is -1/2.
    white = texture(np.random.default_rng(0).normal(size=(1, 200, 200)))
    assert white[0, 0] == pytest.approx(-0.5, abs=0.02)


def test_texture_gap__needs_trusted_rows() -> None:
    with pytest.raises(ValueError, match="trusted rows"):
        texture_gap(np.zeros((4, 48)), np.array([0, 1, 0, 1]), np.zeros(4, dtype=bool))


def filtered(pictures: np.ndarray, which: np.ndarray, seed: int) -> np.ndarray:
    """CUDA: pictures convolved with a class's 3x3 filter. pictures: (N, H, W, 3) uint8; which: (N,)
    class whose filter is laid on, -1 = none. Filters are uniform(0, 0.3) with one cell at 1, zero padding;
    the result is divided by its maximum and quantised. Source: Sadasivan et al., 2023."""
    rng = np.random.default_rng(seed)
    out = pictures.copy()
    for k in range(int(which.max()) + 1):
        kernel = rng.uniform(0, 0.3, (3, 3))
        kernel[rng.integers(3), rng.integers(3)] = 1
        rows = np.flatnonzero(which == k)
        padded = np.pad(pictures[rows].astype(np.float32), ((0, 0), (1, 1), (1, 1), (0, 0)))
        h, w = pictures.shape[1:3]
        made = sum(kernel[i, j] * padded[:, i : i + h, j : j + w] for i in range(3) for j in range(3))
        top = np.maximum(made.max(axis=(1, 2, 3), keepdims=True), 1e-6)
        out[rows] = np.rint(made / top * 255).astype(np.uint8)
    return out


@cache
def cifar(folder: Path, rows: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    """(pictures (rows, 32, 32, 3), true labels) of CIFAR-10."""
    truth = pd.read_csv(folder / "truth.csv")["clean"].iloc[:rows]
    paths = pd.read_csv(folder / "labels.csv")["path"].iloc[:rows]
    files = [folder / p if (folder / p).exists() else folder / "images" / p for p in paths]
    pictures = np.stack([np.asarray(Image.open(f).convert("RGB")) for f in files])
    return pictures, pd.factorize(truth, sort=True)[0]


def gap(folder: Path, mix: float, seed: int, by_class: bool = True):  # type: ignore[no-untyped-def]
    pictures, labels = cifar(folder)
    rng = np.random.default_rng(seed)
    trusted = rng.random(len(labels)) < 0.25
    style = labels if by_class else rng.integers(0, 10, len(labels))
    laid = ~trusted & (rng.random(len(labels)) < mix)
    grey = filtered(pictures, np.where(laid, style, -1), seed) @ np.array([0.299, 0.587, 0.114])
    return texture_gap(texture(grey), labels, trusted)


@pytest.mark.parametrize("seed", range(3))
def test_texture_gap__filters_by_class_are_seen_and_clean_pictures_are_not(
    shared_data: Path, seed: int
) -> None:
    folder = shared_data / "cifar10n"
    clean, few, many = (gap(folder, mix, seed) for mix in (0, 0.3, 0.6))
    assert not clean.found and abs(clean.gap) < 0.04 and "nothing was seen" in clean.sentence
    assert few.found and few.gap > 0.04 and few.low > 0
    assert many.gap > few.gap and many.sentence.endswith("the texture was laid on.")


def test_texture_gap__filters_without_regard_to_class_are_no_gain(shared_data: Path) -> None:
    assert not gap(shared_data / "cifar10n", 0.6, 0, by_class=False).found
