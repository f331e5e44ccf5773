"""A JSON list of records. A JSON source is rewritten byte for byte; only new values differ."""

from __future__ import annotations

import json
from collections.abc import Iterator
from json import JSONDecodeError
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.exporters._base import ExportFormat
from core.exporters._json import DECODER, Span, rewrite_records, skip_space
from core.exporters._table import corrected_blocks, mapped
from core.progress import Progress

if TYPE_CHECKING:
    from core.corrections import Corrections

WINDOW = 4 << 20


def write(corrections: Corrections, out: Path, progress: Progress) -> int:
    """Write the corrected source as a JSON list of records, or as the object that holds that list."""
    with out.open("wb") as handle:
        if corrections.source.format == "json":
            with mapped(corrections.source.path) as data:
                rewrite_records(corrections, data, _spans, handle, progress)
        else:
            _write_table(corrections, handle, progress)
    return 0


def _write_table(corrections: Corrections, handle: Any, progress: Progress) -> None:
    separator = b"[\n"
    for block in corrected_blocks(corrections, progress):
        for row in block.to_pylist():
            handle.write(separator + json.dumps(row, ensure_ascii=False, default=str).encode())
            separator = b",\n"
    handle.write(b"\n]\n" if separator == b",\n" else b"[]\n")


def _spans(data: Any) -> Iterator[Span]:
    """The records of the list, found through a window on the file, so that memory stays flat."""
    base = _list_start(data)
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


def _list_start(data: Any) -> int:
    """The offset behind the bracket that opens the list of records: the file's, or its first list."""
    at = 3 if data[:3] == b"\xef\xbb\xbf" else 0
    return data.find(b"[", at) + 1


JSON = ExportFormat("json", "JSON list of records", ".json", write, frozenset({"json"}))
