"""Splits: can the test score be trusted?"""

from __future__ import annotations

import streamlit as st

from core.audits import not_run
from core.leakage import equal_and_near, headline
from core.review.people import Role
from pages.parts import numbers, pair_verdicts, pairs, session, split_panels, work

CHECK = split_panels.CHECK

session.require_role(Role.VIEWER, "look")
project = session.require_project()
audit = session.audit(project)
splits = split_panels.splits(project)
result = audit.results.get(CHECK)

if splits is None or not splits.held_out:
    st.title("Splits", anchor=False)
    split_panels.say_one_split(project, splits)
    st.stop()

if result is None:
    st.title("Splits not compared yet" if CHECK in not_run(audit) else "Splits not compared", anchor=False)
    if session.job_started() is not None:
        work.show(project.name)
    elif CHECK in audit.skipped:
        st.text(f"Finding rows that lie in two splits needs {' and '.join(audit.skipped[CHECK])}.")
    elif audit.results:
        work.offer_missing(project, not_run(audit))
    else:
        work.offer(project)
else:
    st.title(session.escape(headline(splits, result.figures["pairs"])), anchor=False)
    numbers.estimator_line(result.summary)
    both = equal_and_near(result.figures["pairs"])
    if both:
        st.text(both)
    pair_verdicts.show_judged(project, result)
    if session.job_started() is not None:
        work.show(project.name)
    locked = pair_verdicts.locks(project, splits)
    split_panels.buttons(project, splits, result, locked)
    split_panels.score(project, splits, result)

split_panels.table(project, splits, audit)
if result is not None:
    numbers.notes(result.summary)
    split_panels.blind_spots(result)
    pairs.show(project, result)
    split_panels.methods(result)
    pair_verdicts.judge_elsewhere(project)
session.let_first_screen_paint()
left, right = st.columns(2, gap="medium")
with left:
    split_panels.class_shares(project, splits)
with right:
    split_panels.groups(project, splits)
    if result is not None:
        split_panels.cosine_bins(result)
