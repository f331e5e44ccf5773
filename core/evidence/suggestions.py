"""What annotators answered where a lot showed or hid the suggestion."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from core.evidence.people import Gap, anchoring
from core.review.classes import ClassList
from core.review.decisions import VERDICTS, Action, Decision, live, told_by_browser


@dataclass(frozen=True, eq=False)
class ByLot:
    """T decisions in the order of deciding. shown: (T,) bool, whether the suggestion was. took: (T,) bool,
    whether the answer was the suggestion. share: (T,) float64, of the rows for which the plan hid it then.
    """

    shown: np.ndarray
    took: np.ndarray
    share: np.ndarray

    def __len__(self) -> int:
        return len(self.shown)

    @property
    def gap(self) -> Gap | None:
        """How much oftener a shown suggestion is chosen; None where these are too few decisions."""
        return anchoring(self.shown, self.took, self.share)


def by_lot(events: Iterable[Decision], classes: ClassList) -> ByLot:
    """events: the data set's verdicts and UNDOs in store order. Each annotator's first answer to a row that
    stands counts, where the row came from the ranking and the plan hid suggestions by lot.
    """
    events = list(events)
    standing = live(events)
    seen: set[tuple[str, str]] = set()
    found: list[tuple[bool, bool, float]] = []
    for event in events:
        if event.action not in VERDICTS or not event.row_id or event.final or event.op_id not in standing:
            continue
        key = event.annotator, event.row_id
        told = told_by_browser(event)
        first, share = key not in seen, told.get("hidden_share")
        seen.add(key)
        if not first or event.action is Action.NEEDS_REVIEW or not isinstance(share, float):
            continue
        suggested = classes.meaning(str(told.get("suggested")))
        label = None if event.label is None else classes.meaning(event.label, event.seq)
        found.append((bool(told.get("seen")), event.action is Action.RELABEL and label == suggested, share))
    shown, took, shares = (list(column) for column in zip(*found, strict=True)) if found else ([], [], [])
    return ByLot(np.array(shown, dtype=bool), np.array(took, dtype=bool), np.array(shares, dtype=np.float64))
