"""The label files of a YOLO folder, in a zip to be unpacked over the folder.

A zip is one file, so that it appears whole or not at all; the pictures stay where they are.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from core.errors import refuse
from core.exporters._base import ExportFormat
from core.exporters._table import check_cell, check_count, refuse_added
from core.importers._folders import Walk
from core.importers.yolo import Box, boxes, class_name, label_file, split_of, table
from core.paths import inside
from core.progress import Progress

if TYPE_CHECKING:
    from core.corrections import Corrections


def write(corrections: Corrections, out: Path, progress: Progress) -> int:
    """Write every label file, those without changes byte for byte; in the others only class numbers differ,
    and the lines of excluded boxes are gone. Files of splits that were not asked for are left out.

    Raises InputError where columns are to be added, and for a class without a number.
    """
    refuse_added(corrections, "YOLO")
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, data in _label_files(corrections, progress):
            archive.writestr(zipfile.ZipInfo(file), data, zipfile.ZIP_DEFLATED)
    return 0


def read_back(corrections: Corrections, path: Path, progress: Progress) -> pd.DataFrame:
    """The table that the written label files make with the pictures of the source."""
    with zipfile.ZipFile(path) as archive:
        there = set(archive.namelist())
        images = [i for i in _images(corrections, progress) if label_file(i) in there]
        names = corrections.source.layout.get("classes", [])
        return table(images, lambda i: archive.read(str(label_file(i))), names, path.name, progress)[0]


YOLO = ExportFormat("yolo", "YOLO label files (zip)", ".zip", write, frozenset({"yolo"}), True, read_back)


def _images(corrections: Corrections, progress: Progress) -> list[str]:
    return [i for i in Walk(corrections.source.path).images(progress) if label_file(i) is not None]


def _label_files(corrections: Corrections, progress: Progress) -> Iterator[tuple[str, bytes]]:
    """(path in the folder, corrected bytes) of each label file of the splits asked for."""
    rewrite, position = _Rewrite(corrections), 0
    for image in _images(corrections, progress):
        file = str(label_file(image))
        path = inside(corrections.source.path, file)
        if path is not None:
            data = path.read_bytes()
            found = list(boxes(data, file))
            first, position = position, position + len(found)
            if position > len(corrections.dataset):
                break
            if _asked_for(corrections, image, first, position):
                yield file, rewrite.file(data, found, first)
    check_count(corrections, position)


def _asked_for(corrections: Corrections, image: str, first: int, stop: int) -> bool:
    wanted, splits = corrections.options.splits, corrections.dataset.splits
    if wanted is None or splits is None:
        return True
    return bool(splits.iloc[first:stop].isin(wanted).any()) if stop > first else split_of(image) in wanted


class _Rewrite:
    """Writes label files with other class numbers and without the lines of dropped boxes."""

    def __init__(self, corrections: Corrections) -> None:
        self.corrections = corrections
        self.names: list[str] = corrections.source.layout.get("classes", [])
        self.tokens = corrections.tokens_in(0, len(corrections.dataset))
        self.touched = {change.position for change in corrections.changes}

    def file(self, data: bytes, found: Sequence[Box], first: int) -> bytes:
        """The bytes of one file whose first box is the data set's row `first`."""
        pieces, copied = [], 0
        for position, box in enumerate(found, first):
            if position in self.touched:
                check_cell(self.corrections, position, class_name(self.names, int(box.cells[0])))
            if self.corrections.dropped[position]:
                pieces.append(data[copied : box.line_start])
                copied = box.line_stop
            elif position in self.tokens:
                pieces += [data[copied : box.start], self._number(position).encode()]
                copied = box.stop
        return b"".join([*pieces, data[copied:]])

    def _number(self, position: int) -> str:
        """The class number of a new label. Raises InputError for a class that has none."""
        name = self.tokens[position]
        if name in self.names:
            return str(self.names.index(name))
        if name.isascii() and name.isdigit() and class_name(self.names, int(name)) == name:
            return name
        raise refuse(
            f"the class {name!r} has no number in the list of names",
            file=self.corrections.source.path.name,
            row=position + 1,
            mend="add it there (data.yaml or classes.txt) and load the folder again",
        )
