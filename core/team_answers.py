"""Whose answers can be compared: only those that were given without knowing another's."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.review.decisions import VERDICTS, Action, Decision, live

EXCLUDE, AMBIGUOUS, NO_LABEL = "(exclude)", "(ambiguous)", "(no label)"


@dataclass(frozen=True, eq=False)
class Answers:
    """Independent answers to the rows that at least two people answered so.

    codes: (N, A) int64, -1 = no answer; labels: what code k means; annotators: whose column it is.
    left_out: answers to rows that several people answered, given after seeing another's.
    """

    row_ids: tuple[str, ...]
    annotators: tuple[str, ...]
    labels: tuple[str, ...]
    codes: np.ndarray
    left_out: int

    def among(self, rows: np.ndarray) -> Answers:
        """The same of some rows only. rows: (N,) bool."""
        ids = tuple(row_id for row_id, kept in zip(self.row_ids, rows, strict=True) if kept)
        return Answers(ids, self.annotators, self.labels, self.codes[rows], self.left_out)


def answers(histories: Mapping[str, Sequence[Decision]], classes: Sequence[str]) -> Answers:
    """The independent answers in the histories of rows (events in store order, undone ones and UNDOs too).

    An answer is the label that the verdict leaves the row with; to exclude a row and to call it ambiguous
    are answers of their own; "needs review" is none.
    """
    # Class names first, in their order; a class may be called as one of our own three answers is.
    codes: dict[tuple[Action, str], int] = {(Action.RELABEL, name): k for k, name in enumerate(classes)}
    labels = list(classes)
    found: dict[str, dict[str, int]] = {}
    left_out = 0
    for row_id, events in histories.items():
        given, after_seeing = independent(events)
        left_out += after_seeing
        row = {}
        for name, verdict in given.items():
            key, label = _answer(verdict)
            if key not in codes:
                codes[key] = len(labels)
                labels.append(label)
            row[name] = codes[key]
        if len(row) > 1:
            found[row_id] = row
    names = tuple(sorted({name for row in found.values() for name in row}))
    table = np.full((len(found), len(names)), -1, dtype=np.int64)
    for i, row in enumerate(found.values()):
        for name, code in row.items():
            table[i, names.index(name)] = code
    return Answers(tuple(found), names, tuple(labels), table, left_out)


def independent(events: Sequence[Decision]) -> tuple[dict[str, Decision], int]:
    """(each annotator's answer to a row that they gave unaided, how many gave theirs after seeing another's).

    Unaided is a verdict given blind, or based on a log in which nobody else had a verdict on the row. Of
    several by one annotator the last unaided one counts: who comes round after seeing the other's answer
    has not agreed independently. Final words end a disagreement and are no opinions.
    """
    verdicts = [e for e in events if e.action in VERDICTS]
    standing_ids = live(events)
    given: dict[str, Decision] = {}
    people: set[str] = set()
    for verdict in verdicts:
        if verdict.final or verdict.op_id not in standing_ids:
            continue
        people.add(verdict.annotator)
        known = verdict.seq - 1 if verdict.based_on is None else verdict.based_on
        others = any(o.annotator != verdict.annotator and o.seq <= known for o in verdicts)
        if was_blind(verdict) or not others:
            given[verdict.annotator] = verdict
    unaided = {name: v for name, v in given.items() if v.action is not Action.NEEDS_REVIEW}
    return unaided, len(people - set(given))


def was_blind(verdict: Decision) -> bool:
    """Whether the answers of others were hidden when this one was given."""
    try:
        shown = json.loads(verdict.shown)
    except ValueError:
        return False
    return isinstance(shown, dict) and shown.get("blind") is True


def _answer(verdict: Decision) -> tuple[tuple[Action, str], str]:
    """(what makes two answers the same, how it is called)."""
    if verdict.action is Action.EXCLUDE:
        return (Action.EXCLUDE, ""), EXCLUDE
    if verdict.action is Action.AMBIGUOUS:
        return (Action.AMBIGUOUS, ""), AMBIGUOUS
    label = verdict.label if verdict.action is Action.RELABEL else verdict.given_label
    return (Action.RELABEL, label or ""), label or NO_LABEL
