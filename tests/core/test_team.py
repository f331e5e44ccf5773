from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.desk import Desk
from core.evidence.live import Live
from core.issue_rows import issue_rows
from core.issues import Result, issue_table
from core.loading import Prepared
from core.predictions import Predictions
from core.review import items, look
from core.review.assignments import assignment_event
from core.review.claims import HELD_S, Claims
from core.review.decisions import Action, Decision
from core.review.judgements import pair_event
from core.review.people import NotPermitted, People, Role
from core.review.plan import Plan, plan_event
from core.review.queue import Filters
from core.settings import Settings
from core.source import Source
from core.team import Team
from core.tiles import queue_tiles
from core.workspace import Project, Workspace
from tests.conftest import make_dataset

ROLES = {"eve": Role.OWNER, "ada": Role.ADJUDICATOR, "ann": Role.ANNOTATOR, "bob": Role.ANNOTATOR}
ROWS = 12


def results_of(project: Project) -> dict[str, Result]:
    """Every row is flagged, the first one worst, and "dog" suggested."""
    score = np.linspace(0, 0.5, ROWS)
    table = issue_table(project.dataset, score, score <= 0.5, np.ones(ROWS, dtype=np.int64), {0: "why"})
    return {"label_issues": Result(table, {"flagged": ROWS, "estimator": "test"})}


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def team(tmp_path: Path, store_url: str, clock: Clock) -> Iterator[Team]:
    workspace = Workspace(Settings(tmp_path / "ws", (tmp_path,), store_url, "eve"))
    dataset = make_dataset([0] * ROWS)
    probs = np.tile(np.array([[0.2, 0.8]], dtype=np.float32), (ROWS, 1))
    source = Source(tmp_path / "pets.csv", "csv", "0" * 64, 0)
    predictions = Predictions("m", probs, np.eye(ROWS, 4, dtype=np.float32) + 1)
    workspace.save(Prepared(dataset, predictions, source, ()))
    desk = Desk(workspace, results_of)
    made = Team(desk, People(desk.store, Role.VIEWER, frozenset({"eve"})))
    made.claims = Claims(desk.store.database, clock)
    for person, role in ROLES.items():
        made.people.give("eve", person, role)
    yield made
    desk.store.close()


def say(row: str, op: str, action: Action = Action.KEEP, **changes: Any) -> Decision:
    return Decision("pets", row, action, "", "cat", op, **changes)


def change(row: str, op: str, **changes: Any) -> Decision:
    return say(row, op, Action.RELABEL, label="dog", **changes)


def rows(team: Team, person: str, n: int = 4, **where: Any) -> list[str]:
    filters = Filters.from_query(where.pop("filters", {}))
    return [i["row_id"] for i in team.page(person, "pets", filters, n=n, **where)["items"]]


def put(team: Team, plan: Plan) -> None:
    team.record("eve", [plan_event("pets", "eve", plan)])


# --- claims -----------------------------------------------------------------------------------------


def test_page__two_annotators_never_get_one_row(team: Team) -> None:
    assert rows(team, "ann") == ["r0", "r1", "r2", "r3"]
    assert rows(team, "bob") == ["r4", "r5", "r6", "r7"]
    assert rows(team, "ann", at=2) == ["r2", "r3", "r8", "r9"]
    assert rows(team, "bob", at=0) == ["r4", "r5", "r6", "r7"]
    found = team.page("bob", "pets", Filters(), at=8, n=4)
    assert [(i["rank"], i["row_id"]) for i in found["items"]] == [(10, "r10"), (11, "r11")]
    assert (found["at"], found["until"], found["total"]) == (8, 12, 12)


def test_page__a_row_decided_in_the_moment_before_it_is_lent_is_not_lent(team: Team) -> None:
    take = team.claims.take

    def late(dataset: str, annotator: str, row_ids: list[str]) -> Any:
        """Ann gets and decides the first row while Bob's page is between looking and lending."""
        if annotator == "bob":
            team.page("ann", "pets", Filters(), n=2)
            team.record("ann", [say("r0", "ann-1", based_on=0)])
        return take(dataset, annotator, row_ids)

    team.claims.take = late  # type: ignore[method-assign]
    found = team.page("bob", "pets", Filters(), n=3)
    assert [item["row_id"] for item in found["items"]] == ["r2"]  # r1 is still Ann's
    held = {row: claim.annotator for row, claim in team.claims.held("pets").items()}
    assert held == {"r1": "ann", "r2": "bob"}


