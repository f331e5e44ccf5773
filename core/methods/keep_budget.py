"""How many rows of each cluster to keep, and which, where only some rows can be kept.

Clusters that are wide and lie far from others, complex concepts, keep more of their rows than tight ones, in
which rows repeat each other. Source: Abbas, Rusak, Tirumala, Brendel, Chaudhuri, Morcos: Effective pruning of
web-scale datasets based on complexity of concept clusters, 2024.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

TEMPERATURE = 0.1  # the paper's; its code has 0.5 as the default
SEED = 0
NOISY = 0.02
"""The share of labels that look wrong from which keeping the hardest rows is warned of."""
_HALVINGS = 200

Which = Literal["hard", "random", "easy"]


def complexity(distance: np.ndarray, clusters: np.ndarray, between: np.ndarray) -> np.ndarray:
    """(k,) complexity of each cluster: mean distance of its rows to its centre, times `between`.

    distance: (N,) of each row to its cluster's centre, in [0, 2]. clusters: (N,) from 0, none of them empty.
    between: (k,) mean distance of each centre to the nearest other ones. Both as
    `core.methods.clusters.centre_distances` gives them. In [0, 4]; 0: all rows are the same.
    """
    size = np.bincount(clusters, minlength=len(between))
    return np.bincount(clusters, weights=distance, minlength=len(between)) / size * between


def shares(complexity: np.ndarray, temperature: float = TEMPERATURE) -> np.ndarray:
    """(k,) wanted share of the kept rows for each cluster: softmax of complexity / temperature; sums to 1."""
    if not len(complexity):
        return np.empty(0)
    power = np.exp((complexity - complexity.max()) / temperature)
    return power / power.sum()


def budget(shares: np.ndarray, sizes: np.ndarray, keep: int) -> np.ndarray:
    """(k,) int64 rows to keep of each cluster, `keep` in all.

    The whole numbers nearest to the optimum of: least sum of (x - shares * keep)^2 with sum x = keep and
    1 <= x <= size (at least keep / k where not every cluster can keep a row). shares: (k,), sum 1.
    sizes: (k,) rows of each cluster. Raises ValueError unless 0 <= keep <= all rows.
    """
    if not 0 <= keep <= sizes.sum():
        raise ValueError(f"{keep} of {sizes.sum()} rows cannot be kept")
    lower = np.minimum(sizes, min(1.0, keep / max(1, len(sizes))))
    return largest_remainder(water_filling(shares * keep, lower, sizes, keep), keep)


def water_filling(target: np.ndarray, lower: np.ndarray, upper: np.ndarray, total: float) -> np.ndarray:
    """(k,) float64 x nearest to `target` (least squares) with sum x = total and lower <= x <= upper.

    The optimum is x = clip(target - level, lower, upper); its one level is found by bisection, since the sum
    falls as it rises. Raises ValueError where the bounds leave no such x.
    """
    target, lower, upper = (np.asarray(a, dtype=np.float64) for a in (target, lower, upper))
    slack = 1e-9 * max(1.0, abs(total))
    if (lower > upper).any() or not lower.sum() - slack <= total <= upper.sum() + slack:
        raise ValueError("no such amounts: the bounds leave none")
    if not len(target):
        return np.empty(0)
    low, high = float((target - upper).min()), float((target - lower).max())
    for _ in range(_HALVINGS):
        level = (low + high) / 2
        if np.clip(target - level, lower, upper).sum() > total:
            low = level
        else:
            high = level
    return np.clip(target - high, lower, upper)


def largest_remainder(amounts: np.ndarray, total: int) -> np.ndarray:
    """(k,) int64: amounts >= 0 that sum to `total` made whole, none by 1 or more; the sum is kept.

    Rounded down, then 1 more for the largest remainders, equals in their order. Source: Hare's method.
    """
    whole = np.floor(amounts + 1e-9).astype(np.int64)
    most = np.argsort(-(amounts - whole), kind="stable")[: max(0, total - int(whole.sum()))]
    whole[most] += 1
    return whole


def keep_mask(
    clusters: np.ndarray, distance: np.ndarray, keep: np.ndarray, which: Which = "hard", seed: int = SEED
) -> np.ndarray:
    """(N,) bool, the rows to keep: keep[c] rows of each cluster c.

    which: "hard", the farthest from the centre, as in the paper; "easy", the nearest; "random", by `seed`.
    Equals in data set order.
    """
    key = {"hard": -distance, "easy": distance, "random": None}[which]
    if key is None:
        key = np.random.default_rng(seed).random(len(clusters))
    order = np.lexsort((key, clusters))
    size = np.bincount(clusters, minlength=len(keep))
    place = np.arange(len(clusters)) - np.repeat(np.cumsum(size) - size, size)
    mask = np.empty(len(clusters), dtype=bool)
    mask[order] = place < np.repeat(keep, size)
    return mask


def hard_warning(wrong: float | None) -> str:
    """Why the hardest rows should not be kept, one sentence; "" where nothing speaks against it.

    wrong: the share of labels in [0, 1] that look wrong and have not been reviewed; None: not known.
    Rows far from the centre are more often mislabelled: of the hardest tenth of CIFAR-10N, crowd-labelled
    AG News and banking77, 13, 29 and 15% are wrong, of all rows 9, 19 and 10%.
    """
    if wrong is None:
        return "The labels have not been checked: the hardest rows are wrong more often than others."
    if wrong < NOISY:
        return ""
    return (
        f"{wrong:.0%} of the labels look wrong and are not reviewed: the hardest rows are wrong more often "
        "than others, so review first, or keep rows at random."
    )
