from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.identity import remember_name
from core.review.claims import Claims
from core.review.decisions import Action, Decision
from core.review.people import People, Role
from core.review.plan import Plan, plan_event
from core.review.store import Store
from core.settings import Settings
from core.team import shared_team
from core.workspace import Workspace, shared_workspace
from pages.parts import session, team_acts
from tests.conftest import make_dataset
from tests.pages.conftest import HOSTILE, Open, likely, save, words

TABS = ("progress", "disagreements", "agreement", "people", "plan", "history")
LABELS = [0, 1] * 20
BLIND = json.dumps({"blind": True})
EVIL = "<b>bob</b> :red[x] www.evil.test"


@pytest.fixture(scope="module")
def nothing_decided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """pets and hostile: 40 rows, 4 of them flagged. The visitor is ann."""
    root = tmp_path_factory.mktemp("team")
    made = Workspace(Settings(root, (root,), "", ""))
    save(made, make_dataset(LABELS), likely(LABELS, {1, 4, 9, 16}))
    save(made, make_dataset(LABELS, HOSTILE, "hostile"), likely(LABELS, {1, 4, 9, 16}))
    remember_name(made, "ann")
    return root


@pytest.fixture
def workspace(nothing_decided: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace of each test's own, since what is decided in it stays."""
    root = shutil.copytree(nothing_decided, tmp_path / "workspace")
    monkeypatch.setenv("LABELMEND_WORKSPACE", str(root))
    monkeypatch.delenv("LABELMEND_ANNOTATOR", raising=False)
    shared_workspace.cache_clear()
    session.jobs.clear()
    st.cache_resource.clear()  # the sums of another workspace's data set of this name
    yield shared_workspace()
    shared_workspace.cache_clear()


@pytest.fixture
def store(workspace: Workspace) -> Store:
    return shared_team(workspace).store


@pytest.fixture
def as_role(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Callable[[Role], None]:
    """From now on everybody has this role, as somebody who signed in has."""

    def change(role: Role) -> None:
        team = shared_team(workspace)
        monkeypatch.setattr(team, "_people", People(team.store, role))
        team.__dict__.pop("people", None)
        monkeypatch.setattr(session, "role", lambda: role)

    return change


def verdict(
    row: int,
    who: str,
    action: Action = Action.KEEP,
    label: str | None = None,
    dataset: str = "pets",
    **more: object,
) -> Decision:
    classes = HOSTILE if dataset == "hostile" else ("cat", "dog")
    op_id = f"{who}-{row}-{action}-{label}"[:60]
    return Decision(
        dataset, f"r{row}", action, who, classes[LABELS[row]], op_id, label, shown=BLIND, **more  # type: ignore[arg-type]
    )  # fmt: skip


def say(store: Store, *events: Decision) -> None:
    assert [r.refused for r in store.record(events)] == [""] * len(events)


def tables(app: AppTest) -> str:
    return "\n".join(frame.value.to_csv() for frame in app.dataframe)


@pytest.mark.parametrize("tab", TABS)
def test_team__every_tab_opens_where_nothing_has_happened(open_page: Open, tab: str) -> None:
    app = open_page("team", ds="pets", tab=tab)
    assert "**0 of 4** done · **0** second looks waiting · **0** disagreements" in words(app)


def test_progress__counts_the_queue_and_shows_who_decided(open_page: Open, store: Store) -> None:
    say(store, verdict(1, "ann"), verdict(4, "bob"), verdict(4, "ann", Action.EXCLUDE), verdict(0, "bob"))
    app = open_page("team", ds="pets")
    assert "**1 of 4** done · **0** second looks waiting · **1** disagreement" in words(app)
    assert {m.label: m.value for m in app.metric} == {
        "Done": "1",
        "Second looks waiting": "0",
        "Disagreements": "1",
        "Needs review": "0",
        "Not begun": "2",
    }
    assert "1 row outside the queue has a decision." in words(app)
    assert app.dataframe[0].value[["Who", "Rows"]].values.tolist() == [["ann", 2], ["bob", 2]]


def test_progress__an_annotator_sees_their_own_count_and_the_sum_of_the_others(
    open_page: Open, store: Store, as_role: Callable[[Role], None]
) -> None:
    as_role(Role.ANNOTATOR)
    say(store, verdict(1, "ann"), verdict(4, "bob"), verdict(9, "cy"))
    shown = words(open_page("team", ds="pets"))
    assert "You: 1 row decided." in shown
    assert "2 others: 2 rows." in shown
    assert "bob" not in shown


def test_disagreements__both_answers_without_names_until_a_final_word(open_page: Open, store: Store) -> None:
    say(store, verdict(1, "bob"), verdict(1, "cy", Action.RELABEL, "cat"))
    app = open_page("team", ds="pets", tab="disagreements")
    line = app.dataframe[0].value.iloc[0]
    assert line[["row", "given", "model", "A", "B"]].tolist() == [2, "dog", "cat 90%", "dog (kept)", "cat"]
    assert "bob" not in tables(app) + words(app)
    assert "Decide this 1" in words(app)
    say(store, verdict(1, "eve", Action.KEEP, final=True))
    app = open_page("team", ds="pets", tab="disagreements")
    app.button_group(key="team_which").set_value("ended").run()
    line = app.dataframe[0].value.iloc[0]
    assert line[["answers", "final"]].tolist() == ["bob: dog (kept) · cy: cat", "eve: dog (kept)"]


def test_agreement__says_how_many_rows_are_missing_and_what_was_left_out(
    open_page: Open, store: Store
) -> None:
    say(store, verdict(1, "ann"), verdict(1, "bob"))
    seen = Decision("pets", "r4", Action.KEEP, "bob", "cat", "seen", based_on=3)
    say(store, verdict(4, "ann"), seen)
    shown = words(open_page("team", ds="pets", tab="agreement"))
    assert "Too few shared rows (1 of 30)." in shown
    assert "1 answer is left out: given after seeing another's." in shown


def test_agreement__alpha_and_pairs_once_there_are_enough_rows(open_page: Open, store: Store) -> None:
    for row in range(32):
        other = ("cat", "dog")[1 - LABELS[row]]
        differs = row % 8 == 0
        say(
            store,
            verdict(row, "ann"),
            verdict(row, "bob", Action.RELABEL if differs else Action.KEEP, other if differs else None),
        )
    app = open_page("team", ds="pets", tab="agreement")
    assert app.metric[0].value == "0.75"
    assert "No interval. Too few double-read rows (32 of 100)." in words(app)
    assert "seed 0" in words(app)
    pair = app.dataframe[0].value.iloc[0]
    assert (pair["annotator_a"], pair["annotator_b"], pair["rows"], round(pair["kappa"], 2)) == (
        "ann",
        "bob",
        32,
        0.75,
    )
    assert app.dataframe[1].value[["class_a", "class_b", "rows"]].values.tolist() == [["cat", "dog", 4]]


@pytest.mark.parametrize("tab", TABS)
def test_blind__an_annotator_learns_no_answer_of_others_from_any_tab(
    open_page: Open, store: Store, as_role: Callable[[Role], None], tab: str
) -> None:
    say(store, plan_event("pets", "eve", Plan(share=1.0)))
    note = Decision("pets", "r1", Action.NOTE, "bob", "dog", "n", detail='{"text": "surely a zebra"}')
    say(store, verdict(1, "bob", Action.RELABEL, "cat"), verdict(1, "cy"), note, verdict(9, "ann"))
    for row in range(32):
        say(store, *(verdict(row, who, Action.EXCLUDE) for who in ("dee", "fay")))
    as_role(Role.ANNOTATOR)
    app = open_page("team", ds="pets", tab=tab)
    shown = words(app) + tables(app)
    for name in ("bob", "cy", "dee", "fay", "zebra", "changed", "excluded"):
        assert name not in shown
    assert "disagreement" in words(app)
    if tab in ("disagreements", "agreement", "history"):
        assert "The review is blind" in words(app)
    if tab == "history":
        assert app.dataframe[0].value["who"].tolist() == ["ann", "eve"]


def test_blind__an_adjudicator_sees_everything(
    open_page: Open, store: Store, as_role: Callable[[Role], None]
) -> None:
    say(store, plan_event("pets", "eve", Plan(share=1.0)), verdict(1, "bob"))
    as_role(Role.ADJUDICATOR)
    app = open_page("team", ds="pets", tab="history")
    assert app.dataframe[0].value["who"].tolist() == ["bob", "eve"]
    assert not [b for b in app.button if "Write" in b.label]


@pytest.mark.parametrize("role", [Role.NOBODY, Role.VIEWER])
def test_team__is_closed_to_who_may_not_review(
    open_page: Open, store: Store, as_role: Callable[[Role], None], role: Role
) -> None:
    say(store, verdict(1, "bob"))
    as_role(role)
    shown = words(open_page("team", ds="pets"))
    assert "done" not in shown
    assert "Ask a data lead." in shown


def test_plan__is_for_owners(open_page: Open, as_role: Callable[[Role], None]) -> None:
    as_role(Role.ADJUDICATOR)
    app = open_page("team", ds="pets", tab="plan")
    assert "What this means" not in words(app)


def test_plan__saying_what_it_means_and_saving_it_is_one_event(open_page: Open, store: Store) -> None:
    app = open_page("team", ds="pets", tab="plan")
    assert "Each of 4 rows in the queue gets one look" in words(app)
    share = next(n for n in app.number_input if "by lot" in n.label)
    app = share.set_value(100.0).run()
    assert "4 of 4 rows in the queue get 2 looks by different people" in words(app)
    app = next(b for b in app.button if b.label == "Save this plan").click().run()
    assert not app.exception
    (event,) = store.events("pets")
    assert (event.action, event.annotator, event.details["share"]) == (Action.PLAN, "ann", 1.0)
    assert shared_team(shared_workspace()).plan("pets").share == 1.0
    assert next(b for b in app.button if b.label == "Save this plan").disabled


def test_plan__rows_given_to_people_are_one_event_that_can_be_taken_back(
    open_page: Open, store: Store
) -> None:
    app = open_page("team", ds="pets", tab="plan")
    app = app.multiselect(key="assign_to_pets").set_value(["ann"]).run()
    app = next(b for b in app.button if b.label == "Give 4 rows to 1 person").click().run()
    (event,) = store.events("pets")
    assert sorted(event.details["members"]) == [[f"r{i}", ["ann"]] for i in (1, 16, 4, 9)]
    assert "ann: 4 rows given to ann" in words(app)
    app = next(b for b in app.button if b.label == "Take back 4 rows").click().run()
    assert store.events("pets")[-1].undoes == event.op_id
    assert "4 rows given to ann" not in words(app)


def test_people__own_claims_can_be_released_and_those_of_others_by_an_adjudicator(
    open_page: Open, store: Store, as_role: Callable[[Role], None]
) -> None:
    claims = Claims(store.database)
    claims.take("pets", "bob", ["r1", "r4"])
    claims.take("pets", "ann", ["r9"])
    as_role(Role.ANNOTATOR)
    app = open_page("team", ds="pets", tab="people")
    assert [b.label for b in app.button if "Release" in b.label] == ["Release 1 row"]
    as_role(Role.ADJUDICATOR)
    app = open_page("team", ds="pets", tab="people")
    app.button(key="release_bob").click().run()
    assert {c.annotator for c in claims.held("pets").values()} == {"ann"}


def test_people__the_handler_checks_the_role_again(
    open_page: Open, store: Store, as_role: Callable[[Role], None]
) -> None:
    claims = Claims(store.database)
    claims.take("pets", "bob", ["r1"])
    app = open_page("team", ds="pets", tab="people")  # an owner's page, with the button on it
    as_role(Role.ANNOTATOR)
    app = app.button(key="release_bob").click().run()
    assert "Your role is annotator; this needs adjudicator." in words(app).replace("\\", "")
    assert set(claims.held("pets")) == {"r1"}


def test_history__undo_and_bring_back_are_events(open_page: Open, store: Store) -> None:
    say(store, verdict(1, "ann"))
    app = open_page("team", ds="pets", tab="history")
    app = next(b for b in app.button if b.label == "Undo this").click().run()
    assert not app.exception
    assert store.in_force("pets") == {}
    assert app.dataframe[0].value["what"].tolist() == ["undid: kept", "kept"]
    app = next(b for b in app.button if b.label == "Bring back").click().run()
    assert set(store.in_force("pets")) == {"r1"}
    assert app.dataframe[0].value["what"].tolist() == ["brought back: kept", "undid: kept", "kept"]


def test_history__others_events_and_plans_have_no_undo(open_page: Open, store: Store) -> None:
    say(store, plan_event("pets", "ann", Plan()))
    assert not [b for b in open_page("team", ds="pets", tab="history").button if "Undo" in b.label]
    say(store, verdict(1, "bob"))
    assert not [b for b in open_page("team", ds="pets", tab="history").button if "Undo" in b.label]


def test_history__a_bulk_decision_is_one_line_that_opens_its_rows(open_page: Open, store: Store) -> None:
    event = Decision("pets", "", Action.EXCLUDE, "ann", "", "bulk")
    store.record_bulk(event, [(f"r{i}", ("cat", "dog")[LABELS[i]], None) for i in range(3)])
    app = open_page("team", ds="pets", tab="history")
    assert app.dataframe[0].value["what"].tolist() == ["3 rows excluded"]
    assert app.dataframe[1].value.values.tolist() == [
        ["r0", "cat", "excluded"],
        ["r1", "dog", "excluded"],
        ["r2", "cat", "excluded"],
    ]
    assert "3 of 3 rows" in words(app)
    next(b for b in app.button if b.label == "Undo 3 rows").click().run()
    assert store.in_force("pets") == {}


def test_history__filters_are_in_the_address(open_page: Open, store: Store) -> None:
    say(store, verdict(1, "ann"), verdict(4, "bob"), verdict(4, "ann", Action.EXCLUDE))
    app = open_page("team", ds="pets", tab="history", h_who="ann", h_what="exclude", h_row="r4")
    assert app.dataframe[0].value[["who", "row"]].values.tolist() == [["ann", "r4"]]
    app = open_page("team", ds="pets", tab="history", h_day="2001-01-01")
    assert "No events match." in words(app)
    for nonsense in ({"h_who": "nobody"}, {"h_what": "x"}, {"h_day": "x"}, {"page": "99"}):
        assert len(open_page("team", ds="pets", tab="history", **nonsense).dataframe[0].value) == 3


def test_history__writes_what_matches_as_a_file(open_page: Open, store: Store, workspace: Workspace) -> None:
    say(store, verdict(1, "ann"), verdict(4, "bob"))
    app = open_page("team", ds="pets", tab="history", h_who="bob")
    app = next(b for b in app.button if b.label == "Write 1 event as JSON Lines").click().run()
    written = workspace.exports("pets") / "pets.history.jsonl"
    assert [json.loads(line)["annotator"] for line in written.read_text().splitlines()] == ["bob"]
    (link,) = app.get("link_button")
    assert link.proto.url.startswith("/labelmend/exports/pets/pets.history.jsonl?token=")


def test_since_last_visit__sums_up_what_others_did(open_page: Open, store: Store) -> None:
    say(store, verdict(0, "ann"))
    assert "Since your last visit" not in words(open_page("team", ds="pets"))
    assert "Since your last visit: nothing new from others." in words(open_page("team", ds="pets"))
    say(store, verdict(1, "bob"), verdict(4, "bob"), verdict(4, "cy", Action.EXCLUDE), verdict(9, "ann"))
    said = "Since your last visit: 3 decisions by 2 people, 1 disagreement."
    app = open_page("team", ds="pets")
    assert said in words(app)
    assert said in words(app.run())  # the same visit


@pytest.mark.parametrize("tab", TABS)
def test_team__hostile_labels_names_and_notes_stay_text(open_page: Open, store: Store, tab: str) -> None:
    note = Decision(
        "hostile", "r1", Action.NOTE, EVIL, HOSTILE[1], "n", detail=json.dumps({"text": HOSTILE[0]})
    )
    say(
        store,
        verdict(1, EVIL, Action.RELABEL, HOSTILE[0], "hostile"),
        verdict(1, "ann", Action.EXCLUDE, None, "hostile"),
        note,
    )
    Claims(store.database).take("hostile", EVIL, ["r4"])
    app = open_page("team", ds="hostile", tab=tab)
    marked = "\n".join(str(e.value) for kind in ("markdown", "title", "subheader") for e in app.get(kind))
    for text in (EVIL, *HOSTILE):
        assert text not in marked
        assert all(text not in b.label for b in app.button)


def test_bounds__are_those_of_the_visitors_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(team_acts, "zone", lambda: ZoneInfo("Europe/Berlin"))
    summer_begins = date(2025, 3, 30)  # a day of 23 hours
    assert team_acts.bounds(summer_begins) == (
        "2025-03-29T23:00:00.000+00:00",
        "2025-03-30T22:00:00.000+00:00",
    )
    assert team_acts.moment("2025-03-29T23:30:00.000+00:00") == "30 Mar 2025 00:30"
