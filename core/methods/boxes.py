"""Boxes in pictures compared: which overlap, which belong together, and what a detector usually does."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from core.progress import Progress

SAME_PLACE = 0.5
"""IoU from which two boxes are of one place, as in PASCAL VOC."""
NEAR = 0.1
"""IoU below which two boxes have nothing to do with each other (METHODS: .1 < IoU < .5 is badly placed)."""
FEW = 20
"""A class with fewer boxes that the model finds is judged by what is usual over all classes."""
_AT_ONCE = 1 << 20
_MOST = 16
_SLACK, _WITHIN = 1e-6, 0.999


@dataclass(frozen=True, eq=False)
class Pairs:
    """Boxes that overlap. first, second: (P,) which of the two lists' boxes; iou: (P,) float64 in (0, 1]."""

    first: np.ndarray
    second: np.ndarray
    iou: np.ndarray

    def where(self, kept: np.ndarray) -> Pairs:
        """Those that a (P,) mask keeps."""
        return Pairs(self.first[kept], self.second[kept], self.iou[kept])


def iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(n,) intersection over union in [0, 1] of (n, 4) boxes x, y, width, height with as many others."""
    start = np.maximum(boxes[:, :2], others[:, :2])
    stop = np.minimum(boxes[:, :2] + boxes[:, 2:], others[:, :2] + others[:, 2:])
    shared = np.clip(stop - start, 0, None).prod(axis=1)
    union = boxes[:, 2:].prod(axis=1) + others[:, 2:].prod(axis=1) - shared
    return np.where(union > 0, shared / np.where(union > 0, union, 1), 0)


def has_area(boxes: np.ndarray) -> np.ndarray:
    """(n,) bool: whether width and height are above 0; not for NaN."""
    return (boxes[:, 2:] > 0).all(axis=1) & np.isfinite(boxes).all(axis=1)


def overlapping(
    boxes: np.ndarray,
    picture: np.ndarray,
    others: np.ndarray,
    other_picture: np.ndarray,
    least: float,
    progress: Progress,
) -> Pairs:
    """The pairs of an (n, 4) box and an (m, 4) other box of the same picture whose IoU is at least `least`.

    For each box the 16 that it overlaps most. Within a picture only boxes whose x meet are compared, so that
    a picture with very many boxes takes no more than it must.
    """
    rows = np.flatnonzero(has_area(boxes) & (picture >= 0))
    columns = np.flatnonzero(has_area(others) & (other_picture >= 0))
    nothing = np.empty(0, dtype=np.int64)
    found = [Pairs(nothing, nothing, np.empty(0))]
    if len(rows) and len(columns):
        sweep = _Sweep(boxes[rows], picture[rows], others[columns], other_picture[columns])
        for start, stop in sweep.pieces():
            progress.report(start / len(rows), "comparing boxes")
            first, second = sweep.candidates(start, stop)
            first, second = rows[first], columns[second]
            shared = iou(boxes[first], others[second])
            kept = shared >= least
            found.append(_most(Pairs(first[kept], second[kept], shared[kept])))
    progress.report(1.0, "comparing boxes")
    parts = zip(*((p.first, p.second, p.iou) for p in found), strict=True)
    return Pairs(*(np.concatenate(part) for part in parts))


class _Sweep:
    """Which boxes meet others along x, pictures one after the other on one line: picture 3 lies in [3, 4)."""

    def __init__(self, a: np.ndarray, a_of: np.ndarray, b: np.ndarray, b_of: np.ndarray) -> None:
        pictures = int(max(a_of.max(), b_of.max())) + 1
        self.low, high = np.full(pictures, np.inf), np.full(pictures, -np.inf)
        widest = np.zeros(pictures)
        for boxes, of in ((a, a_of), (b, b_of)):
            np.minimum.at(self.low, of, boxes[:, 0])
            np.maximum.at(high, of, boxes[:, 0] + boxes[:, 2])
        np.maximum.at(widest, b_of, b[:, 2])
        self.span = np.where(high > self.low, high - self.low, 1)
        places = self._place(b[:, 0], b_of)
        self.order = np.argsort(places, kind="stable")
        places = places[self.order]
        self.start = np.searchsorted(places, self._place(a[:, 0] - widest[a_of], a_of) - _SLACK)
        stop = np.searchsorted(places, self._place(a[:, 0] + a[:, 2], a_of) + _SLACK, side="right")
        self.counts = stop - self.start

    def _place(self, x: np.ndarray, of: np.ndarray) -> np.ndarray:
        return of + _WITHIN * np.clip((x - self.low[of]) / self.span[of], 0, 1)

    def pieces(self) -> list[tuple[int, int]]:
        """Ranges of boxes that have about _AT_ONCE candidates."""
        total = np.cumsum(self.counts)
        cuts = np.searchsorted(total, np.arange(_AT_ONCE, total[-1] + _AT_ONCE, _AT_ONCE), side="right")
        edges = np.unique([0, *np.clip(cuts, 1, len(total)).tolist(), len(total)]).tolist()
        return list(pairwise(edges))

    def candidates(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """(which box, which other box) of the boxes start to stop, each box's others together."""
        counts = self.counts[start:stop]
        first = np.repeat(np.arange(start, stop), counts)
        ends = np.cumsum(counts)
        offset = np.arange(len(first)) - np.repeat(ends - counts, counts)
        return first, self.order[self.start[first] + offset]


