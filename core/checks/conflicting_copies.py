"""Rows with the same content and different labels: whoever is right, they cannot all be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from core.dataset import Dataset
from core.issues import Check, Cost, Result, issue_table
from core.methods.duplicates import first_copies
from core.predictions import Predictions
from core.progress import Progress

_NAMED = 3


def run(dataset: Dataset, predictions: Predictions, params: Mapping[str, Any], progress: Progress) -> Result:
    """Flag every labelled row that has a copy with another label; see core.methods.duplicates.first_copies
    for what is a copy.

    score: the share of its labelled copies, itself among them, that have its label; 1 for a row whose copies
    agree with it. suggestion: the label that more than half of the copies have, for those that lack it.
    Extra columns: group (position of its first copy, -1: not flagged), copies (labelled rows of the group).
    """
    first = first_copies(dataset, progress.part(0, 0.9))
    labelled = np.flatnonzero(dataset.labels >= 0)
    pairs = pd.DataFrame({"group": first[labelled], "label": dataset.labels[labelled]})
    same = pairs.groupby(["group", "label"], sort=False)["label"].transform("size").to_numpy()
    copies = pairs.groupby("group", sort=False)["label"].transform("size").to_numpy()
    conflict = same < copies
    progress.report(0.9, "writing reasons")
    rows = labelled[conflict]
    counted = pairs[conflict].groupby(["group", "label"], sort=False).size()
    by_group: dict[int, list[tuple[int, int]]] = {}
    for (of, label), count in zip(counted.index.tolist(), counted.tolist(), strict=True):
        by_group.setdefault(of, []).append((label, count))
    n = len(dataset)
    score, suggestion = np.ones(n, dtype=np.float32), np.full(n, -1, dtype=np.int32)
    score[rows] = same[conflict] / copies[conflict]
    reasons = {}
    for number, row in enumerate(rows.tolist()):
        if number % 20_000 == 0:
            progress.report(0.9 + 0.1 * number / len(rows), "writing reasons")
        found = by_group[int(first[row])]
        own = int(dataset.labels[row])
        most, votes = max(found, key=lambda pair: pair[1])
        if 2 * votes > sum(count for _, count in found) and most != own:
            suggestion[row] = most
        reasons[row] = _reason(dataset, [pair for pair in found if pair[0] != own])
    group, size = np.full(n, -1, dtype=np.int32), np.zeros(n, dtype=np.int32)
    group[rows], size[rows] = first[rows], copies[conflict]
    table = issue_table(dataset, score, group >= 0, suggestion, reasons, group=group, copies=size)
    summary = {
        "flagged": len(rows),
        "estimator": "equal content, different labels",
        "groups": len(by_group),
        # In each group all but the rows of one label are wrong, whichever label is right.
        "wrong_at_least": int(sum(sum(c for _, c in f) - max(c for _, c in f) for f in by_group.values())),
        "note": "",
    }
    return Result(table, summary)


def _reason(dataset: Dataset, others: list[tuple[int, int]]) -> str:
    others = sorted(others, key=lambda pair: -pair[1])
    named = [f"{count:,} labelled {dataset.classes[label]}" for label, count in others[:_NAMED]]
    more = sum(count for _, count in others[_NAMED:])
    listed = ", ".join([*named, f"{more:,} labelled otherwise"] if more else named)
    total = sum(count for _, count in others)
    return f"The same content stands in {total:,} {'row' if total == 1 else 'rows'} more: {listed}."


CHECK = Check(
    name="conflicting_copies",
    title="Conflicting copies",
    help="Rows with exactly the same content and different labels: at least one of them is wrong.",
    needs=frozenset({"content", "labels"}),
    run=run,
    whole=True,
    cost=Cost(2, 1200),
    limits=(
        "Only exact copies count: texts alike but for case and white space, image files of equal bytes, "
        "equal values. Where content does not decide the label alone, two labels may both be right."
    ),
)
