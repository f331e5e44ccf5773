"""JSON Lines, one object a line. A JSON Lines source is rewritten byte for byte; only new values differ."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.exporters._base import ExportFormat
from core.exporters._json import Span, record_texts, rewrite_records
from core.exporters._table import mapped
from core.progress import Progress

if TYPE_CHECKING:
    from core.corrections import Corrections

_BOM = b"\xef\xbb\xbf"


def write(corrections: Corrections, out: Path, progress: Progress) -> int:
    """Write the corrected source as JSON Lines."""
    with out.open("wb") as handle:
        if corrections.source.format == "jsonl":
            with mapped(corrections.source.path) as data:
                rewrite_records(corrections, data, line_spans, handle, progress)
        else:
            for text in record_texts(corrections, progress):
                handle.write(text + b"\n")
    return 0


def line_spans(data: Any) -> Iterator[Span]:
    """The object on each line that is not blank."""
    at = len(_BOM) if data[: len(_BOM)] == _BOM else 0
    while at < len(data):
        found = data.find(b"\n", at)
        end = len(data) if found < 0 else found
        line = data[at:end]
        if line.strip():
            yield at + len(line) - len(line.lstrip()), at + len(line.rstrip())
        at = end + 1


JSON_LINES = ExportFormat("jsonl", "JSON Lines", ".jsonl", write, frozenset({"jsonl"}))
