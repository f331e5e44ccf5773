"""Copies over shards against those of one machine, and ids that are there twice."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.dataset import Columns, Dataset
from core.errors import InputError
from core.methods.duplicates import first_copies
from core.progress import Progress
from core.sharded import copies
from core.sharded.run import Asked, run_shards
from core.sharded.runners import InTurn
from tests.core.sharded.shards import folder, opened, read_tables, write_shards

TEXTS = ["", " ", "a", "A", "a  b", " a b", "ａ b", "é", "b\x00", "b", None]


def first_of(texts: list[str | None]) -> np.ndarray:
    """What one machine says."""
    table = pd.DataFrame({"content": pd.array(texts, dtype="str")})
    columns = Columns(content=("content",), kind="text")
    dataset = Dataset("d", table, columns, (), (), np.full(len(texts), -1, np.int32))
    return first_copies(dataset, Progress())


@settings(max_examples=25)
@given(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=40), st.data())
def test_copies__are_those_of_one_machine(texts: list[str | None], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(texts)), max_size=4)))
    with tempfile.TemporaryDirectory() as where:
        source, out = folder(Path(where) / "in"), folder(Path(where) / "out")
        write_shards(source, cuts, contents=texts)
        summary = run_shards(source, out, Asked(("copies",)), InTurn(), Progress())["steps"]["copies"]
        told = read_tables(out, "copies")
    first = first_of(texts)
    rows = np.flatnonzero(first != np.arange(len(texts)))
    assert told["row_id"] == [f"r{row}" for row in rows]
    assert told["copy_of"] == [f"r{row}" for row in first[rows]]
    assert (summary["flagged"], summary["groups"]) == (len(rows), len(set(first[rows].tolist())))


def test_copies__in_many_ranges_of_hashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "_ROWS_TOGETHER", 7)
    texts = [f"text {i % 40}" for i in range(200)]
    write_shards(folder(tmp_path / "in"), [13, 90], contents=texts)
    run = opened(folder(tmp_path / "in"), folder(tmp_path / "work"))
    rows, first = copies.equal_rows(run, "content", InTurn(), Progress())
    assert rows.tolist() == list(range(40, 200))
    assert first.tolist() == [i % 40 for i in range(40, 200)]


def test_copies__of_bytes(tmp_path: Path) -> None:
    write_shards(folder(tmp_path / "in"), [2], contents=[b"a", b"A", b"", b"a", b"", None])
    run_shards(folder(tmp_path / "in"), folder(tmp_path / "out"), Asked(("copies",)), InTurn(), Progress())
    assert read_tables(folder(tmp_path / "out"), "copies") == {"row_id": ["r3"], "copy_of": ["r0"]}


def test_check_ids__twice_in_two_shards_names_both(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    write_shards(folder(tmp_path / "in"), [2], contents=["a", "b", "c", "d"])
    table = pa.table({"id": ["r9", "r1"], "content": ["c", "d"]})
    pq.write_table(table, tmp_path / "in" / "part-00001.parquet")
    said = r"part-00001\.parquet, row 2, column id: the row id 'r1' is in part-00000\.parquet too, row 2"
    with pytest.raises(InputError, match=said):
        opened(folder(tmp_path / "in"), folder(tmp_path / "work"))
