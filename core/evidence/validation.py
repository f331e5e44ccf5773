"""The crowd protocol of the label-errors study: is the given label right, the suggested one, both or neither?

Each of k readers (5 by default) sees the row, the given and the suggested label in random order, and chooses
one of them, both or neither. A row is an error unless most readers chose the given label; an error is
correctable where most chose the suggestion, multi-label where most chose both, neither where most chose
neither, and else the readers did not agree.

Source: Northcutt, Athalye, Mueller: Pervasive Label Errors in Test Sets Destabilize Machine Learning
Benchmarks, 2021.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from core.methods.intervals import wilson

READERS = 5


class Choice(StrEnum):
    """What a reader can say."""

    GIVEN = "given"
    SUGGESTED = "suggested"
    BOTH = "both"
    NEITHER = "neither"


class Outcome(StrEnum):
    """What the readers amount to."""

    RIGHT = "given label right"
    CORRECTABLE = "correctable"
    MULTI_LABEL = "multi-label"
    NEITHER = "neither"
    NON_AGREEMENT = "non-agreement"


_OF = {
    Choice.GIVEN: Outcome.RIGHT,
    Choice.SUGGESTED: Outcome.CORRECTABLE,
    Choice.BOTH: Outcome.MULTI_LABEL,
    Choice.NEITHER: Outcome.NEITHER,
}


def outcome(votes: Mapping[str, int], readers: int = READERS) -> Outcome | None:
    """The outcome of one row's votes, by Choice; None until `readers` have voted.

    Most: more than half of `readers`. Raises ValueError for a negative count or an unknown choice.
    """
    counts = {Choice(choice): int(n) for choice, n in votes.items()}
    if any(n < 0 for n in counts.values()):
        raise ValueError(f"votes are {counts}")
    if sum(counts.values()) < readers:
        return None
    found = (_OF[choice] for choice in _OF if 2 * counts.get(choice, 0) > readers)
    return next(found, Outcome.NON_AGREEMENT)


def first_is_given(u: np.ndarray) -> np.ndarray:
    """Whether the given label is shown first. u: draws in [0, 1) by row and reader (core.review.chance)."""
    return np.asarray(u) < 0.5


@dataclass(frozen=True)
class Study:
    """A data set's validation. flagged: rows that the method flagged of `rows`; checked: of these, how many
    were voted on; errors: of these, how many are errors. rate, low, high: errors of all rows, in [0, 1], by
    the share of checked rows that are errors, with its 95% Wilson interval; exact where all flagged rows
    were checked.
    """

    rows: int
    flagged: int
    checked: int
    errors: int

    @property
    def hit_rate(self) -> float:
        """The share of checked rows that are errors."""
        return self.errors / self.checked if self.checked else float("nan")

    @property
    def rate(self) -> tuple[float, float, float]:
        """(estimate, low, high) of the share of all rows that are flagged and wrong: a lower bound of what is
        wrong in the data set, since what was not flagged is not looked at.
        """
        if not self.checked or not self.rows:
            return float("nan"), float("nan"), float("nan")
        share = self.flagged / self.rows
        if self.checked == self.flagged:
            return self.errors / self.rows, self.errors / self.rows, self.errors / self.rows
        low, high = wilson(np.array(float(self.errors)), np.array(float(self.checked)))
        return share * self.hit_rate, share * float(low), share * float(high)
