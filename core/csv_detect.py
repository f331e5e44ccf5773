"""How a delimited text file is written: its encoding, delimiter, line end and header, found by looking."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

import numpy as np

from core.csv_scan import BLOCK, CsvLayout, byte_encoding, pieces, read_bytes, records, unquote
from core.progress import Progress

HEAD = 1 << 20
DELIMITERS = ("\t", ";", "|", ",")
_NAMES = {"id", "label", "labels", "text", "class", "target", "split", "path", "image", "category", "name"}
_COMMENTS = re.compile(rb"(?:#[^\r\n]*(?:\r\n|\n|\r)(?:\r\n|\n|\r)*)+")
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")


def detect(data: np.ndarray, encoding: str, bom: int) -> CsvLayout:
    """The layout of what `read_bytes` returned, judged by its first mebibyte. Deterministic.

    The delimiter is the one under which most records have as many cells as the first. Lines at the beginning
    that start with # are comments, unless one of them has as many cells as the records.
    """
    head = data[:HEAD]
    after = bom + _comments(head[bom:].tobytes())
    if after > bom:
        found = _detect(head, encoding, after)
        widths = _head_counts(head, found)
        lines = head[bom:after].tobytes().splitlines()
        # A line of as many cells as the records is a header that begins with #, or a record.
        cells = {line.count(found.delimiter.encode()) + 1 for line in lines if line}
        if len(widths) and widths[0] > 1 and widths[0] not in cells:
            return found
    return _detect(head, encoding, bom)


def _detect(head: np.ndarray, encoding: str, bom: int) -> CsvLayout:
    best = CsvLayout(encoding=encoding, bom=bom)
    best_share = 0.0
    for delimiter in DELIMITERS:
        layout = CsvLayout(encoding, bom, delimiter)
        counts = _head_counts(head, layout)
        if len(counts) and counts[0] > 1 and (share := float((counts == counts[0]).mean())) > best_share:
            best, best_share = layout, share
    rows = _head_rows(head, best)
    line_end = re.search(rb"\r\n|\n|\r", head.tobytes())
    return CsvLayout(
        encoding,
        bom,
        best.delimiter,
        best.quote,
        line_end.group().decode() if line_end else "\n",
        has_header(rows),
    )


def detect_encoding(path: Path, progress: Progress | None = None) -> tuple[str, int]:
    """(encoding, bytes of BOM in what `read_bytes` returns), judged by every byte of the file.

    Bytes that are not UTF-8 are read as cp1252, or latin-1 where cp1252 does not define them.
    """
    data = read_bytes(path)
    head = data[:4096].tobytes()
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return ("utf-16-le" if head[0] == 0xFF else "utf-16-be"), 3
    zeros = np.frombuffer(head, dtype=np.uint8) == 0
    if len(head) >= 4 and zeros.mean() > 0.3:
        # Western text in UTF-16 without a BOM: every other byte is zero.
        if zeros[1::2].mean() > 0.6 and zeros[::2].mean() < 0.1:
            return "utf-16-le", 0
        if zeros[::2].mean() > 0.6 and zeros[1::2].mean() < 0.1:
            return "utf-16-be", 0
    if _is_utf8(data, progress or Progress()):
        return "utf-8", 3 if head.startswith(b"\xef\xbb\xbf") else 0
    undefined = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
    return ("latin-1" if any(map(undefined.search, pieces(data))) else "cp1252"), 0


def has_header(rows: list[list[str]]) -> bool:
    """Whether the first record names the columns rather than being data.

    It is data if a cell of it is a number like the rest of its column, or comes again below it.
    The numbers 0..C-1 above a table of other numbers are names (of classes), not data.
    """
    if not rows:
        return True
    first, body = rows[0], [r for r in rows[1:] if len(r) == len(rows[0]) and r != rows[0]]
    cells = [c.strip() for c in first]
    if not body:
        return not any(_NUMBER.fullmatch(c) for c in cells)
    names = [c for c in cells if c]
    counted = len(names) > 1 and names == [str(i) for i in range(len(names))]
    if counted and any(b not in names for r in body for b in r if b):
        return True
    for c, cell in enumerate(cells):
        below = [r[c].strip() for r in body]
        if not cell or cell.lower() in _NAMES:
            continue
        if _NUMBER.fullmatch(cell) and sum(bool(_NUMBER.fullmatch(b)) for b in below) > len(below) / 2:
            return False
        if cell in below:
            return False
    return True


def _comments(head: bytes) -> int:
    """How many bytes of lines that start with #, and blank ones among them, the file begins with."""
    found = _COMMENTS.match(head)
    return found.end() if found else 0


def _head_counts(head: np.ndarray, layout: CsvLayout) -> np.ndarray:
    counts = [c for _, _, c, _ in records(head, layout, "", BLOCK, layout.bom, head=True)]
    return np.concatenate(counts) if counts else np.zeros(0, dtype=np.int64)


def _head_rows(head: np.ndarray, layout: CsvLayout, limit: int = 1000) -> list[list[str]]:
    rows: list[list[str]] = []
    encoding = byte_encoding(layout.encoding)
    for starts, stops, counts, _ in records(head, layout, "", BLOCK, layout.bom, head=True):
        cells = zip(starts.tolist(), stops.tolist(), strict=True)
        for count in counts[: limit - len(rows)].tolist():
            spans = [next(cells) for _ in range(count)]
            rows.append([unquote(head[a:b].tobytes()).decode(encoding, "replace") for a, b in spans])
    return rows


def _is_utf8(data: np.ndarray, progress: Progress) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for number, piece in enumerate(pieces(data)):
            progress.report(number * BLOCK / len(data), "Looking at the file")
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
