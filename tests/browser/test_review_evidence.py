"""The line of the review surface that says what the review has shown so far."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from core.evidence import words
from core.evidence.reading import Reading
from core.review.chance import random_order
from core.review.decisions import Action, Decision
from core.review.orders import RANDOM_SEED
from tests.browser.conftest import opened_context
from tests.browser.serving import Server, pictures
from tests.browser.watching import ROW, open_review, row, wait_saved, wait_until

pytestmark = pytest.mark.browser
Own = Callable[..., str]
SOON = 25_000


def read(server: Server, name: str, rows: Iterable[int], drawn: bool) -> None:
    """Somebody has read these rows by their positions; every second label of the pictures is wrong."""
    dataset = server.workspace.open(name).dataset
    given, events = dataset.given_labels(), []
    for i, p in enumerate(rows):
        shown = {"source": "audit" if drawn else "ranked", "shown_at": f"2026-01-01T00:00:{i % 60:02d}.000Z"}
        other = next(c for c in dataset.classes if c != given[p])
        action, label = (Action.RELABEL, other) if p % 2 else (Action.KEEP, None)
        events.append(
            Decision(
                name, str(dataset.row_ids[p]), action, "bob", str(given[p]), uuid.uuid4().hex, label,
                shown=json.dumps(shown),
            )
        )  # fmt: skip
    store = server.store()
    assert not [r for r in store.record(events) if r.refused]
    store.close()


def by_lot(server: Server, name: str) -> list[int]:
    return random_order(server.workspace.open(name).dataset.row_ids, RANDOM_SEED).tolist()


def left_now(server: Server, name: str) -> str:
    """What the line should say by what is stored."""
    store = server.store()
    found = words.brief_left(Reading(server.workspace.open(name), {}, store).state.left)
    store.close()
    return found


def test_line__follows_decisions_and_opens_into_a_figure(page: Page, server: Server, own: Own) -> None:
    name = own(pictures)
    read(server, name, by_lot(server, name)[:40], drawn=True)
    open_review(page, server.url, name)
    line = page.locator(".evidence")
    assert line.locator(".left").text_content() or not line.locator(":scope > :visible").count()
    expect(line.locator(".left")).to_have_text(left_now(server, name), timeout=SOON)
    expect(line.locator(".next")).to_contain_text("wrong in the next 50 by score")
    expect(line.locator(".stop")).to_be_hidden()
    before = left_now(server, name)
    store = server.store()
    for i in range(12):
        page.wait_for_function(ROW)
        page.keyboard.press("w")
        wait_until(lambda rows=41 + i: store.decided(name) == rows)  # type: ignore[misc]
    store.close()
    after = left_now(server, name)
    assert after != before
    expect(line.locator(".left")).to_have_text(after, timeout=SOON)

    at = row(page)
    line.get_by_role("button", name="Details").click()
    dialog = page.get_by_role("dialog", name="What the review has shown")
    picture = dialog.locator("svg.drawing")
    assert str(picture.get_attribute("aria-label")).startswith("After 52 rows: ")
    expect(dialog.get_by_role("img")).to_have_count(1)
    expect(dialog.locator("p").first).to_contain_text(
        "wrong labels are left among the 188 rows nobody has read"
    )
    assert dialog.get_by_role("link").get_attribute("href") == f"evidence?ds={name}"
    found = Axe().run(
        page, ["[data-testid=stBidiComponentIsolated]"], {"runOnly": ["color-contrast", "svg-img-alt"]}
    )
    assert [v["id"] for v in found["violations"]] == []
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("q")
    page.wait_for_function(f"() => ({ROW})() !== {json.dumps(at)}")


def test_stop_sign__comes_with_the_decision_that_reaches_it(page: Page, server: Server, own: Own) -> None:
    name = own(pictures)
    last = 239  # the only row that nobody has read
    lot = [p for p in by_lot(server, name) if p != last]
    read(server, name, lot, drawn=True)
    open_review(page, server.url, name, row="img-239")
    line = page.locator(".evidence")
    expect(line.locator(".left")).to_have_text(left_now(server, name), timeout=SOON)
    reached = line.locator(".stop")
    notice = page.locator(".notice", has_text="You can stop")
    assert not reached.is_visible() and notice.count() == 0
    page.keyboard.press("w")
    wait_saved(page)
    expect(reached).to_have_text("You can stop: at least 90% found (95% confidence)", timeout=SOON)
    expect(line.locator(".left")).to_have_text("Every row is read")
    notice.get_by_role("button", name="Go on").click()
    expect(notice).to_have_count(0)


@pytest.mark.parametrize(("width", "height"), [(390, 844), (800, 700)])
def test_line__is_short_where_the_screen_is_narrow(
    browser: Browser, server: Server, own: Own, width: int, height: int
) -> None:
    name = own(pictures)
    read(server, name, by_lot(server, name)[:40], drawn=True)
    with opened_context(browser, viewport={"width": width, "height": height}) as context:
        page = context.new_page()
        open_review(page, server.url, name)
        line = page.locator(".evidence")
        expect(line.locator(".left")).to_have_text(left_now(server, name), timeout=SOON)
        assert line.locator(".next").is_visible() == (width > 640)
        box = line.bounding_box()
        assert box is not None and box["height"] <= 24 and box["y"] + box["height"] <= height
        assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
        line.get_by_role("button", name="Details").click()
        wide = page.locator("svg.drawing").get_attribute("viewBox")
        assert wide == ("0 0 300 220" if width == 390 else "0 0 640 260")


def test_line__is_made_without_a_request_of_its_own(page: Page, server: Server, own: Own) -> None:
    name = own(pictures)
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url.split("?")[0].rsplit("/", 1)[1]))
    open_review(page, server.url, name)
    expect(page.locator(".evidence .left")).to_contain_text("not known", timeout=SOON)
    ours = {a for a in asked if a in ("items", "pulse", "neighbours", "evidence", "timeline", "release")}
    assert "pulse" in ours and "evidence" not in ours
