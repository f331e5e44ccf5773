"""The Agreement tab: do people share one guideline? From answers only that were given unaided."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import streamlit as st

from core.methods.agreement import (
    MIN_SHARED,
    RESAMPLES,
    alpha_interval,
    class_confusions,
    krippendorff_alpha,
    pairwise_kappa,
)
from core.review.chance import unit_interval
from core.review.people import Role
from core.review.plan import Plan
from core.team_answers import Answers, answers
from core.workspace import Project
from pages.parts import session, team_readers
from pages.parts.numbers import rows

SEED = 0


def show(project: Project) -> None:
    """How far people agree, what that makes of the rows, and how suggestions sway them, and how they err."""
    if session.team().sees_all(project.name, session.current().annotator):
        _agreement(project)
        team_readers.readers(project)
        team_readers.anchoring(project)
    else:
        st.text("The review is blind: how far people agree is shown to adjudicators and owners.")
    team_readers.gold(project)


def _agreement(project: Project) -> None:
    """Alpha over everybody, kappa of each pair, and the classes in which people differ."""
    team, me = session.team(), session.current().annotator
    standings = team.visible(project.name, me)
    several = [row_id for row_id, standing in standings.items() if len(standing.opinions) > 1]
    found = answers(team.store.histories(project.name, several), project.dataset.classes)
    found = _by_lot(found, team.plan(project.name))
    _say_left_out(found)
    if len(found.row_ids) < MIN_SHARED:
        st.text(f"Too few shared rows ({len(found.row_ids):,} of {MIN_SHARED:,}).")
        if not several:
            st.text(
                "No row has been looked at by two people yet. The Plan tab sets how many rows get two looks."
            )
        return
    _alpha(found)
    if session.can(Role.ADJUDICATOR):
        _pairs(found)
    _classes(found)


def _by_lot(found: Answers, plan: Plan) -> Answers:
    """The choice between the rows that the plan drew by lot and every row that was answered twice."""
    drawn = np.zeros(len(found.row_ids), dtype=bool)
    if plan.share > 0 and found.row_ids:
        drawn = unit_interval(found.row_ids, plan.seed, "overlap") < plan.share
    if not drawn.any():
        if found.row_ids:
            st.markdown(
                ":small[These rows were not drawn by lot: they tell of themselves, not of the whole queue.]"
            )
        return found
    if drawn.all():
        return found
    chosen = st.segmented_control(
        "Rows",
        ["lot", "all"],
        default="lot",
        required=True,
        format_func={"lot": f"Drawn by lot {drawn.sum():,}", "all": f"All {len(drawn):,}"}.__getitem__,
        help="Rows that got a second look for another reason, such as a change, are often the hard ones.",
        key="team_agreement_rows",
    )
    return found.among(drawn) if chosen == "lot" else found


def _say_left_out(found: Answers) -> None:
    if found.left_out:
        verb = "answer is" if found.left_out == 1 else "answers are"
        st.text(f"{found.left_out:,} {verb} left out: given after seeing another's.")


def _alpha(found: Answers) -> None:
    st.subheader("Do we share one guideline?", anchor=False)
    value, interval = krippendorff_alpha(found.codes), alpha_interval(found.codes, SEED)
    people = f"{len(found.annotators):,} people"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.metric("Krippendorff's alpha", "none" if math.isnan(value) else f"{value:.2f}", width=190)
        with st.container(gap="xxsmall"):
            if math.isnan(interval.low):
                st.text(f"No interval. {interval.reason}".replace("No interval. No interval", "No interval"))
            else:
                st.text(f"95% interval {interval.low:.2f} to {interval.high:.2f}")
            st.text("1: always agree. 0: no better than chance.")
    st.markdown(
        f":small[{rows(len(found.row_ids))} with unaided answers of {people} · nominal alpha; interval from "
        f"{RESAMPLES:,} resamples of the rows, seed {SEED}]"
    )


def _pairs(found: Answers) -> None:
    st.subheader("Which pairs agree?", anchor=False)
    table = pairwise_kappa(found.codes, found.annotators, SEED)
    st.dataframe(
        table,
        hide_index=True,
        column_config={
            "annotator_a": "One",
            "annotator_b": "Other",
            "rows": st.column_config.NumberColumn("Shared rows", format="localized", width=90),
            "kappa": st.column_config.NumberColumn("Cohen's kappa", format="%.2f", width=110),
            "low": st.column_config.NumberColumn("95% from", format="%.2f", width=80),
            "high": st.column_config.NumberColumn("to", format="%.2f", width=60),
            "reason": st.column_config.TextColumn("", width="medium"),
        },
        placeholder="",
        alt="Cohen's kappa of every pair of annotators",
    )
    st.markdown(f":small[Interval from {RESAMPLES:,} resamples of the shared rows, seed {SEED}]")


def _classes(found: Answers) -> None:
    st.subheader("Which classes do people mix up?", anchor=False)
    table = class_confusions(found.codes, found.labels, found.annotators)
    if table.empty:
        st.text("Nobody differs in any of these rows.")
        return
    if not session.can(Role.ADJUDICATOR):
        table = table.drop(columns=["says_a", "says_b"])
    st.dataframe(
        pd.DataFrame(table.head(50)).round({"share": 2}),
        hide_index=True,
        column_config={
            "class_a": "Class",
            "class_b": "Other class",
            "rows": st.column_config.NumberColumn("Rows", format="localized", width=70),
            "share": st.column_config.NumberColumn(
                "Share", format="percent", width=80, help="Of the shared rows in which either was given"
            ),
            "says_a": st.column_config.TextColumn("Says class most often"),
            "says_b": st.column_config.TextColumn("Says other most often"),
        },
        alt="Pairs of classes that annotators differ in, most rows first",
    )
    if len(table) > 50:
        st.text(f"The 50 most frequent of {len(table):,} pairs.")
