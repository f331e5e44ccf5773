from __future__ import annotations

from dataclasses import replace

import pytest

from core.errors import InputError
from core.review.decisions import Action, Decision, Standing, standing
from core.review.plan import Plan, plan_event, plan_in_force

ROWS = [f"r{i}" for i in range(2000)]
GIVEN = ["cat", "dog"] * 1000


def said(*opinions: tuple[str, Action]) -> Standing | None:
    events = [Decision("d", "r1", a, who, "cat", f"op{i}", seq=i + 1) for i, (who, a) in enumerate(opinions)]
    return standing(events)


def test_looks_of__a_random_share_and_the_classes_named() -> None:
    assert set(Plan().looks_of(ROWS, GIVEN)) == {1}
    share = Plan(looks=3, share=0.1).looks_of(ROWS, GIVEN)
    assert set(share) == {1, 3}
    assert 160 <= (share == 3).sum() <= 240
    assert (Plan(looks=3, share=0.1, seed=1).looks_of(ROWS, GIVEN) != share).any()
    assert (Plan(looks=3, share=0.1).looks_of(ROWS[::-1], GIVEN)[::-1] == share).all()
    assert Plan(classes=("dog",)).looks_of(ROWS[:4], GIVEN[:4]).tolist() == [1, 2, 1, 2]
    assert set(Plan(share=1).looks_of(ROWS, GIVEN)) == {2}


def test_hidden__is_drawn_apart_from_the_overlap() -> None:
    plan = Plan(share=0.5, hide_suggestions=0.5)
    hidden, twice = plan.hidden(ROWS), plan.looks_of(ROWS, GIVEN) == 2
    assert 900 <= hidden.sum() <= 1100
    assert 400 <= (hidden & twice).sum() <= 600
    assert not Plan().hidden(ROWS).any()


def test_due__until_enough_different_annotators_have_looked() -> None:
    plan = Plan()
    once = said(("ann", Action.KEEP))
    assert plan.due(None, "ann", 1)
    assert not plan.due(once, "ann", 2)
    assert plan.due(once, "bob", 2)
    assert not plan.due(once, "bob", 1)
    assert not plan.due(said(("ann", Action.KEEP), ("bob", Action.EXCLUDE)), "eve", 2)


def test_due__needs_review_is_due_for_the_others() -> None:
    asked = said(("ann", Action.NEEDS_REVIEW))
    assert Plan().due(asked, "bob", 1)
    assert not Plan().due(asked, "ann", 1)


def test_due__a_final_word_ends_it() -> None:
    final = Decision("d", "r1", Action.KEEP, "eve", "cat", "op", final=True)
    assert not Plan().due(standing([final]), "bob", 5)


def test_due__changes_are_seconded_where_the_plan_says_so() -> None:
    plan = Plan(changes=True)
    assert plan.due(said(("ann", Action.RELABEL)), "bob", 1)
    assert not plan.due(said(("ann", Action.KEEP)), "bob", 1)
    assert not plan.due(said(("ann", Action.RELABEL), ("eve", Action.RELABEL)), "bob", 1)


def test_plan_in_force__the_last_one() -> None:
    plan = Plan(looks=3, share=0.2, classes=("dog",), blind=False, hide_suggestions=0.25, seed=7)
    events = [plan_event("d", "eve", Plan(looks=2)), plan_event("d", "eve", plan)]
    assert plan_in_force([]) == Plan()
    assert plan_in_force(events) == plan
    newer = replace(events[1], detail='{"looks": 2, "from_a_newer_version": 1}')
    assert plan_in_force([newer]) == Plan()


@pytest.mark.parametrize("wrong", [{"looks": 0}, {"looks": 11}, {"share": 1.1}, {"hide_suggestions": -0.1}])
def test_plan__refuses_what_means_nothing(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError):
        Plan(**wrong)
