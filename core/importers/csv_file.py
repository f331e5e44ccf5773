"""CSV, TSV and other delimited text."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, astuple
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.csv_detect import detect, detect_encoding
from core.csv_scan import BLOCK, Block, CsvLayout, Start, byte_encoding, pieces, read_bytes, scan, unquote
from core.errors import InputError, Problem, refuse
from core.importers._base import ImportFormat
from core.importers._conll import is_conll
from core.importers._records import BOM, TABLES, is_json
from core.known_hashes import HASHES, known_hashes
from core.progress import Progress
from core.source import RawTable, Source, file_sha256
from core.spool import Spool, spooled

LARGE = 64 << 20
"""Bytes of a file that is read through the disk."""
_VERSION = 1
"""Of what is kept of a file; another one is read anew."""
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f]")
_MARKUP = re.compile(rb"\s*<(!doctype|html|\?xml)", re.IGNORECASE)
_BINARY = re.compile(rb"PK\x03\x04|%PDF-|\x89PNG|\xff\xd8\xff|GIF8[79]a|\x1f\x8b")
"""How files begin that are no text, however few control characters follow."""


def sniff(path: Path, head: bytes) -> bool:
    """Text that is neither JSON, markup nor CoNLL: few control characters, or UTF-16."""
    text = head.removeprefix(BOM)
    if path.is_dir() or not text.strip() or _MARKUP.match(text) or _BINARY.match(head) or is_json(path, head):
        return False
    if is_conll(path, head):
        return False
    return _is_utf16(head) or len(_CONTROL.findall(text)) <= len(text) * 0.02


def read(path: Path, progress: Progress) -> RawTable:
    """Each cell as it is written, outer quotes removed: "0007" keeps its zeros, a space stays."""
    progress.report(0.0, "Looking at the file")
    encoding, bom = detect_encoding(path, progress.part(0.0, 0.1))
    data = read_bytes(path, encoding)
    layout = detect(data, encoding, bom)
    names: list[str] | None = None
    blocks = []
    for block, arrays in _blocks(data, layout, path.name, None, progress.part(0.1, 0.9)):
        names = _header(data, block, layout) if block.first == 0 else names
        blocks.append(arrays)
    if not blocks:
        raise _nothing(path)
    columns = [pa.chunked_array(chunks, pa.large_string()) for chunks in zip(*blocks, strict=True)]
    found, problems = _table(path.name, data, layout, names, columns)
    source = Source(path, FORMAT.name, file_sha256(path), path.stat().st_size, asdict(layout))
    return RawTable(found.to_pandas(), source, tuple(problems))


def read_large(path: Path, kept: Path, progress: Progress) -> RawTable:
    """As `read`, through the disk: of a file of 64 MB or more no more than a block is held in memory,
    reading that was stopped goes on, and the same bytes are read once.

    Raises InputError where the file changes while it is read.
    """
    before = path.stat()
    if before.st_size < LARGE:
        return read(path, progress)
    with known_hashes(kept / HASHES) as known:
        sha256 = known.sha256(path.resolve(), progress.part(0.0, 0.1))
    with spooled(kept / "tables", f"{sha256}-{_VERSION}", progress) as spool:
        if not spool.whole:
            _fill(spool, path, before, progress.part(0.1, 1.0))
        layout = CsvLayout(**spool.position["layout"])
        found = pa.table(spool.columns(), spool.position["columns"])
    _check_unchanged(path, before)
    said = tuple(Problem(**problem) for problem in spool.position["problems"])
    source = Source(path, FORMAT.name, sha256, before.st_size, asdict(layout))
    return RawTable(found.to_pandas(split_blocks=True), source, said)


FORMAT = ImportFormat("csv", "CSV, TSV and other delimited text", TABLES, sniff, read, keep=read_large)


def _check_unchanged(path: Path, before: os.stat_result) -> None:
    after = path.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        mend = "load it again when nothing writes to it"
        raise refuse("the file changed while it was read", file=path.name, mend=mend)


def _fill(spool: Spool, path: Path, before: os.stat_result, progress: Progress) -> None:
    """Read what the spool does not have yet. Its position: layout, names in the header, where to go on.

    before: the file as it was hashed; what was read after a change is not kept under that hash.
    """
    at = spool.position
    if at is None:
        encoding, bom = detect_encoding(path, progress.part(0.0, 0.1))
        data = read_bytes(path, encoding)
        layout, names, start = detect(data, encoding, bom), None, None
    else:
        layout, names, start = CsvLayout(**at["layout"]), at["names"], Start(*at["next"])
        data = read_bytes(path, layout.encoding)
    for block, arrays in _blocks(data, layout, path.name, start, progress.part(0.1, 0.9)):
        names = _header(data, block, layout) if block.first == 0 else names
        _check_unchanged(path, before)
        spool.append(arrays, {"layout": asdict(layout), "names": names, "next": astuple(block.next)})
    if spool.position is None:
        raise _nothing(path)
    found, problems = _table(path.name, data, layout, names, spool.columns())
    spool.position |= {"columns": found.column_names, "problems": [asdict(p) for p in problems]}
    _check_unchanged(path, before)
    spool.keep(whole=True)


def _blocks(
    data: np.ndarray, layout: CsvLayout, file: str, start: Start | None, progress: Progress
) -> Iterator[tuple[Block, list[pa.Array]]]:
    """Each block with the values of its columns, the header left out."""
    for block in scan(data, layout, file, BLOCK, start):
        rows = slice(int(layout.header and block.first == 0), None)
        cells = zip(block.starts[rows].T, block.stops[rows].T, strict=True)
        arrays = [_values(data, starts, stops, layout) for starts, stops in cells]
        progress.report(block.after / len(data), "Reading rows")
        yield block, arrays


def _header(data: np.ndarray, block: Block, layout: CsvLayout) -> list[str] | None:
    """The first record's cells where it names the columns, else None."""
    if not layout.header:
        return None
    heads = zip(block.starts[:1].T, block.stops[:1].T, strict=True)
    return [_values(data, starts, stops, layout)[0].as_py() for starts, stops in heads]


