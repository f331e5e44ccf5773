"""The keyboard review surface: a Streamlit component that prefetches rows and posts decisions itself.

It never asks for a rerun. Keys act on the row that is on the screen when they are pressed, the next row is
painted from what was fetched before, and each decision goes to a route of the same server.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from core.dataset import Kind
from core.review.remarks import TAGS

_FOLDER = Path(__file__).parent
_SCRIPTS = (
    "dom",
    "outbox",
    "feed",
    "prose",
    "sharp",
    "boxes",
    "evidence",
    "light",
    "overlay",
    "stage",
    "search",
    "findings",
    "panel",
    "sets",
    "numbers",
    "strip",
    "keymap",
    "keys",
    "dialog",
    "help",
    "tools",
    "header",
    "ledger",
    "history",
    "notice",
    "pace",
    "remarks",
    "standing",
    "team",
    "tiles",
    "gridbar",
    "bulk",
    "grid",
    "screen",
    "surface",
    "mount",
)
"""One module to the browser, in an order in which every name is defined before it is used."""

_STYLES = ("surface", "team", "grid", "sets", "numbers", "overlay", "evidence")

_js = "\n".join((_FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in _SCRIPTS)
_css = "\n".join((_FOLDER / f"{name}.css").read_text(encoding="utf-8") for name in _STYLES)
_component = st.components.v2.component("labelmend_review", js=_js, css=_css)


@dataclass(frozen=True)
class Mount:
    """What one surface shows, and for whom.

    workspace: a name under which the browser keeps unsent decisions, with dataset and annotator.
    token: from core.session_token.mint_session. filters: Filters.to_query(). find: the check in use.
    rows: how many the data set has. queue_name: the queue in words. row: the row id to begin at, "" for the
    first undecided. sets: where a row can have several labels, their names, delimiter and may_be_empty;
    classes are then the sets that rows have. targets: where labels are numbers, which can be written; there
    are no classes then. boxes: whether rows are boxes in pictures.
    how: the address that explains why a row is here, "" for none. evidence: that of the Evidence page.
    """

    dataset: str
    workspace: str
    annotator: str
    token: str
    classes: tuple[str, ...]
    adds_classes: bool
    sets: dict[str, Any] | None
    targets: dict[str, Any] | None
    kind: Kind
    rows: int
    neighbours: bool
    boxes: bool
    filters: dict[str, str]
    find: str
    queue_name: str
    row: str
    how: str
    evidence: str


def review_surface(mount: Mount) -> None:
    """Show the surface. It starts over when its queue or annotator changes, not for a fresh token."""
    from core.review.claims import HELD_S

    key = [mount.workspace, mount.dataset, mount.annotator, sorted(mount.filters.items())]
    data = {**asdict(mount), "key": json.dumps(key), "hold_s": HELD_S, "tags": TAGS}
    _component(key="review_surface", data=data)
