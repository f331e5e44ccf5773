"""Cleaning of labels where classes are many and small, each one person, product or speaker.

In turns, until nothing changes: within each class the largest group of rows that hang together is kept;
classes whose means lie next to each other become one. Groups are those of DBSCAN (Ester et al., 1996) with
at least 2 rows: the connected rows of the graph in which two rows of a class are joined from a cosine on.
Source: Zhu et al.: WebFace260M, 2021 (CAST), without its training of an embedder.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from core.methods.neighbours import nearest, unit_rows
from core.progress import Progress

ROUNDS = 5
LEAST_ROWS = 3
"""A class of fewer rows is left alone: of two that differ, nothing says which is wrong."""
SEED = 0
PAIRS = 100_000
NEIGHBOURS = 10
"""So many nearest classes of each class are looked at for merging."""
BINS = np.round(np.linspace(-1, 1, 101), 2)
_ROWS_AT_ONCE = 4096
_DENSE = 2048
_MEANS_AT_ONCE = 2048


@dataclass(frozen=True)
class Levels:
    """Cosines. same: from here on two rows of a class hang together. merge: above it two classes are one.
    ambiguous: above it a person should look whether they are. copy: above it two rows are nearly the same.
    """

    same: float = 0.5
    merge: float = 0.7
    ambiguous: float = 0.5
    copy: float = 0.95


@dataclass(frozen=True, eq=False)
class Cosines:
    """Histograms over BINS of the cosines of `pairs` random pairs of rows each: same, cross (len(BINS) - 1,).

    middle: the median over rows of the median cosine to the other rows of the class; it bears a third of the
    labels wrong. far: the cosine below which 95% of the pairs of two classes lie. NaN: there are none.
    """

    same: np.ndarray
    cross: np.ndarray
    pairs: int
    middle: float
    far: float


@dataclass(frozen=True)
class Round:
    """classes: how many there were. rows: kept of `of` rows. cosine: mean of two kept rows of a class."""

    classes: int
    rows: int
    of: int
    cosine: float


@dataclass(frozen=True, eq=False)
class Cleaned:
    """labels: (N,) after merging. kept: (N,) bool: in the largest group of its class; True for rows that were
    left alone. copies: (N,) bool: kept, and above Levels.copy from an earlier kept row of its class.

    means: (K, D) unit means of the kept rows of each class; zeros where it has fewer than LEAST_ROWS.
    sizes: (K,) how many rows it kept. into: (K,) the class that each class became. cosine: (K,) between the
    means of the two when they became one, NaN elsewhere.
    ambiguous: (P, 2) pairs of classes that a person should look at, most alike first; likeness: (P,) cosines.
    settled: whether the last round changed nothing.
    """

    labels: np.ndarray
    kept: np.ndarray
    copies: np.ndarray
    means: np.ndarray
    sizes: np.ndarray
    into: np.ndarray
    cosine: np.ndarray
    ambiguous: np.ndarray
    likeness: np.ndarray
    rounds: tuple[Round, ...]
    settled: bool


def cosines(embeddings: np.ndarray, labels: np.ndarray, progress: Progress | None = None) -> Cosines:
    """How alike rows of one class and of two are. labels: (N,) codes, -1 for a row without a label."""
    progress = progress or Progress()
    rows = np.flatnonzero(labels >= 0)
    order = rows[np.argsort(labels[rows], kind="stable")]
    codes, starts, sizes = np.unique(labels[order], return_index=True, return_counts=True)
    rng = np.random.default_rng(SEED)
    middle = _middle(embeddings, order, starts, sizes, progress.part(0, 0.6))
    own = np.flatnonzero(np.repeat(sizes > 1, sizes))
    same = cross = np.empty(0)
    if len(own):
        at = own[rng.integers(len(own), size=PAIRS)]
        of = np.searchsorted(starts, at, side="right") - 1
        other = starts[of] + (at - starts[of] + rng.integers(1, sizes[of])) % sizes[of]
        same = _pair_cosines(embeddings, order[at], order[other], progress.part(0.6, 0.8))
    if len(codes) > 1:
        one, two = (order[rng.integers(len(order), size=PAIRS)] for _ in range(2))
        apart = labels[one] != labels[two]
        cross = _pair_cosines(embeddings, one[apart], two[apart], progress.part(0.8, 1))
    counts = [np.histogram(found, BINS)[0] for found in (same, cross)]
    far = float(np.quantile(cross, 0.95)) if len(cross) else float("nan")
    return Cosines(counts[0], counts[1], PAIRS, middle, far)


def clean(
    embeddings: np.ndarray, labels: np.ndarray, classes: int, levels: Levels, progress: Progress | None = None
) -> Cleaned:
    """Clean the labels to a fixed point, in at most ROUNDS rounds.

    embeddings: (N, D), may be a memory map. labels: (N,) codes below `classes`, -1 for a row without a label.
    Of two classes that become one the larger gives the name, the first where they are equal. Merging looks
    again at the mean of what has been merged, so that classes do not chain. Rows that were left out are
    looked at again in the class that theirs became.
    Raises InputError for an embedding that is not finite.
    """
    progress = progress or Progress()
    state = _State(embeddings, labels.copy(), classes, levels)
    dirty = np.unique(labels[labels >= 0])
    rounds: list[Round] = []
    settled = False
    for number in range(ROUNDS):
        part = progress.part(number / ROUNDS, (number + 1) / ROUNDS)
        state.regroup(dirty, part.part(0, 0.7))
        rounds.append(state.counted())
        dirty = state.merge(part.part(0.7, 1))
        settled = not len(dirty)
        if settled:
            break
    if not settled:
        state.regroup(dirty, progress.part(1, 1))
    means = state.means()
    pairs, likeness = _alike(means, levels.ambiguous, progress.part(1, 1))
    open_ = likeness <= levels.merge if settled else np.ones(len(pairs), dtype=bool)
    return Cleaned(
        state.labels,
        state.kept,
        state.copies,
        means,
        state.sizes,
        state.into,
        state.cosine,
        pairs[open_],
        likeness[open_],
        tuple(rounds),
        settled,
    )


def nearest_class(
    embeddings: np.ndarray, rows: np.ndarray, means: np.ndarray, own: np.ndarray, progress: Progress
) -> tuple[np.ndarray, np.ndarray]:
    """(the class other than `own` whose mean is nearest to each row, -1: none; the cosine to it).

    means: (K, D) unit rows, zeros for a class that is none. own: (len(rows),) class codes.
    """
    there = np.flatnonzero(means.any(axis=1))
    found, cosine = np.full(len(rows), -1), np.full(len(rows), -1.0, dtype=np.float32)
    for start in range(0, len(rows), _MEANS_AT_ONCE):
        progress.report(start / len(rows), "comparing rows with classes")
        some = slice(start, start + _MEANS_AT_ONCE)
        unit, mine = unit_rows(embeddings, rows[some]), own[some]
        for begin in range(0, len(there), 2 * _MEANS_AT_ONCE):
            progress.report(start / len(rows), "comparing rows with classes")
            block = there[begin : begin + 2 * _MEANS_AT_ONCE]
            likeness = unit @ means[block].T
            likeness[mine[:, None] == block[None, :]] = -np.inf
            best = likeness.argmax(axis=1)
            value = likeness[np.arange(len(unit)), best]
            better = value > cosine[some]
            found[some] = np.where(better, block[best], found[some])
            cosine[some] = np.where(better, value, cosine[some])
    return found, cosine


def split_means(
    embeddings: np.ndarray, labels: np.ndarray, groups: np.ndarray, progress: Progress
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(class, group, unit mean) of the rows of each class in each group: (M,), (M,), (M, D).

    labels, groups: (N,) codes; rows with a negative one are left out, and so are means of fewer than 2 rows.
    """
    rows = np.flatnonzero((labels >= 0) & (groups >= 0))
    order = rows[np.lexsort((groups[rows], labels[rows]))]
    both = np.stack([labels[order], groups[order]], axis=1)
    pairs, starts, sizes = np.unique(both, axis=0, return_index=True, return_counts=True)
    means = np.zeros((len(pairs), embeddings.shape[1]), dtype=np.float32)
    for first, last, unit in _stretches(embeddings, order, starts, sizes, progress):
        for i in range(first, last):
            begin = starts[i] - starts[first]
            means[i] = unit[begin : begin + sizes[i]].sum(axis=0)
    enough = sizes >= 2
    return pairs[enough, 0], pairs[enough, 1], _unit(means[enough])


