"""What a validation round has shown: counts, rates with their intervals, agreement; and that in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.evidence.method import Method
from core.evidence.validation import Choice, Outcome, Study
from core.exporting import counted
from core.methods.agreement import Agreement, alpha_interval
from core.methods.intervals import wilson
from core.review.votes import Round
from core.votes import outcomes

SEED = 0
METHOD = Method(
    "Validation",
    "Each row is shown with its given and its suggested label in random order, and each voter says which "
    "fits, or both, or neither. A label is an error unless most votes are for it. Rate of the data set = "
    "(flagged / all rows) x (errors / rows with all their votes).",
    "Voters do not know which label is the given one, nor what others said. Where not every flagged row has "
    "its votes, those that have are a random sample: rows are asked in a seeded random order.",
    "Northcutt, Athalye and Mueller, Pervasive Label Errors in Test Sets Destabilize Machine Learning "
    "Benchmarks, 2021 (arXiv 2103.14749); Wilson score interval; Krippendorff's alpha, nominal.",
    "Voters know the classes less well than those who gave the labels. Rows that were not flagged are not "
    "looked at: the rate is a lower bound of what is wrong.",
)


@dataclass(frozen=True, eq=False)
class Validated:
    """study: counts and rates. outcomes: row id -> what its votes amount to, of rows with all their votes.
    asked: rows of the round. started: rows with at least one vote and not all. agreement: of the voters, over
    rows with two votes or more. by_class: given label, checked, errors, share, low, high (95% Wilson).
    """

    study: Study
    outcomes: Mapping[str, Outcome]
    asked: int
    started: int
    readers: int
    agreement: Agreement
    by_class: pd.DataFrame

    @property
    def counts(self) -> dict[Outcome, int]:
        """How many rows each outcome has, in the order of Outcome."""
        found = list(self.outcomes.values())
        return {one: found.count(one) for one in Outcome}


def validated(of: Round, rows: int) -> Validated:
    """rows: how many labelled rows the data set has."""
    found = outcomes(of)
    errors = sum(one is not Outcome.RIGHT for one in found.values())
    return Validated(
        Study(rows, of.flagged, len(found), errors),
        found,
        len(of.rows),
        sum(row not in found for row in of.votes),
        of.readers,
        alpha_interval(answers(of), SEED),
        _by_class(of, found),
    )


def answers(of: Round) -> np.ndarray:
    """(rows, most votes on a row) codes of Choice, -1 = none. Columns are no voters: nominal alpha goes by
    how many chose what."""
    codes = {choice: code for code, choice in enumerate(Choice)}
    said = [
        [codes[choice] for choice, many in of.counts(row).items() for _ in range(many)] for row in of.votes
    ]
    found = np.full((len(said), max(map(len, said), default=1)), -1, dtype=np.int64)
    for row, votes in enumerate(said):
        found[row, : len(votes)] = votes
    return found


def _by_class(of: Round, found: Mapping[str, Outcome]) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "given": [of.rows[row].given for row in found],
            "error": [one is not Outcome.RIGHT for one in found.values()],
        }
    )
    table = frame.groupby("given", sort=True)["error"].agg(checked="size", errors="sum").reset_index()
    hits, trials = table["errors"].to_numpy(float), table["checked"].to_numpy(float)
    table["share"] = hits / trials
    table["low"], table["high"] = wilson(hits, trials)
    return table.sort_values(
        ["errors", "checked", "given"], ascending=[False, False, True], ignore_index=True
    )


def checked_in_words(found: Validated) -> str:
    """How many rows have all their votes."""
    study = found.study
    each = "vote" if found.readers == 1 else "votes"
    said = f"{study.checked:,} of {counted(found.asked, 'row')} have their {found.readers} {each}"
    if found.started:
        said += f", {found.started:,} more {'has' if found.started == 1 else 'have'} some of them"
    drawn = (
        "" if found.asked == study.flagged else f" The rows are drawn from {study.flagged:,} flagged ones."
    )
    return f"{said}.{drawn}"


def hits_in_words(found: Validated) -> str:
    """How many of the checked labels are errors; "" before any row is checked."""
    study = found.study
    if not study.checked:
        return ""
    low, high = (float(v) for v in wilson(np.array(float(study.errors)), np.array(float(study.checked))))
    verb = "is an error" if study.errors == 1 else "are errors"
    return (
        f"{study.errors:,} of the {study.checked:,} labels checked {verb}: {study.hit_rate:.1%} "
        f"(95% Wilson interval {low:.1%} to {high:.1%})."
    )


def rate_in_words(found: Validated) -> str:
    """The share of all labels that is flagged and wrong; "" before any row is checked."""
    study = found.study
    if not study.checked:
        return ""
    estimate, low, high = study.rate
    labels = counted(study.rows, "label")
    if study.checked == study.flagged:
        return (
            f"At least {estimate:.2%} of the {labels} are wrong. This is a count, not an estimate: every "
            "flagged row was checked. Rows that were not flagged were not looked at."
        )
    return (
        f"About {estimate:.2%} of the {labels} are flagged and wrong (95% interval {low:.2%} to {high:.2%}): "
        f"{study.flagged:,} flagged, of which {study.checked:,} are checked. Rows that were not flagged were "
        "not looked at."
    )


def agreement_in_words(found: Validated) -> str:
    """How far the voters agree; "" where no row has two votes."""
    said = found.agreement
    if not said.rows:
        return ""
    if np.isnan(said.value):
        return f"Agreement of the voters is not given: {said.reason[:1].lower()}{said.reason[1:]}"
    interval = "" if np.isnan(said.low) else f" (95% interval {said.low:.2f} to {said.high:.2f})"
    return (
        f"Agreement of the voters on these rows: alpha {said.value:.2f}{interval}, where 1 is always and "
        "0 is no better than chance. Flagged rows are harder than others."
    )
