from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import spool as module
from core.progress import Cancelled, Progress
from core.spool import Spool, spooled


def texts(*values: str) -> pa.Array:
    return pa.array(values, pa.large_string())


def found(folder: Path) -> list[list[str]]:
    return [column.to_pylist() for column in Spool(folder).columns()]


def test_append__one_chunk_a_column_and_the_position(tmp_path: Path) -> None:
    with spooled(tmp_path, "t", Progress()) as spool:
        assert (spool.position, spool.whole, spool.columns()) == (None, False, [])
        spool.append([texts("é", ""), texts("x", "yy")], {"at": 1})
        spool.append([texts(), texts()], {"at": 2})
        spool.append([texts("no", "b", "ü")[1:], texts("no", "z", "")[1:]], {"at": 3})
        spool.keep(whole=True)
    again = Spool(tmp_path / "t")
    assert (again.position, again.whole) == ({"at": 3}, True)
    assert [c.to_pylist() for c in again.columns()] == [["é", "", "b", "ü"], ["x", "yy", "z", ""]]


@pytest.mark.parametrize("before", [[], ["a"]])
def test_append__nothing_counts_of_a_block_that_was_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: list[str]
) -> None:
    """By Ctrl+C or a full disk, when some columns have their part of the block and others have not."""
    bounds, calls = module._bounds, []

    def interrupted(array: pa.Array) -> object:
        calls.append(array)
        if len(calls) == 2 * len(before) + 2:
            raise KeyboardInterrupt
        return bounds(array)

    monkeypatch.setattr(module, "_bounds", interrupted)
    with pytest.raises(KeyboardInterrupt), spooled(tmp_path, "t", Progress()) as spool:
        for number, text in enumerate([*before, "b"]):
            spool.append([texts(text), texts(text * 2)], number)
    with spooled(tmp_path, "t", Progress()) as spool:
        assert spool.position == (0 if before else None)
        spool.append([texts("b"), texts("bb")], 1)
        assert [c.to_pylist() for c in spool.columns()] == [[*before, "b"], [t * 2 for t in [*before, "b"]]]


@pytest.mark.parametrize("damaged", ["", "{", "[]", "null", '{"sizes": 1, "rows": 2}'])
def test_spool__reads_from_the_beginning_where_the_position_is_damaged(tmp_path: Path, damaged: str) -> None:
    with spooled(tmp_path, "t", Progress()) as spool:
        spool.append([texts("a")], 1)
    (tmp_path / "t" / "position.json").write_text(damaged)
    again = Spool(tmp_path / "t")
    assert (again.position, again.whole, again.columns()) == (None, False, [])


@given(st.lists(st.lists(st.text(max_size=20), min_size=1, max_size=4), max_size=5), st.data())
@settings(max_examples=15, deadline=None)
def test_columns__what_was_appended_in_any_blocks(
    tmp_path_factory: pytest.TempPathFactory, blocks: list[list[str]], data: st.DataObject
) -> None:
    """The process may end after any block; what was not kept by then is appended again."""
    folder = tmp_path_factory.mktemp("spool")
    done = 0
    while done < len(blocks):
        spool = Spool(folder)
        done = spool.position or 0
        stop = data.draw(st.integers(done, len(blocks)))
        for number in range(done, stop):
            spool.append([pa.array(blocks[number], pa.large_string())], number + 1)
            if data.draw(st.booleans()):
                spool.keep()
                done = number + 1
        if stop == len(blocks):
            spool.keep(whole=True)
            done = stop
    assert found(folder) == ([[v for b in blocks for v in b]] if blocks else [])


def test_keep__after_so_many_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_EVERY", 10)
    spool = Spool(tmp_path)
    spool.append([texts("12345")], 1)
    assert Spool(tmp_path).position is None
    spool = Spool(tmp_path)
    spool.append([texts("12345678901")], 2)
    assert Spool(tmp_path).position == 2
    assert found(tmp_path) == [["12345678901"]]


def test_spool__lost_bytes_or_another_version_are_read_anew(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([texts("abc")], 1)
    spool.keep(whole=True)
    os.truncate(tmp_path / "0.text", 2)
    again = Spool(tmp_path)
    assert (again.position, again.whole, again.columns()) == (None, False, [])
    again.append([texts("abc")], 1)
    again.keep(whole=True)
    kept = json.loads((tmp_path / "position.json").read_text())
    (tmp_path / "position.json").write_text(json.dumps({**kept, "format": 0}))
    assert Spool(tmp_path).position is None
    (tmp_path / "position.json").write_text("{")
    assert Spool(tmp_path).position is None


def test_spooled__keeps_what_it_has_when_the_work_is_cancelled(tmp_path: Path) -> None:
    with pytest.raises(Cancelled), spooled(tmp_path, "t", Progress()) as spool:
        spool.append([texts("a")], 1)
        raise Cancelled
    assert found(tmp_path / "t") == [["a"]]


def test_spooled__waits_for_another_reader_until_cancelled(tmp_path: Path) -> None:
    said: list[str] = []
    progress = Progress(lambda _, message: said.append(message))
    with spooled(tmp_path, "t", Progress()):
        timer = threading.Timer(0.5, progress.cancel)
        timer.start()
        with pytest.raises(Cancelled), spooled(tmp_path, "t", progress):
            raise AssertionError("two readers at once")
    assert set(said) == {"Somebody else is loading this file"}


APPEND_AND_DIE = """
import os, sys
from pathlib import Path
import pyarrow as pa
from core.progress import Progress
from core.spool import spooled

with spooled(Path(sys.argv[1]), "t", Progress()) as spool:
    spool.append([pa.array(["kept"], pa.large_string())], 1)
    spool.keep()
    spool.append([pa.array(["lost"], pa.large_string())], 2)
    os.kill(os.getpid(), 9)
"""


def test_spooled__goes_on_where_a_killed_process_had_kept(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", APPEND_AND_DIE, str(tmp_path)], timeout=60)
    assert ended.returncode == -9
    with spooled(tmp_path, "t", Progress()) as spool:
        assert spool.position == 1
        spool.append([texts("again")], 2)
    assert found(tmp_path / "t") == [["kept", "again"]]


def test_spooled__few_tables_stay_and_none_that_is_in_use(tmp_path: Path) -> None:
    with spooled(tmp_path, "used", Progress()):
        os.utime(tmp_path / "used", (1, 1))
        for number in range(6):
            with spooled(tmp_path, f"t{number}", Progress()) as spool:
                spool.append([texts("a")], number)
            os.utime(tmp_path / f"t{number}", (number + 2, number + 2))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t3", "t4", "t5", "used"]
