"""An Arrow table as a data frame. Shared by the columnar formats."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import Problem, refuse

MOST_CELLS = 200_000_000
MOST_TEXT = 4 << 30
"""Characters of text in one column. A dictionary or a view can point to one long text from every row."""
UNFOLDED = 8
"""How many times its bytes a file may unfold to before the bounds above count."""

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


def check_names(names: list[str], file: str) -> None:
    """Raises InputError where two columns have one name."""
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise refuse("two columns of one name", file=file, column=twice[0], mend="rename one of them")


def check_table(table: pa.Table, size: int, file: str) -> None:
    """Raises InputError for damaged values, and for a table that is too large for its `size` bytes.

    Arrow trusts lengths and offsets that stand in a file; read unchecked, they lead out of its memory.
    """
    cells = table.num_rows * table.num_columns
    for field in table.schema:
        if _repeats(field.type):
            found = f"a column of type {field.type}"
            raise refuse(found, file=file, column=field.name, mend="save it as a plain column or as lists")
        cells += sum(_values_within(chunk) for chunk in table[field.name].chunks)
    if cells > max(MOST_CELLS, UNFOLDED * size):
        found = f"{table.num_rows:,} rows and {cells:,} values in a file of {size:,} bytes"
        raise refuse(found, file=file, mend="check how the file was made")
    try:
        table.validate(full=True)
    except pa.ArrowInvalid as error:
        raise refuse(f"damaged values: {error}", file=file, mend="write the file again") from error
    for field in table.schema:
        _check_text(sum(_text_bytes(chunk) for chunk in table[field.name].chunks), size, field.name, file)


def to_frame(table: pa.Table, size: int, file: str) -> tuple[pd.DataFrame, list[str], list[Problem]]:
    """(frame, names of the nested columns, notices). Row i is row i of the table of a file of `size` bytes.

    Lists and structs become JSON text; bytes in them are told by their number and sha256. Integers and
    booleans with missing values keep their type; a dictionary becomes a category, unused values included.
    Raises InputError for values that pandas cannot hold.
    """
    nested = [f.name for f in table.schema if pa.types.is_nested(f.type)]
    columns = {}
    for field in table.schema:
        column = without_views(table[field.name])
        if field.name in nested:
            column = _json_texts(column, size, field.name, file)
        try:
            mapper = _NULLABLE.get if column.null_count else None
            columns[field.name] = column.to_pandas(types_mapper=mapper)
        except (ValueError, OverflowError) as error:
            found = f"values of type {field.type} that cannot be read: {error}"
            raise refuse(found, file=file, column=field.name, mend="save the column as text") from error
    said = "lists or structs, shown as JSON text"
    problems = [Problem("notice", said, file=file, column=n) for n in nested]
    return pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows)), nested, problems


def without_views(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column with large_string for string_view, also in a dictionary: few operations know views."""
    kind = column.type
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        plain = pa.large_string() if pa.types.is_string_view(kind) else pa.large_binary()
        return pa.chunked_array([_copied(chunk, plain) for chunk in column.chunks], plain)
    if pa.types.is_dictionary(kind) and pa.types.is_string_view(kind.value_type):
        return with_values(column, pa.large_string())
    return column


def with_values(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """A column of dictionaries with values of another type."""
    made = [
        pa.DictionaryArray.from_arrays(c.indices, _copied(c.dictionary, kind), ordered=column.type.ordered)
        for c in column.chunks
    ]
    return pa.chunked_array(made, pa.dictionary(column.type.index_type, kind, column.type.ordered))


def _copied(array: pa.Array, kind: pa.DataType) -> pa.Array:
    # Not cast: it copies views of missing values, which nothing has checked, and may end the process.
    return pa.array(array.to_pylist(), kind)


def _json_texts(column: pa.ChunkedArray, size: int, name: str, file: str) -> pa.ChunkedArray:
    texts: list[pa.Array] = []
    total = 0
    for chunk in column.chunks:
        made: list[str | None] = []
        for cell in chunk:
            value = cell.as_py()
            made.append(None if value is None else json.dumps(value, default=_said, ensure_ascii=False))
            total += len(made[-1] or "")
            _check_text(total, size, name, file)
        texts.append(pa.array(made, pa.large_string()))
    return pa.chunked_array(texts, pa.large_string())


def _said(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"bytes": len(value), "sha256": hashlib.sha256(value).hexdigest()}
    return str(value)


def _check_text(total: int, size: int, name: str, file: str) -> None:
    if total > max(MOST_TEXT, UNFOLDED * size):
        found = f"more than {MOST_TEXT:,} characters in a file of {size:,} bytes"
        raise refuse(found, file=file, column=name, mend="check how the file was made")


def _repeats(kind: pa.DataType) -> bool:
    """Whether a few bytes of this type, or of one within it, stand for many values in a way that is rare."""
    if pa.types.is_run_end_encoded(kind) or "list_view" in str(kind):
        return True
    if pa.types.is_dictionary(kind) and pa.types.is_nested(kind.value_type):
        return True
    return any(_repeats(kind.field(i).type) for i in range(kind.num_fields))


def _values_within(array: pa.Array) -> int:
    """How many values the lists and structs of an array hold."""
    kind = array.type
    if isinstance(array, pa.ListArray | pa.LargeListArray | pa.FixedSizeListArray):
        return len(array.values) + _values_within(array.values)
    if isinstance(array, pa.StructArray | pa.UnionArray):
        parts = [array.field(i) for i in range(kind.num_fields)]
        return sum(len(part) + _values_within(part) for part in parts)
    return 0


def _text_bytes(array: pa.Array) -> int:
    """Bytes of text that an array unfolds to, for the types that share text between rows."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        values = array.dictionary
        if pa.types.is_string_view(values.type):
            lengths = pa.array(_view_lengths(values))
        elif pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
            lengths = pc.binary_length(values).cast(pa.int64())
        else:
            return 0
        return pc.sum(lengths.take(array.indices)).as_py() or 0
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        return int(_view_lengths(array).sum())
    return 0


def _view_lengths(array: pa.Array) -> np.ndarray:
    """(N,) bytes of each text: the first of the four words of its view."""
    views = array.buffers()[1]
    if views is None or len(array) == 0:
        return np.zeros(len(array), dtype=np.int64)
    words = np.frombuffer(views, np.int32, 4 * (array.offset + len(array))).reshape(-1, 4)
    there = array.is_valid().to_numpy(zero_copy_only=False)
    return np.where(there, words[array.offset :, 0], 0).astype(np.int64)
