"""The command line's part on models: predictions, which model is in use, the objects that no box marks."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import InputError, Problem, refuse

if TYPE_CHECKING:
    from core.dataset import Dataset
    from core.loading import Prepared
    from core.workspace import Workspace

_PRED_PROBS = (
    "out-of-sample probabilities, N rows x K classes, or a predicted class a row; given again: one more "
    "model, kept beside the first"
)
_FLAGS = "what cleanlab said of the labels: Datalab's issues.csv, or a table with Cleanlab Studio's columns"
_FEATURES = (
    "what the baseline learns from: built-in features (default: by content) or a pretrained model; "
    "`labelmend features` lists both"
)
_DOWNLOAD = "the weights of --features may be fetched from the Hugging Face hub, where they are not here yet"
_IN_ORDER = "row 1 of predictions and embeddings without ids is row 1 of DATA, and so on, whatever labels say"


def add_options(audit: argparse.ArgumentParser) -> None:
    """The options of `audit` that say what a model's predictions are."""
    audit.add_argument("--pred-probs", type=Path, action="append", default=[], metavar="P", help=_PRED_PROBS)
    audit.add_argument("--flags", type=Path, metavar="F", help=_FLAGS)
    audit.add_argument("--softmax", action="store_true", help="the predictions are logits")
    audit.add_argument("--in-order", action="store_true", help=_IN_ORDER)


def add_baseline_options(audit: argparse.ArgumentParser) -> None:
    """The options of `audit` that say how a baseline is trained where there are no predictions."""
    audit.add_argument("--no-model", action="store_true", help="without --pred-probs, train no baseline")
    audit.add_argument("--features", metavar="NAME[:WEIGHTS]", help=_FEATURES)
    audit.add_argument("--download", action="store_true", help=_DOWNLOAD)
    audit.add_argument("--group-column", metavar="C", help="the baseline never splits rows of a group")


def add_features(commands: Any) -> None:
    """The command `features`."""
    parser = commands.add_parser("features", help="list what a baseline can learn from")
    parser.set_defaults(run=_features)


def _features(args: argparse.Namespace) -> int:
    from core.baseline import embedders
    from core.pretrained import listed

    for embedder in embedders().values():
        print(f"{embedder.name}  {embedder.kind}: {embedder.title}. Built in.")
    print(*listed(), sep="\n")
    return 0


def add(commands: Any, open_workspace: Callable[[argparse.Namespace], Workspace]) -> argparse.ArgumentParser:
    """The command `models`."""
    text = "list the models of a data set, and say which one is in use"
    parser: argparse.ArgumentParser = commands.add_parser("models", help=text)
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--use", metavar="MODEL", help="use this model from now on")
    parser.add_argument("--mean", nargs="+", metavar="MODEL", help="add the mean of these models")
    parser.add_argument("--forget", metavar="MODEL", help="delete a model that is not in use")
    parser.set_defaults(run=lambda args: _models(args, open_workspace(args)))
    return parser


def add_boxes(
    commands: Any, open_workspace: Callable[[argparse.Namespace], Workspace]
) -> argparse.ArgumentParser:
    """The command `boxes`."""
    text = "count the objects that a model finds and no box marks, and propose boxes for them"
    parser: argparse.ArgumentParser = commands.add_parser("boxes", help=text)
    parser.add_argument("name", metavar="NAME")
    propose = "put a version with these boxes, without a label yet, in the place of the data set"
    parser.add_argument("--propose", action="store_true", help=propose)
    parser.set_defaults(run=lambda args: _boxes(args, open_workspace(args)))
    return parser


def store(
    workspace: Workspace,
    prepared: Prepared,
    in_order: bool,
    others: Sequence[Path] = (),
    softmax: bool = False,
) -> str:
    """Store a data set as checked, with the models of other files beside it; say what was found. Its name.

    in_order: somebody said that rows without ids are in the order of the data. Where nobody did, the labels
    must not speak against it. Raises InputError with every error; then nothing is stored.
    """
    from core.another_model import read_further
    from core.model_store import add_model

    _say(prepared.problems, in_order)
    if prepared.dataset is None:
        raise TypeError("a data set without errors is there")
    more = list(prepared.others)
    for path in others:
        more += read_further(prepared.dataset, path, prepared.source, softmax)
    for _, problems in more:
        _say(problems, in_order)
    _say_carried_over(workspace, prepared.dataset, prepared.source.path.name)
    name = workspace.save(prepared)
    for predictions, problems in more:
        add_model(workspace, name, predictions, problems)
    return name


def _say_carried_over(workspace: Workspace, dataset: Dataset, file: str) -> None:
    """What becomes of the decisions on the version that the data set replaces."""
    if dataset.name not in workspace.names():
        return
    from core.new_version import of_stored
    from core.review.store import shared_store

    found = of_stored(shared_store(workspace.database_url), dataset)
    if found.decided:
        print(f"{dataset.name}: {found.sentence}", file=sys.stderr)
        _say(found.problems(file), in_order=False)


def _say(problems: Sequence[Problem], in_order: bool) -> None:
    """Print what was found. Raises InputError with every error, and for an order that is not borne out."""
    from core.loading import matched_by_order, order_doubted

    for problem in problems:
        if problem.severity != "error":
            print(f"{problem.severity}: {problem}", file=sys.stderr)
    if errors := [p for p in problems if p.severity == "error"]:
        raise InputError(*errors)
    if order_doubted(problems) and not in_order:
        found = "rows are matched by their order, and they agree with the labels no better than by chance"
        mend = "give predictions with an id column; if the rows are in the order of the data, say --in-order"
        raise refuse(found, file=", ".join(matched_by_order(problems)), mend=mend)


def _models(args: argparse.Namespace, workspace: Workspace) -> int:
    from core.model_agreement import agreement_of
    from core.model_store import add_mean, forget_model, models, use_model

    if args.mean is not None:
        add_mean(workspace, args.name, args.mean)
    if args.use is not None:
        use_model(workspace, args.name, args.use)
    if args.forget is not None:
        forget_model(workspace, args.name, args.forget)
    dataset = workspace.open(args.name).dataset
    for model in models(workspace, args.name):
        mark = "*" if model.in_use else " "
        fits = agreement_of(dataset, model.predictions).sentence if model.fits else "made for other data"
        print(f"{mark} {model.name}: {fits}")
    return 0


def _boxes(args: argparse.Namespace, workspace: Workspace) -> int:
    """Without --propose nothing is changed: the counts are what a person agrees to."""
    from core.cli_progress import shown
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
