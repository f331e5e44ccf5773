from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import opened_context
from tests.browser.serving import Server, measurements, messages, pictures
from tests.browser.watching import open_review, press_at, row, seen, stored, wait_saved, wait_until

pytestmark = pytest.mark.browser
KEPT = "() => Object.keys(localStorage).filter((k) => k.startsWith('labelmend:')).length"


def test_server_killed_five_times__nothing_acknowledged_is_lost_and_the_rest_is_sent(
    page: Page, fresh_server: Callable[..., Server]
) -> None:
    server = fresh_server(pictures)
    acknowledged: set[str] = set()

    def note(answer: object) -> None:
        if "/labelmend/decisions" in answer.url and answer.status == 200:  # type: ignore[attr-defined]
            try:
                receipts = json.loads(answer.text())["receipts"]  # type: ignore[attr-defined]
            except Exception:  # noqa: BLE001 - the answer was cut off by the kill: not acknowledged
                return
            acknowledged.update(r["op_id"] for r in receipts)

    page.on("response", note)
    open_review(page, server.url, "pictures")
    for life in range(5):
        press_at(page, ["w", "q", "e"], 25)
        if life % 2:
            wait_saved(page)
        server.kill()
        press_at(page, ["n", "x"], 25)
        expect(page.locator(".save")).to_contain_text("kept on this device")
        assert {e.op_id for e in server.store().events("pictures")} >= acknowledged
        server.start()
        wait_saved(page)
        page.wait_for_function("() => !window.surface().classList.contains('keys-off')")
    events = server.store().events("pictures")
    assert {e.op_id for e in events} >= acknowledged
    # Where the fetched rows ran out while the server was away, no row was shown and nothing was decided.
    assert [stored(e) for e in events] == [p.expected() for p in seen(page) if p.row is not None]
    assert len(events) >= 20


def test_offline__ten_decisions_are_kept_and_stored_once(
    page: Page, server: Server, own: Callable[..., str]
) -> None:
    name = own(pictures)
    open_review(page, server.url, name)
    page.wait_for_timeout(300)
    page.context.set_offline(True)
    press_at(page, ["w", "q"] * 5, 20)
    pill = page.locator(".save")
    expect(pill).to_have_text("Offline: 10 kept on this device")
    assert page.evaluate(KEPT) == 10
    assert server.store().events(name) == []
    page.context.set_offline(False)
    wait_saved(page)
    assert page.evaluate(KEPT) == 0
    assert [stored(e) for e in server.store().events(name)] == [p.expected() for p in seen(page)]


def test_unsent__survive_closing_the_tab(page: Page, server: Server, own: Callable[..., str]) -> None:
    name = own(pictures)
    open_review(page, server.url, name)
    page.route("**/labelmend/decisions", lambda route: route.abort())
    press_at(page, ["w", "q", "z", "e"], 20)
    expect(page.locator(".save")).to_contain_text("Offline: 4 kept")
    expected = [p.expected() for p in seen(page) if p.key != "z"]
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    again = page.context.new_page()
    page.bring_to_front()
    page.close(run_before_unload=True)
    again.wait_for_timeout(1000)
    assert (asked, page.is_closed()) == (["beforeunload"], True)
    open_review(again, server.url, name)
    wait_saved(again)
    assert row(again) not in {e[0] for e in (expected[0], expected[2])}
    events = server.store().events(name)
    assert Counter(str(e.action) for e in events) == {"relabel": 1, "keep": 1, "undo": 1, "exclude": 1}
    assert {stored(d) for d in server.store().in_force(name).values()} == {expected[0], expected[2]}


def test_unsent__one_that_cannot_be_stored_holds_up_no_other(
    page: Page, server: Server, own: Callable[..., str]
) -> None:
    name = own(pictures)

    def spoil(route: Route) -> None:
        """As if the labels had changed on the server since the second row was shown."""
        body = json.loads(route.request.post_data or "")
        for decision in body["decisions"]:
            if decision["row_id"] == spoiled:
                decision["given_label"] = "boot" if decision["given_label"] != "boot" else "bag"
        route.continue_(post_data=json.dumps(body))

    open_review(page, server.url, name)
    page.keyboard.press("j")
    spoiled = row(page)
    page.keyboard.press("k")
    page.route("**/labelmend/decisions", spoil)
    press_at(page, ["q", "q", "q"], 20)
    wait_saved(page)
    expect(page.locator(".notice")).to_contain_text(f"A decision on row {spoiled} was not stored.")
    page.get_by_role("button", name="Dismiss").click()
    page.keyboard.press("k")
    page.keyboard.press("k")
    assert row(page) == spoiled
    expect(page.locator(".decision")).to_have_text("")
    assert len(server.store().events(name)) == 2


def test_server_error__is_said_and_can_be_tried_again(
    page: Page, server: Server, own: Callable[..., str]
) -> None:
    name = own(pictures)
    open_review(page, server.url, name)
    page.route(
        "**/labelmend/decisions",
        lambda route: route.fulfill(status=500, json={"error": "The disk is full."}),
    )
    page.keyboard.press("q")
    pill = page.locator(".save")
    expect(pill).to_have_text("Not saved: Try again")
    expect(pill).to_have_attribute("title", "The disk is full.")
    page.unroute("**/labelmend/decisions")
    pill.click()
    wait_saved(page)
    assert len(server.store().events(name)) == 1


