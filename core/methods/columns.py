"""The columns of a table: missing cells, text among numbers, values far away, columns that tell the label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.methods.intervals import wilson

MOSTLY_NUMBERS = 0.95
FEWEST = 20
"""Rows: of fewer nothing is said of a column's range."""
MOSTLY_UNIQUE = 0.9
_DISCRETE = 10  # different values: of so few each is a code, and none is far away
_TAIL = 0.01
LEAK_ROWS = 5000
LEAK_FOLDS = 5
LEAK_SEED = 0
_FEWEST_OF_CLASS = 10


@dataclass(frozen=True, eq=False)
class Cells:
    """One column.

    missing: (N,) bool: null, NaN or blank. numbers: (N,) float64, NaN where a cell is none; None where fewer
    than 95% of the cells are numbers. codes: (N,) int64 of equal values, -1 where missing. signs: whether its
    values are single words that are no dates, as identifiers are.
    """

    missing: np.ndarray
    numbers: np.ndarray | None
    codes: np.ndarray
    signs: bool

    @property
    def distinct(self) -> int:
        """How many different values there are."""
        return int(self.codes.max(initial=-1)) + 1

    @property
    def odd(self) -> np.ndarray:
        """(N,) bool: cells of a column of numbers that hold none."""
        if self.numbers is None:
            return np.zeros(len(self.missing), bool)
        return np.isnan(self.numbers) & ~self.missing


@dataclass(frozen=True, eq=False)
class Trial:
    """The rows that columns are tried on. rows: (n,) positions; y: (n,) their classes from 0; fold: (n,) in
    [0, 5), classes spread evenly; majority: share of the most frequent class."""

    rows: np.ndarray
    y: np.ndarray
    fold: np.ndarray
    majority: float


@dataclass(frozen=True)
class Leak:
    """How well one column alone predicts the label. accuracy: share of `rows` rows predicted right by trees
    that did not learn from them; low, high: its 95% Wilson interval; majority: share of the most frequent
    class; skill: share of the majority's errors that is gone, 1 for a column that gives the label away."""

    rows: int
    accuracy: float
    low: float
    high: float
    majority: float
    skill: float


def cells(column: pd.Series) -> Cells:
    """Read a column of any type."""
    column = column.reset_index(drop=True)
    missing = column.isna().to_numpy(bool)
    kind = column.dtype
    if pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind):
        whole = column.to_numpy(np.float64, na_value=np.nan)
        return Cells(missing, whole, pd.factorize(column)[0].astype(np.int64), False)
    text = column.astype("str").str.strip()
    missing = missing | text.eq("").fillna(True).to_numpy(bool)
    codes, values = pd.factorize(text.where(~missing))
    named = pd.Series(values, dtype="str")
    numbers = None if pd.api.types.is_bool_dtype(kind) else _numbers(codes, named)
    signs = not pd.api.types.is_datetime64_any_dtype(kind) and _are_signs(named)
    return Cells(missing, numbers, codes.astype(np.int64), signs)


def far_away(numbers: np.ndarray, fence: float) -> tuple[np.ndarray, float, float]:
    """((N,) how many times `fence` interquartile ranges a value lies beyond the quartiles, 0 within; the
    quartiles). A value counts where that is above 1.

    Where no value is negative and the first quartile is positive, on the logarithms of the values plus that
    quartile too: a value that is far on one scale only is that of a skewed column. Infinity is infinitely
    far. All 0 for fewer than 20 values, fewer than 11 different ones,
    equal quartiles, or where more than 1% lie that far: a long tail belongs to the column.
    Source: Tukey, Exploratory Data Analysis, 1977. numbers: (N,), NaN where there is none.
    """
    there = numbers[np.isfinite(numbers)]
    out = np.zeros(len(numbers))
    if len(there) < FEWEST or not _has_many(there):
        return out, np.nan, np.nan
    low, high = np.quantile(there, [0.25, 0.75])
    out = _beyond(numbers, float(low), float(high), fence)
    if there.min() >= 0 and low > 0:
        with np.errstate(divide="ignore", invalid="ignore"):  # of an infinity below zero
            logs = np.where(np.isneginf(numbers), -np.inf, np.log(numbers + low))
        out = np.minimum(out, _beyond(logs, float(np.log(2 * low)), float(np.log(high + low)), fence))
    if np.count_nonzero(out > 1) > _TAIL * len(there) and np.count_nonzero(out > 1) > 1:
        out = np.where(np.isinf(numbers), np.inf, 0.0)
    return out, float(low), float(high)


def looks_like_id(column: Cells) -> bool:
    """Whether nearly every row has another value that is no measurement: other text, or a running number."""
    there = int((~column.missing).sum())
    if there < FEWEST or column.distinct <= MOSTLY_UNIQUE * there:
        return False
    if column.numbers is None:
        return column.signs
    values = column.numbers[np.isfinite(column.numbers)]
    whole = len(values) > 0 and bool((values == np.round(values)).all())
    return whole and column.distinct == there and float(values.max() - values.min()) < 2 * there


