"""The panel under a figure that says how it is made."""

from __future__ import annotations

import streamlit as st

from core.evidence.method import Method
from pages.parts import session


def how(method: Method, key: str) -> None:
    """Formula, assumptions, source, and what would make the figure wrong."""
    with st.expander("How this is made", key=f"how_{key}"):
        for what, text in method.lines():
            st.markdown(f"**{what}.** {session.escape(text)}")
