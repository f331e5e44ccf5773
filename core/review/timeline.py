"""What an annotator can undo and redo: stacks folded from their own events, so that they outlive any tab."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.review.decisions import Action, Decision


@dataclass(frozen=True)
class Timeline:
    """done: events in force, the last to be undone first at the end. undone: UNDOs that a redo takes back."""

    done: tuple[Decision, ...]
    undone: tuple[Decision, ...]


def timeline(events: Iterable[Decision], actions: frozenset[Action]) -> Timeline:
    """The stacks of one annotator from their events in store order, among these actions.

    A new event empties what can be redone, as in an editor.
    """
    done: dict[str, Decision] = {}
    undone: dict[str, Decision] = {}  # op_id of an UNDO -> the UNDO
    known: dict[str, Decision] = {}
    for event in events:
        known[event.op_id] = event
        if event.action is Action.UNDO:
            of = event.undoes or ""
            if of in done:
                del done[of]
                undone[event.op_id] = event
            elif of in undone:
                target = known[undone.pop(of).undoes or ""]
                done[target.op_id] = target
        elif event.action in actions:
            done[event.op_id] = event
            undone.clear()
    return Timeline(tuple(done.values()), tuple(undone.values()))
