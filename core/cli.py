"""The command line. Shares the workspace and the cache with the app.

Exit codes: 0 done, 1 an expected failure with one clear message on stderr, 2 usage.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from core import (
    cli_forms,
    cli_impact,
    cli_load,
    cli_models,
    cli_report,
    cli_shards,
    cli_sql,
    cli_validation,
)
from core.cli_progress import shown
from core.errors import InputError, StoreUnavailable, refuse
from core.settings import SETTINGS, read_settings

if TYPE_CHECKING:
    from core.corrections import ExportOptions
    from core.workspace import Workspace

ROOT = Path(__file__).parent.parent
_POLICY = "what is written where annotators differ: agreed (nothing), majority, latest, dawid_skene, crowdlab"
_DELIMITER = (
    'what stands between several labels of a row, such as "|"; "list" for JSON lists, "none" for one label '
    "a row (default: found out, where it is clear)"
)
_SKIP = "leave out decisions that do not fit the data; the summary lists them"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    args = _parser().parse_args(argv)
    try:
        return args.run(args)
    except (InputError, StoreUnavailable) as error:
        print(f"labelmend: {error}", file=sys.stderr)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output is gone; there is nobody to tell
    except OSError as error:
        print(f"labelmend: {error.strerror or error}: {error.filename or ''}".rstrip(": "), file=sys.stderr)
    except MemoryError:
        print("labelmend: not enough memory for this data set", file=sys.stderr)
    except KeyboardInterrupt:
        print("labelmend: stopped; nothing was half-written", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    settings = "\n".join(
        f"  {row.variable}\n      {row.help} (default: {row.default or 'none'})" for row in SETTINGS
    )
    parser = argparse.ArgumentParser(
        prog="labelmend",
        description="Find label errors in a data set, mend them in the browser, export corrected splits.",
        epilog=f"environment:\n{settings}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    app = commands.add_parser("app", help="start the app in the browser")
    app.add_argument("data", nargs="*", type=Path, metavar="DATA", help="data sets to load first")
    app.add_argument("--host", default="127.0.0.1")
    app.add_argument("--port", type=int, default=8501)
    app.add_argument(
        "--let-anyone-on-the-network-in",
        action="store_true",
        help="serve a network without sign-in: whoever reaches the address is an owner",
    )
    app.set_defaults(run=_app)

    audit = commands.add_parser("audit", help="find the issues of a data set")
    audit.add_argument("data", type=Path, nargs="?", metavar="DATA")
    cli_sql.add_options(audit)
    cli_models.add_options(audit)
    cli_forms.add_options(audit)
    audit.add_argument("--embeddings", type=Path, metavar="E", help="features, N rows x D")
    for role in ("label", "id", "split", "text", "image", "mask"):
        audit.add_argument(f"--{role}-column", metavar="C")
    audit.add_argument("--label-delimiter", metavar="D", help=_DELIMITER)
    audit.add_argument("--classes", type=Path, help="a name a line, a JSON list, or CSV label,name")
    audit.add_argument(
        "--merge-variants",
        action="store_true",
        help="labels that differ only by case or spaces are one class",
    )
    cli_models.add_baseline_options(audit)
    audit.add_argument("--checks", metavar="a,b", help="only these checks")
    audit.add_argument("--set", action="append", default=[], metavar="CHECK.SETTING=VALUE", dest="choices")
    audit.add_argument("--out", type=Path, metavar="DIR", help="write DIR/issues.csv and DIR/summary.json")
    audit.set_defaults(run=_audit)

    export = commands.add_parser("export", help="write the corrected file of a loaded data set")
    export.add_argument("name", metavar="NAME")
    export.add_argument("--out", type=Path, required=True, metavar="FILE")
    export.add_argument("--format", metavar="F", help="default: the format it came in")
    export.add_argument("--decisions", type=Path, metavar="FILE", help="use these instead of the stored ones")
    export.add_argument("--skip-conflicts", action="store_true", help=_SKIP)
    export.add_argument("--policy", default="agreed", metavar="P", help=_POLICY)
    export.set_defaults(run=_export)

    apply = commands.add_parser("apply", help="apply a decisions file to a data file")
    apply.add_argument("decisions", type=Path, metavar="DECISIONS")
    apply.add_argument("data", type=Path, nargs="?", metavar="DATA")
    cli_sql.add_options(apply)
    apply.add_argument("--out", type=Path, metavar="FILE", help="needed, but with --check")
    apply.add_argument("--report", type=Path, metavar="FILE", help="JSON: what became of each decided row")
    apply.add_argument(
        "--check", action="store_true", help="write nothing; fail where a decision does not fit"
    )
    apply.add_argument("--skip-conflicts", action="store_true", help=_SKIP)
    apply.add_argument("--policy", default="agreed", metavar="P", help=_POLICY)
    for role in ("label", "id"):
        apply.add_argument(f"--{role}-column", metavar="C")
    apply.add_argument("--label-delimiter", metavar="D", help=_DELIMITER)
    cli_forms.add_options(apply)
    apply.add_argument("--classes", type=Path, help="the class list, where decisions use classes not in DATA")
    apply.set_defaults(run=_apply)

    give = commands.add_parser("role", help="say what a person may do; the first owner is made here")
    give.add_argument("person", metavar="PERSON", help="the name shown when they sign in: an e-mail address")
    give.add_argument("role", metavar="ROLE", help="nobody, viewer, annotator, adjudicator or owner")
    give.set_defaults(run=_role)

    decisions = commands.add_parser("decisions", help="write the decisions of a loaded data set to a file")
    decisions.add_argument("name", metavar="NAME")
    decisions.add_argument("--out", type=Path, required=True, metavar="FILE", help="JSON Lines, or CSV")
    decisions.add_argument("--all", action="store_true", help="every event, not only those in force")
    decisions.set_defaults(run=_decisions)

    backup = commands.add_parser("backup", help="write every decision to one file, also while the app runs")
    backup.add_argument("file", type=Path, metavar="FILE")
    backup.set_defaults(run=_backup)

    restore = commands.add_parser("restore", help="rebuild an empty decision store")
    restore.add_argument("file", type=Path, metavar="FILE", help="a backup, or a decisions file")
    restore.set_defaults(run=_restore)

    report = cli_report.add(commands, _workspace)
    models = cli_models.add(commands, _workspace)
    validation = cli_validation.add(commands, _workspace)
    cli_models.add_features(commands)
    boxes = cli_models.add_boxes(commands, _workspace)
    impact = cli_impact.add(commands, _workspace)
    cli_shards.add(commands)
    commands.add_parser("checks", help="list the checks").set_defaults(run=_checks)
    commands.add_parser("formats", help="list the formats").set_defaults(run=_formats)
    takers = (app, audit, export, decisions, backup, restore, give, report, models, validation, boxes, impact)
    for command in takers:
        command.add_argument("--workspace", type=Path, metavar="DIR")
    return parser


def _workspace(args: argparse.Namespace, roots: Sequence[Path] = ()) -> Workspace:
    """The workspace of --workspace or of the environment, which the app's process inherits."""
    from core.workspace import Workspace

    if args.workspace is not None:
        os.environ["LABELMEND_WORKSPACE"] = str(args.workspace.expanduser().resolve())
    settings = read_settings()
    return Workspace(replace(settings, data_roots=tuple(dict.fromkeys((*settings.data_roots, *roots)))))


