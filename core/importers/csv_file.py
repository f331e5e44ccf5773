"""CSV, TSV and other delimited text."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from core.csv_detect import detect, detect_encoding
from core.csv_scan import CsvLayout, byte_encoding, read_bytes, scan, unquote
from core.errors import Problem, refuse
from core.importers._base import ImportFormat
from core.importers._records import BOM, TABLES, is_json
from core.progress import Progress
from core.source import RawTable, Source, file_sha256

_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f]")
_MARKUP = re.compile(rb"\s*<(!doctype|html|\?xml)", re.IGNORECASE)


def sniff(path: Path, head: bytes) -> bool:
    """Text that is neither JSON nor markup: few control characters, or UTF-16."""
    text = head.removeprefix(BOM)
    if path.is_dir() or not text.strip() or _MARKUP.match(text) or is_json(path, head):
        return False
    return _is_utf16(head) or len(_CONTROL.findall(text)) <= len(text) * 0.02


def read(path: Path, progress: Progress) -> RawTable:
    """Each cell as it is written, outer quotes removed: "0007" keeps its zeros, a space stays."""
    progress.report(0.0, "Looking at the file")
    encoding, bom = detect_encoding(path)
    data = read_bytes(path, encoding)
    layout = detect(data, encoding, bom)
    parts: list[list[pa.Array]] = []
    names: list[str] | None = None
    for block in scan(data, layout, path.name):
        starts, stops = block.starts, block.stops
        if not parts:
            parts = [[] for _ in range(starts.shape[1])]
            if layout.header:
                heads = zip(starts[:1].T, stops[:1].T, strict=True)
                names = [_values(data, a, b, layout)[0].as_py() for a, b in heads]
                starts, stops = starts[1:], stops[1:]
        for c, column in enumerate(parts):
            column.append(_values(data, starts[:, c], stops[:, c], layout))
        progress.report(0.9 * int(block.stops[-1, -1]) / len(data), "Reading rows")
    if not parts:
        raise refuse("the file is empty", file=path.name, mend="give a table with a header row")
    columns, problems = _column_names(names, len(parts), path.name)
    arrays = [pa.chunked_array(p, pa.large_string()) for p in parts]
    problems += _remarks(path.name, layout, columns, arrays, bool((data == 0).any()))
    frame = pa.table(arrays, names=columns).to_pandas() if columns else pd.DataFrame()
    source = Source(path, FORMAT.name, file_sha256(path), path.stat().st_size, asdict(layout))
    return RawTable(frame, source, tuple(problems))


FORMAT = ImportFormat("csv", "CSV, TSV and other delimited text", TABLES, sniff, read)


def _is_utf16(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    zeros = np.frombuffer(head, dtype=np.uint8) == 0
    odd, even = float(zeros[1::2].mean()) if len(zeros) > 1 else 0.0, float(zeros[::2].mean())
    return max(odd, even) > 0.6 and min(odd, even) < 0.1


def _values(data: np.ndarray, starts: np.ndarray, stops: np.ndarray, layout: CsvLayout) -> pa.Array:
    """(R,) large_string: the values of one column's cells."""
    if len(starts) == 0:
        return pa.array([], pa.large_string())
    quote = ord(layout.quote)
    encoding = byte_encoding(layout.encoding)
    filled = stops > starts
    quoted = filled & (data[np.minimum(starts, len(data) - 1)] == quote)
    whole = quoted & (stops - starts >= 2) & (data[stops - 1] == quote)
    if encoding == "utf-8":
        array = _utf8(data, starts + whole, stops - whole)
    else:
        pairs = zip((starts + whole).tolist(), (stops - whole).tolist(), strict=True)
        array = pa.array([data[a:b].tobytes().decode(encoding) for a, b in pairs], pa.large_string())
    if not quoted.any():
        return array
    inner = pc.match_substring(array, layout.quote).to_numpy(zero_copy_only=False)
    odd = quoted & (inner | ~whole)
    if not odd.any():
        return array
    spans = np.stack([starts[odd], stops[odd]], axis=1)
    mended = _undoubled(data, array.filter(pa.array(odd)), whole[odd], spans, layout)
    return pc.replace_with_mask(array, pa.array(odd), mended)


