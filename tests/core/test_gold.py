from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import InputError
from core.evidence.log import review_log
from core.gold import Candidates, candidates, events_of, measured, measured_of, read_gold
from core.review.classes import classes_of
from core.review.decisions import Action, Decision, live
from core.review.fold import Fold
from core.review.people import NotPermitted
from core.review.plan import Plan
from core.review.policy import outcomes
from core.review.queue import Filters
from core.team import Team
from core.tiles import queue_tiles
from tests.conftest import make_dataset
from tests.core import test_team
from tests.core.test_team import Clock, change, put, say

MANY = 40


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def team(tmp_path: Path, store_url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    monkeypatch.setattr(test_team, "ROWS", MANY)
    yield from test_team.team.__wrapped__(tmp_path, store_url, clock)  # type: ignore[attr-defined]


def make_gold(team: Team, *rows: str, wrong: tuple[str, ...] = (), by: str = "eve") -> Decision:
    """Rows whose final word keeps the given label, or changes it; marked as gold."""
    finals = [say(row, f"final {row}", final=True) for row in rows]
    finals += [change(row, f"final {row}", final=True) for row in wrong]
    assert not any(r.refused for r in team.record(by, finals))
    standings = team.store.standings("pets")
    settled = [standings[row].settled for row in (*rows, *wrong)]
    events = events_of([d for d in settled if d is not None], by, team.desk.classes("pets"))
    assert not any(r.refused for r in team.record(by, events))
    return events[-1]


def work(team: Team, person: str, **changes: Any) -> list[dict[str, Any]]:
    """Go through a whole queue as the surface does, keeping every label; the rows in their order."""
    as_of, at, tag, done = team.store.last_seq("pets"), None, "", []
    for _ in range(4 * MANY):
        found = team.page(person, "pets", Filters(), as_of=as_of, tag=tag, at=at, undecided=True, n=3)
        items = [i for i in found["items"] if i["waits"]]
        if not items:
            break
        shown = json.dumps({"find": "label_issues", "mark": items[0]["mark"]})
        event = say(items[0]["row_id"], f"{person} {items[0]['row_id']}", shown=shown, **changes)
        assert not team.record(person, [event])[0].refused
        done.append(items[0])
        tag, at = found["tag"], items[0]["rank"] + 1
    return done


def test_gold__comes_to_each_annotator_once_among_the_other_rows_and_without_a_sign(team: Team) -> None:
    put(team, Plan(gold=0.3, audit=0.2))
    make_gold(team, "r3", "r5", wrong=("r7", "r38"))
    seen = {}
    for person in ("ann", "bob"):
        shown = []
        for _ in range(6):  # new visits: the queue is dealt anew
            shown += work(team, person)
        seen[person] = [item["row_id"] for item in shown]
        gold = [item for item in shown if item["row_id"] in ("r3", "r5", "r7", "r38")]
        assert len({i["row_id"] for i in gold}) == len(gold)
        for item in gold:
            assert item["suggestion"] is None and item["hidden"] and not item["why"] and not item["checks"]
            assert item["decision"] is None and item["opinions"] == [] and not item["second_look"]
            assert len(item["mark"]) == 24 and item["held"] is None
    assert {"r3", "r5", "r7", "r38"} <= set(seen["ann"]) and seen["ann"][0] not in ("r3", "r5", "r7", "r38")
    # Bob, for whom nothing is left, gets none: gold follows rows of one's own only.
    assert len(seen["ann"]) == MANY and seen["bob"] == []


def test_gold__behind_a_row_that_somebody_else_took_is_passed_over(team: Team) -> None:
    put(team, Plan(gold=0.4))
    gold = [f"r{i}" for i in range(0, MANY, 4)]
    make_gold(team, *gold)
    as_of = team.store.last_seq("pets")
    dealt = team.dealt("pets", "bob", Filters(), as_of)
    places = [rank for rank, p in enumerate(dealt.positions.tolist()) if f"r{p}" in gold]
    taken, free = places[:2]
    before = f"r{dealt.positions[taken - 1]}"
    assert not team.record("ann", [say(before, "taken")])[0].refused
    found = team.page("bob", "pets", Filters(), as_of=as_of, tag=dealt.tag, at=0, n=MANY)
    ranks = [item["rank"] for item in found["items"]]
    assert taken not in ranks and taken - 1 not in ranks and {free, free - 1} <= set(ranks)
    next_one = team.page("bob", "pets", Filters(), as_of=as_of, tag=dealt.tag, at=taken - 1, undecided=True)
    assert next_one["at"] == taken + 1


def test_gold__has_its_share_of_each_annotators_rows_and_another_order_for_each(team: Team) -> None:
    put(team, Plan(gold=0.25, looks=2, share=1.0))
    gold = [f"r{i}" for i in range(0, MANY, 4)]
    make_gold(team, *gold)
    turns = {}
    for person in ("ann", "bob"):
        shown = [item["row_id"] for item in work(team, person)]
        turns[person] = [row for row in shown if row in gold]
        assert len(shown) - len(turns[person]) == MANY - len(gold)
        assert 4 <= len(turns[person]) <= 10  # a quarter of the rows, by coins
    assert turns["ann"] != turns["bob"]


def test_gold__answers_change_neither_the_label_nor_an_export_and_undo_takes_all_back(team: Team) -> None:
    put(team, Plan(gold=0.5))
    mark = make_gold(team, "r3", wrong=("r7",))
    before = outcomes(team.store.standings("pets"), team.store.events("pets"), make_dataset([0] * MANY))
    team.record("ann", [change("r3", "wrong"), say("r7", "missed")])
    standings = team.store.standings("pets")
    after = outcomes(standings, team.store.events("pets"), make_dataset([0] * MANY))
    assert after.decisions["r3"] == before.decisions["r3"] and after.decisions["r7"].label == "dog"
    assert not after.disagreed and not standings["r3"].disagreed
    team.record("eve", [Decision("pets", "", Action.UNDO, "eve", "", "back", undoes=mark.op_id)])
    assert team.gold("pets") == frozenset()
    assert [step["action"] for step in team.timeline("eve", "pets")["undone"]] == ["gold"]


def test_gold__is_known_to_adjudicators_and_kept_from_annotators_everywhere(team: Team) -> None:
    put(team, Plan(gold=0.2))
    make_gold(team, "r3", wrong=("r7",))
    assert team.gold("pets", "ann") == {"r3", "r7"} == team.gold("pets")
    assert team.gold("pets", "ada") == frozenset() == team.gold("pets", "eve")
    assert team.visible("pets", "ann") == {} and set(team.visible("pets", "ada")) == {"r3", "r7"}
    assert team.standings_of("pets", "ann", ["r3"]) == {} != team.standings_of("pets", "eve", ["r3"])
    assert team.history("pets", "ann", "r3") == [] != team.history("pets", "ada", "r3")
    assert team.hidden("pets", "ann")[[3, 7]].all() and not team.hidden("pets", "ada").any()
    kept, _ = team.queue("pets", "ann", Filters(state="decided"))
    assert len(kept) == 0 and len(team.queue("pets", "ada", Filters(state="decided"))[0]) == 2
    narrowed, _ = team.queue("pets", "ann", Filters(q="7"))
    assert narrowed.tolist() == [17, 27, 37]
    asked = team.page("ann", "pets", Filters(), row="r7")
    item = asked["alone"] or next(i for i in asked["items"] if i["row_id"] == "r7")
    assert item["decision"] is None and item["suggestion"] is None and item["waits"]
    tiles = {t["row_id"]: t for t in queue_tiles(team, "ann", "pets", Filters(), n=MANY)["tiles"]}
    assert all(tiles[row]["decision"] is None for row in ("r3", "r7") if row in tiles)
    receipt = team.record("ann", [say("r3", "a", based_on=0)])[0]
    assert not receipt.refused and receipt.meanwhile is None
    decision = team.page("ann", "pets", Filters(), row="r3")["items"]
    assert [i["decision"]["annotator"] for i in decision if i["row_id"] == "r3"] == ["ann"]


def test_gold__is_marked_by_owners_only(team: Team) -> None:
    events = events_of([say("r1", "x", seq=1)], "ada", team.desk.classes("pets"))
    with pytest.raises(NotPermitted):
        team.record("ada", events[-1:])
    with pytest.raises(InputError, match="no row to mark as gold"):
        events_of([], "eve", team.desk.classes("pets"))


def test_dealt__stays_as_it_is_while_the_annotator_works(team: Team) -> None:
    put(team, Plan(gold=0.3))
    make_gold(team, *(f"r{i}" for i in range(10, 20)))
    as_of = team.store.last_seq("pets")
    before = team.dealt("pets", "ann", Filters(), as_of)
    assert len(before.positions) == len(set(before.positions.tolist())) <= MANY
    work(team, "ann")
    team._gold._known = {}  # what was kept must not be what keeps it
    after = team.dealt("pets", "ann", Filters(), as_of)
    assert after.tag == before.tag and after.positions.tolist() == before.positions.tolist()
    now = team.dealt("pets", "ann", Filters())
    assert set(now.positions.tolist()) >= set(range(10))


# --- where gold rows come from ----------------------------------------------------------------------


def test_candidates__are_what_adjudicators_settled_half_of_each_kind(team: Team) -> None:
    team.record("ada", [say(f"r{i}", f"k{i}") for i in range(6)])
    team.record("ada", [change(f"r{i}", f"c{i}") for i in range(6, 9)])
    team.record("ada", [say("r9", "x", Action.EXCLUDE), say("r10", "y", Action.AMBIGUOUS)])
    team.record("ann", [say("r11", "z"), say("r0", "same")])
    found = candidates(
        team.store.standings("pets"),
        team.desk.project("pets").dataset,
        team.desk.classes("pets"),
        team.role,
        ["r5"],
    )
    # r0: Ann's answer, which is the same, came last, and it is the one in force.
    assert set(found.right) == {"r1", "r2", "r3", "r4"} and set(found.wrong) == {"r6", "r7", "r8", "r9"}
    four = [d.row_id for d in found.half_and_half(4)]
    assert len(set(four) & set(found.right)) == 2 == len(set(four) & set(found.wrong))
    assert len(found.half_and_half(100)) == 8
    few = Candidates(found.right, {})
    assert len(few.half_and_half(3)) == 3 and few.half_and_half(0) == []
    finals = events_of(found.half_and_half(4), "eve", team.desk.classes("pets"))
    assert [e.action for e in finals[-1:]] == [Action.GOLD] and all(e.final for e in finals[:-1])
    assert not any(r.refused for r in team.record("eve", finals)) and len(team.gold("pets")) == 4


def test_read_gold__takes_the_right_label_of_each_row(team: Team) -> None:
    dataset, classes = team.desk.project("pets").dataset, team.desk.classes("pets")
    found = read_gold(b"row_id,label\r\nr1,cat\r\nr2,dog\r\n", "gold.csv", dataset, classes, {})
    assert [(d.row_id, d.action, d.label) for d in found] == [
        ("r1", Action.KEEP, None),
        ("r2", Action.RELABEL, "dog"),
    ]
    events = events_of(found, "eve", classes)
    assert not any(r.refused for r in team.record("eve", events))
    assert team.store.standings("pets")["r2"].final is not None
    assert events[-1].details["members"] == [["r1", "cat", "cat"], ["r2", "cat", "dog"]]
    again = read_gold(b"row_id,label\nr2,dog\n", "g.csv", dataset, classes, team.store.standings("pets"))
    assert again[0].final and len(events_of(again, "eve", classes)) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"row_id,label\nr99,cat", "there is no row 'r99'"),
        (b"row_id,label\nr1,cow", "'cow' is no label of this data set"),
        (b"row_id,label\nr1,cat\nr1,dog", "row r1 is named twice"),
        (b"row_id,label\nr3,dog", "row r3 has a final word that says otherwise: cat"),
        (b"id,label\nr1,cat", "the file lacks its columns"),
        (b"row_id,label\n", "the file has no row"),
        (b"row_id,label\n\xff", "no UTF-8"),
    ],
)
def test_read_gold__names_every_line_that_does_not_fit(team: Team, content: bytes, said: str) -> None:
    team.record("eve", [say("r3", "f", final=True)])
    dataset, classes = team.desk.project("pets").dataset, team.desk.classes("pets")
    with pytest.raises(InputError, match=said):
        read_gold(content, "gold.csv", dataset, classes, team.store.standings("pets"))


