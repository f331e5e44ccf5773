"""The people who labelled the rows, where the data came with several answers a row: who differs."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.audit import Audit
from core.issues import Result
from core.methods.consensus import METHODS
from core.review.people import Role
from pages.parts import charts, explore_charts, session
from pages.parts.numbers import rows

CHECK = "annotator_votes"
_DOTS = 20


def show(audit: Audit) -> None:
    """Who differs from the consensus, on how many rows they are of one mind, and the rows to review."""
    result = audit.results.get(CHECK)
    if result is None or "annotators" not in result.figures:
        return
    st.subheader("Who differs from the other annotators?", anchor=False)
    _people(result.figures["annotators"])
    charts.with_table(result.figures["annotators"], "Annotators, who agrees least first", "annotators")
    _how(result)
    st.subheader("How far are they of one mind?", anchor=False)
    for line in _agreement(result.figures["agreement"]):
        st.text(line)
    if result.summary["ambiguous"]:
        st.text(f"Answers that tie: {rows(result.summary['ambiguous'])}, ambiguous and not called errors.")
    _review(int(result.summary["flagged"]))


def _people(frame: pd.DataFrame) -> None:
    shown = frame[frame["share"].notna()].head(_DOTS)
    if shown.empty:
        st.text("No annotator shares a row with another.")
        return
    first = shown.iloc[0]
    names = shown["annotator"].tolist()
    figure = explore_charts.intervals(
        names,
        shown[["low", "high"]].assign(value=shown["share"]),
        "share of answers that are the consensus",
        charts.colours(),
    )
    alt = f"Agreement with the consensus by annotator, lowest {names[0]}: {first['share']:.0%}"
    charts.show(figure, alt, key="annotators")
    if len(frame) > len(shown):
        st.text(f"The {len(shown):,} who agree least, of {len(frame):,}; all are in the table.")


def _agreement(frame: pd.DataFrame) -> list[str]:
    """ "3 of 3 answers are the consensus: 6,022 rows." The most frequent first."""
    first = frame.sort_values("rows", ascending=False, kind="stable").head(8)
    return [
        f"{line.agreeing} of {line.answers} {'answer is' if line.answers == 1 else 'answers are'} the "
        f"consensus: {rows(int(line.rows))}."  # type: ignore[arg-type]
        for line in first.itertuples(index=False)
    ]


def _how(result: Result) -> None:
    method = METHODS[result.summary["consensus"]]
    said = (
        f"Consensus: {method.title}. {method.about} Dots: share of an annotator's answers, on rows with two "
        "answers or more, that are the consensus, with its 95% Wilson interval; their own answer has a part "
        "in it."
    )
    st.markdown(f":small[{said}]")


def _review(flagged: int) -> None:
    if not flagged:
        st.text("No given label is contradicted by its annotators.")
        return
    where = session.only(find=CHECK)
    with st.container(horizontal=True, vertical_alignment="center"):
        if session.can(Role.ANNOTATOR) and st.button(
            f"Review {rows(flagged)} labelled other than the consensus",
            icon=":material/rate_review:",
            key="review_votes",
        ):
            st.switch_page("review.py", query_params=where)
        st.page_link("issues.py", label="List them", query_params=where)
