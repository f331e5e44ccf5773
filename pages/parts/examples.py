"""The worst rows of a data set as small cards: picture, text or telling fields, with both labels."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from core.media import MediaError, placeholder, thumbnail
from core.overview import worst
from core.review import items
from core.review.queue import Filters
from core.workspace import Project
from pages.parts import session

COUNT = 6
_TEXT = 110
_LABEL = 28
_FIELDS = 3


def show(found: Project, check: str) -> None:
    """Up to COUNT cards, worst first."""
    board = session.board(found.name, Filters(find=check))
    cards(found, board, worst(board.results[check].table, COUNT))


def cards(found: Project, board: items.Board, positions: Iterable[int]) -> None:
    """A card a row, in this order; each opens its row on the Issues page."""
    image = found.dataset.columns.kind == "image"
    with st.grid(6 if image else 3, min_column_width=110 if image else 240, gap="small") as grid:
        for position in positions:
            with grid.cell():
                _card(found, board, int(position), image)


def _card(found: Project, board: items.Board, position: int, image: bool) -> None:
    given = items.given_label(found.dataset, position)
    suggested = items.suggestion_of(board, position)
    if image:
        looks = f", looks like {suggested}" if suggested else ""
        alt = f"Row {position + 1:,}" + ("" if given is None else f", labelled {given}") + looks
        st.image(image_address(found, position), alt=alt, width="stretch")
        _open(found, position, given, suggested)
        return
    with st.container(border=True, height=150, gap="xsmall"):
        st.text(_excerpt(items.content(board, position)))
        st.space("stretch")
        _open(found, position, given, suggested)


def _open(found: Project, position: int, given: str | None, suggested: str | None) -> None:
    """The caption, which opens the row on the Issues page."""
    row_id = str(found.dataset.row_ids[position])
    looks = f", looks like **{_short(suggested)}**" if suggested else ""
    said = f"row {position + 1:,}" if given is None else f"labelled **{_short(given)}**"
    if st.button(
        f":small[{said}{looks}]",
        key=f"example_{row_id}",
        type="tertiary",
        wrap=True,
        help=f"Open row {position + 1:,}",
    ):
        st.switch_page("issues.py", query_params=session.only(row=row_id))


def _short(label: str) -> str:
    return session.escape(session.shorten(label, _LABEL))


def image_address(found: Project, position: int) -> str:
    """Of a row's thumbnail, or of the neutral picture where it cannot be read.

    Not a file of Streamlit's: it is gone when the next run of the page begins before the browser has asked.
    """
    try:
        return thumbnail(found.dataset, position, session.workspace().cache_dir).address
    except MediaError:
        return placeholder().address


def _excerpt(content: dict) -> str:
    if content["kind"] == "text":
        return session.shorten(" ".join(content["text"].split()), _TEXT)
    if content["kind"] == "tabular":
        return "\n".join(f"{f['name']}: {f['value']}" for f in content["fields"][:_FIELDS])
    return "No content column"
