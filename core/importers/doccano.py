"""doccano's JSONL and JSON exports: a text, and a list of labels or one label."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.importers._answers import Addition, Answer, Cells, Tool, read_answers
from core.importers._base import ImportFormat
from core.importers._tools import is_span, tool_of
from core.progress import Progress
from core.source import RawTable

_KEYS = ("label", "labels")
_ABOUT = {"Comments", "comments", "annotation_approver"}


def sniff(path: Path, head: bytes) -> bool:
    return tool_of(path, head) == "doccano"


def read(path: Path, progress: Progress) -> RawTable:
    """A row for each record. Where no record has several labels, a list of one label is that label, and an
    empty list is none."""
    return read_answers(TOOL, path, progress)


def _cells(record: dict[str, Any]) -> Cells:
    label = _key(record)
    return {
        ("about" if key in _ABOUT else "data", key): value for key, value in record.items() if key != label
    }


def _answers(record: dict[str, Any]) -> dict[str, list[Answer]]:
    key = _key(record)
    value = record.get(key)
    if value is None:
        return {}
    labels = value if isinstance(value, list) else [value]
    if any(is_span(item) for item in labels):
        raise ValueError("labels of parts of the text ([start, end, label]) are not supported yet")
    if not all(isinstance(item, str) for item in labels):
        raise ValueError(f"the label is {json.dumps(value)[:60]}, not a text or a list of texts")
    return {key: [Answer("", value, (key,), about=type(value).__name__)]}


def _key(record: dict[str, Any]) -> str:
    return next((key for key in _KEYS if key in record), _KEYS[0])


def _first(record: dict[str, Any], question: str, values: list[Any], about: str) -> Addition:
    return Addition((), question, values[0] if about == "str" and len(values) == 1 else values)


TOOL = Tool("doccano", "doccano JSONL", _cells, _answers, _first, inside={"data": ()})
FORMAT = ImportFormat(TOOL.name, TOOL.title, (".jsonl", ".json"), sniff, read)