def _app(args: argparse.Namespace) -> int:
    from core.door import check_address, is_this_machine

    if args.let_anyone_on_the_network_in:
        os.environ["LABELMEND_LET_ANYONE_ON_THE_NETWORK_IN"] = "1"
    check_address(read_settings(), args.host)
    roots = [path.resolve() if path.is_dir() else path.resolve().parent for path in args.data]
    workspace = _workspace(args, roots)
    os.environ["LABELMEND_DATA_ROOTS"] = os.pathsep.join(str(r) for r in workspace.settings.data_roots)
    for path in args.data:
        cli_load.load(workspace, path)
    if not workspace.names():
        _load_samples(workspace)
    address = "localhost" if is_this_machine(args.host) else args.host
    print(
        f"Labelmend is at http://{address}:{args.port} (workspace {workspace.root}); Ctrl+C stops it",
        flush=True,
    )
    return _serve(args.host, args.port)


def _serve(host: str, port: int) -> int:
    """Become the server. Core knows Streamlit by its command line only."""
    options = [f"--server.address={host}", f"--server.port={port}", "--server.headless=true"]
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), *options]
    os.execv(sys.executable, command)


def _load_samples(workspace: Workspace) -> None:
    from core.audit import run_audit
    from sample_data import SAMPLES

    print("Loading the sample data", flush=True)
    for sample in SAMPLES:
        workspace.save(sample.prepare())
        project = workspace.open(sample.name)
        run_audit(project.dataset, project.predictions, workspace.cache_dir)


