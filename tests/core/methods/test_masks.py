"""Masks beside each other: cleanlab's score, areas, pairs of classes, IoU with its interval."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import binary_opening, label

from core.masks import VOID
from core.methods.masks import (
    Overlap,
    compare,
    confusion,
    given_scores,
    ious,
    pixel_scores,
    regions,
    softmin,
    softmin_of_steps,
    thick,
)

MASKS = arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 3))


@pytest.mark.parametrize("seed", range(3))
def test_softmin__is_cleanlabs_score(seed: int) -> None:
    from cleanlab.segmentation.rank import get_label_quality_scores

    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.full(4, 0.3), (5, 16, 12)).transpose(0, 3, 1, 2)
    labels = rng.integers(0, 4, (5, 16, 12))
    expected, _ = get_label_quality_scores(labels, probs, verbose=False)
    found = [softmin(pixel_scores(m.astype(np.uint8), p)) for m, p in zip(labels, probs, strict=True)]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_softmin_of_steps__is_softmin_over_the_pixels() -> None:
    rng = np.random.default_rng(0)
    mask, said = rng.integers(0, 2, (2, 30, 30)).astype(np.uint8)
    confidence = rng.integers(128, 256, (30, 30)).astype(np.uint8)
    p = np.where(mask == said, confidence / 255, 1 - confidence / 255)
    assert softmin_of_steps(*given_scores(mask, said, confidence)) == pytest.approx(softmin(p), abs=1e-9)


def test_given_scores__two_classes_are_exact_and_void_is_left_out() -> None:
    """With two classes, 1 - confidence is what the model gives the other one: cleanlab's score again."""
    rng = np.random.default_rng(1)
    mask = rng.integers(0, 2, (20, 20)).astype(np.uint8)
    confidence = rng.integers(128, 256, (20, 20)).astype(np.uint8)
    said = rng.integers(0, 2, (20, 20)).astype(np.uint8)
    probs = np.stack([np.where(said == k, confidence, 255 - confidence) / 255 for k in (0, 1)])
    mask[:4] = VOID
    expected = softmin(pixel_scores(mask, probs))
    assert softmin_of_steps(*given_scores(mask, said, confidence)) == pytest.approx(expected, abs=1e-6)
    mask[4:] = np.where(mask[4:] == 0, 1, 0)
    assert softmin(pixel_scores(mask, probs)) != pytest.approx(expected, abs=1e-3)


def test_compare__known_pair_share_and_place() -> None:
    given, said = np.zeros((60, 60), np.uint8), np.zeros((60, 60), np.uint8)
    said[45:57, 2:17] = 1  # 180 of 3,600 pixels, lower left
    given[:3] = said[:3] = VOID
    found = compare(given, said, 3)[()]
    assert (found["given"], found["predicted"], found["pair_pixels"]) == (0, 1, 180)
    assert found["pixels"] == 57 * 60 and found["differing"] == 180
    assert found["place"] == 6
    assert found["worst_iou"] == 0 and found["worst_class"] == 1


def test_compare__thin_and_unsure_areas_do_not_count() -> None:
    given, said = np.zeros((60, 60), np.uint8), np.zeros((60, 60), np.uint8)
    said[:, 10:14] = 1  # 4 pixels wide
    assert compare(given, said, 2)["differing"] == 0
    assert compare(given, said, 2, width=4)["differing"] == 240
    said[:, 10:30] = 1
    assert compare(given, said, 2)["differing"] == 1200
    assert compare(given, said, 2, sure=np.zeros((60, 60), bool))["differing"] == 0
    said[:] = given[:] = VOID
    found = compare(given, said, 2)
    assert (found["pixels"], found["differing"], found["worst_iou"]) == (0, 0, 1)


@settings(max_examples=80, deadline=None)
@given(mask=MASKS, width=st.integers(1, 5))
def test_thick__is_an_opening(mask: np.ndarray, width: int) -> None:
    areas = mask > 1
    if min(areas.shape) >= width:
        np.testing.assert_array_equal(thick(areas, width), binary_opening(areas, np.ones((width, width))))


@settings(max_examples=80, deadline=None)
@given(mask=MASKS)
def test_regions__are_those_of_scipy(mask: np.ndarray) -> None:
    found = regions(mask, besides=3)
    expected = []
    for value in range(3):
        areas, count = label(mask == value)
        expected += [(value, int((areas == i).sum())) for i in range(1, count + 1)]
    pairs = zip(found.values.tolist(), found.pixels.tolist(), strict=True)
    assert sorted(pairs) == sorted(expected)


@settings(max_examples=60, deadline=None)
@given(masks=st.lists(MASKS, min_size=1, max_size=4), seed=st.integers(0, 9))
def test_confusion__counts_every_pixel_of_two_classes(masks: list[np.ndarray], seed: int) -> None:
    rng = np.random.default_rng(seed)
    for mask in masks:
        other = rng.permutation(mask.ravel()).reshape(mask.shape)
        counts = confusion(mask, other, 3)
        inside = (mask < 3) & (other < 3)
        assert counts.sum() == inside.sum()
        both, either = ious(counts)
        assert (both <= either).all()
        assert both[1] == ((mask == 1) & (other == 1)).sum()
        assert either[1] == (((mask == 1) | (other == 1)) & inside).sum()


def test_overlap__iou_of_all_pictures_and_an_interval_that_covers_it() -> None:
    rng = np.random.default_rng(0)
    overlap, again = Overlap(3), Overlap(3)
    for number in range(200):
        given = rng.integers(0, 2, (20, 20)).astype(np.uint8)
        said = np.where(rng.random((20, 20)) < 0.1 + 0.2 * (number % 2), 1 - given, given).astype(np.uint8)
        for one in (overlap, again):
            one.add(confusion(given, said, 3))
    value, low, high = overlap.iou()
    # errors e: |both| = (1 - e)/2, |either| = (1 + e)/2, so that IoU is (1 - e)/(1 + e) with e = 0.2
    assert value[:2] == pytest.approx([0.8 / 1.2] * 2, abs=0.01)
    assert (low[:2] < value[:2]).all() and (value[:2] < high[:2]).all()
    assert 0.005 < high[0] - low[0] < 0.06
    assert np.isnan([value[2], low[2], high[2]]).all()
    np.testing.assert_array_equal(np.stack(overlap.iou()), np.stack(again.iou()))


def test_overlap__one_picture_has_no_interval() -> None:
    overlap = Overlap(2)
    overlap.add(np.array([[5, 1], [0, 4]]))
    value, low, _ = overlap.iou()
    assert value[0] == pytest.approx(5 / 6) and np.isnan(low).all()
