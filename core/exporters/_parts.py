"""The corrections of a data set as those of one file or one column of it, for the exporter of its format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

import core.exporters
from core.cells import cell_text, is_missing
from core.corrections import Change, Corrections
from core.dataset import UNLABELLED, Columns, Dataset
from core.exporters._base import ExportFormat
from core.registry import collect
from core.source import Source


@dataclass(frozen=True, eq=False)
class Part(Corrections):
    """Some records of a source. rows: (R,) the row of `whole` that each belongs to; what is added to a record
    is what is added to its row."""

    whole: Corrections = field(default=None)  # type: ignore[assignment]
    rows: np.ndarray = field(default=None)  # type: ignore[arg-type]

    def added(self, positions: np.ndarray) -> dict[str, list[Any]]:
        """The appended columns for these records."""
        if not self.added_names:
            return {}
        made = self.whole.added(self.rows[positions])
        if self.dataset.columns.label is None and "given_label" in made:
            made["given_label"] = [None if v is None else cell_text(v) for v in made["given_label"]]
        return made


def part(
    whole: Corrections,
    source: Source,
    table: pd.DataFrame,
    rows: np.ndarray,
    column: str | None,
    tokens: Mapping[int, str],
    last: bool = True,
) -> Part:
    """New cells in one column of a source. column: None where no cell changes.

    table: (R, ...) the source's records. tokens: {record: new cell}. last: whether records are dropped and
    columns added too, which is left out where more columns are to follow.
    """
    by_row = {change.position: change for change in whole.changes if change.writes_label}
    cells = [] if column is None else table[column].tolist()
    changes = [
        _moved(by_row[int(rows[record])], record, str(column), cell_text(cells[record]), tokens[record])
        for record in sorted(tokens)
    ]
    filled = [not is_missing(cell) and cell != "" for cell in cells]
    labels = np.where(filled, 0, UNLABELLED) if cells else np.full(len(table), UNLABELLED)
    dataset = Dataset(
        whole.dataset.name,
        table.set_axis(pd.RangeIndex(len(table)).astype("str"), axis=0),
        Columns(label=column),
        whole.dataset.classes,
        whole.dataset.tokens,
        labels.astype(np.int32),
    )
    options = (
        whole.options if last else replace(whole.options, add=(), excluded="drop", spreadsheet_safe=False)
    )
    dropped = whole.dropped[rows] if last else np.zeros(len(table), dtype=bool)
    return Part(
        dataset, source, options, whole.outcomes, whole.written, {}, tuple(changes), dropped,
        whole=whole, rows=rows,
    )  # fmt: skip


def own_format(source: Source) -> ExportFormat:
    """The export format that writes a source's own format."""
    formats = collect(core.exporters, ExportFormat).values()
    return next(f for f in formats if source.format in f.rewrites)


def _moved(change: Change, record: int, column: str, before: str, after: str) -> Change:
    return replace(change, position=record, column=column, before=before, after=after)
