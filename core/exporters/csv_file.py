"""Delimited text. A delimited source is rewritten byte for byte; only the cells that change are touched."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from core.cells import cell_text
from core.csv_scan import CR, LF, Block, CsvLayout, byte_encoding, read_bytes, scan, unquote
from core.errors import refuse
from core.exporters._base import ExportFormat
from core.exporters._table import check_cell, check_count, corrected_blocks
from core.progress import Progress
from core.spreadsheet import escape, is_formula

if TYPE_CHECKING:
    from core.corrections import Corrections

Edit = tuple[int, int, bytes]
"""Bytes start to stop (excluded) of the source become these bytes."""

_STARTS = np.frombuffer(b"=+-@\t\r'", dtype=np.uint8)


def write(corrections: Corrections, out: Path, progress: Progress) -> int:
    """Write the corrected source as delimited text. Returns how many cells were made spreadsheet safe."""
    if corrections.source.format != "csv":
        return write_table(corrections, out, progress)
    with out.open("wb") as handle:
        return _Rewrite(corrections, handle).run(progress)


class _Rewrite:
    """One pass over the source: copies its bytes, block by block, and splices in what changes.

    A dropped record goes with its line end; where the last record goes, the line end before it stays.
    """

    def __init__(self, corrections: Corrections, handle: IO[bytes]) -> None:
        self.corrections = corrections
        self.handle = handle
        self.layout = CsvLayout(**corrections.source.layout)
        self.file = corrections.source.path.name
        self.encoding = byte_encoding(self.layout.encoding)
        self.data = read_bytes(corrections.source.path, self.layout.encoding)
        self.quote = self.layout.quote.encode()
        self.needs_quotes = re.compile("[" + re.escape(self.layout.delimiter + self.layout.quote) + "\r\n]")
        self.copied = 0
        self.escaped = 0

    def run(self, progress: Progress) -> int:
        if self.corrections.added_names and not self.layout.header:
            raise refuse(
                "the file has no header row, so that added columns could not be named",
                file=self.file,
                mend="export without added columns and leave excluded rows out, or choose another format",
            )
        records = 0
        for block in scan(self.data, self.layout, self.file):
            progress.report(self.copied / len(self.data), "writing rows")
            edits = sorted(self._edits(block), key=lambda edit: edit[0])
            self._splice(edits, int(block.stops[-1, -1]))
            records = block.first + len(block.starts)
        check_count(self.corrections, records - self.layout.header)
        self._splice([], len(self.data))
        return self.escaped

    def _splice(self, edits: list[Edit], stop: int) -> None:
        for begin, end, new in edits:
            self._put(self.data[self.copied : begin])
            self._put(np.frombuffer(new, dtype=np.uint8))
            self.copied = end
        if stop > self.copied:
            self._put(self.data[self.copied : stop])
            self.copied = stop

    def _put(self, piece: np.ndarray) -> None:
        if self.encoding == self.layout.encoding:
            self.handle.write(piece.data)
        else:
            self.handle.write(piece.tobytes().decode(self.encoding).encode(self.layout.encoding))

    def _edits(self, block: Block) -> list[Edit]:
        """Every edit of a block. Of two at one place, the one that comes first here is written first."""
        start = block.first - self.layout.header
        stop = start + len(block.starts)
        edits = self._label_edits(block, start, stop)
        dropped = self.corrections.dropped[max(start, 0) : stop]
        if start < 0:
            dropped = np.append([False], dropped)
        if self.corrections.options.spreadsheet_safe:
            edits += self._safe_edits(block, start, dropped)
        if self.corrections.added_names:
            edits += self._added_edits(block, start, dropped)
        if dropped.any():
            edits += self._drop_edits(block, dropped)
        return edits

    def _label_edits(self, block: Block, start: int, stop: int) -> list[Edit]:
        """New labels. The label of every row with a change, excluded ones too, must be the one expected."""
        edits: list[Edit] = []
        if self.corrections.dataset.columns.label is None:
            return edits
        for change in self.corrections.changes_in(start, stop):
            begin, end = self._label_span(block, change.position - start)
            check_cell(self.corrections, change.position, self._text(begin, end))
            if change.writes_label:
                quoted = end > begin and self.data[begin] == self.quote[0]
                edits.append((begin, end, self._cell(change.after, quoted)))
        return edits

    def _drop_edits(self, block: Block, dropped: np.ndarray) -> list[Edit]:
        edits = []
        for row in np.flatnonzero(dropped).tolist():
            end = int(block.stops[row, -1])
            following = self.data[end : end + 2].tolist()
            width = 2 if following == [CR, LF] else 1 if following[:1] in ([CR], [LF]) else 0
            edits.append((int(block.starts[row, 0]), end + width, b""))
        return edits

    def _added_edits(self, block: Block, start: int, dropped: np.ndarray) -> list[Edit]:
        delimiter = self.layout.delimiter.encode()
        kept = np.flatnonzero(~dropped)
        edits = []
        if start < 0:
            names = b"".join(delimiter + self._cell(name, False) for name in self.corrections.added_names)
            edits.append((int(block.stops[0, -1]),) * 2 + (names,))
            kept = kept[1:]
        columns = [
            [delimiter + self._cell(cell_text(value), False) for value in values]
            for values in self.corrections.added(kept + start).values()
        ]
        ends = block.stops[kept, -1].tolist()
        rows = (b"".join(cells) for cells in zip(*columns, strict=True))
        return edits + [(end, end, row) for end, row in zip(ends, rows, strict=True)]

    def _safe_edits(self, block: Block, start: int, dropped: np.ndarray) -> list[Edit]:
        """A ' before each formula-like cell that stays as it is; new labels are escaped as they are made."""
        first = np.take(self.data, block.starts, mode="clip")
        quoted = (first == self.quote[0]) & (block.stops > block.starts)
        first = np.where(quoted, np.take(self.data, block.starts + 1, mode="clip"), first)
        maybe = np.isin(first, _STARTS) & (block.stops > block.starts) & ~dropped[:, None]
        relabelled = self.corrections.tokens_in(start, start + len(block.starts))
        label = self._label_index
        edits = []
        for row, column in np.argwhere(maybe).tolist():
            begin, end = int(block.starts[row, column]), int(block.stops[row, column])
            replaced = column == label and start + row in relabelled
            if not replaced and is_formula(self._text(begin, end)):
                at = begin + int(quoted[row, column])
                edits.append((at, at, b"'"))
        self.escaped += len(edits)
        return edits

    @property
    def _label_index(self) -> int:
        label = self.corrections.dataset.columns.label
        return -1 if label is None else int(self.corrections.dataset.table.columns.get_loc(label))  # type: ignore[arg-type]

    def _label_span(self, block: Block, row: int) -> tuple[int, int]:
        return int(block.starts[row, self._label_index]), int(block.stops[row, self._label_index])

    def _text(self, begin: int, end: int) -> str:
        return unquote(self.data[begin:end].tobytes(), self.quote).decode(self.encoding)

    def _cell(self, text: str, quoted: bool) -> bytes:
        """The bytes of a new cell: quoted where it must be, or where the cell it replaces was."""
        if self.corrections.options.spreadsheet_safe and is_formula(text):
            text = escape(text)
            self.escaped += 1
        if quoted or self.needs_quotes.search(text):
            mark = self.layout.quote
            text = mark + text.replace(mark, mark * 2) + mark
        try:
            text.encode(self.layout.encoding)
            return text.encode(self.encoding)
        except UnicodeEncodeError as error:
            raise refuse(
                f"{text!r} cannot be written in the file's encoding {self.layout.encoding}",
                file=self.file,
                mend="save the source as UTF-8 and load it again, or export in another format",
            ) from error


def write_table(corrections: Corrections, out: Path, progress: Progress) -> int:
    """Write the data set's table as CSV in UTF-8 with CRLF line ends, from whatever source it came."""
    escaped = 0
    safe = corrections.options.spreadsheet_safe
    with out.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)  # CRLF: with LF alone, csv would leave a lone CR unquoted
        for number, block in enumerate(corrected_blocks(corrections, progress)):
            rows = [[cell_text(cell) for cell in row.values()] for row in block.to_pylist()]
            if number == 0:
                rows.insert(0, list(block.column_names))
            if safe:
                escaped += sum(is_formula(cell) for row in rows for cell in row)
                rows = [[escape(cell) for cell in row] for row in rows]
            writer.writerows(rows)
    return escaped


CSV = ExportFormat("csv", "CSV and other delimited text", ".csv", write, frozenset({"csv"}))
