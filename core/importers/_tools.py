"""Which annotation tool wrote a JSON file, told by the records at its beginning.

All tools are told apart in one place, so that no two formats claim the same bytes, and plain JSON is what
none of them wrote.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.importers._records import BOM, is_json
from core.paths import inside

MOST_LOOKED_AT = 4 << 20
"""Bytes that are read where not even the first record ends within the head."""

_RECORDS = 50
_DECODER = json.JSONDecoder()
_SPACE = " \t\r\n"
_DOCCANO_MARKS = {"Comments", "comments", "annotation_approver"}
_DOCCANO_KEYS = {"id", "text", "data", "filename", "label", "labels", "meta", *_DOCCANO_MARKS}


def tool_of(path: Path, head: bytes) -> str | None:
    """The name of the import format whose tool wrote this file; None for plain JSON and anything else.

    For a folder: that of FiftyOne's file beside its folder `data`.
    """
    if path.is_dir():
        file = fiftyone_file(path)
        if file is None:
            return None
        with file.open("rb") as handle:
            return tool_of(file, handle.read(1 << 16))
    if not head or not is_json(path, head):
        return None
    return _tool(path, head)


def fiftyone_file(folder: Path) -> Path | None:
    """labels.json or samples.json beside a folder `data`, as FiftyOne exports them."""
    names = ("labels.json", "samples.json") if (folder / "data").is_dir() else ()
    return next((folder / name for name in names if inside(folder, name)), None)


@lru_cache(maxsize=8)
def _tool(path: Path, head: bytes) -> str | None:
    text = head.removeprefix(BOM).decode("utf-8", "replace").lstrip()
    if text[:1] == "{" and (name := _fiftyone(text)):
        return name
    records = _first_records(text)
    if not records and path.is_file() and path.stat().st_size > len(head):
        with path.open("rb") as handle:
            data = handle.read(MOST_LOOKED_AT)
        records = _first_records(data.removeprefix(BOM).decode("utf-8", "replace").lstrip())
    if not records or not all(isinstance(record, dict) for record in records):
        return None
    rules = (
        ("label_studio", _is_task),
        ("label_studio_min", _is_task_in_short),
        ("argilla", _is_argilla),
        ("label_errors", _is_vote),
    )
    name = next((name for name, rule in rules if all(map(rule, records))), None)
    return name or ("doccano" if _is_doccano(records) else None)


def _first_records(text: str) -> list[Any]:
    """The first whole values of a JSON list, or of JSON Lines."""
    found: list[Any] = []
    listed = text[:1] == "["
    at = 1 if listed else 0
    while len(found) < _RECORDS:
        while at < len(text) and text[at] in (_SPACE + "," if listed else _SPACE):
            at += 1
        try:
            value, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            break
        found.append(value)
    return found


def _fiftyone(text: str) -> str | None:
    """By the first two keys of an object, which may go on behind the head."""
    keys: dict[str, str] = {}
    at = 1
    try:
        while len(keys) < 2:
            at = _past(text, at)
            key, at = _DECODER.raw_decode(text, at)
            at = _past(text, _past(text, at) + 1)
            keys[key] = text[at : at + 1]
            if key == "samples" and keys[key] == "[":
                sample, _ = _DECODER.raw_decode(text, _past(text, at + 1))
                return "fiftyone_samples" if _is_sample(sample) else None
            _, at = _DECODER.raw_decode(text, at)
            at = _past(text, at) + 1
    except (ValueError, RecursionError, TypeError, IndexError):
        pass  # cut off, or no JSON: what was seen decides
    return "fiftyone_labels" if keys.get("classes") in ("[", "n") and keys.get("labels") == "{" else None


def _past(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def _is_sample(sample: Any) -> bool:
    nested = [v for v in sample.values() if isinstance(v, dict)] if isinstance(sample, dict) else []
    return "filepath" in sample and any("_cls" in v or "$oid" in v for v in nested)


def _is_task(record: dict[str, Any]) -> bool:
    lists = (record.get(key) for key in ("annotations", "completions", "predictions"))
    return isinstance(record.get("data"), dict) and any(isinstance(found, list) for found in lists)


def _is_task_in_short(record: dict[str, Any]) -> bool:
    return {"annotator", "annotation_id", "lead_time"} <= record.keys()


def _is_argilla(record: dict[str, Any]) -> bool:
    answers = (record.get(key) for key in ("responses", "suggestions"))
    return isinstance(record.get("fields"), dict) and any(isinstance(found, dict | list) for found in answers)


def _is_vote(record: dict[str, Any]) -> bool:
    return isinstance(record.get("mturk"), dict) and "given_original_label" in record


def _is_doccano(records: list[dict[str, Any]]) -> bool:
    """By a key that only doccano writes, by spans, or by lists of texts beside an id and nothing else."""
    labels = [record.get("label", record.get("labels")) for record in records]
    named = all({"text", "data", "filename"} & record.keys() for record in records)
    asked = all({"label", "labels"} & record.keys() for record in records)
    if not (named and asked):
        return False
    if all(_DOCCANO_MARKS & record.keys() for record in records):
        return True
    lists = [label for label in labels if isinstance(label, list)]
    if len(lists) < len(labels) or not any(lists):
        return False
    if any(is_span(item) for label in lists for item in label):
        return True
    only = all("id" in record and record.keys() <= _DOCCANO_KEYS for record in records)
    return only and all(isinstance(item, str) for label in lists for item in label)


def is_span(value: Any) -> bool:
    """Whether this is [start, end, label], or an object that says as much."""
    if isinstance(value, dict):
        return {"start_offset", "end_offset"} <= value.keys()
    return isinstance(value, list) and len(value) == 3 and [type(v) for v in value[:2]] == [int, int]
