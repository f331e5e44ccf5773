"""Several people on one queue, each in a browser profile of their own."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Response, Route, expect

from core.review.claims import Claims
from core.review.decisions import Action, Decision
from core.review.plan import Plan
from tests.browser.serving import pictures
from tests.browser.signing_in import Enter, Guarded, address, entering, provider, the_log
from tests.browser.watching import ROW, open_review, press_at, row, wait_saved, wait_until
from tests.postgres import Postgres

pytestmark = pytest.mark.browser
ANN, BOB, EVE = address("ann"), address("bob"), address("eve")
Own = Callable[..., str]


@pytest.fixture(scope="module")
def identity() -> Iterator[str]:
    with provider() as url:
        yield url


@pytest.fixture(scope="module")
def team(identity: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    server = Guarded(tmp_path_factory.mktemp("team"), identity)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def enter(browser: Browser, team: Guarded) -> Iterator[Enter]:
    with entering(browser, team) as function:
        yield function


def own(server: Guarded, n: int = 240) -> str:
    """A data set of the test's own."""
    name = f"pictures-{uuid.uuid4().hex[:8]}"
    pictures(server.workspace, n=n, name=name)
    return name


def event(dataset: str, who: str, row_id: str, action: Action = Action.KEEP, **more: Any) -> Decision:
    """An event of somebody who is not in a browser here."""
    given = {"img-001": "trouser", "img-003": "dress", "img-005": "sandal"}[row_id]
    return Decision(dataset, row_id, action, who, given, uuid.uuid4().hex, **more)


def tell(server: Guarded, *events: Decision) -> None:
    store = server.store()
    receipts = store.record(events)
    store.close()
    assert [r.refused for r in receipts] == [""] * len(events)


def lapse(server: Guarded, dataset: str, who: str) -> None:
    """As if ten minutes had gone by without a decision of theirs."""
    store = server.store()
    Claims(store.database).release(dataset, who)
    store.close()


def no_row_shared(enter: Enter, server: Guarded) -> None:
    name = own(server)
    pages = [enter("ann"), enter("bob")]
    for page in pages:
        open_review(page, server.url, name)
    for _ in range(8):
        for page in pages:
            for key in ("w", "q", "e", "1", "n"):
                page.wait_for_function(ROW)
                page.keyboard.press(key)
    for page in pages:
        wait_saved(page)
    events = the_log(server, name)
    rows = {who: {e.row_id for e in events if e.annotator == who} for who in (ANN, BOB)}
    assert [len(r) for r in rows.values()] == [40, 40]
    assert rows[ANN] & rows[BOB] == set()
    # Others' rows are passed by on the way back too.
    for _ in range(45):
        pages[1].wait_for_function(ROW)
        pages[1].keyboard.press("k")
    assert row(pages[1]) in rows[BOB]
    expect(pages[1].locator(".team")).to_have_text("Team: 80 of 240 rows decided", timeout=10_000)
    expect(pages[1].locator(".claim")).to_contain_text("Claimed, ")


def test_two_profiles__share_no_row_in_forty_decisions_each(enter: Enter, team: Guarded) -> None:
    no_row_shared(enter, team)


