"""Rows whose label another tool has flagged: what cleanlab's files say, beside the checks made here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from core.dataset import Dataset
from core.flags import Flags
from core.issues import Check, Cost, Result, issue_table
from core.predictions import Predictions
from core.progress import Progress


def run(dataset: Dataset, predictions: Predictions, params: Mapping[str, Any], progress: Progress) -> Result:
    """The other tool's flags, scores and suggestions, as its file has them; nothing is estimated here.

    score: the tool's own, turned round where there 1 is the worst. A row that it gave no score has 0 where
    it is flagged, else 1. The suggestion is shown where it is another class than the given label.
    """
    flags = dataset.flags
    if flags is None:
        raise ValueError("tool_flags needs flags")
    progress.report(0.0, "Reading flags")
    rows = flags.rows
    suggestion = np.where(rows["suggestion"] == dataset.labels, -1, rows["suggestion"])
    progress.report(0.5, "Writing reasons")
    flagged = np.flatnonzero(rows["flagged"]).tolist()
    reasons = {row: _reason(dataset, flags, row, int(suggestion[row])) for row in flagged}
    table = issue_table(dataset, rows["score"], rows["flagged"], suggestion, reasons)
    unscored = int((~rows["scored"]).sum())
    summary = {
        "flagged": len(flagged),
        "estimator": f"flagged by {flags.tool}, counted",
        "tool": flags.tool,
        "unscored": unscored,
        "note": f"{unscored:,} rows have no score there." if unscored else "",
    }
    return Result(table, summary)


def _reason(dataset: Dataset, flags: Flags, row: int, suggestion: int) -> str:
    """ "Flagged by Cleanlab Studio (label_issue_score 0.93, there 1 is the worst), which suggests dog." """
    score = float(flags.rows["score"][row])
    said = f"{flags.score_column} {1 - score if flags.reversed else score:.2f}"
    worst = f", there {int(flags.reversed)} is the worst"
    why = f" ({said}{worst})" if flags.rows["scored"][row] else ""
    what = f", which suggests {dataset.classes[suggestion]}" if suggestion >= 0 else ""
    return f"Flagged by {flags.tool}{why}{what}."


CHECK = Check(
    name="tool_flags",
    title="Flags of another tool",
    help="Rows whose label cleanlab has flagged, as its columns or its file say.",
    needs=frozenset({"labels", "flags"}),
    run=run,
    labels="class",
    cost=Cost(1, 500),
    optional=True,
    limits=(
        "Nothing is computed here: which model was asked, whether it was out-of-sample, and how the flags "
        "were made is for the other tool to say. Only its flags of labels are read, none of outliers or "
        "duplicates."
    ),
)