def test_too_many_at_once__are_sent_again_by_themselves(
    page: Page, server: Server, own: Callable[..., str]
) -> None:
    name = own(pictures)
    open_review(page, server.url, name)
    refused: list[str] = []

    def later(route: Route) -> None:
        refused.append(route.request.post_data or "")
        route.fulfill(status=429, json={"error": "Too many changes."}, headers={"Retry-After": "1"})

    page.route("**/labelmend/decisions", later)
    press_at(page, ["q", "w", "q"], 20)
    expect(page.locator(".save")).to_have_text("Saving 3")
    page.wait_for_timeout(2500)
    assert len(refused) > 2  # it tried again without being asked to
    page.unroute("**/labelmend/decisions")
    wait_saved(page)
    assert [stored(e) for e in server.store().events(name)] == [p.expected() for p in seen(page)]


def test_hostile_text_and_labels__are_shown_as_text(
    page: Page, server: Server, own: Callable[..., str]
) -> None:
    name = own(messages)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    open_review(page, server.url, name, cut="1.0", q="onerror", row="m-1")
    title = page.title()
    page.keyboard.press("/")
    page.keyboard.type("<b>")
    option = page.locator("[role=option]")
    expect(option).to_contain_text("<b>bold</b> <img src=x onerror=")
    page.keyboard.press("Enter")
    wait_saved(page)
    page.keyboard.press("k")
    expect(page.locator(".decision")).to_contain_text("Changed to <b>bold</b> <img")
    expect(page.locator(".prose")).to_contain_text("<script>document.title='pwned'</script> **not bold**")
    for _ in range(5):
        page.keyboard.press("j")
    assert page.title() == title
    assert not [url for url in requests if url.endswith("/x")]
    assert page.locator(".surface b img, .surface script, .prose img").count() == 0


def test_long_text__is_shown_whole_when_asked(page: Page, server: Server) -> None:
    open_review(page, server.url, "messages", row="m-3", cut="1.0")
    rest = page.get_by_role("button", name="Show the rest")
    expect(rest).to_have_text("Show the rest (10,012 characters)")
    rest.click()
    expect(page.locator(".prose")).to_contain_text("the very end")
    page.keyboard.press("j")
    assert row(page) != "m-3"


def test_broken_image__is_named_and_can_be_excluded(
    page: Page, server: Server, own: Callable[..., str]
) -> None:
    name = own(pictures)
    open_review(page, server.url, name, row="img-007")
    expect(page.locator(".stage")).to_contain_text("Row 8: image cannot be read.")
    expect(page.locator(".stage")).to_contain_text("not a picture of a known format")
    page.keyboard.press("e")
    wait_saved(page)
    assert [stored(e) for e in server.store().events(name)] == [("img-007", "exclude", None)]


def test_unusual_field__comes_first_and_says_so(page: Page, server: Server, own: Callable[..., str]) -> None:
    open_review(page, server.url, own(measurements, n=300), row="0")
    unusual = page.locator(".fields tr.unusual")
    expect(unusual.filter(has_text="sulphates")).to_contain_text("unusual: 99.5 percentile")
    assert unusual.count() < 8
    first = page.locator(".fields tbody tr").first.get_attribute("class")
    assert first == "unusual"


def test_link__opens_the_same_row_and_queue_elsewhere(browser: Browser, page: Page, server: Server) -> None:
    open_review(page, server.url, "pictures", given="trouser", sug="pullover")
    for _ in range(3):
        page.keyboard.press("j")
    shown = row(page)
    page.wait_for_url(f"**row={shown}**")
    position = page.locator(".position").text_content()
    with opened_context(browser) as other:
        copy = other.new_page()
        copy.add_init_script("window.fresh = true")
        copy.goto(page.url)
        expect(copy.locator(".position")).to_have_text(str(position))
        expect(copy.locator(".chip")).to_have_text("Label errors · trouser → pullover")
        assert copy.locator(".surface").get_attribute("data-row-id") == shown


def test_row_outside_the_queue__is_shown_before_it(page: Page, server: Server) -> None:
    open_review(page, server.url, "pictures", row="img-000")
    expect(page.locator(".position")).to_have_text("not in this queue")
    page.keyboard.press("j")
    expect(page.locator(".position")).to_have_text("1 of 116")


def test_empty_queue__says_so_and_clears_the_filters(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/review?ds=pictures&given=shirt&sug=shirt&split=x&q=zzz")
    expect(page.get_by_text("No rows match these 4 filters.")).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Clear filters").click()
    expect(page.locator(".position")).to_have_text("1 of 116")
    assert "given" not in page.url


def test_unknown_row__leads_to_the_next_undecided(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/review?ds=pictures&row=88")
    expect(page.get_by_text("Row 88 is not in this project.")).to_be_visible(timeout=30_000)
    page.get_by_role("link", name="Next undecided row").click()
    expect(page.locator(".position")).to_have_text("1 of 116")


def test_end_of_queue__is_said(page: Page, server: Server) -> None:
    open_review(page, server.url, "measurements")
    for _ in range(20):
        page.keyboard.press("j")
    expect(page.locator(".stage")).to_contain_text("That was the last of 20 rows in this queue.")
    page.keyboard.press("w")
    page.keyboard.press("k")
    expect(page.locator(".position")).to_have_text("20 of 20")
    assert server.store().events("measurements") == []


def test_surface__goes_away_clean(page: Page, server: Server, own: Callable[..., str]) -> None:
    """After leaving the page its keys are dead, and what was unsent is still sent."""
    name = own(measurements)
    open_review(page, server.url, name)
    page.route("**/labelmend/decisions", lambda route: route.abort())
    page.keyboard.press("q")
    expect(page.locator(".save")).to_contain_text("Offline: 1 kept")
    page.locator("[data-testid=stExpandSidebarButton]").click()
    page.get_by_role("link", name="Overview").click()
    page.locator(".surface").wait_for(state="detached")
    page.keyboard.press("q")
    page.unroute("**/labelmend/decisions")
    wait_until(lambda: len(server.store().events(name)) == 1)
    time.sleep(0.3)
    assert len(server.store().events(name)) == 1
