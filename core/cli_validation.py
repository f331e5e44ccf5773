"""The command `labelmend validation`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import refuse

if TYPE_CHECKING:
    from core.review.decisions import Decision
    from core.review.votes import Round
    from core.workspace import Project, Workspace

_BY = "recorded"
"""Who brings votes in where the settings name nobody."""


def add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    workspace_of: Callable[[argparse.Namespace], Workspace],
) -> argparse.ArgumentParser:
    """Add the command to the others. workspace_of: opens the workspace that the arguments name."""
    command = commands.add_parser("validation", help="what votes on suggestions have shown of a data set")
    command.add_argument("name", metavar="NAME")
    command.add_argument("--votes", type=Path, metavar="FILE", help="recorded votes: CSV, JSON or JSON Lines")
    command.add_argument("--readers", type=int, metavar="K", help="votes that a row of FILE needs (5)")
    command.add_argument("--flagged", type=int, metavar="N", help="flagged rows those of FILE are drawn from")
    command.add_argument("--store", action="store_true", help="keep the votes of FILE in the workspace")
    command.add_argument("--out", type=Path, metavar="FILE", help="write the votes of the last round")
    command.set_defaults(run=lambda args: _validation(args, workspace_of(args)))
    return command


def _validation(args: argparse.Namespace, workspace: Workspace) -> int:
    from core.exporting import counted
    from core.review.store import shared_store
    from core.review.votes import RoundLog, rounds_of
    from core.votes_files import write_votes

    project = workspace.open(args.name)
    store = shared_store(workspace.database_url)
    if args.votes is None:
        if args.store or args.readers is not None or args.flagged is not None:
            raise refuse("there are no votes to bring in", expected="--votes FILE")
        rounds = list(RoundLog(store).of(project.name).values())
    else:
        event = _read(args, workspace, project)
        if args.store:
            store.record([event])
        rounds = list(rounds_of([event]).values())
    if not rounds:
        raise refuse("nothing has been voted on yet", mend="open a round on Evidence, or say --votes FILE")
    for of in rounds:
        _print(of, project)
    if args.out is not None:
        lines = write_votes(rounds[-1], args.out)
        print(f"{args.out.name}: {counted(lines, 'line')}")
    return 0


def _read(args: argparse.Namespace, workspace: Workspace, project: Project) -> Decision:
    """The event of a round that holds the votes of the file."""
    from core.audits import found_audit
    from core.evidence.validation import READERS
    from core.review.queue import default_find
    from core.review.votes import MOST_READERS
    from core.votes import why_not
    from core.votes_files import read_votes

    readers = READERS if args.readers is None else args.readers
    if not 1 <= readers <= MOST_READERS:
        raise refuse(f"--readers {readers}", expected=f"1 to {MOST_READERS}")
    if reason := why_not(project.dataset):
        raise refuse(reason)
    result = found_audit(workspace, project).results.get(default_find(project.dataset))
    found = read_votes(args.votes, project.dataset, result)
    return found.event(project.name, workspace.settings.annotator or _BY, readers, args.flagged)


def _print(of: Round, project: Project) -> None:
    from core.evidence import validated
    from core.votes import labelled

    found = validated.validated(of, labelled(project.dataset))
    print(f"{project.name}, {of.queue}: {validated.checked_in_words(found)}")
    for said in (
        validated.hits_in_words(found),
        validated.rate_in_words(found),
        validated.agreement_in_words(found),
    ):
        if said:
            print(said)
    for outcome, rows in found.counts.items():
        print(f"  {outcome}: {rows:,}")