def trial(labels: np.ndarray, classes: int) -> Trial | None:
    """At most 5,000 labelled rows of classes with ten rows or more, drawn and dealt with seed 0; None for
    fewer than 20 rows or two such classes. labels: (N,) codes, -1 = none."""
    rows = np.flatnonzero(labels >= 0)
    counts = np.bincount(labels[rows], minlength=classes)
    rows = rows[counts[labels[rows]] >= _FEWEST_OF_CLASS]
    rng = np.random.default_rng(LEAK_SEED)
    if len(rows) > LEAK_ROWS:
        rows = np.sort(rng.choice(rows, LEAK_ROWS, replace=False))
    _, y = np.unique(labels[rows], return_inverse=True)
    if len(rows) < FEWEST or y.max(initial=0) < 1:
        return None
    fold = np.empty(len(rows), np.int64)
    fold[np.lexsort((rng.random(len(rows)), y))] = np.arange(len(rows)) % LEAK_FOLDS
    return Trial(rows, y, fold, float(np.bincount(y).max() / len(rows)))


def leak(column: Cells, on: Trial, enough: float) -> Leak | None:
    """How well the column alone predicts the label, by five-fold cross-validated trees; None where one tree
    on three folds comes nowhere near a skill of `enough` (half of it) on the other two.

    A tree of numbers has at most twice as many leaves as classes (8 at least) with five rows each; other
    values are one branch each, and a missing value is a value of its own.
    """
    of_codes = column.numbers is None
    x = column.codes[on.rows].astype(np.float64) if column.numbers is None else column.numbers[on.rows]
    some = on.fold < LEAK_FOLDS // 2
    glimpse = _predicted(x, on.y, ~some, some, of_codes) == on.y[some]
    if _skill(float(glimpse.mean()), on.majority) < enough / 2:
        return None
    right = 0
    for held in range(LEAK_FOLDS):
        test = on.fold == held
        right += int((_predicted(x, on.y, ~test, test, of_codes) == on.y[test]).sum())
    low, high = wilson(np.array(right), np.array(len(on.rows)))
    accuracy = right / len(on.rows)
    skill = _skill(accuracy, on.majority)
    return Leak(len(on.rows), accuracy, float(low), float(high), on.majority, skill)


def _are_signs(text: pd.Series) -> bool:
    some = text[:1000]
    return len(some) > 0 and bool(
        (~some.str.contains(r"\s|^\d{4}-\d\d-\d\d|^\d\d?[./]\d\d?[./]\d{2,4}")).mean() > 0.95
    )


def _numbers(codes: np.ndarray, values: pd.Series) -> np.ndarray | None:
    """(N,) numbers that the texts stand for, NaN where none; None where too few are."""
    read = np.append(pd.to_numeric(values, errors="coerce").to_numpy(np.float64, na_value=np.nan), np.nan)
    numbers = read[codes]  # the last for -1
    there = np.count_nonzero(codes >= 0)
    return numbers if there and np.count_nonzero(~np.isnan(numbers)) >= MOSTLY_NUMBERS * there else None


def _has_many(numbers: np.ndarray) -> bool:
    """Whether there are more than ten different ones; mostly the first thousand say so."""
    return any(len(np.unique(some)) > _DISCRETE for some in (numbers[:1000], numbers))


def _beyond(numbers: np.ndarray, low: float, high: float, fence: float) -> np.ndarray:
    width = fence * (high - low)
    if not width > 0:
        return np.where(np.isinf(numbers), np.inf, 0.0)
    with np.errstate(invalid="ignore", over="ignore"):
        outside = np.maximum(low - numbers, numbers - high) / width
    return np.nan_to_num(outside, nan=0.0, posinf=np.inf).clip(min=0)


def _skill(accuracy: float, majority: float) -> float:
    return (accuracy - majority) / (1 - majority)


def _predicted(x: np.ndarray, y: np.ndarray, train: np.ndarray, test: np.ndarray, codes: bool) -> np.ndarray:
    """(test rows,) classes by a tree of the training rows; an unseen value gets the most frequent class."""
    classes = int(y.max()) + 1
    if codes:
        width = int(x.max()) + 2
        table = np.zeros((width, classes))
        np.add.at(table, (x[train].astype(np.int64) + 1, y[train]), 1)
        best = np.where(table.any(axis=1), table.argmax(axis=1), np.bincount(y[train]).argmax())
        return best[x[test].astype(np.int64) + 1]
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(
        max_leaf_nodes=max(8, 2 * classes), min_samples_leaf=5, random_state=LEAK_SEED
    )
    finite = x.clip(-1e30, 1e30)[:, None]  # the tree computes in 32 bits
    return np.asarray(tree.fit(finite[train], y[train]).predict(finite[test]))
