"""The filter bar of the pages that list rows. Every choice is a query parameter."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from core.audit import Audit, checks
from core.dataset import Dataset
from core.review.queue import SORTS, STATES, Filters, check_in_use
from pages.parts import session

_ANY = ""
_STATE_WORDS = {"needs_review": "needs review"}
_SORT_WORDS = {"worst": "worst first", "best": "best first", "row": "in file order"}


def bar(dataset: Dataset, audit: Audit, filters: Filters) -> Filters:
    """Draw the filters of the address, and return them as the widgets show them."""
    if len(audit.results) > 1:
        _find(audit, filters)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _choose("Given label", "given", dataset.classes)
        _choose("Suggested label", "sug", dataset.classes)
        if dataset.splits is not None:
            _choose("Split", "split", sorted(dataset.splits.dropna().unique()))
        _choose("Decision", "state", list(STATES), lambda s: _STATE_WORDS.get(s, s))
        _choose("Order", "sort", SORTS, _SORT_WORDS.__getitem__, clear=False)
        session.bound(
            st.text_input,
            "Search",
            param="q",
            read=lambda text: text or "",
            type="search",
            live="300ms",
            placeholder="Id or content",
            width=190,
        )
    return session.filters()


def _find(audit: Audit, filters: Filters) -> None:
    names = list(audit.results)
    usual = check_in_use(audit.results, Filters())
    session.bound(
        st.segmented_control,
        "Found by",
        names,
        param="find",
        read=lambda text: text if text in names else usual,
        format_func=lambda name: checks()[name].title,
        required=True,
        label_visibility="collapsed",
    )


def _choose(
    label: str,
    param: str,
    options: Sequence[str],
    words: Callable[[str], str] = str,
    clear: bool = True,
) -> None:
    """A selectbox for one query parameter; the first option of a clearable one narrows nothing."""
    shown = [_ANY, *options] if clear else list(options)
    known = set(shown)
    session.bound(
        st.selectbox,
        label,
        shown,
        param=param,
        read=lambda text: text if text in known else shown[0],
        format_func=lambda option: words(option) if option else "any",
        width=152,
    )


def nothing_found(audit: Audit, check: str) -> None:
    """A check that flags no row: how near the nearest is, and the way to look further down."""
    if not check:
        st.text("No check has results for this data set.")
        return
    table = audit.results[check].table
    st.text(f"{checks()[check].title}: no rows found. Lowest score: {table['score'].min():.2f}.")
    st.button(
        f"Show all {len(table):,} rows, lowest score first",
        on_click=session.set_params,
        args=({"cut": "1.0"},),
    )


def clear_all() -> None:
    """Take every filter out of the address, except which check is looked at."""
    session.set_params(dict.fromkeys((*(f for f in session.FILTERS if f != "find"), "row", "page")))
