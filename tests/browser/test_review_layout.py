from __future__ import annotations

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import opened_context
from tests.browser.serving import Server
from tests.browser.watching import open_review

pytestmark = pytest.mark.browser
DATASETS = ("pictures", "messages", "measurements")
SCROLLS = """() => {
  const main = document.querySelector('[data-testid=stMain]');
  return [main.scrollHeight - main.clientHeight, document.documentElement.scrollWidth - window.innerWidth];
}"""


def settle(page: Page) -> None:
    """Wait for the strip of similar rows, which comes a moment after the row."""
    page.wait_for_timeout(600)


@pytest.mark.parametrize("size", [(1280, 720), (1440, 900)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_desk__no_scroll_and_enough_contrast(
    browser: Browser, server: Server, size: tuple[int, int], scheme: str
) -> None:
    view = {"width": size[0], "height": size[1]}
    with opened_context(browser, viewport=view, color_scheme=scheme) as context:
        for name in DATASETS:
            page = context.new_page()
            open_review(page, server.url, name)
            settle(page)
            assert page.evaluate(SCROLLS) == [0, 0], name
            for button in page.locator(".buttons button").all():
                box = button.bounding_box()
                assert box is not None
                assert box["y"] + box["height"] <= size[1]
            options = {"runOnly": ["color-contrast", "aria-required-children", "button-name", "image-alt"]}
            found = Axe().run(page, ["[data-testid=stBidiComponentIsolated]"], options)
            assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in found["violations"]] == []
            checked = [v for v in found["passes"] if v["id"] == "color-contrast"]
            assert len(checked[0]["nodes"]) > 15
            page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phone__decisions_are_in_reach(browser: Browser, server: Server, scheme: str) -> None:
    view = {"width": 390, "height": 844}
    with opened_context(browser, viewport=view, color_scheme=scheme, has_touch=True) as context:
        for name in DATASETS:
            page = context.new_page()
            open_review(page, server.url, name)
            settle(page)
            assert page.evaluate(SCROLLS)[1] <= 0
            boxes = [b.bounding_box() for b in page.locator(".buttons button").all()]
            assert len(boxes) == 5
            for box in boxes:
                assert box is not None
                assert box["height"] >= 48
                assert box["y"] + box["height"] <= 844
            labels = page.locator(".labels").bounding_box()
            assert labels is not None
            assert labels["y"] + labels["height"] < min(b["y"] for b in boxes if b)
            page.close()


def test_screen_reader__hears_the_row_then_what_was_saved(page: Page, server: Server) -> None:
    open_review(page, server.url, "pictures")
    region = page.get_by_role("region", name="Review surface")
    expect(region).to_be_visible()
    spoken = region.locator("[aria-live=polite]")
    expect(spoken.first).to_have_text("Row 34, 1 of 116. Given dress. Suggested coat, 84 percent.")
    expect(region.get_by_role("img", name="Picture, row 34")).to_be_visible()
    expect(region.get_by_role("listbox", name="Classes")).to_be_visible()
    page.route(
        "**/labelmend/decisions", lambda route: route.fulfill(json=answer(route.request.post_data_json))
    )
    page.keyboard.press("w")
    expect(spoken.nth(1)).to_have_text("Saved: changed to coat.")


def answer(body: dict) -> dict:
    """What the server would answer, without storing anything in the set that other tests read."""
    return {"receipts": [{"op_id": d["op_id"], "seq": 1, "decided_at": ""} for d in body["decisions"]]}


def test_picture__fits_zooms_and_keeps_its_zoom(page: Page, server: Server) -> None:
    open_review(page, server.url, "pictures")
    sized, picture = page.locator(".sized"), page.locator(".stage img")
    expect(sized).to_have_text("240 × 200 · 216%")
    fitted = picture.bounding_box()
    stage = page.locator(".stage").bounding_box()
    assert fitted is not None
    assert stage is not None
    assert abs(fitted["height"] - stage["height"]) < 2
    page.keyboard.press("f")
    expect(sized).to_have_text("240 × 200 · 100%")
    page.keyboard.press("+")
    expect(sized).to_have_text("240 × 200 · 125%")
    page.keyboard.press("j")
    expect(sized).to_have_text("240 × 200 · 125%")
    page.keyboard.press("-")
    page.keyboard.press("f")
    expect(sized).to_have_text("240 × 200 · 216%")
    assert page.locator(".stage img").bounding_box() == fitted


def test_similar_rows__open_in_a_peek_and_leave_the_queue_alone(page: Page, server: Server) -> None:
    open_review(page, server.url, "pictures")
    before = page.locator(".position").text_content()
    expect(page.locator(".tile")).to_have_count(10)
    page.keyboard.press("v")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="labelled dress")
    expect(dialog).to_be_visible()
    page.keyboard.press("q")  # keys do not decide behind an open layer
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert page.locator(".position").text_content() == before
    assert server.store().events("pictures") == []