def test_page__a_claim_lapses_and_the_row_comes_to_others(team: Team, clock: Clock) -> None:
    rows(team, "ann")
    clock.now += HELD_S
    assert rows(team, "bob") == ["r0", "r1", "r2", "r3"]


def test_page__a_row_asked_for_by_link_tells_who_holds_it(team: Team, clock: Clock) -> None:
    rows(team, "ann")
    found = team.page("bob", "pets", Filters(), row="r1", n=2)
    assert [(i["row_id"], i["held"]) for i in found["items"]] == [
        ("r1", {"by": "ann", "until": clock.now + HELD_S}),
        ("r4", None),
    ]
    outside = team.page("bob", "pets", Filters(given="dog"), row="r2")
    assert outside["items"] == []
    assert outside["alone"]["held"]["by"] == "ann"


def test_record__begins_the_loans_anew_and_gives_the_row_back(team: Team, clock: Clock) -> None:
    rows(team, "ann")
    clock.now += HELD_S - 1
    team.record("ann", [say("r0", "1")])
    held = team.claims.held("pets")
    assert {r: c.expires_at for r, c in held.items()} == dict.fromkeys(("r1", "r2", "r3"), clock.now + HELD_S)


def test_page__what_others_have_decided_is_passed_by_and_ones_own_is_not(team: Team) -> None:
    team.record("ann", [say("r0", "1"), say("r1", "2", Action.NEEDS_REVIEW)])
    assert rows(team, "bob", at=0) == ["r1", "r2", "r3", "r4"]
    mine = team.page("ann", "pets", Filters(), at=0, n=2)["items"]
    assert [(i["row_id"], i["decision"]["action"]) for i in mine] == [("r0", "keep"), ("r1", "needs_review")]
    assert team.page("ann", "pets", Filters())["at"] == 5


def test_page__a_viewer_sees_everything_and_holds_nothing(team: Team) -> None:
    rows(team, "ann")
    assert rows(team, "vic") == ["r0", "r1", "r2", "r3"]
    assert set(c.annotator for c in team.claims.held("pets").values()) == {"ann"}


# --- verdicts that meet -----------------------------------------------------------------------------


def test_record__a_verdict_given_meanwhile_is_told_and_both_are_kept(team: Team) -> None:
    seen = team.page("ann", "pets", Filters(), n=1)["items"][0]["seen"]
    team.record("bob", [change("r0", "1")])
    (receipt,) = team.record("ann", [say("r0", "2", based_on=seen)])
    assert receipt.meanwhile is not None
    assert (receipt.meanwhile.annotator, receipt.meanwhile.label) == ("bob", "dog")
    standing = team.store.standings("pets")["r0"]
    assert ([d.annotator for d in standing.opinions], standing.disagreed) == (["bob", "ann"], True)


def test_page__a_disagreement_waits_for_an_adjudicator_whose_word_ends_it(team: Team) -> None:
    team.record("ann", [say("r3", "1")])
    team.record("bob", [change("r3", "2"), say("r3", "n", Action.NOTE, detail='{"text": "it barks"}')])
    state = {"state": "disagreed"}
    (item,) = team.page("ada", "pets", Filters(state="disagreed"))["items"]
    assert item["row_id"] == "r3"
    assert item["opinions"] == [
        {"who": "A", "action": "keep", "label": None, "annotator": None},
        {"who": "B", "action": "relabel", "label": "dog", "annotator": None},
    ]
    assert [(n["annotator"], n["text"]) for n in item["notes"]] == [("B", "it barks")]
    assert team.page("ann", "pets", Filters(state="disagreed"))["items"] == []
    with pytest.raises(NotPermitted):
        team.record("ann", [say("r3", "3", final=True)])
    team.record("ada", [change("r3", "4", final=True)])
    assert rows(team, "ada", filters=state) == []
    assert team.store.in_force("pets")["r3"].annotator == "ada"
    again = team.page("ada", "pets", Filters(), row="r3", n=1)["items"][0]
    assert [o["annotator"] for o in again["opinions"]] == ["ann", "bob"]
    assert [n["annotator"] for n in again["notes"]] == ["bob"]


