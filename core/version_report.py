"""What differs between two versions of labels: classes, agreement with a model, estimated wrong labels."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from core.class_report import class_frame
from core.dataset import UNLABELLED, Dataset
from core.evidence.method import Method
from core.methods.confident_learning import Probabilities, bootstrap_interval, estimate_errors, scan
from core.methods.exact import mcnemar, median_interval
from core.methods.intervals import paired_difference, wilson
from core.overview import MATRIX_CLASSES, Confusion, confusion_of
from core.predictions import Predictions
from core.progress import Progress
from core.top_classes import kept
from core.versions import Comparison

NO_LABEL = "(no label)"
DRAWS, SEED = 1000, 0
_CHUNK = 8 << 20  # bytes of probabilities read at a time
_RATES = tuple(rate + end for rate in ("precision", "recall") for end in ("", "_low", "_high"))
VERSIONS = Method(
    "Two versions of the labels",
    "Rows are matched by id. Agreement, precision and recall are of one set of predictions on the rows that "
    "have a label in both versions, so that only the labels differ; Wilson intervals of each, and for the "
    "difference the interval for matched shares with McNemar's exact test. Wrong labels are estimated from "
    "the confident joint of the predictions with either version; 1,000 bootstrap draws, seed 0.",
    "The predictions are out of sample.",
    "Wilson, 1927; Agresti and Min, 2005; McNemar, 1947; confident learning (Northcutt et al., 2021).",
    "Rows were chosen for review because the model disagreed with them: agreement then rises on corrected "
    "labels whatever the model is worth; the random audit on Evidence has no such bias. A model trained on "
    "one version's labels leans to that version. The estimate of wrong labels knows nothing of what people "
    "decided: it can count a row that somebody has kept.",
)


def moves(found: Comparison, top: int = MATRIX_CLASSES) -> Confusion:
    """Rows in both versions whose label differs, by label before and after, among the labels with most of
    them; NO_LABEL stands for none."""
    apart = np.flatnonzero(found.changed)
    none = len(found.names)
    before, after = (np.where(c[apart] < 0, none, c[apart]) for c in (found.before, found.after))
    return confusion_of(before, after, (*found.names, NO_LABEL), top)


def label_counts(found: Comparison) -> pd.DataFrame:
    """One line a label: label, before, after (rows of each version, those included that only one has), came
    and left (rows in both that got it or lost it). Those with most rows that came or left first, equals in
    class order. Where rows have several labels, each counts."""
    names = dict.fromkeys(name for labels in (found.first, found.second) for name in labels.classes)
    names |= dict.fromkeys(name for members in found.members for name in sorted(members))
    place = {name: at for at, name in enumerate(names)}
    holds = _holds(found.members, place)
    columns = []
    for labels in (found.first, found.second):
        own = _holds([labels.members(name) for name in labels.names], place)
        there = labels.codes[labels.there]
        columns.append(np.bincount(there[there >= 0], minlength=len(labels.names)) @ own)
    width = len(found.names) + 1  # the last line of `holds`, for the code -1, holds nothing
    pairs, rows = np.unique(
        (found.before % width).astype(np.int64) * width + found.after % width, return_counts=True
    )
    holds = np.vstack([holds, np.zeros(len(place), dtype=np.int64)])
    had, has = holds[pairs // width], holds[pairs % width]
    columns += [(rows[:, None] * (has & ~had)).sum(axis=0), (rows[:, None] * (had & ~has)).sum(axis=0)]
    frame = pd.DataFrame({"label": pd.array(list(names), dtype="str")})
    for name, values in zip(("before", "after", "came", "left"), columns, strict=True):
        frame[name] = values.astype(np.int64)
    order = np.argsort(-(frame["came"] + frame["left"]).to_numpy(), kind="stable")
    return frame.iloc[order].reset_index(drop=True)


def _holds(members: list[frozenset[str]] | tuple[frozenset[str], ...], place: dict[str, int]) -> np.ndarray:
    """(len(members), K) int64: which labels each holds."""
    holds = np.zeros((len(members), len(place)), dtype=np.int64)
    for row, some in enumerate(members):
        holds[row, [place[name] for name in some]] = 1
    return holds


@dataclass(frozen=True)
class Share:
    """hits of rows, with its 95% Wilson interval; all 0 without rows."""

    hits: int
    rows: int
    low: float
    high: float

    @classmethod
    def of(cls, hits: int, rows: int) -> Share:
        low, high = wilson(np.array(float(hits)), np.array(float(rows))) if rows else (0.0, 0.0)
        return cls(hits, rows, float(low), float(high))

    @property
    def value(self) -> float:
        """In [0, 1]."""
        return self.hits / self.rows if self.rows else 0.0

    @property
    def words(self) -> str:
        return f"{self.value:.1%} ({self.low:.1%}-{self.high:.1%})"


@dataclass(frozen=True)
class Paired:
    """The same predictions against two versions of the same rows' labels.

    only_before, only_after: rows whose label they meet in one version only. change: of the share, after less
    before, in [-1, 1], low, high its 95% interval. p: McNemar's exact test, two-sided.
    """

    before: Share
    after: Share
    only_before: int
    only_after: int
    change: float
    low: float
    high: float
    p: float

    @property
    def sentence(self) -> str:
        """For a person."""
        p = "p below 0.001" if self.p < 0.001 else f"p {self.p:.3f}"
        return (
            f"On the {self.before.rows:,} rows that have a label in both, the model's first choice is the "
            f"label in {self.before.words} before and {self.after.words} after: a change of "
            f"{self.change * 100:+.1f} points (95% interval {self.low * 100:+.1f} to {self.high * 100:+.1f}; "
            f"McNemar {p}). It met {self.only_after:,} labels only after, {self.only_before:,} only before."
        )


def predicted_names(found: Comparison, here: Dataset, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n,) codes into found.names of the predicted class as each version calls it; len(names): not among
    them. predicted: (N,) codes of the data set's classes."""
    code_of = {name: code for code, name in enumerate(found.names)}
    sides = []
    for labels, other in ((found.first, found.second), (found.second, found.first)):
        own = labels if labels.dataset is here else other
        code = np.array([code_of.get(name, len(code_of)) for name in own.classes], dtype=np.int64)
        sides.append(np.where(found.at < 0, -2, code[predicted[found.at]]))
    return sides[0], sides[1]


