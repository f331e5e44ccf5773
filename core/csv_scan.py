"""Where every record and every cell of a delimited text file lies, byte for byte.

This is the one place that says what record i and cell (i, c) are; the importer reads through it and
the exporter rewrites through it, so that both mean the same cell. The grammar is that of Python's
csv module (and RFC 4180): a cell is quoted only if the quote is its first byte, "" inside it is one
quote, and \\n, \\r\\n and \\r end a record outside quotes. Blank lines are no records.
"""

from __future__ import annotations

import codecs
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import InputError, Problem, refuse

BLOCK = 16 << 20
LF, CR = 10, 13
_WIDE = ("utf-16-le", "utf-16-be")


@dataclass(frozen=True)
class CsvLayout:
    """How a delimited file is written; `dataclasses.asdict` of it is Source.layout.

    encoding: Python's name of it. bom: bytes to skip at the start of what `read_bytes` returns: its BOM, and
    lines of comment that go before the first record.
    line_end: the first one seen. header: whether the first record names the columns.
    """

    encoding: str = "utf-8"
    bom: int = 0
    delimiter: str = ","
    quote: str = '"'
    line_end: str = "\n"
    header: bool = True


@dataclass(frozen=True, eq=False)
class Block:
    """Consecutive records of a file, R of them with C cells each.

    first: the index of the first of them; records count from 0 and include the header.
    starts, stops: (R, C) int64 byte offsets of the cells, quotes included, separators not.
    A record is data[starts[i, 0]:stops[i, -1]]; line ends and blank lines lie between records.
    after: where what follows them begins.
    """

    first: int
    starts: np.ndarray
    stops: np.ndarray
    after: int = 0

    @property
    def next(self) -> Start:
        """Where a scan of the rest starts."""
        return Start(self.after, self.first + len(self.starts), self.starts.shape[1])


@dataclass(frozen=True)
class Start:
    """Where a scan starts within a file: at the first byte of record `first`; width: cells in each record,
    0 where the first one is to tell."""

    at: int
    first: int = 0
    width: int = 0


def read_bytes(path: Path, encoding: str = "utf-8") -> np.ndarray:
    """(size,) uint8 to scan, memory-mapped: the file itself, or UTF-16 turned into UTF-8.

    A UTF-16 file keeps its BOM as a UTF-8 one, so that `.decode("utf-8").encode(encoding)` of all
    bytes is the file again. Raises InputError where the file is not valid in that encoding.
    """
    if path.stat().st_size == 0:
        return np.zeros(0, dtype=np.uint8)
    if encoding not in _WIDE:
        return np.memmap(path, dtype=np.uint8, mode="r")
    decoder = codecs.getincrementaldecoder(encoding)()
    with tempfile.TemporaryFile() as out:
        try:
            for piece in pieces(np.memmap(path, dtype=np.uint8, mode="r")):
                out.write(decoder.decode(piece).encode("utf-8"))
            out.write(decoder.decode(b"", final=True).encode("utf-8"))
        except UnicodeError as error:
            raise refuse(f"not valid {encoding}: {error}", file=path.name, mend="save it as UTF-8") from error
        out.flush()
        return np.memmap(out, dtype=np.uint8, mode="r") if out.tell() else np.zeros(0, dtype=np.uint8)


def pieces(data: np.ndarray) -> Iterator[bytes]:
    """The bytes, BLOCK of them at a time."""
    return (data[start : start + BLOCK].tobytes() for start in range(0, len(data), BLOCK))


def byte_encoding(encoding: str) -> str:
    """The encoding of the bytes that `read_bytes` returns for a file in `encoding`."""
    return "utf-8" if encoding in _WIDE else encoding


def unquote(cell: bytes, quote: bytes = b'"') -> bytes:
    """The value of a cell as the csv module reads it: outer quotes gone, doubled quotes single."""
    if not cell.startswith(quote):
        return cell
    mark = re.escape(quote)
    body = re.compile(b"(?:[^" + mark + b"]+|" + mark + mark + b")*").match(cell, 1)
    stop = body.end() if body else 1
    return cell[1:stop].replace(quote * 2, quote) + cell[stop + 1 :]


