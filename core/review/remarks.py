"""Notes and tags on rows: said of a row without deciding it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from core.review.decisions import Action, Decision, live

TAGS = ("ambiguous", "bad crop", "two objects", "guideline gap")
"""Offered to everybody; people add their own."""


def remarks(events: Iterable[Decision], person: str, *, alone: bool) -> dict[str, Any]:
    """What is noted on one row, from its events in store order, as one person may know it.

    {"notes": [{op_id, text, annotator, at}], "tags": everybody's, "own_tags": this person's}. A TAG event
    holds all the tags that its annotator leaves on the row. alone: leave out what other people said.
    """
    events = list(events)
    standing = live(events)
    notes: list[dict[str, str]] = []
    tags: dict[str, list[str]] = {}
    for event in events:
        if event.op_id not in standing or (alone and event.annotator != person):
            continue
        if event.action is Action.NOTE:
            text = str(event.details.get("text", ""))
            notes.append(
                {"op_id": event.op_id, "text": text, "annotator": event.annotator, "at": event.decided_at}
            )
        elif event.action is Action.TAG:
            tags[event.annotator] = [str(tag) for tag in event.details.get("tags", ())]
    everybody = list(dict.fromkeys(tag for some in tags.values() for tag in some))
    return {"notes": notes, "tags": everybody, "own_tags": tags.get(person, [])}
