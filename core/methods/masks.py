"""What a mask and a model's mask of one picture say of each other, and what a mask says alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.masks import VOID

TEMPERATURE = 0.1
THICK = 5
"""Pixels that an area has to be wide and high, so that it is counted: borders are drawn a little differently
each time. Chosen in tests/benchmarks/bench_masks.py."""
SPECK = 4
"""Pixels of the largest area that is taken for a slip of the pen."""
SEED, DRAWS = 0, 200
FIELDS = np.dtype(
    [
        ("pixels", "<i8"),  # that are not void in the given mask
        ("softmin", "<f4"),  # NaN without confidences
        ("worst_iou", "<f4"),
        ("worst_class", "<i2"),
        ("differing", "<i8"),  # in thick areas
        ("given", "<i2"),  # the pair of classes with most of them, -1: none
        ("predicted", "<i2"),
        ("pair_pixels", "<i8"),
        ("part", "<f4"),  # the largest share of a class that such areas take from it or give to it
        ("place", "<i1"),  # of nine fields, where most of the pair lies; -1: no such field
    ]
)
_PLACES = (
    "in the upper left", "at the top", "in the upper right", "at the left", "in the middle", "at the right",
    "in the lower left", "at the bottom", "in the lower right",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Regions:
    """(R,) each connected area of one value in a mask: its value and its number of pixels."""

    values: np.ndarray
    pixels: np.ndarray


def softmin(scores: np.ndarray, temperature: float = TEMPERATURE) -> float:
    """The label quality score of a picture from those of its pixels, in [0, 1], 0 = worst.

    The mean of the pixels' scores weighted by softmax((1 - score) / temperature), as in
    cleanlab.segmentation.rank.get_label_quality_scores(method="softmin"), which uses every pixel: only its
    method "num_pixel_issues" makes pictures smaller. scores: any shape, not empty.
    """
    values = scores.ravel().astype(np.float64)
    weights = np.exp((values.min() - values) / temperature)
    return float(values @ weights / weights.sum())


def softmin_of_steps(scores: np.ndarray, counts: np.ndarray) -> float:
    """`softmin` of `counts` pixels of each score: a confidence in a picture has 256 steps only."""
    there = counts > 0
    values, many = scores[there].astype(np.float64), counts[there]
    weights = many * np.exp((values.min() - values) / TEMPERATURE)
    return float(values @ weights / weights.sum())


def given_scores(
    given: np.ndarray, predicted: np.ndarray, confidence: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """((512,) score steps, (512,) pixels of each), void left out: for `softmin_of_steps`.

    confidence: (H, W) uint8, 0..255 = 0..1, the model's probability of its own class. Where that is the given
    one, it is the pixel's score. Else the given class has at most what is left, and that is the score: with
    two classes it is exactly what the model gives.
    """
    steps = np.arange(256) / 255
    there = given != VOID
    differs = (given != predicted)[there]
    counts = np.bincount(confidence[there].astype(np.int64) + 256 * differs, minlength=512)
    return np.concatenate([steps, 1 - steps]), counts


def pixel_scores(given: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """The probability of each pixel's given class, flat, void left out. probs: (K, H, W)."""
    there = given != VOID
    rows, columns = np.nonzero(there)
    return np.asarray(probs[given[there], rows, columns])


