"""FiftyOne's own format (FiftyOneDataset): samples.json, with classifications in fields of its samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.errors import refuse
from core.importers._answers import Addition, Answer, Cells, Tool, read_answers
from core.importers._base import ImportFormat
from core.importers._tools import fiftyone_file, tool_of
from core.progress import Progress
from core.source import RawTable


def sniff(path: Path, head: bytes) -> bool:
    return tool_of(path, head) == "fiftyone_samples"


def read(path: Path, progress: Progress) -> RawTable:
    """A row for each sample: its id, file path, tags and plain fields; a column for each classification.

    Labels are those of the field ground_truth where there is one. A classification with a confidence is a
    prediction. Detections and other labels of parts of a picture are left where they are.
    """
    file = fiftyone_file(path) if path.is_dir() else path
    raw = read_answers(TOOL, file or path, progress)
    if not raw.source.layout["questions"]:
        found = "no sample has a classification without a confidence, so that nobody has labelled it"
        mend = "export the classifications of the data set; boxes and masks are not supported yet"
        raise refuse(found, file=raw.source.path.name, mend=mend)
    return raw


def _cells(sample: dict[str, Any]) -> Cells:
    found: Cells = {}
    for key, value in sample.items():
        if key == "_id":
            found["sample", "id"] = value.get("$oid") if isinstance(value, dict) else value
        elif _is_classification(value) and value.get("confidence") is not None:
            found["prediction", f"{key} predicted"] = value.get("label")
            found["prediction", f"score of {key}"] = value["confidence"]
        elif not isinstance(value, dict) and not key.startswith("_"):
            group = "sample" if key == "filepath" else "about"
            found[group, key] = value
    return found


def _answers(sample: dict[str, Any]) -> dict[str, list[Answer]]:
    return {
        key: [Answer("", value["label"], (key, "label"))]
        for key, value in sample.items()
        if _is_classification(value) and value.get("confidence") is None and isinstance(value["label"], str)
    }


def _is_classification(value: Any) -> bool:
    return isinstance(value, dict) and value.get("_cls") == "Classification" and "label" in value


def _first(sample: dict[str, Any], question: str, values: list[Any], about: str) -> Addition | None:
    """None where a model's label, or one of another kind, stands in the place."""
    there = sample.get(question)
    if there is None:
        return Addition((), question, {"_cls": "Classification", "tags": [], "label": values[0]})
    if _is_classification(there) and there["label"] is None and there.get("confidence") is None:
        return Addition((question,), "label", values[0])
    return None


TOOL = Tool(
    "fiftyone_samples",
    "FiftyOne data set (samples.json)",
    _cells,
    _answers,
    _first,
    inside={"about": ()},
    records_key="samples",
    prefers=("ground_truth", "label"),
)
FORMAT = ImportFormat(TOOL.name, TOOL.title, (".json",), sniff, read)
