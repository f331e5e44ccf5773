"""A folder with a table for each split, as a zip of the same files: those without changes byte for byte.

A zip is one file, so that it appears whole or not at all.
"""

from __future__ import annotations

import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.exporters._base import ExportFormat
from core.exporters._parts import own_format, part
from core.exporters._table import check_count
from core.importers.split_files import FORMAT, file_source, read_again
from core.progress import Progress

if TYPE_CHECKING:
    from core.corrections import Corrections


def write(corrections: Corrections, out: Path, progress: Progress) -> int:
    """Write each file as the exporter of its format does. A file of other splits than those wanted is left
    out. Returns how many cells were made spreadsheet safe."""
    source = corrections.source
    files = source.layout["files"]
    check_count(corrections, sum(file["rows"] for file in files))
    label = corrections.dataset.columns.label
    start = escaped = 0
    with (
        zipfile.ZipFile(out, "w") as archive,
        tempfile.TemporaryDirectory(prefix=".files-", dir=out.parent) as folder,
    ):
        for number, file in enumerate(files):
            rows = np.arange(start, start + file["rows"])
            start += file["rows"]
            if _is_elsewhere(corrections, rows):
                continue
            inner = file_source(source, file)
            table = corrections.dataset.table.iloc[rows][file["columns"]]
            begin = start - file["rows"]
            own = {place - begin: token for place, token in corrections.tokens_in(begin, start).items()}
            made = part(corrections, inner, table, rows, label if label in table else None, own)
            target = Path(folder) / "file"
            stretch = progress.part(number / len(files), (number + 1) / len(files))
            escaped += own_format(inner).write(made, target, stretch)
            _store(archive, file["name"], target)
    return escaped


def read_back(corrections: Corrections, path: Path, progress: Progress) -> pd.DataFrame:
    """The table that the written files make."""
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
        frame = read_again(replace(corrections.source, path=Path(folder)), progress).frame
    order = [*map(str, corrections.dataset.table.columns), *corrections.added_names]
    return frame[order] if sorted(order) == sorted(frame.columns) else frame


SPLIT_FILES = ExportFormat(
    FORMAT.name,
    "The same tables, one for each split (zip)",
    ".zip",
    write,
    frozenset({FORMAT.name}),
    True,
    read_back,
)


def _is_elsewhere(corrections: Corrections, rows: np.ndarray) -> bool:
    """Whether a file has rows, and all of them are of splits that were not asked for."""
    wanted, splits = corrections.options.splits, corrections.dataset.splits
    if wanted is None or splits is None or not len(rows):
        return False
    return not splits.iloc[rows].isin(list(wanted)).any()


def _store(archive: zipfile.ZipFile, name: str, made: Path) -> None:
    """Put a file into the archive as it is, without a date."""
    with made.open("rb") as handle, archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as entry:
        while chunk := handle.read(1 << 20):
            entry.write(chunk)