# --- the plan: second looks, blind, hidden ----------------------------------------------------------


def test_page__a_second_look_is_blind(team: Team) -> None:
    put(team, Plan(looks=2, share=1.0))
    team.record("ann", [change("r0", "1"), say("r0", "2", Action.NOTE, detail='{"text": "it barks"}')])
    item = team.page("bob", "pets", Filters(), at=0, n=1)["items"][0]
    assert (item["row_id"], item["second_look"]) == ("r0", True)
    assert (item["decision"], item["opinions"], item["notes"]) == (None, [], [])
    (receipt,) = team.record("bob", [say("r0", "3", based_on=0)])
    assert receipt.meanwhile is not None
    assert (receipt.meanwhile.annotator, receipt.meanwhile.label) == ("", None)
    assert set(team.visible("pets", "bob")) == {"r0"}
    assert team.visible("pets", "ann")["r0"].opinions[0].op_id == "1"
    assert team.visible("pets", "vic") == {}
    assert team.visible("pets", "ada")["r0"].disagreed
    assert rows(team, "eve", n=20, at=0)[0] == "r1"


def test_queue__blind_states_are_ones_own(team: Team) -> None:
    put(team, Plan(looks=2, share=1.0))
    team.record("ann", [change("r0", "1")])
    changed = Filters(state="changed")
    assert team.queue("pets", "bob", changed)[0].tolist() == []
    assert team.queue("pets", "ann", changed)[0].tolist() == [0]
    assert team.queue("pets", "ada", changed)[0].tolist() == [0]
    assert 0 in team.queue("pets", "bob", Filters(state="undecided"))[0]


def test_page__without_overlap_nothing_is_blind(team: Team) -> None:
    team.record("ann", [change("r0", "1"), say("r0", "2", Action.NOTE, detail='{"text": "it barks"}')])
    item = team.page("bob", "pets", Filters(), row="r0", n=1)["items"][0]
    assert item["decision"]["annotator"] == "ann"
    assert [n["text"] for n in item["notes"]] == ["it barks"]
    assert not item["second_look"]


def test_page__hidden_suggestions_do_not_leave_the_server(team: Team) -> None:
    put(team, Plan(hide_suggestions=1.0))
    item = team.page("ann", "pets", Filters(), n=1)["items"][0]
    assert item["hidden"]
    assert (item["suggestion"], item["why"], item["checks"]) == (None, [], [])
    assert item["classes"] == [("cat", None), ("dog", None)]
    assert team.neighbours("ann", "pets", Filters(), "r0")["suggested"] == []
    assert team.queue("pets", "ann", Filters(sug="dog"))[0].tolist() == []
    shown = team.page("ada", "pets", Filters(), at=5, n=1)["items"][0]
    assert (shown["hidden"], shown["suggestion"]) == (False, "dog")


def test_page__rows_given_to_others_are_passed_by(team: Team) -> None:
    event = assignment_event("pets", "ada", {"r0": ("bob",), "r1": ("ann", "bob"), "r2": ("bob",)}, "all")
    assert team.record("ada", [event])[0].refused == ""
    assert rows(team, "ann") == ["r1", "r3", "r4", "r5"]
    assert rows(team, "bob") == ["r0", "r2", "r6", "r7"]
    undo = Decision("pets", "", Action.UNDO, "", "", "u", undoes=event.op_id)
    assert team.record("ada", [undo])[0].refused == ""
    team.claims.release("pets", "bob")
    assert rows(team, "ann", at=0) == ["r0", "r1", "r2", "r3"]


