"""Which tool or data set standard a JSON file is of, told by the records at its beginning.

All tools are told apart in one place, so that no two formats claim the same bytes, and plain JSON is what
none of them wrote.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from core.importers._hf import is_saved
from core.importers._records import BOM, is_json
from core.paths import inside

MOST_LOOKED_AT = 4 << 20
"""Bytes that are read where not even the first record ends within the head."""

MOST_FILES = 100
_HEAD = 1 << 16
_RECORDS = 50
_DECODER = json.JSONDecoder()
_SPACE = " \t\r\n"
_COCO_MARKS = {"images": {"id", "file_name"}, "annotations": {"image_id", "category_id"}}
TAG_KEYS = ("ner_tags", "tags", "labels", "label", "ner", "pos_tags", "chunk_tags")
"""What lists of tags are called beside a list "tokens", the likeliest first."""
_DOCCANO_MARKS = {"Comments", "comments", "annotation_approver"}
_DOCCANO_KEYS = {"id", "text", "data", "filename", "label", "labels", "meta", *_DOCCANO_MARKS}


def tool_of(path: Path, head: bytes) -> str | None:
    """The name of the import format whose tool wrote this file; None for plain JSON and anything else.

    For a folder: Hugging Face's, or that of FiftyOne's file beside its folder `data` or of COCO files in it.
    """
    if path.is_dir():
        if is_saved(path):
            return "hf_dataset"
        file = fiftyone_file(path)
        if file is not None:
            return _tool_of_file(file)
        return "coco" if coco_files(path) else None
    if not head or not path.is_file() or not is_json(path, head):
        return None
    stat = path.stat()
    return _tool(path, head, (stat.st_size, stat.st_mtime_ns))


def fiftyone_file(folder: Path) -> Path | None:
    """labels.json or samples.json beside a folder `data`, where FiftyOne has written it."""
    names = ("labels.json", "samples.json") if (folder / "data").is_dir() else ()
    written = {"fiftyone_labels", "fiftyone_samples"}
    files = (folder / name for name in names if inside(folder, name))
    return next((file for file in files if _tool_of_file(file) in written), None)


def coco_files(folder: Path) -> list[Path]:
    """The COCO files at the top of a folder or in its folder `annotations`; none where so many JSON files
    lie there that each belongs to a picture."""
    found = [p for where in ("*.json", "annotations/*.json") for p in islice(folder.glob(where), MOST_FILES)]
    if len(found) >= MOST_FILES:
        return []
    there = (file for file in sorted(found) if inside(folder, str(file.relative_to(folder))))
    return [file for file in there if _tool_of_file(file) == "coco"]


def _tool_of_file(file: Path) -> str | None:
    with file.open("rb") as handle:
        return tool_of(file, handle.read(_HEAD))


@lru_cache(maxsize=8)
def _tool(path: Path, head: bytes, stamp: tuple[int, int]) -> str | None:
    """stamp: of the file, whose bytes behind the head may decide."""
    name, sure = _told(head)
    if not sure and stamp[0] > len(head):
        with path.open("rb") as handle:
            name, _ = _told(handle.read(MOST_LOOKED_AT))
    return name


def _told(data: bytes) -> tuple[str | None, bool]:
    """(the tool that these first bytes tell, whether more of them could tell no more)."""
    text = data.removeprefix(BOM).decode("utf-8", "replace").lstrip()
    records = first_records(text)
    if text[:1] == "{" and len(records) < 2 and (name := _of_object(text)):
        return name, True
    if not records or not all(isinstance(record, dict) for record in records):
        return None, bool(records)
    rules = (
        ("label_studio", _is_task),
        ("label_studio_min", _is_task_in_short),
        ("argilla", _is_argilla),
        ("label_errors", _is_vote),
        ("token_json", _is_tokens),
    )
    name = next((name for name, rule in rules if all(map(rule, records))), None)
    return name or ("doccano" if _is_doccano(records) else None), True


def first_records(text: str) -> list[Any]:
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


def _of_object(text: str) -> str | None:
    """The tool whose file is one object, by the members of it that are there: it may be cut off anywhere."""
    first: dict[str, str] = {}
    for key, at in _members(text):
        opened = text[at : at + 1]
        inner = _past(text, at + 1)
        if opened == "[" and key == "samples" and not first.keys() - {"samples"}:
            return "fiftyone_samples" if _is_sample(_first_value(text, inner)) else None
        if opened in ("[", "{") and key == "frames" and not first and _is_of_video(text, inner, opened):
            return "fiftyone_samples"
        if opened == "[" and text[inner : inner + 1] == "{":
            members = dict(_members(text, inner))
            if _COCO_MARKS.get(key, {""}) <= members.keys():
                return "coco"
            lists = {name for name, start in members.items() if text[start : start + 1] == "["}
            if "tokens" in lists and lists & set(TAG_KEYS):
                return "token_json"
        if len(first) < 2:
            first[key] = opened
        if first.get("classes") in ("[", "n") and first.get("labels") == "{":
            return "fiftyone_labels"
    return None


def _members(text: str, at: int = 0) -> Iterator[tuple[str, int]]:
    """(key, where its value begins) of each member of the object at `at`, as far as it goes on."""
    try:
        while text[at : at + 1] in ("{", ","):
            key, at = _DECODER.raw_decode(text, _past(text, at + 1))
            if not isinstance(key, str):
                return
            at = _past(text, _past(text, at) + 1)
            yield key, at
            _, at = _DECODER.raw_decode(text, at)
            at = _past(text, at)
    except (ValueError, RecursionError, IndexError):
        return  # cut off, or no JSON: what was seen decides


def _first_value(text: str, at: int) -> Any:
    try:
        return _DECODER.raw_decode(text, at)[0]
    except (ValueError, RecursionError, IndexError):
        return None


def _past(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def _is_sample(sample: Any) -> bool:
    if not isinstance(sample, dict):
        return False
    nested = [v for v in sample.values() if isinstance(v, dict)]
    return "filepath" in sample and any("_cls" in v or "$oid" in v for v in nested)


def _is_of_video(text: str, inner: int, opened: str) -> bool:
    """Whether frames are those that FiftyOne writes, in a list, or in a list for each video."""
    if opened == "{":
        _, inner = next(_members(text, inner - 1), ("", len(text)))
        inner = _past(text, inner + 1)
    frame = _first_value(text, inner)
    return isinstance(frame, dict) and {"frame_number", "_sample_id"} <= frame.keys()


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


def _is_tokens(record: dict[str, Any]) -> bool:
    return tags_key(record) is not None


def tags_key(record: dict[str, Any]) -> str | None:
    """The key under which a record has a tag for each of its tokens, None where it has none."""
    tokens = record.get("tokens")
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        return None
    lists = ((key, record.get(key)) for key in TAG_KEYS)
    return next((k for k, v in lists if isinstance(v, list) and len(v) == len(tokens) and _are_tags(v)), None)


def _are_tags(values: list[Any]) -> bool:
    return all(value is None or type(value) in (int, str) for value in values)


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
