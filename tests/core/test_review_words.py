"""Every number in the sentences that card and report share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core import __version__
from core.dataset import Dataset
from core.methods.agreement import Agreement
from core.predictions import Predictions
from core.review import plan
from core.review.decisions import Action, Decision
from core.review_record import Agreed, RandomSample, Record
from core.review_words import (
    agreement_lines,
    annotator_rows,
    in_short,
    look_lines,
    made_by,
    not_said,
    opening,
    policy_line,
    rate_lines,
    verdict_rows,
)
from tests.core.reviewed import project_of, record_of, said


@pytest.fixture
def record(pets: Dataset, tmp_path: Path) -> Record:
    """Six rows: two changed, one kept, one excluded, one disputed, one that a final word ended."""
    events = [
        said(pets, 0, "ann", "dog"),
        said(pets, 1, "ann", "dog"),
        said(pets, 2, "bob"),
        said(pets, 3, "bob", Action.EXCLUDE),
        said(pets, 4, "ann", "dog"),
        said(pets, 4, "bob"),
        said(pets, 5, "ann", "cat"),
        said(pets, 5, "bob", "dog"),
        said(pets, 5, "eve", "cat", final=True),
    ]
    probs = np.tile(np.array([[0.9, 0.1]], np.float32), (6, 1))
    return record_of(project_of(pets, tmp_path, Predictions("m", probs)), numbered(events), tmp_path)


def numbered(events: list[Decision]) -> list[Decision]:
    return [replace(event, op_id=f"op{i}") for i, event in enumerate(events)]


def test_opening_and_made_by__count_rows_people_changes_and_events(record: Record) -> None:
    said_here = "5 rows of 6 decided by 3 annotators; 3 labels changed; 1 row left out as excluded."
    assert opening(record) == said_here
    assert made_by(record) == f"Made by Labelmend {__version__} from decisions up to event 9."
    assert "event 12,000." in made_by(replace(record, seq=12_000))


def test_verdict_rows__add_up_to_the_rows_that_were_read(record: Record) -> None:
    found = verdict_rows(record)
    assert found == [
        ("given label kept", 1), ("label changed", 3), ("excluded", 1),
        ("annotators differ, left as given", 1),
    ]  # fmt: skip
    assert sum(rows for _, rows in found) == len(record.here) == 6
    assert annotator_rows(record, True, str) == [("ann", "4"), ("bob", "4"), ("eve", "1")]


def test_look_lines__count_looks_disputes_and_what_was_ended(record: Record) -> None:
    assert look_lines(record) == [
        "Annotators who looked at a row: 4 rows by 1, 2 rows by 2",
        "1 row on which annotators differ; 1 more ended by a final word",
    ]
    assert policy_line(record).startswith("Agreed only: ")


def test_look_lines__count_what_waits_for_another_look(pets: Dataset, tmp_path: Path) -> None:
    twice = plan.plan_event("pets", "eve", plan.Plan(share=1.0))
    found = record_of(
        project_of(pets, tmp_path), [twice, said(pets, 0, "ann"), said(pets, 1, "ann")], tmp_path
    )
    assert look_lines(found)[1:] == [
        "No row on which annotators differ", "2 rows waiting for another look",
    ]  # fmt: skip


def test_in_short__counts_what_was_checked_changed_and_is_open(record: Record) -> None:
    short = {question: answer for question, answer, _ in in_short(record)}
    checks = len(record.audit.results)
    assert short["Checked"] == f"6 rows by {checks} checks; read by people: 6 rows by 3 annotators."
    assert short["Changed"] == "3 labels changed, 1 row left out."
    assert short["Remains"].endswith(" Annotators differ on 1 row.")


def test_not_said__counts_what_was_not_reviewed(
    pets: Dataset, pets_predictions: Predictions, tmp_path: Path, record: Record
) -> None:
    lines = not_said(record)
    flagged = {title: (flagged - decided, flagged) for title, flagged, decided in record.flagged}
    for title, (rest, all_of_them) in flagged.items():
        sentence = f"{title}: {rest} of {all_of_them} flagged rows are not reviewed"
        assert (sentence in lines) == (rest > 0), title
    assert "1 row has no decision and is as it came" in lines
    (tmp_path / "new").mkdir()
    nothing = record_of(project_of(pets, tmp_path, pets_predictions), [], tmp_path / "new")
    assert "Label errors: 1 of 1 flagged rows are not reviewed" in not_said(nothing)
    assert "6 rows have no decision and are as they came" in not_said(nothing)


@pytest.mark.parametrize(
    ("alpha", "kappa", "left_out", "lines"),
    [
        (
            Agreement(0.7431, 0.61, 0.85, 120, ""),
            Agreement(0.71, 0.6, 0.8, 120, ""),
            3,
            [
                "Krippendorff's alpha: 0.74, 95% interval 0.61 to 0.85 by resampling the rows 500 times, "
                "from 120 rows, 2 annotators",
                "Cohen's kappa: 0.71, 95% interval 0.60 to 0.80 by resampling the rows 500 times, from "
                "120 rows",
                "3 answers left out: given after seeing another's",
                "The rows were drawn by lot",
            ],
        ),
        (
            Agreement(0.5, np.nan, np.nan, 31, "Too few rows."),
            None,
            0,
            [
                "Krippendorff's alpha: 0.50, no interval (Too few rows), from 31 rows, 2 annotators",
                "The rows were drawn by lot",
            ],
        ),
    ],
)
def test_agreement_lines__have_value_interval_and_rows(
    record: Record, alpha: Agreement, kappa: Agreement | None, left_out: int, lines: list[str]
) -> None:
    agreed = Agreed(2, alpha, kappa, left_out, by_lot=True)
    assert agreement_lines(replace(record, agreed=agreed)) == lines
    assert agreement_lines(replace(record, agreed=None)) == ["No row was looked at by two annotators."]


@pytest.mark.parametrize(
    ("sample", "lines"),
    [
        (
            RandomSample(100, 10, 0),
            [
                "10 of 100 rows drawn at random (the random audit) have a wrong label: 10.0%, 95% Wilson "
                "interval 5.5% to 17.4%",
                "The interval holds where the number of rows was fixed before the first verdict was seen",
            ],
        ),
        (
            RandomSample(100, 10, 5),
            [
                "10 of 100 rows drawn at random (the random audit) have a wrong label: 10.0%, 95% Wilson "
                "interval 5.5% to 17.4%",
                "The interval holds where the number of rows was fixed before the first verdict was seen",
                "5 rows of them excluded, ambiguous, in dispute or passed over; were each of them wrong: "
                "15.0%, 95% Wilson interval 9.3% to 23.3%",
            ],
        ),
        (
            RandomSample(30, 1, 20),
            [
                "No share of wrong labels is claimed. Of the first 30 rows of the random audit 20 have no "
                "clear verdict."
            ],
        ),
    ],
)
def test_rate_lines__give_the_share_in_the_random_audit(
    record: Record, sample: RandomSample, lines: list[str]
) -> None:
    record.__dict__["sample"] = sample  # made once, from decisions, otherwise
    assert rate_lines(record) == lines


def test_rate_lines__leave_it_to_the_evidence_where_random_rows_were_read(record: Record) -> None:
    assert rate_lines(record)[0].startswith("No share of wrong labels is claimed.")
    assert rate_lines(replace(record, left=replace(record.left, audits=1))) == []
