"""Label errors where a row can have several labels; run by core.checks.label_issues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from core.dataset import Dataset
from core.issues import Result, issue_table
from core.methods.corrected_confidence import CORRECTED
from core.methods.label_filters import DEFAULT_FILTER, FILTERS
from core.methods.label_sets import Doubts, doubts, set_quality
from core.multilabel import LabelSets
from core.progress import Progress

USUAL_FILTER = "prune_by_noise_rate"
"""cleanlab's own default, in the place of DEFAULT_FILTER: that one's estimate of errors is far too high where
few rows have a label and the model is seldom sure of it (5,168 of 5,426 comments of GoEmotions)."""
USUAL_SCORE = "normalized_margin"
"""In the place of CORRECTED, which knows of one label a row."""
_NAMED = 3


def run(dataset: Dataset, pred_probs: np.ndarray, params: Mapping[str, Any], progress: Progress) -> Result:
    """Score every labelled row and flag those of which at least one label looks missing or too many.

    The suggestion is the given set with these labels put right. Where nothing would be left of it, and the
    data have no empty set, it is the likeliest class, or missing where the row has that label alone.
    """
    sets = dataset.sets
    if sets is None:
        raise ValueError("this data set has one label a row")
    filter_by = USUAL_FILTER if params["filter_by"] == DEFAULT_FILTER else params["filter_by"]
    member = sets.indicator(dataset.classes)
    found = doubts(dataset.labels, member, pred_probs, filter_by, progress.part(0, 0.8))
    flagged = np.zeros(len(dataset), dtype=bool)
    flagged[found.rows] = True
    progress.report(0.8, "writing reasons")
    suggested, reasons = _suggestions(dataset, sets, member, pred_probs, found)
    extra = tuple(dict.fromkeys(text for text in suggested.values() if text not in set(dataset.classes)))
    place = {text: code for code, text in enumerate((*dataset.classes, *extra))}
    codes = np.full(len(dataset), -1, dtype=np.int32)
    codes[list(suggested)] = [place[text] for text in suggested.values()]
    method = USUAL_SCORE if params["score"] == CORRECTED else params["score"]
    score = set_quality(dataset.labels, member, pred_probs, method)
    table = issue_table(dataset, score, flagged, codes, reasons, suggested_sets=extra)
    figures = {"per_label": _per_label(dataset, sets, member, found), "suggested_sets": _frame(extra)}
    settings = {"filter_by": filter_by, "score": method}
    return Result(table, _summary(dataset, member, found, flagged, settings), figures)


def _suggestions(
    dataset: Dataset, sets: LabelSets, member: np.ndarray, pred_probs: np.ndarray, found: Doubts
) -> tuple[dict[int, str], dict[int, str]]:
    """(suggested set, reason) by row position, of the flagged rows."""
    suggested: dict[int, str] = {}
    reasons: dict[int, str] = {}
    rows, starts = np.unique(found.rows, return_index=True)
    for row, doubted in zip(rows.tolist(), np.split(found.classes, starts[1:]), strict=True):
        given, probs = member[dataset.labels[row]], np.asarray(pred_probs[row])
        wanted = given.copy()
        wanted[doubted] ^= True
        if not wanted.any() and not sets.may_be_empty:
            wanted[probs.argmax()] = True
        changed = np.flatnonzero(wanted != given)
        if len(changed):
            suggested[row] = sets.text(sets.names[k] for k in np.flatnonzero(wanted))
        else:
            changed = doubted
        reasons[row] = _reason(sets.names, probs, given, changed)
    return suggested, reasons


def _reason(names: Sequence[str], probs: np.ndarray, given: np.ndarray, changed: np.ndarray) -> str:
    """ "The model gives joy 91% (not among the labels) and anger 2% (a label)." """
    from core.checks.label_issues import percent  # which imports this module

    missing = sorted((k for k in changed if not given[k]), key=lambda k: -probs[k])
    extra = sorted((k for k in changed if given[k]), key=lambda k: probs[k])
    pieces = []
    for classes, what in ((missing, "not among the labels"), (extra, "a label")):
        shown = [f"{names[k]} {percent(float(probs[k]))}" for k in classes[:_NAMED]]
        if more := len(classes) - len(shown):
            shown.append(f"{more} more")
        if shown:
            whose = what if len(classes) == 1 or classes is missing else "labels"
            pieces.append(f"{', '.join(shown)} ({whose})")
    return f"The model gives {' and '.join(pieces)}."


def _per_label(dataset: Dataset, sets: LabelSets, member: np.ndarray, found: Doubts) -> pd.DataFrame:
    """One line a class: rows that have the label, rows where it looks missing, rows where it looks too many;
    most doubted first."""
    rows = np.bincount(dataset.labels[dataset.labels >= 0], minlength=len(member)) @ member.astype(np.int64)
    k = len(sets.names)
    frame = pd.DataFrame(
        {
            "class": pd.Series(pd.Categorical.from_codes(range(k), pd.Index(sets.names))),
            "rows": rows,
            "missing": np.bincount(found.classes[~found.extra], minlength=k),
            "extra": np.bincount(found.classes[found.extra], minlength=k),
        }
    )
    order = np.argsort(-(frame["missing"] + frame["extra"]).to_numpy(), kind="stable")
    return frame.iloc[order].reset_index(drop=True)


def _frame(texts: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame({"set": pd.array(texts, dtype="str")})


def _summary(
    dataset: Dataset, member: np.ndarray, found: Doubts, flagged: np.ndarray, settings: dict[str, str]
) -> dict[str, Any]:
    labelled = dataset.labels[dataset.labels >= 0]
    used = member[np.unique(labelled)].any(axis=0)
    return {
        "flagged": int(flagged.sum()),
        "estimator": f"{FILTERS[settings['filter_by']]}, each class against the rest",
        "settings": settings,
        "labels_missing": int((~found.extra).sum()),
        "labels_extra": int(found.extra.sum()),
        "engine": "streaming",
        "scored": len(labelled),
        "unlabelled": len(dataset) - len(labelled),
        "classes_without_rows": [name for name, there in zip(dataset.names, used, strict=True) if not there],
        "note": "" if len(labelled) > 1 else f"{len(labelled):,} labelled row is too few to estimate errors.",
    }
