"""CoNLL rewritten byte for byte; only the tags of corrected tokens differ."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from core.errors import refuse
from core.exporters._base import ExportFormat
from core.exporters._table import check_cell, check_count, refuse_added
from core.exporters._tokens import check_whole, renumbered
from core.importers import conll
from core.importers._conll import Line, read_lines, shape_of
from core.progress import Progress

if TYPE_CHECKING:
    from core.corrections import Corrections


def write(corrections: Corrections, out: Path, progress: Progress) -> int:
    """Write the corrected file. A sentence with an excluded token is left out, with the comments before it
    and the blank line behind it.

    Raises InputError where columns are to be added, and for a tag that cannot stand in its place.
    """
    refuse_added(corrections, "CoNLL")
    check_whole(corrections, corrections.dataset.table["sentence"].to_numpy())
    size = max(corrections.source.size, 1)
    done = 0
    with out.open("wb") as handle:
        for number, (piece, read) in enumerate(_pieces(corrections)):
            done += read
            if number % 5_000 == 0:
                progress.report(done / size, "writing tokens")
            handle.write(piece)
    return 0


def read_back(corrections: Corrections, path: Path, progress: Progress) -> pd.DataFrame:
    """The table of a written file, its sentences numbered as in the source."""
    frame = conll.read(path, progress).frame if path.stat().st_size else corrections.dataset.table.iloc[:0]
    return renumbered(corrections, frame, int(corrections.dataset.table["sentence"].max()))


CONLL = ExportFormat(
    "conll", "CoNLL: a token and its tag a line", ".conll", write, frozenset({"conll"}), True, read_back
)


def _pieces(corrections: Corrections) -> Iterator[tuple[bytes, int]]:
    """(bytes to write, bytes read for them), line by line."""
    path = corrections.source.path
    with path.open("rb") as handle:
        shape = shape_of(handle)
    if shape is None:
        raise refuse("no line with a token and a tag", file=path.name, mend="load the file again")
    tokens = corrections.tokens_in(0, len(corrections.dataset))
    touched = {change.position for change in corrections.changes}
    forbidden = re.compile(r"[\t\r\n]" if shape.tabs else r"[ \t\r\n]")
    dropped = corrections.dropped
    position = 0
    waiting: list[bytes] = []  # comments, which go with the sentence behind them
    leaving = False
    with path.open("rb") as handle:
        for line in read_lines(handle, shape):
            if line.cells is None and not line.ends:
                waiting.append(line.raw)
                continue
            if line.cells is not None:
                if position in touched:
                    check_cell(corrections, position, _text(line, corrections))
                leaving = position < len(dropped) and bool(dropped[position])
                new = (
                    _with_tag(line, tokens[position], corrections, position, forbidden)
                    if (position in tokens)
                    else line.raw
                )
                position += 1
            else:
                new = line.raw
            read = len(line.raw) + sum(map(len, waiting))
            gone = leaving and (line.cells is not None or line.blank)
            yield (b"" if gone else b"".join([*waiting, new])), read
            waiting = []
            leaving = leaving and line.cells is not None
    check_count(corrections, position)
    yield b"".join(waiting), 0


def _text(line: Line, corrections: Corrections) -> str:
    return line.cell(-1).decode(corrections.source.layout["encoding"])


def _with_tag(
    line: Line, tag: str, corrections: Corrections, position: int, forbidden: re.Pattern[str]
) -> bytes:
    start, stop = (line.cells or [])[-1]
    encoding, file = corrections.source.layout["encoding"], corrections.source.path.name
    if not tag or forbidden.search(tag):
        found = f"the tag {tag!r} holds white space, which ends a column here, or nothing"
        raise refuse(found, file=file, row=position + 1, mend="give the class a name without it")
    try:
        return line.raw[:start] + tag.encode(encoding) + line.raw[stop:]
    except UnicodeEncodeError as error:
        found = f"{tag!r} cannot be written in the file's encoding {encoding}"
        mend = "save the source as UTF-8 and load it again, or export in another format"
        raise refuse(found, file=file, row=position + 1, mend=mend) from error
