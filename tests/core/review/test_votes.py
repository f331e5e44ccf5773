from __future__ import annotations

import json

import pytest

from core.evidence.validation import Choice
from core.review.decisions import Action, Decision
from core.review.store import Store
from core.review.votes import (
    FIRST,
    SECOND,
    Pair,
    RoundLog,
    fault,
    in_words,
    misfit,
    round_event,
    rounds_of,
    vote_event,
)

ROWS = {"r1": Pair("cat", "dog"), "r2": Pair("dog", "cat"), "r3": Pair("cat", "dog")}
OPENED = round_event("pets", "lea", ROWS, readers=2, flagged=5, queue="Wrong labels")


def vote(who: str, row: str, chose: str, shown: tuple[str, str] = ("cat", "dog")) -> Decision:
    return vote_event("pets", who, OPENED.op_id, row, shown, chose)


def undo(of: Decision) -> Decision:
    return Decision("pets", "", Action.UNDO, of.annotator, "", f"undo {of.op_id}", undoes=of.op_id)


def test_rounds_of__the_last_vote_of_each_voter_counts_and_undo_takes_it_back() -> None:
    first, again = vote("ann", "r1", FIRST), vote("ann", "r1", SECOND)
    events = [OPENED, first, vote("bob", "r1", "neither"), again, vote("ann", "r2", FIRST)]
    [found] = rounds_of(events).values()
    assert found.counts("r1") == {Choice.NEITHER: 1, Choice.SUGGESTED: 1}
    assert found.counts("r2") == {Choice.SUGGESTED: 1}  # "cat", which stood first, is the suggestion there
    assert (found.readers, found.flagged, found.queue, list(found.rows)) == (2, 5, "Wrong labels", [*ROWS])
    [undone] = rounds_of([*events, undo(again)]).values()
    assert undone.counts("r1") == {Choice.GIVEN: 1, Choice.NEITHER: 1}
    assert rounds_of([*events, undo(OPENED)]) == {}


def test_waiting__rows_leave_ones_own_queue_at_once_and_everybodys_with_enough_votes() -> None:
    events = [OPENED, vote("ann", "r1", FIRST), vote("bob", "r1", FIRST), vote("ann", "r2", "both")]
    [found] = rounds_of(events).values()
    assert found.waiting("ann") == ["r3"]
    assert found.waiting("bob") == ["r2", "r3"]
    assert found.waiting("eve") == ["r2", "r3"]  # r1 has its two votes
    assert [(row, v.choice) for row, v in found.of("ann")] == [("r1", Choice.GIVEN), ("r2", Choice.BOTH)]


def test_shown__the_order_hangs_on_row_and_voter_and_is_fair() -> None:
    rows = {f"r{i}": Pair("cat", "dog") for i in range(2000)}
    [found] = rounds_of([round_event("pets", "lea", rows)]).values()
    ann, bob = (found.shown([*rows], who) for who in ("ann", "bob"))
    assert ann == found.shown([*rows], "ann") and ann != bob
    firsts = [one[0] == "cat" for one in ann]
    assert abs(sum(firsts) / 2000 - 0.5) < 0.04
    same = sum(a == b for a, b in zip(ann, bob, strict=True)) / 2000
    assert abs(same - 0.5) < 0.04


def test_rounds_of__recorded_votes_count_and_nobody_is_asked() -> None:
    recorded = [("r1", "", "given", 3), ("r1", "", "both", 2), ("r2", "amt1", "suggested", 1)]
    event = round_event("pets", "lea", ROWS, recorded=recorded)
    [found] = rounds_of([event]).values()
    assert found.recorded and found.waiting("ann") == []
    assert found.counts("r1") == {Choice.GIVEN: 3, Choice.BOTH: 2}
    assert found.counts("r2") == {Choice.SUGGESTED: 1} and found.of("amt1") == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"round": "gone"}, "not there any more"),
        ({"row": "r9"}, "not there any more"),
        ({"shown": ["cat", "cow"]}, "other labels now"),
        ({"shown": ["cat"]}, "the two labels"),
        ({"chose": "given"}, "chooses one of first, second, both, neither"),
        ({"rows": [["r1", "a", "b"]]}, "on one row of a round"),
        ({"row": 1}, "names its round and its row"),
    ],
)
def test_misfit__says_why_a_vote_is_not_stored(change: dict, why: str) -> None:
    rounds = rounds_of([OPENED])
    good = vote("ann", "r1", FIRST)
    assert misfit(rounds, good) == ""
    bad = Decision("pets", "", Action.VOTE, "ann", "", "x", detail=json.dumps({**good.details, **change}))
    assert why in misfit(rounds, bad)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"rows": []}, "a row id, a given and a suggested label"),
        ({"rows": [["r1", "cat"]]}, "a row id, a given and a suggested label"),
        ({"flagged": 2}, "at least as many flagged"),
        ({"readers": 0}, "1 to 99 votes"),
        ({"queue": None}, "in words"),
        ({"recorded": [["r9", "", "given", 1]]}, "a row of its round"),
        ({"recorded": [["r1", "", "given", -1]]}, "a number of votes"),
        ({"recorded": [["r1", "", "first", 1]]}, "a number of votes"),
    ],
)
def test_fault__of_a_round(change: dict, why: str) -> None:
    assert fault(OPENED.details) == ""
    assert why in fault({**OPENED.details, **change})


def test_in_words__a_vote_does_not_tell_what_was_chosen() -> None:
    assert in_words(vote("ann", "r1", FIRST)) == "voted on row r1"
    assert in_words(OPENED) == "validation of 3 rows, 2 votes each: Wrong labels"
    event = round_event("pets", "lea", ROWS, queue="v.csv", recorded=[("r1", "", "given", 3)])
    assert in_words(event) == "recorded votes on 3 rows: v.csv"


def test_round_log__on_each_database(store_url: str) -> None:
    store = Store(store_url)
    log = RoundLog(store)
    one, other = vote("ann", "r1", FIRST), vote("bob", "r1", "both")
    store.record([OPENED, one])
    [found] = log.of("pets").values()
    assert found.counts("r1") == {Choice.GIVEN: 1}
    assert log.of("pets") is log.of("pets")
    store.record([other])
    assert found.counts("r1") == {Choice.GIVEN: 1}  # what was given out stays as it was
    [found] = log.of("pets").values()
    assert found.counts("r1") == {Choice.GIVEN: 1, Choice.BOTH: 1}
    store.record([undo(one)])
    [found] = log.of("pets").values()
    assert found.counts("r1") == {Choice.BOTH: 1}
    redo = Decision("pets", "", Action.UNDO, "ann", "", "redo", undoes=f"undo {one.op_id}")
    store.record([redo, vote("ann", "r3", SECOND)])
    [found] = log.of("pets").values()
    assert found.counts("r1") == {Choice.GIVEN: 1, Choice.BOTH: 1}
    assert dict(found.votes) == dict(rounds_of(store.events("pets"))[OPENED.op_id].votes)
    assert store.record([undo(other)])[0].refused == ""
    [theirs] = store.record([Decision("pets", "", Action.UNDO, "eve", "", "x", undoes=OPENED.op_id)])
    assert theirs.refused == "only the annotator who decided can undo it"
    # A vote is on no row's record: the row is undecided, and its history does not tell of it.
    assert store.standings("pets") == {} and store.history("pets", "r1") == []
    store.close()
