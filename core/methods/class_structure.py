"""What the classes and the order of the rows are like: few rows, overlap, weak slices, drift."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd

from core.methods.intervals import wilson
from core.methods.significance import adjusted, hypergeometric_tail
from core.methods.systematic import LEAST, Q, SliceColumn, plain
from core.progress import Progress

FEW_SHARE = 0.1
"""Of an even share of the rows: a class with less is called rare, as in cleanlab's Datalab."""
OVERLAP = 0.05
"""Share of the rows of both classes that look like the other one, at least, from which they overlap."""
PERMUTATIONS, SEED = 199, 0
ORDER_ROWS = 20_000
ORDER_NEAREST = 10
BLOCKS = 10


def imbalance(counts: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    """One line a class, fewest rows first: class, rows, share, of_even, rare, sentence ("" if not rare).

    counts: (K,) labelled rows. of_even: rows over the mean rows of a class; rare below FEW_SHARE.
    Source: cleanlab's Datalab, class imbalance.
    """
    total, k = int(counts.sum()), len(counts)
    share = counts / max(total, 1)
    rare = share * k < FEW_SHARE if total else np.zeros(k, dtype=bool)
    frame = pd.DataFrame(
        {"class": [*classes], "rows": counts, "share": share, "of_even": share * k, "rare": rare}
    )
    frame["sentence"] = [
        f"Class {plain(name)} has {rows:,} of {total:,} rows, {ratio:.0%} of an even share: what is said of "
        "its errors rests on few rows, and a model learns it badly."
        if few
        else ""
        for name, rows, ratio, few in zip(classes, counts.tolist(), (share * k).tolist(), rare, strict=True)
    ]
    return frame.sort_values("rows", kind="stable", ignore_index=True)


def noise_matrix(
    confident_joint: np.ndarray, class_counts: np.ndarray, classes: Sequence[str]
) -> pd.DataFrame:
    """Which classes the rows of each given class look like, by the confident joint of Scan.

    One line a pair with rows, the diagonal too: given, like, counted (rows confidently counted there), share
    of the counted rows of that given class with its 95% Wilson interval low to high, and rows: that share of
    all rows of the class. Classes without rows are left out.
    """
    given, like = np.nonzero(confident_joint * (class_counts > 0)[:, None])
    counted = confident_joint[given, like]
    of = confident_joint.sum(axis=1)[given]
    low, high = wilson(counted, of)
    names = np.array([*classes], dtype=object)
    return pd.DataFrame(
        {
            "given": names[given],
            "like": names[like],
            "counted": counted,
            "share": counted / of,
            "low": low,
            "high": high,
            "rows": counted / of * class_counts[given],
        }
    )


def overlapping(
    confident_joint: np.ndarray,
    class_counts: np.ndarray,
    classes: Sequence[str],
    labels: np.ndarray | None = None,
    nearest: np.ndarray | None = None,
) -> pd.DataFrame:
    """Pairs of classes that mix both ways: candidates for merging, or for a clearer guideline.

    By the model: rows confidently counted in the other class. By the nearest rows: rows whose nearest
    labelled row has the other class. labels: (N,) codes; nearest: (N, M) positions, nearest first; -1 = none.
    One line a pair, most overlap first: a, b, by ("model" or "nearest rows"), a_like_b, b_like_a (shares),
    score = the smaller of the two, 0 = apart, with its 95% Wilson interval low to high; overlaps: low is at
    least OVERLAP. Errors that go one way are no overlap: the smaller share stays small.
    """
    tables = [("model", np.where(class_counts[:, None] > 0, confident_joint, 0))]
    if labels is not None and nearest is not None:
        tables.append(("nearest rows", _nearest_classes(labels, nearest, len(classes))))
    frames = [_mixing(table, classes, by) for by, table in tables]
    frame = pd.concat(frames, ignore_index=True)
    return frame.sort_values(["low", "score"], ascending=False, kind="stable", ignore_index=True)


def _nearest_classes(labels: np.ndarray, nearest: np.ndarray, k: int) -> np.ndarray:
    """(K, K) rows by [own class, class of the nearest labelled row]."""
    near = np.where(nearest >= 0, labels[nearest], -1)
    first = (near >= 0).argmax(axis=1)
    of = near[np.arange(len(near)), first] if near.shape[1] else np.full(len(near), -1)
    there = (labels >= 0) & (of >= 0)
    pairs = labels[there].astype(np.int64) * k + of[there]
    return np.bincount(pairs, minlength=k * k).reshape(k, k)


def _mixing(table: np.ndarray, classes: Sequence[str], by: str) -> pd.DataFrame:
    a, b = np.nonzero(np.triu(np.minimum(table, table.T), 1))
    of = np.maximum(table.sum(axis=1), 1)
    ab, ba = table[a, b] / of[a], table[b, a] / of[b]
    (low_ab, high_ab), (low_ba, high_ba) = wilson(table[a, b], of[a]), wilson(table[b, a], of[b])
    smaller = ab <= ba
    low = np.minimum(low_ab, low_ba)
    names = np.array([*classes], dtype=object)
    return pd.DataFrame(
        {
            "a": names[a],
            "b": names[b],
            "by": by,
            "a_like_b": ab,
            "b_like_a": ba,
            "score": np.minimum(ab, ba),
            "low": low,
            "high": np.where(smaller, high_ab, high_ba),
            "overlaps": low >= OVERLAP,
        }
    )


def underperforming(
    right: np.ndarray, slices: Sequence[SliceColumn], progress: Progress | None = None
) -> tuple[pd.DataFrame, int]:
    """Slices in which the model agrees with the labels less often than elsewhere; and how many were tested.

    right: (N,) 1 where the model's first class is the given label, 0 where not, -1 without a label.
    One line a finding, the surest first: column, value, rows, accuracy with its 95% Wilson interval low to
    high, elsewhere (accuracy of all other rows), p (exact hypergeometric, one-sided), q (Benjamini-Hochberg
    over all slices with LEAST rows), sentence, params: the query parameters of the slice, as JSON.
    """
    progress = progress or Progress()
    inside = right >= 0
    total, misses = int(inside.sum()), int((right == 0).sum())
    found = []
    for i, column in enumerate(slices):
        progress.report(i / len(slices), f"comparing slices by {column.name}")
        codes, values = column.codes()
        at = inside & (codes >= 0)
        rows = np.bincount(codes[at], minlength=len(values))
        wrong = np.bincount(codes[at & (right == 0)], minlength=len(values))
        for v in np.flatnonzero((rows >= LEAST) & (rows < total)).tolist():
            found.append((i, values[v], int(rows[v]), int(wrong[v])))
    columns = ["column", "value", "rows", "accuracy", "low", "high", "elsewhere", "p", "q"]
    columns += ["sentence", "params"]
    if not found:
        return pd.DataFrame({c: [] for c in columns}), 0
    frame = pd.DataFrame(found, columns=["at", "value", "rows", "wrong"])
    n, x = frame["rows"].to_numpy(), frame["wrong"].to_numpy()
    frame["column"] = [slices[i].name for i in frame["at"]]
    frame["accuracy"], frame["elsewhere"] = 1 - x / n, 1 - (misses - x) / (total - n)
    frame["low"], frame["high"] = wilson(n - x, n)
    frame["p"] = hypergeometric_tail(x, n, np.full(len(n), misses), np.full(len(n), total))
    frame["q"] = adjusted(frame["p"].to_numpy())
    tests = len(frame)
    frame = frame[frame["q"] <= Q].sort_values("p", kind="stable", ignore_index=True)
    frame["sentence"] = [
        f"Of {rows:,} rows {slices[at].words(value)} the model agrees with the label on {accuracy:.0%}, "
        f"elsewhere on {elsewhere:.0%}."
        for at, value, rows, accuracy, elsewhere in zip(
            *(frame[c].tolist() for c in ("at", "value", "rows", "accuracy", "elsewhere")), strict=True
        )
    ]
    frame["params"] = [
        json.dumps(slices[at].query(value), ensure_ascii=False)
        for at, value in zip(frame["at"].tolist(), frame["value"], strict=True)
    ]
    return frame[columns], tests


def order_of_nearest(nearest: np.ndarray, progress: Progress | None = None) -> dict[str, float]:
    """Whether rows that are alike also stand near each other: the distribution of |i - j| of nearest rows.

    nearest: (N, M) positions, -1 = none; the first ORDER_NEAREST are used, of ORDER_ROWS seeded rows.
    Returns statistic, the Kolmogorov-Smirnov distance to the distribution of random pairs, in [0, 1], 0 = no
    relation; p, by permutations of the order (PERMUTATIONS, seed 0; smallest 0.005); closer: the median
    distance of nearest rows over that of random pairs. Without two rows: 0, 1, 1.
    Source: cleanlab's Datalab, non-IID score; here random pairs are known exactly, and p permutes whole rows.
    """
    progress = progress or Progress()
    n = len(nearest)
    rng = np.random.default_rng(SEED)
    rows = np.arange(n) if n <= ORDER_ROWS else np.sort(rng.choice(n, ORDER_ROWS, replace=False))
    near = nearest[rows, :ORDER_NEAREST]
    at, place = np.nonzero(near >= 0)
    first, second = rows[at], near[at, place].astype(np.int64)
    if n < 3 or not len(first):
        return {"statistic": 0.0, "p": 1.0, "closer": 1.0}
    seen = _order_distance(np.abs(first - second), n)
    as_far = 0
    for i in range(PERMUTATIONS):
        progress.report(i / PERMUTATIONS, "comparing the order of rows")
        order = rng.permutation(n)
        as_far += _order_distance(np.abs(order[first] - order[second]), n) >= seen
    usual = n * (1 - np.sqrt(0.5))  # the median of |i - j| of two random rows
    closer = float(np.median(np.abs(first - second)) / usual)
    return {"statistic": seen, "p": (1 + as_far) / (1 + PERMUTATIONS), "closer": closer}


def _order_distance(gaps: np.ndarray, n: int) -> float:
    """Kolmogorov-Smirnov distance of gaps in 1..n-1 to those of random pairs, P(gap <= g) known exactly."""
    seen = np.cumsum(np.bincount(gaps, minlength=n)[1:]) / len(gaps)
    g = np.arange(1, n, dtype=np.float64)
    random = g * (2 * n - g - 1) / (n * (n - 1))
    return float(np.abs(seen - random).max())


def drift(
    labels: np.ndarray, classes: Sequence[str], progress: Progress | None = None
) -> tuple[pd.DataFrame, dict[str, float]]:
    """How the shares of the classes change from the first rows to the last.

    labels: (N,) codes, -1 = none, left out. The labelled rows are cut into BLOCKS equal stretches.
    Returns one line a class and stretch (class, block from 1, rows, share, low, high: 95% Wilson), classes
    that change most first; and strength (Cramér's V, 0 = none, 1 = each stretch has its own classes) with p,
    by permutations of the labels (PERMUTATIONS, seed 0; smallest 0.005).
    """
    progress = progress or Progress()
    given = labels[labels >= 0].astype(np.int64)
    k, blocks = len(classes), min(BLOCKS, len(given))
    empty = pd.DataFrame({c: [] for c in ("class", "block", "rows", "share", "low", "high")})
    if blocks < 2 or len(np.unique(given)) < 2:
        return empty, {"strength": 0.0, "p": 1.0}
    block = np.arange(len(given)) * blocks // len(given)
    table = _counts(given, block, k, blocks)
    seen = _chi_square(table)
    rng = np.random.default_rng(SEED)
    as_far = 0
    for i in range(PERMUTATIONS):
        progress.report(i / PERMUTATIONS, "comparing the order of labels")
        as_far += _chi_square(_counts(rng.permutation(given), block, k, blocks)) >= seen * (1 - 1e-12)
    width = min(blocks, int((table.sum(axis=1) > 0).sum())) - 1
    sizes = np.broadcast_to(table.sum(axis=0), table.shape)
    low, high = wilson(table, sizes)
    order = np.argsort(-np.ptp(table / sizes, axis=1), kind="stable")
    order = order[table.sum(axis=1)[order] > 0]
    frame = pd.DataFrame(
        {
            "class": np.repeat(np.array([*classes], dtype=object)[order], blocks),
            "block": np.tile(np.arange(1, blocks + 1), len(order)),
            "rows": table[order].ravel(),
            "share": (table / sizes)[order].ravel(),
            "low": low[order].ravel(),
            "high": high[order].ravel(),
        }
    )
    strength = float(np.sqrt(seen / len(given) / width))
    return frame, {"strength": min(strength, 1.0), "p": (1 + as_far) / (1 + PERMUTATIONS)}


def _counts(labels: np.ndarray, block: np.ndarray, k: int, blocks: int) -> np.ndarray:
    return np.bincount(labels * blocks + block, minlength=k * blocks).reshape(k, blocks)


def _chi_square(table: np.ndarray) -> float:
    """The chi-square statistic of a table of counts, classes without rows left out."""
    there = table[table.sum(axis=1) > 0].astype(np.float64)
    expected = there.sum(axis=1, keepdims=True) * there.sum(axis=0) / there.sum()
    return float(((there - expected) ** 2 / expected).sum())
