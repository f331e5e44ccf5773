"""Rows that two classes fit nearly alike, the given label being one of them: to be discussed, not corrected.

Near-equal votes are measured on CIFAR-10N, where three people labelled each row, by
tests/benchmarks/bench_ambiguous.py. That both probabilities reach the thresholds of confident learning was
tried there too: it holds for no row of 15,000, since the thresholds of two classes mostly add up to over 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.checks.label_issues import percent
from core.dataset import Dataset
from core.issues import Check, Cost, Result, Setting, issue_table, nothing
from core.methods.confident_learning import Probabilities, blocks, scan
from core.methods.corrected_confidence import Mixture, rank, votes_of
from core.methods.label_filters import DEFAULT_FILTER, flag
from core.neighbour_graph import NEIGHBOURS, graph
from core.predictions import Predictions
from core.progress import Progress

MOST_LIKELY = 0.5
"""Probability that the two classes have together, at least: else more than two are in question."""


def run(dataset: Dataset, predictions: Predictions, params: Mapping[str, Any], progress: Progress) -> Result:
    """Flag rows whose given label is one of the two likeliest classes, and the second nearly as likely.

    Probabilities are the mixture of model and nearest rows that ranks the label errors; the model's alone
    without embeddings. score: 1 - second / first, 0 where both are as likely; 1 for a row whose label is
    neither of the two, that the label check flags by its defaults, or that has no label. No suggestion.
    Flagged: second / first >= `near_equal`, and both together over a half.
    """
    probs = predictions.pred_probs
    if probs is None:
        raise ValueError("ambiguous needs pred_probs")
    n = len(dataset)
    if dataset.sets is not None or probs.shape[1] < 2:
        several = dataset.sets is not None
        note = "A row can have several labels here." if several else "With one class nothing is ambiguous."
        return nothing(dataset, "there are no two classes to choose from", {"note": note})
    votes = None
    if predictions.embeddings is not None and n > 1:
        found = graph(predictions, progress.part(0, 0.5))
        votes = votes_of(dataset.labels, found.rows[:, :NEIGHBOURS], found.distances[:, :NEIGHBOURS])
    scanned = scan(dataset.labels, probs, progress.part(0.5, 0.6))
    ranked = rank(dataset.labels, probs, votes, progress.part(0.6, 0.7), scanned)
    called_wrong = flag(scanned, probs, DEFAULT_FILTER, progress.part(0.7, 0.75), ranked)
    two = best_two(ranked.mixture, scanned.rows, progress.part(0.75, 0.95))
    progress.report(0.95, "writing reasons")
    either = (two.first == scanned.labels) | (two.second == scanned.labels)
    likeness = np.where(either & ~called_wrong, two.p_second / np.maximum(two.p_first, 1e-9), 0)
    ambiguous = (likeness >= params["near_equal"]) & (two.p_first + two.p_second > MOST_LIKELY)
    score, flagged = np.ones(n), np.zeros(n, dtype=bool)
    score[scanned.rows] = np.clip(1 - likeness, 0, 1)
    flagged[scanned.rows] = ambiguous
    reasons = _reasons(dataset, ranked.mixture, scanned.rows, two, np.flatnonzero(ambiguous))
    summary = {
        "flagged": int(ambiguous.sum()),
        "estimator": (
            f"second likeliest class at least {params['near_equal']:g} times as likely as the first, the "
            "given label one of the two, and not flagged by the label check"
        ),
        "scored": len(scanned.rows),
        "unlabelled": n - len(scanned.rows),
        "note": "",
    }
    return Result(issue_table(dataset, score, flagged, reasons=reasons), summary)


@dataclass(frozen=True, eq=False)
class Two:
    """(n,) the two likeliest classes of each row and their probabilities; of equals the first class."""

    first: np.ndarray
    second: np.ndarray
    p_first: np.ndarray
    p_second: np.ndarray


def best_two(probs: Probabilities, rows: np.ndarray, progress: Progress | None = None) -> Two:
    """The two likeliest classes of these rows. probs: (N, K), K >= 2, may be a memory map or a mixture."""
    progress = progress or Progress()
    two = Two(
        *(np.empty(len(rows), dtype=np.int32) for _ in range(2)),
        *(np.empty(len(rows), dtype=np.float64) for _ in range(2)),
    )
    for part in blocks(len(rows), probs.shape[1] * 12):
        block = np.array(probs[rows[part]])
        line = np.arange(len(block))
        for who, p in ((two.first, two.p_first), (two.second, two.p_second)):
            best = block.argmax(axis=1)
            who[part], p[part] = best, block[line, best]
            block[line, best] = -1
        progress.report(part.stop / len(rows), "comparing classes")
    return two


def _reasons(
    dataset: Dataset, mixture: Mixture, rows: np.ndarray, two: Two, at: np.ndarray
) -> dict[int, str]:
    """ "Two classes fit: the model and the nearest rows give cat 46% and dog 41%." """
    who = "the model and the nearest rows give" if mixture.share else "the model gives"
    cells = zip(
        rows[at].tolist(),
        two.first[at].tolist(),
        two.p_first[at].tolist(),
        two.second[at].tolist(),
        two.p_second[at].tolist(),
        strict=True,
    )
    names = dataset.classes
    return {
        row: f"Two classes fit: {who} {names[a]} {percent(p)} and {names[b]} {percent(r)}."
        for row, a, p, b, r in cells
    }


CHECK = Check(
    name="ambiguous",
    title="Ambiguous",
    help="Rows that two classes fit nearly alike; the given label is one of them.",
    needs=frozenset({"labels", "pred_probs"}),
    uses=frozenset({"embeddings"}),
    run=run,
    labels="class",
    cost=Cost(4, 2000, searches=True),
    version=2,
    settings=(
        Setting(
            "near_equal",
            0.5,
            "How likely the second class is, as a part of the first, 0 to 1. On CIFAR-10N people differ on "
            "as large a share of the rows at 0.5 as at 0.9, and on a smaller one below 0.4.",
        ),
    ),
    limits=(
        "A row is here or among the label errors, never in both: rows that the label check flags by its "
        "default settings are left out, and so are rows whose label is neither of the two classes. What a "
        "model finds hard, people often do not: on CIFAR-10N people differed on 43% of the rows flagged here "
        "and on 35% of all that look right. Errors that the label check misses are among the rows."
    ),
)
