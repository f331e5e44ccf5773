"""What the tabs of the Team page share: moments as the visitor reads them, and events in their name."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from core.errors import StoreUnavailable
from core.review.decisions import Action, Decision
from core.review.people import NotPermitted
from pages.parts import picking, session


def zone() -> tzinfo:
    """The visitor's time zone; UTC where the browser does not say."""
    name = st.context.timezone
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def today() -> date:
    """The day that it is where the visitor is."""
    return datetime.now(zone()).date()


def moment(stored: str) -> str:
    """A stored moment as a person reads it, in the visitor's time zone: "3 Mar 14:32"."""
    at = datetime.fromisoformat(stored).astimezone(zone())
    year = "" if at.year == today().year else f" {at.year}"
    return f"{at.day} {at:%b}{year} {at:%H:%M}"


def bounds(day: date) -> tuple[str, str]:
    """A day of the visitor's as the stored moments from which and until which it lasts."""
    found = []
    for of in (day, day + timedelta(days=1)):
        start = datetime.combine(of, time.min, zone()).astimezone(UTC)
        found.append(start.isoformat(timespec="milliseconds"))
    return found[0], found[1]


def page_of(count: int, size: int) -> tuple[int, int]:
    """(the page of the address, from 1; how many there are, at least 1)."""
    pages = max(1, -(-count // size))
    return picking.asked_page(pages), pages


def record(*events: Decision) -> bool:
    """Store events in the visitor's name; says what was refused. Whether all were stored.

    The role is checked where they are stored.
    """
    try:
        receipts = session.team().record(session.current().annotator, events)
    except (NotPermitted, StoreUnavailable) as error:
        st.error(session.escape(str(error)), icon=":material/error:")
        return False
    refused = [receipt.refused for receipt in receipts if receipt.refused]
    for reason in refused:
        st.warning(f"Not stored: {session.escape(reason)}", icon=":material/error:")
    return not refused


def take_back(event: Decision) -> None:
    """Undo an event of the visitor's own; the undo of an UNDO brings back what it took."""
    undo = Decision(
        event.dataset,
        event.row_id,
        Action.UNDO,
        session.current().annotator,
        event.given_label,
        uuid.uuid4().hex,
        undoes=event.op_id,
    )
    if record(undo):
        st.toast("Brought back." if event.action is Action.UNDO else "Undone.", icon=":material/undo:")
