"""What people decide is an append-only log of events; the standing of a row is a fold over its events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from core.review.fixes import GATE, accepted_by


class Action(StrEnum):
    """What an event says. The first five are verdicts on a row."""

    KEEP = "keep"
    RELABEL = "relabel"
    EXCLUDE = "exclude"
    AMBIGUOUS = "ambiguous"
    NEEDS_REVIEW = "needs_review"
    UNDO = "undo"
    NOTE = "note"
    TAG = "tag"
    CLASS = "class"
    ASSIGN = "assign"
    PLAN = "plan"
    ROLE = "role"
    PAIR = "pair"
    LOCK = "lock"
    GATE = "gate"
    RULE = "rule"
    VOTE = "vote"
    FREEZE = "freeze"
    GOLD = "gold"


VERDICTS = frozenset({Action.KEEP, Action.RELABEL, Action.EXCLUDE, Action.AMBIGUOUS, Action.NEEDS_REVIEW})
UNDOABLE = VERDICTS | {
    Action.NOTE, Action.TAG, Action.CLASS, Action.ASSIGN, Action.PAIR, Action.RULE, Action.GOLD
}  # fmt: skip
"""What a person can take back and bring back."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One event. op_id is unique in a store, so that sending an event twice stores it once.

    dataset: "" for an event about the workspace (a role). row_id: "" for an event about the data set, or
    about many rows; the person for a role.
    given_label: the class name that was on the screen as given ("" for an unlabelled row).
    label: the class name chosen, for RELABEL only.
    undoes: the op_id taken back, for UNDO only. A redo is the UNDO of an UNDO.
    shown: what else was on the screen (JSON: suggestion, find = the check, queue, ...), for the record.
    detail: what the action needs beyond that (JSON): the members of a bulk decision, a note's text, ...
    based_on: the last seq of the data set that the annotator had seen; None where it is not known.
    final: an adjudicator's word, which ends a disagreement.
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
    detail: str = ""
    based_on: int | None = None
    final: bool = False

    @property
    def reason(self) -> str:
        """What spoke for the decision when it was made, in words; "" where nothing is known."""
        try:
            shown = json.loads(self.shown)
        except ValueError:
            return self.shown
        if accepted := accepted_by(self.shown):
            return accepted
        if isinstance(shown, dict) and shown.get("source") == GATE:
            return "checked blind in a spot check"
        if not isinstance(shown, dict) or not shown.get("find"):
            return self.shown
        suggested = shown.get("suggestion")
        return f"{shown['find']} suggested {suggested}" if suggested else f"shown by {shown['find']}"

    @property
    def details(self) -> dict[str, Any]:
        """`detail` as a mapping, {} where there is none."""
        return json.loads(self.detail) if self.detail else {}

    @property
    def answer(self) -> tuple[Action, str | None]:
        """What two annotators must share to agree."""
        return self.action, self.label

    def bulk(self, members: Iterable[tuple[str, str, str | None]]) -> Decision:
        """The same verdict on many rows as one event. members: (row id, given label, label or None)."""
        return replace(self, row_id="", detail=json.dumps({**self.details, "members": list(members)}))

    def expanded(self) -> list[Decision]:
        """A verdict as it stands on each of its rows: itself, or the members of a bulk decision."""
        if self.row_id or self.action not in VERDICTS:
            return [self]
        return [
            Decision(
                self.dataset,
                row_id,
                self.action,
                self.annotator,
                given_label,
                self.op_id,
                label,
                None,
                self.shown,
                self.decided_at,
                self.seq,
                "",
                self.based_on,
                self.final,
            )
            for row_id, given_label, label in self.details.get("members", ())
        ]


def told_by_browser(event: Decision) -> dict[str, Any]:
    """What a browser says was on the screen; what is no mapping under "browser"."""
    try:
        told = json.loads(event.shown or "{}")
    except ValueError:
        told = event.shown
    return told if isinstance(told, dict) else {"browser": told}


@dataclass(frozen=True, slots=True)
class Standing:
    """What is said of a row now.

    opinions: the last verdict of each annotator that is not undone, in the order of deciding.
    final: the last final word that is not undone.
    settled: the decision in force; None where the annotators disagree and nobody has ended it.
    """

    opinions: tuple[Decision, ...]
    final: Decision | None = None
    settled: Decision | None = None

    @property
    def disagreed(self) -> bool:
        """Whether annotators differ and no final word has been given."""
        return self.settled is None

    def own(self, annotator: str) -> Standing | None:
        """The standing as if nobody else had said anything; None where the annotator has not."""
        said = [d for d in self.opinions if d.annotator == annotator]
        if self.final is not None and self.final.annotator == annotator:
            said.append(self.final)
        return Standing((said[-1],), None, said[-1]) if said else None


def standing(events: Sequence[Decision]) -> Standing | None:
    """What a row's events, in store order, amount to; None where no verdict is left.

    events: expanded (no bulk events), with every UNDO that names one of them.
    """
    if not events:
        return None
    if len(events) == 1:  # the usual case, a million times
        event = events[0]
        if event.action not in VERDICTS:
            return None
        return Standing((), event, event) if event.final else Standing((event,), None, event)
    standing_ids = live(events)
    opinions: dict[str, Decision] = {}
    final = None
    for event in events:
        if event.action in VERDICTS and event.op_id in standing_ids:
            if event.final:
                final = event
            else:
                opinions.pop(event.annotator, None)
                opinions[event.annotator] = event
    if not opinions and final is None:
        return None
    found = tuple(opinions.values())
    return Standing(found, final, final or _agreed(found))


def live(events: Iterable[Decision]) -> set[str]:
    """op_ids of the events that are in force: not undone, or undone by an UNDO that is undone itself."""
    events = list(events)
    found = {event.op_id for event in events}
    for event in reversed(events):  # an UNDO comes after what it undoes
        if event.action is Action.UNDO and event.op_id in found:
            found.discard(event.undoes or "")
    return found


def _agreed(opinions: Sequence[Decision]) -> Decision | None:
    """The last of opinions that agree, else None. "Needs review" abstains beside any other opinion."""
    votes = [d for d in opinions if d.action is not Action.NEEDS_REVIEW] or opinions
    return votes[-1] if len({d.answer for d in votes}) == 1 else None


def in_force(standings: Mapping[str, Standing]) -> dict[str, Decision]:
    """The decisions of the rows that are settled."""
    settled = ((row_id, standing.settled) for row_id, standing in standings.items())
    return {row_id: decision for row_id, decision in settled if decision is not None}
