from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from core.evidence.gate import checks_if_all_right
from core.review.decisions import Action
from tests.browser.serving import Server, pictures
from tests.browser.watching import wait_until

pytestmark = pytest.mark.browser
Own = Callable[..., str]


def test_gate__started_checked_blind_applied_and_undone_with_one_key(
    page: Page, server: Server, own: Own
) -> None:
    name, store = own(pictures), server.store()
    page.goto(f"{server.url}/issues?ds={name}&given=trouser")
    page.get_by_role("button", name="Check a sample, then apply").click()
    expect(page.get_by_text("Batch: ")).to_contain_text("trouser → any")
    start = page.get_by_role("button", name="Start the check of")
    start.wait_for()
    batch = int(start.inner_text().split(" of ")[1].split()[0].replace(",", ""))
    start.click()
    page.get_by_role("button", name="Check now").click()
    page.locator(".surface[data-row-id]").wait_for()
    gate = next(iter(store.events(name, actions=[Action.GATE])))
    fixes = {row_id: fix for row_id, _, fix in gate.details["batch"]}
    assert len(fixes) == batch
    needed = checks_if_all_right(batch)
    for n in range(needed):
        shown = page.locator(".surface").get_attribute("data-row-id")
        assert shown in fixes
        expect(page.locator(".surface")).not_to_contain_text("Flagged because")
        page.keyboard.press("/")
        page.keyboard.type(fixes[shown])
        page.keyboard.press("Enter")
        if n + 1 < needed:
            expect(page.locator(".surface")).not_to_have_attribute("data-row-id", shown)
    expect(page.locator(".stage")).to_contain_text(f"This check is over: {needed} rows checked.")
    told = [event.reason for event in store.events(name, actions=[Action.RELABEL])]
    assert told == ["checked blind in a spot check"] * needed

    page.get_by_role("link", name="What it says").click()
    expect(page.get_by_text(f"{needed} of {batch} fixes checked blind, 0 wrong: at most 5%")).to_be_visible()
    rest = batch - needed
    page.get_by_role("button", name="Apply to the other").click()
    expect(page.get_by_text("Your last step:")).to_contain_text("changed")
    assert len(store.standings(name)) == batch
    (bulk,) = [e for e in store.events(name, actions=[Action.RELABEL]) if not e.row_id]
    assert len(bulk.details["members"]) == rest and bulk.reason.startswith("accepted by spot check: ")

    page.locator("h1").first.click()  # no field has the focus
    page.keyboard.press("z")
    wait_until(lambda: len(store.standings(name)) == needed)
    expect(page.get_by_role("button", name="Apply to the other")).to_be_visible()
