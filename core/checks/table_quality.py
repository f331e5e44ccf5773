"""Tables with faults: cells missing, no numbers or far away, and columns that say nothing or too much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from core.checks._faults import USUAL, Fault, fault_result
from core.dataset import Dataset
from core.issues import Check, Cost, Result, Setting
from core.methods.columns import (
    LEAK_FOLDS,
    LEAK_ROWS,
    LEAK_SEED,
    Cells,
    Leak,
    cells,
    far_away,
    leak,
    looks_like_id,
    trial,
)
from core.methods.intervals import wilson
from core.plain_text import one_line
from core.predictions import Predictions
from core.progress import Progress

_MOSTLY = 0.5
_TOLD = 3  # columns named in one reason
_QUOTED = 40
_WORDS = {
    "missing": "no value where few are missing",
    "not_a_number": "no number among numbers",
    "far_away": "value far outside the column's range",
}


@dataclass
class _Marks:
    """The cells with one kind of fault, by column: rows, how bad each is in (0, 1], what to say of it."""

    rows: list[int] = field(default_factory=list)
    bad: list[float] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def add(self, rows: np.ndarray, bad: np.ndarray, said: list[str]) -> None:
        self.rows += rows.tolist()
        self.bad += bad.tolist()
        self.said += said


def run(dataset: Dataset, predictions: Predictions, params: Mapping[str, Any], progress: Progress) -> Result:
    """Look at every content column, and at every row's cells beside those of their columns.

    score: 0.25 for a missing value in a column where at most `few_missing` are missing (lower end of the 95%
    Wilson interval) and for a cell that is no number in a column of numbers; for a value far away 0.5 / how
    many times `fence` interquartile ranges it lies beyond the quartiles; the lowest of a row, 1 for a row
    without a fault. Extra columns: missing, not_a_number, far_away, each bool.
    Figure "columns": column, kind (numbers or values), missing (share), distinct, finding ("", "constant",
    "mostly missing", "like an identifier" or "gives the label away"), and of the trees on that column alone
    accuracy, low, high (95% Wilson interval), majority, rows; NaN where it was not worth to train five.
    """
    marks = {kind: _Marks() for kind in _WORDS}
    lines = []
    names = dataset.columns.content
    progress.report(0, "reading columns")
    on = None if dataset.targets is not None else trial(dataset.labels, len(dataset.classes))
    for i, name in enumerate(names):
        column = cells(dataset.table[name])
        progress.report(0.9 * (i + 0.5) / len(names), "reading columns")
        _mark(marks, name, column, dataset.table[name], params)
        found = None if on is None else leak(column, on, params["leak"])
        lines.append(_line(name, column, found, params["leak"]))
        progress.report(0.9 * (i + 1) / len(names), "reading columns")
    columns = pd.DataFrame(lines, columns=_COLUMNS).astype(_TYPES)
    estimator = (
        f"missing cells of columns with at most {params['few_missing']:.0%} of them, text among numbers, and "
        f"values more than {params['fence']:g} interquartile ranges beyond the quartiles; columns by "
        f"{LEAK_FOLDS}-fold cross-validated trees on up to {LEAK_ROWS:,} labelled rows (seed {LEAK_SEED})"
    )
    faults = [_fault(kind, marks[kind]) for kind in _WORDS]
    findings = {
        finding: int((columns["finding"] == finding).sum())
        for finding in sorted(set(columns["finding"]) - {""})
    }
    return fault_result(
        dataset,
        faults,
        params["usual"],
        estimator,
        progress.part(0.9, 1),
        _notes(columns),
        figures={"columns": columns},
        more={"column_findings": findings},
    )


def _mark(
    marks: dict[str, _Marks], name: str, column: Cells, values: pd.Series, params: Mapping[str, Any]
) -> None:
    """Add the cells of one column."""
    total, shown = len(column.missing), one_line(name, _QUOTED)
    rows = np.flatnonzero(column.missing)
    if 0 < len(rows) < total and wilson(np.array(len(rows)), np.array(total))[0] <= params["few_missing"]:
        said = f"no value in “{shown}”, which {_share(total - len(rows), total)} of the rows have"
        marks["missing"].add(rows, np.full(len(rows), 0.5), [said] * len(rows))
    rows = np.flatnonzero(column.odd)
    if len(rows):
        texts = [one_line(str(value), _QUOTED) for value in values.iloc[rows]]
        said_of = [f"the cell “{text}” in “{shown}” is no number" for text in texts]
        marks["not_a_number"].add(rows, np.full(len(rows), 0.5), said_of)
    if column.numbers is None:
        return
    far, low, high = far_away(column.numbers, params["fence"])
    rows = np.flatnonzero(far > 1)
    middle = f"half of the rows have {low:.4g} to {high:.4g}"
    said_of = [
        f"the cell {value:.6g} in “{shown}” is far away: {middle}" for value in column.numbers[rows].tolist()
    ]
    marks["far_away"].add(rows, 1 - 1 / far[rows], said_of)


def _fault(kind: str, marks: _Marks) -> Fault:
    """One clause a row, for its cells in the order of the columns."""
    rows, at = np.unique(np.array(marks.rows, np.int64), return_inverse=True)
    bad = np.zeros(len(rows))
    np.maximum.at(bad, at, np.array(marks.bad, float))
    cells_of: list[list[str]] = [[] for _ in rows]
    for i, said in zip(at.tolist(), marks.said, strict=True):
        cells_of[i].append(said)
    return Fault(kind, _WORDS[kind], rows, 0.499 * (1 - bad), lambda i: _joined(cells_of[i]))


def _joined(said: list[str]) -> str:
    rest = f"; and {len(said) - _TOLD:,} more such cells" if len(said) > _TOLD else ""
    return "; ".join(said[:_TOLD]) + rest


def _line(name: str, column: Cells, found: Leak | None, enough: float) -> tuple[Any, ...]:
    total = max(len(column.missing), 1)
    missing = int(column.missing.sum())
    finding = ""
    if len(column.missing) and wilson(np.array(missing), np.array(total))[0] > _MOSTLY:
        finding = "mostly missing"
    elif column.distinct < 2 and missing == 0 and total > 1:
        finding = "constant"
    elif found is not None and found.skill >= enough and found.low > found.majority:
        finding = "gives the label away"
    elif looks_like_id(column):
        finding = "like an identifier"
    measured = (np.nan,) * 4 + (0,)
    if found is not None:
        measured = (found.accuracy, found.low, found.high, found.majority, found.rows)
    kind = "values" if column.numbers is None else "numbers"
    return (name, kind, missing / total, column.distinct, finding, *measured)


_TYPES = {
    "column": "str",
    "kind": "str",
    "missing": "float64",
    "distinct": "int64",
    "finding": "str",
    "accuracy": "float64",
    "low": "float64",
    "high": "float64",
    "majority": "float64",
    "rows": "int64",
}
_COLUMNS = list(_TYPES)


def _notes(columns: pd.DataFrame) -> list[str]:
    """One sentence for each finding of columns, the first few by name."""
    notes = []
    for finding, rows in columns[columns["finding"] != ""].groupby("finding"):
        names = [one_line(str(name), _QUOTED) for name in rows["column"][:_TOLD]]
        if finding == "gives the label away":
            names = [
                f"{name} (alone right in {accuracy:.1%} of {count:,} rows, 95% interval {low:.1%}-{high:.1%})"
                for name, accuracy, count, low, high in zip(
                    names, rows["accuracy"], rows["rows"], rows["low"], rows["high"], strict=False
                )
            ]
        rest = f" and {len(rows) - _TOLD:,} more" if len(rows) > _TOLD else ""
        notes.append(f"{str(finding).capitalize()}: {', '.join(names)}{rest}.")
    return notes


def _share(part: int, total: int) -> str:
    """Never rounded up to 100%."""
    return f"{min(part / total, 0.999):.1%}"


CHECK = Check(
    name="table_quality",
    title="Column faults",
    help="Tables: cells that are missing, are no numbers or lie far away, and columns that are constant, "
    "mostly missing, like an identifier, or give the label away.",
    needs=frozenset({"content"}),
    uses=frozenset({"labels"}),
    run=run,
    cost=Cost(20, 1500),
    kind="tabular",
    optional=True,
    settings=(
        USUAL,
        Setting("few_missing", 0.02, "Share of missing cells up to which one is a fault of its row, 0 to 1."),
        Setting("fence", 4.0, "Interquartile ranges beyond the quartiles from which a value is far away."),
        Setting(
            "leak",
            0.95,
            "Share of the majority's errors that one column alone must undo to give the label away.",
        ),
    ),
    limits=(
        "Each column is looked at by itself: values that are odd only together are not found, nor is a label "
        "that two columns give away together. Dates are read as text. A value that is far away may be right. "
        "A column that gives the label away may be a good measurement: ask whether it is known before the "
        "label."
    ),
)
