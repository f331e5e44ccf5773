"""Where the rows and cells of a workbook's sheet lie in its bytes (SpreadsheetML, ECMA-376 part 1, 18.3)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from xml.parsers import expat

from core.errors import refuse

MOST_ROWS, MOST_COLUMNS = 1_048_576, 16_384
"""Excel's own limits."""
_AT_ONCE = 1 << 20
_FIXED = {
    "mergeCell": "merged cells",
    "f": "formulas",
    "tablePart": "tables",
    "hyperlink": "links",
    "conditionalFormatting": "conditional formats",
    "dataValidation": "input rules",
    "drawing": "drawings",
    "legacyDrawing": "comments",
    "autoFilter": "filters",
    "protectedRange": "protected ranges",
    "rowBreaks": "page breaks",
}


@dataclass
class Cell:
    """column: from 1. start, stop: its bytes. style: its number, "" for none."""

    column: int
    start: int
    style: str
    stop: int = 0
    formula: bool = False


@dataclass
class Row:
    """number: from 1. start, stop: its bytes; end: where its end tag begins, start for `<row/>`."""

    number: int
    start: int
    end: int = 0
    stop: int = 0
    cells: list[Cell] = field(default_factory=list)


@dataclass
class Found:
    """prefix: of the sheet's tags, "" or like "x:". fixed: what is in it that row numbers are tied to."""

    prefix: str = ""
    fixed: set[str] = field(default_factory=set)


def scan(data: bytes, on_row: Callable[[Row], None], file: str) -> Found:
    """Go through a sheet's XML and report each row when its end is known.

    Raises InputError for XML that is damaged, declares a document type or is no UTF-8, and for rows or cells
    that are not in ascending order or beyond Excel's limits.
    """
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise refuse("a sheet that is not in UTF-8", file=file, mend="save the workbook again")
    walk = _Walk(on_row, file)
    parser = expat.ParserCreate()
    walk.parser = parser
    parser.StartElementHandler, parser.EndElementHandler = walk.start, walk.end
    parser.DefaultHandlerExpand = parser.CharacterDataHandler = walk.other
    parser.StartDoctypeDeclHandler = walk.doctype
    try:
        for start in range(0, len(data), _AT_ONCE):
            parser.Parse(data[start : start + _AT_ONCE], False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise refuse(f"a damaged sheet: {error}", file=file, mend="save the workbook again") from error
    return walk.found


class _Walk:
    def __init__(self, on_row: Callable[[Row], None], file: str) -> None:
        self.on_row, self.file = on_row, file
        self.found = Found()
        self.parser: expat.XMLParserType
        self.row: Row | None = None
        self.cell: Cell | None = None
        self.ended: Row | Cell | None = None
        """Whose end tag was the last event: the next event says where it stops."""
        self.last = 0

    def other(self, *_: object) -> None:
        self._settle()

    def doctype(self, *_: object) -> None:
        raise refuse("a sheet with a document type", file=self.file, mend="save the workbook again")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._settle()
        prefix, _, tag = name.rpartition(":")
        if tag == "row":
            self.found.prefix = prefix and f"{prefix}:"
            number = self._number(attributes.get("r"), self.last)
            self.row = Row(number, self.parser.CurrentByteIndex)
            self.last = number
        elif tag == "c" and self.row is not None:
            before = self.row.cells[-1].column if self.row.cells else 0
            column = self._column(attributes.get("r"), before)
            self.cell = Cell(column, self.parser.CurrentByteIndex, attributes.get("s", ""))
            self.row.cells.append(self.cell)
        elif tag in _FIXED:
            self.found.fixed.add(_FIXED[tag])
            if tag == "f" and self.cell is not None:
                self.cell.formula = True

    def end(self, name: str) -> None:
        self._settle()
        tag = name.rpartition(":")[2]
        if tag == "c" and self.cell is not None:
            self.ended, self.cell = self.cell, None
        elif tag == "row" and self.row is not None:
            self.row.end = self.parser.CurrentByteIndex
            self.ended, self.row = self.row, None

    def _settle(self) -> None:
        done, self.ended = self.ended, None
        if done is not None:
            done.stop = self.parser.CurrentByteIndex
            if isinstance(done, Row):
                self.on_row(done)

    def _number(self, said: str | None, before: int) -> int:
        number = before + 1 if said is None else int(said) if re.fullmatch("[0-9]{1,7}", said) else 0
        if not before < number <= MOST_ROWS:
            raise refuse(
                f"row {str(said)[:20]} after row {before}",
                file=self.file,
                expected=f"rows in ascending order, at most {MOST_ROWS:,}",
                mend="save the workbook again",
            )
        return number

    def _column(self, said: str | None, before: int) -> int:
        column = before + 1 if said is None else column_of(said)
        if not before < column <= MOST_COLUMNS:
            raise refuse(
                f"cell {str(said)[:20]} is out of order",
                file=self.file,
                row=self.last,
                expected=f"cells in ascending order, at most {MOST_COLUMNS:,} in a row",
                mend="save the workbook again",
            )
        return column


def column_of(reference: str) -> int:
    """The number, from 1, of the column in a reference like "AB12"; 0 where it is none."""
    match = re.fullmatch(r"([A-Z]{1,3})[0-9]{1,7}", reference)
    number = 0
    for letter in match[1] if match else "":
        number = number * 26 + ord(letter) - 64
    return number


def letters(column: int) -> str:
    """The letters of a column, counted from 1: "A", "Z", "AA"."""
    found = ""
    while column:
        column, rest = divmod(column - 1, 26)
        found = chr(65 + rest) + found
    return found
