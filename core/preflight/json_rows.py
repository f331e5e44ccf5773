"""JSON that is nothing but rows of numbers: [[0.1, 0.9], ...], or one such list a line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.errors import refuse
from core.importers._records import BOM, parse

MOST_BYTES = 1 << 30
"""Of JSON that has to be read as a whole."""
MOST_LINE = 64 << 20
_ROWS = re.compile(rb'\s*(\{\s*"[^"\\]{0,200}"\s*:\s*)?\[\s*(\[|-?[0-9]|NaN|null)')
_LINE = re.compile(rb"\s*\[[^\n]*\]\s*\n\s*\S")
_SUFFIXES = (".jsonl", ".ndjson")


def is_rows(head: bytes) -> bool:
    """Whether a file begins as rows of numbers in JSON."""
    return _ROWS.match(head.removeprefix(BOM)) is not None


def rows_of(path: Path, head: bytes) -> Iterator[Any]:
    """Each row's value, in file order. Lists of rows, one for each sentence, are put one after the other.

    Raises InputError for what is no such JSON or too large.
    """
    lines = path.suffix.lower() in _SUFFIXES or _LINE.match(head.removeprefix(BOM))
    return _one_by_one(_lines(path) if lines else _list(path), path.name)


def _one_by_one(values: Iterator[Any], file: str) -> Iterator[Any]:
    """The rows within lists of rows, where the first value is such a list; otherwise the values."""
    nested: bool | None = None  # not known while there are only empty lists
    empty = 0
    for number, value in enumerate(values, 1):
        inner = isinstance(value, list) and all(isinstance(row, list) for row in value)
        if nested is None and value == []:
            empty += 1
            continue
        if nested is None:
            nested = inner
            yield from ([] for _ in range(0 if nested else empty))
        if not nested:
            yield value
        elif inner:
            yield from value
        else:
            found = f"entry {number:,} is no list of rows, but those before are"
            expected = "a list for each sentence, in it one for each token with a number for each class"
            raise refuse(found, file=file, expected=expected)
    yield from ([] for _ in range(0 if nested is not None else empty))


def _list(path: Path) -> Iterator[Any]:
    size = path.stat().st_size
    if size > MOST_BYTES:
        mend = "write one list a line (JSON Lines), or save the numbers with numpy.save"
        raise refuse(f"JSON of {size:,} bytes in one piece", file=path.name, mend=mend)
    try:
        value = parse(path.read_bytes().decode("utf-8-sig"))
    except ValueError as error:
        mend = "complete the file; it must be UTF-8"
        raise refuse(f"not valid JSON: {error}", file=path.name, mend=mend) from error
    if isinstance(value, dict):
        lists = [v for v in value.values() if isinstance(v, list)]
        if len(lists) != 1:
            found = f"an object of {len(lists)} lists ({', '.join(list(value)[:10])})"
            raise refuse(found, file=path.name, expected="a list of lists of numbers, or one under a key")
        value = lists[0]
    if not value or not all(isinstance(row, list) for row in value):
        expected = "a list for each row, with a number for each class: [[0.1, 0.9], [0.7, 0.3]]"
        raise refuse("a list of single values", file=path.name, expected=expected)
    return iter(value)


def _lines(path: Path) -> Iterator[Any]:
    count = 0
    with path.open("rb") as handle:
        for number, line in enumerate(iter(lambda: handle.readline(MOST_LINE), b""), 1):
            if not line.strip() or (number == 1 and not line.removeprefix(BOM).strip()):
                continue
            count += 1
            try:
                value = parse(line.removeprefix(BOM).decode("utf-8"))
            except ValueError as error:
                found = f"line {number:,} is not valid JSON: {error}"
                raise refuse(found, file=path.name, row=count, mend="complete this line") from error
            if not isinstance(value, list):
                raise refuse(f"line {number:,} is no list", file=path.name, row=count, expected="[0.1, 0.9]")
            yield value
