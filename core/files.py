"""Files that appear whole or not at all, and files of JSON lines."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.errors import Problem


@contextmanager
def staged(*targets: Path) -> Iterator[list[Path]]:
    """Temporary paths beside their targets, to be written inside the block.

    At its end they are flushed to disk and renamed in the order given; where it fails, none is, and
    the temporary files are gone.
    """
    mark = secrets.token_hex(4)
    temporary = [target.with_name(f".{target.name}.{mark}.tmp") for target in targets]
    try:
        yield temporary
        for path in temporary:
            with path.open("rb") as handle:
                os.fsync(handle.fileno())
        for path, target in zip(temporary, targets, strict=True):
            os.replace(path, target)
    finally:
        for path in temporary:
            path.unlink(missing_ok=True)


def link(file: Path, to: Path) -> None:
    """A second name for a file that nobody changes; a copy where the file system has no such thing."""
    try:
        os.link(file, to)
    except OSError:
        shutil.copy2(file, to)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file whole or not at all."""
    with staged(path) as (temporary,):
        temporary.write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")


def json_lines(lines: Iterable[str], file: str) -> Iterator[tuple[int, dict[str, Any] | Problem]]:
    """(number of a line, its object or why it is none); empty lines are counted and left out.

    file: its name, for the problems.
    """
    for row, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as error:
            entry = Problem("error", f"not JSON: {error}", file=file, row=row)
        if not isinstance(entry, (dict, Problem)):
            entry = Problem("error", "not a JSON object", file=file, row=row)
        yield row, entry
