"""The lines of a CoNLL file. Shared by its importer, its exporter, and the sniffer of delimited text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from core.errors import refuse
from core.importers._records import BOM, is_json

SUFFIXES = (".conll", ".iob", ".iob2", ".bio")
_DOCUMENT = b"-DOCSTART-"
_TAG = re.compile(rb"O|[BIESLUM][-_]\S+")
_WORDS = re.compile(rb"[^ \t]+")
_MARKUP = re.compile(rb"\s*<(!doctype|html|\?xml)", re.IGNORECASE)
_HEAD = 1 << 16
_MOSTLY = 0.9
"""Share of the last cells that have to be tags, and of the lines that have to have a tab, where a file is one
of them. A slip of the pen is what people come here to find."""

Span = tuple[int, int]


@dataclass(frozen=True)
class Shape:
    """How the lines of a file are to be read. tabs: cells end with a tab, else with white space.

    width: cells a line. tags: the last cells of lines that do not begin with #, where any does.
    """

    tabs: bool
    width: int
    tags: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True)
class Line:
    """number: from 1. start: where `cells` are counted from. cells: spans in `raw`; None: it has no token.

    ends: whether it ends a sentence (a blank line, or one that begins a document). blank: it is blank.
    """

    number: int
    raw: bytes
    cells: list[Span] | None
    ends: bool = False
    blank: bool = False

    def cell(self, at: int) -> bytes:
        start, stop = (self.cells or [])[at]
        return self.raw[start:stop]


def is_conll(path: Path, head: bytes) -> bool:
    """Whether these bytes are CoNLL: the suffix says so and lines have cells, or nearly all last cells are
    tags such as B-PER, and sentences or documents are told apart."""
    if not head or path.is_dir() or b"\0" in head or _MARKUP.match(head) or is_json(path, head):
        return False
    lines = head.removeprefix(BOM).split(b"\n")
    if len(head) >= _HEAD:
        del lines[-1]  # it may go on
    shape = shape_of(lines)
    if shape is None:
        return False
    if path.suffix.lower() in SUFFIXES:
        return True
    tags: list[bytes] = []
    ended = several = False
    for line in read_lines(lines, shape):
        ended |= line.ends and (bool(tags) or not line.blank)
        if line.cells is not None:
            if len(line.cells) != shape.width:
                return False
            several |= ended
            tags.append(line.cell(-1))
    fitting = [tag for tag in tags if _TAG.fullmatch(tag)]
    return several and len(fitting) >= _MOSTLY * len(tags) and any(tag != b"O" for tag in fitting)


def shape_of(lines: Iterable[bytes]) -> Shape | None:
    """The shape of a file; None where its first line with a token has no two cells.

    Cells end with a tab where nearly all lines have one, so that a line without can be named.
    """
    first = b""
    notes = False
    tags = set()
    tokens = tabs = 0
    for raw in lines:
        line = raw.removeprefix(BOM).rstrip(b"\r\n")
        notes |= line.startswith(b"#")
        if line.strip() and not line.startswith((b"#", _DOCUMENT)):
            first = first or line
            tokens += 1
            tabs += b"\t" in line
            tags.add(line.rsplit(maxsplit=1)[-1])
    by_tabs = tokens > 0 and tabs >= _MOSTLY * tokens
    width = len(_cells(first, by_tabs))
    return Shape(by_tabs, width, frozenset(tags if notes else ())) if tokens and width > 1 else None


def read_lines(lines: Iterable[bytes], shape: Shape) -> Iterator[Line]:
    """Each line with its cells. A line that begins with # has a token only where it has as many cells as
    others and a tag at its end: # is a word, too."""
    for number, raw in enumerate(lines, 1):
        at = len(BOM) if number == 1 and raw.startswith(BOM) else 0
        body = raw[at:].rstrip(b"\r\n")
        if not body.strip():
            yield Line(number, raw, None, ends=True, blank=True)
            continue
        cells = _cells(body, shape.tabs)
        if body.startswith(_DOCUMENT):
            yield Line(number, raw, None, ends=True)
        elif body.startswith(b"#") and not _is_token(body, cells, shape):
            yield Line(number, raw, None)
        else:
            yield Line(number, raw, [(start + at, stop + at) for start, stop in cells] if at else cells)


def check_width(line: Line, shape: Shape, file: str, row: int) -> None:
    """Raises InputError unless the line has as many cells as the first one."""
    if line.cells is not None and len(line.cells) != shape.width:
        raise refuse(
            f"line {line.number:,} has {len(line.cells)} columns, the lines before have {shape.width}",
            file=file,
            row=row,
            expected="a token, its tag, and as many columns between them in every line",
            mend="complete the line, or separate all columns by tabs where tokens hold spaces",
        )


def _cells(line: bytes, tabs: bool) -> list[Span]:
    """(start, stop) of each cell. White space around a last cell, its tag, is none of it."""
    if not tabs:
        return [match.span() for match in _WORDS.finditer(line)]
    spans, start = [], 0
    for cell in line.split(b"\t"):
        spans.append((start, start + len(cell)))
        start += len(cell) + 1
    first, stop = spans[-1]
    cell = line[first:stop]
    left = len(cell) - len(cell.lstrip(b" "))
    spans[-1] = (first + left, first + left + len(cell.strip(b" ")))
    return spans


def _is_token(line: bytes, cells: list[Span], shape: Shape) -> bool:
    tag = line[slice(*cells[-1])]
    return len(cells) == shape.width and (tag in shape.tags or _TAG.fullmatch(tag) is not None)
