"""The Disagreements tab: both answers side by side, and the way to Review, where a final word ends them."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.review.people import Role
from core.review.queue import Filters
from core.team_report import LETTERS, disagreement_rows, ended_rows
from core.workspace import Project
from pages.parts import picking, session, team_acts

PAGE_ROWS = 50


def show(project: Project) -> None:
    """The rows on which people differ. In a blind review an annotator is told how many there are."""
    team, me = session.team(), session.current().annotator
    if not team.sees_all(project.name, me):
        st.text("The review is blind: you see your own answers only. An adjudicator ends disagreements.")
        return
    standings = team.visible(project.name, me)
    open_rows = [row_id for row_id, s in standings.items() if s.disagreed]
    ended = [
        row_id
        for row_id, s in standings.items()
        if s.final is not None and len({d.answer for d in s.opinions}) > 1
    ]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.segmented_control(
            "Which",
            ["open", "ended"],
            default="open",
            required=True,
            format_func={"open": f"Open {len(open_rows):,}", "ended": f"Ended {len(ended):,}"}.__getitem__,
            label_visibility="collapsed",
            key="team_which",
        )
        if chosen == "open" and open_rows and session.can(Role.ADJUDICATOR):
            _decide_button(
                project, f"Decide {'this 1' if len(open_rows) == 1 else f'these {len(open_rows):,}'}"
            )
    shown = open_rows if chosen == "open" else ended
    if not shown:
        st.text(
            "Nobody disagrees." if chosen == "open" else "No disagreement has been ended by a final word."
        )
        return
    if chosen == "open":
        st.markdown(":small[Names are shown once a final word is given. Click a line to open that row.]")
    page, pages = team_acts.page_of(len(shown), PAGE_ROWS)
    some = shown[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]
    board = session.board(project.name, Filters())
    make = disagreement_rows if chosen == "open" else ended_rows
    frame = make(board, standings, some)
    _table(project, frame, f"team_{chosen}_{page}_{len(shown)}_{some[0]}")
    if pages > 1:
        picking.pagination(pages, page, f"{project.name}_{chosen}_{len(shown)}")


def _table(project: Project, frame: pd.DataFrame, key: str) -> None:
    image = project.dataset.columns.kind == "image"
    ids = list(frame.index)
    chosen = st.query_params.get("row", "")
    picking.table_of_rows(
        frame,
        key=key,
        selected=ids.index(chosen) if chosen in ids else None,
        column_config={
            "row": st.column_config.NumberColumn("Row", format="localized", width=60),
            "preview": (
                st.column_config.ImageColumn("Preview", width=70)
                if image
                else st.column_config.TextColumn("Preview", width=240)
            ),
            "given": st.column_config.TextColumn("Given"),
            "model": st.column_config.TextColumn("Model says"),
            "answers": st.column_config.TextColumn("Answers", width="large"),
            "final": st.column_config.TextColumn("Final word"),
            **{letter: st.column_config.TextColumn(letter) for letter in LETTERS},
        },
    )
    if chosen in ids:
        position = int(project.dataset.positions([chosen])[0])
        if position >= 0:
            _decide_button(project, f"Open row {position + 1:,} in Review", chosen)


def _decide_button(project: Project, label: str, row: str = "") -> None:
    """Review is where verdicts are given; a button here could fire for the row before."""
    if st.button(label, type="primary", icon=":material/rate_review:", key=f"decide_{row}"):
        # Every row, flagged or not: without a cut, a queue holds the flagged ones only.
        cut = {"cut": "1.0"} if session.audit(project).results else {}
        where = {"row": row} if row else {}
        st.switch_page("review.py", query_params=session.only(state="disagreed", **cut, **where))
