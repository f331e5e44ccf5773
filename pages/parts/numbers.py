"""The words around a number: which estimator, from what, how sure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.dataset import Dataset
from core.issues import Result
from core.overview import planted_errors
from core.predictions import BASELINE
from core.workspace import Project
from pages.parts import session


def rows(count: int) -> str:
    """ "1 row", "312 rows"."""
    return f"{count:,} {'row' if count == 1 else 'rows'}"


def headline(result: Result) -> str:
    """The page's first sentence: how many labels look wrong."""
    labelled = int(result.summary["scored"])
    flagged = int(result.summary["flagged"])
    if not flagged:
        what = "mask" if "compared" in result.summary else "label"
        return f"No {what} errors found in {rows(labelled)}"
    verb = "looks" if flagged == 1 else "look"
    if "compared" in result.summary:
        return f"{flagged:,} of {labelled:,} masks {verb} wrong"
    if "usual_miss" in result.summary:
        return f"{flagged:,} of {labelled:,} numbers {verb} wrong"
    if "labels_missing" in result.summary:
        return f"{flagged:,} of {labelled:,} sets of labels {verb} wrong"
    return f"{flagged:,} of {labelled:,} labels {verb} wrong"


def estimator_line(summary: Mapping[str, Any]) -> None:
    """Rows flagged and by what; the estimated number of errors with its interval; How."""
    line = f"{summary['flagged']:,} flagged ({session.escape(summary['estimator'])})"
    if "estimate" in summary and not summary.get("note"):
        line += (
            f" · estimated wrong {summary['estimate']:,}, 95% interval {summary['low']:,}-{summary['high']:,}"
        )
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.markdown(f":small[{line}]", width="content")
        st.page_link(
            "evidence.py",
            label=":small[:blue[How]]",
            icon="",
            query_params=session.only(tab="numbers"),
            help="",
        )


def source_line(found: Project, labels: Result) -> None:
    """Whose probabilities these are, what ranks the rows; for sample data also how many flags are right."""
    what = "Probabilities" if found.predictions.predicted is None else "Predicted numbers"
    model = found.predictions.model
    parts = [f"{what}: {session.escape(model)}"] if model else []
    if "ranking" in labels.summary:
        parts.append(f"Ranked by {session.escape(labels.summary['ranking'])}")
    planted = planted_here(found, labels)
    if planted is not None:
        right, there = planted
        parts.append(
            f":material/science: sample data: {right:,} of the {labels.summary['flagged']:,} flags are "
            f"planted errors, of {there:,} planted"
        )
    if parts:
        st.markdown(f":small[{' · '.join(parts)}]")
    if found.predictions.model.startswith(BASELINE):
        for problem in found.problems:
            if problem.severity == "warning" and problem.found.startswith(BASELINE):
                said = problem.found.removeprefix(BASELINE)
                st.warning(session.escape(f"Baseline: {said}"), icon=":material/warning:")


def planted_here(found: Project, labels: Result) -> tuple[int, int] | None:
    """(planted errors among the flags, planted errors) for sample data, else None."""
    from sample_data import SAMPLES

    sample = next((s for s in SAMPLES if s.path == found.source.path), None)
    if sample is None or not sample.truth.exists():
        return None
    return planted_errors(sample.truth, labels.table)


def lowest_score(dataset: Dataset, result: Result) -> None:
    """Where nothing is flagged: how near the nearest row is, and what can still be done."""
    scores = result.table["score"].to_numpy()[dataset.labels >= 0]
    if len(scores):
        st.text(f"Lowest score: {scores.min():.2f}. Move the cut below to read further down.")


def notes(summary: Mapping[str, Any]) -> None:
    """What limits the count: rows without a label, classes with few rows."""
    lines = []
    if summary.get("note"):
        lines.append(str(summary["note"]))
    if summary.get("unlabelled"):
        lines.append(f"{rows(summary['unlabelled'])} without a label are not counted.")
    few = summary.get("classes_with_few_rows", [])
    if few:
        lines.append(
            f"No estimate for {len(few):,} {'class' if len(few) == 1 else 'classes'} with under 5 rows."
        )
    for line in lines:
        st.text(line)
