"""Numbers that a file keeps as one value a row: lists, {class: number}, or [{"label": ..., "score": ...}]."""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from core.errors import InputError, Problem, refuse
from core.importers._records import parse

MOST_VALUES = 200_000_000
"""Of one array made from text. More belongs into .npy, which is mapped and not read."""
SUM_OFF = 0.1
"""How far from 1 a row may sum and still say that the classes it leaves out have probability 0."""
_PLAIN, _FLAT = json.JSONDecoder(), re.compile(r"\s*\[[^\[\]{}]*\]\s*")
_LABEL, _SCORE = "label", "score"
_EXPECTED = 'a list of numbers, {"class": number} or [{"label": "class", "score": number}], as in row 1'


def holds_numbers(cells: pd.Series) -> bool:
    """Whether the first filled cell of a text column is a list or a mapping of numbers as JSON."""
    if not isinstance(cells.dtype, pd.StringDtype):
        return False
    first = next((c for c in cells.head(1_000).dropna() if c.strip()), "")
    if first.lstrip()[:1] not in ("[", "{"):
        return False
    try:
        value = parse(first)
    except ValueError:
        return False
    return bool(value) and (_is_vector(value) or _pairs(value) is not None)


def read_cells(
    cells: pd.Series, file: str, column: str, counts: bool = False
) -> tuple[np.ndarray, tuple[str, ...] | None, list[Problem]]:
    """((N, K) float64, K names or None, notices) of a column that `holds_numbers`. An empty cell is NaN.

    counts: a class that a mapping leaves out has 0 in it, whatever the others sum to.
    Raises InputError naming row and column of the first cell that is something else.
    """
    return read_values(_parsed(cells, file, column), file, column, counts)


def read_values(
    values: Iterable[Any], file: str, column: str = "", counts: bool = False
) -> tuple[np.ndarray, tuple[str, ...] | None, list[Problem]]:
    """As `read_cells`, of values that are parsed already; None is a row of NaN."""
    left = iter(values)
    start = []
    for value in left:
        start.append(value)
        if value is not None:
            break
    both = (row for part in (start, left) for row in part)
    if start and start[-1] is not None and not _is_vector(start[-1]):
        return _from_pairs(both, file, column, counts)
    return _from_vectors(both, file, column), None, []


def _parsed(cells: pd.Series, file: str, column: str) -> Iterator[Any]:
    for row, cell in enumerate(cells.array, 1):
        if pd.isna(cell) or not cell.strip():
            yield None
            continue
        try:
            # Making a decoder costs more than reading a short list; only an object can have a key twice.
            yield _PLAIN.decode(cell) if _FLAT.fullmatch(cell) else parse(cell)
        except ValueError as error:
            found = f"{cell[:40]!r} is no JSON: {error}"
            mend = "write lists with commas, as json.dumps does"
            raise refuse(found, file=file, row=row, column=column, mend=mend) from error


def _is_vector(value: Any) -> bool:
    return isinstance(value, list) and {type(v) for v in value} <= {int, float, type(None)}


def _from_vectors(rows: Iterable[Any], file: str, column: str) -> np.ndarray:
    flat = array("d")
    width, pending, count = 0, 0, 0
    for count, value in enumerate(rows, 1):
        if value is None:
            flat.extend([np.nan] * width)
            pending += not width
            continue
        if not value or not _is_vector(value):
            raise _something_else(value, file, count, column)
        width = width or len(value)
        if len(value) != width:
            found = f"{len(value)} numbers, but the rows before have {width}"
            mend = "write a number for each class in every row"
            raise refuse(found, file=file, row=count, column=column, mend=mend)
        flat.extend([np.nan] * width * pending)
        pending = 0
        try:
            flat.extend([np.nan if v is None else v for v in value])
        except OverflowError as error:
            raise refuse("a number too large", file=file, row=count, column=column) from error
        check_size(len(flat), file, column)
    return _numpy(flat).reshape(count if width else 0, width)


def _from_pairs(
    rows: Iterable[Any], file: str, column: str, counts: bool
) -> tuple[np.ndarray, tuple[str, ...], list[Problem]]:
    names: dict[str, int] = {}
    flat, places, owners = array("d"), array("q"), array("q")
    count = 0
    for count, value in enumerate(rows, 1):
        if value is None:
            continue
        pairs = _pairs(value)
        if pairs is None:
            raise _something_else(value, file, count, column)
        for name, number in pairs:
            places.append(names.setdefault(name, len(names)))
            owners.append(count - 1)
            try:
                flat.append(number)
            except OverflowError as error:
                raise refuse("a number too large", file=file, row=count, column=column) from error
        check_size(len(names) * count, file, column)
    values = np.full((count, len(names)), np.nan)
    values[_numpy(owners), _numpy(places)] = _numpy(flat)
    there = np.unique(_numpy(owners))
    if counts:
        values[there] = np.nan_to_num(values[there])
        return values, tuple(names), []
    return values, tuple(names), _fill_left_out(values, there, tuple(names), file, column)


def _fill_left_out(
    values: np.ndarray, there: np.ndarray, names: tuple[str, ...], file: str, column: str
) -> list[Problem]:
    """Set to 0, in place, what rows leave out of a sum of 1. Raises InputError where it says nothing."""
    rows = there[np.isnan(values[there]).any(axis=1)]
    if not len(rows):
        return []
    sums = np.nansum(values[rows], axis=1)
    off = ~(np.abs(sums - 1) <= SUM_OFF) | (np.nan_to_num(values[rows]) < 0).any(axis=1)
    if off.any():
        row = int(rows[off.argmax()])
        name = names[int(np.isnan(values[row]).argmax())]
        found = f"no number for the class {name!r}, and the others sum to {sums[off.argmax()]:.4g}"
        mend = "write a number for each class in every row"
        count = int(off.sum())
        raise refuse(found, file=file, row=row + 1, column=column, count=count, mend=mend)
    values[rows] = np.nan_to_num(values[rows])
    found = "classes that a row leaves out have probability 0 there"
    return [Problem("notice", found, "", "", file, int(rows[0]) + 1, column, len(rows))]


def _pairs(value: Any) -> list[tuple[str, float]] | None:
    """(class, number) pairs in a cell, None where it holds something else."""
    if isinstance(value, list) and value and all(_is_scored(v) for v in value):
        pairs = [(str(v[_LABEL]), v[_SCORE]) for v in value]
    elif isinstance(value, dict) and value and not _is_scored(value):
        pairs = list(value.items())
    else:
        return None
    numbers = all(type(number) in (int, float) for _, number in pairs)
    return pairs if numbers and len({name for name, _ in pairs}) == len(pairs) else None


def _is_scored(value: Any) -> bool:
    return isinstance(value, dict) and _SCORE in value and type(value.get(_LABEL)) in (str, int)


def _numpy(values: array) -> np.ndarray:
    return np.frombuffer(values, dtype=values.typecode) if len(values) else np.empty(0, values.typecode)


def check_size(count: int, file: str, column: str) -> None:
    """Raises InputError for an array of more than MOST_VALUES numbers."""
    if count > MOST_VALUES:
        found = f"more than {MOST_VALUES:,} numbers as text"
        raise refuse(found, file=file, column=column, mend="save them with numpy.save")


def _something_else(value: Any, file: str, row: int, column: str) -> InputError:
    shown = json.dumps(value, ensure_ascii=False)
    shown = shown if len(shown) <= 40 else shown[:40] + "…"
    return refuse(f"found {shown}", file=file, row=row, column=column, expected=_EXPECTED)
