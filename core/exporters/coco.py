"""COCO annotations rewritten byte for byte; only the category_id of corrected annotations differs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.exporters._base import ExportFormat
from core.exporters._json import append_members, append_values, rewrite_records, value_spans
from core.exporters._table import check_cell, mapped
from core.exporters.json_array import list_spans
from core.importers.coco import category_key
from core.progress import Progress

if TYPE_CHECKING:
    from core.corrections import Corrections

_KEY = "category_id"


def write(corrections: Corrections, out: Path, progress: Progress) -> int:
    """Write the corrected COCO file. Excluded annotations are left out; their images stay.

    Boxes that a model proposed are written where somebody gave them a class, with the next free ids.

    A class that the file has no category for is added at the end of its categories, with the next free id.
    """
    with mapped(corrections.source.path) as source, out.open("wb") as handle:
        writer = _Annotations(corrections)
        data = _with_categories(source, writer.added) if writer.added else source
        rewrite_records(
            corrections, data, lambda d: list_spans(d, "annotations"), handle, progress, writer=writer
        )
    return 0


COCO = ExportFormat("coco", "COCO annotations (JSON)", ".json", write, frozenset({"coco"}), only_own=True)


class _Annotations:
    """Rewrites annotations. ids: category id by class name. added: those that the file does not have yet."""

    def __init__(self, corrections: Corrections) -> None:
        self.corrections = corrections
        categories = corrections.source.layout["categories"]
        self.ids: dict[str, Any] = dict(categories)
        self.names = {category_key(key): name for name, key in categories}
        self.added: dict[str, int] = {}
        self.own_ids = fresh_ids(corrections)
        for change in corrections.changes:
            if change.writes_label and change.after not in self.ids:
                number = 1 + max((i for i in self.ids.values() if type(i) is int), default=0)
                self.ids[change.after] = self.added[change.after] = number

    def check(self, position: int, raw: bytes) -> None:
        """Raises InputError unless the annotation is of the category that the data set has."""
        start, stop = value_spans(raw.decode("latin-1"), 0).get(_KEY, (0, 0))
        name = self.names.get(category_key(json.loads(raw[start:stop]))) if stop else None
        check_cell(self.corrections, position, name)

    def rewrite(self, position: int, raw: bytes, token: str | None, added: dict[str, Any]) -> bytes:
        """The annotation with another category, and with the added values at its end."""
        if position in self.own_ids:
            start, stop = value_spans(raw.decode("latin-1"), 0)["id"]
            raw = raw[:start] + self.own_ids[position].encode() + raw[stop:]
        if token is not None:
            number = json.dumps(self.ids[token], ensure_ascii=False)
            start, stop = value_spans(raw.decode("latin-1"), 0).get(_KEY, (0, 0))
            if stop:
                raw = raw[:start] + number.encode() + raw[stop:]
            else:
                raw = append_members(raw, f'"{_KEY}": {number}')
        return append_values(raw, added) if added else raw


def fresh_ids(corrections: Corrections) -> dict[int, str]:
    """{position: the id that it is written with} of the boxes that a model proposed and somebody accepted."""
    proposed = set(corrections.source.layout.get("proposed", ()))
    if not proposed:
        return {}
    ids = corrections.dataset.table["id"].astype("str").tolist()
    last = max((int(i) for i in ids if i.isascii() and i.isdigit() and len(i) < 19), default=0)
    accepted = [c.position for c in corrections.changes if c.position in proposed and c.writes_label]
    return {position: str(last + number) for number, position in enumerate(accepted, 1)}


def _with_categories(data: Any, added: dict[str, int]) -> bytes:
    """The file's bytes with more categories at the end of their list."""
    brace = data.find(b"{")
    start, stop = value_spans(data[brace:].decode("latin-1"), 0)["categories"]
    entries = [json.dumps({"id": i, "name": name}, ensure_ascii=False) for name, i in added.items()]
    start, stop = brace + start, brace + stop
    return data[:start] + append_members(data[start:stop], ", ".join(entries)) + data[stop:]
