"""Argilla's records, of version 2 and 1: fields, responses of annotators, suggestions of models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.importers._answers import Addition, Answer, Cells, Place, Tool, object_in, read_answers
from core.importers._base import ImportFormat
from core.importers._tools import tool_of
from core.progress import Progress
from core.source import RawTable

_ABOUT = ("status", "external_id", "_server_id", "inserted_at", "updated_at")
_INSIDE: dict[str, Place] = {"field": ("fields",), "metadata": ("metadata",)}
_COUNTED = (None, "submitted")


def sniff(path: Path, head: bytes) -> bool:
    return tool_of(path, head) == "argilla"


def read(path: Path, progress: Progress) -> RawTable:
    """A row for each record: its id, fields, metadata, the given label of each question, suggestions.

    Only submitted responses count. Vectors are left where they are.
    """
    return read_answers(TOOL, path, progress)


def _cells(record: dict[str, Any]) -> Cells:
    found: Cells = {("record", "id"): record["id"]} if "id" in record else {}
    found |= {("field", key): value for key, value in object_in(record, "fields").items()}
    found |= {("metadata", key): value for key, value in object_in(record, "metadata").items()}
    found |= {("about", key): record[key] for key in _ABOUT if key in record}
    for question, suggestion in _suggestions(record.get("suggestions")):
        value = suggestion.get("value")
        shown = value if isinstance(value, str | int) or value is None else json.dumps(value)
        found["prediction", f"{question} suggested"] = shown
        found["prediction", f"score of {question} suggested"] = _score(suggestion.get("score"))
    return found


def _answers(record: dict[str, Any]) -> dict[str, list[Answer]]:
    found: dict[str, list[Answer]] = {}
    for question, person, value, place in _responses(record.get("responses")):
        if _is_span_list(value):
            raise ValueError(f"answers to {question!r} are parts of a text, which are not supported yet")
        if isinstance(value, str | int) or (isinstance(value, list) and all(type(v) is str for v in value)):
            answer = Answer("" if person is None else str(person), value, place)
            found.setdefault(question, []).append(answer)
    return found


def _responses(responses: Any) -> Iterator[tuple[str, Any, Any, Place]]:
    """(question, user, value, place of the value) of each submitted response."""
    if isinstance(responses, dict):  # Argilla 2: {question: [{"value", "user_id"}]}
        for question, answers in responses.items():
            for number, one in enumerate(answers if isinstance(answers, list) else ()):
                if isinstance(one, dict) and one.get("status") in _COUNTED:
                    yield (
                        question,
                        one.get("user_id"),
                        one.get("value"),
                        ("responses", question, number, "value"),
                    )
    elif isinstance(responses, list):  # Argilla 1: [{"user_id", "status", "values": {question: {"value"}}}]
        for number, one in enumerate(responses):
            values = one.get("values") if isinstance(one, dict) else None
            if not isinstance(values, dict) or one.get("status") not in _COUNTED:
                continue
            for question, found in values.items():
                value = found.get("value") if isinstance(found, dict) else None
                yield question, one.get("user_id"), value, ("responses", number, "values", question, "value")


def _suggestions(suggestions: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(suggestions, dict):
        yield from ((question, one) for question, one in suggestions.items() if isinstance(one, dict))
    elif isinstance(suggestions, list):
        for one in suggestions:
            if isinstance(one, dict):
                yield str(one.get("question_name", "")), one


def _score(score: Any) -> Any:
    """One number; the scores of a list of labels as JSON."""
    return json.dumps(score) if isinstance(score, list) else score


def _is_span_list(value: Any) -> bool:
    return isinstance(value, list) and any(
        isinstance(v, dict) and {"start", "end", "label"} <= v.keys() for v in value
    )


def _first(record: dict[str, Any], question: str, values: list[Any], about: str) -> Addition | None:
    """None: Argilla takes no response that is nobody's."""
    return None


TOOL = Tool("argilla", "Argilla records", _cells, _answers, _first, added="metadata", inside=_INSIDE)
FORMAT = ImportFormat(TOOL.name, TOOL.title, (".json", ".jsonl"), sniff, read)
