"""What is wrong with each box, and with each detection that no box explains. Arrays only."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from core.methods.boxes import (
    NEAR,
    SAME_PLACE,
    Pairs,
    best_of_each,
    confident_scores,
    has_area,
    match,
    overlapping,
    usual_overlaps,
)
from core.progress import Progress

FAULTS = ("no_area", "outside", "duplicate", "swapped", "badly_placed", "spurious", "no_label")
"""By precedence: a box has one fault."""
UNTOUCHED = 0.3
"""IoU with every given box below which a detection is of an object that no box marks."""
USUALLY = 0.9
"""Share of a class's boxes that the model has to find before a box that it does not find looks spurious."""


@dataclass(frozen=True, eq=False)
class Found:
    """Detections. boxes: (M, 4) x, y, width, height; picture, label: (M,) codes as of the boxes."""

    boxes: np.ndarray
    picture: np.ndarray
    label: np.ndarray
    score: np.ndarray


@dataclass(frozen=True, eq=False)
class Usual:
    """What the detector usually does, by class.

    found: boxes with a detection of their class on them; lost: those on which it found nothing, in pictures
    in which it found anything. overlap: the median IoU of those found; NaN where too few. badly_placed: the
    IoU below which a box is. confident: the score that can contradict a label.
    """

    found: np.ndarray
    lost: np.ndarray
    overlap: np.ndarray
    badly_placed: np.ndarray
    confident: np.ndarray

    @property
    def share(self) -> np.ndarray:
        """(classes,) the share found of a class's boxes that nothing else contradicts; 0 without any."""
        return self.found / np.maximum(self.found + self.lost, 1)


@dataclass(eq=False)
class Faults:
    """Of N boxes. fault: (N,) codes into FAULTS, -1 for none. score: (N,) in [0, 1], 0 = worst.

    detection: (N,) the detection that says so, or that fits the box, -1 for none; overlap: its IoU.
    other: (N,) for a duplicate the box that it repeats, and overlap the IoU with it; else -1.
    missing: the detections of objects that no box marks. usual: None without detections.
    """

    fault: np.ndarray
    score: np.ndarray
    detection: np.ndarray
    overlap: np.ndarray
    other: np.ndarray
    missing: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    usual: Usual | None = None

    def set(self, rows: np.ndarray, fault: str, score: np.ndarray | float) -> None:
        """Where a box has no fault yet."""
        free = self.fault[rows] < 0
        self.fault[rows[free]] = FAULTS.index(fault)
        self.score[rows[free]] = np.clip(score[free] if isinstance(score, np.ndarray) else score, 0, 1)


def no_faults(n: int) -> Faults:
    """Of n boxes, none of which has been looked at."""
    none = np.full(n, -1, dtype=np.int64)
    return Faults(none.astype(np.int8), np.ones(n), none, np.zeros(n), none.copy())


def find_degenerate(faults: Faults, boxes: np.ndarray, inside: np.ndarray) -> None:
    """Boxes without area, and those that lie in their picture by less than half. inside: (N,) that share,
    NaN where the picture's size is not known."""
    there = np.isfinite(boxes).all(axis=1)
    faults.set(np.flatnonzero(there & ~has_area(boxes)), "no_area", 0.0)
    rows = np.flatnonzero(there & (inside < 0.5))
    faults.set(rows, "outside", inside[rows])


def find_duplicates(
    faults: Faults,
    boxes: np.ndarray,
    picture: np.ndarray,
    label: np.ndarray,
    rank: np.ndarray,
    least: float,
    progress: Progress,
) -> None:
    """Boxes that repeat another one of their class with a smaller rank: their IoU is above `least`."""
    pairs = overlapping(boxes, picture, boxes, picture, least, progress)
    same = (label[pairs.first] == label[pairs.second]) & (pairs.iou > least)
    pairs = pairs.where(same & (rank[pairs.second] < rank[pairs.first]))
    order = np.lexsort((rank[pairs.second], -pairs.iou, pairs.first))
    rows, best = np.unique(pairs.first[order], return_index=True)
    best = order[best]
    free = faults.fault[rows] < 0
    faults.set(rows, "duplicate", 1 - pairs.iou[best])
    faults.other[rows[free]], faults.overlap[rows[free]] = pairs.second[best][free], pairs.iou[best][free]


