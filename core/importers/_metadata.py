"""The metadata files of a Hugging Face image folder: rows that name a picture in their column file_name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

import pandas as pd

from core.cells import cell_text, is_missing
from core.errors import Problem, refuse
from core.importers import csv_file, json_lines
from core.progress import Progress
from core.source import RawTable

NAME = "file_name"
_LABELS = {
    "label",
    "labels",
    "class",
    "classes",
    "class_name",
    "class_label",
    "category",
    "target",
}


def only_table(
    root: Path, files: Sequence[str], images: Sequence[str], class_folders: bool, progress: Progress
) -> RawTable | None:
    """The table of the one metadata file at the top, where it holds the labels; None otherwise.

    Its rows stay as they are; the images that none of them names are told.
    """
    if len(files) != 1 or "/" in files[0]:
        return None
    raw = _read(root, files[0], progress)
    if class_folders and not any(str(c).strip().lower() in _LABELS for c in raw.frame.columns):
        return None
    named = {_normal("", name) for name in _names(raw)}
    return RawTable(raw.frame, raw.source, (*raw.problems, *_unnamed(root, images, named)))


def join(
    root: Path, frame: pd.DataFrame, files: Sequence[str], progress: Progress
) -> tuple[pd.DataFrame, list[Problem]]:
    """(frame with the columns of every metadata file joined by path, what did not match).

    A column label or split of a metadata file is preferred to what the folders say.
    Raises InputError where a file has no column file_name, or two rows name one image, be it in two files.
    """
    known = set(frame["path"])
    tables: list[pd.DataFrame] = []
    problems: list[Problem] = []
    for file in files:
        raw = _read(root, file, progress)
        prefix = file.rpartition("/")[0]
        paths = pd.Series([_normal(prefix, name) for name in _names(raw)], dtype="str")
        _refuse_repeats(paths, file)
        _refuse_shared(paths, tables, file)
        problems += [*raw.problems, *_without_image(paths, known, file)]
        tables.append(raw.frame.drop(columns=NAME).set_axis(paths, axis=0))
    joined = _with_whole_numbers(pd.concat(tables))
    joined = joined[joined.index != ""].reindex(frame["path"])
    problems += _unnamed(root, frame["path"].tolist(), set(pd.concat(tables).index))
    for name in joined.columns:
        values = joined[name].set_axis(frame.index, axis=0)
        if name in ("label", "split"):
            cells = ["" if is_missing(v) else cell_text(v) for v in values]
            frame[name] = pd.Series(cells, dtype="str")
        else:
            frame[f"{name} (2)" if name in frame else name] = values
    return frame, problems


def _read(root: Path, file: str, progress: Progress) -> RawTable:
    reader = csv_file if file.lower().endswith(".csv") else json_lines
    raw = reader.read(root / file, progress)
    if NAME not in raw.frame:
        columns = ", ".join(str(c) for c in raw.frame.columns[:10])
        expected = f"a column {NAME!r} with paths relative to this file"
        raise refuse(f"the columns {columns}", file=file, expected=expected, mend="name that column so")
    return raw


def _names(raw: RawTable) -> list[str]:
    return ["" if is_missing(v) else cell_text(v) for v in raw.frame[NAME].tolist()]


def _normal(prefix: str, name: str) -> str:
    """The path as the walk writes it, so that "./a.png" and "a.png" are one."""
    return str(PurePosixPath(prefix, name)) if name else ""


def _refuse_repeats(paths: pd.Series, file: str) -> None:
    def found(row: int) -> str:
        first = int((paths == paths[row]).to_numpy().argmax())
        return f"{paths[row]!r} is named again, after row {first + 1:,}"

    _refuse_rows(paths, paths.duplicated(), found, file)


def _refuse_shared(paths: pd.Series, tables: Sequence[pd.DataFrame], file: str) -> None:
    """Raises InputError where another metadata file has a row for the same image."""
    there = {path for table in tables for path in table.index}
    _refuse_rows(
        paths, paths.isin(there), lambda row: f"{paths[row]!r} has a row in another metadata file too", file
    )


def _refuse_rows(paths: pd.Series, wrong: pd.Series, found: Callable[[int], str], file: str) -> None:
    """Raises InputError for the first wrong row that names an image. found: what is wrong with it."""
    wrong = wrong & (paths != "")
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise refuse(
            found(row),
            file=file,
            row=row + 1,
            column=NAME,
            count=int(wrong.sum()),
            mend="give every image one row",
        )


def _without_image(paths: pd.Series, known: set[str], file: str) -> list[Problem]:
    missing = ~paths.isin(list(known))
    if not missing.any():
        return []
    row = int(missing.to_numpy().argmax())
    found = f"row without an image, left out: {paths[row][:80]!r}"
    mend = "give paths relative to this file"
    return [Problem("warning", found, mend, "", file, row + 1, NAME, int(missing.sum()))]


def _unnamed(root: Path, images: Sequence[str], named: set[str]) -> list[Problem]:
    left = [i for i in images if i not in named]
    if not left:
        return []
    found = f"image without a row in the metadata: {', '.join(repr(n[:80]) for n in left[:5])}"
    return [Problem("warning", found, file=root.name, count=len(left))]


def _with_whole_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """Integers that can be missing, so that they do not become 3.0 where an image has no row."""
    whole = [c for c in table.columns if pd.api.types.is_integer_dtype(table[c].dtype)]
    return table.astype(dict.fromkeys(whole, "Int64"))
