"""The command `labelmend report`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.workspace import Workspace


def add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    workspace_of: Callable[[argparse.Namespace], Workspace],
) -> argparse.ArgumentParser:
    """Add the command to the others. workspace_of: opens the workspace that the arguments name."""
    report = commands.add_parser("report", help="write the data set card, Croissant metadata and report")
    report.add_argument("name", metavar="NAME")
    report.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    report.add_argument("--export", type=Path, metavar="FILE", help="the exported file in FOLDER to describe")
    report.add_argument("--policy", metavar="P", help="as of `export` (default: that of FILE, else agreed)")
    report.add_argument("--names", action="store_true", help="call annotators by their names")
    report.add_argument("--replace", action="store_true", help="overwrite what an earlier report wrote")
    report.set_defaults(run=lambda args: _report(args, workspace_of(args)))
    return report


def _report(args: argparse.Namespace, workspace: Workspace) -> int:
    from core.report_files import papers_of_export
    from core.review.store import shared_store

    files = papers_of_export(
        workspace,
        shared_store(workspace.database_url),
        args.name,
        args.out,
        args.export,
        args.policy,
        args.names,
        args.replace,
    )
    for file in files:
        print(file)
    if args.export is None:
        print("No Croissant metadata: --export names the exported file that they would describe.")
    return 0
