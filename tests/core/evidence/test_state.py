from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.evidence import words
from core.evidence.errors_expected import Hours, Yield
from core.evidence.log import ReviewLog
from core.evidence.remaining import Remaining, remaining
from core.evidence.state import NEXT, State, by_group, state
from core.evidence.stopping import Cost, Progress, plan
from core.issues import Result, issue_table
from core.review.chance import random_order
from core.review.orders import RANDOM_SEED
from tests.conftest import make_dataset

ROWS = 400


def reviewed(read: int = 200, share: float = 0.5) -> tuple[State, np.ndarray]:
    """A review of 400 rows whose first 40 are wrong and ranked first, and the truth."""
    dataset = make_dataset([0] * ROWS)
    truth = np.arange(ROWS) < 40
    score = np.linspace(0, 1, ROWS)
    order = random_order(dataset.row_ids, RANDOM_SEED)
    ranked, lot = iter(range(ROWS)), iter(order.tolist())
    seen: dict[int, bool] = {}
    coins = np.random.default_rng(0).random(read) < share
    for coin in coins.tolist():
        seen[next(p for p in (lot if coin else ranked) if p not in seen)] = coin
    at = np.array(list(seen), dtype=np.int64)
    log = ReviewLog(
        at, truth[at], np.zeros(len(at), bool), np.array(list(seen.values())), score[at], np.full(99, 4.0)
    )
    result = Result(issue_table(dataset, score, score < 0.2), {"flagged": 80, "estimator": "test"})
    return state(dataset, log, result), truth


def test_state__holds_the_truth_and_all_that_is_shown() -> None:
    found, truth = reviewed()
    low, high = found.left.left
    unread = ROWS - len(found.log)
    assert found.left.unread == unread and low <= truth.sum() - found.left.found <= high
    assert found.line[-1] == found.left and found.strict == found.left
    assert found.ahead is not None and found.ahead.rows == min(NEXT, unread)
    assert found.curve is not None and found.curve.decisions == len(found.log)
    assert found.reliability["rows"].sum() == found.log.drawn.sum()
    assert found.pace is not None and found.pace.seconds == 4.0
    assert found.stop is not None and found.stop.frozen and found.stop.progress.met > 0


def test_state__certifies_nothing_by_a_ranking_that_has_changed() -> None:
    found, _ = reviewed()
    dataset = make_dataset([0] * ROWS)
    other = Result(issue_table(dataset, np.linspace(1, 0, ROWS), np.zeros(ROWS, bool)), {})
    moved = state(dataset, found.log, other)
    assert moved.stop is not None and not moved.stop.frozen
    assert "the ranking has changed" in words.stop_in_words(moved.stop, None)
    assert moved.left == found.left


def test_state__certifies_the_same_in_whatever_order_the_ranking_was_read() -> None:
    found, _ = reviewed(300, share=0.9)
    dataset, log = make_dataset([0] * ROWS), found.log
    score = np.linspace(0, 1, ROWS)
    labels = Result(issue_table(dataset, score, score < 0.2), {})
    other = np.arange(len(log))
    ranked = np.flatnonzero(~log.drawn)
    other[ranked] = ranked[::-1]  # another order, the random rows at their places
    order = ReviewLog(
        log.positions[other], log.wrong[other], log.ambiguous[other], log.drawn, log.score[other], log.seconds
    )
    again = state(dataset, order, labels)
    assert again.stop is not None and found.stop is not None
    assert vars(again.stop.progress) == vars(found.stop.progress) and again.stop.frozen
    assert again.left.high >= 40 >= again.left.low


def test_state__of_nothing() -> None:
    nothing = ReviewLog(*(np.zeros(0, t) for t in (np.int64, bool, bool, bool, float, float)))
    for rows in (0, 1, 5):
        dataset = make_dataset([0] * rows)
        table = issue_table(dataset, np.ones(rows), np.zeros(rows, bool))
        for labels in (None, Result(table, {})):
            found = state(dataset, nothing, labels)
            assert found.left.read == 0 and found.pace is None
            assert isinstance(words.left_in_words(found.left), str)


def test_by_group__finds_the_class_that_the_errors_lie_in() -> None:
    found, _ = reviewed(300, share=0.9)
    frame = by_group(
        {"first": np.arange(ROWS) < 100, "rest": np.arange(ROWS) >= 100, "few": np.arange(ROWS) < 2},
        found.log,
    )
    assert frame["group"].tolist() == ["first", "rest"]
    first, rest = frame.to_dict("records")
    assert first["low"] <= 40 <= first["high"] and first["share_low"] > rest["share_high"] - 0.1
    assert rest["low"] == 0


