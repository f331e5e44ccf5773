"""Nearest rows by cosine distance: exact, in blocks of matrix products, memory maps welcome."""

from __future__ import annotations

import numpy as np

from core.errors import refuse
from core.progress import Progress

EXACT_ROWS = 30_000
QUERIES, _REFERENCES = 2048, 4096  # one block of similarities: 32 MB
_GROUPS = 128
_LONG_BYTES = 16 << 20


def nearest(
    embeddings: np.ndarray,
    queries: np.ndarray,
    k: int,
    among: np.ndarray | None = None,
    progress: Progress | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The k rows nearest to each query row, itself left out.

    embeddings: (N, D) float16 to float64, may be a memory map. queries: (Q,) row positions.
    among: (M,) positions to search; None: all rows.
    Returns positions (Q, k) int64 and distances (Q, k) float32 in [0, 2], nearest first; where fewer
    than k rows are there, the rest is -1 and infinity. Distance: 1 - cosine; a row of zeros is 1 from all.
    Raises InputError for an embedding that is not finite.
    """
    progress = progress or Progress()
    queries = np.asarray(queries)
    references = np.arange(len(embeddings)) if among is None else np.unique(among)
    step = references_at_once(len(queries), embeddings.shape[1])
    found = np.full((len(queries), k), -1, dtype=np.int64)
    distance = np.full((len(queries), k), np.inf, dtype=np.float32)
    total = max(1, len(queries) * len(references))
    for start in range(0, len(queries), QUERIES):
        asked = queries[start : start + QUERIES]
        unit = unit_rows(embeddings, asked)
        best, who = nothing_near(len(asked), k)
        for begin in range(0, len(references), step):
            block = references[begin : begin + step]
            best, who = nearer(best, who, unit, asked, _pick(embeddings, block), block)
            progress.report((start * len(references) + len(asked) * begin) / total, "comparing rows")
        found[start : start + QUERIES], distance[start : start + QUERIES] = with_distances(best, who)
    return found, distance


def references_at_once(queries: int, width: int) -> int:
    """How many rows are compared with a block of queries at once: few queries leave room for more."""
    return max(_REFERENCES, _LONG_BYTES // (4 * max(1, min(queries, QUERIES), width)))


def nothing_near(queries: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """(queries, k) likeness and positions before any row was compared."""
    return np.full((queries, k), -np.inf, dtype=np.float32), np.full((queries, k), -1, dtype=np.int64)


def nearer(
    best: np.ndarray,
    who: np.ndarray,
    unit: np.ndarray,
    asked: np.ndarray,
    picked: np.ndarray,
    block: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The k best so far, with one more block of rows taken in; in which order blocks come makes no
    difference.

    best, who: (Q, k). unit: (Q, D) the queries at length 1; asked: (Q,) their positions.
    picked: (B, D) float32 rows; block: (B,) their positions, sorted. Raises InputError as nearest does.
    """
    similarity = _similarity(unit, picked, _lengths(picked, block))
    _leave_out_self(similarity, asked, block)
    columns = top(similarity, best.shape[1])
    rows = block[np.minimum(columns, len(block) - 1)]
    return _merge(best, who, np.take_along_axis(similarity, columns, 1), rows)


def with_distances(best: np.ndarray, who: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions and distances as nearest returns them."""
    there = np.isfinite(best)
    return np.where(there, who, -1), np.where(there, np.clip(1 - best, 0, 2), np.inf)


def with_new_rows(
    embeddings: np.ndarray,
    rows: np.ndarray,
    distances: np.ndarray,
    k: int,
    progress: Progress | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The k rows nearest to each of N rows, where those of the first rows among themselves are known.

    embeddings: (N, D). rows, distances: (n, k or n - 1) as `nearest` gives them for the first n. Returns
    (N, k) each, what `nearest` gives for all N, as far as the known ones are right; each new row is compared
    with all.
    Raises InputError for an embedding that is not finite.
    """
    progress = progress or Progress()
    old, new = np.arange(len(rows)), np.arange(len(rows), len(embeddings))
    new_rows, new_distances = nearest(embeddings, new, k, None, progress.part(0, 0.5))
    closer, how = nearest(embeddings, old, min(k, len(new)), new, progress.part(0.5, 1))
    more = ((0, 0), (0, max(0, k - rows.shape[1])))
    rows = np.pad(rows[:, :k], more, constant_values=-1)
    distances = np.pad(distances[:, :k], more, constant_values=np.inf)
    best, who = _merge(-distances, rows, -how, closer)
    return np.vstack([who, new_rows]), np.vstack([-best, new_distances])


def unit_rows(embeddings: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(len(rows), D) float32 rows of length 1; a row of zeros stays zero.

    Raises InputError for a row with a value that is not finite, or too large to square.
    """
    picked = _pick(embeddings, rows)
    return picked / _lengths(picked, rows)[:, None]


def _pick(embeddings: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The rows as float32; a view of the file where they are consecutive and have that type."""
    consecutive = len(rows) > 0 and rows[-1] - rows[0] == len(rows) - 1 and bool((np.diff(rows) == 1).all())
    picked = embeddings[rows[0] : rows[-1] + 1] if consecutive else embeddings[rows]
    return np.asarray(picked, dtype=np.float32)


def _lengths(picked: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(len(rows),) Euclidean lengths; 1 for a row of zeros."""
    length = np.sqrt(np.einsum("ij,ij->i", picked, picked))
    broken = np.flatnonzero(~np.isfinite(length))
    if len(broken):
        raise refuse(
            "an embedding that is not finite, or too large",
            row=int(rows[broken[0]]) + 1,
            mend="give every row a finite embedding",
        )
    return np.where(length > 0, length, 1)


def _similarity(unit: np.ndarray, picked: np.ndarray, length: np.ndarray) -> np.ndarray:
    """(queries, columns) cosines with the rows of a block, filled up with -inf to whole groups."""
    columns = -(-len(picked) // _GROUPS) * _GROUPS
    similarity = np.empty((len(unit), columns), dtype=np.float32)
    inside = similarity[:, : len(picked)]
    if len(unit) < picked.shape[1]:  # whichever of the two is smaller is divided
        np.matmul(unit, picked.T, out=inside)
        inside /= length
    else:
        np.matmul(unit, (picked / length[:, None]).T, out=inside)
    similarity[:, len(picked) :] = -np.inf
    return similarity


def _leave_out_self(similarity: np.ndarray, asked: np.ndarray, block: np.ndarray) -> None:
    place = np.searchsorted(block, asked).clip(max=len(block) - 1)
    own = np.flatnonzero(block[place] == asked)
    similarity[own, place[own]] = -np.inf


def top(similarity: np.ndarray, k: int) -> np.ndarray:
    """(rows, min(k, columns)) columns of the largest entries of each row, in no order.

    The k largest entries lie in the k groups of columns with the largest maxima, so that only those
    groups are sorted: some ten times faster than a partition of the whole row.
    """
    rows, columns = similarity.shape
    if k >= columns:
        return np.broadcast_to(np.arange(columns), (rows, columns))
    groups = max(_GROUPS, 1 << (4 * k).bit_length())
    depth = columns // groups
    if depth < 4:
        return np.argpartition(similarity, columns - k, axis=1)[:, columns - k :]
    even = depth * groups
    maxima = similarity[:, :even].reshape(rows, depth, groups).max(axis=1)
    largest = np.argpartition(maxima, groups - k, axis=1)[:, groups - k :]
    members = (largest[:, None, :] + np.arange(depth)[None, :, None] * groups).reshape(rows, depth * k)
    if even < columns:
        members = np.hstack([members, np.broadcast_to(np.arange(even, columns), (rows, columns - even))])
    inside = np.take_along_axis(similarity, members, 1)
    found = np.argpartition(inside, inside.shape[1] - k, axis=1)[:, inside.shape[1] - k :]
    return np.take_along_axis(members, found, 1)


def _merge(
    best: np.ndarray, who: np.ndarray, similarity: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The k best of two lists for each row, best first; equals in row order."""
    both, all_rows = np.hstack([best, similarity]), np.hstack([who, rows])
    order = np.lexsort((all_rows, -both), axis=1)[:, : best.shape[1]]
    return np.take_along_axis(both, order, 1), np.take_along_axis(all_rows, order, 1)
