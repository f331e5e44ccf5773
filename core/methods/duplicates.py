"""Equal and nearly equal contents: exact keys, texts that share most pieces, embeddings that almost coincide.

A Match (row, other, distance) says that two rows are alike; `group` turns matches into groups.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.dataset import Dataset
from core.methods.neighbours import EXACT_ROWS, nearest, unit_rows
from core.progress import Progress

PIECE = 5  # letters in a piece of text
SEED = 0
_BANDS, _BAND_ROWS = 10, 3  # finds a pair that shares 0.8 of its pieces with probability 0.999
_CHARACTERS = 1 << 18
_CELL_ROWS, _LARGEST_CELL = 200, 8192
_LISTED = 8
_THRESHOLD_ROWS = 2000
_SMALLEST = 1e-6  # cosine distances below this are rounding


@dataclass(frozen=True, eq=False)
class Matches:
    """Pairs of rows that are alike. rows, others: (P,) positions, other < row; distance: (P,) in [0, 1]."""

    rows: np.ndarray
    others: np.ndarray
    distance: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, eq=False)
class Groups:
    """For each of N rows: group (-1: none), the row it is most like (-1), its distance, and which of the
    match lists said so (-1)."""

    group: np.ndarray
    other: np.ndarray
    distance: np.ndarray
    source: np.ndarray


def first_copies(dataset: Dataset, progress: Progress) -> np.ndarray:
    """(N,) position of the first row with the same content; its own where there is none before it.

    Image: equal bytes. Text: equal but for case, width and runs of white space. Tabular: equal values.
    Rows without content are copies of nothing.
    """
    codes, empty = _content_codes(dataset, progress)
    own = np.arange(len(dataset))
    first = np.full(len(dataset), len(dataset))
    np.minimum.at(first, codes, own)
    return np.where(empty, own, first[codes])


def contents(dataset: Dataset) -> list[str]:
    """The content of each row as one text; a missing value is empty."""
    columns = [dataset.table[c].astype("str").fillna("").tolist() for c in dataset.columns.content]
    return columns[0] if len(columns) == 1 else [" ".join(cells) for cells in zip(*columns, strict=True)]


def normalised(text: str) -> str:
    """Lower case, one width of letters, single spaces."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(text.lower().split())


def alike_texts(texts: Sequence[str], rows: np.ndarray, threshold: float, progress: Progress) -> Matches:
    """Pairs of texts that share at least `threshold` of their pieces of 5 letters, punctuation left out.

    Distance: 1 - Jaccard similarity of the two sets of pieces, computed exactly for every pair reported.
    Candidates come from MinHash with banding (Broder, 1997), so that a pair just above the threshold is
    missed about once in a thousand; in a run of many alike texts only some of the pairs are listed.
    texts: of all rows; rows: sorted positions to compare.
    """
    chosen = [texts[row] for row in rows.tolist()]
    words = list(_each(_words, chosen, progress.part(0, 0.2)))
    long_enough = np.flatnonzero(np.fromiter((len(w) >= PIECE for w in words), bool, len(words)))
    kept = [words[i] for i in long_enough.tolist()]
    signatures = _minhash(kept, progress.part(0.2, 0.6))
    pairs = _promising(signatures, _candidates(signatures, progress), threshold, progress)
    similarity = np.empty(len(pairs))
    for p, (i, j) in enumerate(pairs.tolist()):
        similarity[p] = _jaccard(kept[i], kept[j])
        if p % 50 == 0:  # texts of 20,000 letters take 10 ms a pair
            progress.report(0.6 + 0.4 * p / len(pairs), "comparing texts")
    near = similarity >= threshold
    found = rows[long_enough[pairs[near]]].reshape(-1, 2)
    return Matches(found[:, 1], found[:, 0], 1 - similarity[near])


