"""JSON records rewritten in place: where values lie, and how new ones are written there.

Spans are taken in text decoded as latin-1, in which every byte is one character: offsets are byte
offsets, and UTF-8 inside strings does no harm since JSON's own marks are ASCII.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from core.cells import cell_text
from core.exporters._table import BLOCK_ROWS, check_cell, check_count, corrected_blocks
from core.progress import Progress

if TYPE_CHECKING:
    from core.corrections import Corrections

Span = tuple[int, int]

# Numbers stay text, so that no length of digits is refused and none is rounded.
DECODER = json.JSONDecoder(strict=False, parse_int=str, parse_float=str)

_SPACE = re.compile(r"[ \t\n\r]*")
_BARE = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?|true|false")


class RecordWriter(Protocol):
    """Rewrites single records of a source."""

    def check(self, position: int, raw: bytes) -> None:
        """Raises InputError unless the record at this position has the label that the data set has."""

    def rewrite(self, position: int, raw: bytes, token: str | None, added: dict[str, Any]) -> bytes:
        """The record with a new label (None keeps it) and with the added values."""


def skip_space(text: str, at: int) -> int:
    return _SPACE.match(text, at).end()  # type: ignore[union-attr]


def value_spans(text: str, at: int) -> dict[str, Span]:
    """{key: (start, stop) of its value} of the object that opens at `at`."""
    spans = {}
    at = skip_space(text, at + 1)
    while text[at] != "}":
        key_start = at
        _, at = DECODER.raw_decode(text, at)
        key = json.loads(text[key_start:at].encode("latin-1"), strict=False)
        start = skip_space(text, skip_space(text, at) + 1)
        _, stop = DECODER.raw_decode(text, start)
        spans[key] = (start, stop)
        at = skip_space(text, stop)
        if text[at] == ",":
            at = skip_space(text, at + 1)
    return spans


def item_spans(text: str, at: int) -> list[Span]:
    """(start, stop) of each element of the list that opens at `at`."""
    spans = []
    at = skip_space(text, at + 1)
    while text[at] != "]":
        _, stop = DECODER.raw_decode(text, at)
        spans.append((at, stop))
        at = skip_space(text, stop)
        if text[at] == ",":
            at = skip_space(text, at + 1)
    return spans


def span_at(text: str, place: Sequence[str | int]) -> Span:
    """(start, stop) of the value that these keys and positions lead to, in the object `text`."""
    start, stop = 0, len(text)
    for step in place:
        if isinstance(step, str):
            start, stop = value_spans(text, start)[step]
        else:
            start, stop = item_spans(text, start)[step]
    return start, stop


def record_texts(corrections: Corrections, progress: Progress) -> Iterator[bytes]:
    """Each row of the corrected table as a JSON object; nested values come out of their text again."""
    nested = corrections.source.layout.get("nested", ())
    for block in corrected_blocks(corrections, progress):
        for row in block.to_pylist():
            row.update({name: _nested(row[name]) for name in nested})
            yield json.dumps(row, ensure_ascii=False, default=cell_text).encode()


def rewrite_records(
    corrections: Corrections,
    data: Any,
    find: Callable[[Any], Iterator[Span]],
    handle: IO[bytes],
    progress: Progress,
    writer: RecordWriter | None = None,
) -> None:
    """Copy `data` (bytes or a memory map) with its records, which `find` finds, corrected.

    A dropped record goes with the separator before it; the first ones go with the one behind them.
    writer: for records whose labels are not plain values of theirs.
    """
    writer = writer or ObjectWriter(corrections, is_bare(corrections, data, find(data)))
    tokens = corrections.tokens_in(0, len(corrections.dataset))
    touched = {change.position for change in corrections.changes}
    copied = previous = position = 0
    kept = False
    spans = find(data)
    for (dropped, added), (start, stop) in zip(_rows(corrections, progress), spans, strict=False):
        if position == 0:
            handle.write(data[:start])
            copied = start
        if position in touched:
            writer.check(position, data[start:stop])
        if dropped:
            if kept:
                handle.write(data[copied:previous])
            copied = stop
        else:
            copied = copied if kept else start
            kept = True
            if added or position in tokens:
                handle.write(data[copied:start])
                handle.write(writer.rewrite(position, data[start:stop], tokens.get(position), added))
                copied = stop
        previous = stop
        position += 1
    check_count(corrections, position + sum(1 for _ in spans))
    handle.write(data[copied:])


def _rows(corrections: Corrections, progress: Progress) -> Iterator[tuple[bool, dict[str, Any]]]:
    """(dropped, added values by name) of each row."""
    total = len(corrections.dataset)
    for start in range(0, total, BLOCK_ROWS):
        progress.report(start / total, "writing rows")
        rows = np.arange(start, min(start + BLOCK_ROWS, total))
        added = corrections.added(rows)
        values: Iterable[tuple[Any, ...]] = zip(*added.values(), strict=True) if added else [()] * len(rows)
        for dropped, row in zip(corrections.dropped[rows].tolist(), values, strict=True):
            yield dropped, dict(zip(added, row, strict=True))


def is_bare(corrections: Corrections, data: Any, spans: Iterable[Span]) -> bool:
    """Whether the source writes its labels without quotes, judged by its first labelled record; without one
    by the type of their column, as where another file of the data set has them."""
    labelled = np.flatnonzero(corrections.dataset.labels >= 0)
    label = corrections.dataset.columns.label
    if label is None:
        return False
    if len(labelled) == 0:
        return bool(pd.api.types.is_numeric_dtype(corrections.dataset.table[label]))
    for position, (start, stop) in enumerate(spans):
        if position == labelled[0]:
            text = data[start:stop].decode("latin-1")
            at = value_spans(text, 0).get(label)
            return at is not None and text[at[0]] != '"'
    return False


class ObjectWriter:
    """Rewrites the objects of one source: the label's value, and the values of added columns.

    A new label has the JSON type of the value that it replaces. Where that was missing, it has the
    type of the source's first label.
    """

    def __init__(self, corrections: Corrections, bare: bool) -> None:
        self.corrections = corrections
        self.label = corrections.dataset.columns.label
        self.bare = bare
        self.lists = self.label in corrections.source.layout.get("nested", ())

    def check(self, position: int, raw: bytes) -> None:
        """Raises InputError unless the object at this position has the label that the data set has."""
        if self.label is None:
            return
        text = raw.decode("latin-1")
        start, stop = value_spans(text, 0).get(self.label, (0, 0))
        word = text[start:stop].encode("latin-1") or b"null"
        # Numbers stay text, but not within a list or an object, which is compared as JSON.
        nested = word.startswith((b"[", b"{"))
        numbers: dict[str, Any] = {} if nested else {"parse_int": str, "parse_float": str}
        check_cell(self.corrections, position, json.loads(word, strict=False, **numbers))

    def rewrite(self, position: int, raw: bytes, token: str | None, added: dict[str, Any]) -> bytes:
        """The object with a new label (None keeps it) and with the added values at its end."""
        if token is not None and self.label is not None:
            text = raw.decode("latin-1")
            spans = value_spans(text, 0)
            if self.label in spans:
                start, stop = spans[self.label]
                raw = raw[:start] + self._value(token, text[start:stop], position).encode() + raw[stop:]
            else:
                key = json.dumps(self.label, ensure_ascii=False)
                raw = append_members(raw, f"{key}: {self._value(token, None, position)}")
        return append_values(raw, added) if added else raw

    def _value(self, token: str, old: str | None, position: int) -> str:
        """The token as JSON, typed like the value that it replaces."""
        if self.lists:
            return token
        labelled = old is not None and self.corrections.dataset.labels[position] >= 0
        bare = not old.startswith('"') if labelled and old else self.bare
        return plain_value(token, bare)


def _nested(text: str | None) -> Any:
    """A list or object out of its JSON text; any other text is itself."""
    if text is None or not text.startswith(("[", "{")):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def plain_value(token: str, bare: bool) -> str:
    """A label as JSON: bare where it is to be a number or a truth value and can be one."""
    word = token.lower() if token in ("True", "False") else token
    return word if bare and _BARE.fullmatch(word) else json.dumps(token, ensure_ascii=False)


def append_values(raw: bytes, values: Mapping[str, Any]) -> bytes:
    """The object with these values, by their keys, at its end."""
    return append_members(raw, json.dumps(values, ensure_ascii=False, default=cell_text)[1:-1])


def append_members(raw: bytes, members: str) -> bytes:
    """The object or list with more members before its closing brace and the white space in front of it."""
    body = raw[:-1].rstrip()
    comma = b"" if body.endswith((b"{", b"[")) else b", "
    return body + comma + members.encode() + raw[len(body) :]
