"""Label columns and class lists as they are written, before they are matched with each other."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import Problem, refuse

MISSING = {"NA", "N/A", "n/a", "#N/A", "nan", "NaN", "NAN", "null", "NULL", "Null", "None", "<NA>"}
"""Words that stand for "no label", unless the class list has them. "none" is a class to many."""
_LABEL_NAME = re.compile(r"\s*label\s*,\s*name\b", re.IGNORECASE)
_INTEGER = re.compile(r"\s*([+-]?\d+)(\.0*)?\s*")


@dataclass(frozen=True, eq=False)
class GivenLabels:
    """A label column, encoded.

    values: the distinct labels as written, in order of first appearance, at least once each.
    codes: (N,) int32 into values, -1 where there is no label. counts, first: (len(values),) how
    often each occurs, and in which row (0-based) first.
    """

    values: tuple[str, ...]
    codes: np.ndarray
    counts: np.ndarray
    first: np.ndarray


@dataclass(frozen=True)
class ClassList:
    """Classes in column order. tokens: how the label column writes them; names: how people call them.

    firm: a person gave the list; otherwise it came with the data and may hold unused classes.
    """

    tokens: tuple[str, ...]
    names: tuple[str, ...]
    file: str = ""
    firm: bool = True


def integer(text: str) -> int | None:
    """The whole number that a label is written as ("3", "3.0", " 3"), or None."""
    found = _INTEGER.fullmatch(text)
    return int(found.group(1)) if found and len(text) < 20 else None


def read_given(
    column: pd.Series, file: str, known: frozenset[str] = frozenset()
) -> tuple[GivenLabels, list[Problem]]:
    """Encode a label column. Blank cells and MISSING words that are not in `known` are no labels."""
    texts = pa.chunked_array([pa.array(as_text(column), pa.large_string())]).combine_chunks()
    encoded = texts.dictionary_encode()
    raw_values = encoded.dictionary.to_pylist()
    raw = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
    words = [v in MISSING and v not in known for v in raw_values]
    empty = np.array([w or not v.strip() for w, v in zip(words, raw_values, strict=True)] + [True])
    missing = empty[raw]
    problems = _missing_notice(
        missing, sorted(v for w, v in zip(words, raw_values, strict=True) if w), file, str(column.name)
    )
    kept = np.flatnonzero(~empty[:-1])
    renumber = np.full(len(empty), -1, dtype=np.int32)
    renumber[kept] = np.arange(len(kept), dtype=np.int32)
    codes = renumber[raw]
    counts = np.bincount(codes[codes >= 0], minlength=len(kept))
    first = np.full(len(kept), len(codes), dtype=np.int64)
    there = np.flatnonzero(codes >= 0)[::-1]
    first[codes[there]] = there  # backwards, so that the first row of each value is written last
    return GivenLabels(tuple(raw_values[i] for i in kept), codes, counts, first), problems


def as_text(column: pd.Series) -> pd.Series:
    """A column as its labels are written: integers without a point, missing stays missing."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.rename_categories([str(c) for c in column.cat.categories]).astype("str")
    return column.astype("str")


def read_class_list(path: Path) -> ClassList:
    """A class name a line, a JSON list of names or {label: name}, or CSV with a label and a name column.

    Raises InputError for a file that cannot be read, is empty or names a class twice.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise refuse(
            f"cannot be read as UTF-8 text: {error}", file=str(path), mend="check the file"
        ) from error
    if text.lstrip()[:1] in ("[", "{"):
        pairs = _from_json(text, path.name)
    elif path.suffix.lower() in (".csv", ".tsv") or _LABEL_NAME.match(text):
        pairs = _from_csv(text, path)
    else:
        pairs = [(line, line) for line in (raw.strip() for raw in text.splitlines()) if line]
    if not pairs:
        raise refuse("no class in the class list", file=path.name, mend="write a class name on each line")
    tokens, names = zip(*pairs, strict=True)
    for values in (tokens, names):
        twice = next((v for v in values if values.count(v) > 1), None)
        if twice is not None:
            raise refuse(f"the class {twice!r} is listed twice", file=path.name, mend="list each class once")
    return ClassList(tokens, names, path.name)


def _from_json(text: str, file: str) -> list[tuple[str, str]]:
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise refuse(
            f"not valid JSON: {error}", file=file, expected='["cat", "dog"] or {"0": "cat"}'
        ) from error
    if isinstance(value, list) and all(isinstance(v, str | int) for v in value):
        return [(str(v), str(v)) for v in value]
    if isinstance(value, dict) and all(isinstance(v, str | int) for v in value.values()):
        pairs = [(str(k), str(v)) for k, v in value.items()]
        if all(integer(k) is None and isinstance(v, int) for k, v in value.items()):
            # {name: number}, the other way round: the number is the column.
            return [(n, n) for n, _ in sorted(value.items(), key=lambda item: item[1])]
        return _in_number_order(pairs)
    raise refuse("not a list of names", file=file, expected='["cat", "dog"] or {"0": "cat", "1": "dog"}')


def _from_csv(text: str, path: Path) -> list[tuple[str, str]]:
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    try:
        rows = [r for r in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(r)]
    except csv.Error as error:
        raise refuse(f"not readable as CSV: {error}", file=path.name, expected="label,name") from error
    head = [c.strip().lower() for c in rows[0]] if rows else []
    if "label" in head and "name" in head:
        label, name = head.index("label"), head.index("name")
        return _in_number_order([(r[label], r[name]) for r in rows[1:] if len(r) > max(label, name)])
    if all(len(r) == 2 and integer(r[0]) is not None for r in rows):
        return _in_number_order([(r[0], r[1]) for r in rows])
    return [(r[0], r[0]) for r in rows[len(head) == 1 and head[0] in ("label", "name", "class") :]]


def _in_number_order(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Numbered classes by their number, since it is the column; others as listed."""
    numbers = [integer(token) for token, _ in pairs]
    if any(n is None for n in numbers):
        return pairs
    return [pair for _, pair in sorted(zip(numbers, pairs, strict=True), key=lambda item: item[0] or 0)]


def _missing_notice(missing: np.ndarray, words: list[str], file: str, column: str) -> list[Problem]:
    count = int(missing.sum())
    if not count:
        return []
    named = f" (also the words {', '.join(words)})" if words else ""
    said = f"no label{named}: kept as unlabelled"
    return [Problem("notice", said, "", "", file, int(missing.argmax()) + 1, column, count)]