# --- what answers tell ------------------------------------------------------------------------------


def answer(row: str, who: str, action: Action, op: str, source: str = "gold") -> Decision:
    label = "dog" if action is Action.RELABEL else None
    return Decision("d", row, action, who, "cat", op, label, shown=json.dumps({"source": source}))


def test_measured__counts_first_answers_in_turn_that_stand() -> None:
    events = [
        Decision("d", "r1", Action.KEEP, "eve", "cat", "f1", final=True),
        Decision("d", "r2", Action.RELABEL, "eve", "cat", "f2", "dog", final=True),
        Decision("d", "r3", Action.EXCLUDE, "eve", "cat", "f3", final=True),
        answer("r1", "ann", Action.RELABEL, "1"),  # a false alarm
        answer("r1", "ann", Action.KEEP, "2"),  # a second thought does not count
        answer("r2", "ann", Action.KEEP, "3"),  # a miss
        answer("r3", "ann", Action.RELABEL, "4"),  # another class, but the label is wrong
        answer("r1", "bob", Action.AMBIGUOUS, "5"),  # no alarm
        answer("r2", "bob", Action.RELABEL, "6"),
        answer("r3", "bob", Action.NEEDS_REVIEW, "7"),
        answer("r4", "bob", Action.KEEP, "8"),  # nobody has the final word
        answer("r2", "cem", Action.KEEP, "9", source="ranked"),  # was not given in turn
        answer("r1", "dee", Action.RELABEL, "10"),
        Decision("d", "r1", Action.UNDO, "dee", "cat", "11", undoes="10"),
    ]
    histories: dict[str, list[Decision]] = {}
    for event in events:
        histories.setdefault(event.row_id, []).append(event)
    found = measured(["r1", "r2", "r3", "r4"], histories, classes_of(make_dataset([0] * 5)))
    assert (found.right, found.wrong, found.unsaid, found.rows) == (1, 2, 1, 4)
    assert list(found.people) == ["ann", "bob"]
    assert found.people["ann"].false_alarms == (1, 1) and found.people["ann"].misses == (1, 2)
    assert found.people["bob"].false_alarms == (0, 1) and found.people["bob"].misses == (0, 1)
    assert found.everybody.false_alarms == (1, 2) and found.everybody.misses == (1, 3)
    assert live(events) > {"f1"}


