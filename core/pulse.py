"""What happened on a data set since, for everybody who is at work on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.evidence.live import Live
from core.review.decisions import VERDICTS

if TYPE_CHECKING:
    from core.review.store import Store


def pulse(
    store: Store, live: Live, person: str, name: str, named: bool, since: int, told: int | None
) -> dict[str, Any]:
    """Decisions of others after event `since`, and the evidence where there is newer than the browser has.

    named: whether the person may know who decided; else nobody is named, since beside the rows names would
    tell who gave the earlier answers. told: `version` of the evidence that the browser shows, 0 for none;
    None: it does not ask.
    """
    now = store.peek(name)
    new = store.events(name, since, actions=VERDICTS) if since < now.seq else []
    by: dict[str, int] = {}
    rows: dict[str, None] = {}
    for event in new:
        if event.annotator != person and event.row_id:
            by[event.annotator] = by.get(event.annotator, 0) + 1
            rows[event.row_id] = None
    people = [{"annotator": who if named else None, "decided": n} for who, n in by.items()]
    found = {"seq": now.seq, "decided": len(now), "people": people, "rows": list(rows)[-500:]}
    if told is not None:
        evidence = live.told(name, now.seq, blind=not named)
        found["evidence"] = None if evidence is None or evidence["version"] == told else evidence
    return found
