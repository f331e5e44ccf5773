"""A table of a database on the Load page: which one, read beside the page, with progress and cancel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import streamlit as st

from core.progress import Progress
from core.review.people import Role
from core.workspace import Workspace
from pages.parts import session, work

WAY = "A table of a database"


@dataclass(frozen=True)
class Snapshot:
    """A table as it was read. at: when, for a person."""

    path: Path
    at: str


@st.cache_resource
def _snapshots() -> dict[str, Snapshot]:
    """The tables that this process has read, by the name of the work that read them."""
    return {}


@st.cache_data(ttl="1m", show_spinner="Looking for tables")
def _tables(source: str) -> list[str]:
    # Only here: SQLAlchemy takes a while to load, and most installs have no such source.
    from core.sql_sources import named_source, table_names

    known = session.workspace().settings.sql_sources
    return [str(table) for table in table_names(named_source(known, source))]


def choose_table(workspace: Workspace) -> Path | None:
    """The table that the visitor chose, once it is read; None so far.

    Raises InputError where the database does not answer.
    """
    with st.container(horizontal=True):
        source = st.selectbox("Database", sorted(workspace.settings.sql_sources), key="l_sql_source")
        table = st.selectbox(
            "Table", _tables(source), index=None, placeholder="Choose a table", key=f"l_sql_table_{source}"
        )
    if table is None:
        return None
    name = f"table {table} of {source}"
    job, found = session.jobs().get(name), _snapshots().get(name)
    if job is not None and job.state == "running":
        work.show(name)
        return None
    if job is not None and job.state == "failed":
        st.error(session.escape(job.error), icon=":material/error:")
        found = None
    elif job is not None and job.state == "cancelled":
        st.text("Cancelled. Nothing was kept.")
    with st.container(horizontal=True, vertical_alignment="center"):
        label = "Read the table" if found is None else "Read it again"
        st.button(label, key="l_sql_read", on_click=_start, args=(workspace, name, source, table))
        if found is not None:
            st.text(f"Read {found.at}. Later changes in the database are not in it.")
    return found.path if found is not None else None


def _start(workspace: Workspace, name: str, source: str, table: str) -> None:
    session.require_role(Role.OWNER, "load data")
    from core.sql_snapshot import read_into
    from core.sql_sources import named_source

    kept, known = _snapshots(), workspace.settings.sql_sources

    def read(progress: Progress) -> None:
        path = read_into(workspace, named_source(known, source), table, progress)
        kept[name] = Snapshot(path, f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC")

    session.jobs().start(name, read)
