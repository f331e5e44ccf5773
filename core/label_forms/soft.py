"""Soft labels: how the votes on each row, or its probability, are shared among the classes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from core.errors import Problem, refuse
from core.label_forms.answers import Given, lead, part, put
from core.label_forms.form import Edits, Formed, LabelForm, Tokens, check_columns, free_name
from core.label_forms.votes import CLOSE
from core.preflight.labels import as_text
from core.preflight.prediction_cells import SUM_OFF, holds_numbers, read_cells

_TIE = 1e-9
_EXPECTED = 'lists of numbers or {"class": number} in one column, or a column of numbers for each class'


def formed(frame: pd.DataFrame, form: LabelForm, file: str, like: Mapping[str, Any] | None = None) -> Formed:
    """The table with three columns more at its end: the class of the largest share, that share, its lead.

    Row i is record i. Classes are called as the mappings or the columns say, or are numbers from 0. like: the
    layout of a source to name the columns alike.
    """
    check_columns(frame, form.columns, file)
    if not form.columns:
        raise refuse(
            "no column of shares", file=file, expected=_EXPECTED, mend="choose the columns of shares"
        )
    one = len(form.columns) == 1
    values, names, said = (_cells if one else _columns)(frame[list(form.columns)], file)
    _check(values, names, file, form.columns[0])
    given = _largest(values, names)
    label = like["label_column"] if like else free_name(frame, "label", "given label")
    made, about = put(frame, given, label, like)
    layout = {**about, "aside": [*form.columns, *about["about_label"]], "classes": list(names)}
    write = partial(_cell_edits if one else _column_edits, frame, form.columns, values, names, file)
    said += _remarks(given, file, label)
    return Formed(made, layout, np.arange(len(frame)), write, tuple(said))


def _cells(frame: pd.DataFrame, file: str) -> tuple[np.ndarray, tuple[str, ...], list[Problem]]:
    column = str(frame.columns[0])
    if not holds_numbers(frame[column]):
        raise refuse("the first cell holds no shares", file=file, column=column, expected=_EXPECTED)
    values, names, said = read_cells(frame[column], file, column, counts=True)
    return values, names or tuple(str(i) for i in range(values.shape[1])), said


def _columns(frame: pd.DataFrame, file: str) -> tuple[np.ndarray, tuple[str, ...], list[Problem]]:
    values = np.empty(frame.shape)
    for i, name in enumerate(frame.columns):
        texts = as_text(frame[name]).fillna("").str.strip()
        numbers = pd.to_numeric(texts.where(texts != ""), errors="coerce").to_numpy(dtype=float)
        wrong = np.flatnonzero(np.isnan(numbers) & (texts != "").to_numpy())
        if len(wrong):
            row = int(wrong[0])
            found = f"{texts.iloc[row][:40]!r} is no number"
            raise refuse(found, file=file, row=row + 1, column=name, count=len(wrong), expected=_EXPECTED)
        values[:, i] = numbers
    return values, _class_names([str(c) for c in frame.columns]), []


def _class_names(columns: list[str]) -> tuple[str, ...]:
    """The columns' names without the beginning that all have: cat, dog for votes_cat, votes_dog."""
    start = columns[0]
    while not all(c.startswith(start) for c in columns):
        start = start[:-1]
    start = re.sub(r"[^ _.:\-]*$", "", start)
    names = tuple(c[len(start) :] for c in columns)
    return names if all(names) else tuple(columns)


def _check(values: np.ndarray, names: tuple[str, ...], file: str, column: str) -> None:
    """Raises InputError where there is one class, or a number that is no share of anything."""
    if len(names) < 2:
        raise refuse("shares of one class only", file=file, column=column, expected=_EXPECTED)
    for wrong, found in ((values < 0, "a negative share"), (np.isinf(values), "an infinite share")):
        bad = np.flatnonzero(wrong.any(axis=1))
        if len(bad):
            name = names[int(wrong[bad[0]].argmax())]
            found = f"{found} of {name!r}"
            raise refuse(found, file=file, row=int(bad[0]) + 1, column=column, count=len(bad))