def close_neighbours(
    near: np.ndarray,
    distances: np.ndarray,
    embeddings: np.ndarray,
    rows: np.ndarray,
    ratio: float,
    progress: Progress,
) -> Matches:
    """Pairs of rows whose cosine distance is below `ratio` times the usual distance to the nearest row.

    Usual: the median over up to 2,000 seeded rows; the rule is that of cleanlab's Datalab. Pairs are looked
    for among each row's nearest rows, of which the closest and the 8 earliest are listed. Where all of them
    are that close there may be more: such rows are compared with each other as by `close_within`.
    near, distances: (N, k) nearest rows of all N rows, nearest first. rows: sorted positions to compare.
    """
    if len(rows) < 2:
        return _matches([])
    limit = close_limit(embeddings, rows, ratio, progress.part(0, 0.5))
    progress.report(0.5, "comparing embeddings")
    close = distances[rows] <= limit
    full = rows[close.all(axis=1)]
    compared = np.zeros(len(embeddings), dtype=bool)
    compared[rows] = True
    close &= compared[near[rows]]
    # The earliest may lead a group; the closest is named.
    earliest = np.argsort(np.where(close, near[rows], len(embeddings)), axis=1)[:, :_LISTED]
    places = np.hstack([earliest, close.argmax(axis=1)[:, None]])
    at, which = np.nonzero(np.take_along_axis(close, places, 1))
    here = (rows[at], places[at, which])
    pairs = np.sort(np.stack([rows[at], near[here].astype(np.int64)]), axis=0)
    listed = (pairs[1], pairs[0], distances[here].clip(0, 1))
    more = close_within(embeddings, full, limit, progress.part(0.5, 1))
    return _matches([listed, (more.rows, more.others, more.distance)])


def close_limit(embeddings: np.ndarray, rows: np.ndarray, ratio: float, progress: Progress) -> float:
    """`ratio` times the usual distance to the nearest row; see close_neighbours. At least two rows."""
    rng = np.random.default_rng(SEED)
    asked = np.sort(rng.choice(rows, min(_THRESHOLD_ROWS, len(rows)), replace=False))
    _, usual = nearest(embeddings, asked, 1, rows, progress)
    return max(ratio * float(np.median(usual)), _SMALLEST)


def close_within(embeddings: np.ndarray, rows: np.ndarray, limit: float, progress: Progress) -> Matches:
    """Pairs of rows at a cosine distance of at most `limit`.

    Up to 30,000 rows every pair is compared; above, the pairs that share one of the two nearest of some
    rows / 200 seeded landmarks, which may miss a pair. A row's first and closest match in each block are
    listed. rows: sorted positions to compare.
    """
    if len(rows) < 2:
        return _matches([])
    cells = _cells(embeddings, rows, np.random.default_rng(SEED), progress.part(0, 0.375))
    part = progress.part(0.375, 1)
    found = []
    for i, cell in enumerate(cells):
        start, stop = i / len(cells), (i + 1) / len(cells)
        found += list(_close_in(embeddings, cell, limit, part.part(start, stop)))
    return _matches(found)


def group(first: np.ndarray, sources: Sequence[Matches], progress: Progress | None = None) -> Groups:
    """Groups of alike rows that do not chain.

    first: (N,) as first_copies gives it. A row joins the group of the earliest leader that it matches;
    a row that matches no leader leads a group of its own; a leader that nobody joined is put with the row
    that it is most like. So each member matches its group's first row or one row that does.
    """
    n, progress = len(first), progress or Progress()
    edges = _sorted_edges(sources)
    leader, other = np.arange(n), np.full(n, -1)
    distance, source = np.full(n, np.inf), np.full(n, -1)

    def like(row: int, that: int, apart: float, said: int) -> None:
        if apart < distance[row]:
            other[row], distance[row], source[row] = that, apart, said

    led = set()
    for number, (row, that, apart, said) in enumerate(edges):  # by row, then by other
        if number % 20_000 == 0:
            progress.report(number / len(edges), "grouping")
        if leader[row] == row and leader[that] == that:
            leader[row] = that
            led.add(that)
        like(row, that, apart, said)
        like(that, row, apart, said)
    for row in sorted({int(r) for edge in edges for r in edge[:2]}):
        if leader[row] == row and row not in led:
            leader[row] = leader[other[row]]
    copies = np.flatnonzero(first != np.arange(n))
    leader[copies] = leader[first[copies]]
    other[copies], distance[copies], source[copies] = first[copies], 0, len(sources)
    originals, at = np.unique(first[copies], return_index=True)
    other[originals], distance[originals], source[originals] = copies[at], 0, len(sources)
    return Groups(np.where(other >= 0, leader, -1), other, distance, source)


