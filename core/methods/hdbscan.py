"""Clusters of any shape, and rows that lie in none: HDBSCAN on the graph of nearest rows.

scikit-learn's HDBSCAN compares all rows with all, which takes minutes and gigabytes from some ten thousand
rows on. Here the spanning tree is that of the nearest rows of every row, which are searched anyway, and one
tree serves all sizes of clusters that are tried.
Source: Campello, Moulavi, Sander: Density-Based Clustering Based on Hierarchical Density Estimates, 2013;
McInnes, Healy: Accelerated Hierarchical Density Based Clustering, 2017.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from core.methods.clusters import SEED, largest_first
from core.methods.neighbours import unit_rows
from core.progress import Progress

NO_CLUSTER = -1  # as in core.review.clusters, which no method may import
SAMPLES = 5
"""Rows, itself among them, that have to lie within the core distance of a row."""
AS_GOOD = 0.95
_SIZES = (5, 10, 20, 40, 80, 160, 320)
_LEAST_CLUSTERS = 4  # that a size must leave room for
_NEAREST = 1e-3  # distances below are equal: float32 cosines tell them apart no further
_BRIDGE_ROWS = 8192  # that parts of the graph which do not touch are joined by
_BLOCK = 1024
_AT_ONCE = 1 << 14
_SORTED_AT_ONCE = 1 << 18


@dataclass(frozen=True, eq=False)
class Tree:
    """A spanning tree of N rows and the clusters that single linkage makes of it.

    start, stop, length: (N - 1,) the edges, shortest first; mutual reachability distances of unit rows.
    parent: (2 N - 1,) of rows 0..N-1 and merges N.., the last one, the root, is its own; size: (2 N - 1,)
    rows below; left, right: (N - 1,) what each merge merges.
    """

    start: np.ndarray
    stop: np.ndarray
    length: np.ndarray
    parent: np.ndarray
    size: np.ndarray
    left: np.ndarray
    right: np.ndarray

    def __len__(self) -> int:
        return (len(self.parent) + 1) // 2


@dataclass(frozen=True)
class Tried:
    """What a least size of clusters gives. validity: in [0, 1], 1 = best (`clusters_of`)."""

    size: int
    clusters: int
    in_none: int
    validity: float


@dataclass(frozen=True, eq=False)
class Found:
    """labels: (N,) int32 cluster of each row, 0 the largest, NO_CLUSTER for none. size: the least rows of a
    cluster that was chosen; tried: every size that was, in rising order."""

    labels: np.ndarray
    size: int
    tried: tuple[Tried, ...]


def hdbscan(
    embeddings: np.ndarray, rows: np.ndarray, distances: np.ndarray, progress: Progress | None = None
) -> Found:
    """The clusters of the largest least size that is as good as valid: 95% of the best validity.

    embeddings: (N, D), may be a memory map; rows, distances: (N, k) the nearest rows and their cosine
    distances, nearest first. Sizes 5, 10, 20, ... 320 are tried, as far as four clusters would have room.
    Smaller ones are always a little more valid, and a person reads fewer clusters sooner.
    """
    progress = progress or Progress()
    if len(embeddings) < 2:
        return Found(np.full(len(embeddings), NO_CLUSTER, dtype=np.int32), _SIZES[0], ())
    tree = spanning_tree(embeddings, rows, distances, SAMPLES, progress.part(0, 0.8))
    sizes = [m for m in _SIZES if m * _LEAST_CLUSTERS <= len(tree)] or [_SIZES[0]]
    tried = []
    for place, size in enumerate(sizes):
        progress.report(0.8 + 0.2 * place / len(sizes), "trying sizes of clusters")
        labels, valid = clusters_of(tree, size)
        tried.append(Tried(size, int(labels.max()) + 1, int((labels < 0).sum()), valid))
    enough = AS_GOOD * max(one.validity for one in tried)
    chosen = max(one.size for one in tried if one.validity >= enough)
    labels, _ = clusters_of(tree, chosen)
    inside = labels >= 0
    labels[inside] = largest_first(labels[inside])
    return Found(labels, chosen, tuple(tried))


def spanning_tree(
    embeddings: np.ndarray, rows: np.ndarray, distances: np.ndarray, samples: int, progress: Progress
) -> Tree:
    """The spanning tree of least mutual reachability, among the edges of the graph.

    The mutual reachability of two rows is the largest of their distance and both core distances, that to the
    row's `samples`-th nearest, itself counted. Distances of unit rows. Parts of the graph that do not touch
    are joined where rows drawn from them are nearest, up to 8,192 rows: all of a small data set.
    """
    n = len(embeddings)
    apart = np.sqrt(2 * np.clip(distances, 0, None)).astype(np.float32)
    at = min(max(samples - 2, 0), apart.shape[1] - 1)
    core = apart[:, at] if samples > 1 else np.zeros(n, dtype=np.float32)
    start = np.repeat(np.arange(n, dtype=np.int32), rows.shape[1])
    stop = rows.ravel().astype(np.int32)
    there = (stop >= 0) & np.isfinite(apart.ravel())
    start, stop = start[there], stop[there]
    length = np.maximum(apart.ravel()[there], np.maximum(core[start], core[stop]))
    kept: list[np.ndarray] = []
    component = _grow(n, np.arange(n), start, stop, length, kept, progress.part(0.1, 0.6))
    while component.max() > 0:
        more = _bridges(embeddings, core, component, progress.part(0.6, 0.7))
        component = _grow(n, component, *more, kept, progress.part(0.6, 0.7))
    edges = np.concatenate(kept, axis=1)
    order = np.argsort(edges[2], kind="stable")
    start, stop = edges[0, order].astype(np.int64), edges[1, order].astype(np.int64)
    return _linked(start, stop, edges[2, order], progress.part(0.7, 1))


def clusters_of(tree: Tree, size: int) -> tuple[np.ndarray, float]:
    """((N,) int32 clusters of at least `size` rows, NO_CLUSTER for none, in no order; how valid they are).

    A merge of two parts that both have that many rows splits a cluster, seen from the top; a row leaves its
    cluster where it is in a part with fewer. Clusters are those of the largest sum, over their rows, of
    1/distance from where the cluster begins to where the row leaves it. All rows together are none.
    Validity: mean over all rows of 1 - (distance at which the row leaves) / (distance at which its cluster
    joins others), 0 for rows in none; in [0, 1], 1 = best: a silhouette (Rousseeuw, 1987) in the tree.
    """
    n = len(tree)
    big = np.zeros(len(tree.parent), dtype=bool)
    big[n:] = tree.size[n:] >= size
    if not big.any():
        return np.full(n, NO_CLUSTER, dtype=np.int32), 0.0
    density = np.zeros(len(tree.parent))
    density[n:] = 1 / np.maximum(tree.length, _NEAREST)
    splits = np.zeros(len(tree.parent), dtype=bool)
    splits[n:] = big[tree.left] & big[tree.right]
    begins = big & splits[tree.parent]
    root = len(tree.parent) - 1
    begins[root] = True
    head = _climb(np.where(begins | ~big, np.arange(root + 1), tree.parent))
    last = _climb(np.where(big, np.arange(root + 1), tree.parent))[:n]  # where a row leaves its cluster
    nodes = np.flatnonzero(begins)
    number = np.full(root + 1, -1)
    number[nodes] = np.arange(len(nodes))
    mass = np.bincount(number[head[last]], density[last], len(nodes))
    mass += np.bincount(number[head[splits]], tree.size[splits] * density[splits], len(nodes))
    born = np.where(nodes == root, 0, density[tree.parent[nodes]])
    above = number[head[tree.parent[nodes]]]
    chosen = _chosen(mass - tree.size[nodes] * born, above)
    labels = chosen[number[head[last]]]
    inside = labels >= 0
    joins = np.zeros(labels.max(initial=-1) + 1)
    tops = np.flatnonzero((chosen >= 0) & (chosen[above] < 0))
    joins[chosen[tops]] = born[tops]
    valid = (1 - joins[labels[inside]] / density[last[inside]]).sum() / n
    return labels.astype(np.int32), float(valid)


def _grow(
    n: int,
    component: np.ndarray,
    start: np.ndarray,
    stop: np.ndarray,
    length: np.ndarray,
    kept: list[np.ndarray],
    progress: Progress,
) -> np.ndarray:
    """(n,) the parts that are left, from 0, once these edges have joined what they can; `kept` takes those of
    the tree. Borůvka's algorithm: every part takes its shortest edge out, ties by their order."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    order = _order(length, progress.part(0, 0.4))
    start, stop, length = start[order], stop[order], length[order]
    turn = 0
    while True:
        turn += 1
        step = progress.part(1 - 0.6 * 0.5 ** (turn - 1), 1 - 0.6 * 0.5**turn)
        step.report(0, "joining rows")
        out = np.flatnonzero(component[start] != component[stop])
        if not len(out):
            return component
        step.report(0.3, "joining rows")
        start, stop, length = start[out], stop[out], length[out]
        shortest = np.full(int(component.max()) + 1, len(start))
        backwards = np.arange(len(start))[::-1]
        for side in (start, stop):
            mine = np.full_like(shortest, len(start))
            step.report(0.6, "joining rows")
            # Of several writes to a place the last one stays: that of the shortest edge.
            mine[component[side[backwards]]] = backwards
            shortest = np.minimum(shortest, mine)
        taken = np.unique(shortest[shortest < len(start)])
        kept.append(np.stack([start[taken], stop[taken], length[taken]]).astype(np.float64))
        ends = component[start[taken]], component[stop[taken]]
        size = len(shortest)
        joined = coo_array((np.ones(len(taken), dtype=np.int8), ends), shape=(size, size))
        component = connected_components(joined, directed=False)[1][component]


