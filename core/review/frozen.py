"""The frozen test rows of a data set: on them it is measured whether retraining helped, and never trained."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.review.decisions import Action, Decision


@dataclass(frozen=True)
class Frozen:
    """rows: ids of the frozen rows, in the order of the draw. by: who froze them. at: when, UTC in ISO 8601.
    times: how often rows of this data set were frozen, this one included.
    """

    rows: tuple[str, ...]
    by: str
    at: str
    times: int


def freeze_event(dataset: str, by: str, rows: Sequence[str], seed: int) -> Decision:
    """The event that freezes these rows and no others. Raises ValueError without rows.

    seed: of the draw, for the record.
    """
    if not rows:
        raise ValueError("no rows to freeze")
    detail = json.dumps({"frozen": list(rows), "seed": seed})
    return Decision(dataset, "", Action.FREEZE, by, "", uuid.uuid4().hex, detail=detail)


def frozen_rows(events: Iterable[Decision]) -> Frozen | None:
    """The frozen rows after these events (store order; other events are ignored): those of the last FREEZE;
    None before the first."""
    all_ = [event for event in events if event.action is Action.FREEZE]
    if not all_:
        return None
    last = all_[-1]
    return Frozen(tuple(last.details.get("frozen", ())), last.annotator, last.decided_at, len(all_))


def in_words(event: Decision) -> str:
    """What a FREEZE event says."""
    count = len(event.details.get("frozen", ()))
    return f"{count:,} test {'row' if count == 1 else 'rows'} frozen"
