"""A folder with a table for each split, such as train.csv and test.csv, as one data set."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

import core.importers
from core.errors import Problem, refuse
from core.importers import mask_folder, yolo
from core.importers._base import ImportFormat
from core.importers._folders import IMAGE_SUFFIXES, METADATA, SPLITS, folders
from core.importers._tools import tool_of
from core.paths import inside
from core.preflight.labels import as_text
from core.progress import Progress
from core.registry import collect
from core.source import RawTable, Source
from core.unpacking import SYSTEM

KINDS = ("arrow", "csv", "json", "jsonl", "parquet", "xlsx")
"""The formats that the files can have; all of a folder have the same."""
MOST_FILES = 1_000
_HEAD = 1 << 16
_NAMES = ("id", "uuid", "guid", "index", "idx", "key")


def sniff(path: Path, head: bytes) -> bool:
    """A folder with two tables of one format or more, that is laid out as no other format: files named as
    splits, or tables and nothing else. Folders named as splits beside them hold the pictures of another."""
    if not path.is_dir() or tool_of(path, head) is not None:
        return False
    if yolo.sniff(path, head) or mask_folder.sniff(path, head):
        return False
    return len(_tables(path)[0]) > 1


def read(path: Path, progress: Progress) -> RawTable:
    """The rows of all files, files by name; a last column says which split a row is of.

    A split is called as the part of the file's name that is such a word, else as the name without its suffix.
    Files must have the same columns, in any order. Layout: format, files [{name, split, rows, layout, ...}],
    split (the added column), nested, header.
    """
    files, kind = _tables(path)
    if not files:
        raise refuse("no tables of one format in this folder", file=path.name, expected="train.csv, test.csv")
    names = [_split_of(file) for file in files]
    if len(set(names)) == 1:
        names = [Path(file).stem for file in files]
    return _read(path, dict(zip(files, names, strict=True)), kind, progress)


FORMAT = ImportFormat("split_files", "Folder with a table for each split", (), sniff, read)


def read_again(source: Source, progress: Progress) -> RawTable:
    """Those files of a source that are in its folder, as an export may leave some out."""
    files = source.layout["files"]
    names = {file["name"]: file["split"] for file in files if inside(source.path, file["name"]) is not None}
    return _read(source.path, names, source.layout["format"], progress)


def _read(path: Path, files: Mapping[str, str], kind: str, progress: Progress) -> RawTable:
    """files: {name: its split}, in the order of the rows."""
    reader = collect(core.importers, ImportFormat)[kind]
    raws = []
    for number, file in enumerate(files):
        stretch = progress.part(number / len(files), (number + 1) / len(files), file)
        raws.append(reader.read(path / file, stretch))
    filled = [raw for raw in raws if len(raw.frame)] or raws[:1]
    _check_columns(filled)
    frame, said = _joined(filled), [p for raw in raws for p in raw.problems]
    split = "split"
    while split in frame:
        split += "_"
    frame[split] = pd.Series(
        [name for name, raw in zip(files.values(), raws, strict=True) for _ in range(len(raw.frame))],
        dtype="str",
    )
    again = _repeated_ids(frame, split)
    layout = {
        "format": kind,
        "files": [_about(raw, name) for raw, name in zip(raws, files.values(), strict=True)],
        "split": split,
        "nested": list(dict.fromkeys(name for raw in raws for name in raw.source.layout.get("nested", ()))),
        "header": all(raw.source.layout.get("header", True) for raw in raws),
        "aside": again,
    }
    digest = hashlib.sha256()
    for file, raw in zip(files, raws, strict=True):
        digest.update(f"{file}\0{raw.source.sha256}\n".encode("utf-8", "surrogatepass"))
    said += [*_left_out(path, list(files)), *_said_of_ids(again, path.name)]
    source = Source(path, FORMAT.name, digest.hexdigest(), len(files), layout)
    return RawTable(frame, source, tuple(said))


def file_source(source: Source, about: dict[str, Any]) -> Source:
    """One file of such a folder as a source of its own. Raises InputError where it is gone."""
    path = inside(source.path, about["name"])
    if path is None:
        raise refuse("no such file in this folder", file=f"{source.path.name}/{about['name']}"[:200])
    return Source(path, source.layout["format"], about["sha256"], about["size"], about["layout"])


def _about(raw: RawTable, split: str) -> dict[str, Any]:
    source = raw.source
    return {
        "name": source.path.name,
        "split": split,
        "rows": len(raw.frame),
        "columns": [str(c) for c in raw.frame.columns],
        "sha256": source.sha256,
        "size": source.size,
        "layout": dict(source.layout),
    }


def _tables(path: Path) -> tuple[list[str], str]:
    """(the names of the files, sorted, their format); ([], "") where there are no two of one format."""
    tops = folders(path)
    names = list(_names(path))
    splits = [name for name in names if _words(name) & SPLITS]
    if len(splits) > 1 and not any(folder.name.lower() in SPLITS for folder in tops):
        kind = _kind(path, splits)
    else:
        splits = names
        alone = not tops and not any(p.name.lower().endswith(IMAGE_SUFFIXES) for p in path.iterdir())
        kind = _kind(path, names) if alone and len(names) > 1 else ""
    return (splits, kind) if kind else ([], "")


def _names(path: Path) -> Iterator[str]:
    """The files at the top of the folder whose suffix is that of a table, sorted by name."""
    readers = collect(core.importers, ImportFormat)
    suffixes = tuple(s for kind in KINDS for s in readers[kind].suffixes if s != ".txt")
    names = (file.name for file in path.iterdir() if file.suffix.lower() in suffixes)
    for name in sorted(names):
        plain = not name.startswith(".") and name.lower() not in (*SYSTEM, *METADATA)
        if plain and inside(path, name) is not None:
            yield name


def _kind(path: Path, names: Sequence[str]) -> str:
    """The format that all files have by their bytes; "" where they differ or it is none of KINDS."""
    readers = collect(core.importers, ImportFormat)
    found = ""
    for name in names[: MOST_FILES + 1]:
        with (path / name).open("rb") as handle:
            head = handle.read(_HEAD)
        fitting = [kind for kind, reader in readers.items() if reader.sniff(path / name, head)]
        suffix = Path(name).suffix.lower()
        kind = next((k for k in fitting if suffix in readers[k].suffixes), fitting[0] if fitting else "")
        if not head.strip():
            kind = next(k for k in KINDS if suffix in readers[k].suffixes)
        if kind not in KINDS or found not in ("", kind):
            return ""
        found = kind
    return found if len(names) <= MOST_FILES else ""


def _words(name: str) -> set[str]:
    return set(re.split(r"[^a-z]+", Path(name).stem.lower()))


def _split_of(name: str) -> str:
    """The one word of a file's name that is a split's, as it is written there; else the name."""
    stem = Path(name).stem
    words = [word for word in re.split(r"[^A-Za-z]+", stem) if word.lower() in SPLITS]
    return words[0] if len(set(words)) == 1 else stem


def _check_columns(raws: Sequence[RawTable]) -> None:
    """Raises InputError naming the columns that a file lacks, or has besides those of the first."""
    first = raws[0]
    known = [str(c) for c in first.frame.columns]
    for raw in raws[1:]:
        columns = [str(c) for c in raw.frame.columns]
        missing = [c for c in known if c not in columns]
        more = [c for c in columns if c not in known]
        if missing or more:
            said = [f"lacks {', '.join(map(repr, missing[:5]))}"] if missing else []
            said += [f"has {', '.join(map(repr, more[:5]))} besides"] if more else []
            raise refuse(
                f"other columns than in {first.source.path.name}: it {' and '.join(said)}",
                file=raw.source.path.name,
                expected="the same columns in every file: " + ", ".join(known[:20]),
                mend="give both files the same columns, or load each on its own",
            )


def _joined(raws: Sequence[RawTable]) -> pd.DataFrame:
    """The rows of all files, columns as in the first. Raises InputError where types do not go together."""
    made = {}
    for name in raws[0].frame.columns:
        parts = [raw.frame[name] for raw in raws]
        kinds = {_kind_of(part): raw.source.path.name for part, raw in zip(parts, raws, strict=True)}
        kinds.pop("nothing", None)
        if len(kinds) > 1:
            found = " and ".join(f"{kind} in {file}" for kind, file in kinds.items())
            mend = "write the column in one way in every file"
            raise refuse(found, file=raws[0].source.path.parent.name, column=str(name), mend=mend)
        if "text" in kinds:
            parts = [as_text(part) for part in parts]
        elif kinds:
            filled = next(part for part in parts if _kind_of(part) != "nothing")
            empty = filled.convert_dtypes().dtype
            parts = [p.astype(empty) if _kind_of(p) == "nothing" else p for p in parts]
        made[name] = pd.concat(parts, ignore_index=True)
    return pd.DataFrame(made)


def _kind_of(column: pd.Series) -> str:
    if column.isna().all():
        return "nothing"
    if isinstance(column.dtype, pd.CategoricalDtype | pd.StringDtype):
        return "text"
    if pd.api.types.is_bool_dtype(column):
        return "truth values"
    if pd.api.types.is_numeric_dtype(column):
        return "numbers"
    return "dates" if pd.api.types.is_datetime64_any_dtype(column) else "other values"


def _repeated_ids(frame: pd.DataFrame, split: str) -> list[str]:
    """Columns of ids that count from the start again in every file, so that they name no row."""
    names = [str(c) for c in frame.columns if str(c).strip().lower() in _NAMES]
    return [
        name
        for name in names
        if not frame[name].is_unique
        and not frame.duplicated([split, name]).any()
        and frame[name].notna().all()
    ]


def _said_of_ids(names: Sequence[str], file: str) -> list[Problem]:
    found = "every file counts its rows anew: the column is no id of a row"
    return [Problem("notice", found, "rows are known by their content", file=file, column=n) for n in names]


def _left_out(path: Path, files: Sequence[str]) -> list[Problem]:
    left = sorted(p.name for p in path.iterdir() if p.name not in files and not p.name.startswith("."))
    left = [name for name in left if name.lower() not in SYSTEM]
    if not left:
        return []
    found = f"not among the tables, left out: {', '.join(repr(n) for n in left[:5])}"
    return [Problem("notice", found, file=path.name, count=len(left))]
