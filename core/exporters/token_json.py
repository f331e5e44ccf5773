"""JSON records of tokens and their tags rewritten byte for byte; only the tags of corrected tokens differ."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from core.corrections import Change
from core.dataset import Columns, Dataset
from core.errors import refuse
from core.exporters._base import ExportFormat
from core.exporters._json import item_spans, plain_value, rewrite_records, value_spans
from core.exporters._table import check_cell, mapped, refuse_added
from core.exporters._tokens import check_whole, renumbered
from core.exporters.json_array import list_spans
from core.exporters.json_lines import line_spans
from core.importers import token_json
from core.progress import Progress

if TYPE_CHECKING:
    from core.corrections import Corrections


def write(corrections: Corrections, out: Path, progress: Progress) -> int:
    """Write the corrected file. A record with an excluded token is left out.

    Raises InputError where columns are to be added.
    """
    refuse_added(corrections, "a file of tokens")
    sentence = corrections.dataset.table["sentence"].to_numpy()
    check_whole(corrections, sentence)
    layout = corrections.source.layout
    with mapped(corrections.source.path) as data, out.open("wb") as handle:
        writer = _Tags(corrections, sentence)

        def find(data: Any) -> Any:
            if layout["lines"]:
                return line_spans(data)
            whole = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{" and layout["records_key"] is None
            return _only(data) if whole else list_spans(data, layout["records_key"])

        rewrite_records(writer.records, data, find, handle, progress, writer=writer)
    return 0


def read_back(corrections: Corrections, path: Path, progress: Progress) -> pd.DataFrame:
    """The table of a written file, its sentences numbered as in the source."""
    if corrections.dropped.all():
        return corrections.dataset.table.iloc[:0]
    frame = token_json.read(path, progress).frame
    frame = renumbered(corrections, frame, corrections.source.layout["records"])
    return frame[[name for name in corrections.dataset.table.columns if name in frame]]


TOKEN_JSON = ExportFormat(
    "token_json",
    "JSON or JSON Lines of tokens and their tags",
    ".jsonl",
    write,
    frozenset({"token_json"}),
    True,
    read_back,
)


def _only(data: Any) -> Any:
    """The one record of a file that is nothing else."""
    start = data.find(b"{")
    yield start, data.rfind(b"}") + 1


class _Tags:
    """Rewrites the tags of records. records: the corrections as those of records: of each that changes, the
    first of its changes, and all that are left out."""

    def __init__(self, corrections: Corrections, sentence: np.ndarray) -> None:
        self.corrections = corrections
        self.key = corrections.source.layout["tags_key"]
        self.bare = pd.api.types.is_integer_dtype(corrections.dataset.table["label"].dtype)
        self.first = {
            int(n) - 1: int(at) for n, at in zip(*np.unique(sentence, return_index=True), strict=True)
        }
        self.new: dict[int, dict[int, str]] = defaultdict(dict)
        self.touched: dict[int, list[int]] = defaultdict(list)
        changes: dict[int, Change] = {}
        for change in corrections.changes:
            record = int(sentence[change.position]) - 1
            changes.setdefault(record, replace(change, position=record))
            self.touched[record].append(change.position)
            if change.writes_label:
                changes[record] = replace(change, position=record)
                self.new[record][change.position] = change.after
        count = corrections.source.layout["records"]
        dropped = np.zeros(count, dtype=bool)
        dropped[sentence[corrections.dropped] - 1] = True
        table = pd.DataFrame(index=pd.RangeIndex(count).astype("str"))
        names = corrections.dataset.classes
        dataset = Dataset(corrections.dataset.name, table, Columns(), names, names, np.zeros(count, np.int32))
        ordered = tuple(changes[record] for record in sorted(changes))
        self.records = replace(corrections, dataset=dataset, changes=ordered, decisions={}, dropped=dropped)

    def check(self, position: int, raw: bytes) -> None:
        """Raises InputError unless the record's tags are those that the data set has."""
        text, spans = self._tags(position, raw)
        for row in self.touched[position]:
            start, stop = spans[row - self.first[position]]
            tag = json.loads(text[start:stop].encode("latin-1"), strict=False)
            check_cell(self.corrections, row, None if self.bare and tag is not None and tag < 0 else tag)

    def rewrite(self, position: int, raw: bytes, token: str | None, added: dict[str, Any]) -> bytes:
        """The record with its new tags."""
        _, spans = self._tags(position, raw)
        pieces, copied = [], 0
        for row, tag in sorted(self.new[position].items()):
            start, stop = spans[row - self.first[position]]
            pieces += [raw[copied:start], plain_value(tag, self.bare).encode()]
            copied = stop
        return b"".join([*pieces, raw[copied:]])

    def _tags(self, position: int, raw: bytes) -> tuple[str, list[tuple[int, int]]]:
        text = raw.decode("latin-1")
        at = value_spans(text, 0).get(self.key)
        spans = [] if at is None or text[at[0]] != "[" else item_spans(text, at[0])
        last = max(self.touched[position], default=0) - self.first.get(position, 0)
        if last >= len(spans):
            raise refuse(
                f"record {position + 1:,} has {len(spans):,} tags, fewer than before; nothing was written",
                file=self.corrections.source.path.name,
                mend="load the file again",
            )
        return text, spans
