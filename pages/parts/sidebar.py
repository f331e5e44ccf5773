"""The sidebar: logo, menu, data set, running work, decisions stored, who you are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages.parts import session, sign_in, work

_MARK = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} 32" width="{width}" height="32">
<path d="M3 7a4 4 0 0 1 4-4h11a4 4 0 0 1 3.1 1.5l7.2 9a4 4 0 0 1 0 5l-7.2 9A4 4 0 0 1 18 29H7a4 4 0 0 1-4-4z"
 fill="#2A74C7"/>
<path d="M8.5 16.5l4.2 4.2 7.8-8.4" fill="none" stroke="#fff" stroke-width="3.2" stroke-linecap="round"
 stroke-linejoin="round"/>{word}</svg>"""
_WORD = (
    '<text x="38" y="23" font-family="Source Sans, Segoe UI, Helvetica, Arial, sans-serif" font-size="21"'
    ' font-weight="600" fill="{colour}">Labelmend</text>'
)
MARK = _MARK.format(width=32, word="")
_CHOSEN = (
    '<style>button[data-selected] p, [data-testid="stSliderThumbValue"] p '
    "{color: light-dark(#0B5CAD, #7ABBFF)}</style>"
)
"""Streamlit writes these in the primary colour, which on a dark page is too dark to be read as text. The page
says which it is: what the server knows of that may be late."""


def show(pages: Mapping[str, Sequence[Any]]) -> Any:
    """Everything in the sidebar. Links carry the data set and the filters along, unlike Streamlit's menu.

    Returns the place for `say_decided`.
    """
    colour = "#E7ECF1" if st.context.theme.type == "dark" else "#17212B"
    st.html(_CHOSEN)
    st.logo(
        _MARK.format(width=172, word=_WORD.format(colour=colour)),
        size="large",
        icon_image=MARK,
    )
    with st.sidebar:
        menu = st.container(gap="small")
        with st.container(gap="xsmall"):
            _choose_dataset()
            decided = st.empty()
            work.show_elsewhere()
            sign_in.show_who()
    with menu:
        for section, entries in pages.items():
            if entries:
                with st.container(gap="xxsmall"):
                    st.markdown(f":small[{section}]")
                    for entry in entries:
                        st.page_link(entry, query_params=session.carried(), width="stretch")
    return decided


def say_decided(place: Any) -> None:
    """How many rows are decided. Said after the page, which must not wait for the database's library."""
    found = session.project()
    if found is not None:
        stored = session.store().settled(found.name)
        rows = "row" if stored == 1 else "rows"
        place.markdown(f":small[:material/cloud_done: {stored:,} {rows} decided]")


def _choose_dataset() -> None:
    names = session.workspace().names()
    if not names:
        return
    name = session.dataset_name()
    known = name if name in names else None
    session.bound(st.selectbox, "Data set", names, param="ds", read=lambda _: known)
