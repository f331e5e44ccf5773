"""Review: decide row after row with the keyboard."""

from __future__ import annotations

from dataclasses import asdict

import streamlit as st

from core.audit import checks
from core.audits import not_run
from core.errors import InputError
from core.review.people import Role
from core.review.queue import check_in_use
from core.session_token import public_id
from pages.parts import checking, like_picture, session, sign_in, work
from pages.parts.filters import queue_name
from pages.parts.review_surface import Mount, review_surface

st.set_page_config(initial_sidebar_state="collapsed")
session.require_role(Role.ANNOTATOR, "review")
project = session.require_project()
dataset = project.dataset
audit = session.audit(project)
filters = session.filters()
row = st.query_params.get("row", "")


def show_every_row() -> None:
    """Widen the queue to all rows, lowest score first."""
    st.query_params["cut"] = "1.0"


def nothing_to_review() -> None:
    """The queue is empty: why, and the way on."""
    narrowing = len(filters.narrowing)
    if narrowing:
        st.text(f"No rows match {'this filter' if narrowing == 1 else f'these {narrowing} filters'}.")
        if st.button("Clear filters", type="primary"):
            session.set_params(dict.fromkeys(session.FILTERS))
            st.rerun()
        return
    scores = audit.results[check].table["score"]
    st.text(f"{checks()[check].title}: no rows found. Lowest score: {scores.min():.2f}.")
    st.button(f"Show all {len(dataset):,} rows, lowest score first", type="primary", on_click=show_every_row)


if session.job_started() is not None:
    work.show(project.name)
elif not audit.results and not_run(audit):
    work.offer(project)

if filters.gate and checking.over(project.name, filters.gate):
    st.stop()
if filters.clusters_by and work.clusters(project, filters.clusters_by) is None:
    st.stop()
if not like_picture.ready(project, filters):
    st.stop()
check = check_in_use(audit.results, filters)
try:
    positions, _ = session.team().queue(project.name, session.person(), filters)
except InputError as error:
    st.warning(session.escape(str(error)))
    st.button("Clear filters", on_click=session.set_params, args=(dict.fromkeys(session.FILTERS),))
    st.stop()
if row and dataset.positions([row])[0] < 0:
    st.text(f"Row {row} is not in this project.")
    st.page_link("review.py", label="Next undecided row", query_params=session.carried())
elif not len(positions) and not row:
    nothing_to_review()
else:
    sign_in.require_name()
    review_surface(
        Mount(
            dataset=project.name,
            workspace=public_id(session.workspace().secret()),
            annotator=session.current().annotator,
            token=session.token(),
            classes=session.desk().classes(project.name).names,
            adds_classes=session.can(Role.ADJUDICATOR) and dataset.sets is None and dataset.targets is None,
            sets=None if dataset.sets is None else asdict(dataset.sets),
            targets=None if dataset.targets is None else asdict(dataset.targets),
            kind=dataset.columns.kind,
            rows=len(dataset),
            neighbours=project.predictions.embeddings is not None,
            boxes=dataset.boxes is not None,
            filters=filters.to_query(),
            find=check,
            queue_name=queue_name(filters, check),
            row=row,
            how=f"evidence?ds={project.name}&tab=numbers",
            evidence=f"evidence?ds={project.name}",
        )
    )