def paired(found: Comparison, here: Dataset, predicted: np.ndarray) -> Paired | None:
    """Rows of this data set with a label in both versions; None where there are none."""
    rows = _judged(found)
    if not len(rows):
        return None
    told = predicted_names(found, here, predicted)
    first, second = (
        (side == codes)[rows] for side, codes in zip(told, (found.before, found.after), strict=True)
    )
    n, only_first, only_second = len(rows), int((first & ~second).sum()), int((second & ~first).sum())
    low, high = paired_difference(only_first, only_second, n)
    one, two = (Share.of(int(hits.sum()), n) for hits in (first, second))
    change = (only_second - only_first) / n
    return Paired(one, two, only_first, only_second, change, low, high, mcnemar(only_first, only_second)[0])


def rates(found: Comparison, here: Dataset, predicted: np.ndarray) -> pd.DataFrame:
    """One line a label that a row of these is given or predicted: label, and for either version rows_*,
    predicted_*, precision_*, recall_* with *_low and *_high (95% Wilson), where * is before or after. Those
    whose rates moved most first. NaN where there is nothing to divide by."""
    rows = _judged(found)
    told = predicted_names(found, here, predicted)
    k = len(found.names)
    counts = []
    for side, codes in zip(told, (found.before, found.after), strict=True):
        given, said = codes[rows], side[rows]
        counts.append(
            [np.bincount(some[some < k], minlength=k) for some in (given, said, given[given == said])]
        )
    return _both(found.names, counts)


