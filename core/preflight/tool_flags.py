"""Flags, scores and suggestions that cleanlab has written, in the data's own table or in a file beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from core.dataset import UNLABELLED
from core.errors import InputError, Problem, refuse
from core.flags import FIELDS, Flags
from core.preflight.agreement import IS_IT_IN_ORDER
from core.preflight.array_files import ArrayFile
from core.preflight.labels import ClassList, as_text, read_given
from core.preflight.predicted_labels import place_of_classes
from core.preflight.prediction_files import align
from core.preflight.prediction_table import ids_of, numbers_of
from core.preflight.reconcile import Classes
from core.progress import Progress
from core.reading import read_table

_FLAG = "is_label_issue"
_TRUE, _FALSE = ("true", "1", "1.0", "yes"), ("false", "0", "0.0", "no")


@dataclass(frozen=True)
class _Tool:
    """score: its column. reversed: whether there 1 is the worst. suggests: columns of suggested labels."""

    name: str
    score: str
    reversed: bool
    suggests: tuple[str, ...]


_TOOLS = (
    _Tool("Cleanlab Studio", "label_issue_score", True, ("suggested_label", "predicted_label")),
    _Tool("cleanlab's Datalab", "label_score", False, ("predicted_label",)),
)


def has_flags(columns: Sequence[str]) -> bool:
    """Whether these are columns of cleanlab's with flags of labels."""
    return _tool(columns) is not None


def flags_of_file(
    path: Path, id_column: str | None, classes: Classes, ids: pd.Index
) -> tuple[Flags, list[Problem]]:
    """(the flags of a file, in the order of the data's rows, what was found). By id where it has ids, else
    by order, which is told, and compared with the given labels where the file has them.

    Raises InputError for a file without such columns, for cells that are no flags and scores, and for rows
    that it lacks.
    """
    raw = read_table(path, Progress())
    frame, file = raw.frame, path.name
    if not has_flags([str(c) for c in frame.columns]):
        expected = "is_label_issue with label_issue_score (Cleanlab Studio) or label_score (Datalab)"
        raise refuse("no flags of cleanlab in this table", file=file, expected=expected)
    found, problems = _flags(frame, file, classes)
    places = ArrayFile(file, np.arange(len(frame))[:, None], None, ids_of(raw, id_column))
    order, said = align(places, ids)
    rows = order[:, 0]
    problems += said + _compared(frame, rows, file, classes)
    return replace(found, rows=found.rows[rows]), problems


def own_flags(frame: pd.DataFrame, file: str, classes: Classes) -> tuple[Flags | None, list[Problem]]:
    """(the flags in the data's own columns, what was found); None where there are none that can be read,
    which is told and keeps nothing else from being loaded."""
    if not has_flags([str(c) for c in frame.columns]):
        return None, []
    try:
        found, problems = _flags(frame, file, classes)
    except InputError as error:
        left = "these flags are left out, since: "
        return None, [replace(p, severity="warning", found=left + p.found) for p in error.problems]
    said = f"the flags of {found.tool} are shown as a check of their own"
    count = int(found.rows["flagged"].sum())
    return found, [*problems, Problem("notice", said, file=file, column=_FLAG, count=count)]


def _tool(columns: Sequence[str]) -> _Tool | None:
    return next((tool for tool in _TOOLS if {_FLAG, tool.score} <= set(columns)), None)


def _flags(frame: pd.DataFrame, file: str, classes: Classes) -> tuple[Flags, list[Problem]]:
    tool = _tool([str(c) for c in frame.columns])
    if tool is None:
        raise TypeError("this table has no flags")
    flagged = _truths(frame[_FLAG], file)
    score = _scores(frame[tool.score], file, tool.score)
    scored = ~np.isnan(score)
    rows = np.zeros(len(frame), dtype=FIELDS)
    rows["flagged"], rows["scored"], rows["suggestion"] = flagged, scored, UNLABELLED
    rows["score"] = np.where(scored, 1 - score if tool.reversed else score, ~flagged)
    problems: list[Problem] = []
    suggests = next((c for c in tool.suggests if c in frame.columns), None)
    if suggests is not None:
        rows["suggestion"], problems = _suggestions(frame[suggests], file, classes)
    return Flags(tool.name, tool.score, tool.reversed, rows), problems


