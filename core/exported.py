"""A file that an export wrote, known by the summary beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.corrections import Corrections, ExportOptions
from core.errors import InputError, refuse
from core.exporting import formats, log_entry, side_files
from core.source import file_sha256


@dataclass(frozen=True)
class Exported:
    """format: a name of `formats`. rows: written. size: in bytes. policy, options: as it was exported."""

    path: Path
    format: str
    rows: int
    size: int
    sha256: str
    policy: str
    options: ExportOptions

    def is_of(self, corrections: Corrections) -> bool:
        """Whether the file has exactly these corrections and columns, by the change log beside it."""
        one, other = self.options, corrections.options
        if (one.excluded, one.add, one.splits) != (other.excluded, other.add, other.splits):
            return False
        log = _read_json(side_files(self.path)[1])
        return self.rows == corrections.rows_written and log == [
            log_entry(corrections, change) for change in corrections.changes
        ]


def read_exported(path: Path, dataset: str) -> Exported:
    """The exported file of a data set at `path`. Raises InputError where it is none, or has changed since."""
    if not path.is_file():
        raise refuse("no such file", file=str(path), mend="write it with `labelmend export`")
    summary_file = side_files(path)[2]
    said = _read_json(summary_file)
    try:
        made = Exported(
            path,
            str(said["format"]),
            int(said["rows_written"]),
            path.stat().st_size,
            str(said["sha256"]),
            str(said["policy"]["name"]),
            _options(said["options"]),
        )
        written_for = said["data_set"]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _no_summary(summary_file) from error
    if written_for != dataset or made.format not in formats():
        raise refuse(
            f"it was not exported from {dataset!r}",
            file=path.name,
            expected=f"an export of {dataset!r}, with its summary beside it",
        )
    if file_sha256(path) != made.sha256:
        raise refuse(
            "it has changed since it was exported", file=path.name, mend="export again, then make the report"
        )
    return made


def written_as(path: Path, corrections: Corrections) -> Exported | None:
    """The file at `path` where an export wrote it with just these corrections; else None."""
    try:
        found = read_exported(path, corrections.dataset.name)
        return found if found.is_of(corrections) else None
    except InputError:  # what is there is of another day, and does not matter
        return None


def _options(said: Mapping[str, Any]) -> ExportOptions:
    """Raises KeyError, TypeError or ValueError for what no export writes."""
    if said["excluded"] not in ("drop", "mark") or said["conflicts"] not in ("refuse", "skip"):
        raise ValueError("no such option")
    lists = {name: _texts(said[name]) for name in ("add", "splits")}
    return ExportOptions(
        excluded=said["excluded"],
        add=lists["add"] or (),
        spreadsheet_safe=bool(said["spreadsheet_safe"]),
        splits=lists["splits"],
        conflicts=said["conflicts"],
    )


def _texts(value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise TypeError("no list of texts")
    return tuple(value)


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _no_summary(path) from error


def _no_summary(path: Path) -> InputError:
    return refuse(
        "this file, which every export writes beside its data, is missing or was changed",
        file=path.name,
        mend="export again, then make the report",
    )
