"""The command line's part on databases: a table instead of a data file."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from core.cli_progress import shown
from core.settings import read_settings

if TYPE_CHECKING:
    from core.workspace import Workspace

_SQL = (
    "read a table of this database instead of DATA: a name in LABELMEND_SQL_SOURCES, or a SQLAlchemy URL "
    "(which other people on this machine may see in the list of processes)"
)


def add_options(command: argparse.ArgumentParser) -> None:
    """The options that name a table of a database."""
    command.add_argument("--sql", metavar="SOURCE", help=_SQL)
    command.add_argument("--table", metavar="T", help="the table or view, where needed as SCHEMA.NAME")
    command.set_defaults(misused=command.error)


def data_path(args: argparse.Namespace, workspace: Workspace) -> Path:
    """The data file of the arguments, or the table that they name, read into the workspace."""
    if not _names_table(args):
        return args.data
    from core.sql_snapshot import read_into
    from core.sql_sources import source_or_url

    source = source_or_url(workspace.settings.sql_sources, args.sql)
    with shown() as progress:
        return read_into(workspace, source, args.table, progress)


@contextmanager
def data_file(args: argparse.Namespace) -> Iterator[Path]:
    """The same for a command without a workspace: the table is forgotten at the end."""
    if not _names_table(args):
        yield args.data
        return
    from core.sql_snapshot import take_snapshot
    from core.sql_sources import source_or_url

    source = source_or_url(read_settings().sql_sources, args.sql)
    with tempfile.TemporaryDirectory(prefix="labelmend-") as folder:
        with shown() as progress:
            path = take_snapshot(source, args.table, Path(folder), progress)
        yield path


def _names_table(args: argparse.Namespace) -> bool:
    """Whether a table is named. Exits with the usage unless it is a table or a file."""
    given = [value is not None for value in (args.data, args.sql, args.table)]
    if given not in ([True, False, False], [False, True, True]):
        args.misused("give DATA, or both --sql and --table")
    return args.data is None
