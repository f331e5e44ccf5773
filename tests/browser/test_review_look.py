"""What the annotator sees of a row: the checks, the picture, the text, the fields."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.serving import Server
from tests.browser.watching import open_review

pytestmark = pytest.mark.browser


def test_findings__are_folded_and_stay_open(page: Page, server: Server) -> None:
    open_review(page, server.url, "pictures")
    lines = page.locator(".findings li")
    summary = page.locator(".findings summary")
    expect(summary).to_have_text("Flagged by 1 of 3 checks")
    expect(lines.first).to_be_hidden()
    page.keyboard.press("i")
    expect(lines).to_have_count(3)
    expect(lines.first).to_have_text(
        "Label errors: flagged, score 0.06, suggests shirt. The model gives shirt 89% and sandal <1%."
    )
    page.keyboard.press("j")
    expect(lines.first).to_be_visible()
    expect(lines.first).to_contain_text("Label errors: flagged")
    page.keyboard.press("i")
    expect(lines.first).to_be_hidden()


def test_fields__beside_what_is_usual_for_the_given_label(page: Page, server: Server) -> None:
    open_review(page, server.url, "measurements", row="0", cut="1.0")
    expect(page.locator(".fields thead th")).to_have_text(["Field", "Value", "Usual for low"])
    first = page.locator(".fields tbody tr").first
    expect(first.locator("th")).to_have_text("sulphates")
    expect(first.locator(".usual")).to_contain_text(" to ")
