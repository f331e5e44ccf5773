from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.review.decisions import Action, Decision
from core.review.fold import Fold
from tests.browser.serving import Server
from tests.postgres import Postgres, binaries
from tests.soak.annotators import Annotator, Habits, Op, Room
from tests.soak.faults import Install
from tests.soak.proof import Replay, lent_twice, proven
from tests.soak.run import FAST, Report, crowd, read_back, soak, tickets, work

SECONDS, KILLS, SEED = 12, 2, 1


def seen_to_work(report: Report) -> None:
    print(report)
    assert report.wrong == []
    assert sum(report.kills.values()) >= KILLS
    assert report.stored == report.acknowledged > 0
    assert report.sent_again > 0


@pytest.mark.timeout(600)
def test_soak__killed_on_sqlite_nothing_is_lost(tmp_path: Path) -> None:
    seen_to_work(soak(tmp_path, None, SECONDS, SEED, mean_s=3, least=KILLS, rows=5000))


@pytest.mark.timeout(600)
@pytest.mark.skipif(binaries() is None, reason="no PostgreSQL server on this machine")
def test_soak__killed_with_its_postgresql_nothing_is_lost(tmp_path: Path) -> None:
    server = Postgres()  # one of its own: other tests use the shared one meanwhile
    server.start()
    try:
        seen_to_work(soak(tmp_path, server, SECONDS, SEED, mean_s=3, least=KILLS, rows=5000))
    finally:
        server.stop()


@pytest.mark.timeout(600)
@pytest.mark.skipif(binaries() is None, reason="no PostgreSQL server on this machine")
def test_two_servers__share_one_database_and_one_workspace(tmp_path: Path) -> None:
    """Half of the annotators on each server, one queue: nothing is lost, no row is lent by both."""
    database = Postgres()
    database.start()
    install = Install(tmp_path, database)
    second = Server(tmp_path)
    second.workspace, second.environ = install.server.workspace, install.server.environ
    data = tickets(install.server.workspace, 3000)
    halves = [dict.fromkeys((f"annotator {half}{i}" for i in range(5)), FAST) for half in "ab"]
    people = [*crowd(install.server, data, halves[0], SEED), *crowd(second, data, halves[1], SEED + 50)]
    try:
        install.server.start()
        second.start()
        wrong = asyncio.run(work(install, people, asyncio.sleep(10)))
        events, counted, found = read_back(install, people)
    finally:
        second.stop()
        install.server.stop()
        database.stop()
    lent = lent_twice(Replay(events), people)
    assert [*wrong, *people[0].room.wrong, *people[-1].room.wrong, *found, *lent] == []
    assert counted == sum(len(one.ops) for one in people) > 100
    by_half = {half: sum(e.annotator.startswith(f"annotator {half}") for e in events) for half in "ab"}
    assert min(by_half.values()) > 30


# --- the proof sees what is wrong -------------------------------------------------------------------
# A log that is right, and then spoilt in each way that the run is there to find.

GIVEN = {f"r{i}": "cat" for i in range(9)}


def decision(op_id: str, row: str, who: str, seq: int, **more: Any) -> Decision:
    shown = json.dumps({"find": "", "suggestion": None})
    known = {"dataset": "d", "row_id": row, "action": Action.KEEP, "given_label": "cat", "shown": shown}
    return Decision(
        **{**known, "annotator": who, "op_id": op_id, "seq": seq, "decided_at": f"t{seq}", **more}
    )


def sent(event: Decision, **receipt: Any) -> Op:
    names = ("op_id", "dataset", "row_id", "given_label", "label", "undoes", "shown", "detail", "based_on")
    body = {name: getattr(event, name) for name in names}
    told = {"op_id": event.op_id, "seq": event.seq, "decided_at": event.decided_at, **receipt}
    return Op({**body, "action": str(event.action)}, 0.0, receipts=[told])


def story() -> tuple[list[Decision], dict[str, list[Op]]]:
    """ann decides r1 and r2, undoes and redoes r2; ben decides r1 after her and is told."""
    events = [
        decision("a1", "r1", "ann", 1, based_on=0),
        decision("a2", "r2", "ann", 2, based_on=0),
        decision("a3", "r2", "ann", 3, action=Action.UNDO, undoes="a2"),
        decision("b1", "r1", "ben", 4, based_on=0, action=Action.RELABEL, label="dog"),
        decision("a4", "r2", "ann", 5, action=Action.UNDO, undoes="a3"),
    ]
    ops = [sent(e, **({"meanwhile": {"annotator": "ann"}} if e.op_id == "b1" else {})) for e in events]
    return events, {"ann": [op for op in ops if op.op_id != "b1"], "ben": [ops[3]]}


