"""The numbers that the Team page says, against ones that the test counts from what it stored."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from scipy.stats import binomtest
from streamlit.testing.v1 import AppTest

from core.review.chance import unit_interval
from core.review.claims import Claims
from core.review.decisions import Action, Decision
from core.review.people import Role
from core.review.plan import Plan, plan_event
from core.review.store import Store
from core.team import shared_team
from core.workspace import Workspace
from pages.parts import team_progress
from tests.conftest import make_dataset
from tests.pages.conftest import Open, likely, save, words
from tests.pages.test_team import (  # noqa: F401
    LABELS,
    as_role,
    nothing_decided,
    say,
    store,
    verdict,
    workspace,
)
from tests.pages.test_team_people import answered, told

QUEUE = (1, 4, 9, 16)
"""The flagged rows of pets."""


def other(row: int) -> str:
    return ("cat", "dog")[1 - LABELS[row]]


def exact(hits: int, of: int) -> str:
    """ "1.0% to 2.0%" of the exact binomial interval."""
    found = binomtest(hits, of).proportion_ci(method="exact")
    return f"{found.low:.1%} to {found.high:.1%}"


def alts(app: AppTest) -> list[str]:
    return [chart.proto.alt for chart in app.get("plotly_chart")]


def test_progress__counts_left_today_waiting_and_the_others(
    open_page: Open,
    store: Store,  # noqa: F811
    as_role: Callable[[Role], None],  # noqa: F811
) -> None:
    say(store, plan_event("pets", "eve", Plan(share=1.0)))
    say(store, *(verdict(1, who) for who in ("ann", "bob")), verdict(4, "ann"), verdict(9, "cyd"))
    say(store, *(verdict(row, "bob") for row in (0, 2, 3)))
    app = open_page("team", ds="pets")
    # Row 1 has both its looks; 4 and 9 wait for another; 16 is not begun; three rows are not flagged.
    assert "**1 of 4** done · **2** second looks waiting · **0** disagreements" in words(app)
    assert {m.label: m.value for m in app.metric}["Second looks waiting"] == "2"
    assert "3 rows outside the queue have a decision." in words(app)
    assert f"3 rows of {len(QUEUE)} left, 1 done today" in alts(app)
    assert app.dataframe[0].value[["Who", "Rows"]].values.tolist() == [
        ["bob", 4],
        ["ann", 2],
        ["cyd", 1],
        ["eve", 0],
    ]
    as_role(Role.ANNOTATOR)
    said = words(open_page("team", ds="pets"))
    assert "You: 2 rows decided." in said and "2 others: 5 rows." in said


def test_progress__pace_is_the_median_gap_without_pauses(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    gaps = [4.0, 8.0, 500.0, 6.0, 7.0]
    moments = np.cumsum([0, *gaps]).tolist()
    start = datetime(2026, 1, 1, tzinfo=UTC)
    times = [(start + timedelta(seconds=s)).isoformat(timespec="milliseconds") for s in moments]
    monkeypatch.setattr(team_progress, "decision_times", lambda *_: times)
    middle = float(np.median([g for g in gaps if g <= 60]))
    said = f"Your pace: {middle:.1f} s a row, {60 / middle:.0f} a minute (median of your last 20 gaps"
    assert said in words(open_page("team", ds="pets")) and middle == 6.5


def test_news__a_long_absence_is_said_to_be_more_than(
    open_page: Open,
    store: Store,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(team_progress, "_NEWS_OF", 3)
    say(store, verdict(0, "ann"))
    open_page("team", ds="pets")
    say(store, *(verdict(row, "bob") for row in (1, 2, 3, 5)), verdict(1, "cyd", Action.EXCLUDE))
    app = open_page("team", ds="pets")
    said = "Since your last visit: more than 3 decisions by 2 people, 1 disagreement."
    assert said in words(app)
    say(store, verdict(7, "bob"))
    app = open_page("team", ds="pets")
    assert "Since your last visit: 1 decision by 1 person, 0 disagreements." in words(app)


def test_disagreements__how_many_are_open_and_ended(open_page: Open, store: Store) -> None:  # noqa: F811
    say(store, *(verdict(row, "bob") for row in range(5)))
    say(store, *(verdict(row, "cyd", Action.RELABEL, other(row)) for row in range(5)))
    say(store, *(verdict(row, "eve", Action.KEEP, final=True) for row in (0, 3)))
    app = open_page("team", ds="pets", tab="disagreements", row="r4")
    which = app.button_group(key="team_which")
    assert [o.content for o in which.proto.options] == ["Open 3", "Ended 2"]
    labels = [b.label for b in app.button]
    assert "Decide these 3" in labels and "Open row 5 in Review" in labels
    assert app.dataframe[0].value["row"].tolist() == [2, 3, 5]


def test_agreement__interval_left_out_and_rows_drawn_by_lot(
    open_page: Open,
    store: Store,  # noqa: F811
    workspace: Workspace,  # noqa: F811
) -> None:
    many, rng = 260, np.random.default_rng(0)
    labels = [i % 2 for i in range(many)]
    save(workspace, make_dataset(labels, name="many"), likely(labels, {1}))
    plan = Plan(share=0.6, seed=3)
    dog = {who: rng.random(many) < np.where(np.array(labels) == 1, 0.9, 0.1) for who in ("ann", "bob")}
    events = [
        Decision("many", f"r{i}", *said(labels[i], bool(dog[who][i]), who), shown=json.dumps({"blind": True}))
        for i in range(many)
        for who in ("ann", "bob")
    ]
    say(store, plan_event("many", "eve", plan), *events)
    app = open_page("team", ds="many", tab="agreement")
    (lot, every) = (o.content for o in app.button_group(key="team_agreement_rows").proto.options)
    drawn = unit_interval([f"r{i}" for i in range(many)], 3, "overlap") < 0.6
    assert (lot, every) == (f"Drawn by lot {drawn.sum()}", f"All {many}")
    shown = words(app)
    assert f"{drawn.sum()} rows with unaided answers of 2 people · nominal alpha" in shown
    low, high = map(float, re.findall(r"95% interval (\S+) to (\S+)", shown)[0])
    value = alpha_of_two(dog["ann"][drawn], dog["bob"][drawn])
    assert app.metric[0].value == f"{value:.2f}"
    ends = [
        alpha_of_two(dog["ann"][drawn][take], dog["bob"][drawn][take])
        for take in (rng.integers(0, drawn.sum(), drawn.sum()) for _ in range(1000))
    ]
    assert np.abs(np.quantile(ends, [0.025, 0.975]) - [low, high]).max() < 0.03
    app.button_group(key="team_agreement_rows").set_value("all").run()
    assert f"{many} rows with unaided answers of 2 people" in words(app)
    assert app.metric[0].value == f"{alpha_of_two(dog['ann'], dog['bob']):.2f}"
    errors = sum(dog["ann"][i] == dog["bob"][i] != bool(labels[i]) for i in range(many))
    frame = next(f.value for f in app.dataframe if "finding" in f.value.columns)
    assert len(frame) == 200 and (frame["finding"] == "error").sum() == errors
    assert f"The first 200 of {many} rows." in words(app)
    few = min(errors, 50)
    link = next(x.proto.label for x in app.get("page_link") if "with an error" in x.proto.label)
    assert (
        link
        == f"Review {'the first ' if errors > 50 else ''}{few} {'row' if few == 1 else 'rows'} with an error"
    )


def said(given: int, dog: bool, who: str) -> tuple:  # type: ignore[type-arg]
    """action, annotator, given label, op id and label of a verdict that says dog or cat."""
    one, new = ("cat", "dog")[given], ("cat", "dog")[dog]
    op = f"{who}-{np.random.default_rng().integers(2**60)}"
    return (Action.KEEP, who, one, op, None) if one == new else (Action.RELABEL, who, one, op, new)


def alpha_of_two(one: np.ndarray, two: np.ndarray) -> float:
    """Krippendorff's nominal alpha of two readers, from its definition by pairs of values."""
    values = np.concatenate([one, two]).astype(int)
    n, dogs = len(values), int(values.sum())
    expected = 2 * dogs * (n - dogs) / (n * (n - 1))
    return float(1 - (one != two).mean() / expected)


