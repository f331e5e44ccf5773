"""Arrow IPC read as a stream of messages, after a look at what they unpack to."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from core.errors import refuse

FILE_MAGIC = b"ARROW1\x00\x00"
MOST_UNPACKED = 1 << 30
MOST_RATIO = 100
"""A file may unpack to MOST_UNPACKED bytes, or to this many times its own."""

_CODECS = {0: "lz4", 1: "zstd"}
_BATCHES = ("record batch", "dictionary")


@dataclass(frozen=True, eq=False)
class ArrowTable:
    """The batches of an IPC file or stream, in order.

    batch_metadata: of each batch. kind: "file" or "stream". compression: of the first packed batch,
    None where none is. metadata: of the footer of a file.
    """

    schema: pa.Schema
    batches: tuple[pa.RecordBatch, ...]
    batch_metadata: tuple[pa.KeyValueMetadata | None, ...]
    kind: str
    compression: str | None = None
    metadata: pa.KeyValueMetadata | None = None

    @property
    def table(self) -> pa.Table:
        return pa.Table.from_batches(self.batches, self.schema)


def read_messages(data: pa.Buffer, file: str) -> ArrowTable:
    """The batches of `data`. Memory-mapped data that are not packed are not copied.

    A file is read as the stream that it holds, so that what was looked at is what is read; its footer
    must name as many batches. Raises InputError for what is damaged or unpacks to too much.
    """
    is_file = data.size >= 8 and data.slice(0, 8).to_pybytes() == FILE_MAGIC
    body = data.slice(8) if is_file else data
    try:
        compression = _look(body, data.size, file)
        with pa.ipc.open_stream(body) as stream:
            pairs = [(b.batch, b.custom_metadata) for b in stream.iter_batches_with_custom_metadata()]
            schema = stream.schema
        _check_names(schema)
        metadata = _footer(data, len(pairs), file) if is_file else None
    except (pa.ArrowException, OSError, struct.error, IndexError, UnicodeDecodeError) as error:
        found = f"not readable as Arrow: {error}"
        raise refuse(found, file=file, mend="write the file again; it may be cut off") from error
    batches, said = zip(*pairs, strict=True) if pairs else ((), ())
    return ArrowTable(schema, batches, said, "file" if is_file else "stream", compression, metadata)


def _check_names(fields: pa.Schema | pa.DataType) -> None:
    """Raises UnicodeDecodeError for a name that is not UTF-8, at any depth; pyarrow reads it unchecked."""
    count = len(fields) if isinstance(fields, pa.Schema) else fields.num_fields
    for i in range(count):
        field = fields.field(i)
        field.name.encode()
        _check_names(field.type)


def _footer(data: pa.Buffer, batches: int, file: str) -> pa.KeyValueMetadata | None:
    """The metadata of a file's footer. Raises InputError where it names another number of batches."""
    with pa.ipc.open_file(data) as footer:
        named = footer.num_record_batches
        if named != batches:
            found = f"{batches} batches of rows, and {named} in the footer"
            raise refuse(found, file=file, mend="write the file again")
        return footer.metadata


def _look(body: pa.Buffer, size: int, file: str) -> str | None:
    """The compression. Raises InputError for messages that unpack to too much."""
    unpacked, compression = 0, None
    for message in _messages(body):
        if message.type not in _BATCHES:
            continue
        here, codec = _unpacked(message)
        compression = compression or codec
        unpacked += here
        if unpacked > max(MOST_UNPACKED, MOST_RATIO * size):
            found = f"{size:,} bytes that unpack to {unpacked:,} or more"
            raise refuse(found, file=file, mend="save it without compression")
    return compression


def _messages(body: pa.Buffer) -> Iterator[pa.Message]:
    reader = pa.ipc.MessageReader.open_stream(pa.BufferReader(body))
    while True:
        try:
            message = reader.read_next_message()
        except StopIteration:
            return
        yield message


def _unpacked(message: pa.Message) -> tuple[int, str | None]:
    """(bytes of a batch when unpacked, its codec). Each packed buffer begins with its length, -1: as it is.

    The flatbuffer is that of format/Message.fbs of Apache Arrow; pyarrow has verified it.
    """
    meta, body = message.metadata.to_pybytes(), message.body
    batch = _table(meta, struct.unpack_from("<I", meta, 0)[0], 2)
    if batch is not None and message.type == "dictionary":
        batch = _table(meta, batch, 1)
    if batch is None or body is None:
        return 0, None
    _check_nodes(meta, batch)
    buffers = list(_pairs(meta, _table(meta, batch, 2)))
    if any(offset < 0 or length < 0 or offset + length > body.size for offset, length in buffers):
        raise pa.ArrowInvalid("a buffer lies outside of its message")
    packing = _table(meta, batch, 3)
    if packing is None:
        return body.size, None
    total = 0
    for offset, length in buffers:
        if length > 0:
            packed = struct.unpack("<q", body.slice(offset, min(8, length)).to_pybytes())[0]
            total += length if packed == -1 else max(packed, 0)
    codec = _field(meta, packing, 0)
    return total, _CODECS.get(0 if codec is None else meta[codec])


def _check_nodes(meta: bytes, batch: int) -> None:
    """Raises ArrowInvalid for lengths of columns that are none: Arrow ends the process over some of them."""
    at = _field(meta, batch, 0)
    rows = 0 if at is None else struct.unpack_from("<q", meta, at)[0]
    nodes = list(_pairs(meta, _table(meta, batch, 1)))
    if rows < 0 or any(length < 0 or not 0 <= nulls <= length for length, nulls in nodes):
        raise pa.ArrowInvalid("a column of a length that cannot be")


def _pairs(meta: bytes, vector: int | None) -> Iterator[tuple[int, int]]:
    """The elements of a vector of structs of two 64-bit numbers."""
    if vector is not None:
        for i in range(struct.unpack_from("<I", meta, vector)[0]):
            yield struct.unpack_from("<qq", meta, vector + 4 + 16 * i)


def _field(meta: bytes, table: int, number: int) -> int | None:
    """Where a field of a flatbuffer table lies, None where it is not set."""
    vtable = table - struct.unpack_from("<i", meta, table)[0]
    entry = 4 + 2 * number
    if entry >= struct.unpack_from("<H", meta, vtable)[0]:
        return None
    offset = struct.unpack_from("<H", meta, vtable + entry)[0]
    return table + offset if offset else None


def _table(meta: bytes, table: int, number: int) -> int | None:
    """Where the table or vector that a field points to begins, None where it is not set."""
    at = _field(meta, table, number)
    return None if at is None else at + struct.unpack_from("<I", meta, at)[0]
