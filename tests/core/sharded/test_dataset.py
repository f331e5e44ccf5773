"""Shards that do not fit are refused, and the message names the file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import InputError
from core.progress import Progress
from core.sharded.dataset import Columns, codes_of, found
from core.sharded.run import Asked, run_shards
from core.sharded.runners import InTurn
from core.sharded.store import Store
from tests.core.sharded.shards import folder, made_up, opened, write_shards


@pytest.fixture
def shards(tmp_path: Path) -> Store:
    """Three shards of 10, 0 and 20 rows with labels, contents, pred_probs and embeddings."""
    labels, probs = made_up(30, 3, 0)
    source = folder(tmp_path / "in")
    write_shards(source, [10, 10], labels, probs, np.ones((30, 4), np.float32), [f"t{i}" for i in range(30)])
    return source


def refused(source: Store, **columns: Any) -> str:
    """What a run says; it leaves nothing behind."""
    out = folder(Path(source.url).parent / "out")
    with pytest.raises(InputError) as error:
        run_shards(source, out, Asked(columns=Columns(**columns)), InTurn(), Progress())
    assert out.names() == []
    return str(error.value)


def test_found__in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for names in (["2", "9", "10"], ["b", "a", "10"], ["00000-of-00002", "00001-of-00002"]):
        source = folder(tmp_path / names[0])
        source.make()
        for name in names:
            source.write(f"part-{name}.parquet", lambda file: file.write(b""))
        if names[0] == "2":
            with pytest.raises(InputError, match=r"shard 3 is missing: 3 of 9 numbers are there"):
                found(source)
            for number in range(3, 9):
                source.write(f"part-{number}.parquet", lambda file: file.write(b""))
            assert [name for name, _ in found(source)] == [str(number) for number in range(2, 11)]
        else:
            assert found(source) == [(name, ()) for name in sorted(names)]


def test_found__a_part_of_the_whole_is_missing(tmp_path: Path) -> None:
    source = folder(tmp_path)
    assert "no shard here" in refused_found(source)
    source.write("part-00000-of-00002.parquet", lambda file: file.write(b""))
    assert "shard 1 is missing: 1 of 2 numbers are there" in refused_found(source)
    source.write("part-00001-of-00003.parquet", lambda file: file.write(b""))
    assert "shards of several sets: of 00002, 00003" in refused_found(source)


def refused_found(source: Store) -> str:
    with pytest.raises(InputError) as error:
        found(source)
    return str(error.value)


def test_shards__a_missing_part_or_array(shards: Store) -> None:
    shards.remove(["embeddings-00001.npy"])
    assert "2 shards have embeddings, 1 do not: 00001. Mend: bring embeddings-00001.npy" in refused(shards)
    shards.remove(["embeddings-00000.npy", "embeddings-00002.npy", "part-00002.parquet"])
    assert "pred_probs-00002.npy: there is no part-00002.parquet beside it" in refused(shards)


def test_shards__rows_that_do_not_fit(shards: Store) -> None:
    shards.save("pred_probs-00002.npy", np.full((19, 3), 1 / 3, np.float32))
    assert "pred_probs-00002.npy: 19 rows, and 20 in part-00002.parquet" in refused(shards)


def test_shards__columns_and_types_that_do_not_fit(shards: Store) -> None:
    shards.save("pred_probs-00002.npy", np.full((20, 4), 1 / 4, np.float32))
    assert "pred_probs-00002.npy: 4 columns of float32. Expected: 3 of float32" in refused(shards)
    shards.save("pred_probs-00002.npy", np.full((20, 3), 1 / 3))
    assert "pred_probs-00002.npy: 3 columns of float64" in refused(shards)
    shards.save("pred_probs-00002.npy", np.ones((20, 3), np.int64))
    assert "values of type int64. Expected: float32 or float64" in refused(shards)


class Trap:
    """What unpickling this would do."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("/tmp/unpickled-by-labelmend",)


def test_shards__python_objects_are_never_read(shards: Store) -> None:
    values = np.empty((20, 3), object)
    values[:] = Trap()
    np.save(shards.path("pred_probs-00002.npy"), values, allow_pickle=True)
    said = refused(shards)
    assert "pred_probs-00002.npy: the array holds Python objects" in said
    assert not Path("/tmp/unpickled-by-labelmend").exists()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "cannot be read as an array"),
        (b"\x93NUMPY\x01\x00", "cannot be read as an array"),
        (b"\x93NUMPY\x03\x00\x10\x00\x00\x00{'shape': (1,)}", "version 3.0 of the format"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + b"(" * 20_000, "cannot be read as an array"),
        (b"\x93NUMPY\x01\x00\xff\x1f" + b"(" * 0x1FFF, "cannot be read as an array"),
        (
            b"\x93NUMPY\x01\x00\x44\x00{'descr': '<f4', 'fortran_order': False, 'shape': (20, -3)}      \n",
            "an array",
        ),
    ],
)
def test_shards__damaged_arrays(shards: Store, body: bytes, said: str) -> None:
    shards.write("pred_probs-00002.npy", lambda file: file.write(body))
    refusal = refused(shards)
    assert "pred_probs-00002.npy" in refusal and said in refusal


