"""What somebody picked in a table, a chart or a pager, written to the address."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from pages.parts import session

_ROW_HEIGHT = 33


def selection(key: str) -> dict[str, Any]:
    """What is selected in the Plotly chart or table of that key."""
    return st.session_state[key]["selection"]


def selected_points(key: str) -> list[int]:
    """The points clicked in a Plotly chart of that key, by their number in the trace."""
    return [p["point_index"] for p in selection(key)["points"]]


def asked_page(pages: int) -> int:
    """The page of the address, from 1 to `pages`."""
    asked = st.query_params.get("page", "")
    return min(max(int(asked), 1), pages) if asked.isascii() and asked.isdigit() else 1


def pagination(pages: int, page: int, key: str) -> None:
    """Page buttons that write `page` to the address. key: names what is paged, so that it starts anew."""
    # `bound` does not fit: this widget always has a default, which Streamlit does not want beside a value.
    own = f"page_{key}_{page}"
    st.pagination(pages, default=page, key=own, width=360, on_change=lambda: _turn(st.session_state[own]))


def _turn(page: int) -> None:
    session.set_params({"page": str(page) if page > 1 else None, "row": None})


def table_of_rows(rows: pd.DataFrame, key: str, selected: int | None, column_config: dict[str, Any]) -> None:
    """A table of rows indexed by row id, in which a click writes the row id to the address.

    selected: the line to mark, by number.
    """
    height = min(_ROW_HEIGHT * (len(rows) + 1) + 2, 520)
    pick_line(rows, key, selected, column_config, "row", list(rows.index), height, "Rows that match")


def pick_line(
    frame: pd.DataFrame,
    key: str,
    selected: int | None,
    column_config: dict[str, Any],
    param: str,
    names: Sequence[str],
    height: int,
    alt: str,
) -> None:
    """A table in which a click writes a line's name to a query parameter. names: of its lines, in order."""
    wanted: Any = {"selection": {"rows": [] if selected is None else [selected]}}
    # Only after the first run, where the address has changed otherwise: writing counts as a click.
    if key in st.session_state and selection(key)["rows"] != wanted["selection"]["rows"]:
        st.session_state[key] = wanted
    st.dataframe(
        frame,
        hide_index=True,
        column_config=column_config,
        key=key,
        on_select=lambda: _pick(key, param, names),
        selection_mode="single-row",
        selection_default=wanted,
        height=height,
        placeholder="",
        alt=alt,
    )


def _pick(key: str, param: str, names: Sequence[str]) -> None:
    rows = selection(key)["rows"]
    cleared = {} if param == "row" else {"row": None, "page": None}
    session.set_params({**cleared, param: names[rows[0]] if rows else None})
