"""JSON records with a list of tokens and a list of their tags. One row for each token."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.errors import Problem, refuse
from core.importers._base import ImportFormat
from core.importers._records import BOM, check_characters, parse_file, to_frame
from core.importers._token_rows import OWN, TOKENS, token_frame
from core.importers._tools import tags_key, tool_of
from core.importers.json_lines import records_of
from core.paths import inside
from core.progress import Progress
from core.source import RawTable, Source, file_sha256

_INFO = "dataset_info.json"
_LARGEST_INFO = 64 << 20
_PLAIN = (str, int, float, bool, type(None))
_LINES = (".jsonl", ".ndjson")


def sniff(path: Path, head: bytes) -> bool:
    return tool_of(path, head) == "token_json"


def read(path: Path, progress: Progress) -> RawTable:
    """Tags are texts, or whole numbers: then a number below 0 is none, and their names are "names" of the
    object that holds the records, or of the ClassLabel in "features" there or in dataset_info.json beside
    the file, as Hugging Face writes it.

    Further columns: lists as long as the tokens, and the record's plain values, repeated; nested ones stay
    in the file. A record's own id is "sentence_id", and a name that is taken gets a "_" at its end.
    Layout: tags_key, records_key, lines, records (their number), class_names, tokens, label_column.
    Raises InputError for a record without as many tags as tokens, and for tags of several types.
    """
    progress.report(0.0, "Reading JSON")
    lines = _is_lines(path)
    value: Any = None if lines else parse_file(path.read_bytes(), path.name)
    key, records = (None, list(records_of(path, progress.part(0.0, 0.6)))) if lines else _list_of(value)
    progress.report(0.6, "Reading tokens")
    tag = next((found for r in records if isinstance(r, dict) and (found := tags_key(r))), "tags")
    tokens, tags, lengths = _flat(records, tag, path.name, progress.part(0.6, 0.8))
    if not tokens:
        raise refuse("no tokens in any record", file=path.name, mend="give a file with at least one sentence")
    check_characters(tokens, path.name)
    label = _label(tags, lengths, path.name)
    more, problems = _more(records, tag, lengths, path.name)
    frame = token_frame(tokens, lengths, label, more, path.name)
    names = _names(value, path, tag) if pd.api.types.is_integer_dtype(label.dtype) else []
    if pd.api.types.is_integer_dtype(label.dtype) and not names:
        found = "tags are numbers without names: what a span is cannot be told from them"
        mend = "give a class list with a name for each number"
        problems.append(Problem("warning", found, mend, file=path.name, column="label"))
    said = f"{len(frame):,} tokens in {len(lengths):,} records, a row for each token; tags are from {tag!r}"
    problems.append(Problem("notice", said, file=path.name))
    layout = {
        "tags_key": tag,
        "records_key": key,
        "lines": lines,
        "records": len(lengths),
        "class_names": {"label": names} if names else {},
        "tokens": list(TOKENS),
        "label_column": "label",
    }
    source = Source(path, FORMAT.name, file_sha256(path), path.stat().st_size, layout)
    return RawTable(frame, source, tuple(problems))


FORMAT = ImportFormat(
    "token_json", "JSON or JSON Lines of tokens and their tags", (".json", *_LINES), sniff, read
)


def _is_lines(path: Path) -> bool:
    """Whether each line holds a record: by suffix, or because the first line is a record with tokens."""
    if path.suffix.lower() in _LINES:
        return True
    with path.open("rb") as handle:
        line = next((found for found in handle if found.removeprefix(BOM).strip()), b"")
    try:
        first = json.loads(line.removeprefix(BOM))
    except (ValueError, RecursionError):
        return False
    return isinstance(first, dict) and tags_key(first) is not None


def _list_of(value: Any) -> tuple[str | None, list[Any]]:
    """(key of the list of records, the list); a file of one record is a list of it."""
    if isinstance(value, list):
        return None, value
    members = value.items() if isinstance(value, dict) else ()
    lists = ((k, v) for k, v in members if isinstance(v, list) and any(isinstance(r, dict) for r in v))
    return next(((k, v) for k, v in lists if any(map(_has_tokens, v))), (None, [value]))


def _has_tokens(record: Any) -> bool:
    return isinstance(record, dict) and tags_key(record) is not None


def _flat(
    records: Sequence[Any], tag: str, file: str, progress: Progress
) -> tuple[list[str], list[Any], np.ndarray]:
    """(the tokens of all records, their tags, how many each record has)."""
    tokens: list[str] = []
    tags: list[Any] = []
    lengths = []
    for number, record in enumerate(records, 1):
        if number % 5_000 == 1:
            progress.report(number / len(records), "Reading tokens")
        words = record.get("tokens") if isinstance(record, dict) else None
        said = record.get(tag) if isinstance(record, dict) else None
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            expected = '{"tokens": ["Ann", "left"], "ner_tags": ["B-PER", "O"]}'
            found = f"record {number:,} has no list of texts called tokens"
            raise refuse(found, file=file, column="tokens", expected=expected)
        if not isinstance(said, list) or len(said) != len(words):
            has = f"{len(said):,} tags" if isinstance(said, list) else "no list of tags"
            found = f"record {number:,} has {len(words):,} tokens and {has}"
            raise refuse(found, file=file, column=tag, mend="give every token a tag, null where it has none")
        tokens += words
        tags += said
        lengths.append(len(words))
    progress.report(1.0, "Reading tokens")
    return tokens, tags, np.array(lengths, np.int64)


def _label(tags: list[Any], lengths: np.ndarray, file: str) -> pd.Series:
    """The tags as a column: text, or whole numbers, of which one below 0 is none."""
    kinds = {type(tag) for tag in tags if tag is not None}
    if kinds <= {str}:
        check_characters(tags, file)
        return pd.Series(tags, dtype="str")
    if kinds == {int} and all(tag is None or abs(tag) < 2**31 for tag in tags):
        return pd.Series([None if tag is None or tag < 0 else tag for tag in tags], dtype="Int64")
    first = next(type(tag) for tag in tags if tag is not None)
    odd = next((i for i, tag in enumerate(tags) if tag is not None and type(tag) is not first), 0)
    record = int(np.searchsorted(np.cumsum(lengths), odd, "right")) + 1
    found = f"record {record:,} has the tag {json.dumps(tags[odd])[:60]}"
    expected = "texts in all records, or whole numbers in all"
    raise refuse(found, file=file, row=odd + 1, column="label", expected=expected)


def _more(
    records: Sequence[dict[str, Any]], tag: str, lengths: np.ndarray, file: str
) -> tuple[dict[str, pd.Series], list[Problem]]:
    """The other columns, and what was said of them."""
    codes = np.repeat(np.arange(len(records)), lengths)
    keys = dict.fromkeys(k for record in records for k in record if k not in ("tokens", tag))
    found: dict[str, pd.Series] = {}
    problems: list[Problem] = []
    aside = []
    for key in keys:
        values = [record.get(key) for record in records]
        name = _free(key, found)
        if all(isinstance(value, _PLAIN) for value in values):
            frame, _, said = to_frame(({name: value} for value in values), file)
            found[name] = frame[name].iloc[codes].reset_index(drop=True)
            problems += said
        elif all(_is_a_token(v, n) for v, n in zip(values, lengths.tolist(), strict=True)):
            frame, _, said = to_frame(({name: item} for item in _items(values, lengths)), file)
            found[name] = frame[name]
            problems += said
        else:
            aside.append(key)
    if aside:
        found_of = f"nested values, which stay in the file and are not shown: {', '.join(aside[:10])}"
        problems.append(Problem("notice", found_of, file=file, count=len(aside)))
    return found, problems


def _free(key: str, taken: Mapping[str, Any]) -> str:
    name = "sentence_id" if key == "id" else key
    while name in taken or (name in OWN and name != "split"):
        name += "_"
    return name


def _is_a_token(value: Any, length: int) -> bool:
    """Whether a record has this for each of its tokens, or not at all."""
    return value is None or (
        isinstance(value, list) and len(value) == length and all(isinstance(item, _PLAIN) for item in value)
    )


def _items(values: Sequence[Any], lengths: np.ndarray) -> Iterator[Any]:
    for value, length in zip(values, lengths.tolist(), strict=True):
        yield from [None] * length if value is None else value


def _names(value: Any, path: Path, tag: str) -> list[str]:
    """The names of tags that are numbers; none where nothing says them."""
    said = value if isinstance(value, dict) else {}
    found = _texts(said.get("names")) or _class_label(said.get("features"), tag)
    info = inside(path.parent, _INFO)
    if found or info is None or info.stat().st_size > _LARGEST_INFO:
        return found
    try:
        beside = json.loads(info.read_bytes())
    except (ValueError, RecursionError):
        return []  # whatever it is, it is not this file
    return _class_label(beside.get("features"), tag) if isinstance(beside, dict) else []


def _class_label(features: Any, tag: str) -> list[str]:
    """ClassLabel within a Sequence or List: {"ner_tags": {"feature": {"names": [...]}}}."""
    feature = features.get(tag) if isinstance(features, dict) else None
    for _ in range(2):
        if isinstance(feature, dict) and "names" not in feature:
            feature = feature.get("feature")
    return _texts(feature.get("names")) if isinstance(feature, dict) else []


def _texts(value: Any) -> list[str]:
    texts = isinstance(value, list) and all(isinstance(name, str) for name in value)
    return list(value) if texts else []
