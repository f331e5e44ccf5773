from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.review.decisions import Action, Decision
from core.review.fold import fold


def decide(op: str, row: str = "r1", action: Action = Action.KEEP, **more: object) -> Decision:
    return Decision("pets", row, action, "ada", "cat", op, **more)


def test_fold__last_decision_wins() -> None:
    first, second = decide("1"), decide("2", action=Action.RELABEL, label="dog")
    assert fold([first, second]) == {"r1": second}


def test_fold__undo_falls_back_to_the_one_before() -> None:
    first, second = decide("1"), decide("2", action=Action.EXCLUDE)
    undo = decide("3", action=Action.UNDO, undoes="2")
    assert fold([first, second, undo]) == {"r1": first}
    assert fold([first, undo, decide("4", action=Action.UNDO, undoes="1")]) == {}


def test_fold__undo_of_an_older_decision_leaves_the_newer() -> None:
    first, second = decide("1"), decide("2", action=Action.EXCLUDE)
    assert fold([first, second, decide("3", action=Action.UNDO, undoes="1")]) == {"r1": second}


@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        ('{"suggestion": "dog", "find": "label_issues", "rank": 3}', "label_issues suggested dog"),
        ('{"suggestion": null, "find": "near_duplicates"}', "shown by near_duplicates"),
        ("a blurred picture", "a blurred picture"),
        ("[1]", "[1]"),
        ("", ""),
    ],
)
def test_reason__is_in_words(shown: str, reason: str) -> None:
    assert decide("1", shown=shown).reason == reason


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=30))
def test_fold__equals_a_stack_a_row(steps: list[tuple[str, bool]]) -> None:
    stacks: dict[str, list[Decision]] = {"a": [], "b": [], "c": []}
    events = []
    for number, (row, undo) in enumerate(steps):
        if undo and stacks[row]:
            events.append(decide(str(number), row, Action.UNDO, undoes=stacks[row].pop().op_id))
        else:
            events.append(decide(str(number), row))
            stacks[row].append(events[-1])
    assert fold(events) == {row: stack[-1] for row, stack in stacks.items() if stack}