def _most(pairs: Pairs) -> Pairs:
    """For each first box the _MOST pairs with the highest IoU."""
    order = np.lexsort((-pairs.iou, pairs.first))
    first = pairs.first[order]
    begins = np.searchsorted(first, first)  # sorted: where each box's pairs begin
    return pairs.where(order[np.arange(len(order)) - begins < _MOST])


def match(
    pairs: Pairs, taken: np.ndarray, other_taken: np.ndarray, first_by: np.ndarray | None = None
) -> Pairs:
    """Pairs one to one: that with the highest IoU first, then the highest of those left, and so on.

    taken, other_taken: (n,) and (m,) bool of the boxes that are matched already; those matched here are set.
    first_by: (P,) what counts before the IoU, highest first; such as scores, as COCO's evaluation has it.
    """
    keys = (pairs.second, pairs.first, -pairs.iou) + (() if first_by is None else (-first_by,))
    order = np.lexsort(keys)
    kept = []
    places = zip(order.tolist(), pairs.first[order].tolist(), pairs.second[order].tolist(), strict=True)
    for place, i, j in places:
        if not (taken[i] or other_taken[j]):
            taken[i] = other_taken[j] = True
            kept.append(place)
    return pairs.where(np.array(kept, dtype=np.int64))


def confident_scores(scores: np.ndarray, fits: np.ndarray, label: np.ndarray, classes: int) -> np.ndarray:
    """(classes,) the score from which a detection of each class can contradict the labels.

    At least what 99 in 100 detections have that fit a given box of their class, and such that three in four
    detections from it on do fit one; where no score is such, the mean of those that fit (the threshold of
    confident learning). scores, fits, label: (m,) of the detections.
    """
    pooled = _confident(scores, fits)
    made = np.full(classes, 0.5 if pooled is None else pooled)
    for k in np.unique(label[fits]).tolist():
        own = _confident(scores[label == k], fits[label == k])
        made[k] = made[k] if own is None else own
    return made


_WEAKEST, _FITTING = 0.01, 0.75


def _confident(scores: np.ndarray, fits: np.ndarray) -> float | None:
    """None where too few fit to tell."""
    if fits.sum() < FEW:
        return None
    order = np.argsort(-scores, kind="stable")
    share = np.cumsum(fits[order]) / np.arange(1, len(order) + 1)
    good = np.flatnonzero(share[FEW - 1 :] >= _FITTING)
    if not len(good):
        return float(scores[fits].mean())
    return float(max(scores[order[FEW - 1 + good[-1]]], np.quantile(scores[fits], _WEAKEST)))


_SPREADS, _LOWEST, _HIGHEST = 4 * 1.4826, 0.5, 0.8


def usual_overlaps(shared: np.ndarray, label: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """((classes,) the usual IoU of a box and its detection, (classes,) that below which it is badly placed).

    Usual is the median; badly placed is four robust standard deviations (median absolute deviation) below,
    within [0.5, 0.8]. shared, label: (n,) of the boxes that a detection of their class fits.
    """
    usual, least = np.full(classes, np.nan), np.full(classes, _LOWEST)
    for k in [None, *np.unique(label).tolist()]:
        own = shared if k is None else shared[label == k]
        if len(own) >= FEW:
            place = slice(None) if k is None else k
            usual[place] = middle = np.median(own)
            spread = np.median(np.abs(own - middle))
            least[place] = np.clip(middle - _SPREADS * spread, _LOWEST, _HIGHEST)
    return usual, least


def best_of_each(
    boxes: np.ndarray, picture: np.ndarray, scores: np.ndarray, progress: Progress
) -> np.ndarray:
    """(n,) bool: boxes that no box of higher score lies on (IoU at least SAME_PLACE), whatever its class."""
    pairs = overlapping(boxes, picture, boxes, picture, SAME_PLACE, progress)
    pairs = pairs.where(pairs.first != pairs.second)
    by_first = np.argsort(pairs.first, kind="stable")
    first, second = pairs.first[by_first], pairs.second[by_first]
    kept = np.ones(len(boxes), dtype=bool)
    for i in np.argsort(-scores, kind="stable").tolist():
        if kept[i]:
            at = slice(np.searchsorted(first, i), np.searchsorted(first, i, side="right"))
            weaker = second[at]
            kept[weaker[(scores[weaker] < scores[i]) | ((scores[weaker] == scores[i]) & (weaker > i))]] = (
                False
            )
    return kept
