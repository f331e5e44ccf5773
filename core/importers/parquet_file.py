"""Parquet."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import Problem, refuse
from core.importers._base import ImportFormat
from core.progress import Progress
from core.source import RawTable, Source, file_sha256

_NULLABLE = {
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}


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
    names = table.column_names
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise refuse("two columns of one name", file=path.name, column=twice[0], mend="rename one of them")
    progress.report(0.5, "Reading columns")
    nested = [f.name for f in table.schema if pa.types.is_nested(f.type)]
    for name in nested:
        cells = table[name].to_pylist()
        texts = [None if v is None else json.dumps(v, default=str, ensure_ascii=False) for v in cells]
        table = table.set_column(names.index(name), name, pa.array(texts, pa.large_string()))
    frame = _to_pandas(table)
    problems = [
        Problem("notice", "lists or structs, shown as JSON text", file=path.name, column=n) for n in nested
    ]
    source = Source(path, FORMAT.name, file_sha256(path), path.stat().st_size, {"nested": nested})
    return RawTable(frame, source, tuple(problems))


FORMAT = ImportFormat("parquet", "Parquet", (".parquet", ".pq"), sniff, read)


def _to_pandas(table: pa.Table) -> pd.DataFrame:
    columns = {}
    for field in table.schema:
        column = table[field.name]
        mapper = _NULLABLE.get if column.null_count else None
        columns[field.name] = column.to_pandas(types_mapper=mapper)
    return pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows))
