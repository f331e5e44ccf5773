"""The rows most like each held-out row, where rephrased copies of it would be.

Source: Yang et al.: Rethinking Benchmark and Contamination for Language Models with Rephrased Samples, 2023.
There a model judges each pair; here a person does. Without embeddings the pairs come from character n-grams.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.methods.neighbours import EXACT_ROWS, nearest
from core.progress import Progress

NEAREST = 5
TEXT_ROWS = 20_000
TEXT_QUERIES = 1_000
TEXT_CHARACTERS = 20_000_000
SEED = 0
_EXACT_PAIRS = EXACT_ROWS**2
_CELL_ROWS = 200
_CELLS_EACH = 2
_FEATURES = 1 << 20
_TEXTS = 256
_QUERIES = 24  # a tenth of a second against 20,000 texts


def nearest_rows(
    embeddings: np.ndarray,
    asked: np.ndarray,
    among: np.ndarray,
    k: int = NEAREST,
    progress: Progress | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The k rows of `among` nearest to each asked row by cosine: positions (Q, k), distances (Q, k).

    As neighbours.nearest: -1 and infinity where there are fewer. Up to 900 million pairs all are compared;
    above, each asked row with those that share one of its two nearest of len(among) / 200 seeded landmarks,
    which may miss some.
    """
    progress = progress or Progress()
    asked, among = np.asarray(asked), np.unique(among)
    if len(asked) * len(among) <= _EXACT_PAIRS:
        return nearest(embeddings, asked, k, among, progress)
    landmarks = np.random.default_rng(SEED).choice(among, len(among) // _CELL_ROWS, replace=False)
    mine, _ = nearest(embeddings, asked, _CELLS_EACH, landmarks, progress.part(0, 0.1))
    theirs, _ = nearest(embeddings, among, _CELLS_EACH, landmarks, progress.part(0.1, 0.7))
    found = np.full((len(asked), _CELLS_EACH, k), -1, dtype=np.int64)
    distance = np.full(found.shape, np.inf, dtype=np.float32)
    members = _members(theirs)
    cells = _members(mine)
    for done, (landmark, places) in enumerate(cells.items()):
        progress.report(0.7 + 0.3 * done / len(cells), "comparing rows")
        if landmark in members:
            rows, columns = places // _CELLS_EACH, places % _CELLS_EACH
            cell = among[members[landmark] // _CELLS_EACH]
            found[rows, columns], distance[rows, columns] = nearest(embeddings, asked[rows], k, cell)
    return _distinct(found.reshape(len(asked), -1), distance.reshape(len(asked), -1), k)


def nearest_texts(
    texts: Sequence[str],
    asked: np.ndarray,
    among: np.ndarray,
    k: int = NEAREST,
    progress: Progress | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The k texts of `among` nearest to each asked text: positions (Q, k), distances (Q, k) in [0, 1].

    Distance: 1 - cosine of the weights (1 + log count) x inverse document frequency of runs of 3 to 5
    letters within words, over both sides. Order, -1 and infinity as in neighbours.nearest. Memory and time
    grow with all letters and with the number of pairs: see TEXT_ROWS and TEXT_CHARACTERS.
    """
    progress = progress or Progress()
    asked, among = np.asarray(asked), np.unique(among)
    found = np.full((len(asked), k), -1, dtype=np.int64)
    distance = np.full((len(asked), k), np.inf, dtype=np.float32)
    if not len(asked) or not len(among):
        return found, distance
    weights = _weights([texts[i] for i in (*asked.tolist(), *among.tolist())], progress.part(0, 0.6))
    mine, theirs = weights[: len(asked)], weights[len(asked) :].T.tocsr()
    for start in range(0, len(asked), _QUERIES):
        progress.report(0.6 + 0.4 * start / len(asked), "comparing texts")
        some = slice(start, start + _QUERIES)
        similarity = (mine[some] @ theirs).toarray()
        similarity[asked[some, None] == among[None, :]] = -np.inf
        top = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
        best = np.take_along_axis(similarity, top, 1)
        there = np.isfinite(best)
        found[some, : top.shape[1]] = np.where(there, among[top], -1)
        distance[some, : top.shape[1]] = np.where(there, np.clip(1 - best, 0, 1), np.inf)
    return found, distance


def _weights(texts: list[str], progress: Progress):  # type: ignore[no-untyped-def]
    """(len(texts), 2^20) sparse rows of length 1: weights of hashed runs of letters."""
    from scipy.sparse import vstack
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

    counts = HashingVectorizer(
        analyzer="char_wb",
        ngram_range=(3, 5),
        n_features=_FEATURES,
        alternate_sign=False,
        norm=None,
        decode_error="replace",
    )
    parts = []
    for start in range(0, len(texts), _TEXTS):
        progress.report(start / len(texts), "reading texts")
        # A lone surrogate has no bytes to be hashed.
        some = [t.encode("utf-8", "replace").decode() for t in texts[start : start + _TEXTS]]
        parts.append(counts.transform(some))
    return TfidfTransformer(sublinear_tf=True).fit_transform(vstack(parts, format="csr"))


def _members(cells: np.ndarray) -> dict[int, np.ndarray]:
    """For each landmark, the places in cells.ravel() that name it."""
    order = np.argsort(cells.ravel(), kind="stable")
    ordered = cells.ravel()[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-2))
    return dict(zip(ordered[starts].tolist(), np.split(order, starts[1:]), strict=True))


def _distinct(found: np.ndarray, distance: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest distinct rows of each line; the same row can be in both cells."""
    order = np.argsort(found, axis=1, kind="stable")
    found, distance = np.take_along_axis(found, order, 1), np.take_along_axis(distance, order, 1)
    again = np.zeros(found.shape, dtype=bool)
    again[:, 1:] = found[:, 1:] == found[:, :-1]
    found, distance = np.where(again, -1, found), np.where(again, np.float32(np.inf), distance)
    order = np.lexsort((found, distance), axis=1)[:, :k]
    return np.take_along_axis(found, order, 1), np.take_along_axis(distance, order, 1)
