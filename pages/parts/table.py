"""One page of the issue list, with selection of a row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from core.issue_rows import PAGE_ROWS, issue_rows, page_count, page_of
from core.review import items
from pages.parts import picking, session


def show(board: items.Board, positions: np.ndarray, clusters: np.ndarray | None = None) -> pd.DataFrame:
    """Draw the page of the address, and return its rows, indexed by row id.

    clusters: (N,) cluster numbers, to be shown where the rows are ordered by them.
    """
    pages = page_count(len(positions))
    page = picking.asked_page(pages)
    shown = page_of(positions, page)
    ids_shown = board.dataset.row_ids[shown]
    standings = session.team().standings_of(board.dataset.name, session.person(), ids_shown)
    rows = issue_rows(board, shown, standings, clusters)
    ids = list(rows.index)
    chosen = st.query_params.get("row", "")
    picking.table_of_rows(
        rows,
        key=f"rows_{session.dataset_name()}_{page}_{'_'.join(ids[:1])}_{len(positions)}",
        selected=ids.index(chosen) if chosen in ids else (0 if not chosen and ids else None),
        column_config=_columns(board),
    )
    if pages > 1:
        with st.container(horizontal=True, vertical_alignment="center"):
            picking.pagination(pages, page, f"{board.dataset.name}_{len(positions)}")
            first = (page - 1) * PAGE_ROWS
            st.text(f"{first + 1:,} to {first + len(rows):,} of {len(positions):,}")
    return rows


def _columns(board: items.Board) -> dict:
    image = board.dataset.columns.kind == "image"
    return {
        "row": st.column_config.NumberColumn("Row", format="localized", width=60),
        "cluster": st.column_config.NumberColumn(
            "Cluster", format="localized", width=70, help="1 is the largest"
        ),
        "preview": (
            st.column_config.ImageColumn("Preview", width=70)
            if image
            else st.column_config.TextColumn("Preview", width=210)
        ),
        "given": st.column_config.TextColumn("Given", width=95),
        "suggested": st.column_config.TextColumn("Suggested", width=95),
        "score": st.column_config.ProgressColumn(
            "Score", min_value=0, max_value=1, format="%.2f", width=95, help="0 worst, 1 clean"
        ),
        "why": st.column_config.TextColumn("Why", width="large"),
        "state": st.column_config.TextColumn("Decision", width=120),
        "reviewer": st.column_config.TextColumn("Reviewer", width=100),
    }
