"""A data set that was reviewed: rows at random and from the top of the ranking, in a store."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.dataset import Dataset
from core.evidence.reading import Reading
from core.issues import Result, issue_table
from core.predictions import Predictions
from core.review.chance import random_order
from core.review.decisions import Action, Decision
from core.review.orders import RANDOM_SEED
from core.review.store import Store
from core.source import Source
from core.workspace import Project
from tests.conftest import make_dataset

ROWS, WRONG = 400, 40


def dataset(rows: int = ROWS) -> Dataset:
    """Two classes by turns, two splits; the first 40 labels are wrong and ranked first."""
    made = make_dataset([i % 2 for i in range(rows)], ("cat", "dog"))
    made.table["part"] = ["train" if i % 4 else "test" for i in range(rows)]
    return replace(made, columns=replace(made.columns, split="part"))


def score(rows: int = ROWS) -> np.ndarray:
    return np.linspace(0, 1, rows)


def verdicts(data: Dataset, read: int, share: float = 0.5, pace: float = 4.0) -> list[Decision]:
    """The first `read` rows of a queue with that share of random rows, one every `pace` seconds."""
    order = random_order(data.row_ids, RANDOM_SEED)
    ranked, lot = iter(range(len(data))), iter(order.tolist())
    seen: dict[int, bool] = {}
    for coin in (np.random.default_rng(0).random(read) < share).tolist():
        seen[next(p for p in (lot if coin else ranked) if p not in seen)] = coin
    events = []
    for i, (position, drawn) in enumerate(seen.items()):
        at = i * pace
        shown = {
            "source": "audit" if drawn else "ranked",
            "find": "label_issues",
            "score": round(float(score(len(data))[position]), 3),
            "shown_at": f"2026-01-01T{int(at // 3600):02d}:{int(at // 60) % 60:02d}:{at % 60:06.3f}Z",
        }
        given = str(data.given_labels(slice(position, position + 1))[0])
        wrong = position < WRONG
        events.append(
            Decision(
                data.name,
                str(data.row_ids[position]),
                Action.RELABEL if wrong else Action.KEEP,
                "ann",
                given,
                f"op{i}",
                ("dog" if given == "cat" else "cat") if wrong else None,
                shown=json.dumps(shown),
            )
        )
    return events


def reading(store: Store, read: int = 0, share: float = 0.5, checked: bool = True) -> Reading:
    """A reading after `read` decisions. checked: whether labels were looked at, so that rows are ranked."""
    data = dataset()
    events = verdicts(data, read, share)
    if events:
        assert not [r for r in store.record(events) if r.refused]
    project = Project(data, Predictions(), Source(Path("pets.csv"), "csv", "0" * 64, 1), ())
    table = issue_table(data, score(), score() < 0.2)
    results = {"label_issues": Result(table, {"flagged": 80, "estimator": "test"})} if checked else {}
    return Reading(project, results, store)