def scan(
    data: np.ndarray, layout: CsvLayout, file: str = "", block: int = BLOCK, start: Start | None = None
) -> Iterator[Block]:
    """Every record of `data` (what `read_bytes` returned), in order, in blocks of bounded memory.

    start: leave out what is before it, as `Block.next` of an earlier scan.

    Raises InputError for a quote that is left open (naming its line) and, at the end, for records
    whose number of cells differs from the first one's (naming their lines).
    """
    start = start or Start(layout.bom)
    width, first = start.width, start.first
    ragged: list[_Ragged] = []
    n_ragged = 0
    for starts, stops, counts, after in records(data, layout, file, block, start.at):
        width = width or int(counts[0])
        good = counts == width
        if not good.all():
            tail = np.cumsum(counts)
            for i in np.flatnonzero(~good)[: max(0, 5 - len(ragged))].tolist():
                cells = slice(int(tail[i] - counts[i]), int(tail[i]))
                ragged.append(_Ragged(first + i, starts[cells], stops[cells]))
            n_ragged += int((~good).sum())
            keep = np.repeat(good, counts)
            starts, stops = starts[keep], stops[keep]
        if n_ragged == 0:
            yield Block(first, starts.reshape(-1, width), stops.reshape(-1, width), after)
        first += len(counts)
    if ragged:
        raise _ragged(data, layout, file, width, ragged, n_ragged)


def line_of(data: np.ndarray, offset: int) -> int:
    """The number of the text line (from 1) in which a byte lies."""
    newlines = 0
    for start in range(0, offset, BLOCK):
        piece = data[start : min(start + BLOCK, offset)]
        returns = np.flatnonzero(piece == CR) + start + 1
        lone = data[returns[returns < len(data)]] != LF
        newlines += int((piece == LF).sum()) + int(lone.sum())
    return newlines + 1


def records(
    data: np.ndarray, layout: CsvLayout, file: str, block: int, start: int, head: bool = False
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, int]]:
    """(cell starts, cell stops, cells in each record, start of the next record) of each block's whole
    records, flat.

    start: where a record begins. head: the data may stop in the middle of a record; raise nothing.
    """
    delimiter, quote = ord(layout.delimiter), ord(layout.quote)
    # A block must not end with a quote or \r: what they mean hangs on the byte after them.
    unbroken = re.compile(b"[" + re.escape(layout.quote.encode()) + b"\r\n]*")
    size = len(data)
    position = record = start
    open_at = -1
    pending = np.zeros(0, dtype=np.int64)
    while position < size:
        stop = min(position + block, size)
        if stop < size:
            stop = min(unbroken.match(data, stop - 1).end() + 1, size)  # type: ignore[call-overload]
        starts_cell = position == start or int(data[position - 1]) in (delimiter, LF, CR)
        found = _separators(np.asarray(data[position:stop]), delimiter, quote, starts_cell, open_at >= 0)
        opened = np.concatenate([[open_at], found.opened + position])
        open_at = int(opened[-1]) if found.inside else -1
        if len(found.odd_ends) and not head:
            _refuse_runaway(data, opened[found.odd_ends[:, 0]], found.odd_ends[:, 1] + position, file)
        ends = np.concatenate([pending, found.separators + position])
        if stop == size and open_at >= 0 and not head:
            raise _unclosed(data, open_at, file)
        if stop == size and open_at < 0 and (len(ends) == 0 or ends[-1] != size - 1 or data[-1] == delimiter):
            ends = np.append(ends, size)
        starts, stops, counts, record, pending = _split(data, ends, delimiter, record)
        if len(counts):
            yield starts, stops, counts, record
        position = stop


@dataclass(frozen=True, eq=False)
class _Found:
    """What one stretch of bytes holds, as offsets into it.

    separators: delimiters and line ends outside quotes. opened: quotes that open a cell.
    odd_ends: (n, 2) quotes that close a cell amid text, each with how many were opened before it.
    inside: whether the stretch ends inside quotes.
    """

    separators: np.ndarray
    opened: np.ndarray
    odd_ends: np.ndarray
    inside: bool


