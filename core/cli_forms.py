"""The command line's part on tables without a single column of given labels."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import InputError, Problem, refuse

if TYPE_CHECKING:
    from core.label_forms.form import LabelForm
    from core.progress import Progress
    from core.source import RawTable
    from core.workspace import Workspace

LABEL_KINDS = {"class": False, "number": True}


def label_kind(said: str | None) -> bool | None:
    """What --label-kind says, as in Columns.target; None where it is left open."""
    if said is not None and said not in LABEL_KINDS:
        raise refuse(f"no kind of label called {said!r}", expected=" or ".join(LABEL_KINDS))
    return None if said is None else LABEL_KINDS[said]


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that say what the labels of DATA are, and how they are laid out."""
    add = parser.add_argument
    add(
        "--label-kind", metavar="K", help=f"what a label is: {' or '.join(LABEL_KINDS)}; default: as it looks"
    )
    add("--annotator-columns", metavar="A,B", help="a column of labels for each annotator, no given label")
    add("--annotator-column", metavar="C", help="a record for each answer: this column says whose it is")
    add(
        "--soft-labels",
        metavar="C[,C]",
        help="shares of the classes: lists in one column, or one column each",
    )
    add("--consensus", metavar="M", help="given labels out of answers: majority (default) or dawid_skene")


def read(
    args: argparse.Namespace | None,
    path: Path,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
    asks: bool = False,
) -> RawTable:
    """The data file in the form that the options say. Where they say none and it looks like one, a notice
    tells which option would.

    asks: raise InputError there, unless the column of labels was named: a guessed one would be written to.
    """
    from core.label_forms.guess import guess_form, sentence
    from core.label_forms.reading import read_form
    from core.loading import read_table

    folders = (None, None) if workspace is None else (workspace.unpacked, workspace.kept)
    raw = read_table(path, progress, *folders)
    form = None if args is None else _said(args, raw)
    if form is not None:
        return read_form(raw, form)
    looks = guess_form(raw) if args is not None else None
    if looks is None:
        return raw
    said = Problem("notice", sentence(looks), f"say {_option(looks)} if so", file=raw.source.path.name)
    if asks and args is not None and args.label_column is None:
        mend = f"say {_option(looks)} if so, else --label-column"
        raise InputError(replace(said, severity="error", mend=mend))
    return replace(raw, problems=(*raw.problems, said))


def _said(args: argparse.Namespace, raw: RawTable) -> LabelForm | None:
    """The form that the options say, None where they say nothing."""
    from core.label_forms.form import METHODS, LabelForm
    from core.label_forms.guess import guess_long

    given = (args.annotator_columns, args.annotator_column, args.soft_labels)
    if sum(option is not None for option in given) > 1:
        found = "--annotator-columns, --annotator-column and --soft-labels say different things"
        raise refuse(found, mend="give one of them")
    method = args.consensus or METHODS[0]
    if args.consensus and (not any(given[:2]) or method not in METHODS):
        expected = f"{' or '.join(METHODS)}, with --annotator-columns or --annotator-column"
        raise refuse(f"--consensus {method}", expected=expected)
    if args.annotator_columns is not None:
        return LabelForm("wide", _names(args.annotator_columns), method=method)
    if args.soft_labels is not None:
        return LabelForm("soft", _names(args.soft_labels))
    if args.annotator_column is None:
        return None
    guessed = guess_long(raw.frame.drop(columns=[args.annotator_column], errors="ignore"))
    item = args.id_column or guessed.item
    columns = (args.label_column,) if args.label_column else guessed.columns
    if not item or not columns:
        left = "what is labelled (--id-column)" if not item else "its labels (--label-column)"
        raise refuse(f"no column was found that says {left}", file=raw.source.path.name, mend="name it")
    return LabelForm("long", columns, item, args.annotator_column, method)


def _names(said: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in said.split(",") if name.strip())


def _option(form: LabelForm) -> str:
    named = ",".join(form.columns)
    if form.kind == "long":
        return f"--annotator-column {form.annotator} --id-column {form.item} --label-column {named}"
    return f"--{'annotator-columns' if form.kind == 'wide' else 'soft-labels'} {named}"
