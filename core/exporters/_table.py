"""What several export formats share: comparing cells, and the corrected table in blocks."""

from __future__ import annotations

import json
import mmap
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.cells import same_cell
from core.errors import InputError, refuse
from core.progress import Progress

if TYPE_CHECKING:
    from core.corrections import Corrections

BLOCK_ROWS = 50_000

Write = Callable[["Corrections", Path, Progress], object]


class Writer(Protocol):
    """pyarrow's writers, as far as they are used."""

    def write_table(self, table: pa.Table) -> None: ...
    def close(self) -> None: ...


def rewriting(format: str, rewrite: Write, opened: Callable[[Path, pa.Schema], Writer]) -> Callable[..., int]:
    """The `write` of a columnar format: a copy of its own untouched source, `rewrite` of a touched one, and
    any other source's table anew through a writer that is `opened` with its path and schema.
    """

    def write(corrections: Corrections, out: Path, progress: Progress) -> int:
        if corrections.source.format != format:
            _write_anew(corrections, out, progress, opened)
        elif corrections.untouched:
            shutil.copyfile(corrections.source.path, out)
        else:
            rewrite(corrections, out, progress)
        return 0

    return write


def _write_anew(
    corrections: Corrections, out: Path, progress: Progress, opened: Callable[[Path, pa.Schema], Writer]
) -> None:
    writer: Writer | None = None
    try:
        for block in corrected_blocks(corrections, progress):
            writer = writer or opened(out, block.schema)
            writer.write_table(block)
    finally:
        if writer is not None:
            writer.close()


def check_cell(corrections: Corrections, position: int, found: Any) -> None:
    """Raises InputError unless the label found in the source is the one that the data set has there.

    The last guard against writing to the wrong row.
    """
    column = corrections.dataset.columns.label
    expected = None if column is None else corrections.dataset.table[column].iat[position]
    if not same_cell(found, expected):
        raise refuse(
            f"the source has {str(found)!r} where the data set has {str(expected)!r}; nothing was written",
            file=corrections.source.path.name,
            row=position + 1,
            column=column or "",
            mend="load the file again, so that the decisions meet the rows they were made for",
        )


def check_count(corrections: Corrections, found: int) -> None:
    """Raises InputError unless the source has as many records as the data set."""
    if found != len(corrections.dataset):
        raise refuse(
            f"the source has {found:,} records; nothing was written",
            expected=f"{len(corrections.dataset):,}, as when it was loaded",
            file=corrections.source.path.name,
            mend="load the file again",
        )


def refuse_added(corrections: Corrections, title: str) -> None:
    """Raises InputError where columns are to be added; for formats that have no place for them."""
    if corrections.added_names:
        raise refuse(
            f"{title} has no room for added columns ({', '.join(corrections.added_names)})",
            file=corrections.source.path.name,
            mend="export without them and leave excluded rows out, or choose another format",
        )


def check_labels(corrections: Corrections, block: pa.Table, start: int) -> None:
    """`check_cell` for each row with a change in a block that begins at position `start`."""
    label = corrections.dataset.columns.label
    if label is None:
        return
    column = block.column(label)
    for change in corrections.changes_in(start, start + len(block)):
        check_cell(corrections, change.position, column[change.position - start].as_py())


def replace_cells(column: pa.ChunkedArray, tokens: Mapping[int, str], name: str) -> pa.ChunkedArray:
    """The column with the cells at these positions replaced, its type kept, dictionaries included.

    A dictionary keeps its values, used or not; a token that it lacks is appended.
    Raises InputError where a token cannot be written in the column's type.
    """
    if not tokens:
        return column
    kind = column.type
    encoded = pa.types.is_dictionary(kind)
    plain = _plain(column)
    try:
        new = typed(list(tokens.values()), plain.type)
        source = np.arange(len(plain))
        source[list(tokens)] = len(plain) + np.arange(len(tokens))
        made = pa.concat_arrays([plain, new]).take(pa.array(source))
        if encoded:
            values = column.unify_dictionaries().chunk(0).dictionary
            extra = new.unique().filter(pc.invert(pc.is_in(new.unique(), value_set=values)))
            values = pa.concat_arrays([values, extra])
            codes = pc.index_in(made, value_set=values).cast(kind.index_type)
            made = pa.DictionaryArray.from_arrays(codes, values, ordered=kind.ordered)
    except pa.ArrowInvalid as error:
        raise unwritable(kind, error, name) from error
    return pa.chunked_array([made], type=kind)


def unwritable(kind: pa.DataType, error: pa.ArrowInvalid, name: str) -> InputError:
    """That a token cannot be written in the column's type."""
    return refuse(f"a decided class cannot be written in a column of type {kind}: {error}", column=name)


def typed(tokens: list[str], kind: pa.DataType) -> pa.Array:
    """Label cells in the type of their column; JSON where it holds lists or structs."""
    if pa.types.is_nested(kind):
        return pa.array([json.loads(token) for token in tokens], kind)
    return pa.array(tokens, pa.string()).cast(kind)


@contextmanager
def mapped(path: Path) -> Iterator[Any]:
    """A file's bytes, memory-mapped; b"" for an empty file, which cannot be mapped."""
    with path.open("rb") as handle:
        if path.stat().st_size == 0:
            yield b""
        else:
            with mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as data:
                yield data


def corrected_blocks(corrections: Corrections, progress: Progress) -> Iterator[pa.Table]:
    """The corrected table in blocks, columns in source order and then the added ones."""
    table, label = corrections.dataset.table, corrections.dataset.columns.label
    schema = pa.Schema.from_pandas(table, preserve_index=False).remove_metadata()
    for start in range(0, len(table), BLOCK_ROWS):
        progress.report(start / len(table), "writing rows")
        stop = min(start + BLOCK_ROWS, len(table))
        block = pa.Table.from_pandas(table.iloc[start:stop], schema=schema, preserve_index=False)
        yield correct_block(corrections, block.replace_schema_metadata(None), start, label)


def correct_block(corrections: Corrections, block: pa.Table, start: int, label: str | None) -> pa.Table:
    """One block of source rows that begins at position `start`, with the corrections applied."""
    stop = start + len(block)
    tokens = {position - start: token for position, token in corrections.tokens_in(start, stop).items()}
    if label is not None and tokens:
        at = block.schema.get_field_index(label)
        new = replace_cells(block.column(at), tokens, label)
        block = block.set_column(at, block.schema.field(at).with_type(new.type), new)
    block = _append(corrections, block, start, label)
    dropped = corrections.dropped[start:stop]
    return block.filter(pa.array(~dropped)) if dropped.any() else block


def _append(corrections: Corrections, block: pa.Table, start: int, label: str | None) -> pa.Table:
    added = corrections.added(np.arange(start, start + len(block)))
    for name, values in added.items():
        if name == "given_label" and label is not None:
            kind: Any = _plain_type(block.schema.field(label).type)
        else:
            kind = {"label_quality": pa.float64(), "excluded": pa.bool_()}.get(name, pa.string())
        block = block.append_column(name, pa.array(values, kind, from_pandas=True))
    return block


def _plain(column: pa.ChunkedArray) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _plain_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind
