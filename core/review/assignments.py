"""Which rows are given to whom: an assignment is one event in the log, taken back by undoing it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from core.errors import refuse
from core.review.chance import random_order
from core.review.decisions import Action, Decision, live

Assigned = Mapping[str, tuple[str, ...]]
"""row id -> the annotators it is given to; a row that is absent is anybody's."""


def assigned(events: Iterable[Decision]) -> dict[str, tuple[str, ...]]:
    """Who each row is given to, from events in store order. The last assignment of a row wins.

    events: ASSIGN events and every UNDO that may name one of them; others do no harm.
    """
    events = [e for e in events if e.action in (Action.ASSIGN, Action.UNDO)]
    standing = live(events)
    found: dict[str, tuple[str, ...]] = {}
    for event in events:
        if event.action is Action.ASSIGN and event.op_id in standing:
            found |= {row_id: tuple(people) for row_id, people in event.details["members"]}
    return {row_id: people for row_id, people in found.items() if people}


def deal(row_ids: Sequence[str], people: Sequence[str], looks: np.ndarray, seed: int) -> Assigned:
    """Give every row to some of the people, evenly and at random: their loads differ by one row at most.

    looks: (N,) how many different people each row needs; it gets all of them where they are fewer.
    The same rows, people and seed give the same assignment.
    """
    names = list(dict.fromkeys(people))
    rng = np.random.default_rng(seed)
    loads = np.zeros(len(names), dtype=np.int64)
    found: dict[str, tuple[str, ...]] = {}
    for position in random_order(row_ids, seed, "assignment"):
        # The least loaded are next; who is first among equals is drawn anew for each row.
        order = np.lexsort((rng.random(len(names)), loads))[: int(looks[position])]
        loads[order] += 1
        found[str(row_ids[position])] = tuple(names[i] for i in sorted(order))
    return found


def assignment_event(dataset: str, by: str, rows: Assigned, queue: str = "") -> Decision:
    """The event that gives these rows to these people; no people: gives a row back to everybody.

    queue: how the rows were chosen, in words, for the record. Raises InputError without a row or a name.
    """
    if not rows:
        raise refuse("there is no row to give", expected="a queue with at least one row")
    if any(not name.strip() for people in rows.values() for name in people):
        raise refuse("rows are given to somebody without a name", expected="the name they sign in with")
    members = [[row_id, list(people)] for row_id, people in rows.items()]
    detail = json.dumps({"queue": queue, "members": members})
    return Decision(dataset, "", Action.ASSIGN, by, "", uuid.uuid4().hex, detail=detail)