def _audit(args: argparse.Namespace) -> int:
    started = time.perf_counter()
    from core.audit import checks, chosen_settings, run_audit, summary_json, write_issues_csv
    from core.audits import judgements_of
    from core.baseline import train_where_needed
    from core.judged import judged_audit

    names = None if args.checks is None else [c.strip() for c in args.checks.split(",") if c.strip()]
    unknown = sorted(set(names or ()) - set(checks()))
    if unknown:
        raise refuse(f"no check called {', '.join(unknown)}", expected="one of " + ", ".join(checks()))
    workspace = _workspace(args)
    data = cli_sql.data_path(args, workspace)
    name = cli_load.load(workspace, data, args)
    if not args.no_model and (names is None or any("pred_probs" in checks()[n].needs for n in names)):
        with shown() as progress:
            asked = (args.features, args.group_column, args.download)
            said = train_where_needed(workspace, name, *asked, progress)
        for line in said:
            print(line, file=sys.stderr)
    project = workspace.open(name)
    chosen = chosen_settings(args.choices)
    with shown() as progress:
        audit = run_audit(project.dataset, project.predictions, workspace.cache_dir, names, chosen, progress)
    audit = judged_audit(audit, project.dataset, judgements_of(workspace, project.name))
    seconds = time.perf_counter() - started
    print(f"{name}: {len(project.dataset):,} rows, {len(project.dataset.names):,} classes, {seconds:.1f} s")
    for check, result in audit.results.items():
        print(f"  {check}: {result.summary['flagged']:,} flagged ({result.summary['estimator']})")
    for check, missing in audit.missed.items():
        print(f"  {check}: skipped, needs {', '.join(missing)}")
    if args.out is not None:
        args.out.mkdir(parents=True, exist_ok=True)
        write_issues_csv(audit, project.dataset, args.out / "issues.csv")
        summary_json(audit, project.dataset, args.out / "summary.json", seconds=seconds)
    return 0


def _export(args: argparse.Namespace) -> int:
    from core.corrections import correct
    from core.decision_files import read_patch
    from core.exporting import write_export
    from core.patch_report import apply_patch
    from core.review.policy import ABOUT, outcomes
    from core.review.store import shared_store

    workspace = _workspace(args)
    project = workspace.open(args.name)
    dataset, probs = project.dataset, project.predictions.pred_probs
    options = _export_options(args)
    if args.decisions is not None:
        patch = read_patch(args.decisions)
        corrections = apply_patch(patch, dataset, project.source, args.policy, options, probs).corrections
    else:
        store = shared_store(workspace.database_url)
        about, standings = store.events(project.name, actions=ABOUT), store.standings(project.name)
        decided = outcomes(standings, about, dataset, args.policy, probs)
        corrections = correct(dataset, project.source, decided, options)
    print(write_export(corrections, args.out, args.format).sentence)
    return 0


def _export_options(args: argparse.Namespace) -> ExportOptions:
    from core.corrections import ExportOptions

    return ExportOptions(conflicts="skip" if args.skip_conflicts else "refuse")


def _apply(args: argparse.Namespace) -> int:
    from core.dataset import Columns
    from core.decision_files import apply_decisions

    with cli_sql.data_file(args) as data:
        said = apply_decisions(
            args.decisions,
            data,
            args.out,
            check=args.check,
            columns=Columns(
                id=args.id_column,
                label=args.label_column,
                delimiter=cli_load.delimiter(args.label_delimiter),
                target=cli_forms.label_kind(args.label_kind),
            ),
            classes=args.classes,
            options=_export_options(args),
            policy=args.policy,
            report=args.report,
            read=lambda path: cli_forms.read(args, path, asks=True),
        )
    print(said)
    return 0


def _role(args: argparse.Namespace) -> int:
    from core.identity import give_role_from_the_machine
    from core.review.people import Role

    roles = {role.word: role for role in Role}
    if args.role not in roles:
        raise refuse(f"no role called {args.role!r}", expected=" or ".join(roles))
    workspace = _workspace(args)
    given = give_role_from_the_machine(workspace, args.person, roles[args.role])
    print(f"{given} is {args.role} in {workspace.root}")
    if not workspace.settings.signs_in:
        print("Roles are in force where people sign in: set LABELMEND_SIGN_IN=oidc.")
    return 0


def _decisions(args: argparse.Namespace) -> int:
    from core.decision_files import write_decisions_of
    from core.review.store import shared_store

    workspace = _workspace(args)
    store = shared_store(workspace.database_url)
    project = workspace.open(args.name)
    print(write_decisions_of(store, project.name, args.out, args.all, project.dataset))
    return 0


def _backup(args: argparse.Namespace) -> int:
    from core.backup import write_backup
    from core.review.database import Database

    with closing(Database(_workspace(args).database_url)) as database:
        count = write_backup(database, args.file)
    print(f"{args.file.name}: {count:,} events. Data sets and exports are not in it: they are files")
    return 0


def _restore(args: argparse.Namespace) -> int:
    from core.backup import restore
    from core.review.database import Database

    with closing(Database(_workspace(args).database_url)) as database:
        count = restore(args.file, database)
    print(f"{count:,} events restored from {args.file.name}")
    return 0


def _checks(args: argparse.Namespace) -> int:
    from core.audit import checks

    for check in checks().values():
        print(f"{check.name}: {check.help} Needs {', '.join(sorted(check.needs))}.")
        for row in check.settings:
            allowed = f" (one of {', '.join(map(str, row.choices))})" if row.choices else ""
            print(f"  {check.name}.{row.name}={row.default}: {row.help}{allowed}")
    return 0


def _formats(args: argparse.Namespace) -> int:
    from core import exporting, reading

    for kind, found in (("import", reading.formats()), ("export", exporting.formats())):
        for row in found.values():
            print(f"{kind:<7} {row.name:<16} {row.title}")
    return 0
