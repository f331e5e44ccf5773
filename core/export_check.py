"""Rereads an exported file and counts the cells that are as they should be."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

import core.importers
from core.cells import cell_text, is_missing, same_cell, same_set
from core.corrections import Corrections
from core.exporters.coco import COCO, fresh_ids
from core.exporters.label_form import expected_cells
from core.exporting import ExportSummary, formats
from core.importers._base import ImportFormat
from core.label_forms.form import LABEL_FORM, inner_source
from core.progress import Progress
from core.registry import collect
from core.spreadsheet import escape, is_formula

BLOCK_ROWS = 50_000
_SHOWN = 20
_READ_AS = {"manifest": "csv"}
_KEYED = {"json", "jsonl"}


@dataclass(frozen=True)
class Verification:
    """Cells of the source's columns in the rows written; added columns are not counted.

    identical: as in the source. changed: as decided, or made spreadsheet safe.
    unexpected: anything else; examples names the first of them.
    """

    identical: int
    changed: int
    unexpected: int
    examples: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return self.unexpected == 0

    def __str__(self) -> str:
        return (
            f"Checked: {self.identical:,} cells identical, {self.changed:,} changed, "
            f"{self.unexpected:,} unexpected."
        )


def verify_export(
    corrections: Corrections, summary: ExportSummary, progress: Progress | None = None
) -> Verification:
    """Read the written file with its importer and compare every cell with the data set and the decisions.

    Where the format is the source's own, a missing cell must stay missing; in another format it may
    have become an empty text.
    """
    progress = progress or Progress()
    frame = _read(corrections, summary, progress.part(0.0, 0.5))
    codes = summary.format == "npy" and corrections.source.format != "npy"
    table, kept = corrections.dataset.table, np.flatnonzero(~corrections.dropped)
    if codes:
        numbers = corrections.dataset.targets is not None
        table = pd.DataFrame(
            {"label": corrections.dataset.numbers if numbers else corrections.dataset.labels}
        )
    names = [*map(str, table.columns), *corrections.added_names]
    if len(frame) != len(kept) or [str(c) for c in frame.columns] != names:
        found = f"{len(frame):,} rows and the columns {', '.join(map(str, frame.columns))}"
        wanted = f"{len(kept):,} rows and the columns {', '.join(names)}"
        size = max(len(kept) * table.shape[1], 1)
        return Verification(0, 0, size, (f"found {found} instead of {wanted}",))
    strict = corrections.source.format in formats()[summary.format].rewrites
    safe = corrections.options.spreadsheet_safe and _is_delimited(corrections, summary)
    following = _following(corrections) if strict else {}
    identical = changed = 0
    wrong: list[str] = []
    for number, name in enumerate(table.columns):
        decided = _decided(corrections, str(name), codes, following)
        before, after = table.iloc[:, number], frame.iloc[:, number]
        for start in range(0, len(kept), BLOCK_ROWS):
            progress.report(0.5 + 0.5 * (number + start / len(kept)) / table.shape[1], "comparing cells")
            rows = slice(start, start + BLOCK_ROWS)
            new = {row - start: token for row, token in decided.items() if rows.start <= row < rows.stop}
            same, expected, bad = _compare(before.iloc[kept[rows]], after.iloc[rows], new, strict, safe)
            identical, changed = identical + same, changed + expected
            wrong += [f"row {start + row + 1:,}, column {name}: {text}" for row, text in bad]
    return Verification(identical, changed, len(wrong), tuple(wrong[:_SHOWN]))


def _is_delimited(corrections: Corrections, summary: ExportSummary) -> bool:
    """Whether the written file, or each within it, is delimited text."""
    if summary.format in ("csv", "manifest"):
        return True
    source = inner_source(corrections.source)
    return (
        summary.format in (LABEL_FORM, "split_files") and source.layout.get("format", source.format) == "csv"
    )


def _read(corrections: Corrections, summary: ExportSummary, progress: Progress) -> pd.DataFrame:
    if (read_back := formats()[summary.format].read_back) is not None:
        return read_back(corrections, summary.path, progress)
    reader = collect(core.importers, ImportFormat)[_READ_AS.get(summary.format, summary.format)]
    if reader.keep is None:
        frame = reader.read(summary.path, progress).frame
    else:
        with tempfile.TemporaryDirectory(dir=summary.path.parent) as folder:
            # What is mapped stays, though the folder goes.
            frame = reader.keep(summary.path, Path(folder), progress).frame
    if summary.format in _KEYED:
        # A first label puts its key at the end of its record, which may be the first to have it.
        names = [*map(str, corrections.dataset.table.columns), *corrections.added_names]
        frame = frame[names] if sorted(names) == sorted(frame.columns) else frame
    return frame


def _decided(
    corrections: Corrections, column: str, codes: bool, following: Mapping[str, Mapping[int, str]]
) -> dict[int, str]:
    """{row of the written file: its new cell} of one column. following: see `_following`."""
    dataset = corrections.dataset
    rows = np.cumsum(~corrections.dropped) - 1
    tokens = corrections.tokens_in(0, len(dataset))
    if not codes and column != dataset.columns.label:
        cells = following.get(column, {})
        return {int(rows[p]): cell for p, cell in cells.items() if not corrections.dropped[p]}
    if not codes:
        return {int(rows[p]): token for p, token in tokens.items()}
    if dataset.targets is not None:
        return {int(rows[p]): token for p, token in tokens.items()}
    places = {p: corrections.written.code(token) for p, token in tokens.items()}
    return {int(rows[p]): str(code) for p, code in places.items() if code != dataset.labels[p]}


def _following(corrections: Corrections) -> dict[str, dict[int, str]]:
    """{column: {row: new cell}} of accepted proposals' ids, and of the annotators' own labels: they go with
    the given label where they were the same, or where there was none (core.importers._answers.to_correct)."""
    table, label = corrections.dataset.table, corrections.dataset.columns.label
    if corrections.source.format == COCO.name and (fresh := fresh_ids(corrections)):
        return {"id": fresh}
    if corrections.source.format == LABEL_FORM and (cells := expected_cells(corrections)):
        return cells
    annotators = corrections.source.layout.get("annotators", {}).get(label, {})
    tokens = corrections.tokens_in(0, len(table)) if annotators else {}
    given = table[label].tolist() if annotators else []
    found: dict[str, dict[int, str]] = {}
    for column in annotators.values():
        cells = table[column].tolist()
        found[column] = {
            p: token
            for p, token in tokens.items()
            if not is_missing(cells[p]) and (is_missing(given[p]) or same_set(cells[p], given[p]))
        }
    return found


def _compare(
    before: pd.Series, after: pd.Series, decided: dict[int, str], strict: bool, safe: bool
) -> tuple[int, int, list[tuple[int, str]]]:
    """(cells identical, cells changed as expected, [(row, what is wrong)])."""
    old, new = _texts(before, strict), _texts(after, strict)
    differs = pc.invert(pc.equal(old, new)).to_numpy(zero_copy_only=False)
    rows = np.union1d(np.flatnonzero(differs), np.fromiter(decided, dtype=np.int64, count=len(decided)))
    changed = 0
    wrong = []
    for row in rows.astype(np.int64).tolist():
        was, found = old[row].as_py(), new[row].as_py()
        expected = decided.get(row, was)
        expected = escape(expected) if safe and is_formula(expected) else expected
        held = row in decided and (same_cell(found, expected) or _is_held(found, expected, after.dtype))
        if found == expected or held:
            changed += 1
        else:
            wrong.append((row, f"found {found!r} instead of {expected!r}"))
    return len(before) - len(rows), changed, wrong


def _is_held(found: str, expected: str, kind: Any) -> bool:
    """Whether a number is what a column of floats makes of the decided one: a float32 holds 0.1 nearly."""
    if not pd.api.types.is_float_dtype(kind):
        return False
    kind = getattr(kind, "numpy_dtype", kind)
    try:
        one, other = (np.float64(text).astype(kind) for text in (found, expected))
    except ValueError:
        return False
    return bool(one == other)


def _texts(values: pd.Series, strict: bool) -> pa.Array:
    """(N,) large_string without nulls; where strict, a missing cell differs from an empty one."""
    if isinstance(values.dtype, pd.StringDtype):
        array = pa.array(values, pa.large_string(), from_pandas=True)
        array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
        return pc.fill_null(array, "\x00missing" if strict else "")
    cells: Iterable[Any] = values.tolist()
    missing = values.isna().tolist()
    empty = "\x00missing" if strict else ""
    texts = [empty if gone else cell_text(cell) for cell, gone in zip(cells, missing, strict=True)]
    return pa.array(texts, pa.large_string())
