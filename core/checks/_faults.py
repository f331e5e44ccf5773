"""What the checks of quality share: kinds of fault, which of them are usual in a data set, and the result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from core.dataset import Dataset
from core.issues import Result, Setting, issue_table
from core.methods.intervals import wilson
from core.progress import Progress

# Above a tenth nobody looks at each row: such a fault comes from how the data set was made, is mended for all
# rows at once, and would hide the few rows of another fault. The bound is on the lower end of the interval,
# so that one empty text of five is still flagged.
USUAL = Setting("usual", 0.1, "Share of rows from which a kind of fault is told once and not row by row.")


@dataclass(frozen=True, eq=False)
class Fault:
    """The rows that have one kind of fault.

    name: a word for columns. words: for a person, as in "312 rows: WORDS". rows: (F,) sorted positions.
    score: (F,) in [0, 0.5), 0 = worst. said: the clause of the i-th of these rows, without a full stop.
    always: flagged row by row, however many rows have it.
    """

    name: str
    words: str
    rows: np.ndarray
    score: np.ndarray
    said: Callable[[int], str]
    always: bool = False


def is_usual(fault: Fault, total: int, share: float) -> bool:
    """Whether so many of `total` rows have it that it is a property of the data set: the lower end of the
    95% Wilson interval lies above `share`."""
    return bool(len(fault.rows)) and float(wilson(np.array(len(fault.rows)), np.array(total))[0]) > share


def fault_result(
    dataset: Dataset,
    faults: Sequence[Fault],
    usual: float,
    estimator: str,
    progress: Progress,
    notes: Sequence[str] = (),
    columns: Mapping[str, np.ndarray] | None = None,
    figures: Mapping[str, pd.DataFrame] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Result:
    """A check's result: a row is flagged for each of its faults that is not usual here.

    score: that of the worst such fault, below 0.5; 1 for a row that is not flagged.
    columns: extra columns; where None, one of bool for each fault, True also where the fault is usual.
    figures: kept beside "kinds" (kind, rows that have it, rows flagged for it). notes: sentences for the
    summary; more: what else belongs in it.
    """
    total = len(dataset)
    score = np.ones(total, np.float32)
    clauses: dict[int, list[str]] = {}
    aside = []
    lines = []
    for fault in faults:
        progress.report(0, "writing reasons")
        count = len(fault.rows)
        told = not fault.always and is_usual(fault, total, usual)
        lines.append((fault.words, count, 0 if told else count))
        if told:
            aside.append(f"{fault.words} ({count:,} rows)")
            continue
        np.minimum.at(score, fault.rows, fault.score.astype(np.float32))
        for i, row in enumerate(fault.rows.tolist()):
            if i % 5000 == 0:
                progress.report(0, "writing reasons")
            clauses.setdefault(row, []).append(fault.said(i))
    reasons = {row: _sentence(said) for row, said in clauses.items()}
    flagged = np.zeros(total, bool)
    flagged[list(reasons)] = True
    if columns is None:
        columns = {fault.name: _mask(fault.rows, total) for fault in faults}
    if aside:
        notes = [*notes, f"Not flagged, since so many rows have it: {', '.join(aside)}."]
    summary = {"flagged": len(reasons), "estimator": estimator, "note": " ".join(notes), **(more or {})}
    kinds = pd.DataFrame(lines, columns=["kind", "rows", "flagged"])
    kinds = kinds.astype({"kind": "str", "rows": "int64", "flagged": "int64"})
    table = issue_table(dataset, score, flagged, reasons=reasons).assign(**columns)
    progress.report(1)
    return Result(table, summary, {"kinds": kinds, **(figures or {})})


def _sentence(clauses: list[str]) -> str:
    """One sentence; what was quoted from the data has no line break here any more."""
    text = " ".join("; ".join(clauses).split())
    return f"{text[0].upper()}{text[1:]}."


def _mask(rows: np.ndarray, total: int) -> np.ndarray:
    mask = np.zeros(total, bool)
    mask[rows] = True
    return mask
