"""The queue of a spot check on the Review page: what is said when no answer is wanted any more."""

from __future__ import annotations

import streamlit as st

from core import gates
from pages.parts import session


def over(name: str, gate_id: str) -> bool:
    """Whether a check is over, or is none; says so, with the way on."""
    gate = session.desk().gates(name).get(gate_id)
    said = "There is no such spot check."
    if gate is not None:
        said = gates.over_in_words(session.team(), name, gate)
    if not said:
        return False
    st.text(said)
    st.page_link("evidence.py", label="What it says", query_params=session.only(tab="batches"))
    return True
