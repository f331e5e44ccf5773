"""Objects that no box marks: how many the model finds, which, and the button that proposes them as rows."""

from __future__ import annotations

import streamlit as st

from core.audit import Audit
from core.proposed_boxes import CHECK, propose_and_audit, why_not
from core.review.people import Role
from core.workspace import Project
from pages.parts import session


def start(name: str) -> None:
    """Propose every missing box of a data set and analyse it anew, unless work on it runs."""
    session.require_role(Role.OWNER, "load data")
    workspace = session.workspace()
    session.jobs().start(name, lambda progress: propose_and_audit(workspace, name, progress))


def offer(project: Project, audit: Audit) -> None:
    """A folded line where the check of boxes found objects without a box; nothing elsewhere."""
    result = audit.results.get(CHECK)
    missing = None if result is None else result.figures.get("missing")
    if missing is None or missing.empty:
        return
    with st.expander(f"{len(missing):,} objects look as if no box marks them"):
        st.dataframe(missing, hide_index=True, alt="Detections of objects that no box marks, surest first")
        if reason := why_not(project):
            st.text(reason)
        elif session.can(Role.OWNER):
            st.button(
                "Propose them as rows",
                key="propose_boxes",
                on_click=start,
                args=(project.name,),
                disabled=session.job_started() is not None,
                help="A new version of the data set has them as rows without a label. Give a row a class to "
                "accept it; an export leaves the others out. The file that was loaded stays as it is.",
            )