def find_contradicted(
    faults: Faults,
    boxes: np.ndarray,
    picture: np.ndarray,
    label: np.ndarray,
    found: Found,
    confident: float,
    progress: Progress,
) -> None:
    """Swapped classes, badly placed and spurious boxes, boxes without a label, and objects without a box.

    A detection belongs to one box, and a box has one detection: those of the same class and place first, then
    what is left. Boxes that have a fault already take no part. label: (N,) codes, -1 for none.
    confident: the score that can contradict a label; 0: what is usual for its class.
    """
    takes_part = (faults.fault < 0) & has_area(boxes)
    given = np.where(takes_part, picture, -1)
    pairs = overlapping(boxes, given, found.boxes, found.picture, 0.01, progress.part(0, 0.8))
    usual = faults.usual = _usual(given, label, found, pairs, confident)
    sure = found.score >= usual.confident[found.label]
    heard = found.score >= usual.confident[found.label] / 2
    pairs = pairs.where(heard[pairs.second] & (pairs.iou >= NEAR))
    same = label[pairs.first] == found.label[pairs.second]
    there = pairs.iou >= SAME_PLACE
    taken, used = ~takes_part, np.zeros(len(found.score), dtype=bool)

    fits = match(pairs.where(same & there), taken, used)
    _note(faults, fits)
    # A box that the model finds but is not sure of can still be another class's.
    unsure = fits.first[~sure[fits.second]]
    taken[unsure] = False
    others = match(pairs.where(~same & there & sure[pairs.second]), taken, used)
    taken[unsure] = True
    partly = match(pairs.where(same & ~there), taken, used)

    swapped = label[others.first] >= 0
    doubt = 1 - found.score[others.second] * others.iou
    for kept, fault in ((swapped, "swapped"), (~swapped, "no_label")):
        faults.set(others.first[kept], fault, doubt[kept])
    contradicted = np.isin(fits.first, others.first)
    _note(faults, others)
    _note(faults, partly)
    for placed in (fits.where(~contradicted), partly):
        faults.score[placed.first] = placed.iou
        low = (placed.iou < usual.badly_placed[label[placed.first]]) & sure[placed.second]
        faults.set(placed.first[low], "badly_placed", placed.iou[low])
    _spurious(faults, takes_part & ~taken, picture, label, found, pairs, used)
    progress.report(0.85, "looking for objects without a box")
    faults.missing = _missing(boxes, picture, found, sure & ~used, progress.part(0.85, 1))


def _usual(given: np.ndarray, label: np.ndarray, found: Found, pairs: Pairs, confident: float) -> Usual:
    """As a detector is evaluated: detections by falling score, each takes the best free box of its class."""
    classes = int(max(label.max(initial=-1), found.label.max(initial=-1))) + 1
    same = pairs.where((label[pairs.first] == found.label[pairs.second]) & (pairs.iou >= SAME_PLACE))
    fitting = np.zeros(len(found.score), dtype=bool)
    fits = match(same, np.zeros(len(label), dtype=bool), fitting, found.score[same.second])
    judged = np.isin(found.picture, given[given >= 0])
    scores = confident_scores(found.score[judged], fitting[judged], found.label[judged], classes)
    if confident > 0:
        scores[:] = confident
    heard = found.score[fits.second] >= scores[found.label[fits.second]] / 2
    own = label[fits.first]
    usual, least = usual_overlaps(fits.iou[heard], own[heard], classes)
    lost = np.zeros(classes, dtype=np.int64)  # known when every detection has its box
    return Usual(np.bincount(own[heard], minlength=classes), lost, usual, least, scores)


def _note(faults: Faults, pairs: Pairs) -> None:
    faults.detection[pairs.first], faults.overlap[pairs.first] = pairs.second, pairs.iou


def _spurious(
    faults: Faults,
    left: np.ndarray,
    picture: np.ndarray,
    label: np.ndarray,
    found: Found,
    pairs: Pairs,
    used: np.ndarray,
) -> None:
    """Boxes on which nothing is found, of classes that the model usually finds. left: those unmatched."""
    usual = faults.usual
    if usual is None:
        raise TypeError("what is usual is found out first")
    supported = np.zeros(len(label), dtype=bool)
    supported[pairs.first[~used[pairs.second]]] = True
    rows = np.flatnonzero(left & ~supported & (label >= 0) & np.isin(picture, found.picture))
    nearest = np.lexsort((pairs.iou, pairs.first))
    faults.overlap[pairs.first[nearest]] = np.where(
        np.isin(pairs.first[nearest], rows), pairs.iou[nearest], faults.overlap[pairs.first[nearest]]
    )
    usual.lost[:] = np.bincount(label[rows], minlength=len(usual.lost))
    share = usual.share[label[rows]]
    faults.score[rows] = 1 - share
    faults.set(rows[share >= USUALLY], "spurious", 1 - share[share >= USUALLY])


def _missing(
    boxes: np.ndarray, picture: np.ndarray, found: Found, left: np.ndarray, progress: Progress
) -> np.ndarray:
    """Confident detections of objects without a box, highest score first; one an object."""
    rows = np.flatnonzero(left & has_area(found.boxes) & (found.picture >= 0))
    touched = overlapping(
        found.boxes[rows], found.picture[rows], boxes, picture, UNTOUCHED, progress.part(0, 0.7)
    )
    rows = np.delete(rows, np.unique(touched.first))
    rows = rows[
        best_of_each(found.boxes[rows], found.picture[rows], found.score[rows], progress.part(0.7, 1))
    ]
    return rows[np.argsort(-found.score[rows], kind="stable")]
