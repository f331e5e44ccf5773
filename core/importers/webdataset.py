"""WebDataset: a tar whose files of one key, side by side, are one sample: a picture and its labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby, islice
from pathlib import Path
from typing import IO, Any

from core.errors import InputError, Problem, refuse
from core.importers._base import ImportFormat
from core.importers._folders import IMAGE_SUFFIXES
from core.importers._records import parse, to_frame
from core.progress import Progress
from core.source import RawTable, Source, file_sha256
from core.unpacking import Entry, check_entries, is_tar, tar_entries, unpack

TEXTS = ("cls", "txt", "json")
"""The files of a sample that can hold its label."""
_LONGEST = 1 << 20
_LOOKED_AT = 40


def sniff(path: Path, head: bytes) -> bool:
    """A tar that begins with samples of a picture and a label."""
    if path.is_dir() or not is_tar(head):
        return False
    try:
        first = list(islice(tar_entries(path), _LOOKED_AT))
    except InputError:
        return False
    return any(_picture(s) and any(ending(e) in TEXTS for e in s) for _, s in samples(first))


def read(path: Path, progress: Progress) -> RawTable:
    """Columns key, path (of the picture in the archive), cls and txt as they are written, without white
    space around them, and the members of json.

    Row i is the i-th sample. Layout: members ({column: [ending, member of its JSON or None]}), nested,
    id_column, and label_column where there are cls files.
    Raises InputError for a text that is too long or no UTF-8, and for JSON that is no object.
    """
    entries = list(tar_entries(path))
    check_entries(entries, path)
    entries = [e for e in entries if not e.hidden]
    members: dict[str, tuple[str, str | None]] = {}
    records, left_out = [], Counter[str]()
    with path.open("rb") as handle:
        for number, (key, sample) in enumerate(samples(entries), 1):
            if number % 1_000 == 1:
                progress.report(sample[0].start / max(1, entries[-1].stop), "Reading samples")
            picture = _picture(sample)
            record: dict[str, Any] = {"key": key, "path": str(picture.path) if picture else None}
            for entry in sample:
                if ending(entry) in TEXTS:
                    text = _text(handle, entry, path.name, number)
                    _put(record, members, ending(entry), text, {"file": path.name, "row": number})
                elif entry is not picture:
                    left_out[ending(entry)] += 1
            records.append(record)
    frame, nested, problems = to_frame(_filled(records, members), path.name)
    layout = {
        "members": {k: list(v) for k, v in members.items()},
        "nested": nested,
        "id_column": "key",
        **_label(members),
    }
    source = Source(path, FORMAT.name, file_sha256(path), path.stat().st_size, layout)
    return RawTable(frame, source, (*problems, *_remarks(left_out, path.name)))


def unpack_pictures(path: Path, folder: Path, progress: Progress) -> RawTable:
    """The table of the archive; its pictures lie below the folder. See core.unpacking.unpack."""
    raw = read(path, progress.part(0.0, 0.3))
    return replace(raw, media_root=unpack(path, folder, progress.part(0.3, 1.0)))


FORMAT = ImportFormat("webdataset", "WebDataset (tar)", (".tar",), sniff, read, unpack_pictures)


def samples(entries: Iterable[Entry]) -> Iterator[tuple[str, list[Entry]]]:
    """(key, files) of each run of files whose path is the same up to the first dot of its last part."""
    for key, sample in groupby(entries, key=lambda e: _split(e)[0]):
        yield key, list(sample)


def ending(entry: Entry) -> str:
    """What follows the key, in lower case: "jpg", "seg.png", "cls"."""
    return _split(entry)[1].lower()


def _text(handle: IO[bytes], entry: Entry, file: str, row: int) -> str:
    if entry.size > _LONGEST:
        found = f"{entry.name!r} is {entry.size:,} bytes long"
        raise refuse(found, file=file, row=row, expected="a label or a short text")
    try:
        handle.seek(entry.offset)
        return handle.read(entry.size).decode("utf-8")
    except UnicodeDecodeError as error:
        mend = "save it as UTF-8"
        raise refuse(f"{entry.name!r} is not UTF-8 text", file=file, row=row, mend=mend) from error


def _split(entry: Entry) -> tuple[str, str]:
    folder, slash, name = str(entry.path).rpartition("/")
    key, _, rest = name.partition(".")
    return folder + slash + key, rest


def _picture(sample: Iterable[Entry]) -> Entry | None:
    """The first picture; one called KEY.jpg comes before one called KEY.mask.png."""
    found = [e for e in sample if e.name.lower().endswith(IMAGE_SUFFIXES)]
    return min(found, key=lambda e: "." in ending(e), default=None)


def _put(
    record: dict[str, Any],
    members: dict[str, tuple[str, str | None]],
    end: str,
    text: str,
    where: dict[str, Any],
) -> None:
    """Add what one text file of a sample says. Raises InputError for JSON that is no object."""
    if end != "json":
        members.setdefault(end, (end, None))
        record[end] = text.strip()
        return
    try:
        value = parse(text)
    except ValueError as error:
        raise refuse(f"the JSON of sample {record['key']!r} is not valid: {error}", **where) from error
    if not isinstance(value, dict):
        found = f"the JSON of sample {record['key']!r} is a {type(value).__name__}"
        raise refuse(found, expected="an object", **where)
    for key, cell in value.items():
        name = f"json.{key}" if key in ("key", "path", *TEXTS) else key
        members.setdefault(name, ("json", key))
        record[name] = cell


def _filled(records: list[dict[str, Any]], members: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Records that all have the same columns in the same order."""
    names = ["key", "path", *members]
    return ({name: record.get(name) for name in names} for record in records)


def _label(members: Iterable[str]) -> dict[str, str]:
    """The column of labels, where there is a file that is made for them."""
    return {"label_column": "cls"} if "cls" in members else {}


def _remarks(left_out: Counter[str], file: str) -> list[Problem]:
    if not left_out:
        return []
    names = ", ".join(f".{end}" for end in sorted(left_out)[:5])
    found = f"files of samples that are neither a label nor the first picture, not shown: {names}"
    return [Problem("notice", found, file=file, count=left_out.total())]
