"""A table of several annotators' answers, or of soft labels, as the file that it came from.

The answers that gave the label that is corrected give the new one, as in the files of annotation tools; of
soft labels the decided class gets every share. Without a decision the bytes are the same.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import core.importers
from core.corrections import Corrections
from core.errors import refuse
from core.exporters._base import ExportFormat
from core.exporters._parts import own_format, part
from core.exporters._table import check_cell, check_count
from core.importers import split_files
from core.importers._base import ImportFormat
from core.label_forms.form import LABEL_FORM, Edits, Formed, Tokens, form_of, inner_source
from core.label_forms.reading import formed
from core.progress import Progress
from core.registry import collect
from core.source import RawTable, Source, file_sha256


def write(corrections: Corrections, out: Path, progress: Progress) -> int:
    """Write the corrected source, a column at a time. Returns how many cells were made spreadsheet safe."""
    source = inner_source(corrections.source)
    if corrections.untouched and source.path.is_file():
        shutil.copyfile(source.path, out)
        return 0
    raw = _read(source, progress.part(0.0, 0.3))
    found = formed(raw, form_of(corrections.source), corrections.source.layout)
    columns: list[tuple[str | None, Tokens]] = list(_edits(corrections, found).items())
    if corrections.added_names or not columns:
        columns.append((None, {}))
    own, escaped = own_format(source), 0
    with tempfile.TemporaryDirectory(prefix=".columns-", dir=out.parent) as folder:
        for number, (column, tokens) in enumerate(columns):
            last = number == len(columns) - 1
            target = out if last else Path(folder) / f"{number}"
            stretch = progress.part(
                0.3 + 0.7 * number / len(columns), 0.3 + 0.7 * (number + 1) / len(columns)
            )
            made = part(corrections, source, raw.frame, found.rows, column, tokens, last)
            escaped = own.write(made, target, stretch)
            source = source if last else _next(source, target)
    return escaped


def read_back(corrections: Corrections, path: Path, progress: Progress) -> pd.DataFrame:
    """The table that a written file makes, in the form that the source was read in.

    The share of the label and its lead are no columns of the file, and are as they were. Dawid-Skene's labels
    hang on the whole table: a row is read as before, or as what its changed answers say.
    """
    with tempfile.TemporaryDirectory() as folder:
        inner = inner_source(corrections.source)
        source = replace(inner, path=path)
        if inner.path.is_dir():
            source = _unzipped(source, path, Path(folder))
        raw = _read(source, progress)
    layout, form = corrections.source.layout, form_of(corrections.source)
    frame = formed(raw, form, layout).frame
    table = corrections.dataset.table[~corrections.dropped].reset_index(drop=True)
    if len(frame) == len(table):
        made = layout["about_label"]
        if corrections.dataset.columns.label != layout["label_column"]:
            made = [*made, layout["label_column"]]  # it follows answers that are decided on by themselves
        frame[made] = table[made]
        if form.kind != "soft" and form.method != "majority":
            frame[layout["label_column"]] = _as_changed(frame, table, layout["label_column"], layout)
    names = [*map(str, table.columns), *corrections.added_names]
    more = [name for name in raw.frame if name not in (*layout["columns"], *corrections.added_names)]
    return frame.reindex(columns=[*names, *(name for name in more if name not in names)])


def expected_cells(corrections: Corrections) -> Edits:
    """{column of the data set: {row: new cell}} of what goes with the given labels in such a source."""
    source, table = corrections.source, corrections.dataset.table
    form = form_of(source)
    if form.kind == "long" or corrections.dataset.columns.label != source.layout["label_column"]:
        return {}
    raw = RawTable(table[list(source.layout["columns"])], inner_source(source))
    return formed(raw, form, source.layout).edits(corrections.tokens_in(0, len(table)))


LABEL_FORM_FILE = ExportFormat(
    LABEL_FORM,
    "The same file, its answers corrected",
    ".zip",
    write,
    frozenset({LABEL_FORM}),
    True,
    read_back,
)


def _read(source: Source, progress: Progress) -> RawTable:
    if source.format == split_files.FORMAT.name:
        return split_files.read_again(source, progress)
    return collect(core.importers, ImportFormat)[source.format].read(source.path, progress)


def _edits(corrections: Corrections, found: Formed) -> Edits:
    """The cells of the source that change. Raises InputError unless each row has the label that it had."""
    check_count(corrections, len(found.frame))
    label = corrections.dataset.columns.label
    tokens = corrections.tokens_in(0, len(found.frame))
    if label is None or not tokens:
        return {}
    cells = found.frame[label].tolist()
    for position in tokens:
        check_cell(corrections, position, cells[position])
    if label == corrections.source.layout["label_column"]:
        return found.edits(tokens)
    if label not in corrections.source.layout["columns"]:
        raise refuse(
            "the column of labels was made of the file's answers and is no column of the file",
            file=corrections.source.path.name,
            column=label,
            mend="load it with another column of labels, or export as CSV, JSON or Parquet",
        )
    records = np.flatnonzero(np.isin(found.rows, list(tokens)))
    return {label: {record: tokens[int(found.rows[record])] for record in records.tolist()}}


def _next(source: Source, made: Path) -> Source:
    """What was written as the source of what is to be written over it."""
    if source.path.is_dir():
        return _unzipped(source, made, made.with_suffix(".files"))
    return replace(source, path=made, sha256=file_sha256(made), size=made.stat().st_size)


def _unzipped(source: Source, archive: Path, folder: Path) -> Source:
    """The files of an archive that this very program wrote."""
    with zipfile.ZipFile(archive) as made:
        made.extractall(folder)
    return replace(source, path=folder)


def _as_changed(frame: pd.DataFrame, table: pd.DataFrame, label: str, layout: Mapping[str, Any]) -> pd.Series:
    """The labels of before, but for rows with changed answers: what those say now."""
    columns = list(layout["annotators"][label].values())
    labels = table[label].tolist()
    for name in columns:
        before, after = table[name].astype("str"), frame[name].astype("str")
        for row in np.flatnonzero((before.fillna("") != after.fillna("")).to_numpy()).tolist():
            labels[row] = after.iloc[row]
    return pd.Series(labels, dtype="str")
