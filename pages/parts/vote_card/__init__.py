"""The card of a validation round: a Streamlit component that shows one row after the other and posts votes.

As the review surface does, it acts on the row that is on the screen when a key is pressed and paints the next
one from what came before; a vote is kept on the device until the server has stored it. It knows two labels
and their order, not which of them is the given one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import streamlit as st

_FOLDER = Path(__file__).parent
_SCRIPTS = (
    _FOLDER.parent / "review_surface" / "dom.js",
    _FOLDER.parent / "review_surface" / "outbox.js",
    _FOLDER / "content.js",
    _FOLDER / "card.js",
    _FOLDER / "mount.js",
)
_js = "\n".join(path.read_text(encoding="utf-8") for path in _SCRIPTS)
_component = st.components.v2.component(
    "labelmend_vote", js=_js, css=(_FOLDER / "card.css").read_text(encoding="utf-8")
)


@dataclass(frozen=True)
class Cards:
    """What the card shows, and for whom.

    workspace: a name under which the browser keeps unsent votes, with dataset and annotator. token: from
    core.session_token.mint_session. round: its id. cards: the next rows, from core.votes.cards. waiting: how
    many rows wait for this person, these included. done: [op_id, card] of their last votes, for Undo.
    """

    workspace: str
    dataset: str
    annotator: str
    token: str
    round: str
    cards: Sequence[dict[str, Any]]
    waiting: int
    done: Sequence[tuple[str, dict[str, Any]]]


def vote_card(cards: Cards) -> bool:
    """Show the card, which asks for further rows by itself. Whether the last vote has just been stored."""
    said = _component(
        key=f"vote_card_{cards.round}",
        data=asdict(cards),
        on_more_change=lambda: None,
        on_ended_change=lambda: None,
    )
    return bool(said.ended)
