from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.review.assignments import assigned, assignment_event, deal
from core.review.decisions import Action, Decision

ONE = np.ones(3, dtype=np.int64)


def undo(event: Decision, op_id: str) -> Decision:
    return Decision("pets", "", Action.UNDO, "eve", "", op_id, undoes=event.op_id)


def test_assigned__the_last_assignment_of_a_row_wins() -> None:
    first = assignment_event("pets", "eve", {"r1": ("ann", "bob"), "r2": ("ann",)})
    second = assignment_event("pets", "eve", {"r2": ("bob",)})
    assert assigned([first, second]) == {"r1": ("ann", "bob"), "r2": ("bob",)}


def test_assigned__an_undone_assignment_gives_way_to_the_one_before_and_a_redo_brings_it_back() -> None:
    first = assignment_event("pets", "eve", {"r1": ("ann",)})
    second = assignment_event("pets", "eve", {"r1": ("bob",), "r2": ("bob",)})
    back = undo(second, "u1")
    assert assigned([first, second, back]) == {"r1": ("ann",)}
    assert assigned([first, second, back, undo(back, "u2")]) == {"r1": ("bob",), "r2": ("bob",)}


def test_assigned__nobody_means_anybody() -> None:
    first = assignment_event("pets", "eve", {"r1": ("ann",), "r2": ("ann",)})
    free = assignment_event("pets", "eve", {"r1": ()})
    assert assigned([first, free]) == {"r2": ("ann",)}


def test_assigned__verdicts_and_their_undos_are_passed_by() -> None:
    verdict = Decision("pets", "r1", Action.KEEP, "ann", "cat", "k")
    taken = Decision("pets", "r1", Action.UNDO, "ann", "cat", "u", undoes="k")
    assert assigned([verdict, taken]) == {}


@pytest.mark.parametrize("rows", [{}, {"r1": (" ",)}])
def test_assignment_event__without_a_row_or_a_name_is_refused(rows: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(InputError):
        assignment_event("pets", "eve", rows)


def test_deal__every_row_goes_to_as_many_people_as_it_needs() -> None:
    looks = np.array([1, 2, 9])
    found = deal(["r0", "r1", "r2"], ["ann", "bob", "cy"], looks, seed=3)
    assert [len(set(found[f"r{i}"])) for i in range(3)] == [1, 2, 3]


def test_deal__is_drawn_by_the_seed() -> None:
    rows = [f"r{i}" for i in range(40)]
    ones = np.ones(40, dtype=np.int64)
    found = deal(rows, ["ann", "bob"], ones, seed=1)
    assert found == deal(rows, ["ann", "bob"], ones, seed=1)
    assert found != deal(rows, ["ann", "bob"], ones, seed=2)


def test_deal__a_name_given_twice_counts_once() -> None:
    found = deal(["r0", "r1", "r2"], ["ann", "ann"], 2 * ONE, seed=0)
    assert set(found.values()) == {("ann",)}


@given(
    looks=st.lists(st.integers(1, 4), min_size=1, max_size=60),
    n=st.integers(1, 6),
    seed=st.integers(0, 99),
)
def test_deal__loads_differ_by_one_row_at_most(looks: list[int], n: int, seed: int) -> None:
    people = [f"p{i}" for i in range(n)]
    rows = [f"r{i}" for i in range(len(looks))]
    found = deal(rows, people, np.array(looks), seed)
    assert set(found) == set(rows)
    assert all(len(set(found[r])) == min(m, n) for r, m in zip(rows, looks, strict=True))
    loads = Counter(name for names in found.values() for name in names)
    assert max(loads.values()) - min(loads.get(p, 0) for p in people) <= 1


def test_deal__pairs_are_mixed_so_that_every_two_annotators_share_rows() -> None:
    people = ["ann", "bob", "cy", "dee"]
    rows = [f"r{i}" for i in range(120)]
    pairs = Counter(deal(rows, people, np.full(120, 2), seed=0).values())
    assert len(pairs) == 6
    assert min(pairs.values()) >= 10


def test_assigned__what_deal_gives_comes_back_from_the_log() -> None:
    found = deal(["r0", "r1", "r2"], ["ann", "bob"], ONE, seed=0)
    event = replace(assignment_event("pets", "eve", found, "all rows"), seq=1)
    assert assigned([event]) == found
    assert event.details["queue"] == "all rows"
