"""How each number of the other pages was made, and what it does not cover."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core import gates, provenance
from core.audit import Audit, checks
from core.audits import not_run
from core.workspace import Project
from pages.parts import models, session
from pages.parts.numbers import rows
from pages.parts.problems import show_problems


def show(project: Project, audit: Audit) -> None:
    """Every number's estimator and inputs, the models, the decisions, and what the import said."""
    decided = session.store().settled(project.name)
    found = provenance.origins(project, audit)
    st.subheader("Where do the numbers on the Overview come from?", anchor=False)
    st.text("How each was made, and what it does not cover.")
    for origin in found:
        _origin(origin)
    for name in not_run(audit):
        st.text(f"{checks()[name].title}: not run yet.")
    for name, missing in audit.missed.items():
        st.text(f"{checks()[name].title}: not run. It needs {' and '.join(missing)}.")

    st.subheader("Models", anchor=False)
    models.table(project)

    st.subheader("Decisions", anchor=False)
    have = "has" if decided == 1 else "have"
    st.text(f"{rows(decided)} {have} a decision in force. This is counted, not estimated.")
    if unread := gates.accepted_unread(gates.checks_of(session.team(), project.name)):
        st.text(unread)

    st.subheader("What the import said", anchor=False)
    if project.problems:
        show_problems(project.problems)
    else:
        st.text("Nothing: no value was changed, inferred or left out.")

    st.subheader("Copy as text", anchor=False)
    st.code(provenance.as_text(project, decided, found), language=None, wrap_lines=True, height=220)


def _origin(origin: provenance.Origin) -> None:
    st.subheader(origin.title, anchor=False)
    st.table(
        pd.DataFrame(
            [[session.escape(t) for t in (n.name, n.value, n.estimator)] for n in origin.numbers],
            columns=["Number", "Value", "Estimator"],
        ),
        border="horizontal",
        hide_index=True,
    )
    facts = (*origin.made_from, ("Not covered", origin.not_covered))
    with st.container(gap="xxsmall"):
        for fact, text in facts:
            if text:
                st.markdown(f":small[**{fact}:** {session.escape(text)}]")