class _State:
    """Labels, kept rows and sums of kept rows while they change; see Cleaned."""

    def __init__(self, embeddings: np.ndarray, labels: np.ndarray, classes: int, levels: Levels) -> None:
        self.embeddings, self.labels, self.levels = embeddings, labels, levels
        self.kept = np.ones(len(labels), dtype=bool)
        self.copies = np.zeros(len(labels), dtype=bool)
        self.sums = np.zeros((classes, embeddings.shape[1]), dtype=np.float64)
        self.sizes = np.zeros(classes, dtype=np.int64)
        self.into = np.arange(classes)
        self.cosine = np.full(classes, np.nan)

    def regroup(self, dirty: np.ndarray, progress: Progress) -> None:
        """Find the largest group of each of these classes anew."""
        rows = np.flatnonzero(np.isin(self.labels, dirty))
        order = rows[np.argsort(self.labels[rows], kind="stable")]
        codes, starts, sizes = np.unique(self.labels[order], return_index=True, return_counts=True)
        for first, last, unit in _stretches(self.embeddings, order, starts, sizes, progress):
            for i in range(first, last):
                work = progress.part(starts[i] / len(order), starts[i] / len(order))
                begin = starts[i] - starts[first]
                mine, places = unit[begin : begin + sizes[i]], order[starts[i] : starts[i] + sizes[i]]
                keep, copies = _largest_group(mine, self.levels, work)
                self.kept[places], self.copies[places] = keep, copies
                self.sums[codes[i]] = mine[keep].sum(axis=0, dtype=np.float64)
                self.sizes[codes[i]] = int(keep.sum())

    def means(self) -> np.ndarray:
        """(K, D) float32 unit means; zeros for a class that is too small."""
        return _unit(np.where(self.sizes[:, None] >= LEAST_ROWS, self.sums, 0).astype(np.float32))

    def merge(self, progress: Progress) -> np.ndarray:
        """Make one of classes that are alike, the most alike first; the classes that others came into."""
        pairs, likeness = _alike(self.means(), self.levels.merge, progress)
        grown: set[int] = set()
        parent = np.arange(len(self.into))
        for (one, two), cosine in zip(pairs.tolist(), likeness.tolist(), strict=True):
            a, b = _root(parent, one), _root(parent, two)
            if a == b:
                continue
            if {a, b} & grown:
                norms = np.linalg.norm(self.sums[a]) * np.linalg.norm(self.sums[b])
                cosine = float(self.sums[a] @ self.sums[b] / norms)
                if cosine <= self.levels.merge:
                    continue
            a, b = (a, b) if (-self.sizes[a], a) < (-self.sizes[b], b) else (b, a)
            parent[b] = a
            self.sums[a] += self.sums[b]
            self.sizes[a] += self.sizes[b]
            self.sums[b], self.sizes[b] = 0, 0
            self.cosine[b] = cosine
            grown.add(a)
        if not grown:
            return np.empty(0, dtype=np.int64)
        roots = np.array([_root(parent, code) for code in range(len(parent))])
        self.into = roots[self.into]
        self.labels = np.where(self.labels >= 0, roots[self.labels], -1)
        return np.array(sorted({int(roots[code]) for code in grown}))

    def counted(self) -> Round:
        """The state as one line."""
        of, kept = int((self.labels >= 0).sum()), int((self.kept & (self.labels >= 0)).sum())
        n = self.sizes.astype(np.float64)
        several = n > 1
        pairs = n[several] * (n[several] - 1)
        within = (self.sums[several] ** 2).sum(axis=1) - n[several]
        cosine = float(within.sum() / pairs.sum()) if several.any() else float("nan")
        return Round(len(np.unique(self.labels[self.labels >= 0])), kept, of, cosine)


