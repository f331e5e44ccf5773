"""A JSON list of records. A JSON source is rewritten byte for byte; only new values differ."""

from __future__ import annotations

from collections.abc import Iterator
from json import JSONDecodeError
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.exporters._base import ExportFormat
from core.exporters._json import DECODER, Span, record_texts, rewrite_records, skip_space, value_spans
from core.exporters._table import mapped
from core.progress import Progress

if TYPE_CHECKING:
    from core.corrections import Corrections

WINDOW = 4 << 20


def write(corrections: Corrections, out: Path, progress: Progress) -> int:
    """Write the corrected source as a JSON list of records, or as the object that holds that list."""
    with out.open("wb") as handle:
        if corrections.source.format == "json":
            with mapped(corrections.source.path) as data:
                key = corrections.source.layout.get("records_key")
                rewrite_records(corrections, data, lambda d: list_spans(d, key), handle, progress)
        else:
            _write_table(corrections, handle, progress)
    return 0


def _write_table(corrections: Corrections, handle: Any, progress: Progress) -> None:
    separator = b"[\n"
    for text in record_texts(corrections, progress):
        handle.write(separator + text)
        separator = b",\n"
    handle.write(b"\n]\n" if separator == b",\n" else b"[]\n")


def list_spans(data: Any, key: str | None) -> Iterator[Span]:
    """The records of the list: the file's own, or that of a key.

    They are found through a window on the file, so that memory stays flat.
    """
    base = _list_start(data, key)
    size = WINDOW
    while True:
        text = data[base : base + size].decode("latin-1")
        whole = base + len(text) >= len(data)
        at = 0
        while True:
            at = skip_space(text, at)
            if text[at : at + 1] == "]":
                return
            at = skip_space(text, at + 1) if text[at : at + 1] == "," else at
            try:
                _, stop = DECODER.raw_decode(text, at)
            except JSONDecodeError:
                if whole:
                    raise
                # The record goes on behind the window: move it, and widen it where that does not help.
                size = size * 2 if at == 0 else WINDOW
                base += at
                break
            yield base + at, base + stop
            at = stop


def _list_start(data: Any, key: str | None) -> int:
    """The offset behind the bracket that opens the list of records: the file's own, or that of a key."""
    if key is None:
        return data.find(b"[") + 1
    brace = data.find(b"{")
    return brace + value_spans(data[brace:].decode("latin-1"), 0)[key][0] + 1


JSON = ExportFormat("json", "JSON list of records", ".json", write, frozenset({"json"}))
