from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest

from core.review.decisions import Action, Decision
from core.review.queue import Filters
from core.review.spot_checks import Rule, rule_event
from core.workspace import Workspace
from pages.parts import evidence_gate, session
from tests.pages.conftest import HOSTILE, Open, words

NAME = "long"
"""300 rows; 250 of them are flagged, each with the other class as suggestion."""


def plain(app: AppTest) -> str:
    return words(app).replace("\\", "")


def button(app: AppTest, label: str) -> object:
    (found,) = [b for b in app.button if b.label == label]
    return found


def check(name: str, n: int, wrong: int = 0) -> None:
    """n answers of the newest check, the first `wrong` of them with the given label."""
    team = session.team()
    gate = next(reversed(session.desk().gates(name).values()))
    filters, sent = Filters(gate=gate.id), 0
    while sent < n:
        items = team.page("ann", name, filters, n=min(24, n - sent))["items"]
        events = []
        for item in items:
            label = gate.batch[item["row_id"]][1]
            action = Action.KEEP if sent < wrong else Action.RELABEL
            sent += 1
            op, shown = f"{gate.id[:8]}-{item['row_id']}", json.dumps({"mark": item["mark"]})
            new = label if action is Action.RELABEL else None
            events.append(Decision(name, item["row_id"], action, "ann", item["given"], op, new, shown=shown))
        assert {r.refused for r in team.record("ann", events)} == {""}


def test_batches__from_the_start_to_the_application_and_its_undo(
    open_page: Open, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_page("evidence", ds=NAME, tab="batches")
    said = plain(app)
    assert "No batch has been checked yet." in said and "250 rows would change" in said
    assert "With no fix wrong, 60 rows of 250 read blind are enough" in said
    app.number_input(key="gate_promise").set_value(10.0).run()
    assert "With no fix wrong, 31 rows of 250 read blind are enough" in plain(app)
    app.number_input(key="gate_promise").set_value(5.0).run()
    app.text_input[0].set_value("dogs and cats").run()
    button(app, "Start the check of 250 rows").click().run()  # type: ignore[attr-defined]
    assert not app.exception
    said = plain(app)
    assert "**dogs and cats**" in said and "0 of 250 fixes checked blind, 0 wrong. 60 more are enough" in said
    assert "Apply to" not in said
    asked: list[dict[str, str]] = []
    with monkeypatch.context() as patch:
        patch.setattr(evidence_gate.st, "switch_page", lambda _, query_params: asked.append(query_params))
        button(app, "Check now").click().run()  # type: ignore[attr-defined]
    (gate_id,) = session.desk().gates(NAME)
    assert asked == [{"ds": NAME, "gate": gate_id}]
    assert not [t for t in open_page("review", ds=NAME, gate=gate_id).text if "over" in t.value]

    check(NAME, 60)
    assert "This check is over: 60 rows checked." in plain(open_page("review", ds=NAME, gate=gate_id))
    app = open_page("evidence", ds=NAME, tab="batches")
    assert "60 of 250 fixes checked blind, 0 wrong: at most 5% of this batch is wrong (95%)." in plain(app)
    button(app, "Apply to the other 190 rows").click().run()  # type: ignore[attr-defined]
    assert not app.exception
    said = plain(app)
    assert "190 rows got the suggested label unread" in said and "Your last step: 190 rows changed." in said
    assert "Apply to" not in said
    numbers = plain(open_page("evidence", ds=NAME, tab="numbers"))
    assert "190 rows of them got their label unread, accepted by a spot check." in numbers
    button(app, "Undo").click().run()  # type: ignore[attr-defined]
    assert "Apply to the other 190 rows" in plain(app)
    assert len(session.store().standings(NAME)) == 60


def test_batches__a_refused_one_lists_the_wrong_fixes_and_is_checked_anew(open_page: Open) -> None:
    app = open_page("evidence", ds="hostile", tab="batches", given=HOSTILE[0])
    button(app, "Start the check of 2 rows").click().run()  # type: ignore[attr-defined]
    check("hostile", 1, wrong=1)
    app = open_page("evidence", ds="hostile", tab="batches")
    said = plain(app)
    assert "1 of 2 fixes checked blind, 1 wrong: refused." in said
    (listed,) = [d.value for d in app.dataframe if "Suggested" in d.value.columns]
    assert listed["Given"].tolist() == [HOSTILE[0]] and listed["Answer"].tolist() == ["keep"]
    button(app, "Check the other 1 row anew").click().run()  # type: ignore[attr-defined]
    assert "try 2, alpha 0.025" in plain(app)
    assert [g.tries for g in session.desk().gates("hostile").values()] == [0, 1]


def test_batches__a_rule_opens_its_batch_and_is_removed_by_who_saved_it(open_page: Open) -> None:
    rule = Rule(
        "cats <b>",
        {"find": "label_issues", "given": "cat", "sug": "dog"},
        "cat",
        "dog",
        "It was so.",
        "Look twice.",
    )
    open_page("evidence", ds="pets")
    session.team().record("ann", [rule_event("pets", "ann", rule)])
    app = open_page("evidence", ds="pets", tab="batches")
    said = plain(app)
    assert "Look twice." in said and "It was so. Saved by ann." in said
    (saved,) = session.desk().rules("pets")
    app.button(key=f"rule_{saved.id}").click().run()
    assert not app.exception
    assert app.text_input[0].value == "cats <b>"
    assert "rows would change" in plain(app)
    button(app, "Start the check of 2 rows").click().run()  # type: ignore[attr-defined]
    (gate,) = session.desk().gates("pets").values()
    assert (gate.rule, gate.name) == (saved.id, "cats <b>")
    assert {fix for fix in gate.batch.values()} == {("cat", "dog")}
    app = open_page("evidence", ds="pets", tab="batches")
    app.button(key=f"unrule_{saved.id}").click().run()
    assert session.desk().rules("pets") == () and "Look twice." not in plain(app)


def test_batches__without_labels_to_fix_says_so(open_page: Open) -> None:
    assert "No row of it would change." in plain(open_page("evidence", ds="clean", tab="batches"))
    said = plain(open_page("evidence", ds="no-predictions", tab="batches"))
    assert "No row of it would change." in said
    assert "There is no such spot check." in plain(open_page("review", ds="pets", gate="nonsense"))


def test_issues__leads_to_the_batches_with_its_filters(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pages.parts import apply_all

    app = open_page("issues", ds="pets", given="cat")
    asked: list[dict[str, str]] = []
    monkeypatch.setattr(apply_all.st, "switch_page", lambda _, query_params: asked.append(query_params))
    button(app, "Check a sample, then apply").click().run()  # type: ignore[attr-defined]
    assert asked == [{"ds": "pets", "given": "cat", "tab": "batches"}]
