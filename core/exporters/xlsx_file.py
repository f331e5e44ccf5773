"""Excel workbooks: only the cells that change differ; formats, formulas and other sheets stay byte for byte.

A new label is written into its cell as text, a number or a truth value, in the cell's own style.
"""

from __future__ import annotations

import math
import re
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import numpy as np
import pyarrow as pa

from core.cells import cell_text, is_missing
from core.errors import refuse
from core.exporters._base import ExportFormat
from core.exporters._table import check_count, corrected_blocks, typed, unwritable
from core.progress import Progress
from core.sheets import MOST_COLUMNS, MOST_ROWS, Cell, Row, letters, scan

if TYPE_CHECKING:
    from core.corrections import Corrections

_LONGEST = 32_767
"""Characters in a cell, Excel's limit."""
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_PREFIX = re.compile(rb"<(\w+:)?row")
_NUMBER = re.compile(rb'(<(?:\w+:)?(?:row|c)\b[^>]*?\sr=")([A-Z]*)[0-9]+(?=")')
_SPANS = re.compile(rb'^(<[^>]*?)\sspans="[^"]*"')

Edit = tuple[int, int, bytes]
"""Bytes start to stop (excluded) become these bytes."""


def write(corrections: Corrections, out: Path, progress: Progress) -> int:
    """Write the corrected workbook; a new one of one sheet where the source is none."""
    if corrections.source.format != "xlsx":
        _write_anew(corrections, out, progress)
    elif corrections.untouched:
        shutil.copyfile(corrections.source.path, out)
    else:
        _rewrite(corrections, out, progress)
    return 0


def _rewrite(corrections: Corrections, out: Path, progress: Progress) -> None:
    part, file = corrections.source.layout["part"], corrections.source.path.name
    with zipfile.ZipFile(corrections.source.path) as source, zipfile.ZipFile(out, "w") as made:
        sheet = source.read(part)
        edits = _Edits(corrections, sheet)
        progress.report(0.1, "finding cells")
        found = scan(sheet, edits.take, file)
        check_count(corrections, edits.records)
        if edits.gone:
            _check_droppable(source, part, found.fixed, file)
        for number, info in enumerate(source.infolist()):
            progress.report(0.5 + 0.5 * number / len(source.infolist()), "writing the workbook")
            content = _spliced(sheet, edits.done) if info.filename == part else source.read(info)
            made.writestr(info, content)


class _Edits:
    """The rows of the sheet that change, and their new bytes. Rows below one that is left out move up."""

    def __init__(self, corrections: Corrections, sheet: bytes) -> None:
        self.corrections, self.sheet = corrections, sheet
        self.file = corrections.source.path.name
        layout, dataset = corrections.source.layout, corrections.dataset
        self.first, self.last, self.empty = layout["first"], layout["last"], set(layout["empty"])
        label = dataset.columns.label
        self.label = 0 if label is None else layout["columns"][list(dataset.table.columns).index(label)]
        self.free = layout["width"] + 1
        self.tokens = _values(corrections)
        self.records = self.gone = 0
        self.done: list[Edit] = []
        if layout["width"] + len(corrections.added_names) > MOST_COLUMNS:
            raise refuse("no column is left for what is added", file=self.file)

    def take(self, row: Row) -> None:
        """Work out a row's new bytes."""
        edits: list[Edit] = []
        if row.number == self.first:
            edits = self._appended(row, dict.fromkeys(self.corrections.added_names), names=True)
        elif self.first < row.number <= self.last and row.number not in self.empty:
            position, self.records = self.records, self.records + 1
            if position >= len(self.corrections.dataset):
                return  # told with their number at the end
            if self.corrections.dropped[position]:
                self.gone += 1
                self.done.append((row.start, row.stop, b""))
                return
            edits = self._relabelled(row, position)
            if self.corrections.added_names:
                added = self.corrections.added(np.array([position]))
                edits += self._appended(row, {name: values[0] for name, values in added.items()})
        if not edits and not self.gone:
            return
        moved = [(start - row.start, stop - row.start, new) for start, stop, new in edits]
        new = _spliced(self.sheet[row.start : row.stop], moved)
        if self.corrections.added_names:
            new = _SPANS.sub(rb"\1", new)
        if self.gone:
            number = str(row.number - self.gone).encode()
            new = _NUMBER.sub(lambda match: match[1] + match[2] + number, new)
        self.done.append((row.start, row.stop, new))

    def _relabelled(self, row: Row, position: int) -> list[Edit]:
        if position not in self.tokens:
            return []
        held = next((cell for cell in row.cells if cell.column == self.label), None)
        if held is not None and held.formula:
            raise refuse(
                "the label to change is the result of a formula",
                file=self.file,
                row=row.number,
                column=letters(self.label),
                mend="replace the formulas of that column by their values and load the workbook again",
            )
        new = self._cell(row, self.label, self.tokens[position], held)
        if held is not None:
            return [(held.start, held.stop, new)]
        after = next((cell.start for cell in row.cells if cell.column > self.label), row.end)
        return [(after, after, new)]

    def _appended(self, row: Row, values: dict[str, Any], names: bool = False) -> list[Edit]:
        said = values if not names else {name: name for name in values}
        cells = [self._cell(row, self.free + i, value) for i, value in enumerate(said.values())]
        return [(row.end, row.end, b"".join(cells))] if cells else []

    def _cell(self, row: Row, column: int, value: Any, held: Cell | None = None) -> bytes:
        match = _PREFIX.match(self.sheet, row.start)
        prefix = (match[1] or b"").decode() if match else ""
        return _cell(value, row.number, column, self.file, held.style if held else "", prefix)


