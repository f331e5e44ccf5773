"""The steps that a person can undo and redo, told for the review surface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.review.decisions import UNDOABLE, Decision

if TYPE_CHECKING:
    from core.review.store import Store

STEPS = 200
"""Steps that are told at once for undo and redo; those before are told when these are used up."""


def steps(store: Store, person: str, name: str) -> dict[str, Any]:
    """As core.team.Team.timeline."""
    from core.review.timeline import timeline

    last = 4 * STEPS
    while True:
        events = store.events(name, annotator=person, last=last)
        found, known = timeline(events, UNDOABLE), {e.op_id: e for e in events}
        whole = all(e.undoes is None or e.undoes in known for e in events)
        if len(events) < last or (whole and len(found.done) >= STEPS):
            break
        last *= 4  # much was undone: what is left lies further back
    undone = [{**_step(known[u.undoes or ""]), "op_id": u.op_id, "undoes": u.undoes} for u in found.undone]
    return {"done": [_step(e) for e in found.done][-STEPS:], "undone": undone[-STEPS:]}


def _step(event: Decision) -> dict[str, Any]:
    members = event.details.get("members") if not event.row_id else None
    return {
        "op_id": event.op_id,
        "action": str(event.action),
        "label": event.label,
        "row_id": event.row_id,
        "given_label": event.given_label,
        "n": 1 if members is None else len(members),
    }
