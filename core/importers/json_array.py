"""JSON: a list of objects, or an object that holds one such list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.errors import refuse
from core.importers import json_lines
from core.importers._base import ImportFormat
from core.importers._records import BOM, is_json, parse_file, to_frame
from core.importers._tools import tool_of
from core.progress import Progress
from core.source import RawTable, Source, file_sha256


def sniff(path: Path, head: bytes) -> bool:
    return is_json(path, head) and tool_of(path, head) is None and not json_lines.sniff(path, head)


def read(path: Path, progress: Progress) -> RawTable:
    """Layout: encoding, bom, nested (columns), records_key (where the list is a value of an object)."""
    progress.report(0.0, "Reading JSON")
    data = path.read_bytes()
    value = parse_file(data, path.name)
    progress.report(0.5, "Reading records")
    key, records = _list_of(value, path.name)
    frame, nested, problems = to_frame(records, path.name)
    layout: dict[str, Any] = {"encoding": "utf-8", "bom": data.startswith(BOM), "nested": nested}
    if key is not None:
        layout["records_key"] = key
    source = Source(path, FORMAT.name, file_sha256(path), len(data), layout)
    return RawTable(frame, source, tuple(problems))


FORMAT = ImportFormat("json", "JSON list of records", (".json",), sniff, read)


def _list_of(value: Any, file: str) -> tuple[str | None, list[Any]]:
    """(key of the list, the list). Raises InputError where there is no such list, or more than one."""
    if isinstance(value, list):
        return None, value
    lists = {k: v for k, v in value.items() if isinstance(v, list)} if isinstance(value, dict) else {}
    if len(lists) == 1:
        return next(iter(lists.items()))
    found = f"{len(lists)} lists ({', '.join(lists)})" if lists else "no list of records"
    raise refuse(found, file=file, expected='a list of objects, or {"data": [...]}')