def _largest(values: np.ndarray, names: tuple[str, ...]) -> Given:
    """The class of the largest share, none in a tie and where nobody voted."""
    values = np.nan_to_num(values)
    total = values.sum(axis=1)
    second, first = np.partition(values, -2, axis=1)[:, -2:].T
    codes = np.where(first - second > _TIE * total, values.argmax(axis=1), -1).astype(np.int32)
    return Given(names, codes, part(first, total, codes >= 0), lead(codes, first, second, total))


def _remarks(given: Given, file: str, label: str) -> list[Problem]:
    found = f"soft labels over {len(given.labels):,} classes: the given label is that of the largest share"
    said = [Problem("notice", found, file=file, column=label)]
    tie = (given.codes < 0) & ~np.isnan(given.lead)
    close = (given.codes >= 0) & (given.lead < CLOSE)
    for rows, found, mend in (
        (tie, "the largest shares tie: read as unlabelled, so that no class is preferred", "decide"),
        (close, f"the two largest shares differ by less than {CLOSE}: ambiguous rather than wrong", "review"),
    ):
        at = np.flatnonzero(rows)
        if len(at):
            row = int(at[0]) + 1
            said.append(Problem("notice", found, f"{mend} these rows", "", file, row, label, len(at)))
    return said


def _whole(values: np.ndarray, bare: bool) -> int | float:
    """What a row's shares sum to, all of which the decided class gets: its votes, or 1."""
    total = float(np.nansum(values))
    if bare:
        return int(total) or 1
    return total if total > 0 and abs(total - 1) > SUM_OFF else 1.0


def _place(names: tuple[str, ...], token: str, file: str, row: int, column: str) -> int:
    if token in names:
        return names.index(token)
    raise refuse(
        f"the file has no share of the class {token!r}",
        file=file,
        row=row + 1,
        column=column,
        expected="one of " + ", ".join(names[:10]),
        mend="export as CSV, JSON or Parquet, which have the given label as a column of its own",
    )


def _cell_edits(
    frame: pd.DataFrame,
    columns: Sequence[str],
    values: np.ndarray,
    names: tuple[str, ...],
    file: str,
    tokens: Tokens,
) -> Edits:
    """Each changed cell with all of its shares given to the decided class; its shape and its keys stay."""
    column = columns[0]
    cells = frame[column]
    shape = json.loads(next(c for c in cells.dropna() if c.strip()))
    new = {}
    for row, token in tokens.items():
        place = _place(names, token, file, row, column)
        cell = cells.iloc[row]
        old = shape if pd.isna(cell) or not cell.strip() else json.loads(cell)
        new[row] = json.dumps(_one_hot(old, values[row], names, place), ensure_ascii=False)
    return {column: new} if new else {}


def _one_hot(old: Any, values: np.ndarray, names: tuple[str, ...], place: int) -> Any:
    """A cell like `old` in which one class has everything."""
    if isinstance(old, list) and not isinstance(old[0], dict):
        amount = _whole(values, all(type(v) is int for v in old))
        return [amount if i == place else type(amount)(0) for i in range(len(names))]
    scored = isinstance(old, list)
    found = {str(v["label"]): v["score"] for v in old} if scored else old
    amount = _whole(values, all(type(v) is int for v in found.values()))
    made = {name: type(amount)(0) for name in found} | {names[place]: amount}
    return [{"label": name, "score": number} for name, number in made.items()] if scored else made


def _column_edits(
    frame: pd.DataFrame,
    columns: Sequence[str],
    values: np.ndarray,
    names: tuple[str, ...],
    file: str,
    tokens: Tokens,
) -> Edits:
    """Every share of a changed row that is not yet what it has to be; an empty cell stays for 0."""
    texts = [as_text(frame[c]).fillna("").tolist() for c in columns]
    made: Edits = {}
    for row, token in tokens.items():
        place = _place(names, token, file, row, str(columns[0]))
        bare = all(re.fullmatch(r"\s*[+-]?\d*\s*", column[row]) for column in texts)
        amount = _whole(values[row], bare)
        for i, column in enumerate(columns):
            wanted = amount if i == place else type(amount)(0)
            if np.nan_to_num(values[row, i]) != wanted:
                made.setdefault(str(column), {})[row] = str(wanted)
    return made