def test_record__whether_it_was_blind_is_the_servers_word(team: Team) -> None:
    lies = say("r0", "1", shown='{"blind": true, "find": "x"}')
    first, _ = team.record("ann", [lies, say("r1", "2", shown="no json")])
    put(team, Plan(share=1.0))
    team.record("ann", [say("r2", "3", shown='{"blind": false}')])
    stored = [json.loads(d.shown) for d in team.store.in_force("pets").values()]
    assert stored == [
        {"find": "x", "blind": False, "source": "picked"},
        {"browser": "no json", "blind": False, "source": "picked"},
        {"blind": True, "source": "picked"},
    ]
    assert team.record("ann", [lies]) == [first]


# --- roles ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("person", "event"),
    [
        ("vic", say("r0", "1")),
        ("", say("r0", "1")),
        ("ann", say("", "1", Action.CLASS, detail='{"add": "fish"}')),
        ("ann", say("", "1", Action.ASSIGN)),
        ("ada", plan_event("pets", "ada", Plan())),
        ("ada", replace(say("bob", "1", Action.ROLE, detail='{"role": "owner"}'), dataset="")),
    ],
)
def test_record__needs_the_role(team: Team, person: str, event: Decision) -> None:
    with pytest.raises(NotPermitted):
        team.record(person, [event])
    assert team.store.events("pets") == []
    assert team.role("bob") is Role.ANNOTATOR


def test_record__the_annotator_is_the_one_who_is_signed_in(team: Team) -> None:
    team.record("ann", [replace(say("r0", "1"), annotator="eve")])
    assert team.store.in_force("pets")["r0"].annotator == "ann"


# --- what others do, and what can be undone ---------------------------------------------------------


def test_pulse__tells_what_others_did(team: Team) -> None:
    assert team.pulse("ann", "pets", 0) == {"seq": 0, "decided": 0, "people": [], "rows": []}
    team.record("ann", [say("r0", "1")])
    team.record("bob", [say("r1", "2"), say("r2", "3")])
    found = team.pulse("ann", "pets", 0)
    assert (found["decided"], found["people"]) == (3, [{"annotator": "bob", "decided": 2}])
    assert found["rows"] == ["r1", "r2"]
    assert team.pulse("ann", "pets", found["seq"])["rows"] == []


def test_pulse__brings_the_evidence_once_and_none_who_did_not_ask(team: Team) -> None:
    asked = []
    live = Live(team.reading, lambda work: work())
    told = live.told
    live.told = lambda name, seq, blind: asked.append(blind) or told(name, seq, blind)  # type: ignore[method-assign,func-returns-value]
    team._live = live
    assert "evidence" not in team.pulse("ann", "pets", 0)
    team.pulse("ann", "pets", 0, told=0)  # begins to make it
    evidence = team.pulse("ann", "pets", 0, told=0)["evidence"]
    assert (evidence["version"], evidence["left"]) == (
        1,
        "Wrong labels left: not known, no random row read yet",
    )
    assert team.pulse("ann", "pets", 0, told=1)["evidence"] is None
    put(team, Plan(share=1.0))
    assert [team.pulse(who, "pets", 0, told=0)["evidence"] is None for who in ("ann", "ada")] == [True, False]
    assert asked == [False] * 3 + [True, False]


def test_timeline__ones_own_steps_with_how_many_rows_each_had(team: Team) -> None:
    team.record("ann", [say("r0", "1")])
    team.record("bob", [say("r1", "2")])
    bulk = say("", "3", Action.RELABEL)
    team.store.record_bulk(replace(bulk, annotator="ann"), [("r4", "cat", "dog"), ("r5", "cat", "dog")])
    team.record("ann", [replace(say("", "4", Action.UNDO), given_label="", undoes="3")])
    found = team.timeline("ann", "pets")
    assert [(s["op_id"], s["n"]) for s in found["done"]] == [("1", 1)]
    assert [(s["op_id"], s["undoes"]) for s in found["undone"]] == [("4", "3")]
    team.record("ann", [replace(say("", "5", Action.UNDO), given_label="", undoes="4")])
    assert [(s["op_id"], s["n"]) for s in team.timeline("ann", "pets")["done"]] == [("1", 1), ("3", 2)]
    assert set(team.store.in_force("pets")) == {"r0", "r1", "r4", "r5"}


