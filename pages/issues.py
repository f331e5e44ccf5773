"""Issues: list, filter and open."""

from __future__ import annotations

import streamlit as st

from core.audits import not_run
from core.errors import InputError
from core.review.people import Role
from core.review.queue import check_in_use
from pages.parts import (
    apply_all,
    card,
    filters,
    judging,
    like_picture,
    numbers,
    proposals,
    session,
    table,
    views,
    work,
)

session.require_role(Role.VIEWER, "look")
project = session.require_project()
audit = session.audit(project)
dataset = project.dataset

st.title("Issues", anchor=False)
if session.job_started() is not None:
    work.show(project.name)
    if not audit.results:
        st.stop()
elif not audit.results and not_run(audit):
    work.offer(project)
    st.stop()

chosen = filters.bar(project, audit, session.filters())
clusters = None
if chosen.clusters_by:
    clusters = work.clusters(project, chosen.clusters_by)
    if clusters is None:
        st.stop()
if not like_picture.ready(project, chosen):
    st.stop()
try:
    positions, _ = session.team().queue(project.name, session.person(), chosen)
except InputError as error:
    st.warning(session.escape(str(error)))
    st.stop()

count = len(positions)
verb = "matches" if count == 1 else "match"
with st.container(horizontal=True, vertical_alignment="center"):
    st.markdown(f"**{numbers.rows(count)}** {verb}")
    if chosen.cut is not None and chosen.cut < 1:
        st.text(f"scored {chosen.cut:.2f} or lower")
    reviews = count and session.can(Role.ANNOTATOR)
    if reviews and st.button(f"Review these {count:,}", type="primary", icon=":material/rate_review:"):
        st.switch_page("review.py", query_params=session.carried())
    if count:
        apply_all.offer(project, chosen, count)
        apply_all.offer_check()
    views.offer(project.name, chosen)
    if chosen.narrowing:
        st.button(
            "Clear filters", type="tertiary", icon=":material/filter_alt_off:", on_click=filters.clear_all
        )
filters.say_order(chosen)
like_picture.show(project, chosen)
apply_all.offer_undo(project.name)
judging.offer_undo(project.name)
proposals.offer(project, audit)

row = st.query_params.get("row", "")
asked = int(dataset.positions([row])[0]) if row else -1
if row and asked < 0:
    st.warning(f"Row {session.escape(row)} is not in this project.")
if not count:
    narrowing = len(chosen.narrowing)
    if narrowing:
        st.text(f"No rows match {'this filter' if narrowing == 1 else f'these {narrowing} filters'}.")
    else:
        filters.nothing_found(audit, check_in_use(audit.results, chosen))

board = session.board(project.name, chosen)
left, right = st.columns([3, 2], gap="medium")
with left:
    if count:
        rows = table.show(board, positions, clusters)
with right:
    if asked >= 0:
        card.show(board, asked)
    elif count:
        card.show(board, int(dataset.positions([rows.index[0]])[0]))
