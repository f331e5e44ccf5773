"""JSON Lines: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.errors import refuse
from core.importers._base import ImportFormat
from core.importers._records import BOM, is_json, parse, to_frame
from core.importers._tools import tool_of
from core.progress import Progress
from core.source import RawTable, Source, file_sha256

_SUFFIXES = (".jsonl", ".ndjson")


def sniff(path: Path, head: bytes) -> bool:
    """By suffix, or because the first of several lines is an object of its own."""
    if not is_json(path, head) or head.removeprefix(BOM).lstrip()[:1] != b"{":
        return False
    if tool_of(path, head) is not None:
        return False
    if path.suffix.lower() in _SUFFIXES:
        return True
    lines = head.removeprefix(BOM).split(b"\n")
    try:
        json.loads(lines[0])
    except (ValueError, RecursionError):
        return False
    return any(line.strip() for line in lines[1:])


def read(path: Path, progress: Progress) -> RawTable:
    """Record i is the i-th line that is not blank. Layout: encoding, bom, nested (columns)."""
    frame, nested, problems = to_frame(records_of(path, progress), path.name)
    with path.open("rb") as handle:
        bom = handle.read(3) == BOM
    layout = {"encoding": "utf-8", "bom": bom, "nested": nested}
    source = Source(path, FORMAT.name, file_sha256(path), path.stat().st_size, layout)
    return RawTable(frame, source, tuple(problems))


FORMAT = ImportFormat("jsonl", "JSON Lines", _SUFFIXES, sniff, read)


def records_of(path: Path, progress: Progress) -> Iterator[Any]:
    """The value on each line that is not blank. Raises InputError for a line that is no JSON."""
    size = path.stat().st_size
    done = count = 0
    with path.open("rb") as handle:
        for number, line in enumerate(handle, 1):
            done += len(line)
            if number == 1:
                line = line.removeprefix(BOM)
            if number % 5_000 == 1:
                progress.report(0.9 * done / size, "Reading records")
            if not line.strip():
                continue
            count += 1
            try:
                yield parse(line.decode("utf-8"))
            except ValueError as error:
                raise refuse(
                    f"line {number:,} is not valid JSON: {error}",
                    file=path.name,
                    row=count,
                    mend="complete or remove this line; the file must be UTF-8",
                ) from error