def _cell(value: Any, row: int, column: int, file: str, style: str = "", prefix: str = "") -> bytes:
    """A cell's XML. style: its number, "" for none. prefix: of the sheet's tags."""
    head = f'<{prefix}c r="{letters(column)}{row}"' + (f' s="{style}"' if style else "")
    if is_missing(value):
        return f"{head}/>".encode()
    if isinstance(value, bool | np.bool_):
        return f'{head} t="b"><{prefix}v>{int(value)}</{prefix}v></{prefix}c>'.encode()
    if isinstance(value, int | float) and abs(value) != math.inf:
        return f"{head}><{prefix}v>{value!r}</{prefix}v></{prefix}c>".encode()
    text = cell_text(value)
    _check_text(text, file, row, letters(column))
    text = f'<{prefix}is><{prefix}t xml:space="preserve">{escape(text)}</{prefix}t></{prefix}is>'
    return f'{head} t="inlineStr">{text}</{prefix}c>'.encode()


def _values(corrections: Corrections) -> dict[int, Any]:
    """{position: new label} in the type of the label column."""
    tokens = corrections.tokens_in(0, len(corrections.dataset))
    label = corrections.dataset.columns.label
    if label is None or not tokens:
        return {}
    kind = pa.Schema.from_pandas(corrections.dataset.table[[label]], preserve_index=False).field(0).type
    try:
        return dict(zip(tokens, typed(list(tokens.values()), kind).to_pylist(), strict=True))
    except pa.ArrowInvalid as error:
        raise unwritable(kind, error, label) from error


def _check_droppable(source: zipfile.ZipFile, part: str, fixed: set[str], file: str) -> None:
    """Raises InputError where rows cannot move up, since something else names them by their number."""
    book = next((n for n in source.namelist() if n.endswith("xl/workbook.xml")), "")
    if book and re.search(rb"<(\w+:)?definedName\b", source.read(book)):
        fixed = fixed | {"named ranges"}
    sheets = [n for n in source.namelist() if n.startswith("xl/worksheets/") and n != part]
    if any(re.search(rb"<(\w+:)?f\b", source.read(name)) for name in sheets if name.endswith(".xml")):
        fixed = fixed | {"formulas of other sheets"}
    if fixed:
        raise refuse(
            f"rows cannot be left out of a sheet with {', '.join(sorted(fixed))}: they would point to others",
            file=file,
            mend="mark excluded rows instead, or export as CSV",
        )


def _spliced(data: bytes, edits: list[Edit]) -> bytes:
    pieces, copied = [], 0
    for start, stop, new in edits:
        pieces += [data[copied:start], new]
        copied = stop
    return b"".join([*pieces, data[copied:]])


def _check_text(text: str, file: str, row: int, column: str) -> None:
    found = ""
    if len(text) > _LONGEST:
        found = f"{len(text):,} characters in a cell; a workbook holds {_LONGEST:,}"
    elif _NO_XML.search(text):
        found = "a control character, which a workbook cannot hold"
    if found:
        raise refuse(found, file=file, row=row, column=column, mend="export as CSV or Parquet")


def _write_anew(corrections: Corrections, out: Path, progress: Progress) -> None:
    file = corrections.source.path.name
    if corrections.rows_written >= MOST_ROWS:
        found = f"{corrections.rows_written:,} rows"
        raise refuse(found, file=file, expected=f"fewer than {MOST_ROWS:,}", mend="export as CSV or Parquet")
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in _AROUND.items():
            made.writestr(name, content)
        with made.open(_SHEET, "w", force_zip64=True) as sheet:
            sheet.write(f'<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
            number = 0
            for block in corrected_blocks(corrections, progress):
                rows = [tuple(record.values()) for record in block.to_pylist()]
                for row in rows if number else [tuple(block.column_names), *rows]:
                    number += 1
                    cells = (_cell(value, number, at, file) for at, value in enumerate(row, 1))
                    sheet.write(b'<row r="%d">%b</row>' % (number, b"".join(cells)))
            sheet.write(b"</sheetData></worksheet>")


_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_SHEET = "xl/worksheets/sheet1.xml"
_AROUND = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/{_SHEET}" ContentType="{_TYPE}.worksheet+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" '
    f'Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets>'
    '<sheet name="data" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="r2" Type="{_RELATIONS}/styles" Target="styles.xml"/></Relationships>',
    "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><fonts count="1"><font/></fonts><fills count="1"><fill>'
    '<patternFill/></fill></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/>'
    '</cellStyleXfs><cellXfs count="1"><xf xfId="0"/></cellXfs><cellStyles count="1">'
    '<cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>',
}


XLSX = ExportFormat("xlsx", "Excel workbook", ".xlsx", write, frozenset({"xlsx"}))
