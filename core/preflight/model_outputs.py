"""What a model says row by row in a tool's file, as probabilities over the classes of the data."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from core.dataset import Columns
from core.errors import InputError, Problem, refuse
from core.preflight.array_files import ArrayFile
from core.preflight.labels import ClassList
from core.preflight.predicted_labels import PredictedLabels, as_probabilities, place_of_classes
from core.preflight.prediction_cells import check_size, read_values
from core.source import ModelOutput, Named

Said = Mapping[str, float | None]
"""{class: its score}: what a model says of one row."""


@dataclass(frozen=True, eq=False)
class Asked:
    """What a data set says of itself that a tool's predictions have to be read by.

    frame, row_ids: its table, in row order, and what its rows are called. classes: gives its labels as they
    are written, in a set or alone, and its class list, None where there is none. format, layout: of its
    source, as far as they are known.
    """

    columns: Columns
    frame: pd.DataFrame
    row_ids: pd.Index
    classes: Callable[[], tuple[Sequence[str], ClassList | None]]
    format: str = ""
    layout: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def _classes(self) -> tuple[Sequence[str], ClassList | None]:
        return self.classes()  # only looked for where a file needs them

    @property
    def tokens(self) -> Sequence[str]:
        return self._classes[0]

    @property
    def listed(self) -> ClassList | None:
        return self._classes[1]

    @property
    def several(self) -> bool:
        """Whether a row can have several labels."""
        return bool(self.columns.delimiter)


def of_output(output: ModelOutput, file: str, ids: pd.Index | None, asked: Asked) -> ArrayFile:
    """One column a class. Raises InputError naming the row of what is no prediction of classes.

    One class a row: its score, with the rest spread evenly, or 1 where it has none. Several classes with
    scores: those, where they sum to 1. Where rows can have several labels: each class's score, or 1, and 0
    for classes that a row does not name. ids: of the rows; with them rows without a prediction are left out
    here, so that what is missing is told by the data's rows.
    """
    column = output.question
    rows = [_one(said, row, asked, file, column) for row, said in enumerate(output.rows, 1)]
    return from_said(rows, file, ids, asked, column)


def from_said(
    rows: Sequence[Said | None],
    file: str,
    ids: pd.Index | None,
    asked: Asked,
    column: str = "",
    at: Sequence[int] | None = None,
) -> ArrayFile:
    """As `of_output`, of rows that are checked already; None: nothing is said of the row.

    at: the record, from 0, that speaks of each row; None: they are in the same order.
    """
    rows = [None if said == {} and not asked.several else said for said in rows]
    kept = [row for row, said in enumerate(rows) if said is not None]
    if len(kept) < len(rows) and (ids is None or not kept):
        row = next(i for i, said in enumerate(rows, 1) if said is None)
        raise refuse("no prediction", file=file, row=row, count=len(rows) - len(kept), mend=_PREDICT)
    if ids is not None:
        ids = ids[kept]
    left = [said for said in rows if said is not None]
    if at is not None:
        kept = [at[row] for row in kept]
    _check_scores(left, kept, file, column)
    named = {name for said in left for name in said}
    check_size(len(left) * (len(named) + len(asked.tokens)), file, column)
    try:
        if asked.several:
            return _sets(left, file, column, ids, asked)
        if all(len(said) == 1 for said in left):
            return _likeliest(left, file, column, ids, asked)
        return _distributions(left, file, column, ids, asked)
    except InputError as error:
        raise InputError(*(_at_row(p, kept) for p in error.problems)) from error


_PREDICT = "predict these rows too, or leave them out of both files"


def _at_row(problem: Problem, kept: Sequence[int]) -> Problem:
    return problem if problem.row is None else replace(problem, row=kept[problem.row - 1] + 1)


def _one(said: Sequence[Sequence[Named]], row: int, asked: Asked, file: str, column: str) -> Said | None:
    """What is said of a row, once. Raises InputError for two different predictions of one model."""
    found = [_scores(named, row, asked, file, column) for named in said]
    if any(other != found[0] for other in found[1:]):
        shown, mend = "several different predictions of one model", "keep the one that counts"
        raise refuse(shown, file=file, row=row, column=column, mend=mend)
    return found[0] if found else None


def _scores(named: Sequence[Named], row: int, asked: Asked, file: str, column: str) -> Said:
    """The score of all that was said is a class's where it is the only one that a row can have."""
    found: dict[str, float | None] = {}
    for name, own, whole in named:
        if type(name) not in (str, int):
            shown = f"a prediction that is no class but {str(name)[:60]}"
            expected = "choices or a rating; a taxonomy is not supported yet"
            raise refuse(shown, file=file, row=row, column=column, expected=expected)
        if str(name) in found:
            raise refuse(f"the class {str(name)!r} is predicted twice", file=file, row=row, column=column)
        score = whole if own is None and len(named) == 1 and not asked.several else own
        found[str(name)] = None if score is None else number_of(score, row, file, column)
    return found


