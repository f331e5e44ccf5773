"""Excel workbooks (.xlsx): the first sheet that holds a table; its first row with a value has the names."""

from __future__ import annotations

import datetime
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from core.errors import InputError, Problem, refuse
from core.importers._base import ImportFormat
from core.importers._columns import UNFOLDED, check_names, to_frame
from core.progress import Progress
from core.sheets import MOST_ROWS, letters, scan
from core.source import RawTable, Source, file_sha256
from core.unpacking import check_zip, zip_names

_MOST_CELLS = 20_000_000
_AT_ONCE = 2_000
_DAMAGED = (
    zipfile.BadZipFile, zlib.error, struct.error, SyntaxError, LookupError, ValueError, ArithmeticError,
    OSError, EOFError, TypeError, AttributeError, NotImplementedError, RuntimeError,
)  # fmt: skip
"""What the library lets through of a damaged part; SyntaxError is that of its XML."""

_Row = tuple[Any, ...]


def sniff(path: Path, head: bytes) -> bool:
    return head.startswith(b"PK\x03\x04") and "xl/workbook.xml" in zip_names(path)


def read(path: Path, progress: Progress) -> RawTable:
    """The rows below the names, empty ones passed over. A formula gives the value that was last computed.

    A column of numbers, of truth values or of text keeps that type; dates and mixtures become text.
    Layout: sheet, part (its file in the archive), first and last (numbers of the row of names and of the
    last record, from 1), empty (numbers of the rows passed over between them), columns (the number of each
    column, from 1), width (of the widest row).
    """
    progress.report(0.0, "Reading the workbook")
    check_zip(path)
    try:
        with path.open("rb") as handle:  # the library refuses a path by its suffix
            found, others = _table(handle, path, progress)
    except InputError:
        raise  # told already, and a ValueError besides
    except _DAMAGED as error:
        raise refuse(f"not readable as a workbook: {error}", file=path.name, mend="save it again") from error
    problems = [Problem("notice", f"other sheets are not read: {others}", file=path.name)] if others else []
    size = path.stat().st_size
    table = pa.table({name: found.column(at) for name, at in found.names.items()})
    frame, _, said = to_frame(table, size, path.name)
    layout = {
        "sheet": found.title,
        "part": found.part,
        "first": found.first,
        "last": found.last,
        "empty": found.empty,
        "columns": [at + 1 for at in found.names.values()],
        "width": found.width,
    }
    return RawTable(frame, Source(path, FORMAT.name, file_sha256(path), size, layout), (*problems, *said))


class _Sheet:
    """The cells of a sheet that holds a table, by column."""

    def __init__(self, title: str, part: str, file: str) -> None:
        self.title, self.part, self.file = title, part, file
        self.first = self.last = 0
        self.names: dict[str, int] = {}
        self.empty: list[int] = []
        self.width = 0
        self._columns: list[list[Any]] = []
        self._blank: list[int] = []

    def add(self, number: int, row: _Row) -> None:
        """Take in the row of that number, counted from 1."""
        filled = [at for at, value in enumerate(row) if value is not None and value != ""]
        self.width = max(self.width, filled[-1] + 1 if filled else 0)
        if not filled:
            self._blank += [number] if self.first else []
            return
        if not self.first:
            self._name(number, row, filled)
            return
        if nameless := [at for at in filled if at >= len(self._columns) or at not in self._named]:
            raise refuse(
                "a cell in a column without a name",
                file=self.file,
                row=number,
                column=letters(nameless[0] + 1),
                mend=f"name the column in row {self.first}, or empty it",
            )
        self.empty, self._blank, self.last = self.empty + self._blank, [], number
        for at in self._named:
            self._columns[at].append(row[at] if at < len(row) else None)

    def _name(self, number: int, row: _Row, filled: list[int]) -> None:
        check_names([str(row[at]) for at in filled], self.file)
        self.first, self.names = number, {str(row[at]): at for at in filled}
        self._named = frozenset(filled)
        self._columns = [[] for _ in range(filled[-1] + 1)]

    @property
    def cells(self) -> int:
        return len(self.names) * (len(self._columns[-1]) if self._columns else 0)

    def column(self, at: int) -> pa.Array:
        """A column in the type of all its values, as text where they have none in common."""
        values = self._columns[at]
        kinds = {type(value) for value in values if value is not None}
        if kinds == {bool}:
            return pa.array(values, pa.bool_())
        if kinds == {int} and all(value is None or abs(value) < 2**63 for value in values):
            return pa.array(values, pa.int64())
        if kinds and kinds <= {int, float}:
            return pa.array([None if value is None else float(value) for value in values], pa.float64())
        return pa.array([None if value is None else _text(value) for value in values], pa.large_string())


def _table(handle: IO[bytes], path: Path, progress: Progress) -> tuple[_Sheet, str]:
    """(the first sheet that holds rows below names, the titles of the others)."""
    import openpyxl  # a third of a second, for those who load a workbook

    book = openpyxl.load_workbook(handle, read_only=True, data_only=True, keep_links=False)
    try:
        titles = [sheet.title for sheet in book.worksheets]
        for sheet in book.worksheets:
            found = _Sheet(sheet.title, sheet._worksheet_path, path.name)
            # The library passes over rows that are out of order.
            scan(book._archive.read(found.part), lambda row: None, path.name)
            limit = max(_MOST_CELLS, UNFOLDED * path.stat().st_size)
            for number, row in enumerate(_rows(sheet), 1):
                if number % _AT_ONCE == 0:
                    progress.report(0.5, f"{sheet.title}: row {number:,}")
                    if found.cells > limit:
                        raise refuse(f"more than {limit:,} cells", file=path.name, mend="save it as CSV")
                found.add(number, row)
            if found.cells:
                return found, ", ".join(title for title in titles if title != sheet.title)
    finally:
        book.close()
    raise refuse("no sheet holds names and a row below them", file=path.name, mend="give it at least one row")


def _rows(sheet: Any) -> Iterator[_Row]:
    sheet.reset_dimensions()  # the file's own word on how large the sheet is may be wrong
    return sheet.iter_rows(max_row=MOST_ROWS, values_only=True)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, datetime.date | datetime.time) else str(value)


FORMAT = ImportFormat("xlsx", "Excel workbook", (".xlsx", ".xlsm"), sniff, read)
