"""Rows that seem to belong to none of the classes.

Source: Vaze et al., 2022 (maximum logit); see core.methods.out_of_class.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from core.checks.label_issues import percent
from core.dataset import Dataset
from core.issues import Check, Cost, Result, Setting, issue_table, nothing
from core.methods.confident_learning import blocks
from core.methods.out_of_class import (
    LEAST_TRUSTED,
    MOST_GROUPED,
    NEAREST,
    Alike,
    groups,
    largest_logit,
    rarity,
    trusted_distance,
)
from core.predictions import Predictions
from core.progress import Progress

SCORES = ("nearest_rows", "max_logit", "energy", "log_probability")
_ASK = {
    "nearest_rows": "embeddings of trusted rows to compare with",
    "max_logit": "logits",
    "energy": "logits",
}
_LEAST = 1e-9


def run(dataset: Dataset, predictions: Predictions, params: Mapping[str, Any], progress: Progress) -> Result:
    """Flag rows that are unlike the trusted rows of the class that fits them best; see `rarity`.

    Trusted: the given label is the model's first class. score: the share of trusted rows with that first
    class that are as unlike, by distance to the nearest trusted rows, by the largest logit, by the energy
    (log of the sum of exponentials of the logits) or by log-probability; 1 = as usual. What is not there to
    go by is replaced by the next of these that is.
    Flagged: not trusted, and a score up to `false_alarms`. No suggestion: that no class fits is the finding.
    Extra column: group, number of the group of flagged rows that are alike, from 0, -1 = none. Figure
    "groups": what could be new classes, by their most central rows.
    """
    probs = predictions.pred_probs
    if probs is None:
        raise ValueError("out_of_class needs pred_probs")
    if dataset.sets is not None or probs.shape[1] < 2:
        return _none(dataset, "This asks for one label a row, and for two classes or more.")
    first, top = _first(probs, progress.part(0, 0.2))
    trusted = np.asarray(dataset.labels) == first
    q, wanted, log_sums = params["false_alarms"], params["score"], predictions.log_sums
    if wanted == "nearest_rows" and (predictions.embeddings is None or trusted.sum() < 2):
        wanted = "max_logit"
    if log_sums is None and wanted in ("max_logit", "energy"):
        wanted = "log_probability"
    times: np.ndarray | None = None
    if wanted == "nearest_rows" and predictions.embeddings is not None:
        score, times = _by_distance(predictions.embeddings, first, trusted, progress.part(0.2, 0.85))
    elif wanted == "energy" and log_sums is not None:
        score = rarity(np.asarray(log_sums), first, trusted)
    else:
        score = rarity(largest_logit(top, log_sums if wanted == "max_logit" else None), first, trusted)
    flagged = ~trusted & (score <= q)
    rows = np.flatnonzero(flagged)
    rows = rows[np.argsort(score[rows], kind="stable")]
    progress.report(0.85, "looking for new classes")
    found = Alike(np.full(len(rows), -1, np.int32), np.empty(0, np.int64), np.empty(0, np.int64))
    if predictions.embeddings is not None:
        found = groups(predictions.embeddings, rows)
    group = np.full(len(dataset), -1, dtype=np.int32)
    group[rows] = found.number
    progress.report(0.95, "writing reasons")
    reasons = _reasons(dataset, first, top, score, times, rows, wanted)
    table = issue_table(dataset, score, flagged, reasons=reasons, group=group)
    summary = _summary(wanted, params["score"], q, int(trusted.sum()), len(rows), len(found.sizes))
    ids = dataset.row_ids.to_numpy()[rows[found.medoids]]
    figure = pd.DataFrame(
        {"group": np.arange(len(found.sizes)), "row_id": pd.array(ids, dtype="str"), "rows": found.sizes}
    )
    return Result(table, summary, {"groups": figure})


def _first(probs: np.ndarray, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
    """(N,) likeliest class of each row, the first of equals, and its probability."""
    first, top = np.empty(len(probs), np.int32), np.empty(len(probs), np.float64)
    for part in blocks(len(probs), probs.shape[1] * probs.dtype.itemsize):
        block = np.asarray(probs[part])
        first[part] = block.argmax(axis=1)
        top[part] = block[np.arange(len(block)), first[part]]
        progress.report(part.stop / len(probs), "reading probabilities")
    return first, top


def _by_distance(
    embeddings: np.ndarray, first: np.ndarray, trusted: np.ndarray, progress: Progress
) -> tuple[np.ndarray, np.ndarray]:
    """(N,) rarity of each row's distance to trusted rows, and that distance over the usual one."""
    distance = trusted_distance(embeddings, np.arange(len(trusted)), trusted, progress)
    usual = max(float(np.median(distance[trusted])), _LEAST)
    return rarity(-distance, first, trusted), distance / usual