def _table(
    file: str, data: np.ndarray, layout: CsvLayout, names: list[str] | None, columns: Sequence[pa.Array]
) -> tuple[pa.Table, list[Problem]]:
    """The columns under unique names, and what was inferred and is worth a word."""
    unique, problems = _column_names(names, len(columns), file)
    zeros = any(b"\0" in piece for piece in pieces(data))
    comments = sum(
        line.startswith(b"#") for line in data[: layout.bom].tobytes().removeprefix(BOM).splitlines()
    )
    if comments:
        found = f"{comments:,} line{'s' if comments > 1 else ''} of comment before the table: kept, not read"
        problems.append(Problem("notice", found, file=file))
    return pa.table(list(columns), names=unique), [*problems, *_remarks(file, layout, unique, columns, zeros)]


def _nothing(path: Path) -> InputError:
    return refuse("the file is empty", file=path.name, mend="give a table with a header row")


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
    file: str, layout: CsvLayout, columns: list[str], arrays: Sequence[pa.Array], zeros: bool
) -> list[Problem]:
    """What was inferred about the bytes and is worth a word."""
    said = []
    if layout.encoding in ("cp1252", "latin-1"):
        found = f"not UTF-8: read as {layout.encoding} (Western European)"
        said.append(Problem("notice", found, file=file, mend="save it as UTF-8 if letters look wrong"))
    if layout.delimiter != "," and Path(file).suffix.lower() not in (".tsv", ".tab", ".psv"):
        said.append(Problem("notice", f"cells are separated by {layout.delimiter!r}", file=file))
    for name, array in zip(columns, arrays, strict=True) if zeros else ():
        hit = np.asarray(pc.match_substring(array, "\x00"))
        if hit.any():
            first, count = int(hit.argmax()) + 1, int(hit.sum())
            said.append(Problem("notice", "NUL bytes in the text, kept", "", "", file, first, name, count))
    return said
