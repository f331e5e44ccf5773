"""The script that Streamlit runs: who is here, which data set, and the pages beside this file."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import streamlit as st

from core.review.people import Role
from pages.parts import session, sidebar, sign_in

HERE = Path(__file__).parent


class Entry(NamedTuple):
    """A page. least: the role that sees it in the menu and may open it; do: what it is for, as a verb."""

    name: str
    title: str
    icon: str
    help: str
    least: Role
    do: str


VIEWER, ANNOTATOR, OWNER = Role.VIEWER, Role.ANNOTATOR, Role.OWNER
OVERVIEW = "What is wrong with the labels, and what to do first."
LOAD = "Bring a data set and a model's predictions."
ISSUES = "Every row that looks wrong: filter, list, open."
EXPLORE = "The whole data set as a map: clusters, classes, where the trouble sits."
SPLITS = "Whether the test score can be trusted: rows that lie on both sides."
REVIEW = "Decide row after row with the keyboard."
TEAM = "Who decides what, and where people differ."
EVIDENCE = "How each number was made."
EXPORT = "The corrected file, and every changed cell."
MENU = {
    "Data": (
        Entry("overview", "Overview", "dashboard", OVERVIEW, VIEWER, "look"),
        Entry("load", "Load data", "upload_file", LOAD, OWNER, "load data"),
    ),
    "Find": (
        Entry("issues", "Issues", "troubleshoot", ISSUES, VIEWER, "look"),
        Entry("explore", "Explore", "scatter_plot", EXPLORE, VIEWER, "look"),
        Entry("splits", "Splits", "call_split", SPLITS, VIEWER, "look"),
    ),
    "Fix": (
        Entry("review", "Review", "rate_review", REVIEW, ANNOTATOR, "review"),
        Entry("team", "Team", "groups", TEAM, ANNOTATOR, "see the team's work"),
    ),
    "Ship": (
        Entry("evidence", "Evidence", "verified", EVIDENCE, VIEWER, "look"),
        Entry("export", "Export", "file_download", EXPORT, OWNER, "export"),
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
known = {entry.title: entry for entries in MENU.values() for entry in entries}
page = st.navigation(pages, position="hidden")
sign_in.gate()
role = session.role()
session.may_upload()
decided = sidebar.show({s: [p for p in some if known[p.title].least <= role] for s, some in pages.items()})
# A page checks this again itself. Pages stay known to Streamlit, so that an address says what is missing.
session.require_role(known[page.title].least, known[page.title].do)
page.run()
sidebar.say_decided(decided)
