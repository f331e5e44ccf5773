"""Decisions are append-only events; the state of a row is a fold over its events."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What an annotator can say of a row."""

    KEEP = "keep"
    RELABEL = "relabel"
    EXCLUDE = "exclude"
    AMBIGUOUS = "ambiguous"
    NEEDS_REVIEW = "needs_review"
    UNDO = "undo"


@dataclass(frozen=True)
class Decision:
    """One event. op_id is unique in a store, so that sending an event twice stores it once.

    given_label: the class name that was on the screen as given ("" for an unlabelled row).
    label: the class name chosen, for RELABEL only.
    undoes: the op_id taken back, for UNDO only.
    shown: what else was on the screen (JSON: suggestion, find = the check, queue, ...), for the record.
    seq, decided_at: given by the store; decided_at is UTC in ISO 8601.
    """

    dataset: str
    row_id: str
    action: Action
    annotator: str
    given_label: str
    op_id: str
    label: str | None = None
    undoes: str | None = None
    shown: str = ""
    decided_at: str = ""
    seq: int = 0

    @property
    def reason(self) -> str:
        """What spoke for the decision when it was made, in words; "" where nothing is known."""
        try:
            shown = json.loads(self.shown)
        except ValueError:
            return self.shown
        if not isinstance(shown, dict) or not shown.get("find"):
            return self.shown
        suggested = shown.get("suggestion")
        return f"{shown['find']} suggested {suggested}" if suggested else f"shown by {shown['find']}"


def fold(events: Iterable[Decision]) -> dict[str, Decision]:
    """The decision in force for each row id, from events in store order. Undone rows fall back."""
    stacks: dict[str, list[Decision]] = {}
    for event in events:
        stack = stacks.setdefault(event.row_id, [])
        if event.action is Action.UNDO:
            stack[:] = [d for d in stack if d.op_id != event.undoes]
        else:
            stack.append(event)
    return {row_id: stack[-1] for row_id, stack in stacks.items() if stack}
