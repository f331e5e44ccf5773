"""What a filter's choices promise is what they leave."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.review.counts import given_counts, split_counts, state_counts, suggested_counts
from core.review.decisions import Action
from core.review.queue import STATES, Filters, select
from tests.core.review.test_queue import animals, results

ACTIONS = {"a": Action.KEEP, "b": None, "c": Action.RELABEL, "gone": Action.KEEP}


@pytest.mark.parametrize(
    "filters", [Filters(), Filters(cut=1.0), Filters(given="cat", cut=1.0), Filters(q="purr")]
)
def test_counts__are_what_the_choice_leaves(filters: Filters) -> None:
    dataset = animals()
    found = results(dataset)

    def left(**change: str) -> int:
        return len(select(dataset, found, ACTIONS, replace(filters, **change)))

    def others(param: str):  # type: ignore[no-untyped-def]
        return select(dataset, found, ACTIONS, replace(filters, **{param: "", "sort": "row"}))

    given = given_counts(dataset, others("given"))
    assert given == {name: left(given=name) for name in dataset.classes}
    suggestion = found["label_issues"].table["suggestion"]
    suggested = suggested_counts(dataset, suggestion, others("sug"))
    assert suggested == {name: left(sug=name) for name in dataset.classes}
    splits = split_counts(dataset, others("split"))
    assert {name: splits.get(name, 0) for name in ("train", "test")} == {
        name: left(split=name) for name in ("train", "test")
    }
    states = state_counts(dataset, ACTIONS, others("state"))
    assert states == {state: left(state=state) for state in STATES}
