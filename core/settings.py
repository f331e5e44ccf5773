"""Every setting, in one row each, read once from the environment into a frozen object."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


class SettingRow(NamedTuple):
    variable: str
    default: str
    help: str


SETTINGS = (
    SettingRow("LABELMEND_WORKSPACE", "~/.labelmend", "folder that holds data sets, results and decisions"),
    SettingRow(
        "LABELMEND_DATA_ROOTS", ".", f"folders that files may be loaded from, separated by {os.pathsep!r}"
    ),
    SettingRow(
        "LABELMEND_DATABASE_URL", "", "SQLAlchemy URL of the decision store; empty: SQLite in the workspace"
    ),
    SettingRow("LABELMEND_ANNOTATOR", "", "name stored with decisions; empty: the operating system's user"),
)


@dataclass(frozen=True)
class Settings:
    """workspace and data_roots are absolute; annotator is never empty."""

    workspace: Path
    data_roots: tuple[Path, ...]
    database_url: str
    annotator: str


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment, or from the mapping given."""
    environ = os.environ if environ is None else environ
    value = {row.variable: environ.get(row.variable) or row.default for row in SETTINGS}
    roots = value["LABELMEND_DATA_ROOTS"].split(os.pathsep)
    return Settings(
        workspace=_absolute(value["LABELMEND_WORKSPACE"]),
        data_roots=tuple(dict.fromkeys(_absolute(r) for r in roots if r)),
        database_url=value["LABELMEND_DATABASE_URL"],
        annotator=value["LABELMEND_ANNOTATOR"].strip() or _os_user(),
    )


def _absolute(path: str) -> Path:
    return Path(path).expanduser().resolve()


def _os_user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run under a user id without a name
        return "local"
