"""Rows whose given label the model contradicts: confident learning (Northcutt et al., 2021)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from core.checks import _label_sets
from core.dataset import Dataset
from core.issues import Check, Cost, Result, Setting, issue_table, nothing
from core.methods.confident_learning import (
    SCORES,
    Scan,
    bootstrap_interval,
    count_calibrated,
    count_off_diagonal,
    estimate_errors,
    label_quality,
    scan,
)
from core.methods.corrected_confidence import CORRECTED, Mixture, Ranking, Votes, rank, votes_of
from core.methods.intervals import wilson
from core.methods.label_filters import DEFAULT_FILTER, FILTERS, flag
from core.methods.recall import Recall
from core.neighbour_graph import NEIGHBOURS, graph
from core.predictions import Predictions
from core.progress import Progress

DRAWS, SEED = 1000, 0
FEW_ROWS = 5  # classes with fewer labelled rows are named: their estimate says next to nothing


def run(dataset: Dataset, predictions: Predictions, params: Mapping[str, Any], progress: Progress) -> Result:
    """Score every labelled row and flag those that look mislabelled.

    Rows without a label score 1 and are never flagged. The suggestion is the likeliest class other than the
    given label, by the ranking that is in use, where the row is flagged or the model prefers another class;
    else missing.
    """
    probs = predictions.pred_probs
    if probs is None:
        raise ValueError("label_issues needs pred_probs")
    if dataset.sets is not None:
        return _label_sets.run(dataset, probs, params, progress)
    note = _too_small(dataset)
    if probs.shape[1] < 2:
        return _nothing_to_compare(dataset, note)
    votes, recall = None, None
    if params["score"] == CORRECTED:
        votes, recall = _votes(dataset, predictions, progress.part(0, 0.5))
    scanned = scan(dataset.labels, probs, progress.part(0.5, 0.6))
    ranked = _ranked(dataset, scanned, probs, params["score"], votes, progress.part(0.6, 0.7))
    part = progress.part(0.7, 0.8)
    flagged = flag(scanned, probs, params["filter_by"], part, ranked)
    progress.report(0.8, "writing reasons")
    shown = flagged | (scanned.predicted != scanned.labels)
    n = len(dataset)
    table = issue_table(
        dataset,
        score=_spread(n, scanned, np.clip(ranked.quality, 0, 1), 1.0, np.float32),
        flagged=_spread(n, scanned, flagged, False, bool),
        suggestion=_spread(n, scanned, np.where(shown, ranked.other, -1), -1, np.int32),
        reasons=_reasons(scanned, ranked.other, probs, votes, flagged, dataset.classes),
    )
    summary = _summary(dataset, scanned, int(flagged.sum()), params["filter_by"], note)
    words = _ranking_words(ranked) if params["score"] == CORRECTED else params["score"].replace("_", " ")
    summary["ranking"] = words if recall is None else f"{words}; {recall.words}"
    return Result(table, summary, _figures(dataset.classes, scanned, ranked.other, flagged))


def _votes(
    dataset: Dataset, predictions: Predictions, progress: Progress
) -> tuple[Votes | None, Recall | None]:
    """What the nearest rows are labelled, None without embeddings, or with one row only; and Graph.recall."""
    if predictions.embeddings is None or len(dataset) < 2:
        return None, None
    found = graph(predictions, progress)
    near, distances = found.rows[:, :NEIGHBOURS], found.distances[:, :NEIGHBOURS]
    return votes_of(dataset.labels, near, distances), found.recall


def _ranked(
    dataset: Dataset,
    scanned: Scan,
    probs: np.ndarray,
    score: str,
    votes: Votes | None,
    progress: Progress,
) -> Ranking:
    if score != CORRECTED:
        return Ranking(label_quality(scanned, score, probs), scanned.other, Mixture(probs), scanned, 0)
    return rank(dataset.labels, probs, votes, progress, scanned)


def _ranking_words(ranked: Ranking) -> str:
    """How the rows were ranked and why so, for people."""
    mixture, flows = ranked.mixture, ranked.flows
    said = "self-confidence of the model"
    if mixture.votes is not None:
        seed = "" if mixture.seed is None else f", seed {mixture.seed}"
        said += (
            f" ({1 - mixture.share:.0%}) and of the {mixture.votes.labels.shape[1]} nearest rows "
            f"({mixture.share:.0%}; these shares foretell the given labels best{seed})"
        )
    if flows:
        pairs = f"{flows:,} {'pair' if flows == 1 else 'pairs'} of classes"
        said += f", lowered for {pairs} between which errors go mostly one way"
    return said


def percent(p: float) -> str:
    """A probability for people: "91%"; "<1%" and ">99%" where rounding would claim certainty."""
    if 0 < p < 0.01:
        return "<1%"
    if 0.99 < p < 1:
        return ">99%"
    return f"{p:.0%}"


def _too_small(dataset: Dataset) -> str:
    labelled = dataset.labels[dataset.labels >= 0]
    if len(labelled) < 2:
        return f"{len(labelled):,} labelled row is too few to estimate errors."
    if (labelled == labelled[0]).all():
        name = dataset.classes[labelled[0]]
        return (
            f"Every labelled row is {name}: with one class there is no other label to estimate errors from."
        )
    return ""


def _nothing_to_compare(dataset: Dataset, note: str) -> Result:
    unlabelled = int((dataset.labels < 0).sum())
    counts = {"scored": len(dataset) - unlabelled, "unlabelled": unlabelled}
    return nothing(dataset, "the data set has one class", {**counts, "note": note})


def _spread(n: int, scanned: Scan, values: np.ndarray, fill: float, dtype: type) -> np.ndarray:
    """Values of the labelled rows put in their places among all n rows."""
    out: np.ndarray = np.full(n, fill, dtype=dtype)
    out[scanned.rows] = values
    return out


def _reasons(
    scanned: Scan,
    other: np.ndarray,
    probs: np.ndarray,
    votes: Votes | None,
    flagged: np.ndarray,
    classes: tuple[str, ...],
) -> dict[int, str]:
    """ "The model gives dog 96% and cat 4%; of the 30 nearest rows 21 are dog and 2 cat." """
    at = np.flatnonzero(flagged)
    rows, others, given = scanned.rows[at], other[at], scanned.labels[at]
    near = [""] * len(at)
    if votes is not None:
        found = votes.labels[rows]
        counts = [(found >= 0).sum(1), (found == others[:, None]).sum(1), (found == given[:, None]).sum(1)]
        near = [
            f"; of the {n} nearest rows {a} are {classes[k]} and {b} {classes[g]}" if n else ""
            for n, a, b, k, g in zip(*(c.tolist() for c in (*counts, others, given)), strict=True)
        ]
    cells = zip(
        rows.tolist(),
        others.tolist(),
        probs[rows, others].tolist(),
        given.tolist(),
        scanned.p_given[at].tolist(),
        near,
        strict=True,
    )
    return {
        row: f"The model gives {classes[k]} {percent(p_k)} and {classes[g]} {percent(p_g)}{more}."
        for row, k, p_k, g, p_g, more in cells
    }


def _summary(dataset: Dataset, scanned: Scan, flagged: int, filter_by: str, note: str) -> dict[str, Any]:
    scored = len(scanned.labels)
    low, high = bootstrap_interval(scanned, DRAWS, SEED)
    counts = scanned.class_counts
    return {
        "flagged": flagged,
        "estimator": FILTERS[filter_by],
        "estimate": round(estimate_errors(scanned)),
        "low": low,
        "high": high,
        "estimate_method": (
            "calibrated count of the confident joint; 95% bootstrap interval of the confident counts, "
            f"{DRAWS:,} draws, seed {SEED}, thresholds and model held fixed"
        ),
        "cleanlab_counts": {
            "off_diagonal": count_off_diagonal(scanned),
            "off_diagonal_calibrated": count_calibrated(scanned),
        },
        "engine": "streaming",
        "scored": scored,
        "unlabelled": len(dataset) - scored,
        "classes_without_rows": [dataset.classes[k] for k in np.flatnonzero(counts == 0)],
        "classes_with_few_rows": [
            dataset.classes[k] for k in np.flatnonzero((counts > 0) & (counts < FEW_ROWS))
        ],
        "note": note,
    }


def _figures(
    classes: tuple[str, ...], scanned: Scan, other: np.ndarray, flagged: np.ndarray
) -> dict[str, pd.DataFrame]:
    joint = scanned.joint
    truly = joint.sum(axis=0)
    return {
        "per_class": _per_class(classes, scanned, flagged),
        "joint": _long(classes, joint, "rows"),
        "noise_matrix": _long(classes, joint / np.where(truly > 0, truly, 1), "p"),
        "confused_pairs": _confused_pairs(classes, scanned, other, flagged),
    }


def _per_class(classes: tuple[str, ...], scanned: Scan, flagged: np.ndarray) -> pd.DataFrame:
    """One line a class, worst estimated error rate first.

    error_rate: share of the rows given this label that are estimated wrong, low and high its 95% Wilson
    interval over the confidently counted rows. missed_rate: share of the rows truly of this class that
    are estimated to have another label. Classes without rows have no rate.
    """
    confident, joint = scanned.confident_joint, scanned.joint
    counted = confident.sum(axis=1)
    low, high = wilson(counted - confident.diagonal(), counted)
    rate = 1 - confident.diagonal() / counted
    empty = scanned.class_counts == 0
    truly = joint.sum(axis=0)
    frame = pd.DataFrame(
        {
            "class": _names(classes, np.arange(len(classes))),
            "rows": scanned.class_counts,
            "flagged": np.bincount(scanned.labels[flagged], minlength=len(classes)),
            "counted": np.where(empty, 0, counted),
            "estimate": scanned.class_counts - joint.diagonal(),
            "error_rate": np.where(empty, np.nan, rate),
            "low": np.where(empty, np.nan, low),
            "high": np.where(empty, np.nan, high),
            "missed_rate": np.where(truly > 0, 1 - joint.diagonal() / np.where(truly > 0, truly, 1), np.nan),
        }
    )
    return frame.sort_values("error_rate", ascending=False, kind="stable", ignore_index=True)


def _long(classes: tuple[str, ...], matrix: np.ndarray, value: str) -> pd.DataFrame:
    """The non-zero cells of a (K, K) matrix by [given, true]. noise_matrix: P(given | true)."""
    given, true = np.nonzero(matrix)
    return pd.DataFrame(
        {
            "given": _names(classes, given),
            "true": _names(classes, true),
            value: matrix[given, true],
        }
    )


def _names(classes: tuple[str, ...], codes: np.ndarray) -> pd.Series:
    return pd.Series(pd.Categorical.from_codes(codes.tolist(), pd.Index(classes)))


def _confused_pairs(
    classes: tuple[str, ...], scanned: Scan, other: np.ndarray, flagged: np.ndarray
) -> pd.DataFrame:
    """One line a pair (given, suggested): rows flagged, and rows the joint estimates; worst first."""
    k = len(classes)
    pairs = scanned.labels[flagged].astype(np.int64) * k + other[flagged]
    found = np.bincount(pairs, minlength=k * k).reshape(k, k)
    estimate = scanned.joint.copy()
    np.fill_diagonal(estimate, 0)
    given, suggested = np.nonzero(found + estimate)
    frame = pd.DataFrame(
        {
            "given": _names(classes, given),
            "suggested": _names(classes, suggested),
            "flagged": found[given, suggested],
            "estimate": estimate[given, suggested],
        }
    )
    return frame.sort_values(["flagged", "estimate"], ascending=False, kind="stable", ignore_index=True)


CHECK = Check(
    name="label_issues",
    title="Label errors",
    help="Rows whose given label the model's out-of-sample probabilities contradict.",
    needs=frozenset({"labels", "pred_probs"}),
    uses=frozenset({"embeddings"}),
    run=run,
    labels="class",
    cost=Cost(12, 900, searches=True),
    version=4,
    settings=(
        Setting(
            "filter_by",
            DEFAULT_FILTER,
            "How many rows are flagged, and which. The default and calibrated flag the lowest scores. "
            "calibrated flags as many as errors are estimated. The default goes on where more rows fit "
            "another class likelier than not: it finds errors that the model has half learned, and flags "
            "more rows that are right and that the model has not understood. All others are cleanlab's own "
            f"filters. Where a row can have several labels the default is {_label_sets.USUAL_FILTER}.",
            tuple(FILTERS),
        ),
        Setting(
            "score",
            CORRECTED,
            f"How rows are ranked. The default asks the model and, with embeddings, the {NEIGHBOURS} nearest "
            "rows; the others are cleanlab's, and confidence_weighted_entropy ranks saturated probabilities "
            f"badly. Where a row can have several labels the default is {_label_sets.USUAL_SCORE}.",
            (CORRECTED, *SCORES),
        ),
    ),
    limits=(
        "Systematic errors that the model learned from the labels stay hidden. Rows that the model finds "
        "hard are flagged beside wrong ones, so that more can be flagged than are estimated wrong. The "
        "estimate assumes that the probabilities are out-of-sample and that whether a label is wrong "
        "depends on the class only. "
        "The interval covers the draw of rows, not a wrong model. A suggested label can be wrong where "
        "the flag is right. Above 30,000 rows a few of the nearest rows may be missed, which the recall says."
    ),
)
