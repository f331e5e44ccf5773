from __future__ import annotations

import numpy as np
import pytest

from core.evidence.validated import (
    agreement_in_words,
    answers,
    checked_in_words,
    hits_in_words,
    rate_in_words,
    validated,
)
from core.evidence.validation import Outcome
from core.methods.agreement import krippendorff_alpha
from core.review.votes import Pair, Round, round_event, rounds_of


def of(said: dict[str, dict[str, int]], flagged: int | None = None, unasked: int = 0) -> Round:
    """A round with these votes. Rows whose name begins with a c are given cat, others dog."""
    pairs = {
        row: Pair("cat", "dog") if row.startswith("c") else Pair("dog", "cat")
        for row in [*said, *(f"c{i} without votes" for i in range(unasked))]
    }
    recorded = [(row, "", choice, many) for row, votes in said.items() for choice, many in votes.items()]
    [found] = rounds_of([round_event("pets", "lea", pairs, flagged=flagged, recorded=recorded)]).values()
    return found


FIVE = {
    "c1": {"given": 3, "suggested": 2},
    "c2": {"suggested": 3, "both": 2},
    "d1": {"both": 4, "given": 1},
    "d2": {"neither": 3, "given": 2},
    "d3": {"given": 2, "suggested": 2, "both": 1},
}


def test_validated__every_outcome_and_its_counts() -> None:
    found = validated(of({**FIVE, "d4": {"given": 2}}), 100)
    assert list(found.outcomes.values()) == [
        Outcome.RIGHT, Outcome.CORRECTABLE, Outcome.MULTI_LABEL, Outcome.NEITHER, Outcome.NON_AGREEMENT
    ]  # fmt: skip
    assert found.counts == dict.fromkeys(Outcome, 1)
    assert (found.study.flagged, found.study.checked, found.study.errors) == (6, 5, 4)
    assert (found.asked, found.started) == (6, 1)
    table = found.by_class
    assert table[["given", "checked", "errors", "share"]].values.tolist() == [
        ["dog", 3, 3, 1.0], ["cat", 2, 1, 0.5]
    ]  # fmt: skip
    assert table["low"].tolist() == pytest.approx([0.4385, 0.0945], abs=5e-4)  # Wilson of 3 of 3 and 1 of 2


def test_validated__more_votes_than_asked_for_need_more_than_half_of_them() -> None:
    assert validated(of({"c": {"given": 3, "suggested": 3}}), 9).outcomes == {"c": Outcome.NON_AGREEMENT}
    assert validated(of({"c": {"given": 2, "suggested": 4}}), 9).outcomes == {"c": Outcome.CORRECTABLE}


def test_words__of_a_round_that_is_checked_through() -> None:
    found = validated(of(FIVE), 200)
    assert checked_in_words(found) == "5 of 5 rows have their 5 votes."
    assert hits_in_words(found) == (
        "4 of the 5 labels checked are errors: 80.0% (95% Wilson interval 37.6% to 96.4%)."
    )
    assert rate_in_words(found) == (
        "At least 2.00% of the 200 labels are wrong. This is a count, not an estimate: every flagged row was "
        "checked. Rows that were not flagged were not looked at."
    )
    assert agreement_in_words(found) == (
        "Agreement of the voters is not given: too few double-read rows (5 of 100)."
    )


def test_words__of_a_sample_of_the_flagged_rows() -> None:
    found = validated(of({**FIVE, "d4": {"given": 2}}, flagged=50, unasked=4), 1000)
    assert checked_in_words(found) == (
        "5 of 10 rows have their 5 votes, 1 more has some of them. The rows are drawn from 50 flagged ones."
    )
    assert rate_in_words(found) == (
        "About 4.00% of the 1,000 labels are flagged and wrong (95% interval 1.88% to 4.82%): 50 flagged, of "
        "which 5 are checked. Rows that were not flagged were not looked at."
    )


def test_words__before_any_vote() -> None:
    found = validated(of({}, unasked=3, flagged=3), 9)
    assert checked_in_words(found) == "0 of 3 rows have their 5 votes."
    said = hits_in_words(found), rate_in_words(found), agreement_in_words(found)
    assert said == ("", "", "")


def test_agreement__goes_by_how_many_chose_what() -> None:
    rng = np.random.default_rng(0)
    said = {}
    for i in range(120):
        drawn = rng.multinomial(5, [0.8, 0.1, 0.1, 0.0] if i % 2 else [0.1, 0.8, 0.0, 0.1])
        words = ("given", "suggested", "both", "neither")
        said[f"c{i}"] = {word: int(n) for word, n in zip(words, drawn, strict=True) if n}
    found = validated(of(said), 500)
    alpha = krippendorff_alpha(answers(of(said)))
    assert found.agreement.value == pytest.approx(alpha) and found.agreement.rows == 120
    assert found.agreement.low < alpha < found.agreement.high
    said = f"on these rows: alpha {alpha:.2f} (95% interval {found.agreement.low:.2f} to "
    assert said in agreement_in_words(found)