# --- sentences --------------------------------------------------------------------------------------

LEFT = Remaining(2000, 300, 200, 2, 62, 62, 144, 80)


def test_left_in_words__names_the_interval_of_what_is_left() -> None:
    wrong, audit = np.zeros(300, dtype=bool), np.zeros(300, dtype=bool)
    wrong[:60], audit[100:], wrong[[150, 250]] = True, True, True
    said = words.left_in_words(remaining(2000, wrong, audit))
    assert said == (
        "Between 0 and 82 wrong labels are left among the 1,700 rows nobody has read "
        "(95%, valid however often you look)."
    )


@pytest.mark.parametrize(
    ("left", "sentence"),
    [
        (
            replace(LEFT, audits=0),
            "Nothing is known of the 1,700 rows nobody has read: no random row has been read yet.",
        ),
        (
            Remaining(5, 5, 3, 1, 1, 1, 1, 1),
            "Every row has been read: 1 label is found wrong, and none is left unread.",
        ),
        (
            replace(LEFT, low=62, high=62),
            "0 wrong labels are left among the 1,700 rows nobody has read "
            "(95%, valid however often you look).",
        ),
        (
            replace(LEFT, low=63, high=63),
            "1 wrong label is left among the 1,700 rows nobody has read (95%, valid however often you look).",
        ),
    ],
)
def test_left_in_words__at_the_edges(left: Remaining, sentence: str) -> None:
    assert words.left_in_words(left) == sentence


def test_share_in_words__counts_what_it_rests_on() -> None:
    assert words.share_in_words(LEFT) == (
        "3.1% to 7.2% of all labels are wrong, most likely 4.0%: 62 found in the 300 rows read, 2 of them in "
        "200 random rows."
    )
    assert words.share_in_words(replace(LEFT, audits=0)) == ""


def test_strict_in_words__counts_ambiguous_rows_as_wrong() -> None:
    strict = replace(LEFT, found=65, low=66, high=160)
    assert (
        words.strict_in_words(LEFT, strict) == "With the 3 rows called ambiguous counted as wrong: 1 to 95."
    )
    assert words.strict_in_words(LEFT, LEFT) == ""


def test_plan_in_words__says_how_many_draws_narrow_it() -> None:
    wrong, audit = np.zeros(300, dtype=bool), np.ones(300, dtype=bool)
    left = remaining(100_000, wrong, audit)
    said = words.plan_in_words(left)
    number = int(said.split(" random")[0].removeprefix("About ").replace(",", ""))
    assert said.endswith("random rows more bring the interval to ± 0.5 points.")
    more = remaining(100_000, np.zeros(300 + number, bool), np.ones(300 + number, bool))
    assert (more.high - more.low) / 2 / 100_000 <= 0.005
    assert words.plan_in_words(remaining(100, np.zeros(100, bool), np.ones(100, bool))) == ""


def test_recall_in_words__rounds_down() -> None:
    assert (
        words.recall_in_words(LEFT) == "At least 43% of the wrong labels are found (95%): 62 of at most 144."
    )
    assert words.recall_in_words(replace(LEFT, found=0)) == ""


def test_stop_in_words__at_every_stage() -> None:
    found, _ = reviewed()
    stop = found.stop
    assert stop is not None
    nine = plan(0.9)

    def said(progress: Progress, cost: Cost | None = None, rest: Hours | None = None) -> str:
        return words.stop_in_words(replace(stop, progress=progress, cost=cost), rest)

    met = Progress(nine, 46, 900, 400, 0, False)
    assert said(met) == "You can stop: at least 90% of the wrong labels are found (95% confidence)."
    assert said(replace(met, unread=12)) == (
        "12 rows more of the ranking, and at least 90% of the wrong labels are found (95% confidence)."
    )
    assert said(replace(met, exhausted=True)).startswith("Every row of the random order has been read")
    early = Progress(nine, 12, 300, None, None, False)
    assert said(early) == (
        "To say that 90% of the wrong labels are found: "
        "random rows have met 12 of the 46 wrong labels that this takes."
    )
    assert said(early, Cost(640, 384, 1152), Hours(1.6, 1.4, 1.9, 9.0, 200)) == (
        "About 640 rows more, 1.6 h (384 to 1,152 rows) to be able to say that 90% of the "
        "wrong labels are found; "
        "random rows have met 12 of the 46 wrong labels that this takes."
    )


