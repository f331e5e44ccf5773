"""The numbers behind the Overview page: from an issue table to counts, bins and pairs of classes."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from core.dataset import Dataset

BINS = 40
MATRIX_CLASSES = 15
TOP_PAIRS = 50
WORST_CLASSES = 20
WIDE_INTERVAL = 0.2
"""A 95% interval wider than this is called "few rows" beside its dot."""


def worst(table: pd.DataFrame, count: int) -> np.ndarray:
    """(<= count,) positions of the flagged rows with the lowest scores, lowest first."""
    flagged = np.flatnonzero(table["flagged"].to_numpy())
    score = table["score"].to_numpy()[flagged]
    if len(flagged) > count:
        near = np.flatnonzero(score <= np.partition(score, count - 1)[count - 1])
        flagged, score = flagged[near], score[near]
    return flagged[np.argsort(score, kind="stable")][:count]


def score_histogram(dataset: Dataset, table: pd.DataFrame, bins: int = BINS) -> pd.DataFrame:
    """Labelled rows by score in equal bins over [0, 1]: columns low, high, flagged, other."""
    labelled = dataset.labels >= 0
    score, flagged = table["score"].to_numpy(), table["flagged"].to_numpy()
    edges = np.linspace(0, 1, bins + 1)
    found = np.histogram(score[labelled & flagged], edges)[0]
    other = np.histogram(score[labelled & ~flagged], edges)[0]
    return pd.DataFrame({"low": edges[:-1], "high": edges[1:], "flagged": found, "other": other})


def number_histogram(dataset: Dataset, table: pd.DataFrame, bins: int = BINS) -> tuple[pd.DataFrame, int]:
    """(rows by given number in equal bins: columns low, high, flagged, other; rows beyond them).

    The bins span the 1st to the 99th percentile and half that span more on either side, as far as there are
    numbers: one price in cents must not press all others into one bar. Rows beyond count in the outer bins.
    """
    there = np.flatnonzero(np.isfinite(dataset.numbers))
    given = dataset.numbers[there]
    if not len(given):
        return pd.DataFrame(columns=["low", "high", "flagged", "other"]), 0
    low, high = np.quantile(given, [0.01, 0.99])
    room = (high - low) / 2
    low, high = max(given.min(), low - room), min(given.max(), high + room)
    edges = np.linspace(low, high if high > low else low + 1, bins + 1)
    flagged = table["flagged"].to_numpy()[there]
    inside = np.clip(given, edges[0], edges[-1])
    counts = [np.histogram(inside[some], edges)[0] for some in (flagged, ~flagged)]
    frame = pd.DataFrame({"low": edges[:-1], "high": edges[1:], "flagged": counts[0], "other": counts[1]})
    return frame, int((inside != given).sum())


def natural_cut(table: pd.DataFrame) -> float:
    """The smallest two-digit cut that takes in every flagged row; 0 where none is flagged."""
    score = table["score"].to_numpy()[table["flagged"].to_numpy()]
    # A float32 score of 0.38 lies a hair above the double 0.38; without rounding the cut would be 0.39.
    return min(1.0, math.ceil(round(float(score.max()), 6) * 100) / 100) if len(score) else 0.0


def below_cut(table: pd.DataFrame, cut: float) -> tuple[int, int]:
    """(rows scored at or below the cut, how many of them are flagged)."""
    under = table["score"].to_numpy() <= cut
    return int(under.sum()), int((under & table["flagged"].to_numpy()).sum())


@dataclass(frozen=True, eq=False)
class Confusion:
    """counts: (n, n) flagged rows by [given, suggested] among n of the classes, worst class first.

    hidden: flagged rows with a suggestion that the matrix leaves out.
    """

    classes: tuple[str, ...]
    counts: np.ndarray
    hidden: int

    @property
    def cells(self) -> list[tuple[int, int]]:
        """(suggested, given) of each filled cell, as places in classes, row by row."""
        given, suggested = np.nonzero(self.counts)
        return list(zip(suggested.tolist(), given.tolist(), strict=True))


def confusion(dataset: Dataset, table: pd.DataFrame, top: int = MATRIX_CLASSES) -> Confusion:
    """Flagged rows by given and suggested label, among the classes with most of them."""
    return confusion_of(*_pairs(dataset, table), dataset.classes, top)


def confusion_of(
    given: np.ndarray, suggested: np.ndarray, classes: Sequence[str], top: int = MATRIX_CLASSES
) -> Confusion:
    """Rows by given and suggested class, among the classes with most of them. Both: (n,) class codes."""
    k = len(classes)
    involved = np.bincount(given, minlength=k) + np.bincount(suggested, minlength=k)
    order = np.argsort(-involved, kind="stable")[:top]
    shown = order[involved[order] > 0]
    place = np.full(k, -1)
    place[shown] = np.arange(len(shown))
    inside = (place[given] >= 0) & (place[suggested] >= 0)
    n = len(shown)
    flat = np.bincount(place[given[inside]] * n + place[suggested[inside]], minlength=n * n)
    return Confusion(tuple(classes[i] for i in shown), flat.reshape(n, n), int((~inside).sum()))


def confused_pairs(dataset: Dataset, table: pd.DataFrame, top: int = TOP_PAIRS) -> pd.DataFrame:
    """The pairs of classes with most flagged rows: columns given, suggested, rows; most rows first."""
    given, suggested = _pairs(dataset, table)
    k = len(dataset.classes)
    pair, rows = np.unique(given.astype(np.int64) * k + suggested, return_counts=True)
    order = np.argsort(-rows, kind="stable")[:top]
    names = np.array(dataset.classes, dtype=object)
    return pd.DataFrame(
        {"given": names[pair[order] // k], "suggested": names[pair[order] % k], "rows": rows[order]}
    )


def worst_classes(per_class: pd.DataFrame, top: int = WORST_CLASSES) -> pd.DataFrame:
    """The classes with the highest estimated error rate, with a column few_rows for wide intervals."""
    shown = per_class[per_class["error_rate"].notna()].head(top).reset_index(drop=True)
    return shown.assign(few_rows=shown["high"] - shown["low"] > WIDE_INTERVAL)


def reviewed(
    dataset: Dataset, tables: Mapping[str, pd.DataFrame], check: str, decided: Iterable[str]
) -> tuple[int, int]:
    """(decided rows among the flagged, flagged rows) of one check; of all checks where it has not run.

    tables: issue tables by check. decided: ids of the rows with a decision in force.
    """
    chosen = [tables[check]] if check in tables else list(tables.values())
    flagged = np.zeros(len(dataset), dtype=bool)
    for table in chosen:
        flagged |= table["flagged"].to_numpy()
    at = dataset.positions(decided)
    return int(flagged[at[at >= 0]].sum()), int(flagged.sum())


def planted_errors(truth: Path, table: pd.DataFrame) -> tuple[int, int]:
    """(planted label errors among the flagged rows, planted label errors), for sample data only.

    truth: CSV with the columns id and planted, as sample_data writes it.
    """
    with truth.open(newline="", encoding="utf-8") as lines:
        ids = [line["id"] for line in csv.DictReader(lines) if line["planted"] == "label_error"]
    at = table.index.get_indexer(pd.Index(ids, dtype="str"))
    return int(table["flagged"].to_numpy()[at[at >= 0]].sum()), len(ids)


def _pairs(dataset: Dataset, table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Given and suggested class codes of the flagged rows that have both, in data set order."""
    suggestion = table["suggestion"].cat.set_categories(list(dataset.classes)).cat.codes.to_numpy()
    rows = np.flatnonzero(table["flagged"].to_numpy() & (suggestion >= 0) & (dataset.labels >= 0))
    return np.asarray(dataset.labels)[rows], suggestion[rows].astype(np.int64)
