from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from core.review.decisions import Action
from core.review.people import Role
from core.review.votes import FIRST, SECOND, Round, rounds_of, vote_event
from core.workspace import Workspace
from pages.parts import session
from tests.conftest import make_dataset
from tests.pages.conftest import Open, likely, save, words


@pytest.fixture
def name(workspace: Workspace) -> str:
    """A data set of 40 rows of its own, r1, r4, r9 and r16 flagged."""
    made = f"voted-{len(workspace.names())}"
    labels = [0, 1] * 20
    save(workspace, make_dataset(labels, name=made), likely(labels, {1, 4, 9, 16}))
    return made


def rounds(name: str) -> list[Round]:
    return list(rounds_of(session.store().events(name)).values())


def open_round(app: AppTest, readers: int) -> AppTest:
    app.number_input(key="v_readers").set_value(readers).run()
    [ask] = [b for b in app.button if b.label.startswith("Ask about")]
    return ask.click().run()


def vote(of: Round, who: str, row: str, label: str) -> None:
    [shown] = of.shown([row], who)
    chose = label if label in ("both", "neither") else (FIRST, SECOND)[shown.index(label)]
    [receipt] = session.team().record(who, [vote_event(of.event.dataset, who, of.id, row, shown, chose)])
    assert receipt.refused == ""


def test_validation__a_round_from_opening_to_its_decisions(open_page: Open, name: str) -> None:
    app = open_page("evidence", ds=name, tab="validation")
    assert "4 rows of this queue are flagged with another label suggested." in words(app)
    app = open_round(app, 2)
    assert not app.exception
    [of] = rounds(name)
    assert sorted(of.rows) == ["r1", "r16", "r4", "r9"] and of.readers == 2 and of.queue == "flagged rows"
    card = open_page("evidence", ds=name, tab="validation")
    assert not [b for b in card.button if b.label.startswith("Decide")]  # nothing told while rows wait
    for row, said in {"r1": ("dog", "cat"), "r4": ("dog", "dog"), "r9": ("dog", "dog")}.items():
        for who, label in zip(("bob", "eve"), said, strict=True):
            vote(of, who, row, label)
    vote(of, "ann", "r16", "dog")
    done = open_page("evidence", ds=name, tab="validation")
    said = words(done)
    assert "3 of 4 rows have their 2 votes, 1 more has some of them." in said
    assert "2 of the 3 labels checked are errors: 66.7%" in said
    assert "4 flagged, of which 3 are checked" in said
    assert done.dataframe[0].value["row"].tolist() == ["r9"]  # given label right
    assert done.dataframe[0].value["votes"].tolist() == ["given 2"]


def test_validation__apply_says_what_it_will_do_and_does_it(open_page: Open, name: str) -> None:
    open_round(open_page("evidence", ds=name, tab="validation"), 1)
    [of] = rounds(name)
    for row, label in {"r1": "cat", "r4": "neither", "r9": "both", "r16": "cat"}.items():
        vote(of, "ann", row, label)
    app = open_page("evidence", ds=name, tab="validation", show="results")
    assert "At least 7.50% of the 40 labels are wrong." in words(app)
    assert not [b for b in app.button if b.label.startswith("Decide")]
    app.session_state[f"v_apply_{of.id}"] = True
    app.run()
    said = words(app)
    assert "1 row: correctable, so they get the suggested label." in said
    assert "1 row: multi-label or without agreement, so they are called ambiguous." in said
    assert "1 row: neither label fits" in said and "is right, so it is kept" not in said
    assert app.button(key=f"v_do_{of.id}").label == "Decide 3 rows"
    app.checkbox(key=f"v_keep_{of.id}").set_value(True).run()
    assert "1 row: the given label is right, so it is kept." in words(app)
    app.button(key=f"v_do_{of.id}").click().run()
    assert not app.exception and app.button(key=f"v_do_{of.id}").disabled
    standings = session.store().standings(name)
    assert {row: s.settled.answer for row, s in standings.items() if s.settled} == {
        "r1": (Action.RELABEL, "cat"), "r4": (Action.NEEDS_REVIEW, None), "r9": (Action.AMBIGUOUS, None),
        "r16": (Action.KEEP, None),
    }  # fmt: skip


def test_validation__who_votes_is_told_no_results(
    open_page: Open, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_round(open_page("evidence", ds=name, tab="validation"), 1)
    [of] = rounds(name)
    vote(of, "bob", "r1", "cat")
    monkeypatch.setattr(session, "role", lambda: Role.ANNOTATOR)
    said = words(open_page("evidence", ds=name, tab="validation", show="results"))
    assert "have their" not in said and "Open a round" not in said
    for row in ("r4", "r9", "r16"):
        vote(of, "bob", row, "dog")
    assert "4 of 4 rows have their 1 vote." in words(open_page("evidence", ds=name, tab="validation"))


def test_validation__without_a_round_an_annotator_is_told_whom_to_ask(
    open_page: Open, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "role", lambda: Role.ANNOTATOR)
    said = words(open_page("evidence", ds=name, tab="validation"))
    assert "No round is open. Ask a data lead." in said


def test_validation__votes_as_a_file_and_the_round_taken_back(open_page: Open, name: str) -> None:
    open_round(open_page("evidence", ds=name, tab="validation"), 1)
    [of] = rounds(name)
    vote(of, "ann", "r1", "cat")
    app = open_page("evidence", ds=name, tab="validation", show="results")
    assert "3 rows still wait for your vote" in words(app)
    app.session_state[f"v_file_{of.id}"] = True
    app.run()
    app.button(key="v_as_csv").click().run()
    assert not app.exception and ".csv: 1 line. Names of voters are in it." in words(app)
    [file] = session.workspace().exports(name).glob("*.votes-*.csv")
    assert "r1,dog,cat,ann,suggested,1," in file.read_text()
    app.button(key=f"v_undo_{of.id}").click().run()
    assert rounds(name) == [] and "Ask about 4 rows" in words(app)


def test_validation__where_there_is_nothing_to_ask(open_page: Open) -> None:
    assert "No row of this queue is flagged" in words(open_page("evidence", ds="clean", tab="validation"))
    said = words(open_page("evidence", ds="no-predictions", tab="validation"))
    assert "Analyse the data set first" in said or "No row of this queue is flagged" in said
