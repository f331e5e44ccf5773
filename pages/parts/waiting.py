"""Work that a page cannot go on without: shown while it runs, cancelled, taken up again."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

import streamlit as st

from core.jobs import Job
from core.progress import Progress
from pages.parts import session, work

SOON_S = 1.5
"""How long a page waits before it shows how far the work is."""
T = TypeVar("T")


def result_of(name: str, key: Hashable, make: Callable[[Progress], T]) -> T:
    """What `make` returned for this key. While it runs, the page shows its progress and ends there.

    Raises InputError as `make` does.
    """
    job = _started(name, key, make)
    with st.spinner(name):
        over = job.wait(SOON_S)
    if not over:
        work.show_job(job, "")
        st.stop()
    if job.state == "done":
        return job.result
    if job.refused is not None:
        raise job.refused
    if job.state == "failed":
        st.error(session.escape(job.error), icon=":material/error:")
    else:
        st.text("Cancelled. Nothing is stored; what was read already is not read again.")
    st.button(
        "Go on" if job.state == "cancelled" else "Try again", on_click=_started.clear, args=(name, key, make)
    )
    st.stop()


@st.cache_resource(max_entries=6, show_spinner=False)
def _started(name: str, key: Hashable, _make: Callable[[Progress], object]) -> Job:
    return Job(name).start(_make)