def _truths(cells: pd.Series, file: str) -> np.ndarray:
    """(N,) bool; an empty cell is no flag. Raises InputError for a cell that is neither true nor false."""
    words = as_text(cells).fillna("").str.strip().str.lower()
    bad = np.flatnonzero(~words.isin((*_TRUE, *_FALSE, "", "nan", "none")).to_numpy())
    if len(bad):
        found = f"{words.iloc[bad[0]][:40]!r} is no flag"
        row, count = int(bad[0]) + 1, len(bad)
        raise refuse(found, file=file, row=row, column=_FLAG, count=count, expected="true or false")
    return words.isin(_TRUE).to_numpy(dtype=bool)


def _scores(cells: pd.Series, file: str, column: str) -> np.ndarray:
    """(N,) float64 in [0, 1], NaN for an empty cell. Raises InputError for anything else."""
    score = numbers_of(cells, file, column)
    if score is None:
        found = f"{str(cells.iloc[0])[:40]!r} is no number"
        raise refuse(found, file=file, row=1, column=column, expected="a score from 0 to 1")
    bad = np.flatnonzero(~np.isnan(score) & ~((score >= 0) & (score <= 1)))
    if len(bad):
        found = f"a score of {score[bad[0]]:.4g}"
        where = {"file": file, "row": int(bad[0]) + 1, "column": column, "count": len(bad)}
        raise refuse(found, expected="from 0 to 1", **where)
    return score


def _suggestions(cells: pd.Series, file: str, classes: Classes) -> tuple[np.ndarray, list[Problem]]:
    """((N,) codes of classes, -1 for none, what was found). A label that is no class is told and left out."""
    codes, unknown = _codes(cells, file, classes)
    if not len(unknown):
        return codes, []
    found = (
        f"the suggested label {str(cells.iloc[unknown[0]])[:40]!r} is no class of the data, and is left out"
    )
    where = {"file": file, "row": int(unknown[0]) + 1, "column": str(cells.name), "count": len(unknown)}
    return codes, [Problem("warning", found, **where)]  # type: ignore[arg-type]


def _codes(cells: pd.Series, file: str, classes: Classes) -> tuple[np.ndarray, np.ndarray]:
    """((N,) codes of the labels in these cells, -1 for none; the rows with a label that is no class)."""
    given, _ = read_given(cells, file, frozenset((*classes.names, *classes.tokens)))
    listed = ClassList(classes.tokens, classes.names, file)
    _, places, unknown = place_of_classes(given.values, classes.tokens, listed)
    place = np.array([*places, UNLABELLED], dtype=np.int32)
    strange = [i for i, value in enumerate(given.values) if value in unknown]
    return place[given.codes], np.flatnonzero(np.isin(given.codes, strange))


def _compared(frame: pd.DataFrame, rows: np.ndarray, file: str, classes: Classes) -> list[Problem]:
    """A warning where the file's own given labels are not those of the data."""
    if "given_label" not in frame.columns:
        return []
    codes, _ = _codes(frame["given_label"], file, classes)
    other = np.flatnonzero(codes[rows] != classes.labels)
    if not len(other):
        return []
    found = "the given label there is not that of the data: was another version checked?"
    mend = IS_IT_IN_ORDER if 2 * len(other) > len(rows) else ""
    where = {"file": file, "row": int(rows[other[0]]) + 1, "column": "given_label", "count": len(other)}
    return [Problem("warning", found, mend, **where)]  # type: ignore[arg-type]
