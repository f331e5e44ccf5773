from __future__ import annotations

import statistics
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.serving import Server, messages, pictures
from tests.browser.watching import open_review, press_at, row, seen, stored, wait_saved, wait_until

pytestmark = pytest.mark.browser
KEYS = ["w", "q", "w", "e", "2", "n", "w", "x", "1", "9"]


@pytest.mark.parametrize("a_second", [10, 25])
def test_forty_presses__each_is_stored_for_the_row_that_was_shown(
    page: Page, server: Server, own: Callable[..., str], a_second: int
) -> None:
    name = own(pictures)
    open_review(page, server.url, name)
    press_at(page, KEYS * 4, a_second)
    wait_saved(page)
    pressed = seen(page)
    decided = [stored(e) for e in server.store().events(name)]
    assert len(pressed) == 40
    assert decided == [p.expected() for p in pressed]
    assert len({d[0] for d in decided}) == 40
    times = sorted(p.ms for p in pressed if p.ms is not None)
    p95 = times[int(0.95 * len(times))]
    print(f"{a_second}/s: key press to next row {statistics.median(times):.0f} ms median, {p95:.0f} ms p95")


def test_keys__c_and_r_do_nothing(page: Page, server: Server) -> None:
    open_review(page, server.url, "measurements")
    before = row(page)
    page.evaluate(
        "() => { window.heard = []; document.addEventListener('keydown', (e) => window.heard.push(e.key)); }"
    )
    for key in ("c", "r", "C", "R"):
        page.keyboard.press(key)
    page.keyboard.press("/")
    page.keyboard.type("cr")
    page.wait_for_timeout(300)
    assert row(page) == before
    assert page.evaluate("() => window.heard") == []
    expect(page.locator("[data-testid=stDialog], [role=dialog]:visible")).to_have_count(0)
    expect(page.locator(".panel .search")).to_have_value("cr")


def test_keys__typing_modifiers_and_repeats_decide_nothing(page: Page, server: Server) -> None:
    open_review(page, server.url, "measurements")
    before = row(page)
    for chord in ("Control+q", "Alt+w", "Meta+e"):
        page.keyboard.press(chord)
    page.keyboard.press("/")
    page.keyboard.type("qwenx1")
    page.keyboard.press("Escape")
    # A held key repeats: only its first press counts.
    page.keyboard.down("j")
    for _ in range(5):
        page.keyboard.down("j")
    page.keyboard.up("j")
    page.keyboard.press("k")
    assert row(page) == before
    assert server.store().events("measurements") == []


def test_keys__are_off_without_focus(page: Page, server: Server) -> None:
    open_review(page, server.url, "measurements")
    before = row(page)
    pill = page.get_by_role("button", name="Keys are off. Click to turn on")
    expect(pill).to_be_hidden()
    page.evaluate("() => window.surface().blur()")
    expect(pill).to_be_visible()
    page.keyboard.press("j")
    assert row(page) == before
    pill.click()
    expect(pill).to_be_hidden()
    page.keyboard.press("j")
    assert row(page) != before


def test_keys__move_and_skip_without_deciding(page: Page, server: Server) -> None:
    open_review(page, server.url, "measurements")
    first = row(page)
    page.keyboard.press("ArrowRight")
    second = row(page)
    page.keyboard.press("j")
    assert len({first, second, row(page)}) == 3
    page.keyboard.press("ArrowLeft")
    assert row(page) == second
    page.keyboard.press("k")
    page.keyboard.press("k")
    assert row(page) == first
    expect(page.locator(".position")).to_have_text("1 of 20")


def test_keys__help_lists_and_finds_them(page: Page, server: Server) -> None:
    open_review(page, server.url, "measurements")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog.get_by_text("Take the suggested label")).to_be_visible()
    page.keyboard.type("ambig")
    expect(dialog.locator("tr:visible")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    before = row(page)
    page.keyboard.press("j")
    assert row(page) != before


def test_undo__after_twenty_goes_back_to_each_row(
    page: Page, server: Server, own: Callable[..., str]
) -> None:
    name = own(pictures)
    open_review(page, server.url, name)
    press_at(page, ["w"] * 20, 20)
    wait_saved(page)
    shown = [p.row for p in seen(page)]
    for expected in reversed(shown):
        page.keyboard.press("z")
        assert row(page) == expected
    wait_saved(page)
    assert server.store().in_force(name) == {}
    expect(page.locator(".live").first).to_have_text("Undone: row 34 is undecided")
    page.keyboard.press("Shift+Z")
    page.keyboard.press("Shift+Z")
    wait_saved(page)
    assert {r: stored(d) for r, d in server.store().in_force(name).items()} == {
        p.row: p.expected() for p in seen(page)[:2]
    }


def test_next_undecided__skips_what_is_decided(page: Page, server: Server, own: Callable[..., str]) -> None:
    name = own(pictures)
    open_review(page, server.url, name)
    press_at(page, ["q", "q", "j", "q", "k", "k", "k", "k"], 20)
    wait_saved(page)
    expect(page.locator(".decision")).to_have_text("Kept")
    page.keyboard.press("u")
    expect(page.locator(".position")).to_have_text("3 of 116")
    page.keyboard.press("u")
    expect(page.locator(".position")).to_have_text("5 of 116")
    wait_until(lambda: str(row(page)) in page.url)
    page.reload()
    expect(page.locator(".position")).to_have_text("5 of 116")


def test_class_search__among_a_thousand_in_three_keystrokes(
    page: Page, server: Server, own: Callable[..., str]
) -> None:
    name = own(messages)
    open_review(page, server.url, name)
    first = row(page)
    expect(page.locator(".rest")).to_have_text("9 of 1,000 shown. Type to find.")
    page.keyboard.press("/")
    page.keyboard.type("zeb")
    expect(page.locator("[role=option]")).to_have_count(1)
    page.keyboard.press("Enter")
    wait_saved(page)
    assert row(page) != first
    (event,) = server.store().events(name)
    assert stored(event) == (first, "relabel", "zebra crossing")
    page.keyboard.press("/")
    page.keyboard.type("class")
    expect(page.locator("[role=option]")).to_have_count(50)
    expect(page.locator(".rest")).to_contain_text("50 of 998 matches shown. Type on.")
    second = page.locator("[role=option]").nth(1).get_attribute("data-name")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    wait_saved(page)
    assert server.store().events(name)[-1].label == second


def test_mouse__buttons_and_classes_decide(page: Page, server: Server, own: Callable[..., str]) -> None:
    name = own(messages)
    open_review(page, server.url, name)
    rows = [row(page)]
    page.get_by_role("button", name="Ambiguous").click()
    rows.append(row(page))
    page.locator("[role=option]").nth(4).click()
    wait_saved(page)
    events = server.store().events(name)
    assert [e.row_id for e in events] == rows
    assert [str(e.action) for e in events] == ["ambiguous", "relabel"]
