"""Rows whose given label is not what annotators, each weighed by accuracy, and the model say together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from core.annotator_votes import vote_codes
from core.checks.label_issues import percent
from core.dataset import Dataset
from core.issues import Check, Cost, Result, Setting, issue_table, nothing
from core.methods.agreement import class_counts
from core.methods.consensus import METHODS, Consensus, consensus, default_method
from core.methods.intervals import wilson
from core.predictions import Predictions
from core.progress import Progress

USUAL = "usual"
_BY = {
    "majority": "counting each annotator alike",
    "dawid_skene": "with the annotators' accuracies",
    "crowdlab": "with the annotators' accuracies and the model",
}


def run(dataset: Dataset, predictions: Predictions, params: Mapping[str, Any], progress: Progress) -> Result:
    """Score the given labels of all rows with two answers or more by the consensus of their annotators.

    score: how likely the given label is by the consensus method, in [0, 1], 0 = worst; 1 for a row without a
    label or with fewer answers. Flagged: the consensus is another label, at least `sure` likely, and one
    class has more answers than any other: where they tie, the row is ambiguous and not called an error.
    Extra columns: answers, agreeing (answers that are the given label), consensus_quality (NaN: none),
    ambiguous.
    """
    progress.report(0.0, "reading answers")
    votes, unknown = vote_codes(dataset)
    answers = (votes >= 0).sum(axis=1)
    judged = (answers >= 2) & (dataset.labels >= 0)
    if dataset.sets is not None or not judged.any():
        several = dataset.sets is not None
        note = "A row can have several labels here." if several else "No labelled row has two answers."
        return nothing(dataset, "there are no answers to compare", {"note": note})
    probs = predictions.pred_probs
    method, missed = _method(params["consensus"], votes, probs is not None)
    k, given = len(dataset.classes), np.asarray(dataset.labels)
    found = consensus(votes, k, method, probs, given, progress.part(0.1, 0.9))
    progress.report(0.9, "writing reasons")
    leads = _leads(votes, k)
    ambiguous = (answers >= 2) & ~leads
    differs = judged & (found.labels >= 0) & (found.labels != given)
    flagged = differs & leads & (found.confidence >= params["sure"])
    quality = np.zeros(len(dataset)) if found.given is None else found.given
    table = issue_table(
        dataset,
        np.where(judged, quality, 1),
        flagged,
        np.where(differs, found.labels, -1),
        _reasons(dataset, votes, found, np.flatnonzero(flagged)),
        answers=answers.astype(np.int32),
        agreeing=((votes == given[:, None]) & (votes >= 0)).sum(axis=1).astype(np.int32),
        consensus_quality=found.confidence.astype(np.float32),
        ambiguous=ambiguous,
    )
    summary = {
        "flagged": int(flagged.sum()),
        "estimator": (
            f"given label other than the consensus of {METHODS[method].title}, which is at least "
            f"{params['sure']:.0%} likely and has no tie of answers against it"
        ),
        "consensus": method,
        "scored": int(judged.sum()),
        "unlabelled": int((given < 0).sum()),
        "fewer_answers": int(((answers < 2) & (given >= 0)).sum()),
        "ambiguous": int(ambiguous.sum()),
        "unknown_answers": unknown,
        "note": " ".join([*missed, *_notes(int(ambiguous.sum()), unknown)]),
    }
    figures = {
        "annotators": annotator_frame(dataset.annotators, votes, found),
        "agreement": agreement_frame(votes, found.labels, flagged),
    }
    return Result(table, summary, figures)


def annotator_frame(names: tuple[str, ...], votes: np.ndarray, found: Consensus) -> pd.DataFrame:
    """One line an annotator, who agrees least first, and in data order who shares no row with another.

    annotator: the column; votes: all answers; shared: those to rows with two answers or more and a consensus;
    agreeing: of these, equal to the consensus, which their own answer has a part in; share, low, high: of the
    shared ones with the 95% Wilson interval, NaN without any; quality: the method's, in [0, 1], 1 = best.
    """
    shared = (votes >= 0) & (((votes >= 0).sum(axis=1) >= 2) & (found.labels >= 0))[:, None]
    count, right = shared.sum(axis=0), (shared & (votes == found.labels[:, None])).sum(axis=0)
    some = np.where(count > 0, count, 1)
    low, high = wilson(right, some)
    frame = pd.DataFrame({"annotator": pd.array(list(names), dtype="str"), "votes": (votes >= 0).sum(axis=0)})
    frame = frame.assign(shared=count, agreeing=right, quality=found.annotator_quality)
    for name, value in (("share", right / some), ("low", low), ("high", high)):
        frame[name] = np.where(count > 0, value, np.nan)
    return frame.sort_values("high", kind="stable", ignore_index=True, na_position="last")


def agreement_frame(votes: np.ndarray, labels: np.ndarray, flagged: np.ndarray) -> pd.DataFrame:
    """One line for each number of answers and of those that are the consensus: rows, and flagged ones."""
    answers = (votes >= 0).sum(axis=1)
    agreeing = ((votes == labels[:, None]) & (votes >= 0)).sum(axis=1)
    frame = pd.DataFrame({"answers": answers, "agreeing": agreeing, "flagged": flagged})[answers > 0]
    found = frame.groupby(["answers", "agreeing"])["flagged"].agg(["size", "sum"]).reset_index()
    return found.rename(columns={"size": "rows", "sum": "flagged"})


def _method(asked: str, votes: np.ndarray, has_model: bool) -> tuple[str, list[str]]:
    """(the consensus method, why it is not the one that was asked for)."""
    if asked == USUAL:
        return default_method(votes, has_model), []
    if METHODS[asked].needs_model and not has_model:
        instead = default_method(votes, has_model)
        return instead, [f"{METHODS[asked].title} needs a model: {METHODS[instead].title} was used instead."]
    return asked, []


def _leads(votes: np.ndarray, k: int) -> np.ndarray:
    """(N,) whether one class has more answers than any other."""
    counts = class_counts(votes, k)
    most = counts.max(axis=1).toarray().ravel() if k else np.zeros(len(votes))
    row = np.repeat(np.arange(len(votes)), np.diff(counts.indptr))
    return np.bincount(row[counts.data == most[row]], minlength=len(votes)) == 1


def _reasons(dataset: Dataset, votes: np.ndarray, found: Consensus, at: np.ndarray) -> dict[int, str]:
    """ "Of 3 annotators 2 say cat; with the annotators' accuracies the given label dog has 8%." """
    names, given, labels = dataset.classes, dataset.labels[at], found.labels[at]
    of = (votes[at] >= 0).sum(axis=1)
    say = (votes[at] == labels[:, None]).sum(axis=1)
    quality = np.zeros(len(at)) if found.given is None else found.given[at]
    by = _BY[found.method]
    cells = zip(*(a.tolist() for a in (at, given, labels, of, say, quality)), strict=True)
    return {
        row: f"{_say(m, n, names[c], found.method)}; {by} the given label {names[g]} has {percent(p)}."
        for row, g, c, n, m, p in cells
    }


def _say(some: int, of: int, name: str, method: str) -> str:
    if not some:  # never so with the majority
        points = "the model points to it" if method == "crowdlab" else "their usual mistakes point to it"
        return f"Of {of} annotators none says {name}, but {points}"
    return f"Of {of} annotators {some} {'says' if some == 1 else 'say'} {name}"


def _notes(ambiguous: int, unknown: int) -> list[str]:
    rows, answers = "row" if ambiguous == 1 else "rows", "answer" if unknown == 1 else "answers"
    said = []
    if ambiguous:
        said.append(
            f"{ambiguous:,} {rows} on which the answers tie: ambiguous, not counted as errors; a cut by "
            "score reaches them."
        )
    if unknown:
        said.append(f"{unknown:,} {answers} that name no class were left out.")
    return said


CHECK = Check(
    name="annotator_votes",
    title="Annotators differ",
    help="Rows whose given label is not what their annotators, weighed by accuracy, and the model say.",
    needs=frozenset({"labels", "votes"}),
    uses=frozenset({"pred_probs"}),
    run=run,
    cost=Cost(15, 1500),
    optional=True,
    settings=(
        Setting(
            "consensus",
            USUAL,
            "How answers become one label. The usual one is CROWDLAB with a model; without one Dawid-Skene "
            "where rows have more than three answers on average, else the majority.",
            (USUAL, *METHODS),
        ),
        Setting("sure", 0.5, "How likely the consensus is at least, 0 to 1."),
    ),
    limits=(
        "Where the given label is what most annotators said, only their accuracies and the model can speak "
        "against it. An annotator's agreement with the consensus counts their own answer. Columns of first, "
        "second and third answers stand for people only where each column is one person. Errors that all "
        "annotators make stay hidden. CROWDLAB's numbers rank rows; a label that has 8% is wrong less often "
        "than in 92 of 100."
    ),
)
