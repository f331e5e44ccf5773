"""Places of rows on a flat map: by principal components at once, or so that near rows stay near."""

from __future__ import annotations

import numpy as np

from core.methods.neighbours import nearest, unit_rows
from core.progress import Progress

SEED = 0
LAID_OUT = 20_000
"""Rows that are laid out by their neighbours; where there are more, the others are put between them."""
_AXES_ROWS = 20_000
ROWS_AT_ONCE = 16_384
_EPOCHS = 300
_AGAINST = 5  # random rows that a pair of near rows is pushed away from
_LONGEST_STEP = 4.0
_SPREAD = 10.0
_BETWEEN = 3


def principal(embeddings: np.ndarray, progress: Progress | None = None) -> np.ndarray:
    """(N, 2) float32 places along the two directions in which the rows differ most.

    embeddings: (N, D) float16 to float64, may be a memory map; rows are compared by direction, as the
    nearest rows are. The directions are those of up to 20,000 seeded rows. The longer side is 2 long.
    Source: principal components (Pearson, 1901).
    Raises InputError for an embedding that is not finite.
    """
    progress = progress or Progress()
    n = len(embeddings)
    if not n:
        return np.empty((0, 2), dtype=np.float32)
    some = axes_rows(n)
    centre, axes = axes_of(unit_rows(embeddings, some), progress.part(0, 0.5, "finding directions"))
    places = np.empty((n, 2), dtype=np.float32)
    for start in range(0, n, ROWS_AT_ONCE):
        progress.report(0.5 + 0.5 * start / n, "placing rows")
        rows = np.arange(start, min(start + ROWS_AT_ONCE, n))
        places[rows] = (unit_rows(embeddings, rows) - centre) @ axes
    return _framed(places)


def axes_rows(n: int) -> np.ndarray:
    """Sorted positions of the rows, 20,000 at most, whose directions make the axes."""
    if n <= _AXES_ROWS:
        return np.arange(n)
    return np.sort(np.random.default_rng(SEED).choice(n, _AXES_ROWS, replace=False))


def neighbourly(embeddings: np.ndarray, k: int = 15, progress: Progress | None = None) -> np.ndarray:
    """(N, 2) float32 places where rows that are near in the embedding space are near on the map.

    k: nearest rows that each row is drawn to. Up to 20,000 rows are laid out; the others, where there are
    more, are put at the mean of the three laid-out rows nearest to them, weighted by nearness. Distances
    between groups mean little. The same for the same embeddings: the seed is fixed. The longer side is 2.
    Source: the fuzzy neighbour graph of UMAP (McInnes, Healy, Melville, 2018) and the kernel and random
    counter-forces of LargeVis (Tang et al., 2016), all pairs of an epoch moved at once.
    Raises InputError for an embedding that is not finite.
    """
    progress = progress or Progress()
    n = len(embeddings)
    if n < 3:
        return principal(embeddings, progress)
    rows = np.arange(n)
    if n > LAID_OUT:
        rows = np.sort(np.random.default_rng(SEED).choice(n, LAID_OUT, replace=False))
    ends = (0.3, 1.0) if len(rows) == n else (0.1, 0.5)
    start = principal(embeddings, progress.part(0, 0.05))[rows]
    near, distance = nearest(embeddings, rows, min(k, len(rows) - 1), rows, progress.part(0.05, ends[0]))
    near = np.searchsorted(rows, near)
    laid = _laid_out(start, near, distance, progress.part(*ends, "drawing the map"))
    if len(rows) == n:
        return _framed(laid)
    places = np.empty((n, 2), dtype=np.float32)
    places[rows] = laid
    others = np.setdiff1d(np.arange(n), rows, assume_unique=True)
    near, distance = nearest(embeddings, others, _BETWEEN, rows, progress.part(0.5, 1))
    weight = 1 / (distance + 1e-6)
    weight /= weight.sum(axis=1, keepdims=True)
    places[others] = np.einsum("nk,nkd->nd", weight, places[near])
    return _framed(places)