def test_measured_of__reads_the_answers_of_a_team(team: Team) -> None:
    put(team, Plan(gold=0.5))
    make_gold(team, "r3", "r5", wrong=("r7",))
    work(team, "ann")
    found = measured_of(team, "pets")
    assert found.everybody.false_alarms == (0, 2) and found.everybody.misses == (1, 1)
    assert list(found.people) == ["ann"]


def test_review_log__leaves_gold_out_but_for_random_draws() -> None:
    dataset = make_dataset([0] * 6)
    events = [
        Decision("d", "r0", Action.KEEP, "ann", "cat", "1", shown='{"source": "ranked"}'),
        answer("r1", "ann", Action.KEEP, "2", source="audit"),
        Decision("d", "r1", Action.RELABEL, "eve", "cat", "3", "dog", final=True),
        Decision("d", "r2", Action.RELABEL, "eve", "cat", "4", "dog", final=True),
        answer("r2", "ann", Action.KEEP, "5"),
        Decision("d", "r3", Action.NEEDS_REVIEW, "ann", "cat", "6"),
        Decision("d", "r3", Action.RELABEL, "ann", "cat", "7", "dog"),
    ]
    events = [replace(e, seq=i + 1, decided_at="2026-01-01T00:00:00+00:00") for i, e in enumerate(events)]
    log = review_log(events, Fold(events).standings(), dataset, {"r0", "r1", "r2", "r5"})
    assert log.positions.tolist() == [1, 3] and log.drawn.tolist() == [True, False]
    assert log.wrong.tolist() == [True, True]
    assert log.said is not None and log.said.tolist() == [False, True]  # as Ann said
    assert sorted(log.outside.tolist()) == [0, 2, 5]
    part = log.of(np.arange(6) < 3)
    assert part.outside.tolist() == [0, 2] and part.said is not None and part.said.tolist() == [False]
