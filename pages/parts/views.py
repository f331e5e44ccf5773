"""The views that a team has saved on a data set: open, save, remove."""

from __future__ import annotations

import streamlit as st

from core.errors import InputError
from core.review.people import Role
from core.review.queue import Filters
from core.views import LONGEST, View, remove_view, save_view, saved_views
from pages.parts import session

_NAME = "view_name"


def offer(dataset: str, filters: Filters) -> None:
    """The popover with all views; those who may decide may save the filters in use, and remove views."""
    views = saved_views(session.workspace(), dataset)
    writes = session.can(Role.ANNOTATOR)
    if not views and not (writes and filters.to_query()):
        return
    with st.popover(f"Views ({len(views):,})" if views else "Save view", icon=":material/bookmark:"):
        for number, view in enumerate(views):
            _line(dataset, view, number, writes)
        if writes and filters.to_query():
            st.text_input("Name of this view", key=_NAME, max_chars=LONGEST, placeholder="Shirts of shop b")
            st.button("Save this view", key="view_save", on_click=_save, args=(dataset, filters))
        if session.current().refused:
            st.warning(session.escape(session.current().refused))
            session.current().refused = ""


def _line(dataset: str, view: View, number: int, writes: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            session.escape(view.name),
            key=f"view_open_{number}",
            type="tertiary",
            help=f"Saved by {session.escape(view.by)}" if view.by else None,
            on_click=session.set_params,
            args=({**dict.fromkeys((*session.FILTERS, "row", "page")), **view.query},),
        )
        st.space("stretch")
        if writes:
            st.button(
                "",
                key=f"view_off_{number}",
                icon=":material/delete:",
                help="Remove this view for everybody",
                type="tertiary",
                on_click=_remove,
                args=(dataset, view.name),
            )


def _save(dataset: str, filters: Filters) -> None:
    session.require_role(Role.ANNOTATOR, "save views")
    name = st.session_state[_NAME]
    try:
        save_view(session.workspace(), dataset, name, filters, session.current().annotator)
    except InputError as error:
        session.current().refused = str(error)
        return
    st.session_state[_NAME] = ""


def _remove(dataset: str, name: str) -> None:
    session.require_role(Role.ANNOTATOR, "remove views")
    remove_view(session.workspace(), dataset, name)
