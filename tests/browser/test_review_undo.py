"""Undo and redo without end: over reloads, tabs and days, fast, and of many rows at once."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from core.review.decisions import Action, Decision
from tests.browser.serving import Server, measurements, pictures
from tests.browser.watching import open_review, press_at, row, seen, stored, wait_saved, wait_until

pytestmark = pytest.mark.browser
Own = Callable[..., str]
# Decisions take longer than what asks for them.
SLOW_LINE = """
const fast = window.fetch;
window.fetch = async (...asked) => {
  const [, what] = /labelmend[/](decisions|timeline)/.exec(asked[0]) ?? [];
  if (what) await new Promise((done) => setTimeout(done, what === 'decisions' ? 1000 : 200));
  return fast(...asked);
};
"""


def said(page: Page, words: str) -> None:
    expect(page.locator(".live").first).to_have_text(words)


def in_force(server: Server, name: str) -> dict[str, tuple[str, str, str | None]]:
    store = server.store()
    found = {row_id: stored(d) for row_id, d in store.in_force(name).items()}
    store.close()
    return found


def decided(dataset: str, row_id: str, given: str, action: Action = Action.KEEP, **more: object) -> Decision:
    """A decision of the person at this machine, made at another time."""
    return Decision(dataset, row_id, action, "ann", given, uuid.uuid4().hex, **more)  # type: ignore[arg-type]


def test_undo__after_a_reload_takes_back_what_was_decided_before(
    page: Page, server: Server, own: Own
) -> None:
    name = own(pictures)
    open_review(page, server.url, name)
    press_at(page, ["w", "q", "e", "2"], 10)
    wait_saved(page)
    shown = [p.row for p in seen(page)]
    page.reload()
    page.wait_for_function("() => window.surface()?.dataset.rowId")
    page.locator(".surface").focus()
    for expected in reversed(shown):
        page.keyboard.press("z")
        page.wait_for_function("(row) => window.surface().dataset.rowId === row", arg=expected)
        expect(page.locator(".decision")).to_have_text("")
    wait_saved(page)
    assert in_force(server, name) == {}
    page.keyboard.press("z")
    said(page, "Nothing to undo.")
    page.reload()
    page.wait_for_function("() => window.surface()?.dataset.rowId")
    page.locator(".surface").focus()
    page.keyboard.press("Shift+Z")
    page.wait_for_function("(row) => window.surface().dataset.rowId === row", arg=shown[0])
    expect(page.locator(".decision")).to_contain_text("Changed to ")
    page.keyboard.press("Shift+Z")
    page.wait_for_function("(row) => window.surface().dataset.rowId === row", arg=shown[1])
    wait_saved(page)
    assert set(in_force(server, name)) == set(shown[:2])
    # A redo is an undo of the undo: no decision was sent twice.
    actions = [str(e.action) for e in server.store().events(name)]
    assert actions == ["relabel", "keep", "exclude", "relabel", *["undo"] * 6]


def test_undo__ten_a_second_past_what_this_page_decided(page: Page, server: Server, own: Own) -> None:
    """Forty steps back, half of them of another day, and thirty forward again: as the log would have it."""
    name = own(pictures)
    store = server.store()
    dataset = server.workspace.open(name).dataset
    given = [dataset.classes[k] for k in dataset.labels]
    earlier = [decided(name, f"img-{i:03d}", given[i]) for i in range(0, 40, 2)]
    store.record(earlier)
    open_review(page, server.url, name)
    press_at(page, ["w", "q"] * 10, 10)
    press_at(page, ["z"] * 40, 10)
    wait_until(lambda: len(store.events(name)) == 80)
    assert in_force(server, name) == {}
    press_at(page, ["Shift+Z"] * 30, 10)
    wait_until(lambda: len(store.events(name)) == 110)
    wait_saved(page)
    events = [e for e in store.events(name) if e.action is not Action.UNDO]
    assert in_force(server, name) == {e.row_id: stored(e) for e in events[:30]}
    assert page.locator(".notice").count() == 0
    store.close()


def test_undo__keys_pressed_while_the_log_is_asked_count(page: Page, server: Server, own: Own) -> None:
    name = own(pictures)
    store = server.store()
    store.record([decided(name, f"img-{i:03d}", "t-shirt") for i in range(0, 120, 10)])
    page.add_init_script(SLOW_LINE)
    open_review(page, server.url, name)
    press_at(page, ["q", "w", "e", *["z"] * 10], 10)
    wait_until(lambda: len(store.events(name)) == 12 + 3 + 10)
    wait_saved(page)
    # Three of this page, then the last seven of another day.
    assert set(in_force(server, name)) == {f"img-{i:03d}" for i in range(0, 50, 10)}
    assert page.locator(".notice").count() == 0
    press_at(page, ["Shift+Z"] * 10, 10)
    wait_until(lambda: len(in_force(server, name)) == 12 + 3)
    assert len(store.events(name)) == 12 + 3 + 20
    store.close()


def test_undo__that_waits_for_the_log_does_not_take_back_what_is_decided_meanwhile(
    page: Page, server: Server, own: Own
) -> None:
    name = own(pictures)
    store = server.store()
    store.record([decided(name, "img-000", "t-shirt")])
    page.add_init_script(SLOW_LINE)
    open_review(page, server.url, name)
    page.keyboard.press("z")
    page.keyboard.press("q")
    wait_saved(page)
    page.wait_for_timeout(500)
    assert [str(e.action) for e in store.events(name)] == ["keep", "keep"]
    store.close()


def test_undo__at_ten_a_second_between_decisions(page: Page, server: Server, own: Own) -> None:
    """Each Z takes back the last decision before it, whatever has been acknowledged by then."""
    name = own(pictures)
    open_review(page, server.url, name)
    press_at(page, ["w", "q", "z", "e", "z", "z", "1", "w", "w", "z"] * 4, 10)
    wait_saved(page)
    stack: list[tuple[str, str, str | None]] = []
    for pressed in seen(page):
        if pressed.key == "z":
            stack.pop()
        else:
            stack.append(pressed.expected())  # type: ignore[arg-type]
    assert in_force(server, name) == {d[0]: d for d in stack}


def test_undo__of_one_event_about_many_rows_is_one_key(page: Page, server: Server, own: Own) -> None:
    name = own(pictures)
    dataset = server.workspace.open(name).dataset
    members = [[f"img-{i:03d}", dataset.classes[dataset.labels[i]], "boot"] for i in range(214)]
    bulk = decided(name, "", "", Action.RELABEL, label="boot", detail=json.dumps({"members": members}))
    store = server.store()
    store.record([bulk])
    open_review(page, server.url, name, row="img-001")
    expect(page.locator(".decision")).to_have_text("Changed to boot")
    page.keyboard.press("z")
    expect(page.locator(".notice")).to_contain_text("Undone: 214 rows")
    expect(page.locator(".decision")).to_have_text("")
    assert row(page) == "img-001"
    wait_saved(page)
    assert in_force(server, name) == {}
    page.keyboard.press("Shift+Z")
    expect(page.locator(".decision")).to_have_text("Changed to boot")
    wait_saved(page)
    assert len(in_force(server, name)) == 214
    assert len(store.events(name)) == 3
    store.close()


def test_undo__of_a_row_outside_the_queue_shows_it(page: Page, server: Server, own: Own) -> None:
    name = own(pictures)
    store = server.store()
    store.record([decided(name, "img-000", "t-shirt"), decided(name, "img-000", "t-shirt", Action.EXCLUDE)])
    store.close()
    open_review(page, server.url, name)
    position = page.locator(".position").inner_text()
    page.keyboard.press("z")
    page.wait_for_function("() => window.surface().dataset.rowId === 'img-000'")
    said(page, "Undone: row 1 is kept")  # the decision before it is in force again
    expect(page.locator(".decision")).to_have_text("Kept")
    page.keyboard.press("j")
    expect(page.locator(".position")).to_have_text(position)


def test_undo__is_of_ones_own_decisions_only(page: Page, server: Server, own: Own) -> None:
    name = own(pictures)
    theirs = Decision(name, "img-001", Action.KEEP, "bob", "trouser", uuid.uuid4().hex)
    store = server.store()
    store.record([theirs])
    open_review(page, server.url, name)
    page.keyboard.press("z")
    said(page, "Nothing to undo.")
    assert [e.op_id for e in store.events(name)] == [theirs.op_id]
    store.close()


def test_undo__restores_row_class_and_counters(page: Page, server: Server, own: Own) -> None:
    name = own(pictures)
    open_review(page, server.url, name)
    goal = page.locator(".goal")
    press_at(page, ["w"] * 20, 20)
    expect(goal).to_have_text("20/200")
    last = seen(page)[-1]
    page.keyboard.press("z")
    assert row(page) == last.row
    expect(page.locator(".suggested .label")).to_have_text(last.suggested)
    expect(page.locator(".decision")).to_have_text("")
    expect(goal).to_have_text("19/200")
    page.keyboard.press("Shift+Z")
    expect(goal).to_have_text("20/200")
    assert row(page) != last.row
    page.keyboard.press("k")
    expect(page.locator(".decision")).to_have_text(f"Changed to {last.suggested}")
    page.reload()
    expect(goal).to_have_text("20/200")


def test_undo__without_a_connection_takes_back_what_was_decided_here(
    page: Page, server: Server, own: Own
) -> None:
    name = own(pictures)
    open_review(page, server.url, name)
    page.wait_for_timeout(300)
    page.context.set_offline(True)
    press_at(page, ["w", "q", "z", "z"], 10)
    page.keyboard.press("z")
    expect(page.locator(".notice", has_text="What was done before cannot be fetched.")).to_be_visible()
    page.context.set_offline(False)
    wait_saved(page)
    assert [str(e.action) for e in server.store().events(name)] == ["relabel", "keep", "undo", "undo"]
    assert in_force(server, name) == {}


def test_goal__can_be_changed_and_is_remembered(page: Page, server: Server, own: Own) -> None:
    open_review(page, server.url, own(measurements))
    page.locator(".goal").click()
    page.get_by_role("spinbutton").fill("30")
    page.keyboard.press("Enter")
    expect(page.locator(".goal")).to_have_text("0/30")
    assert row(page)
    page.keyboard.press("q")
    expect(page.locator(".goal")).to_have_text("1/30")
    page.reload()
    expect(page.locator(".goal")).to_have_text("1/30")


def test_yield__below_one_in_ten_of_fifty_offers_to_stop(page: Page, server: Server, own: Own) -> None:
    name = own(pictures)
    open_review(page, server.url, name)
    press_at(page, ["w", "w", "w", "w"] + ["q"] * 45, 20)
    expect(page.locator(".pace")).to_contain_text("8% changed")
    notice = page.locator(".notice")
    expect(notice).to_have_count(0)
    page.keyboard.press("q")
    expect(notice).to_contain_text("Fewer than 1 in 10 of your last 50 rows changed.")
    before = row(page)
    notice.get_by_role("button", name="Go on").click()
    assert row(page) == before
    press_at(page, ["q"] * 50, 20)
    page.get_by_role("button", name="Stop here").click()
    expect(page.locator(".stage")).to_contain_text("You stopped here.")
    page.keyboard.press("q")
    page.get_by_role("button", name="Go on").click()
    page.wait_for_function("() => window.surface()?.dataset.rowId")
    wait_saved(page)
    assert len(server.store().events(name)) == 100
