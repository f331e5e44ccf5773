"""Files of annotation tools rewritten in place: answers that gave a corrected label, and no other byte."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from core.cells import cell_text
from core.errors import refuse
from core.exporters._base import ExportFormat
from core.exporters._json import (
    Span,
    append_members,
    append_values,
    item_spans,
    plain_value,
    rewrite_records,
    span_at,
    value_spans,
)
from core.exporters._table import check_cell, mapped
from core.exporters.json_array import list_spans
from core.exporters.json_lines import line_spans
from core.importers._answers import (
    Addition,
    Answer,
    Place,
    Tool,
    given,
    question_cell,
    read_answers,
    to_correct,
)
from core.importers._records import parse
from core.progress import Progress

if TYPE_CHECKING:
    from core.corrections import Corrections


def answers_format(
    tool: Tool, suffix: str, writer_of: Callable[[Corrections, Tool], AnswerWriter] | None = None
) -> ExportFormat:
    """The export format of a tool. Only what came in its format is written so."""

    def write(corrections: Corrections, out: Path, progress: Progress) -> int:
        if corrections.untouched:
            shutil.copyfile(corrections.source.path, out)
            return 0
        layout = corrections.source.layout
        key = layout.get("records_key")
        find = line_spans if layout["lines"] else (lambda data: list_spans(data, key))
        writer = (writer_of or AnswerWriter)(corrections, tool)
        with out.open("wb") as handle, mapped(corrections.source.path) as data:
            rewrite_records(corrections, data, find, handle, progress, writer)
        return 0

    def read_back(corrections: Corrections, path: Path, progress: Progress) -> pd.DataFrame:
        frame = read_answers(tool, path, progress, corrections.source.layout).frame
        names = [*map(str, corrections.dataset.table.columns), *corrections.added_names]
        more = [name for name in frame.columns if name not in names]
        return frame.reindex(columns=[*names, *more])

    return ExportFormat(tool.name, tool.title, suffix, write, frozenset({tool.name}), True, read_back)


class AnswerWriter:
    """Rewrites a tool's records: each answer that gave the label that is corrected gives the new one.

    Where annotators tie, all their answers do; a record without an answer gets one.
    """

    def __init__(self, corrections: Corrections, tool: Tool) -> None:
        self.corrections = corrections
        self.tool = tool
        self.question = corrections.dataset.columns.label or ""
        layout = corrections.source.layout
        self.about = layout["questions"].get(self.question, "")
        self.listed = self.question in (*layout["lists"], *layout["nested"])
        dataset = corrections.dataset
        self.bare = bool(self.question) and pd.api.types.is_numeric_dtype(dataset.table[self.question])
        self.cell = None if self.question in layout["questions"] else self._cell(layout)

    def check(self, position: int, raw: bytes) -> None:
        """Raises InputError unless the record gives the label that the data set has."""
        found = given(self._answers(raw), self.listed)
        check_cell(self.corrections, position, question_cell(found))

    def rewrite(self, position: int, raw: bytes, token: str | None, added: dict[str, Any]) -> bytes:
        """The record with the new label in the places of the old one."""
        if token is not None:
            answers = to_correct(self._answers(raw), self.listed)
            values = json.loads(token) if self.listed else [token]
            raw = self._replaced(raw, answers, values) if answers else self._first(position, raw, values)
        return self._added(raw, added) if added else raw

    def _cell(self, layout: Mapping[str, Any]) -> Place | None:
        """Where a label stands that is no answer but a value of the data."""
        for group, key, name in layout["names"]:
            if name == self.question and group in self.tool.inside:
                return (*self.tool.inside[group], key)
        if not any(change.writes_label for change in self.corrections.changes):
            return None
        raise refuse(
            f"{self.tool.title} has no room for new values of this column",
            file=self.corrections.source.path.name,
            column=self.question,
            expected="one of " + ", ".join(layout["questions"]),
            mend="load the file again with such a column of labels, or export as CSV or JSON",
        )

    def _answers(self, raw: bytes) -> list[Answer]:
        record = parse(raw.decode("utf-8"))
        if self.cell is None:
            return self.tool.answers(record).get(self.question, [])
        value = record
        for key in self.cell:
            value = value.get(key) if isinstance(value, dict) else None
        return [] if value is None else [Answer("", value, self.cell)]

    def _replaced(self, raw: bytes, answers: list[Answer], values: list[Any]) -> bytes:
        text = raw.decode("latin-1")
        spans = sorted((span_at(text, answer.place) for answer in answers), reverse=True)
        for start, stop in spans:
            if text[start] == "[" and len(values) == 1 and len(items := item_spans(text, start)) == 1:
                start, stop = items[0]  # one label for one: the list is left as it is laid out
            raw = raw[:start] + self._value(text[start:stop], values).encode() + raw[stop:]
        return raw

    def _value(self, old: str, values: list[Any]) -> str:
        """The labels as JSON, shaped like what they replace."""
        if old.startswith("["):
            return json.dumps(values, ensure_ascii=False)
        if len(values) == 1:
            return plain_value(str(values[0]), not old.startswith('"'))
        return json.dumps(self.tool.several(values), ensure_ascii=False)

    def _first(self, position: int, raw: bytes, values: list[Any]) -> bytes:
        if self.cell is not None:
            value = values if self.listed else json.loads(plain_value(values[0], self.bare))
            return put(raw, Addition(self.cell[:-1], str(self.cell[-1]), value))
        addition = self.tool.first(parse(raw.decode("utf-8")), self.question, values, self.about)
        if addition is None:
            raise refuse(
                "nobody has chosen a label here, so that there is no answer to correct",
                file=self.corrections.source.path.name,
                row=position + 1,
                column=self.question,
                mend="answer it in the tool and load the file again, or export as CSV or JSON",
            )
        return put(raw, addition)

    def _added(self, raw: bytes, added: dict[str, Any]) -> bytes:
        if not self.tool.added:
            return append_values(raw, added)
        values = json.loads(json.dumps(added, default=cell_text))
        if _object_at(raw, (self.tool.added,)) is None:
            return put(raw, Addition((), self.tool.added, values))
        start, stop = span_at(raw.decode("latin-1"), (self.tool.added,))
        return raw[:start] + append_values(raw[start:stop], values) + raw[stop:]


def put(raw: bytes, addition: Addition) -> bytes:
    """The record with a value more; one that is there under that key is replaced, and the object or list that
    is to hold it is made where there is none."""
    place, key = addition.place, addition.key
    inner = _object_at(raw, place)
    if inner is None:
        made = [addition.value] if key is None else {key: addition.value}
        return put(raw, Addition(place[:-1], str(place[-1]), made))
    start, stop = inner
    value = json.dumps(addition.value, ensure_ascii=False)
    if key is None:
        return raw[:start] + append_members(raw[start:stop], value) + raw[stop:]
    found = value_spans(raw.decode("latin-1"), start).get(key)
    if found is not None:
        return raw[: found[0]] + value.encode() + raw[found[1] :]
    member = f"{json.dumps(key, ensure_ascii=False)}: {value}"
    return raw[:start] + append_members(raw[start:stop], member) + raw[stop:]


def _object_at(raw: bytes, place: Place) -> Span | None:
    """(start, stop) of the object or list there; None where there is none, or null."""
    try:
        start, stop = span_at(raw.decode("latin-1"), place)
    except KeyError:
        return None
    return None if raw[start:stop] == b"null" else (start, stop)
