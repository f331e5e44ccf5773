"""The masks beside a column of pictures: whether they are there and fit, and which classes they have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from core.decoding import MediaError, indices, shown_size
from core.errors import Problem, refuse
from core.known_hashes import KnownHashes
from core.mask_files import open_probs
from core.masks import PATHS, VOID, Masks
from core.media import MAX_PIXELS
from core.paths import Within, inside
from core.preflight.labels import as_text, integer, read_class_list
from core.progress import Progress
from core.source import RawTable, file_sha256

PREDICTED = ("predicted_mask", "pred_mask", "mask_predicted", "mask_pred", "prediction_mask")
CONFIDENCE = ("mask_confidence", "confidence_mask", "predicted_mask_confidence", "pred_mask_confidence")
CLASSES = ("classes.txt", "classes.json", "class_names.txt", "class_names.json")
_NO_NUMBER = -1


@dataclass
class _Found:
    """What was found row by row. classes: (N,) the values that occur, as text. seen: (256,) in any row."""

    hashes: dict[str, np.ndarray]
    classes: np.ndarray
    failed: dict[tuple[str, str, str], list[int]] = field(default_factory=dict)
    seen: np.ndarray = field(default_factory=lambda: np.zeros(256, bool))

    def fail(self, column: str, why: str, mend: str, row: int) -> None:
        self.failed.setdefault((column, why, mend), []).append(row)


def is_for_masks(path: Path) -> bool:
    """Whether a file or folder of predictions is one of masks: a folder, or an array of four dimensions."""
    if path.is_dir():
        return True
    if path.suffix.lower() not in (".npy", ".npz"):
        return False
    try:
        return bool(open_probs(path).ndim == 4)
    except (ValueError, OSError, EOFError):
        return False


def read_masks(
    raw: RawTable,
    column: str,
    pictures: tuple[Path, pd.Series],
    classes: Path | None,
    predictions: Path | None,
    known: KnownHashes,
    progress: Progress,
) -> tuple[Masks, list[Problem]]:
    """The masks of a table, each opened once, and what is wrong with them by kind, first row and count.

    pictures: the folder that paths are relative to, and the paths of the pictures. classes: a class list;
    default: classes.txt or classes.json beside the data. predictions: a folder with a PNG for each mask, by
    path or name, or an array (N, K, H, W); default: the columns of the table that are called so.
    Raises InputError for a class list or predictions that cannot be read.
    """
    root, shown = pictures
    file, n = raw.source.path.name, len(raw.frame)
    rows = pd.DataFrame({"given": as_text(raw.frame[column]).fillna("")}, dtype="str")
    columns = {"given": column}
    for name, known_as in (("predicted", PREDICTED), ("confidence", CONFIDENCE)):
        own = next((c for c in raw.frame.columns if str(c).strip().lower() in known_as), None)
        own = None if predictions is not None else own
        rows[name] = "" if own is None else as_text(raw.frame[own]).fillna("")
        columns[name] = name if own is None else str(own)
    rows["number"] = np.full(n, _NO_NUMBER, np.int64)
    predicted_root, probs, said = root, None, list[Problem]()
    if predictions is not None and predictions.is_dir():
        predicted_root = predictions
        rows["predicted"] = pd.Series(_beside(predictions, rows["given"].tolist()), dtype="str")
        columns["predicted"] = predictions.name
    elif predictions is not None:
        probs = predictions
        width = _probs_width(predictions, n)
        rows["number"] = np.arange(n)
        said.append(Problem("warning", "no ids: matched with the data by the order of rows", file=probs.name))
    names = _names(raw.source.path, classes, root)
    found = _Found({name: np.full(n, "", object) for name in PATHS}, np.full(n, "", object))
    roots = {"given": Within(root), "predicted": Within(predicted_root), "confidence": Within(predicted_root)}
    sizes = Within(root)
    shown = shown.fillna("")
    for i in range(n):
        progress.report(i / n, f"Reading mask {i + 1:,} of {n:,}")
        picture = sizes.file(shown.iloc[i])
        _row(rows, i, picture, roots, columns, known, len(names) or VOID, found)
    most = int(np.flatnonzero(found.seen[:VOID]).max(initial=-1)) + 1
    if probs is not None:
        most = max(most, width)
    if not names:
        names = tuple(f"class {k}" for k in range(most))
        said.append(Problem("notice", _UNNAMED, "add classes.txt with a name a line beside it", file=file))
    if found.seen[VOID] and most <= 1:
        said.append(Problem("warning", _TWO_FIFTY_FIVE, "write the object as 1", file=file, column=column))
    for name in PATHS:
        rows[f"{name}_hash"] = pd.array(found.hashes[name], dtype="str")
    rows["classes"] = pd.array(found.classes, dtype="str")
    said += [_told(what, at, rows["given"], file) for what, at in found.failed.items()]
    digest = "" if probs is None else file_sha256(probs)
    return Masks(names, root, predicted_root, rows, probs, digest), said


_UNNAMED = "no list of the masks' classes: they are called by their numbers"
_TWO_FIFTY_FIVE = "the masks hold 0 and 255 only, and 255 stands for no class"


def _row(
    rows: pd.DataFrame,
    i: int,
    picture: Path | None,
    roots: dict[str, Within],
    columns: dict[str, str],
    known: KnownHashes,
    classes: int,
    found: _Found,
) -> None:
    size, values = None, np.zeros(256, bool)
    if picture is not None:
        try:
            size = shown_size(picture)
        except (MediaError, OSError, ValueError, SyntaxError):
            size = None  # the picture's own problem is told elsewhere
    for name in PATHS:
        relative, column = rows[name].iloc[i], columns[name]
        if not relative:
            if name == "given":
                found.fail(column, "no mask", "give a path, or leave the row out", i)
            continue
        path = roots[name].file(relative)
        if path is None:
            found.fail(column, "no such mask in the data folder", "give paths relative to it", i)
            continue
        try:
            found.hashes[name][i] = known.sha256(path)
            mask = indices(path, MAX_PIXELS)
        except (MediaError, OSError) as error:
            why = str(error).rstrip(".") if isinstance(error, MediaError) else "The mask cannot be read"
            found.fail(column, why[0].lower() + why[1:], "write the mask again as a PNG of class numbers", i)
            continue
        if size is not None and mask.shape != size[::-1]:
            told = f"the mask has {mask.shape[1]} x {mask.shape[0]} pixels, its picture {size[0]} x {size[1]}"
            found.fail(column, told, "write both in one size", i)
        if name == "confidence":
            continue
        here = np.bincount(mask.ravel(), minlength=256) > 0
        beyond = np.flatnonzero(here[classes:VOID]) + classes
        if len(beyond):
            told = f"pixels of value {beyond[0]}, but there are {classes} classes"
            found.fail(column, told, "complete the list of classes, or write 255 where there is none", i)
        values |= here
    found.seen |= values
    found.classes[i] = " ".join(map(str, np.flatnonzero(values[:VOID]).tolist()))


def _told(what: tuple[str, str, str], at: list[int], given: pd.Series, file: str) -> Problem:
    column, why, mend = what
    return Problem(
        "warning", f"{why}: {given.iloc[at[0]][:80]!r}", mend, "", file, at[0] + 1, column, len(at)
    )


def _beside(folder: Path, given: Sequence[str]) -> list[str]:
    """For each given mask the PNG below the folder of the same path, else the only one of the same name."""
    by_name: dict[str, list[str]] = {}
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() == ".png" and not file.name.startswith("."):
            by_name.setdefault(file.stem, []).append(file.relative_to(folder).as_posix())
    found = []
    for relative in given:
        path = PurePosixPath(relative)
        alike = by_name.get(path.stem, [])
        same = [a for a in alike if str(path).endswith(a)]
        found.append(same[0] if same else alike[0] if len(alike) == 1 else "")
    if not any(found):
        mend = "give a folder with a PNG named as each mask"
        raise refuse("no predicted mask is named as a given one", file=folder.name, mend=mend)
    return found


def _probs_width(path: Path, n: int) -> int:
    expected = f"a float array of the shape ({n:,}, classes, height, width)"
    try:
        probs = open_probs(path)
    except (ValueError, OSError, EOFError) as error:
        raise refuse(str(error)[:200], file=path.name, expected=expected) from error
    if len(probs) != n:
        raise refuse(f"{len(probs):,} rows, but the data has {n:,}", file=path.name, expected=expected)
    return int(probs.shape[1])


def _names(source: Path, classes: Path | None, root: Path) -> tuple[str, ...]:
    """The names by pixel value; () where no list is there. Raises InputError for one that is too long."""
    path = classes
    for folder in (source if source.is_dir() else source.parent, root):
        path = path or next((p for name in CLASSES if (p := inside(folder, name)) is not None), None)
    if path is None:
        return ()
    listed = read_class_list(path)
    numbers = [k for token in listed.tokens if (k := integer(token)) is not None]
    if len(numbers) == len(listed.tokens):
        by_value = {k: name for k, name in zip(numbers, listed.names, strict=True) if k != VOID}
        if by_value and min(by_value) >= 0 and max(by_value) < VOID:
            return tuple(by_value.get(k, f"class {k}") for k in range(max(by_value) + 1))
    if len(listed.names) > VOID:
        raise refuse(
            f"{len(listed.names):,} classes", file=path.name, expected="255 at most, numbered from 0"
        )
    return listed.names
