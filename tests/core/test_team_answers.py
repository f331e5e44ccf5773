from __future__ import annotations

import numpy as np

from core.review.decisions import Action, Decision
from core.team_answers import AMBIGUOUS, EXCLUDE, NO_LABEL, answers, independent

BLIND = '{"blind": true, "suggestion": "dog"}'


def said(
    who: str, label: str | None = None, seq: int = 0, seen: int | None = None, shown: str = "", **more: object
) -> Decision:
    action = Action.RELABEL if label else more.pop("action", Action.KEEP)
    return Decision(
        "pets", "r", action, who, "cat", f"{who}{seq}", label, shown=shown, seq=seq, based_on=seen, **more  # type: ignore[arg-type]
    )  # fmt: skip


def given(*events: Decision) -> dict[str, str]:
    return {name: v.op_id for name, v in independent(events)[0].items()}


def test_independent__blind_answers_count_whatever_came_before() -> None:
    events = [said("ann", seq=1, seen=0), said("bob", "dog", seq=2, seen=1, shown=BLIND)]
    assert independent(events) == ({"ann": events[0], "bob": events[1]}, 0)


def test_independent__an_answer_given_after_seeing_another_is_left_out_and_counted() -> None:
    events = [said("ann", seq=1, seen=0), said("bob", seq=2, seen=1)]
    assert independent(events) == ({"ann": events[0]}, 1)


def test_independent__answers_that_crossed_are_unaided() -> None:
    assert given(said("ann", seq=1, seen=0), said("bob", seq=2, seen=0)) == {"ann": "ann1", "bob": "bob2"}


def test_independent__what_was_seen_is_taken_as_all_before_where_it_is_not_known() -> None:
    assert given(said("ann", seq=1), said("bob", seq=2)) == {"ann": "ann1"}


def test_independent__coming_round_after_seeing_the_other_does_not_replace_the_first_answer() -> None:
    events = [
        said("ann", seq=1, seen=0),
        said("bob", "dog", seq=2, seen=1, shown=BLIND),
        said("ann", "dog", seq=3, seen=2),
    ]
    assert given(*events) == {"ann": "ann1", "bob": "bob2"}
    assert independent(events)[1] == 0


def test_independent__a_slip_that_was_undone_does_not_count() -> None:
    slip = said("ann", "dog", seq=1, seen=0)
    undo = Decision("pets", "r", Action.UNDO, "ann", "cat", "u", undoes="ann1", seq=2)
    assert given(slip, undo, said("ann", seq=3, seen=2)) == {"ann": "ann3"}
    assert given(slip, undo) == {}


def test_independent__final_words_and_needs_review_are_no_answers() -> None:
    events = [
        said("ann", seq=1, seen=0, action=Action.NEEDS_REVIEW),
        said("eve", seq=2, seen=1, shown=BLIND, final=True),
    ]
    assert independent(events) == ({}, 0)


def test_independent__shown_may_hold_anything() -> None:
    for shown in ("", "[1]", "not json", '{"blind": "true"}', '{"blind": 1}'):
        assert given(said("ann", seq=1), said("bob", seq=2, shown=shown)) == {"ann": "ann1"}


def test_answers__codes_are_the_labels_that_rows_are_left_with() -> None:
    histories = {
        "r0": [said("ann", seq=1, shown=BLIND), said("bob", "dog", seq=2, shown=BLIND)],
        "r1": [
            said("bob", seq=3, shown=BLIND, action=Action.EXCLUDE),
            said("cy", seq=4, shown=BLIND, action=Action.AMBIGUOUS),
        ],
        "r2": [said("ann", "zebra", seq=5, shown=BLIND), said("bob", "cat", seq=6, shown=BLIND)],
        "alone": [said("ann", seq=7, shown=BLIND), said("bob", seq=8)],
    }
    found = answers(histories, ("cat", "dog"))
    assert found.row_ids == ("r0", "r1", "r2")
    assert found.annotators == ("ann", "bob", "cy")
    assert found.labels == ("cat", "dog", EXCLUDE, AMBIGUOUS, "zebra")
    assert found.codes.tolist() == [[0, 1, -1], [-1, 2, 3], [4, 0, -1]]
    assert found.left_out == 1


def test_answers__a_class_called_like_an_answer_of_ours_stays_another() -> None:
    events = [
        said("ann", EXCLUDE, seq=1, shown=BLIND),
        said("bob", seq=2, shown=BLIND, action=Action.EXCLUDE),
    ]
    found = answers({"r": events}, (EXCLUDE, "cat"))
    assert found.codes.tolist() == [[0, 2]]


def test_answers__keeping_an_unlabelled_row_is_an_answer() -> None:
    def keep(who: str) -> Decision:
        return Decision("pets", "r", Action.KEEP, who, "", who, shown=BLIND)

    found = answers({"r": [keep("ann"), keep("bob")]}, ("cat",))
    assert (found.labels, found.codes.tolist()) == (("cat", NO_LABEL), [[1, 1]])


def test_answers__nothing_shared() -> None:
    found = answers({}, ("cat",))
    assert found.codes.shape == (0, 0)
    assert found.among(np.zeros(0, dtype=bool)).row_ids == ()


def test_among__keeps_the_rows_asked_for() -> None:
    histories = {r: [said("ann", seq=1, shown=BLIND), said("bob", seq=2, shown=BLIND)] for r in ("a", "b")}
    found = answers(histories, ("cat",)).among(np.array([False, True]))
    assert (found.row_ids, found.codes.tolist()) == (("b",), [[0, 0]])
