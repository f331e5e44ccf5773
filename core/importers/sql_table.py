"""A table of a database, read into an Arrow file that says where its rows are from: core/sql_snapshot.py."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from core.errors import Problem, refuse
from core.importers import arrow_file
from core.importers._base import ImportFormat
from core.importers._sql import NAME, SqlTable, sql_table
from core.progress import Progress
from core.source import RawTable


def sniff(path: Path, head: bytes) -> bool:
    return sql_table(path, head) is not None


def read(path: Path, progress: Progress) -> RawTable:
    """Rows in the order of the primary key. Layout: that of an Arrow file, and sql, a SqlTable.

    A primary key of one column is the id column.
    """
    with path.open("rb") as handle:
        found = sql_table(path, handle.read(len(arrow_file.FILE_MAGIC)))
    if found is None:
        raise refuse("no table of a database", file=path.name, mend="read the table again")
    raw = arrow_file.read(path, progress)
    layout = {**raw.source.layout, **found.layout(), "nested": raw.source.layout["nested"]}
    source = replace(raw.source, format=NAME, layout=layout)
    return replace(raw, source=source, problems=(*raw.problems, *_remarks(found, path.name)))


def _remarks(found: SqlTable, file: str) -> list[Problem]:
    told = [
        Problem("notice", "bytes, told by their number and sha256", file=file, column=name)
        for name in found.digested
    ]
    if not found.primary_key:
        said = (
            "the table has no primary key: the database may give its rows in another order each time, and "
            "decisions cannot be written back as SQL"
        )
        mend = "add a primary key, or export as CSV or Parquet"
        told.append(Problem("notice", said, mend, file=file))
    elif len(found.primary_key) > 1:
        said = f"the primary key has several columns ({', '.join(found.primary_key)}): none of them is the id"
        told.append(Problem("notice", said, "say which column holds ids, if one does", file=file))
    return told


FORMAT = ImportFormat(NAME, "Table of a database", (".table",), sniff, read)
