"""Columns that cleanlab's tools have added to a table: no content, and scored in two directions."""

from __future__ import annotations

from collections.abc import Iterable

from core.errors import Problem

_STUDIO = {"is_label_issue", "label_issue_score"}
_DATALAB = {"is_label_issue", "label_score"}
_ALONE = {
    "suggested_label",
    "suggested_label_confidence_score",
    "predicted_label",
    "corrected_label",
    "is_well_labeled",
    "is_initially_unlabeled",
    "near_duplicate_cluster_id",
    "cleanlab_row_ID",
}


def cleanlab_columns(columns: Iterable[str]) -> list[str]:
    """The columns that Cleanlab Studio or cleanlab's Datalab wrote, in table order; none where neither did.

    A flag counts with its score: is_outlier and outlier_score, is_label_issue and label_score.
    """
    names = list(columns)
    if not (set(names) >= _STUDIO or set(names) >= _DATALAB):
        return []
    found = {name for name in names if name in _ALONE}
    for flag in (name for name in names if name.startswith("is_")):
        kind = flag.removeprefix("is_")
        scores = {f"{kind}_score", f"{kind.removesuffix('_issue')}_score"} & set(names)
        found |= {flag, *scores} if scores else set()
    return [name for name in names if name in found]


def cleanlab_remarks(columns: Iterable[str], file: str) -> list[Problem]:
    """A notice that says what these columns are and which way their scores go."""
    names = list(columns)
    found = cleanlab_columns(names)
    if not found:
        return []
    if set(names) >= _STUDIO:
        said = "Cleanlab Studio's columns: there a high score is bad; in Labelmend 0 is the worst"
    else:
        said = "the columns of cleanlab's Datalab: there, as in Labelmend, 0 is the worst score"
    mend = ""
    if len(found) == len(names):
        said += "; this file has no rows of data, only their scores in row order"
        mend = "load the data that was checked, not this file, and give this file as its flags"
    shown = f"{said}. They are kept, and are no content: {', '.join(found)}"
    return [Problem("notice", shown, mend, file=file)]