def test_board__rows_with_hidden_suggestions_show_none_anywhere(team: Team) -> None:
    put(team, Plan(hide_suggestions=1.0))
    board = team.board("pets", "ann", Filters())
    frame = issue_rows(board, np.array([0]), {})
    assert frame.loc["r0", ["suggested", "why"]].tolist() == ["", "Hidden in this review."]
    assert items.suggestion_of(team.board("pets", "ada", Filters()), 0) == "dog"


def test_history__blind_is_ones_own(team: Team) -> None:
    put(team, Plan(share=1.0))
    team.record("ann", [change("r0", "1")])
    assert team.history("pets", "bob", "r0") == []
    assert team.standings_of("pets", "bob", ["r0"]) == {}
    assert [e.op_id for e in team.history("pets", "ann", "r0")] == ["1"]
    assert set(team.standings_of("pets", "ada", ["r0"])) == {"r0"}


# --- the class list ---------------------------------------------------------------------------------


def test_record__a_class_and_the_first_row_that_gets_it_come_together(team: Team) -> None:
    added = replace(say("", "1", Action.CLASS, detail='{"add": "fish"}'), given_label="")
    told = team.record("ada", [added, say("r0", "2", Action.RELABEL, label="fish")])
    assert [r.refused for r in told] == ["", ""]
    assert team.desk.classes("pets").names == ("cat", "dog", "fish")
    assert team.record("ada", [added])[0].seq == told[0].seq
    assert "already" in team.record("ada", [replace(added, op_id="3")])[0].refused
    assert team.record("ann", [say("r1", "4", Action.RELABEL, label="fish")])[0].refused == ""
    assert "not a class" in team.record("ann", [say("r2", "5", Action.RELABEL, label="cow")])[0].refused


def test_page__shows_the_names_of_now_and_keeps_those_of_the_data(team: Team) -> None:
    def named(op_id: str, detail: str) -> Decision:
        return replace(say("", op_id, Action.CLASS, detail=detail), given_label="")

    renamed = named("1", '{"rename": "cat", "to": "feline"}')
    assert team.record("ada", [renamed])[0].refused == ""
    item = team.page("ann", "pets", Filters(), n=1)["items"][0]
    assert (item["given"], item["given_name"], item["suggestion"]) == ("cat", "feline", "dog")
    assert item["classes"] == [("dog", 0.8), ("feline", 0.2)]
    merged = replace(
        say("", "2", Action.CLASS, detail='{"merge": ["feline", "dog"], "to": "dog"}'), given_label=""
    )
    assert team.record("ada", [merged])[0].refused == ""
    item = team.page("ann", "pets", Filters(), n=1)["items"][0]
    assert (item["given_name"], item["suggestion"], item["classes"]) == ("dog", None, [("dog", 1.0)])
    assert team.record("ann", [say("r0", "3")])[0].refused == ""


# --- where a queue starts ---------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["", "undecided", "needs_review", "disagreed", "decided"])
@pytest.mark.parametrize(
    "plan", [Plan(), Plan(looks=2, share=0.5, blind=False), Plan(looks=2, changes=True, blind=False)]
)
def test_first_waiting__passes_over_done_rows_as_one_by_one(
    team: Team, monkeypatch: pytest.MonkeyPatch, plan: Plan, state: str
) -> None:
    monkeypatch.setattr(look, "_AT_ONCE", 3)
    put(team, plan)
    for row in range(7):
        team.record("ann", [change(f"r{row}", f"ann{row}") if row % 2 else say(f"r{row}", f"ann{row}")])
    team.record("bob", [say("r1", "bob1"), say("r5", "bob5", Action.NEEDS_REVIEW)])
    team.record("ann", [say("r3", "back", Action.UNDO, undoes="ann3")])
    team.record("bob", [say("r8", "bob8", Action.NEEDS_REVIEW), say("r9", "bob9", Action.EXCLUDE)])
    for person in ("ann", "bob", "ada"):
        seen = team.look("pets", person, Filters(state=state))
        positions = np.arange(ROWS)[::-1]
        browsing = state == "decided"
        waits = [browsing or (seen.free(p) and seen.waits(p)) for p in positions.tolist()]
        own = [any(e.annotator == person for e in team.store.history("pets", f"r{p}")) for p in range(ROWS)]
        assert [seen.standings.has_event_of(f"r{p}", person) for p in range(ROWS)] == own
        for at in range(ROWS + 1):
            expected = next((rank for rank in range(at, ROWS) if waits[rank]), ROWS)
            assert seen.first_waiting(positions, at) == expected


