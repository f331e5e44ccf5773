from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core import gates
from core.bulk import Wish
from core.corrections import correct, preview
from core.desk import Desk
from core.errors import InputError
from core.evidence.gate import Word
from core.evidence.log import review_log
from core.exporting import log_entry
from core.issues import Result, issue_table
from core.loading import Prepared
from core.predictions import Predictions
from core.review.decisions import VERDICTS, Action, Decision
from core.review.people import NotPermitted, People, Role
from core.review.policy import ABOUT, outcomes
from core.review.queue import Filters
from core.review.spot_checks import Gate
from core.settings import Settings
from core.source import Source
from core.team import Team
from core.trail import Wanted, page_of_events
from core.workspace import Project, Workspace
from tests.conftest import make_dataset

ROWS = 1000
"""Every row is a cat that the check takes for a dog."""
Make = Callable[..., Team]


@pytest.fixture
def make_team(tmp_path: Path, store_url: str) -> Iterator[Make]:
    """Makes a team over `rows` cats that are suggested to be dogs; called again, as another process would."""
    made: list[Team] = []

    def results(project: Project) -> dict[str, Result]:
        n = len(project.dataset)
        table = issue_table(project.dataset, np.linspace(0, 0.4, n), np.ones(n, bool), np.ones(n, int))
        return {"label_issues": Result(table, {"flagged": n, "estimator": "test"})}

    def make(rows: int = ROWS) -> Team:
        workspace = Workspace(Settings(tmp_path / "ws", (tmp_path,), store_url, "ann"))
        if "pets" not in workspace.names():
            dataset = make_dataset([0] * rows)
            source = Source(tmp_path / "p.csv", "csv", "0" * 64, 0)
            workspace.save(Prepared(dataset, Predictions(), source, ()))
        desk = Desk(workspace, results)
        made.append(Team(desk, People(desk.store, Role.OWNER)))
        return made[-1]

    yield make
    for team in made:
        team.store.close()


def opened(team: Team, promise: float = 0.05, **more: object) -> Gate:
    wish = Wish("pets", Filters(), Action.RELABEL, **more)  # type: ignore[arg-type]
    made = gates.open_check(team, "lead", wish, promise, 0.95, "cats of the shop")
    return gates.gate_named(team, "pets", made)


def answer(
    team: Team, gate: Gate, n: int, wrong: int | Action = 0, who: str = "bea", rows: int = 40
) -> list[Decision]:
    """n answers through the queue as the surface gives it; the first `wrong` of them keep the given label."""
    sent: list[Decision] = []
    while len(sent) < n:
        filters = Filters(gate=gate.id)
        page = team.page(who, "pets", filters, n=min(rows, n - len(sent)))
        before = len(sent)
        for item in page["items"]:
            assert item["hidden"] and item["suggestion"] is None and item["why"] == [] == item["checks"]
            keeps = isinstance(wrong, Action) or len(sent) < wrong
            action = wrong if isinstance(wrong, Action) else Action.KEEP if keeps else Action.RELABEL
            label = "dog" if action is Action.RELABEL else None
            shown = json.dumps({"mark": item["mark"], "find": "label_issues"})
            op = f"{gate.id[:8]}{who}{len(sent)}-{item['row_id']}-{item['seen']}"
            sent.append(Decision("pets", item["row_id"], action, who, "cat", op, label, shown=shown))
        assert {r.refused for r in team.record(who, sent[before:])} == {""}
    return sent


def undo(team: Team, event: Decision, who: str) -> None:
    (receipt,) = team.record(who, [Decision(
        "pets", event.row_id, Action.UNDO, who, event.given_label, f"u{event.op_id}"[:64], undoes=event.op_id
    )])  # fmt: skip
    assert receipt.refused == ""


def verdict(team: Team, gate: Gate) -> tuple[Word, int, int]:
    found = gates.check_of(team, "pets", gates.gate_named(team, "pets", gate.id)).verdict
    return found.word, found.rows, found.wrong


def said(team: Team, gate: Gate) -> str:
    return gates.state_in_words(gates.check_of(team, "pets", gates.gate_named(team, "pets", gate.id)))


