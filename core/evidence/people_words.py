"""What is said of annotators, in sentences. Each number in them has a test."""

from __future__ import annotations

import pandas as pd

from core.evidence.people import LEAST_DECISIONS, LEAST_SHOWN, Finding, Gap, Gold
from core.evidence.remaining import LEAST_GOLD, Remaining
from core.evidence.suggestions import ByLot


def anchoring_in_words(found: ByLot, hides: bool) -> str:
    """ "Annotators take a shown suggestion 9 points more often than they would ... (2 to 16)." hides: whether
    the plan hides suggestions by lot now.
    """
    gap = found.gap
    if gap is not None:
        return gap_in_words(gap)
    if not len(found) and not hides:
        return "Nothing is known of anchoring: the plan hides no suggestions."
    if len(found) < LEAST_DECISIONS:
        return f"Too few decisions to tell of anchoring ({len(found):,} of {LEAST_DECISIONS:,})."
    hidden = int((~found.shown).sum())
    few, kind = min((hidden, "hidden"), (len(found) - hidden, "shown"))
    return f"Too few decisions with the suggestion {kind} to tell of anchoring ({few:,} of {LEAST_SHOWN:,})."


def gap_in_words(gap: Gap) -> str:
    low, high = round(gap.low * 100), round(gap.high * 100)
    if gap.low > 0:
        return (
            f"Annotators take a shown suggestion {_points(gap.gap)} more often than they would choose it "
            f"unaided ({low} to {high})."
        )
    if gap.high < 0:
        return (
            f"Annotators take a shown suggestion {_points(-gap.gap)} less often than they would choose it "
            f"unaided ({-high} to {-low})."
        )
    return (
        f"No anchoring shown: a shown suggestion is taken {-low} points less to {high} points more often "
        "than annotators would choose it unaided (95%)."
    )


def _points(share: float) -> str:
    points = round(share * 100)
    return f"{points} {'point' if points == 1 else 'points'}"


def gold_in_words(answers: Gold) -> str:
    """Both error rates, with their intervals; for a kind without answers, that there are none."""
    said = []
    for (hits, of), (low, high), what, none in (
        (answers.false_alarms, answers.false_alarm_rate, "right labels called wrong", "right"),
        (answers.misses, answers.miss_rate, "wrong labels missed", "wrong"),
    ):
        if of:
            said.append(f"{hits:,} of {of:,} {what} ({low:.1%} to {high:.1%})")
        else:
            said.append(f"no answer to a row known {none}")
    return f"On gold rows: {said[0]}; {said[1]}."


def corrected_in_words(left: Remaining, total: tuple[int, int] | None, answers: Gold) -> str:
    """The number of wrong labels with the annotators' own errors taken into account, or what that lacks."""
    right, wrong = answers.false_alarms[1], answers.misses[1]
    if total is None:
        lacks = " and ".join(
            f"{LEAST_GOLD - n:,} to rows known {kind}"
            for n, kind in ((right, "right"), (wrong, "wrong"))
            if n < LEAST_GOLD
        )
        return f"To correct for the annotators' own errors, more answers to gold rows are needed: {lacks}."
    low, high = total
    labels = f"{left.rows:,} {'label' if left.rows == 1 else 'labels'}"
    return (
        f"Corrected for the annotators' own errors, {low:,} to {high:,} of the {labels} are wrong (95%). On "
        f"gold rows they called {answers.false_alarms[0]:,} of {right:,} right labels wrong, and missed "
        f"{answers.misses[0]:,} of {wrong:,} wrong ones."
    )


def readers_in_words(frame: pd.DataFrame) -> str:
    """What the rows that several people read amount to. frame: of core.evidence.readers.findings."""
    if not len(frame):
        return "No row has been read unaided by several people yet."
    counts = {what: int((frame["finding"] == what).sum()) for what in Finding}
    verb = "row" if len(frame) == 1 else "rows"
    return (
        f"Of {len(frame):,} {verb} that several people read, {counts[Finding.ERROR]:,} "
        f"{'has' if counts[Finding.ERROR] == 1 else 'have'} a wrong label, {counts[Finding.RIGHT]:,} a right "
        f"one, {counts[Finding.AMBIGUOUS]:,} {'is' if counts[Finding.AMBIGUOUS] == 1 else 'are'} ambiguous, "
        f"and {counts[Finding.ONE_MORE]:,} {'wants' if counts[Finding.ONE_MORE] == 1 else 'want'} one more "
        "reader."
    )
