from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np

from core.evidence.log import ReviewLog, review_log, spent
from core.review.decisions import Action, Decision
from core.review.fold import Fold
from tests.conftest import make_dataset

DATASET = make_dataset([0] * 6)


def say(
    row: str, op: str, action: Action = Action.KEEP, at: int = 0, who: str = "ann", **told: Any
) -> Decision:
    shown = {"shown_at": f"2026-01-01T00:00:{at:02d}.000Z", **told}
    label = "dog" if action is Action.RELABEL else None
    return Decision("d", row, action, who, "cat", op, label, shown=json.dumps(shown))


def log_of(*events: Decision) -> ReviewLog:
    stored = [
        replace(event, seq=i + 1, decided_at="2026-01-01T01:00:00+00:00") for i, event in enumerate(events)
    ]
    return review_log(stored, Fold(stored).standings(), DATASET)


def test_review_log__has_a_line_for_each_row_in_the_order_of_reading() -> None:
    log = log_of(
        say("r3", "1", Action.RELABEL, source="audit", score=0.25),
        say("r1", "2", source="ranked", score=0.5),
        say("r0", "3", Action.EXCLUDE, source="picked"),
        say("r2", "4", Action.AMBIGUOUS, source="audit"),
    )
    assert log.positions.tolist() == [3, 1, 0, 2]
    assert log.wrong.tolist() == [True, False, True, False]
    assert log.ambiguous.tolist() == [False, False, False, True]
    assert log.drawn.tolist() == [True, False, False, True]
    np.testing.assert_array_equal(log.score, [0.25, 0.5, np.nan, np.nan])


def test_review_log__keeps_the_first_reading_and_the_last_word() -> None:
    log = log_of(
        say("r1", "1", source="audit"),
        say("r2", "2"),
        say("r1", "3", Action.RELABEL, source="picked"),
    )
    assert (log.positions.tolist(), log.wrong.tolist()) == ([1, 2], [True, False])
    assert log.drawn.tolist() == [True, False]


def test_review_log__an_undone_verdict_was_never_given() -> None:
    undo = Decision("d", "r1", Action.UNDO, "ann", "", "u", undoes="1")
    assert len(log_of(say("r1", "1", source="audit"), undo)) == 0
    again = log_of(say("r1", "1", source="audit"), undo, say("r2", "2"), say("r1", "3", source="picked"))
    assert (again.positions.tolist(), again.drawn.tolist()) == ([2, 1], [False, False])


def test_review_log__leaves_out_what_is_open_and_what_is_gone() -> None:
    log = log_of(
        say("r1", "1", who="ann"),
        say("r1", "2", Action.RELABEL, who="bob"),
        say("r2", "3", Action.NEEDS_REVIEW),
        say("gone", "4"),
        say("r4", "5"),
    )
    assert log.positions.tolist() == [4]


def test_review_log__reads_bulk_decisions_and_what_is_no_json() -> None:
    bulk = say("", "1", Action.RELABEL).bulk([("r1", "cat", "dog"), ("r2", "cat", "dog")])
    log = log_of(
        bulk, replace(say("r3", "2"), shown="no json"), replace(say("r4", "3"), shown='{"score": true}')
    )
    assert log.positions.tolist() == [1, 2, 3, 4]
    assert log.wrong.tolist() == [True, True, False, False]
    assert np.isnan(log.score).all()


def test_review_log__times_rows_of_one_annotator() -> None:
    log = log_of(
        say("r0", "1", at=0),
        say("r1", "2", at=4, who="bob"),
        say("r2", "3", at=5),
        say("r3", "4", at=8),
        say("r4", "5", at=10, who="bob"),
    )
    assert sorted(log.seconds.tolist()) == [3.0, 5.0, 6.0]


def test_review_log__takes_no_score_of_another_check() -> None:
    log = log_of(
        say("r0", "1", source="audit", score=0.25, find="outliers"),
        say("r1", "2", source="audit", score=0.5, find="label_issues"),
    )
    np.testing.assert_array_equal(log.score, [np.nan, 0.5])


def test_spent__is_from_one_row_to_the_next_of_the_same_annotator() -> None:
    events = [say("r0", "1", at=0), say("r1", "2", at=4, who="bob"), say("r2", "3", at=5), say("", "4", at=6)]
    rows, people, seconds = spent([*events, say("r3", "5", at=9), say("r4", "6", at=10, who="bob")])
    assert (rows, people, seconds.tolist()) == (["r0", "r2", "r1"], ["ann", "ann", "bob"], [5.0, 4.0, 6.0])
    assert spent([])[2].tolist() == []


def test_of__is_the_log_of_some_rows() -> None:
    log = log_of(say("r0", "1", source="audit"), say("r1", "2", Action.RELABEL), say("r2", "3"))
    part = log.of(np.array([True, False, True, False, False, False]))
    assert part.positions.tolist() == [0, 2] and part.drawn.tolist() == [True, False]
