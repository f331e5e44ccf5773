"""The orders that a queue can have. Each is a list of sort keys; ties that are left keep data set order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from core.dataset import Dataset
from core.errors import refuse
from core.issues import Result
from core.review.chance import unit_interval

RANDOM_SEED = 0


@dataclass(frozen=True, eq=False)
class Material:
    """What rows can be ordered by. check: name of the check in use, "" without results.

    clusters: (N,) cluster numbers of the rows, or None where there are none. near: positions of the rows
    like one row, nearest first, or None. gain: (N,) wrong labels a second to be expected of each row, or
    None. turn: (N,) by which rows of a benchmark are read, or None.
    """

    dataset: Dataset
    results: Mapping[str, Result]
    check: str
    clusters: np.ndarray | None = None
    near: np.ndarray | None = None
    gain: np.ndarray | None = None
    turn: np.ndarray | None = None

    @property
    def score(self) -> np.ndarray:
        """(N,) scores of the check in use, 0 = worst; all 1 without results."""
        if not self.check:
            return np.ones(len(self.dataset), dtype=np.float32)
        return self.results[self.check].table["score"].to_numpy()

    @property
    def flagged(self) -> np.ndarray:
        """(N,) whether the check in use flags the row; nothing is flagged without results."""
        if not self.check:
            return np.zeros(len(self.dataset), dtype=bool)
        return self.results[self.check].table["flagged"].to_numpy()


def ordered(positions: np.ndarray, material: Material, sort: str) -> np.ndarray:
    """The positions, which must ascend, in one of SORTS. Raises InputError where it lacks clusters."""
    keys = _KEYS[sort](material)
    if not keys:
        return positions
    return positions[np.lexsort([key[positions] for key in reversed(keys)])]


def disagreement(results: Mapping[str, Result], rows: int) -> np.ndarray:
    """(rows,) float32 share of the pairs of checks that disagree about a row, in [0, 1]; 0 with one check.

    Two checks disagree where one flags the row and the other does not, and where both flag it and suggest
    different labels.
    """
    tables = [result.table for result in results.values()]
    said = [(t["flagged"].to_numpy(), t["suggestion"].cat.codes.to_numpy()) for t in tables]
    apart = np.zeros(rows, dtype=np.float32)
    pairs = list(combinations(said, 2))
    for (flags, label), (other_flags, other) in pairs:
        both_suggest = flags & other_flags & (label >= 0) & (other >= 0)
        apart += (flags != other_flags) | (both_suggest & (label != other))
    return apart / max(1, len(pairs))


def flagging_threshold(score: np.ndarray, flagged: np.ndarray) -> float:
    """The score below which there are as many rows as are flagged.

    Half way between two scores; the lowest score where nothing is flagged, the highest where everything is.
    """
    if not len(score):
        return 0.0
    count = int(np.count_nonzero(flagged))
    around = [max(count - 1, 0), min(count, len(score) - 1)]
    if count in (0, len(score)):
        around = [around[0] if count else 0]
    return float(np.partition(score, around)[around].astype(np.float64).mean())


def _worst(material: Material) -> list[np.ndarray]:
    return [material.score]


def _best(material: Material) -> list[np.ndarray]:
    return [-material.score]


def _informative(material: Material) -> list[np.ndarray]:
    """Rows that most pairs of checks disagree about; then scores nearest to the flagging threshold, where
    the check in use is least certain; then lowest score. With one check the first key is the same for all."""
    score = material.score
    uncertain = np.abs(score - flagging_threshold(score, material.flagged))
    return [-disagreement(material.results, len(score)), uncertain, score]


def _by_class(material: Material) -> list[np.ndarray]:
    """By given label, classes with most flagged rows first, equals in class order, unlabelled rows last;
    worst first inside."""
    labels = material.dataset.labels
    classes = len(material.dataset.classes)
    counts = np.bincount(labels[material.flagged & (labels >= 0)], minlength=classes)
    place = np.append(_places(-counts), classes)  # its last entry is found by the code -1, unlabelled
    return [place[labels], material.score]


def _by_cluster(material: Material) -> list[np.ndarray]:
    """Clusters with the largest share of flagged rows first, equals by number, the rows in none as one group;
    worst first inside."""
    found = material.clusters
    if found is None:
        raise refuse(
            "the clusters of this data set have not been found",
            expected="embeddings, and the clusters found in them",
            mend="choose the order “Cluster by cluster” on the Issues page, or another order",
        )
    found = found + 1  # rows in none are -1
    size = np.bincount(found)
    share = np.bincount(found, weights=material.flagged, minlength=len(size)) / np.maximum(size, 1)
    return [_places(-share)[found], material.score]


def _places(key: np.ndarray) -> np.ndarray:
    """The place of each entry when they are sorted by the key; equals in their order."""
    place = np.empty(len(key), dtype=np.int64)
    place[np.argsort(key, kind="stable")] = np.arange(len(key))
    return place


def _random(material: Material) -> list[np.ndarray]:
    return [unit_interval(material.dataset.row_ids, RANDOM_SEED, f"audit of {material.dataset.name}")]


def _nearest(material: Material) -> list[np.ndarray]:
    """The rows like one row, nearest first; others, and all where none was named, by score."""
    near = np.empty(0, dtype=np.int64) if material.near is None else material.near
    place = np.full(len(material.dataset), len(near))
    place[near] = np.arange(len(near))
    return [place, material.score]


def _by_gain(material: Material) -> list[np.ndarray]:
    """Most wrong labels in the time that the rows take; by score where nothing is known of that."""
    return [material.score] if material.gain is None else [-material.gain, material.score]


def _benchmark(material: Material) -> list[np.ndarray]:
    if material.turn is None:
        raise refuse(
            "there is no benchmark of this data set",
            expected="predictions of two models or more",
            mend="choose another order",
        )
    return [material.turn]


def _row(material: Material) -> list[np.ndarray]:
    return []


_KEYS: dict[str, Callable[[Material], list[np.ndarray]]] = {
    "worst": _worst,
    "yield": _by_gain,
    "informative": _informative,
    "class": _by_class,
    "cluster": _by_cluster,
    "random": _random,
    "benchmark": _benchmark,
    "near": _nearest,
    "best": _best,
    "row": _row,
}
SORTS = tuple(_KEYS)
