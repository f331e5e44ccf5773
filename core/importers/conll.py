"""CoNLL: a token and its tag a line, a blank line between sentences. One row for each token."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from core.csv_detect import detect_encoding
from core.errors import Problem, refuse
from core.importers._base import ImportFormat
from core.importers._conll import SUFFIXES, check_width, is_conll, read_lines, shape_of
from core.importers._token_rows import TOKENS, token_frame
from core.progress import Progress
from core.source import RawTable, Source, file_sha256


def sniff(path: Path, head: bytes) -> bool:
    return is_conll(path, head)


def read(path: Path, progress: Progress) -> RawTable:
    """The first column is the token, the last one its tag; those between are called "column 2" and so on.

    Comments (# ...) and lines that begin a document (-DOCSTART-) stay in the file and are no rows.
    Layout: encoding, tokens, label_column. Raises InputError for a line with fewer or more columns.
    """
    progress.report(0.0, "Looking at the file")
    encoding, _ = detect_encoding(path, progress.part(0.0, 0.1))
    if encoding.startswith("utf-16"):
        raise refuse("CoNLL in UTF-16", file=path.name, mend="save it as UTF-8")
    with path.open("rb") as handle:
        shape = shape_of(handle)
    if shape is None:
        raise refuse("no line with a token and a tag", file=path.name, expected="two columns or more")
    columns: list[list[str]] = [[] for _ in range(shape.width)]
    lengths = [0]
    notes = done = 0
    size = path.stat().st_size
    with path.open("rb") as handle:
        for line in read_lines(handle, shape):
            done += len(line.raw)
            if line.number % 5_000 == 1:
                progress.report(0.1 + 0.8 * done / size, "Reading tokens")
            if line.cells is None:
                notes += not line.blank
                if line.ends and lengths[-1]:
                    lengths.append(0)
                continue
            check_width(line, shape, path.name, len(columns[0]) + 1)
            for column, (start, stop) in zip(columns, line.cells, strict=True):
                column.append(line.raw[start:stop].decode(encoding))
            lengths[-1] += 1
    if not columns[0]:
        raise refuse("no line with a token", file=path.name, mend="give a file with at least one sentence")
    lengths = lengths if lengths[-1] else lengths[:-1]
    cells = [pd.Series(column, dtype="str") for column in columns]
    between = {f"column {at}": cell for at, cell in enumerate(cells[1:-1], 2)}
    frame = token_frame(columns[0], np.array(lengths, np.int64), cells[-1], between, path.name)
    layout = {"encoding": encoding, "tokens": list(TOKENS), "label_column": "label"}
    source = Source(path, FORMAT.name, file_sha256(path), size, layout)
    return RawTable(frame, source, tuple(_said(path.name, len(lengths), len(frame), notes, encoding)))


FORMAT = ImportFormat("conll", "CoNLL: a token and its tag a line", SUFFIXES, sniff, read)


def _said(file: str, sentences: int, tokens: int, notes: int, encoding: str) -> list[Problem]:
    said = [
        Problem("notice", f"{tokens:,} tokens in {sentences:,} sentences, a row for each token", file=file)
    ]
    if notes:
        found = f"{notes:,} comments and beginnings of documents: kept, not read"
        said.append(Problem("notice", found, file=file))
    if encoding in ("cp1252", "latin-1"):
        found = f"not UTF-8: read as {encoding} (Western European)"
        said.append(Problem("notice", found, file=file, mend="save it as UTF-8 if letters look wrong"))
    return said