def _undoubled(
    data: np.ndarray, inner: pa.Array, whole: np.ndarray, spans: np.ndarray, layout: CsvLayout
) -> pa.Array:
    """Cells with quotes in them. Where all are doubled they become single; the few other cells, where
    a quote closes early or not at all, are read one by one."""
    quote = layout.quote
    single = pc.match_substring(pc.replace_substring(inner, quote * 2, ""), quote)
    hard = single.to_numpy(zero_copy_only=False) | ~whole
    mended = pc.replace_substring(inner, quote * 2, quote)
    if not hard.any():
        return mended
    cells = [unquote(data[a:b].tobytes(), quote.encode()) for a, b in spans[hard].tolist()]
    texts = [c.decode(byte_encoding(layout.encoding)) for c in cells]
    return pc.replace_with_mask(mended, pa.array(hard), pa.array(texts, pa.large_string()))


def _utf8(data: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> pa.Array:
    """Slices of valid UTF-8 bytes as strings, without a Python object for each.

    Built as Arrow's string view: a length, then the bytes themselves where they are at most 12,
    else their first 4, the number of the buffer and the offset in it.
    """
    base = int(starts[0])
    piece = np.ascontiguousarray(data[base : int(stops[-1])])
    if len(piece) >= 2**31:
        raise refuse("a record of more than 2 GB", mend="is a quote left open?")
    lengths = (stops - starts).astype(np.int32)
    offsets = (starts - base).astype(np.int32)
    position = np.arange(12, dtype=np.int32)
    inline = np.zeros((len(starts), 12), dtype=np.uint8)
    if len(piece):
        inline = piece[np.minimum(offsets[:, None] + position, len(piece) - 1)]
        inline[position >= lengths[:, None]] = 0
    views = np.empty((len(starts), 4), dtype="<i4")
    views[:, 0] = lengths
    views[:, 1:] = inline.view("<i4")
    far = lengths > 12
    views[far, 2] = 0
    views[far, 3] = offsets[far]
    buffers = [None, pa.py_buffer(views), pa.py_buffer(piece)]
    return pa.Array.from_buffers(pa.string_view(), len(starts), buffers).cast(pa.large_string())


def _column_names(names: list[str] | None, width: int, file: str) -> tuple[list[str], list[Problem]]:
    """Unique names, and what had to be said about them."""
    if names is None:
        said = Problem(
            "notice",
            "no header row: the first line looks like data and is kept as row 1; "
            f"the columns are called column 1 to column {width}",
            file=file,
            row=1,
            mend="add a header row if the first line was meant as one",
        )
        return [f"column {c + 1}" for c in range(width)], [said]
    unique: list[str] = []
    problems = []
    for c, given in enumerate(names):
        name = given or f"column {c + 1}"
        repeat = 2
        while name in unique:
            name, repeat = f"{given} ({repeat})", repeat + 1
        unique.append(name)
        if given and name != given:
            found = f"a second column {given!r} is called {name!r} here"
            problems.append(Problem("notice", found, file=file, column=name))
    return unique, problems


def _remarks(
    file: str, layout: CsvLayout, columns: list[str], arrays: list[pa.ChunkedArray], zeros: bool
) -> list[Problem]:
    """What was inferred about the bytes and is worth a word."""
    said = []
    if layout.encoding in ("cp1252", "latin-1"):
        found = f"not UTF-8: read as {layout.encoding} (Western European)"
        said.append(Problem("notice", found, file=file, mend="save it as UTF-8 if letters look wrong"))
    if layout.delimiter != "," and Path(file).suffix.lower() not in (".tsv", ".tab", ".psv"):
        said.append(Problem("notice", f"cells are separated by {layout.delimiter!r}", file=file))
    for name, array in zip(columns, arrays, strict=True) if zeros else ():
        hit = pc.match_substring(array, "\x00").to_numpy()
        if hit.any():
            first, count = int(hit.argmax()) + 1, int(hit.sum())
            said.append(Problem("notice", "NUL bytes in the text, kept", "", "", file, first, name, count))
    return said