def test_readers__rates_on_gold_rows_by_person(
    open_page: Open,
    store: Store,  # noqa: F811
    workspace: Workspace,  # noqa: F811
) -> None:
    answered(store, workspace)
    app = open_page("team", ds="pets", tab="agreement")
    (line,) = next(f.value for f in app.dataframe if "alarms" in f.value.columns).values.tolist()
    assert line == ["bob", "1 of 4", exact(1, 4), "2 of 4", exact(2, 4)]


def test_readers__answers_with_the_suggestion_shown_and_hidden(
    open_page: Open,
    store: Store,  # noqa: F811
    workspace: Workspace,  # noqa: F811
) -> None:
    labels = [0] * 330
    save(workspace, make_dataset(labels, name="many"), likely(labels, set()))
    say(store, plan_event("many", "ann", Plan(hide_suggestions=0.3)))
    lot = {"suggested": "dog", "hidden_share": 0.3}
    seen = [i % 10 > 2 for i in range(330)]
    events = [
        Decision("many", f"r{i}", Action.KEEP, "bob", "cat", f"m{i}", shown=json.dumps({**lot, "seen": s}))
        for i, s in enumerate(seen)
    ]
    say(store, *events)
    shown = words(open_page("team", ds="many", tab="agreement"))
    assert f"{sum(seen)} answers with the suggestion shown, {330 - sum(seen)} with it hidden by lot" in shown


