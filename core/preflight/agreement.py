"""Whether predictions and given labels speak of the same rows and classes: a check against bad luck."""

from __future__ import annotations

import numpy as np

from core.errors import Problem
from core.preflight.large_arrays import chunks

LEAST_KAPPA = 0.2
"""Below it agreement is "slight" (Landis & Koch 1977): a model worth asking agrees better than that."""
LEAST_GAIN = 0.1
"""How much more labels another order of the columns must explain before it is named."""

LEAST_SURER = 0.75
"""Below this share of classes the predictions are hardly about these labels."""
IS_IT_IN_ORDER = "are the rows in the order of the data, and the columns in the order of the classes?"
"""What is asked where predictions and labels agree no better than chance."""


def agreement(
    labels: np.ndarray, pred_probs: np.ndarray, classes: tuple[str, ...], file: str
) -> list[Problem]:
    """States the share of labels that the likeliest class agrees with, and warns where it is too small.

    labels: (N,) codes, -1 = unlabelled. Chance is what the two would share if they were independent,
    the sum over classes of P(label) P(likeliest); kappa = (agreement - chance) / (1 - chance).
    A second warning names a reordering of the columns that agrees far better.
    """
    there = labels >= 0
    n, k = int(there.sum()), len(classes)
    if n == 0 or k < 2:
        return []
    likeliest = np.concatenate([np.argmax(c, axis=1) for _, c in chunks(pred_probs)])
    pairs = labels[there].astype(np.int64) * k + likeliest[there]
    table = np.bincount(pairs, minlength=k * k).reshape(k, k)
    share = float(np.trace(table)) / n
    chance = float(table.sum(axis=1) @ table.sum(axis=0)) / n / n
    numbers = f"{share:.1%} of the given labels ({chance:.1%} would be chance)"
    text = f"the predictions agree with {numbers}"
    if n >= 10 * k and (order := _better_order(table, share, n)) is not None:
        moved = [i for i in range(k) if order[i] != i][:3]
        shown = ", ".join(f"column {order[i] + 1} as {classes[i]!r}" for i in moved)
        better = float(table[np.arange(k), order].sum()) / n
        found = f"{text}; with the columns in another order ({shown}, ...) they would agree with {better:.1%}"
        mend = "check the order of the columns, or give a class list (--classes) or named columns"
        return [Problem("warning", found, mend, file=file)]
    if n >= 20 and (share - chance) / (1 - chance or 1.0) < LEAST_KAPPA:
        found = f"the predictions disagree with most labels: they agree with {numbers}"
        return [Problem("warning", found, IS_IT_IN_ORDER, file=file)]
    return [Problem("notice", text, file=file)]


def set_agreement(labels: np.ndarray, member: np.ndarray, pred_probs: np.ndarray, file: str) -> list[Problem]:
    """States for how many classes the model is surer on rows that have the label, and warns of too few.

    labels: (N,) codes of sets, -1 = unlabelled. member: (sets, K) bool. Without any relation between
    predictions and labels that is so for half of the classes. Classes that all or no rows have say nothing.
    """
    rows = np.bincount(labels[labels >= 0], minlength=len(member)) @ member.astype(np.int64)
    sums = np.zeros((2, member.shape[1]))
    for start, chunk in chunks(pred_probs):
        codes = labels[start : start + len(chunk)]
        has = np.where((codes >= 0)[:, None], member[codes], False)
        there = (codes >= 0)[:, None]
        sums += [np.sum(chunk, axis=0, where=has), np.sum(chunk, axis=0, where=there & ~has)]
    n = int((labels >= 0).sum())
    telling = (rows > 0) & (rows < n)
    if not telling.any():
        return []
    surer = int((sums[0][telling] / rows[telling] > sums[1][telling] / (n - rows[telling])).sum())
    of = int(telling.sum())
    count = f"{surer:,} of {of:,} classes (half would be chance)"
    text = f"the model is surer of a label on the rows that have it for {count}"
    if n >= 20 and of >= 3 and surer < LEAST_SURER * of:
        return [Problem("warning", text, IS_IT_IN_ORDER, file=file)]
    return [Problem("notice", text, file=file)]


def _better_order(table: np.ndarray, share: float, n: int) -> np.ndarray | None:
    """(K,) the column for each class in the assignment that agrees most, if that is a clear gain."""
    if len(table) > 2_000 or share > 1 - LEAST_GAIN:
        return None
    from scipy.optimize import linear_sum_assignment

    order = linear_sum_assignment(table, maximize=True)[1]
    gain = float(table[np.arange(len(table)), order].sum()) / n - share
    return order if gain > LEAST_GAIN else None
