"""The evidence in sentences. Each number in them is one of the state's, and each sentence has a test."""

from __future__ import annotations

import math

from core.evidence.errors_expected import Hours
from core.evidence.remaining import Remaining, audits_needed
from core.evidence.state import State, Stop

PROMISE_WIDTH = 0.005
"""Half the width of the interval that the plan for more draws aims at: half a point."""


def left_in_words(left: Remaining) -> str:
    """ "Between 0 and 82 wrong labels are left among the 1,700 rows nobody has read (95%, ...)." """
    if not left.unread:
        return f"Every row has been read: {_labels(left.found)} found wrong, and none is left unread."
    low, high = left.left
    if not left.audits:
        return (
            f"Nothing is known of the {_rows(left.unread)} nobody has read: no random row has been read yet."
        )
    among = f"among the {_rows(left.unread)} nobody has read"
    sure = f"({left.level:.0%}, valid however often you look)"
    if low == high:
        return f"{_labels(low, 'wrong ')} left {among} {sure}."
    return f"Between {low:,} and {high:,} wrong labels are left {among} {sure}."


def share_in_words(left: Remaining) -> str:
    """The share of all labels that is wrong, and what it rests on; "" without a random draw."""
    if not left.audits:
        return ""
    low, high = left.prevalence
    most = "" if left.estimate is None else f", most likely {left.estimate / left.rows:.1%}"
    return (
        f"{low:.1%} to {high:.1%} of all labels are wrong{most}: {left.found:,} found in the "
        f"{_rows(left.read)} read, {left.wrong_audits:,} of them in {_draws(left.audits)}."
    )


def strict_in_words(left: Remaining, strict: Remaining) -> str:
    """The same with ambiguous rows counted as wrong; "" where there is none."""
    if strict.found == left.found or not strict.audits:
        return ""
    low, high = strict.left
    return (
        f"With the {_rows(strict.found - left.found)} called ambiguous counted as wrong: {low:,} to {high:,}."
    )


def plan_in_words(left: Remaining) -> str:
    """How many random rows more narrow the interval to half a point; "" where that is unknown or reached."""
    needed = audits_needed(left, PROMISE_WIDTH)
    if not needed:
        return ""
    return f"About {_draws(needed)} more bring the interval to ± {PROMISE_WIDTH * 100:.1f} points."


def recall_in_words(left: Remaining) -> str:
    """At least what share of the wrong labels is found; "" where that is nothing."""
    if not left.audits or not left.found:
        return ""
    return (
        f"At least {math.floor(left.recall * 100)}% of the wrong labels are found "
        f"({left.level:.0%}): {left.found:,} of at most {left.high:,}."
    )


def stop_in_words(stop: Stop, rest: Hours | None) -> str:
    """Whether enough has been read for the recall, or what it takes."""
    made, recall = stop.progress, f"{stop.progress.plan.recall:.0%}"
    sure = f"({1 - made.plan.alpha:.0%} confidence)"
    if made.exhausted:
        return "Every row of the random order has been read: every wrong label is known. You can stop."
    if not stop.frozen:
        return (
            f"Whether {recall} of the wrong labels are found cannot be certified: the ranking has changed "
            "since random rows were read, and it may have learned from them."
        )
    if made.reached:
        return f"You can stop: at least {recall} of the wrong labels are found {sure}."
    if made.unread is not None:
        more = f"{_rows(made.unread)} more of the ranking"
        return f"{more}, and at least {recall} of the wrong labels are found {sure}."
    met = f"random rows have met {made.met:,} of the {made.plan.errors} wrong labels that this takes"
    if stop.cost is None:
        return f"To say that {recall} of the wrong labels are found: {met}."
    time = "" if rest is None else f", {rest.hours:.1f} h"
    return (
        f"About {_rows(stop.cost.rows)} more{time} ({stop.cost.low:,} to {stop.cost.high:,} rows) to be able "
        f"to say that {recall} of the wrong labels are found; {met}."
    )


def ahead_in_words(found: State) -> str:
    """What the next rows of the ranking will yield, and how long they take; "" where nothing is ahead."""
    ahead = found.ahead
    if ahead is None or not ahead.rows:
        return ""
    which = f"next {ahead.rows:,} rows" if ahead.rows > 1 else "next row"
    said = f"Expect {ahead.low:,} to {ahead.high:,} wrong labels in the {which} of the ranking"
    if found.pace is not None:
        said += f", about {_minutes(found.pace.hours * 60)}"
    return said + "."


def _minutes(minutes: float) -> str:
    if minutes < 1:
        return "a minute" if minutes > 0.5 else "half a minute"
    return f"{minutes:.0f} {'minute' if round(minutes) == 1 else 'minutes'}"


def _rows(number: int) -> str:
    return f"{number:,} {'row' if number == 1 else 'rows'}"


def _draws(number: int) -> str:
    return f"{number:,} random {'row' if number == 1 else 'rows'}"


def _labels(number: int, kind: str = "") -> str:
    return f"{number:,} {kind}{'label is' if number == 1 else 'labels are'}"
