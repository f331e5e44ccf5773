"""A section of the evidence as a page shows it. Its figures, which a page draws with a theme and a pointer of
its own, are left to the caller."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.evidence.sections import Section, Table
from pages.parts.how import how


def show(found: Section) -> None:
    """Heading, sentences, tables and methods."""
    head(found)
    for one in found.tables:
        table(found.key, one)
    panels(found)


def head(found: Section) -> None:
    """The heading and the sentences."""
    st.subheader(found.title, anchor=False)
    for said in found.said:
        st.text(said.text)


def table(key: str, one: Table) -> None:
    """A table behind a toggle. key: of its section."""
    if not st.toggle(one.title, key=f"{key}_{one.title.lower().replace(' ', '_')}"):
        return
    st.dataframe(pd.DataFrame(list(one.rows), columns=list(one.heads)), hide_index=True, alt=one.title)
    if one.note:
        st.markdown(f":small[{one.note}]")


def panels(found: Section) -> None:
    """How the figures are made."""
    for number, method in enumerate(found.methods):
        how(method, found.key if not number else f"{found.key}_{number}")
