from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.evidence.validation import Outcome, Study, first_is_given, outcome

_NAMES = {
    "not_an_error": Outcome.RIGHT,
    "correctable": Outcome.CORRECTABLE,
    "both": Outcome.MULTI_LABEL,
    "neither": Outcome.NEITHER,
    "non_agreement": Outcome.NON_AGREEMENT,
}


@pytest.mark.parametrize(
    ("votes", "expected"),
    [
        ({"given": 3, "suggested": 2}, Outcome.RIGHT),
        ({"given": 2, "suggested": 3}, Outcome.CORRECTABLE),
        ({"both": 3, "given": 2}, Outcome.MULTI_LABEL),
        ({"neither": 4, "both": 1}, Outcome.NEITHER),
        ({"given": 2, "suggested": 2, "both": 1}, Outcome.NON_AGREEMENT),
        ({"given": 4}, None),
        ({}, None),
    ],
)
def test_outcome__is_what_most_of_five_chose(votes: dict[str, int], expected: Outcome | None) -> None:
    assert outcome(votes) is expected


def test_outcome__wants_more_than_half_of_any_number_of_readers() -> None:
    assert outcome({"given": 1, "suggested": 1}, readers=2) is Outcome.NON_AGREEMENT
    assert outcome({"given": 2, "suggested": 1}, readers=3) is Outcome.RIGHT
    with pytest.raises(ValueError, match="not a valid Choice"):
        outcome({"maybe": 5})
    with pytest.raises(ValueError, match="votes are"):
        outcome({"given": -1, "both": 9})


@pytest.mark.parametrize(("name", "checked", "errors"), [("mnist", 100, 15), ("20news", 93, 82)])
def test_outcome__gives_the_counts_of_the_published_study(
    shared_data: Path, name: str, checked: int, errors: int
) -> None:
    votes = pd.read_csv(shared_data / "label_errors" / name / "verdicts.csv")
    found = [
        outcome({"given": g, "suggested": s, "both": b, "neither": n})
        for g, s, b, n in votes[["votes_given", "votes_guessed", "votes_both", "votes_neither"]].to_numpy()
    ]
    assert len(found) == checked and None not in found
    assert sum(one is not Outcome.RIGHT for one in found) == errors
    assert found == [_NAMES[said] for said in votes["outcome"]]


def test_study__has_an_interval_where_not_every_flagged_row_was_checked() -> None:
    whole = Study(10_000, 100, 100, 15)
    assert whole.hit_rate == 0.15 and whole.rate == (0.0015, 0.0015, 0.0015)
    part = Study(10_000, 1000, 100, 15)
    estimate, low, high = part.rate
    assert estimate == pytest.approx(0.015) and low < estimate < high
    assert np.isnan(Study(10, 0, 0, 0).rate[0]) and np.isnan(Study(10, 0, 0, 0).hit_rate)


def test_first_is_given__is_a_fair_coin() -> None:
    assert abs(first_is_given(np.random.default_rng(0).random(4000)).mean() - 0.5) < 0.03