def test_check__of_right_fixes_accepts_at_the_published_row_and_not_before(make_team: Make) -> None:
    team = make_team()
    gate = opened(team)
    assert gates.cost_in_words(ROWS, 0.05, 0.05).startswith("With no fix wrong, 68 rows of 1,000 read blind")
    answer(team, gate, 67)
    assert verdict(team, gate) == (Word.OPEN, 67, 0)
    assert said(team, gate) == (
        "67 of 1,000 fixes checked blind, 0 wrong. 1 more are enough to accept the batch if none of them is "
        "wrong; at 360 it is given up."
    )
    assert gates.over_in_words(team, "pets", gate) == ""
    answer(team, gate, 1, rows=1)
    assert verdict(team, gate) == (Word.ACCEPT, 68, 0)
    assert said(team, gate) == (
        "68 of 1,000 fixes checked blind, 0 wrong: at most 5% of this batch is wrong (95%)."
    )
    assert gates.over_in_words(team, "pets", gate) == "This check is over: 68 rows checked."


def test_check__of_two_wrong_fixes_at_once_refuses_at_row_2(make_team: Make) -> None:
    team = make_team()
    gate = opened(team)
    answer(team, gate, 2, wrong=2)
    assert verdict(team, gate) == (Word.REFUSE, 2, 2)
    assert said(team, gate).startswith("2 of 1,000 fixes checked blind, 2 wrong: refused.")
    with pytest.raises(InputError, match="has not accepted"):
        gates.apply_fixes(team, "lead", "pets", gate, "op")


@pytest.mark.parametrize("action", [Action.AMBIGUOUS, Action.NEEDS_REVIEW, Action.EXCLUDE])
def test_check__any_answer_but_the_suggested_label_is_a_wrong_fix(make_team: Make, action: Action) -> None:
    team = make_team()
    gate = opened(team)
    answer(team, gate, 2, wrong=action)
    assert verdict(team, gate) == (Word.REFUSE, 2, 2)


def test_check__draws_by_lot_and_anew_for_each(make_team: Make) -> None:
    team = make_team(60)
    one, two = opened(team), opened(team)
    assert sorted(one.order) == sorted(two.order) == sorted(one.batch)
    assert one.order != two.order and one.order != tuple(one.batch)
    again = gates.gate_named(make_team(), "pets", one.id)  # another process
    assert again.order == one.order and again.replaced


def test_check__an_undone_answer_opens_it_again_and_the_row_is_asked_first(make_team: Make) -> None:
    team = make_team()
    gate = opened(team)
    sent = answer(team, gate, 68)
    undo(team, sent[10], "bea")
    assert verdict(team, gate) == (Word.OPEN, 10, 0)
    page = team.page("bea", "pets", Filters(gate=gate.id), n=3)
    assert next(i["row_id"] for i in page["items"] if i["waits"]) == sent[10].row_id
    answer(team, gate, 1, rows=11)
    assert verdict(team, gate)[0] is Word.ACCEPT


def test_check__of_two_people_reads_their_answers_in_the_order_of_the_draw(make_team: Make) -> None:
    team = make_team()
    gate = opened(team)
    first = team.page("bea", "pets", Filters(gate=gate.id), n=12)["items"]
    answer(team, gate, 20, who="cy")
    assert not {i["row_id"] for i in first} & set(team.store.standings("pets"))
    assert verdict(team, gate) == (Word.OPEN, 0, 0)  # bea's rows come before
    answer(team, gate, 12, who="bea")
    assert verdict(team, gate) == (Word.OPEN, 32, 0)


def test_check__survives_a_kill_between_any_two_steps(make_team: Make) -> None:
    team = make_team()
    gate = opened(team)
    answer(team, gate, 30)
    team = make_team()
    assert verdict(team, gate) == (Word.OPEN, 30, 0)
    answer(team, gate, 38)
    team = make_team()
    assert verdict(team, gate) == (Word.ACCEPT, 68, 0)
    assert len(team.store.standings("pets")) == 68  # accepted, and not applied
    assert gates.apply_fixes(team, "lead", "pets", gate, "op").changed == 932
    again = gates.apply_fixes(make_team(), "lead", "pets", gate, "op")  # the answer to the first was lost
    assert again.receipt.refused == "" and len(team.store.events("pets", actions=[Action.RELABEL])) == 69


