"""The splits of a data set: which of them models learn from, how they differ, what lies in more than one."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.dataset import Dataset
from core.methods.intervals import wilson

NONE = -1
CLASSES = 20
_TRAINING = re.compile(r"(?<![a-z])train(?:ing)?(?![a-z])")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_GROUPS = frozenset(
    {"account", "author", "client", "conversation", "customer", "document", "family", "group", "household"}
    | {"item", "patient", "person", "product", "scene", "sequence", "session", "site", "source", "speaker"}
    | {"study", "subject", "thread", "user", "video", "visit", "writer"}
)


@dataclass(frozen=True, eq=False)
class Splits:
    """names: the splits in the order of their names. codes: (N,) int32 into names, NONE for a row in none.

    training: the splits that models learn from; the others are held out. by_name: whether their names say
    so; else the largest split was taken.
    """

    names: tuple[str, ...]
    codes: np.ndarray
    training: tuple[str, ...]
    by_name: bool

    @property
    def held_out(self) -> tuple[str, ...]:
        return tuple(name for name in self.names if name not in self.training)

    @property
    def trains(self) -> np.ndarray:
        """(N,) bool: the row is in a training split."""
        return self._in(self.training)

    @property
    def holds_out(self) -> np.ndarray:
        """(N,) bool: the row is in a held-out split."""
        return self._in(self.held_out)

    @property
    def said(self) -> str:
        """Which side is for training and how that was found, in words without a full stop."""
        how = "by its name" if self.by_name else "the largest split; none is called train"
        return f"training side: {', '.join(self.training)} ({how})"

    def _in(self, names: tuple[str, ...]) -> np.ndarray:
        return np.append(np.isin(self.names, names), False)[self.codes]


def splits_of(dataset: Dataset) -> Splits | None:
    """The splits of a data set, None where it has no split column or no row has a split.

    Training is every split whose name has the word train or training, else the largest, the first by name
    among equals. A missing or empty cell is no split.
    """
    if dataset.splits is None:
        return None
    values = dataset.splits.reset_index(drop=True)
    values = values.mask(values.str.strip() == "")
    codes, names = pd.factorize(values, sort=True)
    if not len(names):
        return None
    named = tuple(str(name) for name in names if _TRAINING.search(str(name).casefold()))
    largest = str(names[int(np.bincount(codes[codes >= 0]).argmax())])
    return Splits(tuple(map(str, names)), codes.astype(np.int32), named or (largest,), bool(named))


def class_counts(dataset: Dataset, splits: Splits) -> np.ndarray:
    """(splits, K) labelled rows by split and class; where rows have several labels, each label counts."""
    width = len(dataset.classes)
    some = (splits.codes >= 0) & (dataset.labels >= 0)
    place = splits.codes[some].astype(np.int64) * width + dataset.labels[some]
    counts = np.bincount(place, minlength=len(splits.names) * width).reshape(len(splits.names), width)
    return counts if dataset.sets is None else counts @ dataset.sets.indicator(dataset.classes).astype(int)


def class_shares(dataset: Dataset, splits: Splits) -> pd.DataFrame:
    """One line a split and class: split, class, rows, of (labelled rows of the split), share, low, high.

    Share of the split's labelled rows with a 95% Wilson interval. The CLASSES classes whose share differs
    most between splits, most first, in every split that has labels.
    """
    if dataset.targets is not None:
        return pd.DataFrame(columns=["split", "class", "rows", "of", "share", "low", "high"])
    counts = class_counts(dataset, splits)
    of = _labelled(dataset, splits)
    there = np.flatnonzero(of)
    if not len(there):
        return pd.DataFrame(columns=["split", "class", "rows", "of", "share", "low", "high"])
    share = counts[there] / of[there, None]
    apart = np.ptp(share, axis=0)
    chosen = np.lexsort((np.arange(len(apart)), -apart))[:CLASSES]
    rows = counts[np.ix_(there, chosen)].T.ravel()
    total = np.tile(of[there], len(chosen))
    low, high = wilson(rows, total)
    return pd.DataFrame(
        {
            "split": np.tile(np.array(splits.names, dtype=object)[there], len(chosen)),
            "class": np.repeat(np.array(dataset.names, dtype=object)[chosen], len(there)),
            "rows": rows,
            "of": total,
            "share": rows / total,
            "low": low,
            "high": high,
        }
    )


def split_table(dataset: Dataset, splits: Splits, label_errors: pd.DataFrame | None) -> pd.DataFrame:
    """One line a split: split, training, rows, labelled, flagged, errors, low, high, drift.

    errors: the flagged share of its labelled rows with a 95% Wilson interval, NaN where labels were not
    checked. drift: half the sum of the differences of its class shares from the training side's, 0 to 1;
    NaN for the training side and where either side has no labels.
    label_errors: the table of the check of labels.
    """
    size = len(splits.names)
    labelled = _labelled(dataset, splits)
    frame = pd.DataFrame({"split": splits.names, "training": np.isin(splits.names, splits.training)})
    frame["rows"] = np.bincount(splits.codes[splits.codes >= 0], minlength=size)
    frame["labelled"] = labelled
    frame["flagged"] = 0
    frame[["errors", "low", "high"]] = np.nan
    if label_errors is not None:
        some = label_errors["flagged"].to_numpy() & (splits.codes >= 0)
        flagged = np.bincount(splits.codes[some], minlength=size)
        low, high = wilson(flagged, np.maximum(labelled, 1))
        frame["flagged"] = flagged
        for name, values in (("errors", flagged / np.maximum(labelled, 1)), ("low", low), ("high", high)):
            frame[name] = np.where(labelled > 0, values, np.nan)
    frame["drift"] = _drift(class_counts(dataset, splits), frame["training"].to_numpy())
    return frame


def straddling(dataset: Dataset, splits: Splits) -> pd.DataFrame:
    """Columns that look like a group's or person's id, with how far their values lie in more than one split.

    Looks like: a word of the column's name is one of group, user, patient, speaker and the like, and values
    repeat. column, values, straddling (values that lie in training and held out, or in two held-out
    splits), rows (held-out rows with such a value), of (held-out rows with a value).
    """
    roles = {dataset.columns.id, dataset.columns.label, dataset.columns.split}
    lines = []
    side = np.where(splits.trains, 0, splits.codes + 1)  # all training splits are one side
    for name in dataset.table.columns:
        if name in roles or not _names_a_group(str(name)):
            continue
        codes = pd.factorize(dataset.table[name].astype("str").reset_index(drop=True))[0]
        some = np.flatnonzero((codes >= 0) & (splits.codes >= 0))
        held = some[splits.holds_out[some]]
        values = len(np.unique(codes[some]))
        if not len(some) or values == len(some):
            continue
        pairs = np.unique(np.stack([codes[some], side[some]], axis=1), axis=0)
        several = np.bincount(pairs[:, 0], minlength=codes.max() + 1) > 1
        lines.append((str(name), values, int(several.sum()), int(several[codes[held]].sum()), len(held)))
    return pd.DataFrame(lines, columns=["column", "values", "straddling", "rows", "of"])


def _labelled(dataset: Dataset, splits: Splits) -> np.ndarray:
    return np.bincount(splits.codes[(splits.codes >= 0) & (dataset.labels >= 0)], minlength=len(splits.names))


def _drift(counts: np.ndarray, training: np.ndarray) -> np.ndarray:
    """(splits,) total variation distance of the class shares from those of the training side."""
    total = counts.sum(axis=1)
    learned = counts[training].sum(axis=0)
    if not learned.sum():
        return np.full(len(counts), np.nan)
    with np.errstate(invalid="ignore"):
        share = counts / total[:, None]
    apart = np.abs(share - learned / learned.sum()).sum(axis=1) / 2
    return np.where(training | (total == 0), np.nan, apart)


def _names_a_group(name: str) -> bool:
    words = {word.lower() for word in _WORD.findall(name)}
    return any(
        form in _GROUPS for word in words for form in (word, word.removesuffix("id"), word.rstrip("s"))
    )
