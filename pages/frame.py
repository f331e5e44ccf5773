"""The script that Streamlit runs: who is here, which data set, and the pages beside this file."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.parts import sidebar

HERE = Path(__file__).parent
MENU = {
    "Data": (
        ("overview", "Overview", "dashboard", "What is wrong with the labels, and what to do first."),
        ("load", "Load data", "upload_file", "Bring a data set and a model's predictions."),
    ),
    "Find": (("issues", "Issues", "troubleshoot", "Every row that looks wrong: filter, list, open."),),
    "Fix": (("review", "Review", "rate_review", "Decide row after row with the keyboard."),),
    "Ship": (
        ("evidence", "Evidence", "verified", "How each number was made."),
        ("export", "Export", "file_download", "The corrected file, and every changed cell."),
    ),
}

st.set_page_config(page_title="Labelmend", page_icon=sidebar.MARK, layout="wide", initial_sidebar_state=248)
pages = {
    section: [
        st.Page(
            HERE / f"{name}.py",
            title=title,
            icon=f":material/{icon}:",
            help=help,
            url_path=name,
            default=name == "overview",
        )
        for name, title, icon, help in entries
        if (HERE / f"{name}.py").exists()
    ]
    for section, entries in MENU.items()
}
page = st.navigation(pages, position="hidden")
decided = sidebar.show(pages)
page.run()
sidebar.say_decided(decided)
