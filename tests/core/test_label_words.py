from __future__ import annotations

import pytest

from core import label_words

SUMMARY = {
    "scored": 1797, "flagged": 89, "estimator": "a count", "estimate": 1090, "low": 1050, "high": 1140,
}  # fmt: skip


def test_rows__counts_one_and_many() -> None:
    assert [label_words.rows(n) for n in (0, 1, 1312)] == ["0 rows", "1 row", "1,312 rows"]


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({}, "89 of 1,797 labels look wrong"),
        ({"flagged": 1}, "1 of 1,797 labels looks wrong"),
        ({"flagged": 0, "scored": 1}, "No label errors found in 1 row"),
        ({"usual_miss": 0.2}, "89 of 1,797 numbers look wrong"),
        ({"compared": 1797}, "89 of 1,797 masks look wrong"),
        ({"compared": 1797, "flagged": 0}, "No mask errors found in 1,797 rows"),
        ({"labels_missing": 3}, "89 of 1,797 sets of labels look wrong"),
    ],
)
def test_headline__counts_what_looks_wrong(more: dict[str, object], sentence: str) -> None:
    assert label_words.headline({**SUMMARY, **more}) == sentence


def test_flagged_by__names_the_estimator() -> None:
    assert label_words.flagged_by({**SUMMARY, "flagged": 1234}) == "1,234 flagged (a count)"


def test_estimated__has_its_interval_and_is_not_said_where_there_is_none() -> None:
    assert label_words.estimated(SUMMARY) == "estimated wrong 1,090, 95% interval 1,050-1,140"
    assert label_words.estimated({**SUMMARY, "note": "too few"}) == ""
    assert label_words.estimated({"flagged": 3, "estimator": "a count"}) == ""


def test_planted__counts_right_flags_and_all_planted_errors() -> None:
    said = "sample data: 80 of the 1,089 flags are planted errors, of 90 planted"
    assert label_words.planted(1089, 80, 90) == said


def test_lowest__rounds_to_two_digits() -> None:
    assert label_words.lowest(0.1264) == "Lowest score: 0.13. Move the cut below to read further down."


def test_limits__are_said_one_by_one() -> None:
    summary = {"note": "Few rows.", "unlabelled": 1, "classes_with_few_rows": ["a", "b"]}
    assert label_words.limits(summary) == [
        "Few rows.", "1 row without a label is not counted.", "No estimate for 2 classes with under 5 rows.",
    ]  # fmt: skip
    assert label_words.limits({"classes_with_few_rows": ["a"]}) == [
        "No estimate for 1 class with under 5 rows."
    ]
    assert label_words.limits({}) == []
