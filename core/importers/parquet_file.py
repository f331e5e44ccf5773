"""Parquet."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import refuse
from core.importers._base import ImportFormat
from core.importers._columns import check_names, to_frame
from core.progress import Progress
from core.source import RawTable, Source, file_sha256


def sniff(path: Path, head: bytes) -> bool:
    return head.startswith(b"PAR1")


def read(path: Path, progress: Progress) -> RawTable:
    """Rows in file order; a stored pandas index is a column like others. Layout: nested (columns).

    Lists and structs become JSON text. Integers and booleans with missing values keep their type.
    """
    progress.report(0.0, "Reading Parquet")
    try:
        # Not pq.read_table: it adds a column for a folder called "key=value" above the file.
        with pq.ParquetFile(path, memory_map=True) as file:
            table = file.read()
    except (pa.ArrowException, OSError) as error:
        found = f"not readable as Parquet: {error}"
        raise refuse(found, file=path.name, mend="write the file again") from error
    check_names(table.column_names, path.name)
    progress.report(0.5, "Reading columns")
    size = path.stat().st_size
    frame, nested, problems = to_frame(table, size, path.name)
    source = Source(path, FORMAT.name, file_sha256(path), size, {"nested": nested})
    return RawTable(frame, source, tuple(problems))


FORMAT = ImportFormat("parquet", "Parquet", (".parquet", ".pq"), sniff, read)
