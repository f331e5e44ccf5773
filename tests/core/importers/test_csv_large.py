"""Reading through the disk gives what reading in memory gives, however often it is stopped."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.importers import csv_file
from core.importers.csv_file import read, read_large
from core.progress import Cancelled, Progress


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_file, "LARGE", 0)
    monkeypatch.setattr(csv_file, "BLOCK", 16)


def as_csv(rows: list[list[str]], quoting: int = csv.QUOTE_MINIMAL) -> bytes:
    out = io.StringIO()
    csv.writer(out, quoting=quoting).writerows([["id", "text, long", "label"], *rows])
    return out.getvalue().encode("utf-8", "surrogatepass")


ROWS = [[str(i), f'text {i}, "quoted"\nén', "cat" if i % 2 else ""] for i in range(40)]


def stopped(path: Path, kept: Path, after: int) -> None:
    """Read until `after` reports were made, then cancel."""
    progress = Progress(lambda *_: None)
    left = iter(range(after))

    def report(*_: object) -> None:
        if next(left, None) is None:
            progress.cancel()

    progress = Progress(report)
    with pytest.raises(Cancelled):
        read_large(path, kept, progress)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_read_large__as_read(tmp_path: Path, encoding: str, quoting: int) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(as_csv(ROWS, quoting).decode().encode(encoding))
    expected = read(path, Progress())
    for _ in range(2):
        found = read_large(path, tmp_path / "kept", Progress())
        pd.testing.assert_frame_equal(found.frame, expected.frame)
        assert (found.source, found.problems) == (expected.source, expected.problems)


CELL = st.text(st.characters(codec="utf-8"), max_size=12)


@given(st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=8))
@settings(max_examples=20, deadline=None)
def test_read_large__as_read_for_any_text(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    folder = tmp_path_factory.mktemp("large")
    (folder / "t.csv").write_bytes(as_csv(rows))
    expected = read(folder / "t.csv", Progress())
    found = read_large(folder / "t.csv", folder / "kept", Progress())
    pd.testing.assert_frame_equal(found.frame, expected.frame)
    assert (found.source, found.problems) == (expected.source, expected.problems)


def test_read_large__goes_on_where_it_was_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(as_csv(ROWS))
    os.utime(path, (1_700_000_000, 1_700_000_000))
    expected = read(path, Progress())
    starts = []
    scan = csv_file.scan

    def noting(data, layout, file, block, start):  # type: ignore[no-untyped-def]
        starts.append(0 if start is None else start.first)
        return scan(data, layout, file, block, start)

    monkeypatch.setattr(csv_file, "scan", noting)
    for after in (8, 12, 4):
        stopped(path, tmp_path / "kept", after)
    found = read_large(path, tmp_path / "kept", Progress())
    assert starts == sorted(starts) and 0 < starts[1] < starts[-1] < len(ROWS)
    pd.testing.assert_frame_equal(found.frame, expected.frame)
    read_large(path, tmp_path / "kept", Progress())
    assert len(starts) == 4


def test_read_large__nothing_of_a_cancelled_one_shows(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(as_csv(ROWS))
    stopped(path, tmp_path / "kept", 10)
    path.write_bytes(as_csv(ROWS[:2]))
    assert read_large(path, tmp_path / "kept", Progress()).frame["id"].tolist() == ["0", "1"]


def test_read_large__refuses_a_file_that_changes_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(as_csv(ROWS))

    def grow(fraction: float, _: str) -> None:
        if fraction > 0.9:
            with path.open("ab") as out:
                out.write(b"1,2,3\r\n")

    with pytest.raises(InputError, match="changed while it was read"):
        read_large(path, tmp_path / "kept", Progress(grow))


@pytest.mark.parametrize("cancelled", [False, True])
def test_read_large__keeps_nothing_of_other_bytes_under_the_first_hash(
    tmp_path: Path, cancelled: bool
) -> None:
    path = tmp_path / "t.csv"
    right = as_csv(ROWS)
    progress = Progress()

    def overwrite(fraction: float, _: str) -> None:
        if fraction > 0.5 and path.read_bytes() == right:
            with path.open("r+b") as out:
                out.write(right.replace(b"text ", b"TEXT "))
        elif fraction > 0.7 and cancelled:
            progress.cancel()

    path.write_bytes(right)
    os.utime(path, (1, 1))
    progress = Progress(overwrite)
    with pytest.raises((InputError, Cancelled)):
        read_large(path, tmp_path / "kept", progress)
    path.write_bytes(right)
    expected = read(path, Progress()).frame
    pd.testing.assert_frame_equal(read_large(path, tmp_path / "kept", Progress()).frame, expected)


def test_read_large__errors_as_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    for data in (
        b"a,b\n1,2\n3\n" + b"4,5\n" * 30,
        b"a,b\n" * 30 + b'1,"2',
        b"a,b\n" * 30 + b'1,"2\n3" 4,5\n',
    ):
        path.write_bytes(data)
        with pytest.raises(InputError) as expected:
            read(path, Progress())
        for _ in range(2):
            with pytest.raises(InputError) as caught:
                read_large(path, tmp_path / "kept", Progress())
            assert caught.value.problems == expected.value.problems


def test_read_large__small_files_are_read_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_file, "LARGE", 1 << 20)
    path = tmp_path / "t.csv"
    path.write_bytes(as_csv(ROWS))
    assert len(read_large(path, tmp_path / "kept", Progress()).frame) == len(ROWS)
    assert not (tmp_path / "kept").exists()
