"""What a map shows of a data set: which rows are drawn as points, and what their colours stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.dataset import Dataset
from core.issues import Result

SEED = 0
POINTS = 20_000
FLAGGED_POINTS = 10_000
GROUPS = 8
CELLS = 160
MOST_VALUES = 1000
"""Distinct values from which on a column says who a row is rather than what it is like."""
_ENOUGH_NUMBERS = 12


@dataclass(frozen=True, eq=False)
class Colouring:
    """What colours stand for. Either names and codes: (N,) int, the place in names, -1 for none; or values:
    (N,) float, NaN for none. others: how many names share the last, "others"; 0 where each is there."""

    title: str
    names: tuple[str, ...] = ()
    codes: np.ndarray | None = None
    values: np.ndarray | None = None
    others: int = 0


@dataclass(frozen=True, eq=False)
class Drawn:
    """positions: (P,) rows drawn as points, in data set order. flagged: how many of them are flagged.

    whole: whether these are all rows and all flagged rows.
    """

    positions: np.ndarray
    flagged: int
    whole: bool


def drawn_rows(flagged: np.ndarray, score: np.ndarray) -> Drawn:
    """All rows where there are up to 20,000; else the worst 10,000 flagged ones and 20,000 of the others.

    flagged, score: (N,), 0 is worst. The others are a seeded random sample.
    """
    n = len(flagged)
    if n <= POINTS:
        return Drawn(np.arange(n), int(flagged.sum()), True)
    worst = np.flatnonzero(flagged)
    whole = len(worst) <= FLAGGED_POINTS
    if not whole:
        worst = worst[np.argsort(score[worst], kind="stable")[:FLAGGED_POINTS]]
    rest = np.flatnonzero(~flagged)
    some = np.random.default_rng(SEED).choice(rest, min(POINTS, len(rest)), replace=False)
    return Drawn(np.sort(np.concatenate([worst, some])), len(worst), False)


def density(layout: np.ndarray) -> np.ndarray:
    """(CELLS, CELLS) how many rows lie in each cell of a map from -1 to 1, y first."""
    counts, _, _ = np.histogram2d(layout[:, 1], layout[:, 0], bins=CELLS, range=[[-1, 1], [-1, 1]])
    return counts


def coloured_columns(dataset: Dataset) -> list[str]:
    """The columns beside id, label, split and content whose values repeat, or are numbers."""
    columns = dataset.columns
    known = {columns.id, columns.label, columns.split, *columns.content}
    found = []
    for column in dataset.table.columns:
        values = dataset.table[column]
        if column in known or _is_list(values):
            continue
        if pd.api.types.is_numeric_dtype(values.dtype) or 1 < values.nunique() <= MOST_VALUES:
            found.append(str(column))
    return found


def by_flagged(result: Result | None, rows: int) -> Colouring:
    """Flagged by a check, or not."""
    flagged = np.zeros(rows, dtype=bool) if result is None else result.table["flagged"].to_numpy()
    return Colouring("Flagged", ("not flagged", "flagged"), flagged.astype(np.int32))


def by_score(result: Result) -> Colouring:
    """The score of a check, 0 worst."""
    return Colouring("Score (0 worst)", values=result.table["score"].to_numpy())


def by_given(dataset: Dataset) -> Colouring:
    """The given labels."""
    return _largest("Given label", dataset.classes, np.asarray(dataset.labels))


def by_suggested(result: Result) -> Colouring:
    """What a check suggests for the rows that it flags."""
    suggestion = result.table["suggestion"]
    codes = np.where(result.table["flagged"].to_numpy(), suggestion.cat.codes.to_numpy(), -1)
    return _largest("Suggested label", [str(c) for c in suggestion.cat.categories], codes)


def by_cluster(clusters: np.ndarray) -> Colouring:
    """The largest clusters."""
    count = int(clusters.max()) + 1 if len(clusters) else 0
    return _largest("Cluster", [str(number + 1) for number in range(count)], clusters)


def by_decision(dataset: Dataset, decided: Sequence[str]) -> Colouring:
    """Decided or not. decided: ids of the rows with a decision in force."""
    codes = np.zeros(len(dataset), dtype=np.int32)
    at = dataset.positions(decided)
    codes[at[at >= 0]] = 1
    return Colouring("Decision", ("undecided", "decided"), codes)


def by_column(table: pd.DataFrame, column: str) -> Colouring:
    """A column's values: numbers as a scale, where there are more than a few; others as groups."""
    values = table[column]
    numeric = pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype)
    if numeric and values.nunique() > _ENOUGH_NUMBERS:
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        return Colouring(column, values=np.where(np.isfinite(numbers), numbers, np.nan))
    codes, names = pd.factorize(values.astype("str"), sort=True)
    return _largest(column, [str(name) for name in names], codes)


def without(colouring: Colouring, hidden: np.ndarray) -> Colouring:
    """The same, silent about the hidden rows; hidden: (N,) bool."""
    if not hidden.any():
        return colouring
    codes = None if colouring.codes is None else np.where(hidden, -1, colouring.codes)
    values = None if colouring.values is None else np.where(hidden, np.nan, colouring.values)
    return Colouring(colouring.title, colouring.names, codes, values, colouring.others)


def made_up_of(labels: np.ndarray, classes: Sequence[str], positions: np.ndarray) -> Mapping[str, int]:
    """How many of these rows have each given label, most first, ties in class order; "none" unlabelled."""
    codes, counts = np.unique(labels[positions], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    names = [*classes, "none"]
    return {names[code]: int(count) for code, count in zip(codes[order], counts[order], strict=True)}


def _largest(title: str, names: Sequence[str], codes: np.ndarray) -> Colouring:
    """The GROUPS - 1 largest groups, the rest as one, where there are more than GROUPS."""
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    there = np.flatnonzero(counts)
    if len(there) <= GROUPS:
        place = np.full(len(names) + 1, -1)
        place[there] = np.arange(len(there))
        return Colouring(title, tuple(str(names[i]) for i in there.tolist()), place[codes])
    kept = np.sort(np.argsort(-counts, kind="stable")[: GROUPS - 1])
    place = np.full(len(names) + 1, GROUPS - 1)
    place[kept], place[-1] = np.arange(len(kept)), -1
    others = len(there) - len(kept)
    return Colouring(title, (*(str(names[i]) for i in kept.tolist()), "others"), place[codes], others=others)


def _is_list(values: pd.Series) -> bool:
    return values.dtype == object and any(isinstance(v, (list, tuple, dict, np.ndarray)) for v in values[:20])