def of_page(team: Team, person: str = "ann", n: int = 50) -> list[dict[str, Any]]:
    return team.page(person, "pets", Filters(), n=n)["items"]


def test_page__mixes_random_rows_into_the_queue_and_tells_nobody_which(team: Team) -> None:
    put(team, Plan(audit=0.5))
    dealt = team.dealt("pets", "ann", Filters())
    assert 0 < dealt.drawn.sum() < len(dealt.positions) == ROWS
    shown = of_page(team)
    assert [item["row_id"] for item in shown] == [f"r{p}" for p in dealt.positions]
    for item, drawn in zip(shown, dealt.drawn, strict=True):
        assert (item["suggestion"] is None) == drawn == (not item["why"])
        assert item["hidden"] == drawn and len(item["mark"]) == 24
        assert bool(team.neighbours("ann", "pets", Filters(), item["row_id"])["why"]) == (not drawn)
    team.claims.release("pets", "ann")
    # Owners see suggestions that a plan hides, but a random row is random for everybody.
    assert [item["hidden"] for item in of_page(team, "eve")] == dealt.drawn.tolist()
    tiles = queue_tiles(team, "ann", "pets", Filters())["tiles"]
    assert [tile["suggestion"] is None for tile in tiles] == dealt.drawn.tolist()


def test_record__stores_where_the_row_came_from_and_its_score(team: Team) -> None:
    put(team, Plan(audit=0.5))
    dealt = team.dealt("pets", "ann", Filters())
    drawn = {f"r{p}" for p in dealt.positions[dealt.drawn]}
    events = [
        say(i["row_id"], i["row_id"], shown=json.dumps({"find": "label_issues", "mark": i["mark"]}))
        for i in of_page(team)
    ]
    assert not any(r.refused for r in team.record("ann", events))
    stored = {row: json.loads(d.shown) for row, d in team.store.in_force("pets").items()}
    assert {row for row, told in stored.items() if told["source"] == "audit"} == drawn
    assert all(0 <= told["score"] <= 0.5 and "mark" not in told for told in stored.values())


def test_dealt__of_a_narrowed_queue_draws_nothing_and_of_an_audit_everything(team: Team) -> None:
    put(team, Plan(audit=0.5))
    assert not team.dealt("pets", "ann", Filters(q="1")).drawn.any()
    audit = team.dealt("pets", "ann", Filters(sort="random"))
    assert audit.drawn.all() and len(audit.positions) == ROWS
    put(team, Plan())
    assert not team.dealt("pets", "ann", Filters()).drawn.any()
    assert team.dealt("pets", "ann", Filters(sort="random")).drawn.all()


def test_record__pairs_of_rows_that_are_there_can_be_judged_and_undone(team: Team) -> None:
    good, gone = (pair_event("pets", "ann", "rows", [("r1", row, "different")]) for row in ("r2", "r99"))
    receipts = team.record("ann", [good, gone])
    assert [r.refused for r in receipts] == ["", "Row r99 is not in this project."]
    classes = [pair_event("pets", "ann", "classes", [("cat", name, "different")]) for name in ("dog", "cow")]
    refused = [r.refused for r in team.record("ann", classes)]
    assert refused == ["", "There is no class 'cow' in this project."]
    bad = Decision("pets", "", Action.PAIR, "ann", "", "bad", detail='{"rows": [["r1", "r1", "same"]]}')
    assert team.record("ann", [bad])[0].refused == "A pair is of two; both are 'r1'."
    steps = team.timeline("ann", "pets")["done"]
    assert [step["action"] for step in steps] == ["pair", "pair"]
    undo = Decision("pets", "", Action.UNDO, "ann", "", "undo", undoes=good.op_id)
    assert team.record("ann", [undo])[0].refused == ""
    assert [step["op_id"] for step in team.timeline("ann", "pets")["done"]] == [classes[0].op_id]
