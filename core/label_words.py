"""The sentences about how many labels look wrong. summary: of a check of labels (core.issues.Result)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def rows(count: int) -> str:
    """ "1 row", "312 rows"."""
    return f"{count:,} {'row' if count == 1 else 'rows'}"


def headline(summary: Mapping[str, Any]) -> str:
    """How many labels look wrong."""
    labelled = int(summary["scored"])
    flagged = int(summary["flagged"])
    if not flagged:
        return f"No {'mask' if 'compared' in summary else 'label'} errors found in {rows(labelled)}"
    verb = "looks" if flagged == 1 else "look"
    if "compared" in summary:
        return f"{flagged:,} of {labelled:,} masks {verb} wrong"
    if "usual_miss" in summary:
        return f"{flagged:,} of {labelled:,} numbers {verb} wrong"
    if "labels_missing" in summary:
        return f"{flagged:,} of {labelled:,} sets of labels {verb} wrong"
    return f"{flagged:,} of {labelled:,} labels {verb} wrong"


def flagged_by(summary: Mapping[str, Any]) -> str:
    """How many rows are flagged, and by what."""
    return f"{summary['flagged']:,} flagged ({summary['estimator']})"


def estimated(summary: Mapping[str, Any]) -> str:
    """The estimated number of wrong labels with its interval; "" where there is none."""
    if "estimate" not in summary or summary.get("note"):
        return ""
    interval = f"{summary['low']:,}-{summary['high']:,}"
    return f"estimated wrong {summary['estimate']:,}, 95% interval {interval}"


def planted(flagged: int, right: int, there: int) -> str:
    """For sample data: how many flags are errors that were planted."""
    return f"sample data: {right:,} of the {flagged:,} flags are planted errors, of {there:,} planted"


def lowest(score: float) -> str:
    """Where nothing is flagged: how near the nearest row is."""
    return f"Lowest score: {score:.2f}. Move the cut below to read further down."


def limits(summary: Mapping[str, Any]) -> list[str]:
    """What limits the count: rows without a label, classes with few rows."""
    lines = []
    if summary.get("note"):
        lines.append(str(summary["note"]))
    if summary.get("unlabelled"):
        verb = "is" if summary["unlabelled"] == 1 else "are"
        lines.append(f"{rows(summary['unlabelled'])} without a label {verb} not counted.")
    few = summary.get("classes_with_few_rows", [])
    if few:
        lines.append(
            f"No estimate for {len(few):,} {'class' if len(few) == 1 else 'classes'} with under 5 rows."
        )
    return lines
