"""The command line's part on boxes: the objects that no box marks, and the version that proposes them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from core.cli_progress import shown

if TYPE_CHECKING:
    from core.workspace import Workspace


def add(commands: Any, open_workspace: Callable[[argparse.Namespace], Workspace]) -> argparse.ArgumentParser:
    """The command `boxes`."""
    text = "count the objects that a model finds and no box marks, and propose boxes for them"
    parser: argparse.ArgumentParser = commands.add_parser("boxes", help=text)
    parser.add_argument("name", metavar="NAME")
    propose = "put a version with these boxes, without a label yet, in the place of the data set"
    parser.add_argument("--propose", action="store_true", help=propose)
    parser.set_defaults(run=lambda args: _boxes(args, open_workspace(args)))
    return parser


def _boxes(args: argparse.Namespace, workspace: Workspace) -> int:
    """Without --propose nothing is changed: the counts are what a person agrees to."""
    from core.proposed_boxes import by_class, missing_boxes, propose_and_audit

    missing = missing_boxes(workspace, args.name)
    pictures = missing["image"].nunique() if len(missing) else 0
    print(f"{args.name}: {len(missing):,} objects without a box, in {pictures:,} pictures")
    for line in by_class(missing).to_dict("records"):
        print(f"  {line['label']}: {line['boxes']:,} (scores {line['lowest']:.2f} to {line['highest']:.2f})")
    if args.propose:
        with shown() as progress:
            made = propose_and_audit(workspace, args.name, missing, progress)
        print(made.sentence)
    return 0
