"""A file that an export wrote, known by the summary beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
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
        """Whether the file has exactly these corrections, by the change log beside it."""
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
        known = {field.name for field in fields(ExportOptions)}
        options = {name: value for name, value in said["options"].items() if name in known}
        for name in ("add", "splits"):
            options[name] = tuple(options[name]) if isinstance(options.get(name), list) else None
        made = Exported(
            path,
            str(said["format"]),
            int(said["rows_written"]),
            path.stat().st_size,
            str(said["sha256"]),
            str(said["policy"]["name"]),
            ExportOptions(**{**options, "add": options["add"] or ()}),
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
