"""Arrow batches corrected one by one and written as they were. Shared by Arrow files and what holds them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa

from core.errors import refuse
from core.exporters._table import check_labels, correct_block, typed, unwritable
from core.importers._arrow_messages import ArrowTable
from core.importers._columns import with_values, without_views
from core.progress import Progress

if TYPE_CHECKING:
    from core.corrections import Corrections

Correct = Callable[[pa.Table, int], pa.Table]
"""(block, position of its first row) -> the block with its corrections."""


def plain_correct(corrections: Corrections, arrow: ArrowTable, file: str) -> Correct:
    """Corrects blocks of `arrow`, which holds the data set's label column as it is in the data set."""
    label = corrections.dataset.columns.label
    values = _classes(corrections, arrow.table, label) if label is not None else None

    def correct(block: pa.Table, start: int) -> pa.Table:
        check_labels(corrections, block, start)
        if values is not None and label is not None:
            block = _put(block, label, _with_classes(block.column(label), values))
        return correct_views(corrections, block, start, label, file)

    return correct


def correct_views(
    corrections: Corrections, block: pa.Table, start: int, label: str | None, file: str
) -> pa.Table:
    """`correct_block` where columns may be views, whose types are kept."""
    kinds = {field.name: field.type for field in block.schema}
    for name in kinds:
        block = _put(block, name, without_views(block.column(name)))
    try:
        block = correct_block(corrections, block, start, label)
    except pa.ArrowNotImplementedError as error:
        mend = "leave no rows out, or export as another format"
        raise refuse(f"rows of these types cannot be left out: {error}", file=file, mend=mend) from error
    for name, kind in kinds.items():
        column = block.column(name)
        if column.type != kind:
            back = with_values(column, kind.value_type) if pa.types.is_dictionary(kind) else column.cast(kind)
            block = _put(block, name, back)
    return block


def corrected_batches(
    arrow: ArrowTable, correct: Correct, first: int, progress: Progress
) -> Iterator[tuple[pa.RecordBatch, Any]]:
    """(batch, its metadata). `first`: the position of the first row. A batch of which no row is left goes."""
    start = first
    for number, (batch, metadata) in enumerate(zip(arrow.batches, arrow.batch_metadata, strict=True)):
        progress.report(number / len(arrow.batches), "writing batches")
        block = correct(pa.Table.from_batches([batch]), start)
        start += len(batch)
        if len(block) or not len(batch):
            whole = block.combine_chunks().to_batches()
            yield whole[0] if whole else _empty(block.schema), metadata


def write_batches(
    arrow: ArrowTable, schema: pa.Schema, batches: Iterator[tuple[pa.RecordBatch, Any]], handle: IO[bytes]
) -> None:
    """Write batches of this schema in the kind, compression and metadata of `arrow`."""
    options = pa.ipc.IpcWriteOptions(compression=arrow.compression, emit_dictionary_deltas=True)
    if arrow.kind == "file":
        writer = pa.ipc.new_file(handle, schema, options=options, metadata=arrow.metadata)
    else:
        writer = pa.ipc.new_stream(handle, schema, options=options)
    with writer:
        for batch, metadata in batches:
            writer.write_batch(batch, custom_metadata=metadata)


def _classes(corrections: Corrections, table: pa.Table, label: str) -> pa.Array | None:
    """Every value that a label column of dictionaries can have once corrected; None for another column.

    A file may replace no dictionary, so that all batches share this one.
    """
    column = without_views(table.column(label))
    tokens = dict.fromkeys(corrections.tokens_in(0, len(table)).values())
    if not pa.types.is_dictionary(column.type) or not tokens:
        return None
    values = column.unify_dictionaries().chunk(0).dictionary
    try:
        wanted = typed(list(tokens), values.type)
    except pa.ArrowInvalid as error:
        raise unwritable(column.type, error, label) from error
    there = set(values.to_pylist())
    return pa.concat_arrays([values, wanted.filter(pa.array([w not in there for w in wanted.to_pylist()]))])


def _with_classes(column: pa.ChunkedArray, values: pa.Array) -> pa.ChunkedArray:
    kind = column.type
    column = without_views(column)
    place = {value: code for code, value in enumerate(values.to_pylist())}
    made = []
    for chunk in column.chunks:
        moved = pa.array([place[v] for v in chunk.dictionary.to_pylist()], pa.int64())
        codes = moved.take(chunk.indices).cast(kind.index_type)
        made.append(pa.DictionaryArray.from_arrays(codes, values, ordered=kind.ordered))
    whole = pa.chunked_array(made, pa.dictionary(kind.index_type, values.type, kind.ordered))
    return with_values(whole, kind.value_type) if whole.type != kind else whole


def _put(block: pa.Table, name: str, column: pa.ChunkedArray) -> pa.Table:
    at = block.schema.get_field_index(name)
    if column is block.column(at):
        return block
    return block.set_column(at, block.schema.field(at).with_type(column.type), column)


def _empty(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], f.type) for f in schema], schema=schema)
