"""What corrections have in common: in which slices of the rows that people read labels are wrong more often.

The same exact tests as for flagged rows (core.methods.systematic), over the rows that were read one by one,
with what people said of them. A verdict on many rows is no reading, and takes no part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.dataset import Dataset
from core.evidence.log import WRONG
from core.methods.systematic import SliceColumn, Systematic, params_of, plain, systematic_errors
from core.review.classes import ClassList
from core.review.decisions import VERDICTS, Action, Decision, Standing
from core.review.queue import default_find

PERIODS = (("year", 4), ("month", 7), ("day", 10), ("hour", 13))
"""Periods of time, and how many characters of an ISO 8601 moment name one."""
MOST_PERIODS = 24
DATES = 0.95
"""Share of a column's texts that have to be dates for it to be cut into periods."""
_SLICES = frozenset({"where", "split", "cluster", "given"})


@dataclass(frozen=True, eq=False)
class Corrections:
    """T rows that somebody read, one by one, and that are settled.

    positions: (T,) in the data set. wrong: (T,) bool. new: (T,) the label chosen, "" for none, by the name
    that its class has in the data. reviewer: (T,) who decided; at: (T,) when, UTC in ISO 8601.
    """

    positions: np.ndarray
    wrong: np.ndarray
    new: np.ndarray
    reviewer: np.ndarray
    at: np.ndarray

    def __len__(self) -> int:
        return len(self.positions)


def corrections(
    events: Iterable[Decision], standings: Mapping[str, Standing], dataset: Dataset, classes: ClassList
) -> Corrections:
    """events: the data set's verdicts. A row waiting for review takes no part; an ambiguous one is right."""
    on_many = {event.op_id for event in events if event.action in VERDICTS and not event.row_id}
    settled = [(row_id, s.settled) for row_id, s in standings.items()]
    read = [
        (row_id, d)
        for row_id, d in settled
        if d is not None and d.op_id not in on_many and d.action is not Action.NEEDS_REVIEW
    ]
    positions = dataset.positions([row_id for row_id, _ in read])
    known = [(p, d) for p, (_, d) in zip(positions.tolist(), read, strict=True) if p >= 0]
    return Corrections(
        np.array([p for p, _ in known], dtype=np.int64),
        np.array([d.action in WRONG for _, d in known], dtype=bool),
        np.array([_in_data(d, classes) for _, d in known], dtype=object),
        np.array([d.annotator for _, d in known], dtype=object),
        np.array([d.decided_at for _, d in known], dtype=object),
    )


def _in_data(decision: Decision, classes: ClassList) -> str:
    return classes.origin(classes.resolve(decision.label, decision.seq)) if decision.label else ""


def correction_causes(dataset: Dataset, found: Corrections, columns: Sequence[SliceColumn]) -> Systematic:
    """Slices, and slices of a class, in which more labels are wrong than among all rows that were read.

    columns: as core.slices.slice_columns cuts the data set; added are the given label, who reviewed, columns
    of dates and the time of the decision by period.
    """
    at = found.positions
    slices = [SliceColumn(c.name, c.values[at], c.param) for c in columns]
    slices += _dates(dataset, at)
    slices += _reviewing(found)
    if dataset.sets is not None or dataset.targets is not None:
        return systematic_errors(found.wrong, None, (), slices, confirmed=True, find=default_find(dataset))
    names = list(dict.fromkeys([*dataset.classes, *(name for name in found.new if name)]))
    code = {name: i for i, name in enumerate(names)}
    labels = np.asarray(dataset.labels)[at]
    new = np.array([code.get(name, -1) for name in found.new], dtype=np.int64)
    slices.append(SliceColumn("given label", np.array([*names, None], dtype=object)[labels], "given"))
    return systematic_errors(
        found.wrong, labels, names, slices, new, confirmed=True, find=default_find(dataset)
    )


def guideline(line: Mapping[str, object]) -> str:
    """What a finding proposes to tell annotators. line: of Systematic.findings."""
    given, new = plain(str(line["given"])), plain(str(line["suggested"]))
    where = f"{plain(str(line['column']))} is {plain(str(line['value']))}"
    counts = f"{line['observed']:,} of {line['rows']:,} read"
    if new:
        return f"Guideline: where {where}, ask whether {given} is not {new}: {counts} were."
    if given:
        return f"Guideline: where {where}, look twice before you label {given}: {counts} were wrong."
    return f"Guideline: look again at labels where {where}: {counts} were wrong."


def rule_params(line: Mapping[str, object]) -> dict[str, str]:
    """The queue to which a finding can be carried over as a rule; {} where an address cannot choose it."""
    params = dict(params_of(str(line["params"])))
    return params if params.get("sug") and _SLICES - {"given"} & params.keys() else {}


def _dates(dataset: Dataset, at: np.ndarray) -> list[SliceColumn]:
    """The columns of dates, each by its finest period that has few different values."""
    roles = {dataset.columns.id, dataset.columns.label, dataset.columns.split}
    found = []
    for name in dataset.table.columns:
        if name in roles or name in dataset.columns.content:
            continue
        values = dataset.table[name].iloc[at]
        if pd.api.types.is_numeric_dtype(values.dtype):
            continue
        texts = values.astype("str")
        moments = pd.to_datetime(texts, errors="coerce", format="ISO8601", utc=True)
        if len(moments) and moments.notna().mean() >= DATES:
            found += _by_period(str(name), moments)
    return found


def _reviewing(found: Corrections) -> list[SliceColumn]:
    moments = pd.to_datetime(pd.Series(found.at, dtype="str"), errors="coerce", format="ISO8601", utc=True)
    return [SliceColumn("reviewer", found.reviewer, ""), *_by_period("decided", moments)]


def _by_period(name: str, moments: pd.Series) -> list[SliceColumn]:
    """A column of moments by its finest period of 2 to MOST_PERIODS values; none where there is none."""
    texts = moments.dt.strftime("%Y-%m-%d %Hh")
    chosen = None
    for period, letters in PERIODS:
        cut = texts.str[: letters + (period == "hour")]
        if 2 <= cut.nunique() <= MOST_PERIODS:
            chosen = SliceColumn(f"{name} by {period}", cut.to_numpy(dtype=object, na_value=None), "")
    return [] if chosen is None else [chosen]
