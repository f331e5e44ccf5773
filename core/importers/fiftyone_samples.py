"""FiftyOne's own format (FiftyOneDataset): samples.json, with classifications in fields of its samples."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from core.errors import refuse
from core.importers._answers import Addition, Answer, Cells, Outputs, Tool, read_answers
from core.importers._base import ImportFormat
from core.importers._tools import fiftyone_file, tool_of
from core.progress import Progress
from core.source import RawTable

SEVERAL = "classifications"
"""The member of a field of Classifications that is the list of its labels."""
_SEVERAL = "Classifications"
_FRAMES = re.compile(rb'(\xef\xbb\xbf)?\s*\{\s*"frames"\s*:')
_BEGINNING = 1 << 10


def sniff(path: Path, head: bytes) -> bool:
    return tool_of(path, head) == "fiftyone_samples"


def read(path: Path, progress: Progress) -> RawTable:
    """A row for each sample: its id, file path, tags and plain fields; a column for each classification.

    Labels are those of the field ground_truth where there is one; a field of Classifications gives several
    labels a row. A classification with a confidence is a prediction, and its field names the model; logits
    are not read, since the file does not say whose class each is. Detections and other labels of parts of a
    picture are left where they are. Raises InputError for frames.json, the frames of videos.
    """
    file = (fiftyone_file(path) if path.is_dir() else None) or path
    with file.open("rb") as handle:
        if _FRAMES.match(handle.read(_BEGINNING)):
            found, mend = "frames of videos are not supported yet", "load samples.json of pictures"
            raise refuse(found, file=file.name, mend=mend)
    raw = read_answers(TOOL, file, progress)
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
        elif (several := _classifications(value)) is not None and _are_predicted(several):
            shown = json.dumps([one["label"] for one in several], ensure_ascii=False)
            found["prediction", f"{key} predicted"] = shown
        elif not isinstance(value, dict) and not key.startswith("_"):
            group = "sample" if key == "filepath" else "about"
            found[group, key] = value
    return found


def _answers(sample: dict[str, Any]) -> dict[str, list[Answer]]:
    found = {}
    for key, value in sample.items():
        several = _classifications(value)
        if several is not None and not _are_predicted(several):
            labels = [one["label"] for one in several]
            if not all(map(_is_text, labels)):
                raise ValueError(f"a label in {key!r} is no text")
            found[key] = [Answer("", labels, (key, SEVERAL), about=_SEVERAL)]
        elif _is_classification(value) and value.get("confidence") is None and _is_text(value["label"]):
            found[key] = [Answer("", value["label"], (key, "label"))]
    return found


def _outputs(sample: dict[str, Any]) -> Outputs:
    found: Outputs = []
    for key, value in sample.items():
        several = _classifications(value)
        if several is None and _is_classification(value) and value["label"] is not None:
            several = [value]
        if several and _are_predicted(several):
            found.append((key, "", [(one["label"], one.get("confidence"), None) for one in several]))
    return found


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_classification(value: Any) -> bool:
    return isinstance(value, dict) and value.get("_cls") == "Classification" and "label" in value


def _classifications(value: Any) -> list[dict[str, Any]] | None:
    """The labels of a field of Classifications, None for any other."""
    if not isinstance(value, dict) or value.get("_cls") != _SEVERAL:
        return None
    labels = value.get(SEVERAL)
    if not isinstance(labels, list) or not all(map(_is_classification, labels)):
        raise ValueError("a field of Classifications that holds something else")
    return labels


def _are_predicted(labels: list[dict[str, Any]]) -> bool:
    return any(one.get("confidence") is not None for one in labels)


def as_classification(label: str) -> dict[str, Any]:
    """A label as FiftyOne writes a new one."""
    return {"_cls": "Classification", "tags": [], "label": label}


def _first(sample: dict[str, Any], question: str, values: list[Any], about: str) -> Addition | None:
    """None where a model's label, or one of another kind, stands in the place."""
    there = sample.get(question)
    if there is None and about == _SEVERAL:
        labels = [as_classification(label) for label in values]
        return Addition((), question, {"_cls": _SEVERAL, SEVERAL: labels})
    if there is None:
        return Addition((), question, as_classification(values[0]))
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
    outputs=_outputs,
)
FORMAT = ImportFormat(TOOL.name, TOOL.title, (".json",), sniff, read)
