"""Objects that no box marks: how many the model finds, which, and the button that proposes them as rows."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.audit import Audit
from core.exporting import counted
from core.proposed_boxes import CHECK, by_class, propose_and_audit, why_not
from core.review.people import Role
from core.workspace import Project
from pages.parts import session


def offer(project: Project, audit: Audit) -> None:
    """A folded line where the check of boxes found objects without a box; nothing elsewhere."""
    result = audit.results.get(CHECK)
    missing = None if result is None else result.figures.get("missing")
    if missing is None or missing.empty:
        return
    look = "looks" if len(missing) == 1 else "look"
    with st.expander(
        f"{counted(len(missing), 'object')} {look} as if no box marks {'it' if len(missing) == 1 else 'them'}"
    ):
        st.dataframe(missing, hide_index=True, alt="Detections of objects that no box marks, surest first")
        if reason := why_not(project):
            st.text(reason)
        elif session.can(Role.OWNER) and st.button(
            "Propose them as rows", key="propose_boxes", disabled=session.job_started() is not None
        ):
            _dialog(project.name, missing)


@st.dialog("Propose boxes", width="medium")
def _dialog(name: str, missing: pd.DataFrame) -> None:
    boxes = "1 box" if len(missing) == 1 else f"{len(missing):,} boxes"
    pictures = missing["image"].nunique()
    st.markdown(f"**A new version gets {boxes} more, in {pictures:,} picture{'s' * (pictures != 1)}.**")
    st.text(
        "They are rows without a label. Give a row a class to accept it; an export leaves the others out. "
        "The file that was loaded and the decisions stay as they are."
    )
    st.dataframe(
        by_class(missing),
        hide_index=True,
        column_config={
            "label": st.column_config.TextColumn("Class"),
            "boxes": st.column_config.NumberColumn("Boxes", format="localized"),
            "lowest": st.column_config.NumberColumn("Lowest score", format="%.2f"),
            "highest": st.column_config.NumberColumn("Highest score", format="%.2f"),
        },
        alt="Boxes that would be proposed, by class",
    )
    with st.container(horizontal=True):
        if st.button(f"Propose {boxes}", type="primary", key="propose_boxes_go"):
            start(name, missing)
            st.rerun()
        if st.button("Back", key="propose_boxes_back"):
            st.rerun()


def start(name: str, missing: pd.DataFrame) -> None:
    """Propose these boxes, the ones that the person saw counted, and analyse anew, unless work runs."""
    session.require_role(Role.OWNER, "load data")
    workspace = session.workspace()
    session.jobs().start(name, lambda progress: propose_and_audit(workspace, name, missing, progress))