def _root(parent: np.ndarray, code: int) -> int:
    while parent[code] != code:
        parent[code] = parent[parent[code]]
        code = int(parent[code])
    return code


def _largest_group(unit: np.ndarray, levels: Levels, work: Progress) -> tuple[np.ndarray, np.ndarray]:
    """(n,) bool: in the largest group of a class; (n,) bool: a copy of an earlier row of it.

    unit: (n, D) rows of the class. Of equally large groups the one with the longest sum. Where no two rows
    hang together none is kept; a class of fewer than LEAST_ROWS keeps all.
    """
    n = len(unit)
    if n < LEAST_ROWS:
        return np.ones(n, dtype=bool), np.zeros(n, dtype=bool)
    near = unit @ unit.T if n <= _DENSE else None
    unseen = np.ones(n, dtype=bool)
    best, rank = np.zeros(n, dtype=bool), (1, 0.0)
    while unseen.any():
        front = np.array([int(unseen.argmax())])
        group = np.zeros(n, dtype=bool)
        while len(front):
            group[front], unseen[front] = True, False
            front = np.flatnonzero(unseen & _joined(unit, near, front, unseen, levels.same, work))
        size = int(group.sum())
        if size < rank[0] or size < 2:
            continue
        found = (size, float(np.linalg.norm(unit[group].sum(axis=0))))
        if found > rank:
            best, rank = group, found
    copies, places = np.zeros(n, dtype=bool), np.flatnonzero(best)
    for start in range(0, len(places), _DENSE):
        work.report(0, "looking for copies")
        some = places[start : start + _DENSE]
        alike = unit[some] @ unit[places[: start + len(some)]].T > levels.copy
        copies[some] = np.tril(alike, start - 1).any(axis=1)
    return best, copies


