from __future__ import annotations

import struct
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.importers import _columns
from core.importers.arrow_file import read
from core.progress import Progress
from core.reading import read_table

TABLE = pa.table({"text": ["a b", "c d", None], "label": ["cat", "dog", "cat"]})


def save(path: Path, table: pa.Table = TABLE, kind: str = "file", compression: str | None = None) -> Path:
    open_writer = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with open_writer(str(path), table.schema, options=options) as writer:
        writer.write_table(table)
    return path


@pytest.mark.parametrize("kind", ["file", "stream"])
@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
@pytest.mark.parametrize("name", ["a.arrow", "a.csv", "a"])
def test_read_table__by_bytes(tmp_path: Path, kind: str, compression: str | None, name: str) -> None:
    raw = read_table(save(tmp_path / name, kind=kind, compression=compression))
    assert raw.source.format == "arrow"
    assert raw.source.layout == {"nested": [], "kind": kind}
    assert raw.frame["label"].tolist() == ["cat", "dog", "cat"]
    assert raw.frame["text"].isna().tolist() == [False, False, True]
    assert raw.problems == ()


def test_read_table__feather_as_pandas_writes_it(tmp_path: Path) -> None:
    label = pd.Categorical(["b", "a"], categories=["b", "never", "a"])
    pd.DataFrame({"n": [1, 2], "label": label}).to_feather(tmp_path / "t.feather")
    frame = read_table(tmp_path / "t.feather").frame
    assert frame["n"].tolist() == [1, 2]
    assert frame["label"].cat.categories.tolist() == ["b", "never", "a"]


def test_read_table__feather_version_1_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.feather").write_bytes(b"FEA1" + bytes(60) + b"FEA1")
    with pytest.raises(InputError, match=r"t\.feather: a Feather file of version 1.*Mend: "):
        read_table(tmp_path / "t.feather")


def test_read__types(tmp_path: Path) -> None:
    columns = {
        "views": pa.array(["x" * 30, None, "y"], pa.string_view()),
        "coded": pa.DictionaryArray.from_arrays(
            pa.array([1, None, 0], pa.int8()), pa.array(["u", "v"], pa.string_view())
        ),
        "when": pa.array([0, None, 86_400_000_000], pa.timestamp("us", "UTC")),
        "n": pa.array([1, None, 3], pa.int16()),
        "nothing": pa.nulls(3),
        "list": pa.array([["a"], None, []]),
        "picture": pa.array([{"bytes": b"\x89PNG", "path": "a.png"}, None, None]),
    }
    raw = read(save(tmp_path / "t.arrow", pa.table(columns)), Progress())
    assert raw.frame["views"].isna().tolist() == [False, True, False]
    assert raw.frame["views"].iloc[2] == "y"
    assert raw.frame["coded"].cat.categories.tolist() == ["u", "v"]
    assert raw.frame["coded"].tolist()[0] == "v"
    assert str(raw.frame["when"].iloc[2]) == "1970-01-02 00:00:00+00:00"
    assert str(raw.frame["n"].dtype) == "Int16"
    assert raw.frame["nothing"].isna().all()
    assert raw.frame["list"].tolist()[::2] == ['["a"]', "[]"]
    digest = "0f4636c78f65d3639ece5a064b5ae753e3408614a14fb18ab4d7540d2c248543"
    said = f'{{"bytes": {{"bytes": 4, "sha256": "{digest}"}}, "path": "a.png"}}'
    assert raw.frame["picture"].iloc[0] == said
    assert raw.source.layout["nested"] == ["list", "picture"]
    assert [p.column for p in raw.problems] == ["list", "picture"]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.RunEndEncodedArray.from_arrays(pa.array([9], pa.int32()), pa.array(["x"])), "run_end_encoded"),
        (pa.array([["a"]], pa.list_view(pa.string())), "list_view"),
        (pa.DictionaryArray.from_arrays(pa.array([0]), pa.array([["a"]])), "dictionary<values=list"),
        (pa.array([2**30], pa.date32()), "cannot be read: year 2941775 is out of range"),
    ],
)
def test_read__refused_types(tmp_path: Path, column: pa.Array, message: str) -> None:
    with pytest.raises(InputError, match=f"column x: .*{message}"):
        read(save(tmp_path / "t.arrow", pa.table({"x": column})), Progress())


def test_read__two_columns_of_one_name(tmp_path: Path) -> None:
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(InputError, match="column a: two columns of one name"):
        read(save(tmp_path / "t.arrow", twice), Progress())


