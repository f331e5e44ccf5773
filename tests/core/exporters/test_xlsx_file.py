"""Workbooks: read, and written with only the decided cells changed."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.exporters.xlsx_file import XLSX
from core.importers.xlsx_file import FORMAT
from core.progress import Progress
from core.review.decisions import Action
from core.sheets import Row, column_of, letters, scan

from .conftest import load, plan
from .workbooks import ROWS, parts, workbook

SHEET = "xl/worksheets/sheet1.xml"


def export(path: Path, choices: dict[int, str | Action] | None = None, **options: object) -> Path:
    out = path.parent / "out.xlsx"
    XLSX.write(plan(load(path, "xlsx"), choices, **options), out, Progress())
    return out


def read(path: Path) -> list[list[object]]:
    frame = FORMAT.read(path, Progress()).frame
    return [list(frame.columns), *frame.astype(object).where(frame.notna(), None).values.tolist()]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return workbook(tmp_path / "t.xlsx")


def test_read__names_types_and_empty_rows(source: Path) -> None:
    raw = FORMAT.read(source, Progress())
    assert read(source) == [
        ["id", "text", "label"],
        [1, "x & y", "cat"],
        [2, " z ", None],
        [3, "1.5", "dog"],
    ]
    assert raw.source.layout == {
        "sheet": "data",
        "part": SHEET,
        "first": 2,
        "last": 6,
        "empty": [4],
        "columns": [1, 2, 3],
        "width": 3,
    }


def test_read__what_excel_users_have(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "Notes"
    sheet = book.create_sheet("Rows")
    sheet.append(["day", "n", "share", "ok", "mixed"])
    sheet.append([datetime.date(2026, 1, 2), 1, 0.5, True, "a"])
    sheet.append([datetime.datetime(2026, 1, 2, 3, 4), 2, 1, False, 7])
    sheet.append([None, None, None, None, None])
    sheet.append(["=A2", None, None, None, True])
    book.create_sheet("Legend").append(["only names"])
    book.save(tmp_path / "t.xlsx")
    raw = FORMAT.read(tmp_path / "t.xlsx", Progress())
    assert read(tmp_path / "t.xlsx") == [
        ["day", "n", "share", "ok", "mixed"],
        ["2026-01-02", 1, 0.5, True, "a"],
        ["2026-01-02T03:04:00", 2, 1.0, False, "7"],
        [None, None, None, None, "TRUE"],
    ]
    assert [str(p) for p in raw.problems] == ["t.xlsx: other sheets are not read: Notes, Legend."]


def test_write__no_decision_is_the_same_bytes(source: Path) -> None:
    assert export(source).read_bytes() == source.read_bytes()


def test_write__only_the_decided_cells_differ(source: Path) -> None:
    out = export(source, {0: "dog", 1: "cat"})
    was, now = parts(source), parts(out)
    assert {name for name in was if was[name] != now[name]} == {SHEET} and was.keys() == now.keys()
    new = '<is><t xml:space="preserve">'
    expected = ROWS.replace(
        '<c r="C3" s="1" t="inlineStr"><is><t>cat', f'<c r="C3" s="1" t="inlineStr">{new}dog'
    ).replace(" z </t></is></c>", f' z </t></is></c><c r="C5" t="inlineStr">{new}cat</t></is></c>')
    assert now[SHEET].decode() == was[SHEET].decode().replace(ROWS, expected)
    assert [row[2] for row in read(out)] == ["label", "dog", "cat", "dog"]


def test_write__rows_left_out_move_the_others_up(source: Path) -> None:
    out = export(source, {0: Action.EXCLUDE, 2: "cat"})
    assert read(out) == [["id", "text", "label"], [2, " z ", None], [3, "1.5", "cat"]]
    assert b'<row r="4"><c r="A4"><v>2</v>' in parts(out)[SHEET]
    assert b'<row r="8"><c r="B8" s="1"/></row>' in parts(out)[SHEET]


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"after": '<mergeCells count="1"><mergeCell ref="A3:A4"/></mergeCells>'}, "merged cells"),
        ({"rows": ROWS.replace("<v>1.5</v>", "<f>A6/2</f><v>1.5</v>")}, "formulas"),
        (
            {"book": '<definedNames><definedName name="x">Data!$A$3</definedName></definedNames>'},
            "named ranges",
        ),
        (
            {"xl__worksheets__sheet2_dot_xml": "<worksheet><f>Data!A3</f></worksheet>"},
            "formulas of other sheets",
        ),
    ],
)
def test_write__rows_that_others_point_to_are_not_left_out(
    tmp_path: Path, more: dict[str, str], what: str
) -> None:
    path = workbook(tmp_path / "t.xlsx", **more)
    with pytest.raises(InputError, match=f"a sheet with {what}: they would point"):
        export(path, {0: Action.EXCLUDE})
    assert [row[2] for row in read(export(path, {0: "dog"}))] == ["label", "dog", None, "dog"]


def test_write__added_columns(source: Path) -> None:
    out = source.parent / "out.xlsx"
    names = ("given_label", "label_quality", "decision")
    quality = np.array([0.25, 1, np.nan], dtype=np.float32)
    choices = {0: "dog", 2: Action.EXCLUDE}
    XLSX.write(plan(load(source, "xlsx"), choices, quality, add=names, excluded="mark"), out, Progress())
    assert read(out) == [
        ["id", "text", "label", *names, "excluded"],
        [1, "x & y", "dog", "cat", 0.25, "relabel", False],
        [2, " z ", None, None, 1.0, None, False],
        [3, "1.5", "dog", "dog", None, "exclude", True],
    ]


def test_write__numbers_and_truth_values_stay_such(tmp_path: Path) -> None:
    cells = '<row><c><v>{}</v></c><c t="b"><v>{}</v></c></row>'
    names = '<row><c t="inlineStr"><is><t>n</t></is></c><c t="inlineStr"><is><t>ok</t></is></c></row>'
    path = workbook(tmp_path / "t.xlsx", names + cells.format(3, 1) + cells.format(4, 0))
    for label, choice, expected in (("n", "4", [4, 4]), ("ok", "False", [False, False])):
        out = tmp_path / "out.xlsx"
        XLSX.write(plan(load(path, "xlsx", label), {0: choice}), out, Progress())
        frame = FORMAT.read(out, Progress()).frame
        assert frame[label].tolist() == expected and frame.dtypes.tolist() == ["int64", "bool"]


def test_write__a_prefix_of_another_program_is_kept(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx")
    main = b'"http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    sheet = (
        parts(path)[SHEET]
        .replace(b"<", b"<x:")
        .replace(b"<x:/", b"</x:")
        .replace(b"xmlns=" + main, b"xmlns:x=" + main)
    )
    workbook(path, **{SHEET.replace("/", "__").replace(".", "_dot_"): sheet.decode()})
    out = export(path, {0: "dog", 1: "cat"})
    assert [row[2] for row in read(out)] == ["label", "dog", "cat", "dog"]
    assert b"<c" not in parts(out)[SHEET]


def test_write__a_label_that_a_formula_makes_is_refused(tmp_path: Path) -> None:
    rows = ROWS.replace(
        '<c r="C6" t="inlineStr"><is><t>dog</t></is></c>', '<c r="C6" t="str"><f>B6</f><v>dog</v></c>'
    )
    with pytest.raises(InputError, match="row 6, column C: the label to change is the result of a formula"):
        export(workbook(tmp_path / "t.xlsx", rows), {2: "cat"})


def test_write__from_another_source(tmp_path: Path) -> None:
    source = tmp_path / "t.csv"
    source.write_text('id,text,label\n1,"=1+1",cat\n2,,dog\n', encoding="utf-8")
    out = tmp_path / "out.xlsx"
    XLSX.write(plan(load(source), {1: "cat"}), out, Progress())
    assert read(out) == [["id", "text", "label"], ["1", "=1+1", "cat"], ["2", "", "cat"]]
    assert openpyxl.load_workbook(out)["data"]["B2"].data_type == "s"


def test_write__what_a_workbook_cannot_hold(tmp_path: Path) -> None:
    source = tmp_path / "t.csv"
    for text, found in (("x" * 32_768, "32,768 characters in a cell"), ("a\x01b", "a control character")):
        source.write_text(f"text,label\n{text},cat\n", encoding="utf-8")
        with pytest.raises(InputError, match=found):
            XLSX.write(plan(load(source), {}), tmp_path / "out.xlsx", Progress())


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ('<row r="3"/><row r="2"/>', "row 2 after row 3"),
        ('<row r="1048577"/>', "row 1048577 after row 0"),
        (f'<row r="{"9" * 5000}"/>', "row 99999999999999999999 after row 0"),
        ('<row r="1"><c r="B1"/><c r="A1"/></row>', "cell A1 is out of order"),
        ('<row r="1"><c r="XFE1"/></row>', "cell XFE1 is out of order"),
        ("<row", "a damaged sheet"),
        ("", r"^t\.xlsx: no sheet holds names and a row below them\. Mend: give it at least one row\.$"),
        ('<row><c t="inlineStr"><is><t>a</t></is></c></row>', "no sheet holds names"),
        ("<row><c><v>a</v></c></row><row><c><v>1</v></c></row>", "not readable as a workbook"),
        (ROWS.replace('<c r="C6"', '<c r="D6"'), "a cell in a column without a name"),
        (ROWS.replace("<t>text</t>", "<t>id</t>"), "two columns of one name"),
        ('<row><c t="s"><v>7</v></c></row><row><c><v>1</v></c></row>', "not readable as a workbook"),
    ],
)
def test_read__damaged_or_unusual_sheets(tmp_path: Path, rows: str, found: str) -> None:
    with pytest.raises(InputError, match=found):
        FORMAT.read(workbook(tmp_path / "t.xlsx", rows), Progress())


def test_read__entities_and_bombs_are_refused(tmp_path: Path) -> None:
    kinds = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><worksheet>&b;</worksheet>'
    for part in ("xl__worksheets__sheet1_dot_xml", "xl__workbook_dot_xml", "xl__styles_dot_xml"):
        with pytest.raises(InputError):
            FORMAT.read(workbook(tmp_path / "t.xlsx", **{part: kinds}), Progress())
    with pytest.raises(InputError, match="would unpack"):
        FORMAT.read(workbook(tmp_path / "t.xlsx", after=" " * 50_000_000), Progress())


def test_read__a_last_row_far_below_takes_no_time_or_room(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", ROWS + '<row r="1048576"><c r="XFD1048576" s="1"/></row>')
    assert len(FORMAT.read(path, Progress()).frame) == 3


CELLS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"),
    max_size=6,
)


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.tuples(CELLS, st.sampled_from(["cat", "dog", "=cow", "<&>"])), min_size=1, max_size=6),
    st.data(),
)
def test_write__property_only_decided_cells_differ(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("w") / "t.xlsx"
    book = openpyxl.Workbook()
    book.active.append(["text", "label"])
    for number, row in enumerate(rows, 2):
        for column, text in enumerate(row, 1):
            cell = book.active.cell(number, column)
            cell.value, cell.data_type = text, "s"
    book.save(path)
    labels = sorted({label for _, label in rows})
    chosen = data.draw(st.dictionaries(st.integers(0, len(rows) - 1), st.sampled_from(labels)))
    before = read(path)
    expected = [[text, chosen.get(at, label)] for at, (text, label) in enumerate(before[1:])]
    assert read(export(path, dict(chosen)))[1:] == expected


@pytest.mark.parametrize(("name", "number"), [("A", 1), ("Z", 26), ("AA", 27), ("XFD", 16_384)])
def test_letters__and_back(name: str, number: int) -> None:
    assert letters(number) == name and column_of(f"{name}7") == number


def test_scan__bytes_of_rows_and_cells() -> None:
    sheet = b'<s><row r="2" a=">"><c r="B2" b=">"/> <c r="D2"><f>1</f></c></row>\n<row/></s>'
    found: list[tuple[int, bytes, list[tuple[bytes, bool]]]] = []

    def take(row: Row) -> None:
        cells = [(sheet[c.start : c.stop], c.formula) for c in row.cells]
        found.append((row.number, sheet[row.start : row.stop], cells))

    assert scan(sheet, take, "f").fixed == {"formulas"}
    first = b'<row r="2" a=">"><c r="B2" b=">"/> <c r="D2"><f>1</f></c></row>'
    cells = [(b'<c r="B2" b=">"/>', False), (b'<c r="D2"><f>1</f></c>', True)]
    assert found == [(2, first, cells), (3, b"<row/>", [])]
