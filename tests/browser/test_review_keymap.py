from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.serving import Server, measurements
from tests.browser.watching import open_review, row

pytestmark = pytest.mark.browser
KEPT = "() => Object.entries(localStorage).filter(([k]) => k.startsWith('labelmend-keys:')).map(([, v]) => v)"


def overlay(page: Page) -> Locator:
    page.locator(".surface").focus()
    page.keyboard.press("?")
    return page.get_by_role("dialog", name="Keys")


def change(page: Page, words: str, key: str) -> Locator:
    """Open the overlay and press a key for the action with these words."""
    dialog = overlay(page)
    dialog.get_by_role("button", name=f"Change the key: {words}").click()
    page.keyboard.press(key)
    return dialog


def keycap(page: Page, button: str) -> str | None:
    return page.get_by_role("button", name=button).locator("kbd").text_content()


def test_change__key_keycap_and_shortcut_follow_and_are_remembered(page: Page, server: Server) -> None:
    open_review(page, server.url, "measurements")
    skip = page.get_by_role("button", name="Skip")
    expect(skip).to_have_attribute("aria-keyshortcuts", "J ArrowRight")
    dialog = change(page, "Skip to the next row", "r")
    expect(dialog.get_by_role("status")).to_have_text("R: Skip to the next row.")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(skip).to_have_attribute("aria-keyshortcuts", "R")
    assert keycap(page, "Skip") == "R"
    first = row(page)
    page.keyboard.press("j")
    page.keyboard.press("ArrowRight")
    assert row(page) == first
    page.keyboard.press("r")  # Streamlit's own key, which never reaches it
    second = row(page)
    assert second != first
    page.reload()
    page.wait_for_function("() => window.surface()?.dataset.rowId")
    page.locator(".surface").focus()
    page.keyboard.press("k")
    before = row(page)
    page.keyboard.press("r")
    assert row(page) != before
    expect(page.locator("[data-testid=stDialog]")).to_have_count(0)


def test_change__a_key_in_use_is_refused_in_words(page: Page, server: Server) -> None:
    open_review(page, server.url, "measurements")
    dialog = change(page, "Skip to the next row", "q")
    said = dialog.get_by_role("status")
    expect(said).to_have_text(
        "Q is the key for “Keep the given label”. Press another, or change that one first."
    )
    page.keyboard.press("Enter")
    expect(said).to_contain_text("This key cannot be used")
    page.keyboard.press("Shift+Q")
    expect(said).to_have_text("Shift+Q: Skip to the next row.")
    assert page.evaluate(KEPT) == ['{"alt":false,"keys":{"next":"shift+q"}}']
    dialog.get_by_role("button", name="Change the key: Undo", exact=True).click()
    page.keyboard.press("Escape")
    expect(said).to_have_text("Nothing was changed.")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    before = row(page)
    page.keyboard.press("Shift+Q")
    assert row(page) != before
    assert server.store().events("measurements") == []


def test_change__class_keys_and_a_swap(page: Page, server: Server) -> None:
    open_review(page, server.url, "measurements")
    change(page, "Change to class 1 of the list", "y")
    page.keyboard.press("Escape")
    change(page, "Find another class", "1")
    page.keyboard.press("Escape")
    assert page.locator("[role=option] kbd").all_text_contents() == ["Y", "2", "3"]
    placeholder = page.locator(".panel .search").get_attribute("placeholder")
    assert placeholder == "Type to find among 3 classes ( 1 )"
    page.keyboard.press("1")
    expect(page.locator(".panel .search")).to_be_focused()


def test_reset__brings_the_first_keys_back(page: Page, server: Server) -> None:
    open_review(page, server.url, "measurements")
    dialog = change(page, "Undo", "y")
    assert page.evaluate(KEPT) == ['{"alt":false,"keys":{"undo":"y"}}']
    dialog.get_by_role("button", name="Reset keys").click()
    expect(dialog.get_by_role("status")).to_have_text("Every key is what it was at first.")
    assert page.evaluate(KEPT) == []
    page.keyboard.press("Escape")
    assert keycap(page, "Undo") == "Z"


def test_single_keys_off__keys_need_alt_and_buttons_work(page: Page, server: Server) -> None:
    open_review(page, server.url, "measurements")
    dialog = overlay(page)
    dialog.get_by_label("Single keys off").check()
    page.keyboard.press("Escape")
    assert keycap(page, "Skip") == "Alt+J"
    expect(page.get_by_role("button", name="Skip")).to_have_attribute(
        "aria-keyshortcuts", "Alt+J Alt+ArrowRight"
    )
    before = row(page)
    for key in ("q", "w", "e", "j", "2", "c", "r"):
        page.keyboard.press(key)
    assert row(page) == before
    page.keyboard.press("Alt+j")
    assert row(page) != before
    page.get_by_role("button", name="Back").click()
    assert row(page) == before
    page.keyboard.press("Alt+Shift+?")
    overlay_again = page.get_by_role("dialog", name="Keys")
    overlay_again.get_by_label("Single keys off").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    assert row(page) != before
    assert server.store().events("measurements") == []


def test_other_layouts__keys_work_by_their_place(page: Page, server: Server, own: Callable[..., str]) -> None:
    open_review(page, server.url, own(measurements))
    before = row(page)

    def press(key: str, code: str, more: str = "") -> None:
        page.evaluate(
            f"window.surface().dispatchEvent(new KeyboardEvent('keydown', {{key: '{key}', code: '{code}', "
            f"bubbles: true, composed: true, {more}}}))"
        )

    press("о", "KeyJ")  # a Cyrillic o, where J is
    after = row(page)
    assert after != before
    press("q", "KeyK")  # a Latin letter stands for itself, wherever it lies
    page.wait_for_timeout(200)
    assert page.locator(".pace").text_content() == "1/200"
    press("z", "KeyW")
    assert row(page) == after
    press("л", "KeyK", "ctrlKey: true")
    press("!", "Digit1", "shiftKey: true")
    assert row(page) == after


@pytest.mark.parametrize(
    "kept", ["no JSON", "[1]", '{"keys": {"keep": " ", "next": 7, "made_up": "j"}, "alt": 1}']
)
def test_stored_keys__that_make_no_sense_are_ignored(page: Page, server: Server, kept: str) -> None:
    open_review(page, server.url, "measurements")
    change(page, "Undo", "y")
    page.evaluate(
        "(kept) => Object.keys(localStorage).filter((k) => k.startsWith('labelmend-keys:'))"
        ".forEach((k) => localStorage.setItem(k, kept))",
        kept,
    )
    page.reload()
    page.wait_for_function("() => window.surface()?.dataset.rowId")
    assert [keycap(page, name) for name in ("Undo", "Skip", "Keep")] == ["Z", "J", "Q"]


def test_storage_forbidden__keys_change_for_this_page_and_it_says_so(page: Page, server: Server) -> None:
    page.add_init_script("Storage.prototype.setItem = () => { throw new Error('full'); }")
    open_review(page, server.url, "measurements")
    dialog = change(page, "Skip to the next row", "y")
    expect(dialog.get_by_role("status")).to_contain_text("changed keys last until the page is closed")
    page.keyboard.press("Escape")
    before = row(page)
    page.keyboard.press("y")
    assert row(page) != before
