"""A WebDataset tar rewritten byte for byte; only the files that hold corrected labels differ."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pandas as pd

from core.errors import refuse
from core.exporters._base import ExportFormat
from core.exporters._json import ObjectWriter
from core.exporters._table import check_cell, check_count, mapped, refuse_added
from core.importers.webdataset import ending, samples
from core.progress import Progress
from core.unpacking import Entry, tar_entries

if TYPE_CHECKING:
    from core.corrections import Corrections

_BLOCK = 512
_CHUNK = 4 << 20


def write(corrections: Corrections, out: Path, progress: Progress) -> int:
    """Write the corrected tar. The files of excluded samples are left out.

    Raises InputError where columns are to be added, and for a sample without the file that its label would
    be written to.
    """
    refuse_added(corrections, "a WebDataset")
    with mapped(corrections.source.path) as data, out.open("wb") as handle:
        _Rewrite(corrections, data, handle).run(progress)
    return 0


WEBDATASET = ExportFormat(
    "webdataset", "WebDataset (tar)", ".tar", write, frozenset({"webdataset"}), only_own=True
)


class _Rewrite:
    """One pass over the tar: copies its bytes and splices in what changes."""

    def __init__(self, corrections: Corrections, data: Any, handle: IO[bytes]) -> None:
        self.corrections = corrections
        self.data = data
        self.handle = handle
        self.copied = 0
        label = corrections.dataset.columns.label or ""
        places = corrections.source.layout["members"]
        if corrections.changes and label not in places:
            raise refuse(
                f"the column {label!r} is no text file of the samples, so that no label can be written",
                file=corrections.source.path.name,
                column=label,
                expected="one of " + ", ".join(places),
                mend="load the file again with such a column of labels, or choose another format",
            )
        self.end, self.member = places.get(label, (None, None))
        self.json = None if self.member is None else _Member(corrections, self.member)

    def run(self, progress: Progress) -> None:
        tokens = self.corrections.tokens_in(0, len(self.corrections.dataset))
        touched = {change.position for change in self.corrections.changes}
        position = -1
        for position, sample in enumerate(self._samples()):
            if position % 1_000 == 0:
                progress.report(self.copied / len(self.data), "writing samples")
            if position in touched:
                self._sample(position, sample, tokens.get(position))
            elif self._dropped(position):
                self._drop(sample)
        check_count(self.corrections, position + 1)
        self._copy(len(self.data))

    def _samples(self) -> Iterator[list[Entry]]:
        entries = (e for e in tar_entries(self.corrections.source.path) if not e.hidden)
        return (sample for _, sample in samples(entries))

    def _dropped(self, position: int) -> bool:
        return position < len(self.corrections.dropped) and bool(self.corrections.dropped[position])

    def _sample(self, position: int, sample: list[Entry], token: str | None) -> None:
        entry = next((e for e in sample if ending(e) == self.end), None)
        old = b"" if entry is None else self._content(entry)
        if self.json is None:
            check_cell(self.corrections, position, old.decode().strip() if entry else None)
        elif entry is not None:
            self.json.check(position, old.strip())
        if self._dropped(position):
            self._drop(sample)
        elif token is not None and entry is None:
            found = f"the sample has no file .{self.end} to write the label {token!r} to"
            file = self.corrections.source.path.name
            raise refuse(found, file=file, row=position + 1, mend="add the file, or choose another format")
        elif token is not None and entry is not None:
            self._replace(entry, self._new(position, old, token))

    def _new(self, position: int, old: bytes, token: str) -> bytes:
        """The file with another label, and the white space around it as it was."""
        body = old.strip()
        at = old.index(body) if body else 0
        new = token.encode() if self.json is None else self.json.rewrite(position, body, token, {})
        return old[:at] + new + old[at + len(body) :]

    def _content(self, entry: Entry) -> bytes:
        return self.data[entry.offset : entry.offset + entry.size]

    def _replace(self, entry: Entry, new: bytes) -> None:
        """The same headers, but for size and checksum; then the new bytes, filled up to whole blocks."""
        if b" size=" in self.data[entry.start : entry.offset - _BLOCK]:
            file = self.corrections.source.path.name
            raise refuse(f"{entry.name!r} has its size in an extended header", file=file, mend="pack it anew")
        header = bytearray(self.data[entry.offset - _BLOCK : entry.offset])
        header[124:136] = b"%011o\0" % len(new)
        header[148:156] = b"        "
        header[148:156] = b"%06o\0 " % sum(header)
        self._copy(entry.offset - _BLOCK)
        self.handle.write(header + new + bytes(-len(new) % _BLOCK))
        self.copied = entry.stop

    def _drop(self, sample: list[Entry]) -> None:
        for entry in sample:
            self._copy(self._behind_global_header(entry.start))
            self.copied = entry.stop

    def _behind_global_header(self, start: int) -> int:
        """Where an entry's own headers begin: a global one before them holds for all that follow."""
        while self.data[start + 156 : start + 157] == tarfile.XGLTYPE:
            size = int(self.data[start + 124 : start + 135].strip(b" \0") or b"0", 8)
            start += _BLOCK + size + -size % _BLOCK
        return start

    def _copy(self, stop: int) -> None:
        for start in range(self.copied, stop, _CHUNK):
            self.handle.write(self.data[start : min(start + _CHUNK, stop)])
        self.copied = max(self.copied, stop)


class _Member(ObjectWriter):
    """Rewrites one member of a JSON object, whatever its column is called here."""

    def __init__(self, corrections: Corrections, member: str) -> None:
        column = corrections.dataset.table[corrections.dataset.columns.label]
        super().__init__(corrections, bare=pd.api.types.is_numeric_dtype(column.dtype))
        self.lists = self.label in corrections.source.layout.get("nested", ())
        self.label = member