def set_rates(found: Comparison, here: Dataset, predictions: Predictions, progress: Progress) -> pd.DataFrame:
    """As `rates`, where rows have several labels: a label is predicted where its probability is at least a
    half."""
    probs, place = predictions.pred_probs, {name: at for at, name in enumerate(here.names)}
    if probs is None:
        raise ValueError("there are no predicted probabilities")
    known = [frozenset(name for name in members if name in place) for members in found.members]
    holds = np.vstack([_holds(known, place), np.zeros((1, len(place)), dtype=np.int64)]).astype(bool)
    counts = np.zeros((2, 3, len(place)), dtype=np.int64)
    rows = _judged(found)
    step = max(1, _CHUNK // max(1, probs[:1].nbytes))
    for start in range(0, len(rows), step):
        progress.report(start / len(rows), "reading probabilities")
        some = rows[start : start + step]
        said = np.asarray(probs[found.at[some]]) >= 0.5
        for side, codes in enumerate((found.before, found.after)):
            given = holds[codes[some]]
            counts[side] += np.stack([a.sum(axis=0) for a in (given, said, given & said)])
    return _both(here.names, counts)


def _both(names: Sequence[str], counts: Sequence[Sequence[np.ndarray]] | np.ndarray) -> pd.DataFrame:
    """The frame of `rates`. counts: for either version (K,) rows given, predicted, and both, by name."""
    out = pd.DataFrame({"label": pd.array(list(names), dtype="str")})
    for when, some in zip(("before", "after"), counts, strict=True):
        table = pd.DataFrame(dict(zip(("rows", "predicted", "both"), some, strict=True)))
        frame = class_frame(names, table).set_index("class").loc[list(names)]
        for column in ("rows", "predicted", *_RATES):
            out[f"{column}_{when}"] = frame[column].to_numpy()
    moved = sum((out[f"{r}_after"] - out[f"{r}_before"]).abs().fillna(0) for r in ("precision", "recall"))
    seen = out[["rows_before", "rows_after", "predicted_before", "predicted_after"]].sum(axis=1) > 0
    order = np.argsort(-np.asarray(moved), kind="stable")
    return out.iloc[order][seen.iloc[order]].reset_index(drop=True)


@dataclass(frozen=True)
class Numbers:
    """Labels that are numbers. changed: rows in both whose number differs. typical: median of
    |after - before| over them, most: the largest; 0 without any. miss: for either version, the
    median of |label - predicted| with its 95% interval, None without predictions.
    """

    changed: int
    typical: float
    most: float
    miss: tuple[tuple[float, float, float], tuple[float, float, float]] | None

    @property
    def sentence(self) -> str:
        """For a person."""
        said = (
            f"Where the number differs it moved by {self.typical:.3g} (median), by {self.most:.3g} at most."
        )
        if self.miss is None:
            return said if self.changed else ""
        (one, *first), (two, *second) = self.miss
        of = [
            f"{low:.3g}-{high:.3g}" if np.isfinite(high) else "too few rows" for low, high in (first, second)
        ]
        model = f"The model is typically {one:.3g} off before ({of[0]}) and {two:.3g} after ({of[1]})."
        return f"{said} {model}" if self.changed else model


def number_report(found: Comparison, here: Dataset, predicted: np.ndarray | None) -> Numbers:
    """Of labels that are numbers, on rows with one in both. predicted: (N,) of this data set's rows."""
    value = np.array([*(float(name) for name in found.names), np.nan])
    before, after = value[found.before], value[found.after]
    moved = np.abs(after - before)
    moved = moved[np.isfinite(moved) & found.changed]
    miss = None
    rows = _judged(found)
    if predicted is not None and len(rows):
        told = np.asarray(predicted, dtype=np.float64)[found.at[rows]]
        errors = [np.abs(side[rows] - told) for side in (before, after)]
        errors = [error[np.isfinite(error)] for error in errors]
        first, second = ((float(np.median(e)), *median_interval(e)) for e in errors)
        miss = (first, second)
    typical, most = (float(np.median(moved)), float(moved.max())) if len(moved) else (0.0, 0.0)
    return Numbers(int(found.changed.sum()), typical, most, miss)


def _judged(found: Comparison) -> np.ndarray:
    """Places of the rows of this data set with a label in both versions."""
    return np.flatnonzero((found.at >= 0) & (found.before >= 0) & (found.after >= 0))


@dataclass(frozen=True)
class Wrong:
    """Labels that confident learning estimates to be wrong, of so many rows that it could judge, with the
    95% bootstrap interval. unjudged: labelled rows whose class the model does not know."""

    rows: int
    estimate: int
    low: int
    high: int
    unjudged: int = 0

    @property
    def words(self) -> str:
        said = f"{self.estimate:,} of {self.rows:,} ({self.low:,}-{self.high:,})"
        return said if not self.unjudged else f"{said}, {self.unjudged:,} of a class the model does not know"


class _Merged:
    """(N, K') probabilities whose columns of one class are added up, a block at a time."""

    def __init__(self, probs: np.ndarray, place: np.ndarray) -> None:
        self._probs = probs
        self._to = np.eye(int(place.max()) + 1, dtype=probs.dtype)[place]
        self.shape, self.ndim, self.dtype = (len(probs), self._to.shape[1]), 2, probs.dtype

    def __len__(self) -> int:
        return len(self._probs)

    def __getitem__(self, rows: np.ndarray, /) -> np.ndarray:
        return np.asarray(self._probs[rows] @ self._to)


def wrong(
    cache_dir: Path,
    predictions: Predictions,
    found: Comparison,
    here: Dataset,
    after: bool,
    progress: Progress,
) -> Wrong | None:
    """Of one version's labels, by this data set's predictions; None without probabilities, with fewer than
    two classes, or where rows have several labels."""
    probs = predictions.pred_probs
    labels, other = (found.second, found.first) if after else (found.first, found.second)
    own = labels if labels.dataset is here else other
    classes = list(dict.fromkeys(own.classes))
    if probs is None or here.sets is not None or len(classes) < 2:
        return None
    codes = np.full(len(here), UNLABELLED, dtype=np.int32)
    if labels.dataset is here:
        codes = np.where(labels.there, labels.codes, UNLABELLED)
        names: tuple[str, ...] = labels.names
    else:
        side = found.after if after else found.before
        codes[found.at[found.at >= 0]] = side[found.at >= 0]
        names = found.names
    known = {name: column for column, name in enumerate(classes)}
    column = np.array([*(known.get(name, UNLABELLED) for name in names), UNLABELLED], dtype=np.int32)[codes]
    place = np.array([known[name] for name in own.classes])
    merged: Probabilities = probs if len(classes) == len(own.classes) else _Merged(probs, place)
    unjudged = int(((codes >= 0) & (column < 0)).sum())

    def make() -> pd.DataFrame:
        scanned = scan(column, merged, progress)
        low, high = bootstrap_interval(scanned, DRAWS, SEED)
        return pd.DataFrame(
            {"rows": [len(scanned.rows)], "estimate": [estimate_errors(scanned)], "low": low, "high": high}
        )

    if not (column >= 0).any():
        return None
    digest = hashlib.sha256(np.ascontiguousarray(column).data).hexdigest()
    parts = [predictions.part("pred_probs"), digest, hashlib.sha256(place.tobytes()).hexdigest()]
    line = kept(cache_dir, "wrong_labels", parts, probs, make).iloc[0]
    return Wrong(int(line["rows"]), round(line["estimate"]), int(line["low"]), int(line["high"]), unjudged)


def sentence(found: Comparison) -> str:
    """Rows in both and in one only, and how many labels differ, for a person."""
    n, differ = len(found.before), int(found.changed.sum())
    labels = "1 label differs" if differ == 1 else f"{differ:,} labels differ"
    said = f"{labels}, {differ / max(n, 1):.1%} of the {n:,} rows in both."
    if gone := len(found.only_before):
        said += f" {_rows(gone)} {'is' if gone == 1 else 'are'} not there any more."
    if new := len(found.only_after):
        said += f" {_rows(new)} {'is' if new == 1 else 'are'} new."
    if found.other_content:
        said += f" The content of {_rows(found.other_content)} in both differs."
    return said


def wrong_sentence(before: Wrong, after: Wrong) -> str:
    """The estimates of both versions, for a person."""
    return (
        f"Labels estimated wrong (confident joint, 95% bootstrap interval): {before.words} before, "
        f"{after.words} after."
    )


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"