def test_apply__is_one_event_without_checked_and_decided_rows_and_is_undone_as_one(make_team: Make) -> None:
    team = make_team()
    gate = opened(team)
    answer(team, gate, 80, wrong=1)
    assert verdict(team, gate)[0] is Word.OPEN
    answer(team, gate, 46)
    assert verdict(team, gate) == (Word.ACCEPT, 126, 1)
    other = next(row for row in gate.batch if row not in team.store.standings("pets"))
    team.record("cy", [Decision("pets", other, Action.KEEP, "cy", "cat", "by itself")])
    applied = gates.apply_fixes(team, "lead", "pets", gate, "op")
    assert gates.applied_in_words(applied) == "873 rows changed."
    in_force = team.store.in_force("pets")
    assert len(in_force) == 1000 and in_force[other].action is Action.KEEP
    assert in_force[gate.order[0]].annotator == "bea" and in_force[gate.order[0]].action is Action.KEEP
    check = gates.check_of(team, "pets", gate)
    assert (check.left, check.fixed, check.verdict.word) == (0, 873, Word.ACCEPT)
    assert gates.accepted_unread([check]) == (
        "873 rows of them got their label unread, accepted by a spot check."
    )
    (step,) = [s for s in team.timeline("lead", "pets")["done"] if not s["row_id"]]
    assert (step["op_id"], step["n"]) == ("op", 873)
    undo(team, Decision("pets", "", Action.RELABEL, "lead", "", "op"), "lead")
    check = gates.check_of(team, "pets", gate)
    assert (check.left, check.fixed, check.verdict.word) == (873, 0, Word.ACCEPT)


def test_apply__leaves_rows_in_others_hands_and_those_of_another_label_alone(make_team: Make) -> None:
    team = make_team(100)
    gate = opened(team)
    answer(team, gate, 45, rows=45)
    assert verdict(team, gate)[0] is Word.ACCEPT
    team.page("cy", "pets", Filters(), n=5)
    told = gates.apply_fixes(team, "lead", "pets", gate, "op")
    assert told.receipt.left and gates.applied_in_words(told).endswith("held by others: left alone.")
    assert told.changed == 100 - len(team.store.events("pets", actions=[Action.RELABEL])) + 1 - len(
        told.receipt.left
    )


def test_check__a_row_decided_elsewhere_has_left_the_batch(make_team: Make) -> None:
    team = make_team()
    gate = opened(team)
    gone = gate.order[:400]
    events = [Decision("pets", r, Action.KEEP, "cy", "cat", f"e{r}") for r in gone]
    team.record("cy", events)
    answer(team, gate, 65, rows=65)
    found = gates.check_of(team, "pets", gate).verdict
    assert (found.word, found.rows, found.wrong, found.batch) == (Word.ACCEPT, 65, 0, 600)


def test_open__halves_alpha_for_every_check_of_these_rows_that_failed(make_team: Make) -> None:
    team = make_team()
    gate = opened(team)
    assert (gate.alpha, gate.tries, gate.replaces) == (0.05, 0, ())
    answer(team, gate, 2, wrong=2)
    second = gates.gate_named(team, "pets", gates.open_again(team, "lead", "pets", gate))
    assert (second.alpha, second.tries, len(second.batch)) == (0.025, 1, 998)
    assert not {*gate.order[:2]} & {*second.batch}
    answer(team, second, 3)
    third = opened(team)  # from the filters: the rows are the same
    assert (third.alpha, third.tries, third.replaces) == (0.0125, 2, (second.id,))
    assert gates.gate_named(team, "pets", second.id).replaced
    assert gates.over_in_words(team, "pets", gates.gate_named(team, "pets", second.id)) != ""
    assert verdict(team, third)[0] is Word.OPEN


def test_open__is_refused_without_rows_or_with_numbers_that_mean_nothing(make_team: Make) -> None:
    team = make_team(5)
    wish = Wish("pets", Filters(), Action.RELABEL)
    for promise, confidence in ((0.6, 0.95), (-0.1, 0.95), (0.05, 1.0), (0.05, 0.2)):
        with pytest.raises(InputError, match=r"promise|confidence"):
            gates.open_check(team, "lead", wish, promise, confidence, "x")
    with pytest.raises(InputError, match="no row would change"):
        gates.open_check(team, "lead", replace(wish, label="cat"), 0.05, 0.95, "x")
    with pytest.raises(InputError, match="no such spot check"):
        team.page("bea", "pets", Filters(gate="none"))


