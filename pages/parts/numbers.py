"""The words around a number: which estimator, from what, how sure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core import label_words
from core.dataset import Dataset
from core.issues import Result
from core.label_words import headline, rows
from core.overview import planted_errors
from core.predictions import BASELINE
from core.workspace import Project
from pages.parts import session

__all__ = ["estimator_line", "headline", "lowest_score", "notes", "planted_here", "rows", "source_line"]


def estimator_line(summary: Mapping[str, Any]) -> None:
    """Rows flagged and by what; the estimated number of errors with its interval; How."""
    parts = [session.escape(label_words.flagged_by(summary)), label_words.estimated(summary)]
    line = " · ".join(part for part in parts if part)
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
        parts.append(f":material/science: {label_words.planted(labels.summary['flagged'], *planted)}")
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
        st.text(label_words.lowest(float(scores.min())))


def notes(summary: Mapping[str, Any]) -> None:
    """What limits the count: rows without a label, classes with few rows."""
    for line in label_words.limits(summary):
        st.text(line)