def test_read__rows_without_bytes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="300,000,000 rows and 300,000,000 values in a file of"):
        read(save(tmp_path / "t.arrow", pa.table({"x": pa.nulls(300_000_000)})), Progress())


def test_read__list_of_nothing_is_refused(tmp_path: Path) -> None:
    lists = pa.ListArray.from_arrays(pa.array([0, 300_000_000], pa.int32()), pa.nulls(300_000_000))
    with pytest.raises(InputError, match="1 rows and 300,000,001 values in a file of"):
        read(save(tmp_path / "t.arrow", pa.table({"x": lists})), Progress())


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
def test_read__one_text_in_every_row_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: pa.DataType
) -> None:
    monkeypatch.setattr(_columns, "MOST_TEXT", 100_000_000)
    coded = pa.DictionaryArray.from_arrays(pa.array([0] * 20_000, pa.int8()), pa.array(["x" * 10_000], kind))
    with pytest.raises(InputError, match="column x: more than 100,000,000 characters"):
        read(save(tmp_path / "t.arrow", pa.table({"x": coded})), Progress())


def test_read__bomb_is_refused_before_it_unpacks(tmp_path: Path) -> None:
    zeros = pa.table({"x": pa.array(["0" * (1 << 20)] * 1200, pa.large_string())})
    path = save(tmp_path / "t.arrow", zeros, compression="zstd")
    del zeros
    assert path.stat().st_size < 2_000_000
    before = pa.default_memory_pool().bytes_allocated()
    with pytest.raises(InputError, match=r"t\.arrow: .* bytes that unpack to 1,258,\d"):
        read(path, Progress())
    assert pa.default_memory_pool().bytes_allocated() - before < 10_000_000


@pytest.mark.parametrize("kind", ["file", "stream"])
def test_read__cut_off(tmp_path: Path, kind: str) -> None:
    path = save(tmp_path / "t.arrow", kind=kind)
    whole = path.read_bytes()
    for size in (8, 9, 40, 100, len(whole) // 2, len(whole) - 60, len(whole) - 9):
        path.write_bytes(whole[:size])
        with pytest.raises(InputError, match=r"t\.arrow: (not readable as Arrow|no rows)"):
            read(path, Progress())


def test_read__footer_of_another_file(tmp_path: Path) -> None:
    one, two = save(tmp_path / "1.arrow"), tmp_path / "2.arrow"
    with pa.ipc.new_file(str(two), TABLE.schema) as writer:
        writer.write_table(TABLE)
        writer.write_table(TABLE)
    footers = [struct.unpack("<i", p.read_bytes()[-10:-6])[0] + 10 for p in (one, two)]
    one.write_bytes(one.read_bytes()[: -footers[0]] + two.read_bytes()[-footers[1] :])
    with pytest.raises(InputError, match="1 batches of rows, and 2 in the footer"):
        read(one, Progress())


def test_read__offsets_out_of_the_file_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "t.arrow", pa.table({"x": pa.array(["abc", "def", "ghi"])}))
    data = path.read_bytes()
    offsets = struct.pack("<4i", 0, 3, 6, 9)
    assert data.count(offsets) == 1
    path.write_bytes(data.replace(offsets, struct.pack("<4i", 0, 3, 6, 2**30)))
    with pytest.raises(InputError, match="damaged values"):
        read(path, Progress())


@pytest.mark.parametrize("node", [(-3, 0), (3, 4), (3, -1)])
def test_read__lengths_that_cannot_be_are_refused(tmp_path: Path, node: tuple[int, int]) -> None:
    path = save(tmp_path / "t.arrow", kind="stream")
    data = path.read_bytes()
    text_column = struct.pack("<qq", 3, 1)  # three rows, one of them missing
    assert data.count(text_column) == 1
    path.write_bytes(data.replace(text_column, struct.pack("<qq", *node)))
    with pytest.raises(InputError, match="a column of a length that cannot be"):
        read(path, Progress())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 10**6), byte=st.integers(0, 255), kind=st.sampled_from(["file", "stream"]))
def test_read__a_changed_byte_never_ends_in_a_traceback(
    tmp_path: Path, at: int, byte: int, kind: str
) -> None:
    path = save(tmp_path / "t.arrow", kind=kind, compression="lz4")
    data = bytearray(path.read_bytes())
    data[at % len(data)] = byte
    path.write_bytes(bytes(data))
    try:
        found = read(path, Progress()).frame
    except InputError as error:
        assert "t.arrow" in str(error)
    else:
        assert len(found.columns) == 2