def test_roles__an_owner_opens_an_adjudicator_applies(make_team: Make) -> None:
    team = make_team(100)
    gate = opened(team)
    answer(team, gate, 45)
    low = Team(team.desk, People(team.store, Role.ANNOTATOR))
    middle = Team(team.desk, People(team.store, Role.ADJUDICATOR))
    wish = Wish("pets", Filters(), Action.RELABEL)
    with pytest.raises(NotPermitted):
        gates.open_check(middle, "x", wish, 0.05, 0.95, "x")
    with pytest.raises(NotPermitted):
        gates.open_again(middle, "x", "pets", gate)
    with pytest.raises(NotPermitted):
        gates.apply_fixes(low, "x", "pets", gate, "op")
    assert gates.apply_fixes(middle, "x", "pets", gate, "op").changed == 55


def test_answers__are_the_checks_only_where_the_server_says_so(make_team: Make) -> None:
    team = make_team()
    gate = opened(team)
    forged = [
        {"mark": f"{gate.id}:{'0' * 24}"},
        {"source": "gate", "gate": gate.id},
        {"mark": f"é{gate.id}:"},
        {"source": "accepted", "gate": gate.id, "checked": 1},
        {"more": {"source": "accepted", "gate": gate.id}},
    ]
    for i, told in enumerate(forged):
        row = gate.order[i]
        event = Decision("pets", row, Action.RELABEL, "x", "cat", f"f{i}", "dog", shown=json.dumps(told))
        assert team.record("x", [event])[0].refused == ""
        (stored,) = team.history("pets", "lead", row)
        assert json.loads(stored.shown)["source"] == "picked" and "spot check" not in stored.reason
    assert verdict(team, gate) == (Word.OPEN, 0, 0)


def test_answers__are_read_rows_and_no_random_draws_of_the_data_set(make_team: Make) -> None:
    team = make_team()
    gate = opened(team)
    answer(team, gate, 5, wrong=2)
    events = team.store.events("pets", actions=(*VERDICTS, Action.UNDO))
    log = review_log(events, team.store.standings("pets"), team.desk.project("pets").dataset)
    assert len(log) == 5 and not log.drawn.any() and log.wrong.sum() == 3


def test_fixes__say_for_ever_how_they_were_accepted(make_team: Make) -> None:
    team = make_team()
    gate = opened(team)
    answer(team, gate, 68)
    gates.apply_fixes(team, "lead", "pets", gate, "op")
    project = team.desk.project("pets")
    about = team.store.events("pets", actions=ABOUT)
    found = correct(
        project.dataset, project.source, outcomes(team.store.standings("pets"), about, project.dataset)
    )
    words = "accepted by spot check: 68 of 1,000 checked, 0 wrong, promise 5% (95%)"
    how = preview(found)["how"].value_counts().to_dict()
    assert how == {words: 932, "1 annotator": 68}
    lines = [log_entry(found, change) for change in found.changes]
    assert {line["reason"] for line in lines} == {words, "checked blind in a spot check"}
    newest = page_of_events(team.store, "pets", Wanted())[0]
    assert newest.words == f"932 rows changed, each to its own class, {words}"
    opening = page_of_events(team.store, "pets", Wanted(actions=(Action.GATE,)))[0]
    assert opening.words == "spot check opened: cats of the shop, 1,000 fixes"


def test_queue__of_a_check_takes_no_verdict_on_many_rows_and_tells_no_suggestion(make_team: Make) -> None:
    from core.bulk import preview as bulk_preview
    from core.tiles import queue_tiles, tiles

    team = make_team(60)
    gate = opened(team)
    filters = Filters.from_query({"gate": gate.id, "sug": "dog", "state": "decided", "sort": "random"})
    assert filters == Filters(gate=gate.id)
    with pytest.raises(InputError, match="one by one"):
        bulk_preview(team, "bea", Wish("pets", filters, Action.RELABEL))
    shown = [*queue_tiles(team, "bea", "pets", filters)["tiles"], *tiles(team, "bea", "pets", filters, [0])]
    assert {tile["suggestion"] for tile in shown} == {None}
    assert team.neighbours("bea", "pets", filters, gate.order[0])["why"] == []
    page = team.page("bea", "pets", filters, n=24)
    assert [i["row_id"] for i in page["items"]] == list(gate.order[:24])
