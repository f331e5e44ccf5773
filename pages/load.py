"""Load data: from file to analysis, with every problem named before anything is stored."""

from __future__ import annotations

import streamlit as st

from core.errors import InputError
from core.review.people import Role
from pages.parts import load_forms, session, work
from pages.parts import load_models as more
from pages.parts import load_steps as steps
from pages.parts.problems import show_problems

session.require_role(Role.OWNER, "load data")
st.title("Load data")
workspace = session.workspace()

started = session.job_started()
if started is not None:
    work.show(started)

st.subheader("1 · Choose a file")
try:
    path = steps.choose_source(workspace)
    if path is None:
        steps.offer_samples(workspace)
        st.stop()
    raw = steps.read(path)
except InputError as error:
    show_problems(error.problems)
    st.stop()

st.subheader("2 · Match the columns")
raw = load_forms.choose_form(raw)
columns = steps.match_columns(raw)
try:
    files = steps.choose_predictions(workspace)
except InputError as error:
    show_problems(error.problems)
    st.stop()

st.subheader("3 · Check")
plan = steps.make_plan(workspace, raw, columns, files)
checked = more.check(steps.check(raw, plan), files.others, files.softmax)
steps.say_verdict(steps.with_decisions(workspace, checked.whole))
confirmed = more.confirm_order(workspace, checked)
checked = more.choose_in_use(checked)

st.subheader("4 · Analyse")
steps.analyse(workspace, checked, len(raw.frame), confirmed)
