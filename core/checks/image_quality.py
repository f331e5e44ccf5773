"""Pictures with faults: unreadable, dark, bright, blurry, nearly empty, of odd size or shape, grey."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from core.checks._faults import USUAL, Fault, fault_result
from core.dataset import Dataset
from core.issues import Check, Cost, Result, Setting
from core.methods.duplicates import first_copies
from core.methods.pictures import Read, read_pictures
from core.predictions import Predictions
from core.progress import Progress

BLURRY = 0.1
"""Below it lie 1 of 10,000 pictures of CIFAR-10 and none of 364 of BCCD; of the same blurred, nine of ten
(radius 2 of 32 pixels) and all (radius 10 of 640 pixels). Chosen on these very pictures."""
_EDGES = 0.01  # cleanvision's normalizing_factor of sharpness
_DRAWN = (
    0.18  # cleanvision's color_threshold: a histogram as uneven as this is a drawing's and no photograph's
)
_BITS = 0.1  # cleanvision's normalizing_factor of entropy
_FEW = 20  # pictures: of fewer no size is usual

Kinds = dict[str, tuple[str, np.ndarray, float, Callable[[int], str]]]
"""By column: words for a person, (N,) score, threshold below which it is a fault, what to say of a row."""


def run(dataset: Dataset, predictions: Predictions, params: Mapping[str, Any], progress: Progress) -> Result:
    """Measure every picture made small, and its size beside that of the others.

    The measures and their thresholds are those of cleanvision 0.3 (github.com/cleanlab/cleanvision) but where
    said, each in [0, 1], 0 = worst, as extra columns: dark: brightness of the 99th percentile. bright: 1 -
    that of the 5th. blurry: 1 - exp(-deviation of the edges / 100); ours leaves the border out, see
    core.methods.picture_facts, for which 0.29 is too high. low_information: bits of entropy / 10.
    odd_aspect_ratio: shorter by longer side.
    odd_size: the smaller by the larger of the side and the median side, side = sqrt(width * height), and 1
    within 3 interquartile ranges of the quartiles; cleanvision has no such ratio, and flags any other
    size where most are equal. grayscale: 0.49 for a picture without colour, where at least half have colour.
    unreadable: 0 for one that cannot be opened; its other columns are 1, as of all that was not looked at.
    score: the lowest measure by its threshold, so that 0.5 is the threshold; 1 for a row that is not flagged.
    """
    total = len(dataset)
    if dataset.media_root is None:
        return fault_result(dataset, (), 1, "none: no folder of pictures is known", progress, _NO_FOLDER)
    first = first_copies(dataset, progress.part(0, 0.05))
    distinct = np.flatnonzero(first == np.arange(total))
    read = read_pictures(dataset, distinct, progress.part(0.05, 0.9))
    kinds = _measured(read, first, params)
    faults = [_fault(name, *kind) for name, kind in kinds.items()]
    large = int(read.facts["too_large"][first].sum())
    notes = [f"Too many pixels to be looked at here: {large:,} of the pictures."] if large else []
    estimator = (
        "brightness, edges and entropy of each picture made small, its size beside the median; copies of "
        f"one file are read once ({len(distinct):,} files)"
    )
    columns = {name: score.astype(np.float32) for name, (_, score, _, _) in kinds.items()}
    return fault_result(dataset, faults, params["usual"], estimator, progress.part(0.9, 1), notes, columns)


def _fault(name: str, words: str, score: np.ndarray, threshold: float, say: Callable[[int], str]) -> Fault:
    rows = np.flatnonzero(score < threshold)
    return Fault(name, words, rows, 0.5 * score[rows] / threshold, lambda i: say(int(rows[i])))


def _measured(read: Read, first: np.ndarray, params: Mapping[str, Any]) -> Kinds:
    """Every kind with its scores; a row has those of the first copy of its file."""
    facts = read.facts[first]
    looked, sized = facts["looked"], facts["width"] > 0
    unread = np.array([row in read.unread for row in first.tolist()], bool)
    width, height = np.maximum(facts["width"], 1).astype(float), np.maximum(facts["height"], 1).astype(float)
    sharp = np.nan_to_num(1 - np.exp(-_EDGES * facts["edges"]), nan=1)
    coloured = 2 * np.count_nonzero(facts["grey"] & looked) <= np.count_nonzero(looked)
    side = np.sqrt(width * height)
    near, usual = _beside(side, sized)

    def scored(values: np.ndarray, of: np.ndarray) -> np.ndarray:
        return np.where(of, values, 1).clip(0, 1)

    def size(row: int) -> str:
        return f"{facts['width'][row]:,} x {facts['height'][row]:,} pixels"

    return {
        "unreadable": (
            "cannot be opened",
            np.where(unread, 0.0, 1.0),
            0.5,
            lambda row: read.unread[int(first[row])].rstrip("."),
        ),
        "dark": (
            "too dark",
            scored(facts["brightest"], looked),
            params["dark"],
            lambda row: (
                f"dark: 99% of its pixels have at most {facts['brightest'][row]:.0%} of full brightness"
            ),
        ),
        "bright": (
            "too bright",
            scored(1 - facts["darkest"], looked),
            params["bright"],
            lambda row: (
                f"bright: 95% of its pixels have at least {facts['darkest'][row]:.0%} of full brightness"
            ),
        ),
        "blurry": (
            "blurry",
            scored(sharp, looked),
            params["blurry"],
            lambda row: (
                f"blurry: made small it has edges of {facts['edges'][row]:.0f} of 255 grey levels only"
            ),
        ),
        "low_information": (
            "low information",
            scored(_BITS * facts["entropy"], looked),
            params["low_information"],
            lambda row: f"shows little: {facts['entropy'][row]:.1f} bits of information in a pixel",
        ),
        "odd_size": (
            "odd size",
            scored(near, sized),
            params["odd_size"],
            lambda row: f"odd size: {size(row)}, where a side of {usual:,.0f} is usual",
        ),
        "odd_aspect_ratio": (
            "odd aspect ratio",
            scored(np.minimum(width / height, height / width), sized),
            params["odd_aspect_ratio"],
            lambda row: f"odd shape: {size(row)}",
        ),
        "grayscale": (
            "grayscale among colour",
            np.where(looked & facts["grey"] & coloured, 0.49, 1.0),
            0.5,
            lambda row: "grayscale, where most pictures have colour",
        ),
    }


def _beside(side: np.ndarray, sized: np.ndarray) -> tuple[np.ndarray, float]:
    """((N,) ratio of each side and the median, 1 within the fence; the median, NaN of too few pictures)."""
    if sized.sum() < _FEW:
        return np.ones(len(side)), np.nan
    low, middle, high = np.quantile(side[sized], [0.25, 0.5, 0.75])
    inside = (side >= low - 3 * (high - low)) & (side <= high + 3 * (high - low))
    return np.where(inside, 1, np.minimum(side / middle, middle / side)), float(middle)


_NO_FOLDER = ("No folder of pictures is known, so that none was looked at.",)

CHECK = Check(
    name="image_quality",
    title="Image faults",
    help="Pictures that cannot be opened, are dark, bright, blurry or nearly empty, of odd size or shape, or "
    "grey among coloured ones.",
    needs=frozenset({"content"}),
    run=run,
    cost=Cost(5, 1000, reads=True),
    kind="image",
    optional=True,
    settings=(
        USUAL,
        Setting("dark", 0.37, "Brightness of the 99th percentile below which a picture is dark, 0 to 1."),
        Setting(
            "bright", 0.05, "1 - brightness of the 5th percentile below which a picture is bright, 0 to 1."
        ),
        Setting("blurry", BLURRY, "1 - exp(-deviation of the edges / 100) below which a picture is blurry."),
        Setting("low_information", 0.3, "Bits of entropy / 10 below which a picture shows little, 0 to 1."),
        Setting(
            "odd_size", 0.5, "Side by the median side, or the reverse, below which a size is odd, 0 to 1."
        ),
        Setting("odd_aspect_ratio", 0.35, "Shorter by longer side below which a shape is odd, 0 to 1."),
    ),
    limits=(
        "A photograph made at night, a white drawing or a soft portrait may be meant as it is. Sharpness is "
        "measured on 64 pixels: a large picture that is a little out of focus is not found. Only a file's "
        "first frame is looked at, and no picture above 64 megapixels."
    ),
)
