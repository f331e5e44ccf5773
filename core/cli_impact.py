"""The command line's part on retraining: whether the corrections make a model better."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.workspace import Workspace


def add(commands: Any, open_workspace: Callable[[argparse.Namespace], Workspace]) -> argparse.ArgumentParser:
    """The command `impact`."""
    text = "train a baseline on given and on corrected labels, and test both on the frozen rows"
    parser: argparse.ArgumentParser = commands.add_parser("impact", help=text)
    parser.add_argument("name", metavar="NAME")
    parser.set_defaults(run=lambda args: _impact(args, open_workspace(args)))
    return parser


def _impact(args: argparse.Namespace, workspace: Workspace) -> int:
    from core.cli_progress import shown
    from core.impact_words import arms_in_words, effect_in_words, measured_in_words
    from core.retraining_impact import measure
    from core.review.store import shared_store

    with shown() as progress:
        made = measure(workspace, shared_store(workspace.database_url), args.name, progress)
    print(measured_in_words(made), effect_in_words(made), arms_in_words(made), sep="\n")
    return 0
