from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from core.review.classes import change_event, class_list
from core.review.decisions import Action
from tests.browser.serving import Server, pictures
from tests.browser.watching import open_review, row, wait_saved

pytestmark = pytest.mark.browser


def test_search__a_class_that_nobody_has_named_is_added_and_given(
    page: Page, server: Server, own: Callable[..., str]
) -> None:
    name = own(pictures, n=40)
    open_review(page, server.url, name)
    decided = row(page)
    page.keyboard.press("/")
    page.keyboard.type("glove")
    page.keyboard.press("Enter")
    assert row(page) == decided  # Enter adds nothing
    page.get_by_role("button", name="Add class “glove”").click()
    wait_saved(page)
    store = server.store()
    kinds = [(e.action, e.row_id, e.label) for e in store.events(name)]
    assert kinds == [(Action.CLASS, "", None), (Action.RELABEL, decided, "glove")]
    store.close()
    page.keyboard.press("/")
    page.keyboard.type("glo")
    expect(page.get_by_role("option", name="glove")).to_be_visible()
    page.keyboard.press("Enter")
    wait_saved(page)
    assert row(page) != decided


def test_review__shows_a_renamed_class_by_its_new_name(
    page: Page, server: Server, own: Callable[..., str]
) -> None:
    name = own(pictures, n=40)
    dataset = server.workspace.open(name).dataset
    store = server.store()
    open_review(page, server.url, name)
    given = page.locator(".given .label").inner_text()
    page.goto("about:blank")
    change = {"rename": given, "to": f"new {given}"}
    assert store.record([change_event(name, "ann", class_list(dataset.classes), change)])[0].refused == ""
    open_review(page, server.url, name)
    expect(page.locator(".given .label")).to_have_text(f"new {given}")
    page.keyboard.press("q")
    wait_saved(page)
    (kept,) = store.in_force(name).values()
    assert (kept.action, kept.given_label) == (Action.KEEP, given)
    store.close()