def test_two_profiles__share_no_row_on_postgresql(
    browser: Browser, identity: str, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> None:
    server = Guarded(tmp_path_factory.mktemp("team-pg"), identity, postgres.database())
    server.start()
    try:
        with entering(browser, server) as enter:
            no_row_shared(enter, server)
    finally:
        server.stop()


def test_held_row__is_read_only_by_link_and_free_when_its_holder_leaves(enter: Enter, team: Guarded) -> None:
    name = own(team)
    ann, bob = enter("ann"), enter("bob")
    open_review(ann, team.url, name)
    held = str(row(ann))
    open_review(bob, team.url, name, row=held)
    banner = bob.locator(".banner")
    expect(banner).to_contain_text(f"{ANN} holds this row until ")
    expect(banner).to_contain_text("Read only")
    for key in ("w", "q", "1", "n"):
        bob.keyboard.press(key)
    assert row(bob) == held
    expect(bob.locator(".live").first).to_contain_text("Read only.")
    banner.get_by_role("button", name="Next row").click()
    bob.wait_for_function("(held) => ![undefined, held].includes(window.surface().dataset.rowId)", arg=held)
    expect(banner).to_be_hidden()
    ann.goto("about:blank")
    store = team.store()
    wait_until(lambda: not [c for c in Claims(store.database).held(name).values() if c.annotator == ANN])
    store.close()
    open_review(bob, team.url, name, row=held)
    expect(banner).to_be_hidden()
    bob.keyboard.press("w")
    wait_saved(bob)
    assert [(e.row_id, e.annotator) for e in the_log(team, name)] == [(held, BOB)]


def test_lapsed_claim__both_decide_and_one_is_told_of_a_second_opinion(enter: Enter, team: Guarded) -> None:
    name = own(team)
    ann, bob = enter("ann"), enter("bob")
    open_review(ann, team.url, name)
    contested = str(row(ann))
    ann.route("**/labelmend/pulse*", lambda route: route.abort())  # she is away: nothing tells her
    lapse(team, name, ANN)
    open_review(bob, team.url, name, row=contested)
    suggested = bob.locator(".suggested .label").inner_text()
    number = bob.locator(".top .row").inner_text().removeprefix("Row ")
    bob.keyboard.press("w")
    wait_saved(bob)
    ann.keyboard.press("q")
    notice = ann.locator(".notice")
    expect(notice).to_contain_text(f"{BOB} decided row {number} meanwhile: changed to {suggested}.")
    expect(notice).to_contain_text("Yours is kept as a second opinion.")
    expect(bob.locator(".notice")).to_have_count(0)
    events = the_log(team, name)
    assert [(e.row_id, e.annotator, str(e.action)) for e in events] == [
        (contested, BOB, "relabel"),
        (contested, ANN, "keep"),
    ]
    store = team.store()
    standing = store.standings(name)[contested]
    store.close()
    assert ({d.annotator for d in standing.opinions}, standing.disagreed) == ({ANN, BOB}, True)


def test_lapsed_claim__in_a_blind_review_nobody_is_named(enter: Enter, team: Guarded) -> None:
    name = own(team, n=40)
    team.plan(name, Plan(looks=2, share=1.0, blind=True))
    ann = enter("ann")
    open_review(ann, team.url, name, row="img-003")
    tell(team, event(name, BOB, "img-003", Action.RELABEL, label="boot"))
    ann.keyboard.press("q")
    words = "Somebody else decided row 4 meanwhile. Yours is kept as a second opinion."
    expect(ann.locator(".notice span")).to_have_text(words)


def test_second_look__tells_no_earlier_answer_anywhere(enter: Enter, team: Guarded) -> None:
    name = own(team, n=40)
    team.plan(name, Plan(looks=2, share=1.0, blind=True))
    secret = "a-note-of-anns"
    tell(
        team,
        event(name, ANN, "img-003", Action.RELABEL, label="boot"),
        event(name, ANN, "img-003", Action.NOTE, detail=json.dumps({"text": secret})),
        event(name, ANN, "img-003", Action.TAG, detail=json.dumps({"tags": ["anns-own-tag"]})),
    )
    bob = enter("bob")
    answers: list[str] = []

    def keep(response: Response) -> None:
        if "/labelmend/" in response.url and "/media/" not in response.url:
            answers.append(response.text())

    bob.on("response", keep)
    open_review(bob, team.url, name, row="img-003")
    expect(bob.locator(".second")).to_be_visible()
    expect(bob.locator(".decision")).to_have_text("")
    bob.wait_for_timeout(3500)  # one pulse
    shown = bob.evaluate("() => window.surface().outerHTML")
    for text in (*answers, shown):
        assert secret not in text
        assert "anns-own-tag" not in text
        assert ANN not in text
    items = [i for text in answers for i in json.loads(text).get("items", []) if i["row_id"] == "img-003"]
    assert {(i["decision"], *i["opinions"], *i["notes"], *i["tags"]) for i in items} == {(None,)}
    bob.keyboard.press("q")
    wait_saved(bob)
    last = the_log(team, name)[-1]
    assert (last.annotator, last.row_id, str(last.action)) == (BOB, "img-003", "keep")
    said = json.loads(last.shown)
    assert (said["blind"], said["hidden"], said["second_look"]) == (True, False, True)
    bob.keyboard.press("k")
    expect(bob.locator(".decision")).to_have_text("Kept")


def test_hidden_suggestion__cannot_be_taken_and_is_on_record(enter: Enter, team: Guarded) -> None:
    name = own(team, n=40)
    team.plan(name, Plan(looks=2, share=1.0, hide_suggestions=1.0))
    page = enter("ann")
    open_review(page, team.url, name)
    expect(page.get_by_role("button", name="Suggestion hidden")).to_be_disabled()
    expect(page.locator(".rest")).to_contain_text("Class order: dataset")
    names = page.locator("[role=option]").evaluate_all("(all) => all.map((one) => one.dataset.name)")
    assert names[:3] == ["t-shirt", "trouser", "pullover"]
    before = row(page)
    page.keyboard.press("w")
    expect(page.locator(".live").first).to_have_text("Suggestion hidden.")
    assert row(page) == before
    page.keyboard.press("2")
    wait_saved(page)
    (decided,) = [e for e in the_log(team, name) if e.action is not Action.PLAN]
    assert json.loads(decided.shown)["hidden"] is True


def disagreement(server: Guarded) -> str:
    name = own(server, n=40)
    tell(
        server,
        event(name, ANN, "img-003"),
        event(name, BOB, "img-003", Action.RELABEL, label="boot"),
        event(name, ANN, "img-005", Action.RELABEL, label="bag"),
        event(name, BOB, "img-005", Action.EXCLUDE),
    )
    return name


def test_disagreement__is_shown_side_by_side_and_ended_by_a_final_word(enter: Enter, team: Guarded) -> None:
    name = disagreement(team)
    page = enter("eve")
    open_review(page, team.url, name, state="disagreed", cut="1.0", row="img-003", sort="row")
    sides = page.locator(".sides .card")
    expect(sides).to_have_count(2)
    assert [" ".join(side.split()) for side in sides.all_inner_texts()] == ["A dress", "B boot"]
    assert ANN not in page.locator(".surface").inner_text()
    page.keyboard.press("q")
    page.wait_for_function("() => window.surface().dataset.rowId === 'img-005'")
    wait_saved(page)
    last = the_log(team, name)[-1]
    assert (last.row_id, str(last.action), last.annotator, last.final) == ("img-003", "keep", EVE, True)
    page.keyboard.press("k")
    expect(page.locator(".decision")).to_have_text("Final: Kept")
    expect(page.locator(".sides")).to_contain_text(f"A, {ANN}")
    store = team.store()
    assert store.in_force(name)["img-003"].final
    assert "img-005" not in store.in_force(name)
    store.close()


def test_annotator__decides_a_disagreed_row_without_a_final_word(enter: Enter, team: Guarded) -> None:
    name = disagreement(team)
    page = enter("cy")
    open_review(page, team.url, name, row="img-003")
    expect(page.locator(".sides")).to_be_hidden()


def test_others_decisions__show_within_seconds_without_a_reload(enter: Enter, team: Guarded) -> None:
    name = own(team, n=40)
    page = enter("ann")
    open_review(page, team.url, name, row="img-003")
    expect(page.locator(".team")).to_be_hidden()
    tell(team, event(name, BOB, "img-003", Action.RELABEL, label="boot"), event(name, BOB, "img-001"))
    expect(page.locator(".team")).to_have_text("Team: 2 of 40 rows decided", timeout=8_000)
    expect(page.locator(".decision")).to_have_text(f"Changed to boot by {BOB}")
    assert row(page) == "img-003"


def test_notes_and_tags__are_shown_to_others_and_decide_nothing(enter: Enter, team: Guarded) -> None:
    name = own(team, n=40)
    ann = enter("ann")
    open_review(ann, team.url, name, row="img-003")
    ann.keyboard.press("m")
    ann.keyboard.type("wqenx1 <b>sleeve</b> cut off")
    ann.keyboard.press("Enter")
    ann.keyboard.press("t")
    ann.keyboard.press("2")
    ann.keyboard.type("kids' size")
    ann.keyboard.press("Enter")
    ann.keyboard.press("Escape")
    ann.keyboard.press("m")
    ann.keyboard.type("never mind")
    ann.keyboard.press("Escape")
    assert row(ann) == "img-003"
    wait_saved(ann)
    events = the_log(team, name)
    assert [(str(e.action), e.row_id, e.details) for e in events] == [
        ("note", "img-003", {"text": "wqenx1 <b>sleeve</b> cut off"}),
        ("tag", "img-003", {"tags": ["bad crop"]}),
        ("tag", "img-003", {"tags": ["bad crop", "kids' size"]}),
    ]
    bob = enter("bob")
    lapse(team, name, ANN)
    open_review(bob, team.url, name, row="img-003")
    expect(bob.locator(".remarks p")).to_have_text(f"{ANN}: wqenx1 <b>sleeve</b> cut off")
    assert bob.locator(".remarks .mark").all_inner_texts() == ["bad crop", "kids' size"]
    ann.keyboard.press("z")
    expect(ann.locator(".remarks .mark")).to_have_text(["bad crop"])
    ann.keyboard.press("z")
    ann.keyboard.press("z")
    expect(ann.locator(".remarks")).to_be_hidden()
    expect(ann.locator(".live").first).to_have_text("Undone: note on row 4")
    wait_saved(ann)
    assert [str(e.action) for e in the_log(team, name)[3:]] == ["undo", "undo", "undo"]


def test_role_taken_away__is_said_and_nothing_is_lost(enter: Enter, team: Guarded) -> None:
    name = own(team, n=40)
    page = enter("cy")
    open_review(page, team.url, name)

    def refuse(route: Route) -> None:
        route.fulfill(status=403, json={"error": "Your role is viewer; this needs annotator. Ask an owner."})

    page.route("**/labelmend/decisions", refuse)
    press_at(page, ["q", "q"], 20)
    notice = page.locator(".notice")
    expect(notice).to_contain_text("Your role is viewer; this needs annotator. Ask an owner.")
    expect(notice).to_contain_text("kept on this device.")
    expect(page.locator(".save")).to_have_text("Not saved: Try again")
    page.unroute("**/labelmend/decisions")
    notice.get_by_role("button", name="Try again").click()
    wait_saved(page)
    expect(notice).to_have_count(0)
    assert len(the_log(team, name)) == 2


def test_database_away__counts_as_offline_with_the_servers_words(enter: Enter, team: Guarded) -> None:
    name = own(team, n=40)
    page: Page = enter("cy")
    open_review(page, team.url, name)
    away = "The database cannot be reached."
    page.route("**/labelmend/decisions", lambda route: route.fulfill(status=503, json={"error": away}))
    page.keyboard.press("q")
    expect(page.locator(".save")).to_have_text("Offline: 1 kept on this device")
    expect(page.locator(".notice")).to_contain_text(away)
    page.unroute("**/labelmend/decisions")
    wait_saved(page)
    expect(page.locator(".notice")).to_have_count(0)
    assert len(the_log(team, name)) == 1
    assert page.evaluate(ROW) is not None
