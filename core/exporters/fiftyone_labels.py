"""FiftyOne's labels.json with corrected targets; a number stays a number of the file's class list."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import refuse
from core.exporters._base import ExportFormat
from core.exporters._json import DECODER, Span, append_members, rewrite_records, skip_space, value_spans
from core.exporters._table import check_cell, mapped, refuse_added
from core.importers.fiftyone_labels import label_of, read_labels
from core.progress import Progress

if TYPE_CHECKING:
    import pandas as pd

    from core.corrections import Corrections


def write(corrections: Corrections, out: Path, progress: Progress) -> int:
    """Write the corrected source; every byte but the changed targets is copied."""
    refuse_added(corrections, "labels.json")
    if corrections.untouched:
        shutil.copyfile(corrections.source.path, out)
        return 0
    with out.open("wb") as handle, mapped(corrections.source.path) as data:
        rewrite_records(corrections, data, _members, handle, progress, _TargetWriter(corrections))
    return 0


class _TargetWriter:
    """Rewrites the members of `labels`, each the name of an image and its target."""

    def __init__(self, corrections: Corrections) -> None:
        self.corrections = corrections
        self.classes = list(corrections.source.layout["classes"])
        self.file = corrections.source.path.name

    def check(self, position: int, raw: bytes) -> None:
        """Raises InputError unless the image has the label that the data set has."""
        start, stop = _target(raw)
        target = json.loads(raw[start:stop])
        check_cell(self.corrections, position, label_of(target, self.classes, position + 1, self.file))

    def rewrite(self, position: int, raw: bytes, token: str | None, added: dict[str, Any]) -> bytes:
        """The member with another target; an object keeps what else it says."""
        if token is None:
            return raw
        start, stop = _target(raw)
        if raw[start : start + 1] == b"{":
            text = raw[start:stop].decode("latin-1")
            inner = value_spans(text, 0).get("label")
            if inner is None:
                member = f'"label": {self._value(token, b"null", position)}'
                return raw[:start] + append_members(raw[start:stop], member) + raw[stop:]
            start, stop = start + inner[0], start + inner[1]
        return raw[:start] + self._value(token, raw[start:stop], position).encode() + raw[stop:]

    def _value(self, token: str, old: bytes, position: int) -> str:
        named = old.startswith(b'"') or (old == b"null" and not self.classes)
        if named:
            return json.dumps(token, ensure_ascii=False)
        if token in self.classes:
            return str(self.classes.index(token))
        raise refuse(
            f"the class {token!r} is not in the file's list of classes",
            file=self.file,
            row=position + 1,
            column="label",
            expected="one of " + ", ".join(self.classes[:20]),
            mend="add it at the end of `classes` and load the file again, or export as CSV",
        )


def _members(data: Any) -> Iterator[Span]:
    """(start, stop) of each member of `labels`: from its key to the end of its value."""
    begin = data.find(b"{")
    text = data[begin:].decode("latin-1")
    at = skip_space(text, value_spans(text, 0)["labels"][0] + 1)
    while text[at] != "}":
        start = at
        _, at = DECODER.raw_decode(text, at)
        _, at = DECODER.raw_decode(text, skip_space(text, skip_space(text, at) + 1))
        yield begin + start, begin + at
        at = skip_space(text, at)
        at = skip_space(text, at + 1) if text[at] == "," else at


def _target(raw: bytes) -> Span:
    """(start, stop) of the value of a member."""
    text = raw.decode("latin-1")
    _, at = DECODER.raw_decode(text, 0)
    start = skip_space(text, skip_space(text, at) + 1)
    return start, DECODER.raw_decode(text, start)[1]


def _read_back(corrections: Corrections, path: Path, progress: Progress) -> pd.DataFrame:
    """The written table, its images beside the source."""
    return read_labels(path, corrections.source.path.parent, progress).frame


FIFTYONE_LABELS = ExportFormat(
    "fiftyone_labels",
    "FiftyOne classification (labels.json)",
    ".json",
    write,
    frozenset({"fiftyone_labels"}),
    only_own=True,
    read_back=_read_back,
)
