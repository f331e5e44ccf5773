from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.importers.csv_file import read
from core.progress import Cancelled, Progress
from core.source import RawTable


def read_bytes(tmp_path: Path, data: bytes, name: str = "t.csv") -> RawTable:
    path = tmp_path / name
    path.write_bytes(data)
    return read(path, Progress())


def test_read__cells_as_written(tmp_path: Path) -> None:
    data = b'id,text,label\r\n0007, a ,"x, ""y"""\r\n" 8","line 1\nline 2",\r\n'
    raw = read_bytes(tmp_path, data)
    assert raw.frame.to_dict("list") == {
        "id": ["0007", " 8"],
        "text": [" a ", "line 1\nline 2"],
        "label": ['x, "y"', ""],
    }
    assert [str(t) for t in raw.frame.dtypes] == ["str", "str", "str"]
    assert raw.source.layout == {
        "encoding": "utf-8",
        "bom": 0,
        "delimiter": ",",
        "quote": '"',
        "line_end": "\r\n",
        "header": True,
    }
    assert (raw.source.format, raw.source.size, raw.problems) == ("csv", len(data), ())


def test_read__long_short_and_wide_characters(tmp_path: Path) -> None:
    words = ["", "é", "twelve bytes", "thirteen bytes", "😀" * 3, "😀" * 4, "x" * 2_000_000]
    raw = read_bytes(tmp_path, ("text,n\n" + "".join(f"{w},1\n" for w in words)).encode())
    assert raw.frame["text"].tolist() == words


def test_read__encodings_give_the_same_text(tmp_path: Path) -> None:
    text = 'id,text\n1,"Café, €5 ""naïve"""\n2,ß\n'
    for encoding in ("utf-8", "utf-8-sig", "cp1252", "utf-16"):
        raw = read_bytes(tmp_path, text.encode(encoding))
        assert raw.frame["text"].tolist() == ['Café, €5 "naïve"', "ß"], encoding
        assert raw.frame.columns.tolist() == ["id", "text"]


def test_read__cp1252_is_said(tmp_path: Path) -> None:
    (problem,) = read_bytes(tmp_path, "id,text\n1,é\n".encode("cp1252")).problems
    assert (problem.severity, problem.found) == ("notice", "not UTF-8: read as cp1252 (Western European)")


def test_read__nul_bytes_are_kept_and_said(tmp_path: Path) -> None:
    raw = read_bytes(tmp_path, b"id,text\n1,ab\n2,a\x00b\n3,\x00\n")
    assert raw.frame["text"].tolist() == ["ab", "a\x00b", "\x00"]
    (problem,) = raw.problems
    assert (problem.severity, problem.row, problem.column, problem.count) == ("notice", 2, "text", 2)


def test_read__no_header_keeps_the_first_record(tmp_path: Path) -> None:
    raw = read_bytes(tmp_path, b"0,hello you,cat\n1,hello me,dog\n2,hello all,cat\n")
    assert raw.frame.columns.tolist() == ["column 1", "column 2", "column 3"]
    assert raw.frame["column 3"].tolist() == ["cat", "dog", "cat"]
    assert raw.problems[0].severity == "notice" and raw.problems[0].row == 1


def test_read__names_missing_and_repeated(tmp_path: Path) -> None:
    raw = read_bytes(tmp_path, b",text,text\n5,a,b\n")
    assert raw.frame.columns.tolist() == ["column 1", "text", "text (2)"]


def test_read__header_only_gives_no_rows(tmp_path: Path) -> None:
    raw = read_bytes(tmp_path, b"id,label\n")
    assert raw.frame.shape == (0, 2)


def test_read__odd_quoting_as_csv_module(tmp_path: Path) -> None:
    raw = read_bytes(tmp_path, b'id,text\n1,"x" y\n2,5" disk\n3,"a""b"\n4,""""\n5,"x" y"\n')
    assert raw.frame["text"].tolist() == ["x y", '5" disk', 'a"b', '"', 'x y"']


def test_read__only_blank_lines_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"t\.csv: the file is empty"):
        read_bytes(tmp_path, b"\n\n")


def test_read__can_be_cancelled(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"id,label\n1,a\n")
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        read(path, progress)


CELL = st.text(st.sampled_from('ab,;"\n \x00é😀'), max_size=15)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(CELL, CELL), max_size=6), st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
def test_read__agrees_with_csv_module(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], quoting: int
) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=quoting)  # type: ignore[arg-type]
    writer.writerows([("text", "label"), *rows])
    raw = read_bytes(tmp_path_factory.mktemp("csv"), out.getvalue().encode())
    expected = pd.DataFrame(rows, columns=["text", "label"], dtype="str")
    pd.testing.assert_frame_equal(raw.frame, expected)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_read__comments_before_the_table_are_left_out_and_told(tmp_path: Path, encoding: str) -> None:
    text = '# made by "hand, é\n#\n\n# v2, of, 4, parts\nid,text,label\n#1,"#tag",x\n2,b,y\n'
    raw = read_bytes(tmp_path, text.encode(encoding))
    assert raw.frame.to_dict("list") == {"id": ["#1", "2"], "text": ["#tag", "b"], "label": ["x", "y"]}
    found = [p.found for p in raw.problems]
    assert found == ["3 lines of comment before the table: kept, not read"]


@pytest.mark.parametrize(
    ("text", "columns", "rows"),
    [
        ("#id,text\n1,a\n2,b\n", ["#id", "text"], 2),
        ("#happy,pos\n#sad,neg\nplain,neg\n", ["#happy", "pos"], 2),
        ("#title\nsome text\n", ["#title"], 1),
        ("#only\n", ["#only"], 0),
    ],
)
def test_read__records_that_begin_with_a_hash_are_no_comments(
    tmp_path: Path, text: str, columns: list[str], rows: int
) -> None:
    raw = read_bytes(tmp_path, text.encode())
    assert (raw.frame.columns.tolist(), len(raw.frame)) == (columns, rows)
    assert not any("comment" in p.found for p in raw.problems)