def axes_of(rows: np.ndarray, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
    """(D,) centre and (D, 2) unit directions of most variance, the larger coordinates positive."""
    centre = rows.mean(axis=0)
    rows = rows - centre
    width = rows.shape[1]
    rng = np.random.default_rng(SEED)
    basis = rng.standard_normal((width, min(width, 8))).astype(np.float32)
    for turn in range(8):  # block power iteration: as exact as a map needs, at any width
        progress.report(turn / 8)
        basis, _ = np.linalg.qr(rows.T @ (rows @ basis))
    _, _, within = np.linalg.svd(rows @ basis, full_matrices=False)
    axes = np.zeros((width, 2), dtype=np.float32)
    found = (basis @ within.T)[:, :2]
    axes[:, : found.shape[1]] = found
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(2)])
    return centre, axes * np.where(signs == 0, 1, signs)


def _laid_out(start: np.ndarray, near: np.ndarray, distance: np.ndarray, progress: Progress) -> np.ndarray:
    """(S, 2) places of S rows, from near (S, k) and their distances."""
    n = len(start)
    heads, tails, weight = _pairs(near, distance)
    rng = np.random.default_rng(SEED)
    places = (start * (_SPREAD / 2)).astype(np.float32)
    places += rng.normal(0, 1e-3 * _SPREAD, places.shape).astype(np.float32)  # copies must be able to part
    weight = weight / weight.max()
    for epoch in range(_EPOCHS):
        progress.report(epoch / _EPOCHS)
        drawn = np.flatnonzero(rng.random(len(weight), dtype=np.float32) < weight)
        head, tail = heads[drawn], tails[drawn]
        apart = places[head] - places[tail]
        pull = apart * (-2 / (1 + np.einsum("ij,ij->i", apart, apart)))[:, None]
        force = _summed(head, pull, n) - _summed(tail, pull, n)
        pushed = np.repeat(head, _AGAINST)
        apart = places[pushed] - places[rng.integers(0, n, len(pushed))]
        square = np.einsum("ij,ij->i", apart, apart)
        push = apart * (2 / ((0.001 + square) * (1 + square)))[:, None]
        force += _summed(pushed, np.clip(push, -_LONGEST_STEP, _LONGEST_STEP), n)
        places += np.clip(force, -_LONGEST_STEP, _LONGEST_STEP) * np.float32(1 - epoch / _EPOCHS)
    return places


def _pairs(near: np.ndarray, distance: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(P,) heads and tails of each pair once, and how surely the two are neighbours, in (0, 1]."""
    from scipy.sparse import coo_array

    n, k = near.shape
    beyond = np.maximum(distance - distance[:, :1], 0)
    reach = _reach(beyond, np.log2(k + 1))
    sure = np.exp(-beyond / reach[:, None])
    own = np.repeat(np.arange(n), k)
    one_way = coo_array((sure.ravel(), (own, near.ravel())), shape=(n, n)).tocsr()
    back = one_way.T.tocsr()
    both = (one_way + back - one_way * back).tocoo()
    once = both.row < both.col
    return both.row[once], both.col[once], both.data[once].astype(np.float32)


def _reach(beyond: np.ndarray, wanted: float) -> np.ndarray:
    """(S,) scales at which exp(-beyond / scale) sums to `wanted` in each row, or as nearly as can be."""
    usual = max(float(beyond.mean()), 1e-9)
    low, high = np.full(len(beyond), 1e-3 * usual), np.full(len(beyond), 1e3 * usual)
    for _ in range(40):
        middle = np.sqrt(low * high)
        too_wide = np.exp(-beyond / middle[:, None]).sum(axis=1) > wanted
        high, low = np.where(too_wide, middle, high), np.where(too_wide, low, middle)
    return np.sqrt(low * high)


def _summed(at: np.ndarray, force: np.ndarray, n: int) -> np.ndarray:
    """(n, 2) float32 sums of the forces on each row."""
    sums = [np.bincount(at, force[:, side], n) for side in range(2)]
    return np.stack(sums, axis=1).astype(np.float32)


def _framed(places: np.ndarray) -> np.ndarray:
    """The places around 0, the longer side 2 long."""
    return framed(places, places.min(axis=0), places.max(axis=0))


def framed(places: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """(N, 2) float32: places within the corners `low` and `high`, (2,) each, put in the frame of the map."""
    size = float((high - low).max())
    return ((places - (low + high) / 2) * (2 / size if size > 0 else 1)).astype(np.float32)