def _joined(
    unit: np.ndarray,
    near: np.ndarray | None,
    front: np.ndarray,
    unseen: np.ndarray,
    level: float,
    work: Progress,
) -> np.ndarray:
    """(n,) bool: rows that one of `front` is joined with. near: all cosines, where they are at hand."""
    if near is not None:
        joined: np.ndarray = (near[front] >= level).any(axis=0)
        return joined
    out, left = np.zeros(len(unit), dtype=bool), np.flatnonzero(unseen)
    for start in range(0, len(front), _DENSE):
        for begin in range(0, len(left), _DENSE):
            work.report(0, "comparing rows of a large class")
            some = left[begin : begin + _DENSE]
            out[some] |= (unit[front[start : start + _DENSE]] @ unit[some].T >= level).any(axis=0)
    return out


def _alike(means: np.ndarray, level: float, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
    """(P, 2) pairs of classes above the level, among each one's nearest, most alike first; (P,) cosines."""
    there = np.flatnonzero(means.any(axis=1))
    if len(there) < 2:
        return np.empty((0, 2), dtype=np.int64), np.empty(0)
    found, distance = nearest(means, there, NEIGHBOURS, there, progress)
    at, which = np.nonzero((found >= 0) & (1 - distance > level))
    pairs = np.sort(np.stack([there[at], found[at, which]], axis=1), axis=1)
    pairs, first = np.unique(pairs, axis=0, return_index=True)
    likeness = (1 - distance[at, which])[first].astype(np.float64)
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -likeness))
    return pairs[order], likeness[order]


def _stretches(
    embeddings: np.ndarray, order: np.ndarray, starts: np.ndarray, sizes: np.ndarray, progress: Progress
) -> Iterator[tuple[int, int, np.ndarray]]:
    """(first, last, unit rows of the groups first to before last), a few thousand rows at a time."""
    first = 0
    while first < len(starts):
        end = starts[first] + max(_ROWS_AT_ONCE, sizes[first])
        last = max(first + 1, int(np.searchsorted(starts + sizes, end, side="right")))
        stop = starts[last - 1] + sizes[last - 1]
        progress.report(starts[first] / len(order), "comparing rows of each class")
        yield first, last, unit_rows(embeddings, order[starts[first] : stop])
        first = last


def _middle(
    embeddings: np.ndarray, order: np.ndarray, starts: np.ndarray, sizes: np.ndarray, progress: Progress
) -> float:
    """Cosines.middle; of a class of many rows, to an even draw of _DENSE of them."""
    found = []
    for first, last, unit in _stretches(embeddings, order, starts, sizes, progress):
        for i in range(first, last):
            n = int(sizes[i])
            if n < 2:
                continue
            mine = unit[starts[i] - starts[first] :][:n]
            among = np.arange(n) if n <= _DENSE else np.linspace(0, n - 1, _DENSE).astype(np.int64)
            near = mine[among] @ mine[among].T
            np.fill_diagonal(near, np.nan)
            found.append(np.nanmedian(near, axis=1))
    return float(np.median(np.concatenate(found))) if found else float("nan")


def _pair_cosines(embeddings: np.ndarray, one: np.ndarray, two: np.ndarray, progress: Progress) -> np.ndarray:
    out = np.empty(len(one), dtype=np.float32)
    for start in range(0, len(one), _ROWS_AT_ONCE):
        progress.report(start / len(one), "comparing random pairs")
        some = slice(start, start + _ROWS_AT_ONCE)
        out[some] = (unit_rows(embeddings, one[some]) * unit_rows(embeddings, two[some])).sum(axis=1)
    return out.clip(-1, 1)


def _unit(rows: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)
