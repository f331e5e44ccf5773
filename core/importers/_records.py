"""JSON records as columns. Shared by the JSON formats."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from core.errors import Problem, refuse

BOM = b"\xef\xbb\xbf"
MOST_CELLS = 200_000_000
"""Of a sparse table; one new key for each record would fill the memory."""

TABLES = (".csv", ".tsv", ".tab", ".txt", ".psv")


def is_json(path: Path, head: bytes) -> bool:
    """Whether a file begins as JSON: its first value ends with its line, or is cut off or broken and
    the suffix is none of delimited text (a CSV may begin with "[id],..." or with JSON in a cell)."""
    text = head.removeprefix(BOM).decode("utf-8", "replace").lstrip()
    if text[:1] not in ("[", "{"):
        return False
    try:
        stop = json.JSONDecoder().raw_decode(text)[1]
    except (ValueError, RecursionError):
        return path.suffix.lower() not in TABLES
    return not text[stop:].split("\n")[0].strip()


def parse(text: str) -> Any:
    """A JSON value. Raises ValueError, also for a key that is there twice and for absurd nesting."""
    try:
        return json.loads(text, object_pairs_hook=_no_repeats)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def parse_file(data: bytes, file: str) -> Any:
    """The JSON value of a file's bytes. Raises InputError."""
    try:
        return parse(data.decode("utf-8-sig"))
    except ValueError as error:
        mend = "complete the file; it must be UTF-8"
        raise refuse(f"not valid JSON: {error}", file=file, mend=mend) from error


def to_frame(records: Iterable[Any], file: str) -> tuple[pd.DataFrame, list[str], list[Problem]]:
    """(frame, names of the columns with nested values, notices).

    A column keeps its JSON type where all its values share one; nested values, and the values of a
    column of several types, become text (a string as it is, anything else as JSON).
    Raises InputError for a record that is no object.
    """
    lists: dict[str, list[Any]] = {}
    present: dict[str, int] = {}
    count = 0
    for record in records:
        if not isinstance(record, dict):
            found = f"record {count + 1:,} is a {type(record).__name__}"
            raise refuse(found, file=file, row=count + 1, expected='an object such as {"text": "..."}')
        for key, value in record.items():
            if key not in lists:
                lists[key], present[key] = [None] * count, 0
            lists[key].append(value)
            present[key] += 1
        count += 1
        if len(record) < len(lists):
            for key in lists.keys() - record.keys():
                lists[key].append(None)
            if len(lists) * count > MOST_CELLS:
                found = f"{len(lists):,} different keys in {count:,} records"
                raise refuse(found, file=file, expected="the same keys in every record", row=count)
    check_characters(list(lists), file)
    problems = [
        Problem("notice", f"{n:,} of {count:,} records have this key", file=file, column=key)
        for key, n in present.items()
        if n < count
    ]
    nested = []
    columns = {}
    for key in list(lists):
        values = lists.pop(key)
        types = {type(v) for v in values if v is not None}
        if types & {list, dict}:
            nested.append(key)
        elif len(types) > 1 and types != {int, float}:
            found = f"values of several types ({', '.join(sorted(t.__name__ for t in types))}), read as text"
            problems.append(Problem("notice", found, file=file, column=key))
        columns[key] = _column(values, types, file, key)
    return pd.DataFrame(columns, index=pd.RangeIndex(count)), nested, problems


def check_characters(value: Any, file: str) -> None:
    """Raises InputError where a text within holds half a character, which no file can be written with."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise refuse(
            "half of a surrogate pair, which is no character, in a name",
            file=file,
            mend="write the character itself, or both halves of its \\u escape",
        ) from error


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """json itself keeps the last of two equal keys and says nothing."""
    record = dict(pairs)
    if len(record) != len(pairs):
        keys = [k for k, _ in pairs]
        raise ValueError(f"the key {next(k for k in keys if keys.count(k) > 1)!r} is there twice")
    return record


def _column(values: list[Any], types: set[type], file: str, key: str) -> pd.Series:
    if types == {bool}:
        return pd.Series(values, dtype="boolean" if None in values else "bool")
    if types == {int} and all(v is None or -(2**63) <= v < 2**63 for v in values):
        return pd.Series(values, dtype="Int64" if None in values else "int64")
    exact = all(abs(v) <= 2**53 for v in values if type(v) is int)
    if float in types and types <= {int, float} and exact:
        return pd.Series(values, dtype="float64")
    texts = [v if v is None or isinstance(v, str) else json.dumps(v, ensure_ascii=False) for v in values]
    try:
        return pd.Series(texts, dtype="str")
    except UnicodeEncodeError as error:
        raise _half_character(texts, file, key) from error


def _half_character(texts: list[str | None], file: str, key: str) -> Exception:
    rows = [i for i, t in enumerate(texts) if t and any("\ud800" <= c <= "\udfff" for c in t)]
    return refuse(
        "half of a surrogate pair, which is no character",
        file=file,
        row=rows[0] + 1 if rows else None,
        column=key,
        count=max(len(rows), 1),
        mend="write the character itself, or both halves of its \\u escape",
    )
