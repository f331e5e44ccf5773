from __future__ import annotations

import json
import tracemalloc
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from core.review.decisions import VERDICTS, Action, Decision, Standing, in_force, standing
from core.review.fold import Fold, actions

TEXT = st.text(max_size=5)
IDS = st.uuids().flatmap(
    lambda op_id: st.sampled_from([op_id.hex, op_id.hex.upper(), str(op_id), op_id.hex[:6]])
)
TIMES = st.datetimes(timezones=st.none() | st.just(UTC)).flatmap(
    lambda at: st.sampled_from([at.isoformat(timespec="milliseconds"), at.isoformat()])
)
TOLD = st.dictionaries(
    st.sampled_from(["rank", "score", "shown_at", "suggestion", "find", "blind"]),
    st.integers(-3, 2**33)
    | st.floats(0, 1).map(lambda f: round(f, 3))
    | st.none()
    | TEXT
    | TIMES
    | st.datetimes().map(lambda at: at.isoformat(timespec="milliseconds") + "Z")
    | st.sampled_from(['"rank": 5', "\\", "0.", "007"]),
    max_size=6,
).map(json.dumps)
DECISION = st.builds(
    Decision,
    dataset=TEXT,
    row_id=st.just("r1"),
    action=st.sampled_from(sorted(VERDICTS)),
    annotator=TEXT,
    given_label=TEXT,
    op_id=TEXT | IDS,
    label=st.none() | TEXT,
    undoes=st.none() | TEXT | IDS,
    shown=TEXT | TOLD | st.text('\0"rank: 5', max_size=12),
    decided_at=TEXT | TIMES,
    seq=st.integers(0, 2**63 - 1),
    detail=TEXT,
    based_on=st.none() | st.integers(0, 2**63 - 1),
    final=st.booleans(),
)


@given(st.lists(DECISION, max_size=4))
def test_events__come_back_as_they_were(decisions: list[Decision]) -> None:
    assert Fold(decisions).events("r1") == decisions


def decided(i: int) -> Decision:
    """The i-th decision of a session, as the review surface sends it and the server completes it."""
    at = (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=i)).isoformat(timespec="milliseconds")
    told = {"suggestion": "dog", "find": "label_issues", "queue": "0123456789ab", "rank": i}
    told |= {"shown_at": at[:-6] + "Z", "blind": False, "score": i % 1000 / 1000}
    op_id, shown = uuid.UUID(int=2**100 + i).hex, json.dumps(told)
    return Decision("pets", f"r{i}", Action.KEEP, "ann", "cat", op_id, None, None, shown, at, i + 1)


def test_fold__keeps_what_differs_at_every_decision_small() -> None:
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    fold = Fold(decided(i) for i in range(4000))
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert fold.events("r3") == [decided(3)]
    assert used / 4000 < 300  # 490 where each text is kept whole


@st.composite
def logs(draw: st.DrawFn) -> list[Decision]:
    """A data set's log: verdicts, notes, final words, decisions on several rows, undos and redos of all."""
    events: list[Decision] = []
    for seq in range(1, draw(st.integers(0, 14)) + 1):
        row = draw(st.sampled_from(["a", "b", "c"]))
        action = draw(st.sampled_from([Action.KEEP, Action.EXCLUDE, Action.NOTE, Action.UNDO]))
        who, final = draw(st.sampled_from(["ann", "bob"])), draw(st.integers(0, 5)) == 0
        event = Decision("d", row, action, who, "cat", f"op{seq}", seq=seq, final=final)
        if action is Action.UNDO:
            if not events:
                continue
            undone = draw(st.sampled_from(events))
            event = replace(event, row_id=undone.row_id, undoes=undone.op_id, final=False)
        elif action in VERDICTS and draw(st.booleans()):
            event = event.bulk([(member, "cat", None) for member in sorted({"a", row})])
        events.append(event)
    return events


def by_definition(log: list[Decision]) -> dict[str, Standing]:
    """Each row's standing from its own events, found by going through the log once for each row."""
    members = {e.op_id: {d.row_id for d in e.expanded()} for e in log if not e.row_id}
    for event in log:
        if event.undoes in members:
            members[event.op_id] = members[event.undoes]
    found = {}
    for row in ("a", "b", "c"):
        events = [d for e in log for d in e.expanded() if d.row_id == row or row in members.get(d.op_id, ())]
        events = [d for d in events if d.row_id in (row, "")]
        if said := standing(events):
            found[row] = said
    return found


@given(logs(), st.data())
def test_standings__now_and_at_every_earlier_time(log: list[Decision], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(log)))
    found = Fold(log[:cut])
    early, said_early = found.standings(), by_definition(log[:cut])
    found.add(log[cut:])
    expected = by_definition(log)
    assert found.standings() == expected and early == said_early
    assert (len(found), found.settled) == (len(expected), len(in_force(expected)))
    assert {row: found.get(row) for row in "abc"} == {row: expected.get(row) for row in "abc"}
    assert actions(found.standings()) == actions(expected)
    for who in ("ann", "bob", "nobody"):
        named = {row for row in expected if who in {e.annotator for e in found.events(row)}}
        assert found.standings().of(who) == {row: expected[row] for row in named}
    for as_of in range(len(log) + 1):
        assert found.past(as_of) == by_definition([e for e in log if e.seq <= as_of])


def test_standings__in_the_order_of_the_last_event() -> None:
    said = [Decision("d", row, Action.KEEP, "ann", "cat", f"op{i}", seq=i) for i, row in enumerate("abca", 1)]
    found = Fold(said)
    assert [*found.standings()] == ["b", "c", "a"]


def test_standings__stay_as_they_were_while_anything_of_them_is_read() -> None:
    said = [Decision("d", row, Action.KEEP, "ann", "cat", f"op{i}", seq=i) for i, row in enumerate("abcd", 1)]
    found = Fold(said[:3])
    rows = iter(found.standings())  # nobody else holds the standings
    first = next(rows)
    found.add(said[3:])
    assert [first, *rows] == ["a", "b", "c"] and [*found.standings()] == ["a", "b", "c", "d"]


def test_standings__without_a_second_copy_of_the_rows() -> None:
    found = Fold([Decision("d", "a", Action.KEEP, "ann", "cat", "op1", seq=1)])
    assert found.standings().packed is found.standings().packed
    read = found.standings()
    found.add([Decision("d", "b", Action.KEEP, "ann", "cat", "op2", seq=2)])
    assert [*read] == ["a"] and found.standings().packed is not read.packed