def _order(length: np.ndarray, progress: Progress) -> np.ndarray:
    """The places of the lengths in rising order, ties in theirs. As argsort, which cannot be stopped."""
    progress.report(0, "sorting distances")
    if len(length) <= _SORTED_AT_ONCE:
        return np.argsort(length, kind="stable")
    some = np.sort(length[:: max(1, len(length) // 65_536)])
    bounds = some[:: max(1, len(some) // (len(length) // _SORTED_AT_ONCE + 1))]
    bucket = np.empty(len(length), dtype=np.uint16)
    for begin in range(0, len(length), _SORTED_AT_ONCE):
        progress.report(0.2 * begin / len(length), "sorting distances")
        part = slice(begin, begin + _SORTED_AT_ONCE)
        bucket[part] = np.searchsorted(bounds, length[part], side="right")
    order = np.argsort(bucket, kind="stable")  # a radix sort, which takes a tenth of the time
    ends = np.cumsum(np.bincount(bucket))
    for begin, end in pairwise([0, *ends.tolist()]):
        progress.report(0.4 + 0.6 * begin / len(length), "sorting distances")
        alike = order[begin:end]
        order[begin:end] = alike[np.argsort(length[alike], kind="stable")]
    return order


def _bridges(
    embeddings: np.ndarray, core: np.ndarray, component: np.ndarray, progress: Progress
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edges from rows of each part to the nearest row of another: (start, stop, length)."""
    rng = np.random.default_rng(SEED)
    shuffled = rng.permutation(len(component))
    order = shuffled[np.argsort(component[shuffled], kind="stable")]
    size = np.bincount(component)
    place = np.arange(len(order)) - np.repeat(np.cumsum(size) - size, size)
    chosen = np.sort(order[np.argsort(place, kind="stable")][:_BRIDGE_ROWS])
    if component[chosen].min() == component[chosen].max():
        chosen = np.unique(np.append(chosen, np.flatnonzero(component != component[chosen[0]])[:1]))
    unit, part = unit_rows(embeddings, chosen), component[chosen]
    other, near = np.empty(len(chosen), dtype=np.int64), np.empty(len(chosen), dtype=np.float32)
    for begin in range(0, len(chosen), _BLOCK):
        progress.report(begin / len(chosen), "joining parts")
        block = slice(begin, min(begin + _BLOCK, len(chosen)))
        likeness = unit[block] @ unit.T
        likeness[part[block, None] == part] = -np.inf
        best = likeness.argmax(axis=1)
        other[block], near[block] = chosen[best], likeness[np.arange(len(best)), best]
    length = np.maximum(np.sqrt(2 * np.clip(1 - near, 0, 2)), np.maximum(core[chosen], core[other]))
    return chosen, other, length


def _linked(start: np.ndarray, stop: np.ndarray, length: np.ndarray, progress: Progress) -> Tree:
    """The merges of single linkage, from the edges of the tree, shortest first."""
    n = len(start) + 1
    parent, size = list(range(2 * n - 1)), [1] * n + [0] * (n - 1)
    up = list(range(2 * n - 1))  # shortcuts to the topmost merge so far
    left, right = [0] * (n - 1), [0] * (n - 1)
    for at, (a, b) in enumerate(zip(start.tolist(), stop.tolist(), strict=True)):
        if at % _AT_ONCE == 0:
            progress.report(at / n, "linking rows")
        while up[a] != a:
            up[a] = a = up[up[a]]
        while up[b] != b:
            up[b] = b = up[up[b]]
        made = n + at
        parent[a] = parent[b] = up[a] = up[b] = made
        size[made] = size[a] + size[b]
        left[at], right[at] = a, b
    return Tree(start, stop, length, *map(np.array, (parent, size, left, right)))


def _climb(up: np.ndarray) -> np.ndarray:
    """The last node that each node leads to by its shortcuts."""
    while True:
        higher = up[up]
        if (higher == up).all():
            return up
        up = higher


def _chosen(mass: np.ndarray, above: np.ndarray) -> np.ndarray:
    """(C,) for each cluster the number of the chosen one that it lies in, NO_CLUSTER for none.

    mass: (C,); above: (C,) the cluster that each is split from. Merges come before what they are part of, so
    that parts have lower numbers; the last one is the root.
    """
    count = len(mass)
    best, below, kept = mass.copy(), np.zeros(count), np.ones(count, dtype=bool)
    for c in range(count - 1):
        if below[c] > best[c]:
            best[c], kept[c] = below[c], False  # its parts are better
        below[above[c]] += best[c]
    label = np.full(count, NO_CLUSTER)
    found = 0
    for c in range(count - 2, -1, -1):
        if label[above[c]] >= 0:
            label[c] = label[above[c]]
        elif kept[c]:
            label[c], found = found, found + 1
    return label