def _content_codes(dataset: Dataset, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
    """(N,) a code shared by rows of equal content, and (N,) bool: there is no content."""
    columns = list(dataset.columns.content)
    if dataset.columns.kind == "tabular":
        table = dataset.table[columns].reset_index(drop=True)
        codes = table.groupby(columns, dropna=False, sort=False).ngroup()
        return codes.to_numpy(), table.isna().all(axis=1).to_numpy()
    if dataset.columns.kind == "image":
        hashes = dataset.media_hash
        values = np.array(contents(dataset), dtype=object) if hashes is None else hashes.astype(object)
    else:
        values = np.array(list(_each(normalised, contents(dataset), progress)), dtype=object)
    return pd.factorize(values)[0], values == ""


def _sorted_edges(sources: Sequence[Matches]) -> list[tuple[int, int, float, int]]:
    rows = np.concatenate([np.empty(0, np.int64), *[m.rows for m in sources]])
    others = np.concatenate([np.empty(0, np.int64), *[m.others for m in sources]])
    distance = np.concatenate([np.empty(0), *[m.distance for m in sources]])
    said = np.repeat(np.arange(len(sources)), [len(m) for m in sources])
    order = np.lexsort((others, rows))
    columns = (rows[order].tolist(), others[order].tolist(), distance[order].tolist(), said[order].tolist())
    return list(zip(*columns, strict=True))


def _minhash(texts: list[str], progress: Progress) -> np.ndarray:
    """(len(texts), 30) uint32 minima of 30 hash functions over each text's pieces; texts of >= 5 letters."""
    rng = np.random.default_rng(SEED)
    factors = rng.integers(0, 2**63, _BANDS * _BAND_ROWS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    out = np.empty((len(texts), len(factors)), dtype=np.uint32)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    ends = np.cumsum(lengths)
    start = 0
    while start < len(texts):
        begin = ends[start] - lengths[start]
        stop = max(start + 1, int(np.searchsorted(ends, begin + _CHARACTERS, side="right")))
        pieces, starts = _piece_hashes(texts[start:stop], lengths[start:stop])
        for f, factor in enumerate(factors):
            out[start:stop, f] = np.minimum.reduceat((pieces * factor) >> np.uint64(32), starts)
        start = stop
        progress.report(start / len(texts), "reading texts")
    return out


def _piece_hashes(texts: list[str], lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """uint64 hashes of all pieces of all texts, and where each text's pieces start."""
    letters = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    hashed = np.zeros(len(letters) - PIECE + 1, dtype=np.uint64)
    for offset in range(PIECE):
        hashed *= np.uint64(0x9E3779B97F4A7C15)
        hashed += letters[offset : len(letters) - PIECE + 1 + offset]
    hashed ^= hashed >> np.uint64(32)
    hashed *= np.uint64(0xD6E8FEB86659FD93)
    hashed ^= hashed >> np.uint64(32)
    ends = np.cumsum(lengths)
    inside = np.ones(len(hashed), dtype=bool)
    for back in range(1, PIECE):  # windows that run over the end of a text
        inside[ends[:-1] - back] = False
    starts = np.cumsum(lengths - PIECE + 1)
    return hashed[inside], np.concatenate([[0], starts[:-1]])


def _candidates(signatures: np.ndarray, progress: Progress) -> np.ndarray:
    """(P, 2) pairs that agree in a whole band: up to 4 places apart in a run, and each with the first."""
    n = len(signatures)
    found = [np.empty(0, np.int64)]
    for band in range(_BANDS):
        progress.report(0.6, "pairing texts")
        columns = signatures[:, band * _BAND_ROWS : (band + 1) * _BAND_ROWS]
        order = np.lexsort(columns.T)
        ordered = columns[order]
        new = np.ones(n, dtype=bool)
        new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
        run = np.cumsum(new) - 1
        first = np.flatnonzero(new)[run]
        at = np.arange(n)
        for back in (at - first, *(np.full(n, d) for d in range(1, 5))):
            inside = np.flatnonzero((back > 0) & (at - back >= first))
            a, b = order[inside], order[inside - back[inside]]
            found.append(np.minimum(a, b) * n + np.maximum(a, b))
    pairs = np.unique(np.concatenate(found))
    return np.stack([pairs // max(n, 1), pairs % max(n, 1)], axis=1)


def _promising(signatures: np.ndarray, pairs: np.ndarray, threshold: float, progress: Progress) -> np.ndarray:
    """The pairs whose share of equal minima, an estimate of their similarity with a standard error of
    sqrt(t (1 - t) / 30), lies at most 3 such errors below the threshold t."""
    least = threshold - 3 * np.sqrt(threshold * (1 - threshold) / (_BANDS * _BAND_ROWS))
    kept = []
    for p in np.array_split(pairs, len(pairs) // 50_000 + 1):
        progress.report(0.6, "pairing texts")
        kept.append(p[(signatures[p[:, 0]] == signatures[p[:, 1]]).mean(axis=1) >= least])
    return np.concatenate(kept)


def _each(change: Callable[[str], str], texts: list[str], progress: Progress) -> Iterator[str]:
    """change(text) for each text, with a report every 500: a text can be long."""
    for i, text in enumerate(texts):
        if i % 500 == 0:
            progress.report(i / len(texts), "reading texts")
        yield change(text)


def _words(text: str) -> str:
    """Words with single spaces between them, punctuation left out."""
    return re.sub(r"\W+", " ", normalised(text)).strip()


def _jaccard(a: str, b: str) -> float:
    left = {a[i : i + PIECE] for i in range(len(a) - PIECE + 1)}
    right = {b[i : i + PIECE] for i in range(len(b) - PIECE + 1)}
    shared = len(left & right)
    return shared / (len(left) + len(right) - shared)


def _cells(
    embeddings: np.ndarray, rows: np.ndarray, rng: np.random.Generator, progress: Progress
) -> list[np.ndarray]:
    """Sets of rows to compare among themselves: all at once, or by nearest landmarks."""
    if len(rows) <= EXACT_ROWS:
        return [rows]
    landmarks = np.sort(rng.choice(rows, len(rows) // _CELL_ROWS, replace=False))
    near, _ = nearest(embeddings, rows, 2, landmarks, progress)
    order = np.argsort(near.ravel(), kind="stable")
    bounds = np.flatnonzero(np.diff(near.ravel()[order])) + 1
    cells = [np.sort(rows[cell // 2]) for cell in np.split(order, bounds)]
    # Where very many rows are alike, one landmark would have them all.
    return [piece for cell in cells for piece in np.array_split(cell, -(-len(cell) // _LARGEST_CELL))]


def _close_in(
    embeddings: np.ndarray, rows: np.ndarray, limit: float, progress: Progress, step: int = 2048
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(rows, others, distance) within `limit`, the first and the closest earlier row in each block."""
    for start in range(0, len(rows), step):
        asked = rows[start : start + step]
        unit = unit_rows(embeddings, asked)
        for begin in range(0, start + 1, step):
            block = rows[begin : begin + step]
            distance = np.subtract(1, unit @ unit_rows(embeddings, block).T)
            distance[block[None, :] >= asked[:, None]] = np.inf
            progress.report((start + step * begin / (start + step)) / len(rows), "comparing embeddings")
            near = distance <= limit
            some = np.flatnonzero(near.any(axis=1))
            for pick in (near[some].argmax(axis=1), distance[some].argmin(axis=1)):
                yield asked[some], block[pick], distance[some, pick].clip(0, 1)


def _matches(found: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Matches:
    """One list of distinct pairs."""
    if not found:
        return Matches(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    rows, others, distance = (np.concatenate(column) for column in zip(*found, strict=True))
    pairs, at = np.unique(np.stack([rows, others], axis=1), axis=0, return_index=True)
    return Matches(pairs[:, 0], pairs[:, 1], distance[at])