def number_of(score: Any, row: int, file: str, column: str) -> float:
    """A score as a finite number. Raises InputError for anything else."""
    try:
        value = float(score) if type(score) in (int, float) else math.nan
    except OverflowError:
        value = math.nan
    if not math.isfinite(value):
        raise refuse(f"the score {str(score)[:40]!r} is no number", file=file, row=row, column=column)
    return value


def _check_scores(rows: Sequence[Said], kept: Sequence[int], file: str, column: str) -> None:
    """Raises InputError where some classes have a score and others have none: they cannot be compared."""
    if {score is None for said in rows for score in said.values()} == {True, False}:
        row = next(k for k, said in zip(kept, rows, strict=True) if None in said.values()) + 1
        mend = "give every class a score, or none"
        raise refuse("a class without a score beside others", file=file, row=row, column=column, mend=mend)


def _likeliest(rows: Sequence[Said], file: str, column: str, ids: pd.Index | None, asked: Asked) -> ArrayFile:
    labels = pd.Series([next(iter(said)) for said in rows], dtype="str", name=column)
    scores = [next(iter(said.values())) for said in rows]
    known = None if None in scores else np.array(scores, dtype=np.float64)
    return as_probabilities(PredictedLabels(file, column, labels, known, ids), asked.tokens, asked.listed)


def _distributions(
    rows: Sequence[Said], file: str, column: str, ids: pd.Index | None, asked: Asked
) -> ArrayFile:
    plain = next((i for i, said in enumerate(rows, 1) if len(said) > 1 and None in said.values()), None)
    if plain is not None:
        found = f"{len(rows[plain - 1])} classes without scores, but a row has one label"
        mend = "give each class its score, or say that rows can have several labels"
        raise refuse(found, file=file, row=plain, column=column, mend=mend)
    values, names, problems = read_values(rows, file, column)
    out = ArrayFile(file, values, names, ids, tuple(problems))
    return _with_all_classes(out, rows, column, asked)


def _sets(rows: Sequence[Said], file: str, column: str, ids: pd.Index | None, asked: Asked) -> ArrayFile:
    place: dict[str, int] = {}
    for said in rows:
        for name in said:
            place.setdefault(name, len(place))
    values = np.zeros((len(rows), len(place)), dtype=np.float32)
    unsaid = 0
    for row, said in enumerate(rows):
        unsaid += len(said) < len(place)
        for name, score in said.items():
            values[row, place[name]] = 1 if score is None else score
    problems = []
    if unsaid and any(score is not None for said in rows for score in said.values()):
        found = (
            "classes that a row does not name count as 0, since no score is known. That costs the order of "
            "rows where a label may be missing"
        )
        mend = "save the score of every class"
        problems.append(Problem("warning", found, mend, file=file, column=column, count=unsaid))
    return _with_all_classes(ArrayFile(file, values, tuple(place), ids, tuple(problems)), rows, column, asked)


def _with_all_classes(array: ArrayFile, rows: Sequence[Said], column: str, asked: Asked) -> ArrayFile:
    """With a column, of 0, for each class that no row names. Raises InputError for a class that is none."""
    names, columns, unknown = place_of_classes(array.names or (), asked.tokens, asked.listed)
    if unknown:
        row = next(i for i, said in enumerate(rows, 1) if not unknown.isdisjoint(said))
        name = next(n for n in rows[row - 1] if n in unknown)
        some = ", ".join(map(repr, names[:5] if asked.listed else sorted(asked.tokens)[:5]))
        raise refuse(
            f"the predicted label {name!r} is no class of the data",
            file=array.file,
            row=row,
            column=column,
            count=sum(not unknown.isdisjoint(said) for said in rows),
            expected=f"classes such as {some}",
            mend="write the classes as the data do",
        )
    twice = [c for c, n in Counter(columns).items() if n > 1]
    if twice:
        raise refuse(f"the class {names[twice[0]]!r} is written in two ways", file=array.file, column=column)
    values = np.zeros((len(array.values), len(names)), dtype=array.values.dtype)
    values[:, columns] = array.values
    return replace(array, values=values, names=names)
