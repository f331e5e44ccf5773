"""Rows far from all others in the embedding space: mean distance to the nearest rows.

Source: Kuan, Mueller: Back to the Basics: Revisiting Out-of-Distribution Detection Baselines, 2022.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from core.dataset import Dataset
from core.issues import Check, Cost, Result, Setting, issue_table, nothing
from core.neighbour_graph import graph
from core.predictions import Predictions
from core.progress import Progress

_COPY = 1e-6  # a mean distance up to this is a row among its exact copies


def run(dataset: Dataset, predictions: Predictions, params: Mapping[str, Any], progress: Progress) -> Result:
    """Score every row by its mean cosine distance to its k nearest rows; labels play no part.

    score: exp(-distance / usual distance), usual = the median over rows that are no exact copies; a row at
    the usual distance scores 0.37. Flagged: the distance lies above Tukey's fence, the third quartile plus
    `fence` interquartile ranges, over the same rows.
    """
    if predictions.embeddings is None:
        raise ValueError("out_of_distribution needs embeddings")
    n = len(dataset)
    k = min(params["k"], n - 1)
    if k < 1:
        return _one_row(dataset)
    found = graph(predictions, progress.part(0, 0.95), k)
    progress.report(0.95, "writing reasons")
    distance = found.distances[:, :k].mean(axis=1)
    apart = distance[distance > _COPY]
    times = distance / np.median(apart) if len(apart) else np.zeros_like(distance)
    flagged = distance > tukey_fence(apart, params["fence"])
    rows = np.flatnonzero(flagged)
    reasons = {
        row: f"Its {k} nearest rows are {t:.1f} times as far away as is usual."
        for row, t in zip(rows.tolist(), times[rows].tolist(), strict=True)
    }
    how = "" if found.recall is None else f" ({found.recall.words})"
    summary = {
        "flagged": len(rows),
        "estimator": (
            f"mean cosine distance to the {k} nearest rows{how}, "
            f"above the third quartile plus {params['fence']:g} interquartile ranges"
        ),
        "k": k,
        "median_distance": float(np.median(distance)),
        "recall": found.recall and asdict(found.recall),
        "note": "",
    }
    score = np.exp(-times)
    table = issue_table(dataset, score, flagged, reasons=reasons, distance=distance, times_usual=times)
    return Result(table, summary)


def tukey_fence(values: np.ndarray, fence: float) -> float:
    """Third quartile plus `fence` interquartile ranges; infinite where the quartiles are equal (within
    1e-6) or there are no values, since then nothing says how far is far."""
    if not len(values):
        return np.inf
    low, high = np.quantile(values, [0.25, 0.75])
    return float(high + fence * (high - low)) if high - low > 1e-6 else np.inf


def _one_row(dataset: Dataset) -> Result:
    n = len(dataset)
    empty = np.zeros(n, dtype=np.float32)
    more = {"recall": None, "note": f"{n:,} row is too few to compare."}
    return nothing(dataset, "a row needs others to be compared with", more, distance=empty, times_usual=empty)


CHECK = Check(
    name="out_of_distribution",
    title="Outliers",
    help="Rows that are unlike all others in the embedding space, whatever their label.",
    needs=frozenset({"embeddings"}),
    run=run,
    cost=Cost(4, 600, searches=True),
    version=2,
    settings=(
        Setting("k", 10, "How many nearest rows are averaged."),
        Setting("fence", 1.5, "Interquartile ranges above the third quartile from which a row is flagged."),
    ),
    limits=(
        "It sees what the embedding model sees. A group of ten or more alike strangers looks usual, and in "
        "embeddings where all rows lie about equally far apart nothing stands out. Above 30,000 rows a "
        "few of the nearest rows are missed, as the recall says, and their row looks farther away than it is."
    ),
)
