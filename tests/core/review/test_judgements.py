from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.review.decisions import Action, Decision
from core.review.judgements import (
    DIFFERENT,
    NO_JUDGEMENTS,
    SAME,
    Verdict,
    fault,
    in_words,
    judgements,
    pair_event,
    pair_log,
)
from core.review.store import Store


def said(one: str, other: str, verdict: Verdict, who: str = "ann", judge: str = "", op: str = "") -> Decision:
    return pair_event("pets", who, "rows", [(one, other, verdict)], judge, op)


def undo(event: Decision, op: str = "") -> Decision:
    return replace(
        event, action=Action.UNDO, op_id=op or f"undo-{event.op_id}", undoes=event.op_id, detail=""
    )


def test_judgements__a_pair_is_the_same_whichever_row_is_named_first() -> None:
    found = judgements([said("b", "a", DIFFERENT)])
    judged = found.of_rows("a", "b")
    assert judged is not None and judged is found.of_rows("b", "a")
    assert (judged.verdict, [o.judge for o in judged.opinions]) == (DIFFERENT, ["ann"])
    assert found.of_rows("a", "c") is None and found.of_classes("a", "b") is None


def test_judgements__the_last_word_of_each_and_nothing_is_cleared_while_one_says_same() -> None:
    events = [said("a", "b", SAME), said("a", "b", DIFFERENT), said("a", "b", SAME, "bob")]
    judged = judgements(events).of_rows("a", "b")
    assert judged is not None and judged.verdict == SAME
    assert [(o.judge, o.verdict) for o in judged.opinions] == [("ann", DIFFERENT), ("bob", SAME)]
    judged = judgements([*events, said("b", "a", DIFFERENT, "bob")]).of_rows("a", "b")
    assert judged is not None and judged.verdict == DIFFERENT


def test_judgements__a_persons_word_goes_before_recorded_ones() -> None:
    recorded = said("a", "b", SAME, judge="a model")
    judged = judgements([said("a", "b", DIFFERENT), recorded]).of_rows("a", "b")
    assert judged is not None and judged.verdict == DIFFERENT
    assert [o.recorded for o in judged.opinions] == [False, True]
    # Somebody with the name of a model is not that model.
    judged = judgements([recorded, said("a", "b", DIFFERENT, "a model")]).of_rows("a", "b")
    assert judged is not None and len(judged.opinions) == 2


def test_judgements__undone_and_brought_back() -> None:
    event = said("a", "b", DIFFERENT)
    back = undo(event)
    assert judgements([event, back]) is NO_JUDGEMENTS
    again = replace(back, op_id="redo", undoes=back.op_id)
    assert judgements([event, back, again]).of_rows("a", "b") is not None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("def"), st.booleans()), max_size=8))
def test_judgements__as_counted_by_hand(pairs: list[tuple[str, str, bool]]) -> None:
    events = [said(a, b, SAME if same else DIFFERENT, f"{i % 2}") for i, (a, b, same) in enumerate(pairs)]
    found = judgements(events)
    for a in "abc":
        for b in "def":
            last: dict[int, bool] = {i % 2: s for i, (x, y, s) in enumerate(pairs) if (x, y) == (a, b)}
            judged = found.of_rows(b, a)
            assert (judged is None) == (not last)
            if judged is not None:
                assert (judged.verdict == SAME) == any(last.values())


@pytest.mark.parametrize(
    ("detail", "why"),
    [
        ({}, "names pairs"),
        ({"rows": []}, "names pairs"),
        ({"rows": [["a", "b", SAME]], "classes": [["a", "b", SAME]]}, "names pairs"),
        ({"rows": [["a", "b"]]}, "two names"),
        ({"rows": [["a", "b", "maybe"]]}, "two names"),
        ({"rows": [["a", 1, SAME]]}, "two names"),
        ({"rows": [["a", "a", SAME]]}, "both are 'a'"),
        ({"rows": [["a", "b", SAME]], "judge": 3}, "a name"),
        ({"rows": [["a", "b", SAME]], "judge": "m"}, ""),
    ],
)
def test_fault__names_it(detail: dict[str, Any], why: str) -> None:
    assert why in fault(detail)
    assert bool(fault(detail)) == bool(why)


def test_in_words__one_pair_and_many() -> None:
    assert in_words(said("a", "b", SAME)) == "row a and row b are the same"
    many = pair_event("pets", "ann", "rows", [("a", "b", SAME), ("a", "c", DIFFERENT)], "m")
    assert in_words(many) == "2 pairs of rows, as m says: 1 the same, 1 not the same"
    apart = pair_event("pets", "ann", "classes", [("x", "y", DIFFERENT)])
    assert in_words(apart) == "class x and class y are not the same"


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = Store(store_url)
    yield opened
    opened.close()


def test_pair_log__reads_on_and_is_the_same_until_a_pair_is_judged(store: Store) -> None:
    log = pair_log(store)
    assert log.of("pets") is NO_JUDGEMENTS
    event = said("a", "b", DIFFERENT, op="op")
    keep = Decision("pets", "a", Action.KEEP, "ann", "cat", "keep")
    [receipt, _] = store.record([event, keep])
    assert receipt.refused == "" and receipt.decided_at
    found = log.of("pets")
    assert found.of_rows("a", "b") is not None
    store.record([undo(keep), Decision("cars", "", Action.PAIR, "ann", "", "x", detail=event.detail)])
    assert log.of("pets") is found
    # Only who judged can take it back, and no row's standing has changed.
    other = replace(undo(event, "other"), annotator="bob")
    assert store.record([other])[0].refused == "only the annotator who decided can undo it"
    assert store.decided("pets") == 0
    store.record([undo(event)])
    assert log.of("pets").of_rows("a", "b") is None
    assert pair_log(store).of("pets").rows == {}