def test_ahead_in_words__foretells_the_next_rows() -> None:
    found, _ = reviewed()
    told = replace(found, ahead=Yield(50, 12.0, 8, 19), pace=Hours(7 / 60, 0.1, 0.2, 8.4, 200))
    assert words.ahead_in_words(told) == (
        "Expect 8 to 19 wrong labels in the next 50 rows of the ranking, about 7 minutes."
    )
    assert words.ahead_in_words(replace(told, pace=None)).endswith("of the ranking.")
    assert words.ahead_in_words(replace(told, pace=Hours(0.013, 0, 0, 1, 9))).endswith("about a minute.")
    assert words.ahead_in_words(replace(told, ahead=Yield(1, 0.1, 0, 1))).startswith(
        "Expect 0 to 1 wrong labels in the next row"
    )
    assert words.ahead_in_words(replace(told, ahead=None)) == ""


def test_mixed_in_words__says_the_share_of_the_plan() -> None:
    assert (
        words.mixed_in_words(0.3) == "The queue holds 30% random rows. They are shown without a suggestion."
    )


def test_burn_down_in_words__says_the_last_point() -> None:
    assert words.burn_down_in_words(LEFT) == "After 300 rows: 62 wrong labels found, 0 to 82 left."


def test_groups_in_words__counts_the_lines() -> None:
    assert words.groups_in_words("split", 3) == (
        "The 3 splits with 10 random rows or more. Each 95% interval holds by itself; of twenty, one may be "
        "wrong."
    )
    assert words.interval_in_words(0.0124, 0.5) == "1.2% to 50.0%"


def test_reliability_in_words__says_the_worst_group_and_each_point() -> None:
    frame = pd.DataFrame(
        [(40, 0.02, 0.025, 0.004, 0.129), (41, 0.6, 0.5, 0.35, 0.64)],
        columns=["rows", "foretold", "found", "low", "high"],
    )
    assert words.reliability_in_words(frame) == (
        "Of the 41 random rows with the highest probability, 60% were foretold wrong and 50% are "
        "(35% to 64%)."
    )
    assert words.reliability_lines(frame) == [
        "40 rows foretold 2.0% wrong: 2.5% are, interval 0.4% to 12.9%",
        "41 rows foretold 60.0% wrong: 50.0% are, interval 35.0% to 64.0%",
    ]


@pytest.mark.parametrize(
    ("left", "sentence"),
    [
        (LEFT, "0 to 82 wrong labels left (95%)"),
        (replace(LEFT, low=63, high=63), "1 wrong label left (95%)"),
        (replace(LEFT, low=70, high=70), "8 wrong labels left (95%)"),
        (replace(LEFT, audits=0), "Wrong labels left: not known, no random row read yet"),
        (Remaining(5, 5, 3, 1, 1, 1, 1, 1), "Every row is read"),
    ],
)
def test_brief_left__is_the_interval_in_short(left: Remaining, sentence: str) -> None:
    assert words.brief_left(left) == sentence


def test_brief_ahead__is_what_the_next_rows_yield_in_short() -> None:
    found, _ = reviewed()
    told = replace(found, ahead=Yield(50, 12.0, 8, 19), pace=Hours(7 / 60, 0.1, 0.2, 8.4, 200))
    assert words.brief_ahead(told) == "8 to 19 wrong in the next 50 by score, about 7 minutes"
    assert words.brief_ahead(replace(told, pace=None)) == "8 to 19 wrong in the next 50 by score"
    assert words.brief_ahead(replace(told, ahead=Yield(50, 0.0, 0, 0), pace=None)).startswith("0 wrong in")
    one = replace(told, ahead=Yield(1, 0.4, 0, 1), pace=None)
    assert words.brief_ahead(one) == "0 to 1 wrong in the next row by score"
    assert words.brief_ahead(replace(told, ahead=None)) == ""


def test_brief_stop__is_shown_where_the_recall_is_certified_and_nowhere_else() -> None:
    found, _ = reviewed()
    assert found.stop is not None and words.brief_stop(found.stop) == "" and words.brief_stop(None) == ""
    met = replace(found.stop, progress=Progress(plan(0.9), 46, 900, 400, 0, False))
    assert words.brief_stop(met) == "You can stop: at least 90% found (95% confidence)"
    assert words.brief_stop(replace(met, frozen=False)) == ""
    every = replace(met, progress=replace(met.progress, exhausted=True), frozen=False)
    assert words.brief_stop(every) == "You can stop: every wrong label is known"
