"""Label Studio's JSON export: tasks with data, annotations and predictions; choices of whole tasks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.importers._answers import Addition, Answer, Cells, Outputs, Tool, object_in, read_answers
from core.importers._base import ImportFormat
from core.importers._tools import tool_of
from core.progress import Progress
from core.source import Named, RawTable

_REGION = ("start", "end", "x", "y", "points", "ranges", "globalOffsets", "rle", "sequence")
_REGION_TYPES = {
    "labels": "labels of parts of a text",
    "hypertextlabels": "labels of parts of a text",
    "paragraphlabels": "labels of parts of a text",
    "timeserieslabels": "labels of parts of a series",
    "rectanglelabels": "boxes",
    "ellipselabels": "ellipses",
    "polygonlabels": "polygons",
    "keypointlabels": "key points",
    "brushlabels": "masks",
}


def sniff(path: Path, head: bytes) -> bool:
    return tool_of(path, head) == "label_studio"


def read(path: Path, progress: Progress) -> RawTable:
    """A row for each task: its id, its data, the given label of each choice, annotators and predictions.

    Annotations that were cancelled do not count; one that is marked as ground truth goes first.
    """
    return read_answers(TOOL, path, progress)


def _cells(task: dict[str, Any]) -> Cells:
    found: Cells = {("task", "id"): task["id"]} if "id" in task else {}
    found |= {("data", key): value for key, value in object_in(task, "data").items()}
    for prediction in _dicts(task.get("predictions")):
        model = _model(prediction)
        chosen: dict[str, list[str]] = {}
        for _, item in _choices(prediction):
            chosen.setdefault(str(item.get("from_name", "label")), []).extend(item["value"]["choices"])
        for question, choices in chosen.items():
            shown = choices[0] if len(choices) == 1 else json.dumps(choices, ensure_ascii=False)
            found["prediction", f"{question} predicted by {model}"] = shown
            found["prediction", f"score of {model}"] = prediction.get("score")
    return found


def _outputs(task: dict[str, Any]) -> Outputs:
    """What each model predicts, a result's own score beside that of the whole prediction."""
    found: dict[tuple[int, str], list[Named]] = {}
    predictions = _dicts(task.get("predictions"))
    for number, prediction in enumerate(predictions):
        for item in _dicts(prediction.get("result")):
            if (classes := _predicted(item)) is None:
                continue
            own = item.get("score") if len(classes) == 1 else None
            named = found.setdefault((number, str(item.get("from_name", "label"))), [])
            named.extend((name, own, prediction.get("score")) for name in classes)
    return [(_model(predictions[number]), question, named) for (number, question), named in found.items()]


def _predicted(item: dict[str, Any]) -> list[Any] | None:
    """The classes of one result of a prediction, None where it says nothing of the whole task; a taxonomy is
    kept as it is, to be told."""
    value = item.get("value")
    if not isinstance(value, dict) or any(key in value for key in _REGION):
        return None
    if isinstance(value.get("choices"), list):
        return value["choices"]
    return next(([value[key]] for key in ("rating", "taxonomy") if key in value), None)


def _model(prediction: dict[str, Any]) -> str:
    return str(prediction.get("model_version") or "model")


def _answers(task: dict[str, Any]) -> dict[str, list[Answer]]:
    found: dict[str, list[Answer]] = {}
    key = "annotations" if "annotations" in task else "completions"
    for number, annotation in enumerate(_dicts(task.get(key))):
        if annotation.get("was_cancelled") or annotation.get("skipped"):
            continue
        for place, item in _choices(annotation):
            question = str(item.get("from_name", "label"))
            path = (key, number, "result", place, "value", "choices")
            final = bool(annotation.get("ground_truth"))
            about = str(item.get("to_name", ""))
            answer = Answer(_person(annotation), item["value"]["choices"], path, final, about)
            found.setdefault(question, []).append(answer)
        regions = {_REGION_TYPES.get(str(r.get("type")), "") for r in _dicts(annotation.get("result"))} - {""}
        if regions and not found:
            raise ValueError(
                f"{', '.join(sorted(regions))} are not supported yet, only choices of whole tasks"
            )
    return found


def _choices(annotation: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """(position, result) of each choice that is made for the whole task, not for a part of it."""
    for place, item in enumerate(_dicts(annotation.get("result"))):
        value = item.get("value")
        if not isinstance(value, dict) or "choices" not in value or any(key in value for key in _REGION):
            continue
        choices = value["choices"]
        if not isinstance(choices, list) or not all(isinstance(choice, str) for choice in choices):
            raise ValueError(f"choices are {json.dumps(choices)[:60]}, not a list of texts")
        yield place, item


def _person(annotation: dict[str, Any]) -> str:
    by = annotation.get("completed_by")
    if isinstance(by, dict):
        by = by.get("email") or by.get("id")
    return "" if by is None else str(by)


def _first(task: dict[str, Any], question: str, values: list[Any], about: str) -> Addition:
    """An annotation of its own: a person's annotation that leaves the choice open stays as it is."""
    result = {
        "from_name": question,
        "to_name": about,
        "type": "choices",
        "value": {"choices": values},
    }
    key = "completions" if isinstance(task.get("completions"), list) else "annotations"
    if isinstance(task.get(key), list):
        return Addition((key,), None, {"result": [result]})
    return Addition((), key, [{"result": [result]}])


def _dicts(value: Any) -> list[dict[str, Any]]:
    """The objects of a list, each in its place; what is none counts as an empty one."""
    return [item if isinstance(item, dict) else {} for item in value] if isinstance(value, list) else []


TOOL = Tool(
    "label_studio",
    "Label Studio JSON",
    _cells,
    _answers,
    _first,
    added="data",
    inside={"data": ("data",)},
    outputs=_outputs,
)
FORMAT = ImportFormat(TOOL.name, TOOL.title, (".json",), sniff, read)