def confusion(given: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """(K, K) pixels by given and predicted class; pixels that are void or no class in either are left out."""
    joined = given.astype(np.uint16) * 256 + predicted
    counts = np.bincount(joined.ravel(), minlength=65536).reshape(256, 256)
    return counts[:classes, :classes]


def ious(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """((K,) pixels in both, (K,) pixels in either) of each class, from `confusion`."""
    both = np.diagonal(counts)
    return both, counts.sum(0) + counts.sum(1) - both


def thick(areas: np.ndarray, width: int = THICK) -> np.ndarray:
    """(H, W) bool: what is left of areas where a square of `width` pixels fits into them (an opening)."""
    if width <= 1 or min(areas.shape) < width:
        return areas
    left = _windows(_windows(areas, width, 0), width, 1)
    grown = np.zeros(areas.shape, bool)
    across = np.zeros((areas.shape[0], left.shape[1]), bool)
    for shift in range(width):
        across[shift : shift + left.shape[0]] |= left
    for shift in range(width):
        grown[:, shift : shift + left.shape[1]] |= across
    return grown


def _windows(areas: np.ndarray, width: int, axis: int) -> np.ndarray:
    """Whether all of the `width` cells from each on are True; as many fewer along that axis."""
    long = areas.shape[axis] - width + 1
    found = np.take(areas, range(long), axis) if axis else areas[:long].copy()
    for shift in range(1, width):
        found &= areas[:, shift : shift + long] if axis else areas[shift : shift + long]
    return found


def compare(
    given: np.ndarray,
    predicted: np.ndarray,
    classes: int,
    counts: np.ndarray | None = None,
    sure: np.ndarray | None = None,
    width: int = THICK,
) -> np.ndarray:
    """One record of FIELDS (without softmin) for two masks of the same size.

    counts: their `confusion`, where that is known. sure: (H, W) bool, where the model is sure; None: it is.
    """
    found = np.zeros((), FIELDS)
    counts = confusion(given, predicted, classes) if counts is None else counts
    there = (given < classes) & (predicted < classes)
    found["pixels"], found["softmin"], found["place"] = int((given != VOID).sum()), np.nan, -1
    found["given"] = found["predicted"] = found["worst_class"] = -1
    found["worst_iou"] = 1
    both, either = ious(counts)
    seen = np.flatnonzero(either)
    if len(seen):
        values = both[seen] / either[seen]
        found["worst_iou"], found["worst_class"] = values.min(), seen[values.argmin()]
    apart = (given != predicted) & there
    if sure is not None:
        apart &= sure
    areas = thick(apart, width) & apart if apart.any() else apart
    rows, columns = np.nonzero(areas)
    if not len(rows):
        return found
    pairs = given[areas].astype(np.int64) * 256 + predicted[areas]
    many = np.bincount(pairs, minlength=65536).reshape(256, 256)[:classes, :classes]
    pair = int(np.argmax(many))
    found["differing"], found["pair_pixels"] = len(pairs), many.ravel()[pair]
    found["given"], found["predicted"] = pair // classes, pair % classes
    touched = many.sum(0) + many.sum(1)
    found["part"] = (touched[seen] / either[seen]).max()
    of_pair = pairs == (pair // classes) * 256 + pair % classes
    place = 3 * (3 * rows[of_pair] // given.shape[0]) + 3 * columns[of_pair] // given.shape[1]
    in_places = np.bincount(place, minlength=9)
    if 2 * in_places.max() > of_pair.sum():
        found["place"] = int(in_places.argmax())
    return found


def place_words(place: int) -> str:
    """Where in the picture, for a sentence; "" where nowhere in particular."""
    return f", mostly {_PLACES[place]}" if place >= 0 else ""


def regions(mask: np.ndarray, besides: int = VOID) -> Regions:
    """The areas of equal value that hang together by sides; those of `besides` are left out.

    By runs of equal pixels in each line, so that a mask of few areas costs few steps.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    wide = mask.shape[1]
    flat = mask.ravel()
    begins = np.empty(flat.size, bool)
    begins[1:] = flat[1:] != flat[:-1]
    begins[::wide] = True
    starts = np.flatnonzero(begins)
    stops = np.append(starts[1:], flat.size)
    run_at = np.cumsum(begins, dtype=np.int32) - 1
    values = flat[starts]
    upper = np.flatnonzero((starts < flat.size - wide) & (values != besides))
    first, last = run_at[starts[upper] + wide], run_at[stops[upper] + wide - 1]
    number = last - first + 1
    above = np.repeat(upper, number)
    offset = np.arange(len(above)) - np.repeat(np.cumsum(number) - number, number)
    below = np.repeat(first, number) + offset
    same = values[above] == values[below]
    edges = (np.ones(int(same.sum()), np.int8), (above[same], below[same]))
    count, named = connected_components(coo_array(edges, shape=(len(starts),) * 2), directed=False)
    pixels = np.bincount(named, weights=stops - starts, minlength=count).astype(np.int64)
    of = np.zeros(count, mask.dtype)
    of[named] = values
    kept = of != besides
    return Regions(of[kept], pixels[kept])


class Overlap:
    """Confusion and per-class IoU over all pictures, with Poisson bootstrap weights, a picture at a time.

    Every picture counts Poisson(1) times in each of DRAWS draws (Hanley and MacGibbon, 2006), so that nothing
    is kept of single pictures. Memory: (K, K) and two of (DRAWS, K).
    """

    def __init__(self, classes: int, seed: int = SEED) -> None:
        self._rng = np.random.default_rng(seed)
        self.counts = np.zeros((classes, classes), np.int64)
        self.pictures = np.zeros(classes, np.int64)
        self._both = np.zeros((DRAWS, classes))
        self._either = np.zeros((DRAWS, classes))

    def add(self, counts: np.ndarray) -> None:
        """counts: (K, K) of one picture, from `confusion`."""
        self.counts += counts
        both, either = ious(counts)
        seen = np.flatnonzero(either)
        self.pictures[seen] += 1
        weights = self._rng.poisson(1, DRAWS)[:, None]
        self._both[:, seen] += weights * both[seen]
        self._either[:, seen] += weights * either[seen]

    def iou(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """((K,) IoU over all pixels, its 95% interval's ends); NaN for a class that nothing shows.

        NaN ends where fewer than two pictures show the class: pictures are what is drawn.
        """
        both, either = ious(self.counts)
        with np.errstate(invalid="ignore"):
            value = both / either
            drawn = self._both / self._either
        low, high = np.full(len(value), np.nan), np.full(len(value), np.nan)
        told = self.pictures > 1
        if told.any():
            low[told], high[told] = np.nanquantile(drawn[:, told], [0.025, 0.975], axis=0)
        return value, low, high
