from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.csv_detect import detect, detect_encoding, has_header
from core.csv_scan import CsvLayout, line_of, read_bytes, scan, unquote
from core.errors import InputError


def as_array(data: bytes) -> np.ndarray:
    return np.frombuffer(data, dtype=np.uint8)


def cells(data: bytes, layout: CsvLayout | None = None, block: int = 1 << 20) -> list[list[bytes]]:
    """Raw cells, quotes included, as the scanner finds them."""
    found = []
    for part in scan(as_array(data), layout or CsvLayout(), "t.csv", block):
        assert part.first == len(found)
        for starts, stops in zip(part.starts.tolist(), part.stops.tolist(), strict=True):
            found.append([data[a:b] for a, b in zip(starts, stops, strict=True)])
    return found


def test_scan__plain() -> None:
    assert cells(b"id,label\n1,cat\n2,dog\n") == [[b"id", b"label"], [b"1", b"cat"], [b"2", b"dog"]]


def test_scan__no_final_newline_and_empty_last_cell() -> None:
    assert cells(b"a,b\n1,") == [[b"a", b"b"], [b"1", b""]]
    assert cells(b"a,b\n1,2") == [[b"a", b"b"], [b"1", b"2"]]


def test_scan__line_ends() -> None:
    expected = [[b"a", b"b"], [b"1", b"2"], [b"3", b"4"]]
    for end in (b"\n", b"\r\n", b"\r"):
        data = end.join([b"a,b", b"1,2", b"3,4"])
        assert cells(data) == cells(data + end) == expected


def test_scan__blank_lines_are_no_records() -> None:
    assert cells(b"\na,b\n\n\n1,2\r\n\r\n") == [[b"a", b"b"], [b"1", b"2"]]
    assert cells(b'a\n\n""\n') == [[b"a"], [b'""']]


def test_scan__quoted_newlines_delimiters_quotes() -> None:
    data = b'id,text\r\n1,"a, ""b""\r\n\r\nc"\r\n2,""\r\n3,""""\r\n'
    assert cells(data) == [[b"id", b"text"], [b"1", b'"a, ""b""\r\n\r\nc"'], [b"2", b'""'], [b"3", b'""""']]


def test_scan__quote_amid_text_is_literal() -> None:
    assert cells(b'a,b\n5" disk,6" disk\n') == [[b"a", b"b"], [b'5" disk', b'6" disk']]
    assert cells(b'a,b\n"x" y,z\n') == [[b"a", b"b"], [b'"x" y', b"z"]]


def test_scan__nul_byte_is_text() -> None:
    assert cells(b"a,b\nx\x00y,z\n") == [[b"a", b"b"], [b"x\x00y", b"z"]]


def test_scan__bom_is_skipped() -> None:
    assert cells(b"\xef\xbb\xbfa,b\n1,2\n", CsvLayout(bom=3)) == [[b"a", b"b"], [b"1", b"2"]]


@pytest.mark.parametrize("data", [b"", b"\n", b"\r\n\r\n"])
def test_scan__nothing(data: bytes) -> None:
    assert cells(data) == []


def test_scan__ragged_names_lines_and_count() -> None:
    data = b'a,b\n1,2\n3\n4,5,6\n"7\n8",9,10\n' + b"x\n" * 5
    with pytest.raises(InputError) as caught:
        cells(data)
    (problem,) = caught.value.problems
    assert (problem.row, problem.count) == (2, 8)
    assert "line 3 has 1, line 4 has 3, lines 5 to 6 (a quote left open?) have 3" in problem.found
    assert "and 3 more" in problem.found
    assert problem.expected == "2 cells in every record"


def test_scan__unclosed_quote_names_its_line() -> None:
    for block in (4, 1 << 20):
        with pytest.raises(InputError, match=r"t\.csv: the quote opened in line 3 is never closed"):
            cells(b'a,b\n"1\n",2\n3,"oops\n4,5\n'.replace(b'"1\n"', b"1"), block=block)


def test_scan__runaway_quote_is_not_swallowed() -> None:
    # Read leniently this is three records of two cells, and record 3 is gone without a word.
    data = b'a,b\n1,"left open\n2,x\n3,"quoted"\n'
    for block in (3, 1 << 20):
        with pytest.raises(InputError, match="opened in line 2 is closed amid the text of line 4"):
            cells(data, block=block)


