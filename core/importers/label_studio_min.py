"""Label Studio's JSON_MIN export: one object for each annotation, with the choices beside the data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.importers._answers import Addition, Answer, Cells, Tool, read_answers
from core.importers._base import ImportFormat
from core.importers._tools import tool_of
from core.progress import Progress
from core.source import RawTable

_ABOUT = {"annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement"}


def sniff(path: Path, head: bytes) -> bool:
    return tool_of(path, head) == "label_studio_min"


def read(path: Path, progress: Progress) -> RawTable:
    """A row for each annotation; its id is the annotation's, since several can be of one task.

    Results stand between the task's id and the annotator, as Label Studio writes them.
    """
    return read_answers(TOOL, path, progress)


def _cells(record: dict[str, Any]) -> Cells:
    results = {name for name in _results(record) if _choices(record[name]) is not None}
    return {
        ("about" if key in _ABOUT - {"annotation_id"} else "data", key): value
        for key, value in record.items()
        if key not in results
    }


def _answers(record: dict[str, Any]) -> dict[str, list[Answer]]:
    found = {}
    for name in _results(record):
        value = record[name]
        choices = _choices(value)
        if choices is not None:
            place = (name, "choices") if isinstance(value, dict) else (name,)
            found[name] = [Answer(str(record.get("annotator", "")), choices, place)]
    return found


def _results(record: dict[str, Any]) -> list[str]:
    """The keys between the task's id and the annotator."""
    keys = list(record)
    start = keys.index("id") + 1 if "id" in record else 0
    stop = keys.index("annotator") if "annotator" in record else len(keys)
    return [key for key in keys[start:stop] if key not in _ABOUT]


def _choices(value: Any) -> Any:
    """The choice or the list of choices; None for another kind of result. Raises ValueError for regions."""
    if isinstance(value, dict) and isinstance(value.get("choices"), list):
        return value["choices"]
    if isinstance(value, list) and any(isinstance(v, dict) and v.keys() & {"labels", "x"} for v in value):
        raise ValueError("labels of parts of a text or picture are not supported yet, only choices")
    return value if isinstance(value, str) else None


def _first(record: dict[str, Any], question: str, values: list[Any], about: str) -> Addition | None:
    """None but where there is an empty place: results are told by where they stand."""
    if record.get(question, "") is not None:
        return None
    return Addition((), question, values[0] if len(values) == 1 else _several(values))


def _several(values: list[Any]) -> dict[str, Any]:
    return {"choices": values}


TOOL = Tool(
    "label_studio_min",
    "Label Studio JSON_MIN",
    _cells,
    _answers,
    _first,
    _several,
    id_column="annotation_id",
    inside={"data": ()},
)
FORMAT = ImportFormat(TOOL.name, TOOL.title, (".json",), sniff, read)
