"""A reviewed data set: written to a file, decided on in a store, counted as a record."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path

from core.audit import Audit, run_audit
from core.corrections import ExportOptions, correct
from core.dataset import Dataset
from core.predictions import Predictions
from core.review.decisions import Action, Decision
from core.review.policy import ABOUT, outcomes
from core.review.store import Store
from core.review_record import Record, review_record
from core.source import Source, file_sha256
from core.workspace import Project


def said(
    dataset: Dataset,
    row: int,
    who: str,
    what: str | Action = Action.KEEP,
    shown: object = None,
    final: bool = False,
) -> Decision:
    """A verdict on a row by its position: a class to relabel to, or another action; given blind."""
    relabel = not isinstance(what, Action)
    return Decision(
        dataset.name,
        str(dataset.row_ids[row]),
        Action.RELABEL if relabel else what,
        who,
        str(dataset.given_labels(slice(row, row + 1))[0]),
        f"{row}-{who}-{what}-{final}",
        str(what) if relabel else None,
        shown=json.dumps({"blind": True} if shown is None else shown),
        final=final,
    )


def project_of(dataset: Dataset, folder: Path, predictions: Predictions | None = None) -> Project:
    """The data set as read from a CSV file in the folder."""
    path = folder / f"{dataset.name}.csv"
    with path.open("w", newline="", encoding="utf-8", errors="surrogatepass") as out:
        writer = csv.writer(out)
        writer.writerow(dataset.table.columns)
        writer.writerows(dataset.table.fillna("").to_numpy().tolist())
    layout = {"encoding": "utf-8", "delimiter": ",", "quote": '"', "header": True}
    source = Source(path, "csv", file_sha256(path), path.stat().st_size, layout)
    return Project(dataset, predictions or Predictions(), source, ())


def record_of(
    project: Project,
    events: Iterable[Decision],
    folder: Path,
    policy: str = "agreed",
    audit: Audit | None = None,
    **options: object,
) -> Record:
    """The record after these events."""
    store = Store(f"sqlite:///{folder / 'decisions.db'}")
    events = list(events)
    if events:
        store.record(events)
    name, dataset = project.name, project.dataset
    decided = outcomes(store.standings(name), store.events(name, actions=ABOUT), dataset, policy)
    corrections = correct(dataset, project.source, decided, ExportOptions(**options))  # type: ignore[arg-type]
    found = audit or run_audit(dataset, project.predictions, folder)
    return review_record(project, found, store, corrections)
