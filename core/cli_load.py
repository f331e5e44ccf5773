"""The command line's part on loading a data file."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from core import cli_forms, cli_models
from core.cli_progress import shown

if TYPE_CHECKING:
    from core.loading import Plan
    from core.workspace import Workspace


def load(workspace: Workspace, path: Path, args: argparse.Namespace | None = None) -> str:
    """Read, check and store one data file; its name. Raises InputError with every error of the check."""
    from core.loading import prepare
    from core.preflight.columns import fill_columns

    with shown() as progress:
        raw = cli_forms.read(args, path, workspace, progress.part(0.0, 0.7))
        plan = _plan(path, args)
        name = workspace.free_name(plan.name, raw.source.path)
        said = replace(plan, name=name, columns=fill_columns(plan.columns, raw))
        prepared = prepare(raw, said, progress.part(0.7, 1.0), keep_in=workspace.kept)
    if args is None:
        return cli_models.store(workspace, prepared, in_order=False)
    return cli_models.store(workspace, prepared, args.in_order, args.pred_probs[1:], args.softmax)


def delimiter(said: str | None) -> str | None:
    """What --label-delimiter says, as in Columns; None where it is left open."""
    from core.multilabel import LIST

    return said if said is None else {"list": LIST, "none": ""}.get(said, said)


def _plan(path: Path, args: argparse.Namespace | None = None) -> Plan:
    """What the command line says of a data file; what it leaves open is guessed when it is read."""
    from core.dataset import Columns, Kind
    from core.loading import Plan

    if args is None:
        return Plan(name=path.stem, columns=Columns())
    image, text = args.image_column, args.text_column
    content = tuple(c for c in (image, text) if c)
    kind: Kind = "image" if image else "text" if text else "none"
    between = delimiter(args.label_delimiter)
    target = cli_forms.label_kind(args.label_kind)
    roles = (args.id_column, args.label_column, args.split_column)
    columns = Columns(*roles, content, kind, between, target, mask=args.mask_column)
    return Plan(
        name=path.stem,
        columns=columns,
        classes=args.classes,
        pred_probs=next(iter(args.pred_probs), None),
        embeddings=args.embeddings,
        softmax=args.softmax,
        merge_variants=args.merge_variants,
        flags=args.flags,
    )
