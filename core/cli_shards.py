"""The command line's part on data sets in shards, which may be larger than one machine."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.cli_progress import shown
from core.errors import refuse

if TYPE_CHECKING:
    from core.sharded.runners import Runner

_STEPS = (
    "some of features, labels, copies, places, neighbours (default: all that the shards have what they need "
    "for, but neighbours, whose cost grows with the square of the rows)"
)
_SCHEDULER = (
    "the Dask scheduler whose workers do the work, such as tcp://host:8786; they see FOLDER and DIR too"
)
_FEATURES = "make embeddings of the content with a pretrained model of texts; `labelmend features` lists them"


def add(commands: Any) -> None:
    """The command `shards`."""
    shards = commands.add_parser(
        "shards", help="find the issues of a data set in shards, on this machine or many"
    )
    shards.add_argument(
        "folder", metavar="FOLDER", help="part-*.parquet and *.npy: a path, or a URL for fsspec"
    )
    shards.add_argument(
        "--out", required=True, metavar="DIR", help="results: a path or URL, new or of such a run"
    )
    shards.add_argument("--scheduler", metavar="ADDRESS", help=_SCHEDULER)
    shards.add_argument(
        "--workers", type=int, metavar="N", help="processes on this machine (default: its cores)"
    )
    shards.add_argument("--threads", action="store_true", help="threads instead of processes")
    shards.add_argument("--steps", metavar="a,b", help=_STEPS)
    for role in ("id", "label", "content"):
        shards.add_argument(f"--{role}-column", metavar="C", default=role, help=f"default: {role}")
    shards.add_argument("--classes", type=Path, metavar="FILE", help="class names, where labels are text")
    shards.add_argument("--features", metavar="NAME:WEIGHTS", default="", help=_FEATURES)
    shards.add_argument("--download", action="store_true", help="weights may be fetched from a hub")
    shards.add_argument("--neighbours", type=int, metavar="K", default=30, help="nearest rows (default: 30)")
    shards.add_argument(
        "--axes", metavar="DIR", default="", help="put rows on the map of an earlier run's --out"
    )
    shards.set_defaults(run=_shards)


def _shards(args: argparse.Namespace) -> int:
    from core.preflight.labels import read_class_list
    from core.sharded.dataset import Columns
    from core.sharded.run import Asked, run_shards
    from core.sharded.store import Store

    if args.neighbours < 1:
        raise refuse(f"--neighbours {args.neighbours}", expected="1 or more")
    classes = read_class_list(args.classes).tokens if args.classes else ()
    asked = Asked(
        steps=None if args.steps is None else tuple(s.strip() for s in args.steps.split(",") if s.strip()),
        columns=Columns(args.id_column, args.label_column, args.content_column, tuple(classes)),
        features=args.features,
        download=args.download,
        k=args.neighbours,
        axes=args.axes,
    )
    source, out = Store.at(args.folder), Store.at(args.out)
    with _runner(args) as runner, shown() as progress:
        summary = run_shards(source, out, asked, runner, progress)
    print(
        f"{out.url}: {summary['rows']:,} rows, {len(summary['shards']):,} shards, {summary['seconds']:.1f} s"
    )
    for step, said in summary["steps"].items():
        number = f"{said['flagged']:,} flagged" if "flagged" in said else f"{said['rows']:,} rows"
        print(f"  {step}: {number} ({said['estimator']})")
    return 0


def _runner(args: argparse.Namespace) -> Runner:
    from core.sharded.runners import Dask, InTurn, Local, cores

    if args.scheduler:
        if args.workers is not None or args.threads:
            raise refuse(
                "--workers and --threads are for this machine", mend="leave them out with --scheduler"
            )
        return Dask(args.scheduler)
    workers = cores() if args.workers is None else args.workers
    if workers < 1:
        raise refuse(f"--workers {workers}", expected="1 or more")
    if workers == 1:
        return InTurn()
    return Local(workers, processes=not args.threads)
