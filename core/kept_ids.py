"""The row ids of large tables, kept, so that nobody waits twice for those of the same bytes."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pyarrow as pa

from core.dataset import Columns
from core.errors import Problem
from core.files import staged
from core.preflight.table_checks import row_ids
from core.source import RawTable

FROM_ROWS = 100_000
MOST_KEPT = 8
"""Of more, those that were made longest ago are deleted."""
_VERSION = 1
_SAID = b"said"


def kept_ids(raw: RawTable, columns: Columns, keep_in: Path | None) -> tuple[pd.Index, list[Problem]]:
    """As `row_ids`; from `keep_in` where they were made before of the same bytes and columns."""
    if keep_in is None or len(raw.frame) < FROM_ROWS:
        return row_ids(raw, columns)
    source = raw.source
    made_of = [_VERSION, source.format, source.sha256, dict(source.layout), columns.id, columns.content]
    key = hashlib.sha256(json.dumps(made_of, sort_keys=True, default=str).encode()).hexdigest()
    folder = keep_in / "ids"
    file = folder / f"{key}.arrow"
    with suppress(FileNotFoundError, pa.ArrowException):  # not made yet, or damaged
        table = pa.ipc.open_file(pa.memory_map(str(file))).read_all()
        said = [Problem(**problem) for problem in json.loads(table.schema.metadata[_SAID])]
        return pd.Index(pd.array(table.column(0), dtype="str")), said
    ids, said = row_ids(raw, columns)
    told = json.dumps([asdict(problem) for problem in said])
    table = pa.table({"id": pa.array(ids, pa.large_string())}).replace_schema_metadata({_SAID: told})
    folder.mkdir(parents=True, exist_ok=True)
    with (
        staged(file) as (new,),
        pa.OSFile(str(new), "wb") as out,
        pa.ipc.new_file(out, table.schema) as writer,
    ):
        writer.write_table(table)
    for old in sorted(folder.glob("*.arrow"), key=lambda f: f.stat().st_mtime)[:-MOST_KEPT]:
        old.unlink(missing_ok=True)
    return ids, said
