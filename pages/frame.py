"""The script that Streamlit runs: who is here, which data set, and the pages beside this file."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import streamlit as st

from core.review.people import Role
from pages.parts import session, sidebar, sign_in

HERE = Path(__file__).parent


class Entry(NamedTuple):
    """A page. least: the role that sees it in the menu and may open it."""

    name: str
    title: str
    icon: str
    help: str
    least: Role


MENU = {
    "Data": (
        Entry(
            "overview",
            "Overview",
            "dashboard",
            "What is wrong with the labels, and what to do first.",
            Role.VIEWER,
        ),
        Entry("load", "Load data", "upload_file", "Bring a data set and a model's predictions.", Role.OWNER),
    ),
    "Find": (
        Entry(
            "issues",
            "Issues",
            "troubleshoot",
            "Every row that looks wrong: filter, list, open.",
            Role.VIEWER,
        ),
    ),
    "Fix": (
        Entry("review", "Review", "rate_review", "Decide row after row with the keyboard.", Role.ANNOTATOR),
        Entry("team", "Team", "groups", "Who decides what, and where people differ.", Role.ANNOTATOR),
    ),
    "Ship": (
        Entry("evidence", "Evidence", "verified", "How each number was made.", Role.VIEWER),
        Entry("export", "Export", "file_download", "The corrected file, and every changed cell.", Role.OWNER),
    ),
}

st.set_page_config(page_title="Labelmend", page_icon=sidebar.MARK, layout="wide", initial_sidebar_state=248)
pages = {
    section: [
        st.Page(
            HERE / f"{entry.name}.py",
            title=entry.title,
            icon=f":material/{entry.icon}:",
            help=entry.help,
            url_path=entry.name,
            default=entry.name == "overview",
        )
        for entry in entries
        if (HERE / f"{entry.name}.py").exists()
    ]
    for section, entries in MENU.items()
}
least = {entry.title: entry.least for entries in MENU.values() for entry in entries}
page = st.navigation(pages, position="hidden")
sign_in.gate()
role = session.role()
decided = sidebar.show({s: [p for p in some if least[p.title] <= role] for s, some in pages.items()})
# A page checks this again itself. Pages stay known to Streamlit, so that an address says what is missing.
session.require_role(least[page.title], f"open {page.title}")
page.run()
sidebar.say_decided(decided)