def test_shards__an_array_cut_short_or_of_another_shape(shards: Store) -> None:
    whole = shards.read("pred_probs-00002.npy")
    shards.write("pred_probs-00002.npy", lambda file: file.write(whole[:-1]))
    assert "the file has 367 bytes; 20 x 3 values of float32 need 368" in refused(shards)
    shards.save("pred_probs-00002.npy", np.ones(20, np.float32))
    assert "an array of shape (20,). Expected: two dimensions" in refused(shards)
    shards.save("pred_probs-00002.npy", np.asfortranarray(np.ones((20, 3), np.float32)))
    assert "values are stored column by column" in refused(shards)


def test_shards__a_damaged_part(shards: Store) -> None:
    shards.write("part-00002.parquet", lambda file: file.write(b"PAR1 and no more"))
    said = refused(shards)
    assert "part-00002.parquet: the file cannot be read" in said and "Expected: Parquet" in said


def test_shards__columns_that_are_not_there(shards: Store) -> None:
    said = refused(shards, id="key")
    assert "part-00000.parquet: no column of row ids. Expected: key. Mend: name it: --id-column" in said
    table = pq.read_table(shards.path("part-00002.parquet"))
    pq.write_table(table.drop_columns(["content"]), shards.path("part-00002.parquet"))
    assert "part-00002.parquet: no column of content, which other parts have" in refused(shards)


def test_shards__ids(shards: Store) -> None:
    table = pq.read_table(shards.path("part-00002.parquet"))
    twice = ["a", *map(str, range(17)), "a", "b"]
    pq.write_table(table.set_column(0, "id", pa.array(twice)), shards.path("part-00002.parquet"))
    assert "part-00002.parquet, row 19, column id: the row id 'a' is there twice" in refused(shards)
    none = [*map(str, range(18)), None, None]
    pq.write_table(table.set_column(0, "id", pa.array(none)), shards.path("part-00002.parquet"))
    assert "part-00002.parquet, row 19, column id: no row id (2 rows)" in refused(shards)


@pytest.mark.parametrize("label", [3, -2, 1.5])
def test_shards__a_label_without_a_column(shards: Store, label: float) -> None:
    table = pq.read_table(shards.path("part-00002.parquet"))
    labels = pa.array([0] * 4 + [label] + [None] * 15)
    pq.write_table(table.set_column(1, "label", labels), shards.path("part-00002.parquet"))
    said = refused(shards)
    assert f"part-00002.parquet, row 5, column label: the label {label:g}" in said
    assert "a whole number from 0 to 2, or nothing" in said


def test_shards__text_labels_want_a_class_list(shards: Store) -> None:
    table = pq.read_table(shards.path("part-00002.parquet"))
    labels = pa.array(["cat", "dog", "emu", None, ""] * 4)
    pq.write_table(table.set_column(1, "label", labels), shards.path("part-00002.parquet"))
    assert "labels of type string. Expected: whole numbers. Mend: name the classes" in refused(shards)
    said = refused(shards, classes=("0", "1", "2", "3"))
    assert "4 classes, and 3 columns of pred_probs" in said
    assert "row 1, column label: the label 'cat' (12 rows)" in refused(shards, classes=("0", "1", "2"))


def test_codes_of__every_way_of_writing_them() -> None:
    def codes(values: pa.Array, classes: tuple[str, ...] = ()) -> list[int]:
        return codes_of(pa.chunked_array([values]), classes, 3, {}).tolist()

    assert codes(pa.array([0, None, 2, -1])) == [0, -1, 2, -1]
    assert codes(pa.array([0.0, None, 2.0, float("nan")])) == [0, -1, 2, -1]
    assert codes(pa.nulls(2)) == [-1, -1]
    assert codes(pa.array([7, 8, None]), ("8", "7", "9")) == [1, 0, -1]
    assert codes(pa.array(["b", None, "", "a"]), ("a", "b", "c")) == [1, -1, -1, 0]
    assert codes(pa.array(["b", "a"]).dictionary_encode(), ("a", "b", "c")) == [1, 0]


def test_scan__a_probability_that_is_not_finite_names_shard_and_row(shards: Store) -> None:
    probs = np.full((20, 3), 1 / 3, np.float32)
    probs[5, 1] = np.inf
    shards.save("pred_probs-00002.npy", probs)
    table = pq.read_table(shards.path("part-00002.parquet"))
    labels = pa.array([0] * 20, pa.int32())
    pq.write_table(table.set_column(1, "label", labels), shards.path("part-00002.parquet"))
    assert "pred_probs-00002.npy, row 6: a probability that is not a finite number" in refused(shards)


def test_plan__says_where_a_row_lies(shards: Store, tmp_path: Path) -> None:
    plan = opened(shards, folder(tmp_path / "work")).plan
    assert plan.rows == 30 and [shard.start for shard in plan.shards] == [0, 10, 10]
    assert [(plan.at(i)[0].name, plan.at(i)[1]) for i in (0, 9, 10, 29)] == [
        ("00000", 0), ("00000", 9), ("00002", 0), ("00002", 19),
    ]  # fmt: skip
