"""Where a data set's rows came from, so that an export can copy every byte that it does not change."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from core.errors import Problem
from core.progress import Progress

_PIECE = 16 << 20


@dataclass(frozen=True)
class Source:
    """One source file or folder. Row i of the data set is record i of the source.

    sha256, size: of the file's bytes when it was read; an export checks that they still hold.
        For a folder: sha256 over its sorted relative paths, and the number of files.
    layout: JSON-able facts that the format's exporter needs (encoding, delimiter, header, ...).
    """

    path: Path
    format: str
    sha256: str
    size: int
    layout: Mapping[str, Any] = field(default_factory=dict)

    def annotators(self, label: str | None, there: Container[str]) -> tuple[str, ...]:
        """The columns, of those that are there, that hold one annotator's labels each; `label` is the column
        of given labels that was made of them."""
        columns = self.layout.get("annotators", {}).get(label, {}).values()
        return tuple(dict.fromkeys(name for name in columns if name in there))


Named = tuple[Any, Any, Any]
"""A class that a model names for a row, its own score, and that of all that it named; None for no score."""


@dataclass(frozen=True, eq=False)
class ModelOutput:
    """What one model says of the rows of a file, as the file has it; nothing in it is checked yet.

    question: the column of labels that it answers. rows: for each row what the model said, each time the
    classes that it named; nothing where it said nothing.
    """

    name: str
    question: str
    rows: list[Sequence[Sequence[Named]]]


@dataclass(frozen=True, eq=False)
class RawTable:
    """A source as read, before anyone has said what its columns mean.

    frame: RangeIndex 0..N-1, the source's columns in their order. Text formats give `str` columns
    that hold each cell as it is written; typed formats keep their types.
    media_root: the folder that image paths are relative to; None: the source's own.
    models: what models say of its rows, where the file holds that too, in order of first appearance.
    """

    frame: pd.DataFrame
    source: Source
    problems: tuple[Problem, ...] = ()
    media_root: Path | None = None
    models: tuple[ModelOutput, ...] = ()


def file_sha256(path: Path, progress: Progress | None = None) -> str:
    """sha256 of a file's bytes, read in pieces."""
    with path.open("rb") as handle:
        if progress is None:
            return hashlib.file_digest(handle, "sha256").hexdigest()
        size, sha = path.stat().st_size, hashlib.sha256()
        while piece := handle.read(_PIECE):
            progress.report(handle.tell() / size, "Looking at the file")
            sha.update(piece)
        return sha.hexdigest()
