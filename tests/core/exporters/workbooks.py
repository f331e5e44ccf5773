"""Workbooks written by hand, as other programs write them."""

from __future__ import annotations

import zipfile
from pathlib import Path

from core.exporters.xlsx_file import _AROUND, _SHEET

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
TEXT = 't="inlineStr"><is><t>'
END = "</t></is></c>"
ROWS = (
    f'<row r="2"><c r="A2" {TEXT}id{END}<c r="B2" {TEXT}text{END}<c r="C2" {TEXT}label{END}</row>'
    f'<row r="3" spans="1:3" ht="15"><c r="A3"><v>1</v></c><c r="B3" {TEXT}x &amp; y{END}'
    f'<c r="C3" s="1" {TEXT}cat{END}</row>'
    f'<row r="5"><c r="A5"><v>2</v></c><c r="B5" {TEXT} z {END}</row>'
    f'<row r="6"><c r="A6"><v>3</v></c><c r="B6"><v>1.5</v></c><c r="C6" {TEXT}dog{END}</row>'
    '<row r="9"><c r="B9" s="1"/></row>'
)
"""Names in row 2; three records in rows 3, 5 and 6, the second without a label; row 9 is empty."""


def workbook(path: Path, rows: str = ROWS, after: str = "", book: str = "", **parts: str) -> Path:
    """A workbook of one sheet. after: XML behind its rows; book: XML behind the list of sheets; parts: more
    files by name, "__" for "/" and "_dot_" for "."."""
    head = f'<worksheet xmlns="{_MAIN}"><dimension ref="A1:A1"/>'
    files = {
        **_AROUND,
        "xl/workbook.xml": _AROUND["xl/workbook.xml"].replace("</workbook>", f"{book}</workbook>"),
        _SHEET: f"{head}<sheetData>{rows}</sheetData>{after}</worksheet>",
        **{name.replace("__", "/").replace("_dot_", "."): content for name, content in parts.items()},
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def parts(path: Path) -> dict[str, bytes]:
    """Every file of a workbook."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