def found(events: list[Decision], ops: dict[str, list[Op]], shown: list[Decision] | None = None) -> list[str]:
    async def people() -> list[Annotator]:
        room = Room("http://labelmend.test", "d", GIVEN, ("cat", "dog"))
        made = [Annotator(room, name, "token", Habits(), 0) for name in ops]
        for one in made:
            one.ops = ops[one.name]
        return made

    return proven(events, Fold(shown or events).standings(), asyncio.run(people()))


def test_proof__finds_nothing_wrong_where_nothing_is() -> None:
    assert found(*story()) == []


def numbered(events: list[Decision]) -> list[Decision]:
    return [replace(e, seq=i) for i, e in enumerate(events, 1)]


SPOILS: dict[str, Callable[[list[Decision]], list[Decision]]] = {
    "is lost": lambda log: log[:-1],
    "stored 2 times": lambda log: numbered([*log, log[0]]),
    "and is Decision(dataset='d', row_id='r3'": lambda log: [replace(log[0], row_id="r3"), *log[1:]],
    "label='cow'": lambda log: [*log[:3], replace(log[3], label="cow"), log[4]],
    "annotator='eve'": lambda log: [replace(log[0], annotator="eve"), *log[1:]],
    "nobody made it": lambda log: [*log, decision("x", "r8", "ann", 6)],
    "have gaps": lambda log: [*log[:4], replace(log[4], seq=9)],
    "out of order": lambda log: numbered([log[1], log[0], *log[2:]]),
    "was acknowledged as": lambda log: [replace(log[0], decided_at="later"), *log[1:]],
}


@pytest.mark.parametrize("what", SPOILS)
def test_proof__sees_a_log_that_is_spoilt(what: str) -> None:
    events, ops = story()
    assert any(what in wrong for wrong in found(SPOILS[what](events), ops))


def test_proof__sees_a_fold_that_forgets_an_event() -> None:
    events, ops = story()
    assert any("row r2: the app says" in wrong for wrong in found(events, ops, events[:-1]))


def test_proof__sees_who_was_not_told() -> None:
    events, ops = story()
    del ops["ben"][0].receipts[0]["meanwhile"]
    assert found(events, ops) == ["ben was not told that ann decided r1"]


def test_proof__sees_a_redo_that_was_not_told() -> None:
    events, ops = story()
    other = decision("b2", "r2", "ben", 5, based_on=3)
    events = [*events[:4], other, replace(events[4], seq=6)]
    ops["ben"].append(sent(other))
    ops["ann"][-1] = sent(events[-1])
    assert found(events, ops) == ["ann was not told that ben decided r2"]
    ops["ann"][-1] = sent(events[-1], meanwhile={"annotator": "ben"})
    assert found(events, ops) == []


def test_proof__sees_an_event_that_nobody_acknowledged_and_one_that_was_refused() -> None:
    events, ops = story()
    ops["ann"].append(Op({**ops["ann"][0].body, "op_id": "a9"}, 0.0))
    ops["ann"].append(
        Op({**ops["ann"][0].body, "op_id": "a8"}, 0.0, receipts=[{"op_id": "a8", "error": "no"}])
    )
    assert found(events, ops) == ["ann: a9 was never acknowledged", "ann: a8 was refused: no"]


def test_proof__sees_many_rows_changed_over_what_somebody_decided() -> None:
    events, ops = story()
    rows = json.dumps({"members": [["r1", "cat", None], ["r5", "cat", None]]})
    events.append(decision("b9", "", "ben", 6, detail=rows, given_label="", based_on=5))
    wish = {"op_id": "b9", "ds": "d", "action": "keep", "rows": ["r1", "r5"]}
    ops["ben"].append(Op(wish, 0.0, receipts=[{"op_id": "b9", "seq": 6, "decided_at": "t6", "change": 2}]))
    assert found(events, ops) == ["row r1 was decided, and changed with many by b9"]


def lent(events: list[Decision], rude: Collection[str] = ()) -> list[str]:
    async def people() -> list[Annotator]:
        room = Room("http://labelmend.test", "d", GIVEN, ("cat", "dog"))
        made = {e.annotator: Annotator(room, e.annotator, "token", Habits(), 0) for e in events}
        for event in events:
            made[event.annotator].ops.append(replace(sent(event), polite=event.op_id not in rude))
        return [*made.values()]

    return lent_twice(Replay(events), asyncio.run(people()))


def test_proof__sees_a_row_that_was_lent_twice() -> None:
    ann, ben = decision("a1", "r1", "ann", 1), decision("b1", "r1", "ben", 3)
    again = decision("a2", "r1", "ann", 2, action=Action.NEEDS_REVIEW)
    assert len(lent([ann, ben])) == 1
    assert lent([ann, ben], rude=["b1"]) == []
    assert lent([ann, again, ben], rude=["a2"]) == []  # it waited again
    assert len(lent([ann, replace(again, action=Action.EXCLUDE), ben], rude=["a2"])) == 1
    assert len(lent([ann, replace(ben, seq=2), replace(again, seq=3)], rude=["a2"])) == 1  # too late
