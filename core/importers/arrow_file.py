"""Arrow IPC: Feather version 2, Arrow files and Arrow streams."""

from __future__ import annotations

import struct
from pathlib import Path

import pyarrow as pa

from core.errors import refuse
from core.importers._arrow_messages import FILE_MAGIC, read_messages
from core.importers._base import ImportFormat
from core.importers._columns import check_names, check_table, to_frame
from core.importers._sql import sql_table
from core.progress import Progress
from core.source import RawTable, Source, file_sha256

_V1_MAGIC = b"FEA1"
_CONTINUATION = b"\xff\xff\xff\xff"


def sniff(path: Path, head: bytes) -> bool:
    if head.startswith((FILE_MAGIC, _V1_MAGIC)):
        return sql_table(path, head) is None
    return _is_stream(head)


def read(path: Path, progress: Progress) -> RawTable:
    """Rows in file order. Layout: nested (columns), kind ("file" or "stream").

    Lists and structs become JSON text; a dictionary becomes a category, unused values included.
    """
    progress.report(0.0, "Reading Arrow")
    size = path.stat().st_size
    try:
        with pa.memory_map(str(path)) as mapped:
            data = mapped.read_buffer()
    except (pa.ArrowException, OSError) as error:
        raise refuse(f"cannot be read: {error}", file=path.name, mend="check the file") from error
    if data.slice(0, min(4, size)).to_pybytes() == _V1_MAGIC:
        found = "a Feather file of version 1, which Arrow has given up"
        mend = "read it with the program that wrote it, and save it as Feather version 2 or Parquet"
        raise refuse(found, file=path.name, mend=mend)
    arrow = read_messages(data, path.name)
    check_names(arrow.schema.names, path.name)
    table = arrow.table
    check_table(table, size, path.name)
    progress.report(0.5, "Reading columns")
    frame, nested, problems = to_frame(table, size, path.name)
    layout = {"nested": nested, "kind": arrow.kind}
    source = Source(path, FORMAT.name, file_sha256(path), size, layout)
    return RawTable(frame, source, tuple(problems))


FORMAT = ImportFormat(
    "arrow", "Arrow IPC, Feather", (".feather", ".arrow", ".ipc", ".arrows", ".ftr"), sniff, read
)


def _is_stream(head: bytes) -> bool:
    """Whether a stream begins here: a mark, the length of the schema, and a schema of that length."""
    if not head.startswith(_CONTINUATION) or len(head) < 16:
        return False
    length = struct.unpack_from("<i", head, 4)[0]
    if length <= 0 or length % 8:
        return False
    if length > len(head) - 8:
        return True  # a schema of very many columns, or one cut off: reading it will tell
    try:
        pa.ipc.read_schema(pa.py_buffer(head))
    except (pa.ArrowException, OSError):
        return False
    return True
