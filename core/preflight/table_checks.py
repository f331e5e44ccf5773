"""What the pre-flight check asks of a table itself: rows, columns, ids, labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.errors import Problem, Severity, refuse
from core.multilabel import LIST
from core.preflight.cleanlab_columns import cleanlab_remarks
from core.preflight.content_ids import content_ids
from core.preflight.labels import GivenLabels, as_text
from core.source import RawTable

if TYPE_CHECKING:
    from core.dataset import Columns

FEW = 20
"""Rows below which counts say little, so that a finding is not held against the data."""


def check_table(raw: RawTable, columns: Columns) -> list[Problem]:
    """Whether there are rows, and the columns that were named, of a kind that can play their role."""
    frame, file = raw.frame, raw.source.path.name
    known = ", ".join(str(c) for c in frame.columns[:20])
    problems = []

    def say(severity: Severity, found: str, mend: str = "", expected: str = "", column: str = "") -> None:
        problems.append(Problem(severity, found, mend, expected, file, None, column))

    if len(frame) == 0:
        say("error", "no rows", "give a table with at least one row besides the header")
    elif len(frame) == 1:
        say("warning", "1 row is too few to estimate errors; it can still be reviewed")
    if columns.label is None and columns.mask is None:
        say("error", "no column of labels was found", "say which column holds them", f"one of {known}")
    for name in dict.fromkeys((columns.id, columns.label, columns.split, columns.mask, *columns.content)):
        if name is not None and name not in frame:
            say("error", f"there is no column {name!r}", expected=f"one of {known}")
    for name in (columns.id, columns.label):
        if name is not None and name in frame and _holds_bytes(frame[name]):
            say("error", "the cells hold bytes, not text", "choose another column", column=name)
    if columns.label is not None and columns.label == columns.id:
        say("error", "one column is both id and label", "choose another", column=columns.label)
    if columns.mask is not None and columns.kind != "image":
        say("error", "masks need pictures", "say which column holds the pictures' paths", column=columns.mask)
    nested = columns.label is not None and columns.label in raw.source.layout.get("nested", ())
    if nested and columns.delimiter != LIST:
        mend = "say that a row has a list of labels (--label-delimiter list, or on the Load page)"
        say("error", "labels are lists (multi-label)", mend, "one label a row", column=columns.label or "")
    return [*problems, *cleanlab_remarks(frame.columns, file)]


def row_ids(raw: RawTable, columns: Columns) -> tuple[pd.Index, list[Problem]]:
    """(unique str ids, what was inferred): the id column, else a hash of the content, else positions.

    Raises InputError for ids that are empty or occur twice, naming their rows.
    """
    frame, file = raw.frame, raw.source.path.name
    if columns.id is not None:
        return _given_ids(as_text(frame[columns.id]).fillna(""), file), []
    positions = pd.RangeIndex(len(frame)).astype("str")
    if raw.source.format == "npy":
        return positions, []
    if not columns.content:
        found = "no id and no content column: row numbers are the ids, and hold only while the order holds"
        return positions, [Problem("warning", found, "add a column of ids", file=file)]
    said = Problem("notice", "no id column: ids are made from the content", file=file)
    return content_ids(frame, columns.content), [said]


def label_remarks(given: GivenLabels, file: str, column: str) -> list[Problem]:
    """What the labels' counts say: one class only, a class of one row, a column that is none of labels."""
    n, k = int(given.counts.sum()), len(given.values)
    if k == n > 2 or (n >= FEW and k > n / 2):
        severity: Severity = "error" if k == n >= FEW else "warning"
        found = f"{k:,} different labels in {n:,} rows: this may not be the column of labels"
        return [Problem(severity, found, "choose the column of labels", file=file, column=column)]
    if k == 1 and n > 1:
        found = f"every label is {given.values[0]!r}: with one class no label error can be found"
        return [Problem("warning", found, "is this the column of labels?", file=file, column=column)]
    single = np.flatnonzero(given.counts == 1)
    if n <= 2 or not len(single):
        return []
    names = ", ".join(repr(given.values[i][:40]) for i in single[:5])
    found = f"{len(single):,} class{'es have' if len(single) > 1 else ' has'} one row only: {names}"
    row = int(given.first[single].min()) + 1
    return [Problem("notice", found, "", "", file, row, column)]


def unused_remark(names: tuple[str, ...], labels: np.ndarray, file: str) -> list[Problem]:
    """The classes that no row has."""
    counts = np.bincount(labels[labels >= 0], minlength=len(names))
    unused = [names[i] for i in np.flatnonzero(counts == 0)]
    if not unused:
        return []
    shown = ", ".join(repr(u[:40]) for u in unused[:5]) + (" and more" if len(unused) > 5 else "")
    return [Problem("notice", f"{len(unused):,} of {len(names):,} classes have no row: {shown}", file=file)]


def _holds_bytes(values: pd.Series) -> bool:
    return values.dtype == object and any(isinstance(v, bytes) for v in values.head(100))


def _given_ids(ids: pd.Series, file: str) -> pd.Index:
    column = str(ids.name)
    empty = np.flatnonzero((ids.str.strip() == "").to_numpy())
    if len(empty):
        mend = "give every row an id, or choose no id column"
        raise refuse("no id", file=file, row=int(empty[0]) + 1, column=column, count=len(empty), mend=mend)
    if not ids.is_unique:
        repeated = ids[ids.duplicated(keep=False)]
        rows = repeated.groupby(repeated, sort=False).groups
        shown = [f"{k!r} in rows {', '.join(str(i + 1) for i in v[:4])}" for k, v in list(rows.items())[:5]]
        more = f" and {len(rows) - 5:,} more" if len(rows) > 5 else ""
        raise refuse(
            f"ids that occur more than once: {'; '.join(shown)}{more}",
            file=file,
            row=int(repeated.index[0]) + 1,
            column=column,
            count=len(repeated),
            mend="give every row its own id, or choose no id column",
        )
    return pd.Index(ids.array, dtype="str")
