"""Gold rows: rows whose right label is known, asked of each annotator once, with no sign of it.

An owner marks rows that have a final word; that word is the right label. What annotators answer are opinions
beside it, so that exports and standings stay as they are.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import islice

import numpy as np
import pandas as pd

from core.errors import refuse
from core.review.chance import random_order, unit_interval
from core.review.decisions import Action, Decision, live

GOLD = "gold"
"""The source of an answer that was given to a gold row in its turn."""
_SEED = 0
_BLOCK = 4096


def gold_event(dataset: str, by: str, rows: Sequence[tuple[str, str, str]]) -> Decision:
    """The event that marks these rows as gold; taken back by undoing it. Raises InputError without a row.

    rows: (row id, given label, right label or what else is right, in words), the last two for the record.
    """
    if not rows:
        raise refuse("there is no row to mark as gold", expected="rows whose right label is known")
    detail = json.dumps({"members": [list(row) for row in rows]})
    return Decision(dataset, "", Action.GOLD, by, "", uuid.uuid4().hex, detail=detail)


def marked(events: Iterable[Decision]) -> frozenset[str]:
    """Ids of the rows marked as gold after these events (store order; other events do no harm)."""
    events = [e for e in events if e.action in (Action.GOLD, Action.UNDO)]
    standing = live(events)
    return frozenset(
        row_id
        for event in events
        if event.action is Action.GOLD and event.op_id in standing
        for row_id, *_ in event.details["members"]
    )


def turn(row_ids: Collection[str], person: str) -> list[str]:
    """Gold rows in the order in which a person meets them: another one for each, drawn by the row ids."""
    ids = sorted(row_ids)
    return [ids[i] for i in random_order(ids, _SEED, f"gold of {person}").tolist()]


def with_gold(
    positions: np.ndarray,
    row_ids: pd.Index,
    due: Sequence[int],
    share: float,
    person: str,
    waits: Callable[[int], bool],
) -> tuple[np.ndarray, np.ndarray]:
    """(positions, source): a queue with gold rows that a person has not answered among its rows.

    positions: (M,) of the queue. due: positions of the gold rows in their turn. share: of the rows that the
    person gets, in [0, 1). A coin of each row, tossed for the person, says whether gold follows it; waits:
    whether it still waits for the person: behind other rows there is none. Where a gold row would have been
    in the queue otherwise, it is left out. source: (M',) the place in `positions` of each, -1 for gold rows.
    """
    own = np.flatnonzero(~np.isin(positions, np.asarray(due, dtype=np.int64)))
    after: list[int] = []
    for start in range(0, len(own), _BLOCK):
        if len(after) == len(due):
            break
        some = own[start : start + _BLOCK]
        coins = unit_interval(row_ids[positions[some]], _SEED, f"gold for {person}") < share / (1 - share)
        heads = (at for at in np.flatnonzero(coins).tolist() if waits(int(positions[some[at]])))
        after += [start + at + 1 for at in islice(heads, len(due) - len(after))]
    found = np.insert(positions[own], after, due[: len(after)])
    return found, np.insert(own, after, -1)
