"""The decision log as the evidence reads it: one line a row that was read, in the order of reading."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

import numpy as np

from core.dataset import Dataset
from core.review.audit_rows import DRAWN
from core.review.decisions import VERDICTS, Action, Decision, Standing, live, told_by_browser
from core.review.queue import default_find

WRONG = frozenset({Action.RELABEL, Action.EXCLUDE})
"""Verdicts by which the given label is wrong: the row gets another, or belongs to no class."""


@dataclass(frozen=True, eq=False)
class ReviewLog:
    """T rows that were read, in the order in which a verdict on them came first.

    positions: (T,) in the data set. wrong, ambiguous: (T,) bool, by the decision in force now; a row on
    which annotators differ and nobody has the final word is left out, and so is one that waits for review.
    drawn: (T,) bool, whether the row was a random draw from the rows unread then. score: (T,) float64 label
    quality score that it had then, NaN where unknown, as where the rows of another check were read.
    seconds: between two rows of one annotator, of every decision on one row; see `spent`.
    said: (T,) bool, `wrong` as the first reader said, whatever came after; None: as `wrong`.
    outside: positions of the gold rows, which are no part of what is read, but for those that were random
    draws before.
    """

    positions: np.ndarray
    wrong: np.ndarray
    ambiguous: np.ndarray
    drawn: np.ndarray
    score: np.ndarray
    seconds: np.ndarray
    said: np.ndarray | None = None
    outside: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.positions)

    def of(self, rows: np.ndarray) -> ReviewLog:
        """The log of some rows. rows: (N,) bool. A draw from all is one from these where it hits them."""
        keep = rows[self.positions]
        return ReviewLog(
            self.positions[keep],
            self.wrong[keep],
            self.ambiguous[keep],
            self.drawn[keep],
            self.score[keep],
            self.seconds,
            None if self.said is None else self.said[keep],
            self.outside[rows[self.outside]],
        )


def review_log(
    events: Iterable[Decision],
    standings: Mapping[str, Standing],
    dataset: Dataset,
    gold: Collection[str] = frozenset(),
) -> ReviewLog:
    """events: the data set's verdicts and UNDOs in store order. standings: what they amount to now. gold: ids
    of the gold rows.

    A gold row is chosen for what it is, so that it tells nothing of others, and is left out; one that was a
    random draw stays, for draws that are taken out by their verdicts would be random no longer.
    """
    events = list(events)
    in_force = live(events)
    first: dict[str, Decision] = {}
    said: dict[str, Decision] = {}
    for event in events:
        if event.action not in VERDICTS or event.op_id not in in_force:
            continue
        for decision in event.expanded():
            first.setdefault(decision.row_id, decision)
            if decision.action is not Action.NEEDS_REVIEW:
                said.setdefault(decision.row_id, decision)
    outside = {row for row in gold if row not in first or told_by_browser(first[row]).get("source") != DRAWN}
    rows = [r for r in first if r not in outside and _settled(standings.get(r)) is not None]
    positions = dataset.positions(rows)
    known = [(row, int(p)) for row, p in zip(rows, positions, strict=True) if p >= 0]
    told = [told_by_browser(first[row]) for row, _ in known]
    find = default_find(dataset)
    actions = [_settled(standings[row]) for row, _ in known]
    return ReviewLog(
        np.array([p for _, p in known], dtype=np.int64),
        np.array([action in WRONG for action in actions], dtype=bool),
        np.array([action is Action.AMBIGUOUS for action in actions], dtype=bool),
        np.array([t.get("source") == DRAWN for t in told], dtype=bool),
        np.array([_score(t, find) for t in told], dtype=np.float64),
        spent(events)[2],
        np.array([said[row].action in WRONG for row, _ in known], dtype=bool),
        _there(dataset.positions(sorted(outside))),
    )


def _there(positions: np.ndarray) -> np.ndarray:
    return positions[positions >= 0].astype(np.int64)


def spent(events: Iterable[Decision]) -> tuple[list[str], list[str], np.ndarray]:
    """(row ids, annotators, seconds) of every decision on one row that is in force: from when its row came
    on the screen until the annotator's next one did; their last has no end and is left out.
    """
    events = list(events)
    in_force = live(events)
    by: dict[str, list[tuple[float, str]]] = {}
    for event in events:
        if event.action in VERDICTS and event.row_id and event.op_id in in_force:
            by.setdefault(event.annotator, []).append((_when(event), event.row_id))
    rows: list[str] = []
    people: list[str] = []
    seconds: list[float] = []
    for annotator, seen in by.items():
        seen.sort()
        for (began, row_id), (ended, _) in pairwise(seen):
            rows.append(row_id)
            people.append(annotator)
            seconds.append(ended - began)
    return rows, people, np.array(seconds, dtype=np.float64)


def _settled(standing: Standing | None) -> Action | None:
    if standing is None or standing.settled is None:
        return None
    action = standing.settled.action
    return None if action is Action.NEEDS_REVIEW else action


def _when(event: Decision) -> float:
    """When the row came on the screen, in seconds; when it was decided, where that is not known."""
    shown_at = told_by_browser(event).get("shown_at")
    try:
        return datetime.fromisoformat(str(shown_at)).timestamp()
    except ValueError:
        return datetime.fromisoformat(event.decided_at).timestamp()


def _score(told: Mapping[str, object], find: str) -> float:
    """The score of the check that looks for wrong labels; that of another check ranks nothing here."""
    value = told.get("score") if told.get("find", find) == find else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else float("nan")
