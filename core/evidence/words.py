"""The evidence in sentences. Each number in them is one of the state's, and each sentence has a test."""

from __future__ import annotations

import math

import pandas as pd

from core.evidence.errors_expected import Hours
from core.evidence.remaining import Remaining, audits_needed
from core.evidence.state import LEAST_OF_GROUP, State, Stop

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


def mixed_in_words(share: float) -> str:
    """How many random rows the plan puts into everybody's queue."""
    return f"The queue holds {share:.0%} random rows. They are shown without a suggestion."


def burn_down_in_words(last: Remaining) -> str:
    """What the burn-down shows, by its last point."""
    low, high = last.left
    return f"After {_rows(last.read)}: {last.found:,} wrong labels found, {low:,} to {high:,} left."


def interval_in_words(low: float, high: float) -> str:
    """An interval of shares: "1.2% to 3.4%"."""
    return f"{low:.1%} to {high:.1%}"


def groups_in_words(kind: str, shown: int) -> str:
    """What the table by class or split has, and how sure each of its lines is. kind: "class" or "split"."""
    several = {"class": "classes", "split": "splits"}[kind]
    return (
        f"The {shown:,} {several} with {LEAST_OF_GROUP} random rows or more. Each 95% interval holds by "
        "itself; of twenty, one may be wrong."
    )


def reliability_in_words(frame: pd.DataFrame) -> str:
    """What the figure of foretold against found shows, by the rows foretold worst."""
    worst = frame.iloc[-1]
    return (
        f"Of the {_draws(int(worst['rows']))} with the highest probability, {worst['foretold']:.0%} were "
        f"foretold wrong and {worst['found']:.0%} are ({worst['low']:.0%} to {worst['high']:.0%})."
    )


def reliability_lines(frame: pd.DataFrame) -> list[str]:
    """Each point of that figure in words."""
    return [
        f"{n:,} rows foretold {told:.1%} wrong: {share:.1%} are, interval {low:.1%} to {high:.1%}"
        for n, told, share, low, high in frame[["rows", "foretold", "found", "low", "high"]].itertuples(
            index=False
        )
    ]


# --- in short, beside the row that is being reviewed --------------------------------------------------


def brief_left(left: Remaining) -> str:
    """ "12 to 80 wrong labels left (95%)"."""
    if not left.unread:
        return "Every row is read"
    if not left.audits:
        return "Wrong labels left: not known, no random row read yet"
    low, high = left.left
    between = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return f"{between} wrong {'label' if low == high == 1 else 'labels'} left ({left.level:.0%})"


def brief_ahead(found: State) -> str:
    """ "8 to 19 wrong in the next 50 by score, about 7 minutes"; "" where nothing is ahead."""
    ahead = found.ahead
    if ahead is None or not ahead.rows:
        return ""
    low, high = ahead.low, ahead.high
    said = f"{low:,} wrong" if low == high else f"{low:,} to {high:,} wrong"
    said += f" in the next {ahead.rows:,} by score" if ahead.rows > 1 else " in the next row by score"
    return said if found.pace is None else f"{said}, about {_minutes(found.pace.hours * 60)}"


def brief_stop(stop: Stop | None) -> str:
    """The stop sign; "" where it is not reached."""
    if stop is None or not stop.certified:
        return ""
    if stop.progress.exhausted:
        return "You can stop: every wrong label is known"
    plan = stop.progress.plan
    return f"You can stop: at least {plan.recall:.0%} found ({1 - plan.alpha:.0%} confidence)"


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
