"""Arrow keeps kind, schema, metadata, compression and batches; only decided cells differ."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from core.errors import InputError
from core.export_check import verify_export
from core.exporters.arrow_file import ARROW
from core.exporting import write_export
from core.importers._arrow_messages import ArrowTable, read_messages
from core.progress import Progress
from core.review.decisions import Action

from .conftest import load, plan

TABLE = pa.table(
    {
        "id": pa.array([1, 2, 3, 4, 5], pa.int16()),
        "when": pa.array([0, 1, None, 3, 4], pa.timestamp("ns", "UTC")),
        "tags": pa.array([["a"], [], None, ["b", "c"], ["d"]]),
        "view": pa.array(["x" * 20, None, "y", "", "z"], pa.string_view()),
        "label": pa.array(["cat", "dog", None, "cat", "dog"]),
    },
    metadata={"made by": "hand"},
)


def save(path: Path, table: pa.Table, kind: str = "file", compression: str | None = None) -> Path:
    options = pa.ipc.IpcWriteOptions(compression=compression)
    if kind == "file":
        writer = pa.ipc.new_file(str(path), table.schema, options=options, metadata={b"foot": b"note"})
    else:
        writer = pa.ipc.new_stream(str(path), table.schema, options=options)
    with writer:
        for number, batch in enumerate(table.to_batches(max_chunksize=2)):
            writer.write_batch(batch, custom_metadata={"batch": str(number)})
    return path


def export(path: Path, choices: dict[int, str | Action] | None = None, **options: object) -> ArrowTable:
    out = path.parent / "out"
    ARROW.write(plan(load(path, "arrow"), choices, **options), out, Progress())
    return reread(out)


def reread(path: Path) -> ArrowTable:
    return read_messages(pa.py_buffer(path.read_bytes()), path.name)


@pytest.fixture(params=[("file", None), ("file", "zstd"), ("stream", None), ("stream", "lz4")], ids=str)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return save(tmp_path / "t.arrow", TABLE, *request.param)


def test_write__no_decision_is_the_same_bytes(source: Path) -> None:
    export(source)
    assert (source.parent / "out").read_bytes() == source.read_bytes()


def test_write__only_decided_cells_differ(source: Path) -> None:
    got, was = export(source, {0: "dog", 2: "cat", 4: "cat"}), reread(source)
    labels = pa.array(["dog", "dog", "cat", "cat", "cat"])
    assert got.table.equals(was.table.set_column(4, "label", labels), check_metadata=True)
    assert [len(batch) for batch in got.batches] == [2, 2, 1]
    assert (got.kind, got.compression, got.metadata) == (was.kind, was.compression, was.metadata)
    assert [m[b"batch"] for m in got.batch_metadata if m] == [b"0", b"1", b"2"]


def test_write__drops_excluded_rows_and_the_batch_that_they_empty(source: Path) -> None:
    got, was = export(source, dict.fromkeys((0, 2, 3), Action.EXCLUDE)), reread(source)
    kept = pa.concat_tables([was.table.slice(1, 1), was.table.slice(4, 1)])
    assert got.table.equals(kept, check_metadata=True)
    assert [m[b"batch"] for m in got.batch_metadata if m] == [b"0", b"2"]
    assert export(source, dict.fromkeys(range(5), Action.EXCLUDE)).table.num_rows == 0


def test_write__added_columns(source: Path) -> None:
    got = export(source, {0: "dog", 4: Action.EXCLUDE}, add=("given_label",), excluded="mark").table
    assert got.column_names == [*TABLE.column_names, "given_label", "excluded"]
    assert got["given_label"].to_pylist() == ["cat", "dog", None, "cat", "dog"]
    assert got["excluded"].to_pylist() == [False, False, False, False, True]


@pytest.mark.parametrize("values", [pa.string(), pa.large_string(), pa.string_view()], ids=str)
@pytest.mark.parametrize("kind", ["file", "stream"])
def test_write__dictionary_gains_a_class_that_it_lacks(
    tmp_path: Path, kind: str, values: pa.DataType
) -> None:
    names = pa.array(["b", "a"], values)
    label = pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 0, 1], pa.int8()), names, ordered=True)
    path = save(tmp_path / "t.arrow", pa.table({"label": label}), kind)
    loaded = load(path, "arrow")
    corrections = plan(loaded, {0: "a", 2: "b"})
    ARROW.write(corrections, tmp_path / "same", Progress())
    assert reread(tmp_path / "same").table["label"].chunk(0).dictionary.equals(names)
    column = reread(tmp_path / "same").table["label"]
    assert (column.type, column.to_pylist()) == (label.type, ["a", "a", "b", "b", "a"])
    dataset, was = loaded
    # A class that was added to the list, which the source's dictionary lacks.
    more = replace(dataset, classes=(*dataset.classes, "new"), tokens=(*dataset.tokens, "new"))
    ARROW.write(plan((more, was), {3: "new", 4: "b"}), tmp_path / "more", Progress())
    column = reread(tmp_path / "more").table["label"]
    assert (column.type, column.to_pylist()) == (label.type, ["b", "a", None, "new", "b"])
    assert column.chunk(0).dictionary.to_pylist() == ["b", "a", "new"]


def test_write__stream_whose_batches_have_other_dictionaries(tmp_path: Path) -> None:
    path = tmp_path / "t.arrow"
    chunks = [pa.array(["a", "b"]).dictionary_encode(), pa.array(["c", "a"]).dictionary_encode()]
    with pa.ipc.new_stream(str(path), pa.schema([("label", chunks[0].type)])) as writer:
        for chunk in chunks:
            writer.write_batch(pa.record_batch({"label": chunk}))
    assert export(path, {0: "c"}).table["label"].to_pylist() == ["c", "b", "c", "a"]
    assert export(path, {1: Action.EXCLUDE}).table["label"].to_pylist() == ["a", "c", "a"]


def test_write__dictionary_of_numbers(tmp_path: Path) -> None:
    codes = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0]), pa.array([7, 9], pa.int8()))
    path = save(tmp_path / "t.arrow", pa.table({"label": codes}))
    assert export(path, {0: "9"}).table["label"].to_pylist() == [9, 9, 7]


def test_write__wrong_row_is_refused(source: Path) -> None:
    loaded = load(source, "arrow")
    save(source, pa.concat_tables([TABLE.slice(1, 1), TABLE.slice(0, 1), TABLE.slice(2)]))
    with pytest.raises(InputError, match="row 1, column label: the source has 'dog'"):
        ARROW.write(plan(loaded, {0: "dog"}), source.parent / "out", Progress())


def test_write__from_csv(written) -> None:
    path = written("t.csv", b"text,label\na,cat\nb,dog\n")
    corrections = plan(load(path), {0: "dog", 1: Action.EXCLUDE})
    summary = write_export(corrections, path.parent / "out.feather")
    assert summary.format == "arrow"
    assert reread(summary.path).table.to_pylist() == [{"text": "a", "label": "dog"}]
    assert verify_export(corrections, summary).ok
