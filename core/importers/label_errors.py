"""The votes that labelerrors.com publishes: given label, guessed label, votes of five people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.importers._answers import Addition, Answer, Cells, Tool, read_answers
from core.importers._base import ImportFormat
from core.importers._tools import tool_of
from core.progress import Progress
from core.source import RawTable

CODE, NAME = "given_original_label", "given_original_label_name"
_PAIRS = ((NAME, CODE), ("our_guessed_label_name", "our_guessed_label"))


def sniff(path: Path, head: bytes) -> bool:
    return tool_of(path, head) == "label_errors"


def read(path: Path, progress: Progress) -> RawTable:
    """A row for each record: id, url, the given label by its name, the guessed one, and a column of votes for
    each choice. Layout adds codes {class name: its code}, for an export writes both."""
    return read_answers(TOOL, path, progress)


def _cells(record: dict[str, Any]) -> Cells:
    asked = {NAME, CODE} if NAME in record else {CODE}
    found: Cells = {}
    for key, value in record.items():
        if key == "mturk" and isinstance(value, dict):
            found |= {("about", f"votes {choice}"): votes for choice, votes in value.items()}
        elif key not in asked:
            found["about" if key.startswith("our_guessed") else "record", key] = value
    return found


def _answers(record: dict[str, Any]) -> dict[str, list[Answer]]:
    key = NAME if NAME in record else CODE
    value = record.get(key)
    if value is None:
        return {}
    if not isinstance(value, str | int):
        raise ValueError(f"{key} is a {type(value).__name__}, not a name or a number")
    return {key: [Answer("", value, (key,))]}


def _first(record: dict[str, Any], question: str, values: list[Any], about: str) -> Addition | None:
    """None: a record that has a code only, or nothing, has no place for a name."""
    return None


def _codes(record: dict[str, Any]) -> dict[str, Any]:
    return {record[name]: record.get(code) for name, code in _PAIRS if isinstance(record.get(name), str)}


TOOL = Tool(
    "label_errors",
    "labelerrors.com votes",
    _cells,
    _answers,
    _first,
    inside={"record": ()},
    codes=_codes,
)
FORMAT = ImportFormat(TOOL.name, TOOL.title, (".json",), sniff, read)