def test_plan__rows_are_given_to_several_people(open_page: Open, store: Store) -> None:  # noqa: F811
    app = open_page("team", ds="pets", tab="plan")
    app.multiselect(key="assign_to_pets").set_value(["ann", "bob"]).run()
    app.number_input(key="assign_n_4").set_value(3).run()
    next(b for b in app.button if b.label == "Give 3 rows to 2 people").click().run()
    (event,) = store.events("pets")
    per_person = {who: sum(who in names for _, names in event.details["members"]) for who in ("ann", "bob")}
    assert sum(per_person.values()) == 3
    say(store, *(verdict(int(row[1:]), names[0]) for row, names in event.details["members"][:2]))
    app = open_page("team", ds="pets", tab="people")
    table = next(f.value for f in app.dataframe if "Decided" in f.value.columns)
    done = {who: sum(names == [who] for _, names in event.details["members"][:2]) for who in per_person}
    assert table.values.tolist() == [[who, per_person[who], done[who]] for who in ("ann", "bob")]


def test_people__who_holds_how_many_rows_until_when(
    open_page: Open,
    store: Store,  # noqa: F811
) -> None:
    claims = Claims(store.database)
    claims.take("pets", "bob", ["r1", "r4", "r9"])
    ends = max(c.expires_at for c in claims.held("pets").values())
    app = open_page("team", ds="pets", tab="people")
    assert f"bob holds 3 rows until {datetime.fromtimestamp(ends, UTC):%H:%M}" in words(app)
    assert "Release 3 rows" in [b.label for b in app.button]


def test_history__counts_events_pages_and_rows(open_page: Open, store: Store) -> None:  # noqa: F811
    bulk = Decision("pets", "", Action.EXCLUDE, "ann", "", "bulk")
    store.record_bulk(bulk, [("r39", "dog", None)])
    app = open_page("team", ds="pets", tab="history")
    assert "1 event, times in UTC" in words(app) and "1 of 1 row" in words(app).split("\n")
    labels = [b.label for b in app.button]
    assert "Undo 1 row" in labels and "Write 1 event as CSV" in labels
    say(store, *(verdict(row, who) for row in range(30) for who in ("bob", "cyd")))
    app = open_page("team", ds="pets", tab="history")
    assert "61 events, times in UTC" in words(app) and len(app.dataframe[0].value) == 50
    assert "Write 61 events as JSON Lines" in [b.label for b in app.button]
    assert len(open_page("team", ds="pets", tab="history", page="2").dataframe[0].value) == 11


def test_history__of_many_rows_the_first_hundred_are_listed(
    open_page: Open,
    store: Store,  # noqa: F811
    workspace: Workspace,  # noqa: F811
) -> None:
    labels = [i % 2 for i in range(130)]
    save(workspace, make_dataset(labels, name="more"), likely(labels, {1}), analyse=False)
    bulk = Decision("more", "", Action.EXCLUDE, "ann", "", "bulk")
    store.record_bulk(bulk, [(f"r{i}", ("cat", "dog")[labels[i]], None) for i in range(120)])
    app = open_page("team", ds="more", tab="history")
    assert "100 of 120 rows" in words(app) and "Undo 120 rows" in [b.label for b in app.button]
    assert len(app.dataframe[1].value) == 100


def test_gold__how_many_rows_a_button_marks(
    open_page: Open,
    store: Store,  # noqa: F811
    workspace: Workspace,  # noqa: F811
) -> None:
    for row in range(7):
        say(store, told(row, "ann", other(row) if row < 2 else None))
    app = open_page("team", ds="pets", tab="plan")
    assert "settled 5 right and 2 wrong labels that are not gold yet." in words(app)
    assert "Mark 4 rows as gold" in [b.label for b in app.button]  # as many of each kind: 2 and 2
    next(n for n in app.number_input if n.label == "Rows, half of each kind").set_value(7).run()
    assert "Mark 7 rows as gold" in [b.label for b in app.button]
    upload = app.file_uploader(key="gold_file_pets")
    upload.set_value(("g.csv", b"row_id,label\nr0,cat\nr1,cat\nr2,cat\n", "text/csv")).run()
    known = {"r0": "cat", "r1": "cat", "r2": "cat"}
    wrong = sum(label != ("cat", "dog")[LABELS[int(row[1:])]] for row, label in known.items())
    assert f"{3 - wrong} known right, {wrong} known wrong." in words(app) and wrong == 1
    assert "Mark 3 rows of the file as gold" in [b.label for b in app.button]
    assert shared_team(workspace).gold("pets") == frozenset()