# No \r: csv.writer leaves it unquoted where the line ends with \n, and such a file reads otherwise.
CELL = st.text(st.sampled_from('ab,;"\n \x00é'), max_size=6)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 4).flatmap(lambda w: st.lists(st.lists(CELL, min_size=w, max_size=w), max_size=8)),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.integers(1, 40),
)
def test_scan__agrees_with_csv_module(
    table: list[list[str]], quoting: int, delimiter: str, line_end: str, final: bool, block: int
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=line_end).writerows(table)  # type: ignore[arg-type]
    text = out.getvalue() if final else out.getvalue().removesuffix(line_end)
    data = text.encode()
    layout = CsvLayout(delimiter=delimiter, line_end=line_end)
    raw = cells(data, layout, block)
    expected = [r for r in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if r]
    assert [[unquote(c).decode() for c in record] for record in raw] == expected
    # The spans and what lies between them are the file, byte for byte.
    rebuilt, position = b"", 0
    for part in scan(as_array(data), layout, "", block):
        for start, stop in zip(part.starts.ravel().tolist(), part.stops.ravel().tolist(), strict=True):
            assert set(data[position:start]) <= set(b"\r\n" + delimiter.encode())
            rebuilt += data[position:start] + data[start:stop]
            position = stop
    assert rebuilt + data[position:] == data


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from('a,"\n\r'), max_size=30), st.integers(1, 31))
def test_scan__any_text_equals_csv_module_or_is_refused(text: str, block: int) -> None:
    expected = [r for r in csv.reader(io.StringIO(text, newline="")) if r]
    try:
        found = [[unquote(c).decode() for c in r] for r in cells(text.encode(), block=block)]
    except InputError:
        return
    assert found == expected


def test_unquote__as_csv_module() -> None:
    assert unquote(b'"a ""b"" c"') == b'a "b" c'
    assert unquote(b'""') == b""
    assert unquote(b'5" disk') == b'5" disk'
    assert unquote(b'"x" y"') == b'x y"'


def test_line_of__all_line_ends() -> None:
    data = as_array(b"a\nb\r\nc\rd")
    assert [line_of(data, i) for i in range(8)] == [1, 1, 2, 2, 2, 3, 3, 4]


def layout_of(tmp_path: Path, data: bytes) -> CsvLayout:
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    encoding, bom = detect_encoding(path)
    return detect(read_bytes(path, encoding), encoding, bom)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_detect__delimiter(tmp_path: Path, delimiter: str) -> None:
    rows = ["id{}text{}label", '1{}"a; b, c| d\te"{}cat', "2{}plain text{}dog"]
    data = "\n".join(r.format(delimiter, delimiter) for r in rows).encode()
    assert layout_of(tmp_path, data) == CsvLayout(delimiter=delimiter)


def test_detect__commas_in_semicolon_text(tmp_path: Path) -> None:
    assert layout_of(tmp_path, b"id;text\r\n1;a, b, c\r\n2;d, e, f\r\n") == CsvLayout(
        delimiter=";", line_end="\r\n"
    )


def test_detect__no_header(tmp_path: Path) -> None:
    assert layout_of(tmp_path, b"0,hello,cat\n1,world,dog\n2,again,cat\n").header is False
    assert layout_of(tmp_path, b"hello,cat\nworld,dog\nagain,cat\n").header is False
    assert layout_of(tmp_path, b"0.2,0.8\n0.4,0.6\n").header is False


def test_has_header__class_numbers_over_probabilities() -> None:
    assert has_header([["0", "1"], ["0.2", "0.8"], ["1", "0"]])
    assert has_header([["", "0", "1"], ["0", "0.2", "0.8"]])
    assert not has_header([["0", "1"], ["1", "0"]])


def test_has_header__repeated_header_line_and_known_names() -> None:
    assert has_header([["word", "kind"], ["a", "b"], ["word", "kind"]])
    assert has_header([["text", "label"], ["label", "label"]])


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_read_bytes__utf16_is_lossless(tmp_path: Path, encoding: str) -> None:
    data = "\ufeffid,text\r\n1,Größe 😀\r\n".encode(encoding)
    layout = layout_of(tmp_path, data)
    assert layout == CsvLayout(encoding=encoding, bom=3, line_end="\r\n")
    assert read_bytes(tmp_path / "t.csv", encoding).tobytes().decode().encode(encoding) == data


def test_read_bytes__broken_utf16_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"\xff\xfea\x00b")
    with pytest.raises(InputError, match="not valid utf-16-le"):
        read_bytes(path, "utf-16-le")


def test_detect_encoding__by_every_byte(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n" * 20_000 + "é,1\n".encode("cp1252"))
    assert detect_encoding(path) == ("cp1252", 0)
    path.write_bytes(b"a,\x81\n")
    assert detect_encoding(path) == ("latin-1", 0)
    path.write_bytes("\ufeffa,é\n".encode())
    assert detect_encoding(path) == ("utf-8", 3)


def test_layout__survives_a_dict() -> None:
    from dataclasses import asdict

    layout = replace(CsvLayout(), delimiter="\t", header=False)
    assert CsvLayout(**asdict(layout)) == layout