def _reasons(
    dataset: Dataset,
    first: np.ndarray,
    top: np.ndarray,
    score: np.ndarray,
    times: np.ndarray | None,
    rows: np.ndarray,
    by: str,
) -> dict[int, str]:
    """ "No class seems to fit: the likeliest is dog with 36%, and the 10 nearest rows ... " """
    out = {}
    for row in rows.tolist():
        name = dataset.classes[first[row]]
        likeliest = f"the likeliest is {name} with {percent(float(top[row]))}"
        more = percent(1 - float(score[row]))
        if times is None:
            what = {"max_logit": ", its logit is less", "energy": ", the energy of its logits is less"}
            fact = f"{likeliest}{what.get(by, ', less')} than in {more} of the rows that are surely {name}"
        else:
            far = f"{times[row]:.1f} times as far away as is usual" if times[row] < 1000 else "far away"
            fact = (
                f"{likeliest}, and its {NEAREST} nearest sure rows are {far}, farther than for {more} of "
                f"the rows that are surely {name}"
            )
        out[row] = f"No class seems to fit: {fact}."
    return out


def _summary(wanted: str, asked: str, q: float, trusted: int, flagged: int, found: int) -> dict[str, Any]:
    by = {
        "log_probability": "log-probability of the likeliest class",
        "nearest_rows": f"distance to the {NEAREST} nearest trusted rows",
        "max_logit": "largest logit",
        "energy": "energy (log of the sum of exponentials of the logits)",
    }
    notes = []
    if wanted != asked:
        notes.append(f"No {_ASK[asked]}: by {by[wanted]}.")
    if trusted < LEAST_TRUSTED:
        notes.append(f"{trusted:,} trusted rows are too few to say what is usual.")
    if flagged > MOST_GROUPED:
        notes.append(f"Groups are of the {MOST_GROUPED:,} rows that fit worst.")
    return {
        "flagged": flagged,
        "estimator": (
            f"{by[wanted]} as unlike as in at most {q:.0%} of the trusted rows of that class "
            "(label = the model's first class), among rows that are not trusted"
        ),
        "trusted": trusted,
        "groups": found,
        "note": " ".join(notes),
    }


def _none(dataset: Dataset, note: str) -> Result:
    empty = pd.DataFrame({"group": [], "row_id": pd.array([], dtype="str"), "rows": []})
    group = np.full(len(dataset), -1, np.int32)
    return nothing(dataset, "one label a row is needed", {"note": note}, {"groups": empty}, group=group)


CHECK = Check(
    name="out_of_class",
    title="Out of class",
    help="Rows that seem to belong to none of the classes, and groups of them that could be new ones.",
    needs=frozenset({"labels", "pred_probs"}),
    uses=frozenset({"embeddings", "log_sums"}),
    run=run,
    labels="class",
    cost=Cost(78, 900),
    settings=(
        Setting(
            "score",
            "nearest_rows",
            "What has to be unusual: the distance to the nearest rows that surely belong to a class; the "
            "largest logit (used where there are no embeddings) or the energy of the logits, if the model's "
            "file held them; the log-probability of the likeliest class, used where there are neither.",
            SCORES,
        ),
        Setting("false_alarms", 0.05, "Share of trusted rows that are as unlike, 0 to 1."),
    ),
    limits=(
        "Probabilities alone do not tell how large the logits were. Rows whose "
        "label is the model's first class are trusted and never flagged: a row of no class that was labelled "
        "as the model would label it stays hidden. Hard rows of the known classes look alike, and the worse "
        "the model the more of them are flagged: 4% of CIFAR-10N, in which every row has a class."
    ),
)
