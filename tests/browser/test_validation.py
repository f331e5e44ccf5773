"""The card of a validation round: keys act on the row that is on the screen, and votes are kept."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from core.review.decisions import Action, Decision
from core.review.votes import Round, rounds_of
from tests.browser.serving import Server, pictures
from tests.browser.watching import wait_until

pytestmark = pytest.mark.browser

# Registered before the card's own listener: what is on the screen at the moment of each press.
WATCH = """
window.pressed = [];
const cards = () => [...document.querySelectorAll('*')].map((n) => n.shadowRoot?.querySelector('.vote'));
window.card = () => cards().find(Boolean);
window.addEventListener('keydown', (event) => {
  const card = window.card();
  if (!card || !'1234'.includes(event.key)) return;
  const picture = card.querySelector('img');
  window.pressed.push({
    key: event.key,
    row: picture ? new URL(picture.src).searchParams.get('row') : null,
    labels: [...card.querySelectorAll('.choice bdi')].slice(0, 2).map((n) => n.textContent),
  });
}, true);
"""
CHOSE = {"1": "first", "2": "second", "3": "both", "4": "neither"}


def open_round(page: Page, url: str, name: str) -> None:
    page.add_init_script(WATCH)
    page.goto(f"{url}/evidence?ds={name}&tab=validation")
    page.get_by_role("button", name="Ask about").click()
    expect(page.locator(".vote .choice").first).to_be_enabled()


def votes(server: Server, name: str) -> list[Decision]:
    return [e for e in server.store().events(name) if e.action is Action.VOTE and "round" in e.details]


def the_round(server: Server, name: str) -> Round:
    [found] = rounds_of(server.store().events(name)).values()
    return found


def test_forty_presses__each_is_stored_for_the_row_that_was_shown(
    page: Page, server: Server, own: Callable[..., str]
) -> None:
    name = own(pictures)
    open_round(page, server.url, name)
    for i in range(40):
        page.keyboard.press("1234"[i % 4])
        page.wait_for_timeout(40)
    wait_until(lambda: len(votes(server, name)) == 40)
    stored = [(e.details["shown"], e.details["chose"], e.details["row"]) for e in votes(server, name)]
    pressed = page.evaluate("() => window.pressed")
    assert [(p["labels"], CHOSE[p["key"]]) for p in pressed] == [one[:2] for one in stored]
    rows = [(p["row"], one[2]) for p, one in zip(pressed, stored, strict=True)]
    assert len(rows) == 40 and all(seen in (None, kept) for seen, kept in rows)  # None: a broken picture
    assert sum(seen is not None for seen, _ in rows) > 30
    assert len({row for _, row in rows}) == 40


def test_undo__brings_the_row_back_and_takes_its_vote_away(
    page: Page, server: Server, own: Callable[..., str]
) -> None:
    name = own(pictures)
    open_round(page, server.url, name)
    page.keyboard.press("1")
    wait_until(lambda: len(the_round(server, name).votes) == 1)
    [row] = the_round(server, name).votes
    page.keyboard.press("z")
    wait_until(lambda: not the_round(server, name).votes)
    assert page.evaluate("() => window.card().querySelector('.panel span').textContent").startswith(
        f"{len(the_round(server, name).rows)} rows"
    )
    page.reload()
    expect(page.locator(".vote .choice").first).to_be_enabled()
    page.locator(".vote .choice").nth(2).click()
    wait_until(lambda: list(the_round(server, name).votes) == [row])
    assert votes(server, name)[-1].details["chose"] == "both"


def test_last_vote__is_followed_by_the_results(page: Page, server: Server, own: Callable[..., str]) -> None:
    name = own(pictures)
    page.add_init_script(WATCH)
    page.goto(f"{server.url}/evidence?ds={name}&tab=validation")
    field = page.get_by_label("Rows, drawn at random")
    field.fill("25")  # more than come at once
    field.press("Enter")
    readers = page.get_by_role("spinbutton", name="Votes a row")
    readers.fill("1")
    readers.press("Enter")
    page.get_by_role("button", name="Ask about 25 rows").click()
    expect(page.locator(".vote .choice").first).to_be_enabled()
    page.get_by_role("heading", name="Evidence").click()
    for _ in range(25):
        page.keyboard.press("2")
        page.wait_for_timeout(60)
    expect(page.get_by_text("25 of 25 rows have their 1 vote.")).to_be_visible(timeout=15_000)
    assert len(votes(server, name)) == 25
    page.get_by_role("button", name="Undo my last vote").click()
    expect(page.locator(".vote .choice").first).to_be_enabled()
    assert "Couldn't find fragment" not in server.log.read_text()