def _separators(chunk: np.ndarray, delimiter: int, quote: int, starts_cell: bool, inside: bool) -> _Found:
    """starts_cell, inside: whether the first byte begins a cell, or lies inside quotes.

    Only runs of an odd number of quotes matter. One at the start of a cell turns "outside" into
    "inside" and back; any other one ends a quoted cell or, outside, is a literal. So the state after
    a run is the parity of the runs at cell starts since the last other run.
    """
    is_separator = (chunk == delimiter) | (chunk == LF) | (chunk == CR)
    separators = np.flatnonzero(is_separator)
    quotes = np.flatnonzero(chunk == quote)
    begins = np.flatnonzero(np.diff(quotes, prepend=-2) != 1)
    lengths = np.diff(begins, append=len(quotes))
    odd = lengths % 2 == 1
    runs, lengths = quotes[begins[odd]], lengths[odd]
    none = np.zeros(0, dtype=np.int64)
    if len(runs) == 0:
        return _Found(none if inside else separators, none, none.reshape(0, 2), inside)
    at_start = np.where(runs > 0, is_separator[runs - 1], starts_cell)
    toggles = np.cumsum(at_start)
    last_other = np.maximum.accumulate(np.where(at_start, -1, np.arange(len(runs))))
    after = (toggles - np.where(last_other >= 0, toggles[last_other], -int(inside))) % 2 == 1
    before = np.concatenate([[inside], after[:-1]])
    opens = after & ~before
    ends_amid_text = before & ~after & ~np.append(is_separator, True)[runs + lengths]
    odd_ends = np.stack([np.cumsum(opens)[ends_amid_text], runs[ends_amid_text]], axis=1)
    state = np.concatenate([[inside], after])[np.searchsorted(runs, separators)]
    return _Found(separators[~state], runs[opens], odd_ends, bool(after[-1]))


def _split(
    data: np.ndarray, ends: np.ndarray, delimiter: int, record: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int, np.ndarray]:
    """Separators -> (cell starts, cell stops, cells a record, start of the next record, its delimiters)."""
    kinds = np.full(len(ends), LF, dtype=np.uint8)
    within = ends < len(data)
    kinds[within] = data[ends[within]]
    paired = np.zeros(len(ends), dtype=bool)
    paired[1:] = (kinds[1:] == LF) & (kinds[:-1] == CR) & (np.diff(ends) == 1) & within[1:]
    following = ends + 1
    following[:-1] += paired[1:]
    ends, following, kinds = ends[~paired], following[~paired], kinds[~paired]
    last = np.flatnonzero(kinds != delimiter)
    whole = int(last[-1]) + 1 if len(last) else 0
    pending = ends[whole:]
    stops = ends[:whole]
    starts = np.concatenate([[record], following[: max(whole - 1, 0)]])[:whole]
    record = int(following[whole - 1]) if whole else record
    counts = np.diff(last, prepend=-1)
    blank = (counts == 1) & (starts[last] == stops[last])
    if blank.any():
        keep = np.repeat(~blank, counts)
        starts, stops, counts = starts[keep], stops[keep], counts[~blank]
    return starts, stops, counts, record, pending


def _unclosed(data: np.ndarray, offset: int, file: str) -> InputError:
    return refuse(
        f"the quote opened in line {line_of(data, offset):,} is never closed",
        file=file,
        mend="close it, or double it where it is part of the text",
    )


def _refuse_runaway(data: np.ndarray, opened: np.ndarray, closed: np.ndarray, file: str) -> None:
    """A quoted cell that runs over lines and then ends amid text is a quote left open: it would
    swallow the records in between. Raises InputError for the first such cell."""
    for start, stop in zip(opened.tolist(), closed.tolist(), strict=True):
        between = data[start:stop]
        if ((between == LF) | (between == CR)).any():
            raise refuse(
                f"the quote opened in line {line_of(data, start):,} is closed amid the text of line "
                f"{line_of(data, stop):,}",
                file=file,
                expected="a separator or a line end after a closing quote",
                mend="close it where its cell ends, or double it where it is part of the text",
            )


@dataclass(frozen=True, eq=False)
class _Ragged:
    """A record with another number of cells than the first one."""

    record: int
    starts: np.ndarray
    stops: np.ndarray

    def describe(self, data: np.ndarray) -> str:
        first, last = line_of(data, int(self.starts[0])), line_of(data, int(self.stops[-1]))
        if first == last:
            return f"line {first:,} has {len(self.starts)}"
        return f"lines {first:,} to {last:,} (a quote left open?) have {len(self.starts)}"


def _ragged(
    data: np.ndarray, layout: CsvLayout, file: str, width: int, some: list[_Ragged], total: int
) -> InputError:
    more = f" and {total - len(some):,} more" if total > len(some) else ""
    return InputError(
        Problem(
            "error",
            f"records of another width than the first: {', '.join(r.describe(data) for r in some)}{more}",
            file=file,
            row=some[0].record + (0 if layout.header else 1),
            count=total,
            expected=f"{width} cells in every record",
            mend=f"add or remove separators ({layout.delimiter!r}) there, or quote the cells that hold one",
        )
    )
