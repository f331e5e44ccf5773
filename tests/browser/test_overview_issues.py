"""What only a browser shows: clicks on charts and tables, and the address they leave."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, FloatRect, Locator, Page, expect

from tests.browser.conftest import opened_context
from tests.browser.serving import HOSTILE, Server, pictures
from tests.browser.watching import wait_until

pytestmark = pytest.mark.browser
HIGH = re.compile(r"^high · \d+$")
"""A class with the number of its rows."""
IDLE = "document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'"


def visit(page: Page, url: str) -> list[str]:
    """Open a page and wait until its script is done. Returns the list that console errors go to."""
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(f"{message.text} ({message.location.get('url')})")

    page.on("console", note)
    page.goto(url)
    expect(page.locator("[data-testid=stMain] h1")).to_be_visible(timeout=60_000)
    page.wait_for_function(IDLE)
    return errors


def params(page: Page) -> dict[str, str]:
    return {k: v[0] for k, v in parse_qs(urlsplit(page.evaluate("location.href")).query).items()}


def resting_box(element: Locator) -> FloatRect:
    """Where an element is once nothing moves it any more: charts above it may still be growing."""
    last = element.bounding_box()
    while True:
        element.page.wait_for_timeout(250)
        now = element.bounding_box()
        if now is not None and now == last:
            return now
        last = now


def test_overview__shows_headline_and_six_pictures_above_the_fold(page: Page, server: Server) -> None:
    errors = visit(page, f"{server.url}/?ds=pictures")
    expect(page.get_by_role("heading", level=1)).to_contain_text("labels look wrong")
    pictures = page.locator("[data-testid=stMain] [data-testid=stImage] img")
    expect(pictures).to_have_count(6)
    for i in range(6):
        box = pictures.nth(i).bounding_box()
        assert box is not None and box["y"] + box["height"] < 720
        assert pictures.nth(i).get_attribute("alt")
    assert errors == []


def test_overview__matrix_click_sets_the_pair_and_filters_issues(page: Page, server: Server) -> None:
    errors = visit(page, f"{server.url}/?ds=measurements")
    matrix = page.locator(".st-key-matrix")
    matrix.scroll_into_view_if_needed()
    point = matrix.locator(".scatterlayer .point").first
    expect(point).to_be_attached()
    box = resting_box(point)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    wait_until(lambda: {"given", "sug"} <= set(params(page)))
    pair = params(page)
    # Drawn after the menu, whose links then have the pair too.
    expect(page.get_by_text(f"labelled {pair['given']}, looking like {pair['sug']}")).to_be_visible()
    page.get_by_role("link", name="Issues").click()
    expect(page.get_by_role("heading", name="Issues")).to_be_visible()
    assert {k: params(page)[k] for k in ("ds", "given", "sug")} == {
        "ds": "measurements",
        "given": pair["given"],
        "sug": pair["sug"],
    }
    expect(page.get_by_text("match")).to_be_visible()
    assert errors == []


def test_overview__primary_button_opens_the_review_of_all_flagged(page: Page, server: Server) -> None:
    visit(page, f"{server.url}/?ds=measurements&given=low&sug=middle")
    page.get_by_role("button", name="worst first").click()
    wait_until(lambda: "/review" in page.evaluate("location.pathname"))
    wait_until(lambda: params(page).get("find") == "label_issues")
    assert "given" not in params(page)


def test_issues__filter_goes_to_the_address_and_back(page: Page, server: Server) -> None:
    visit(page, f"{server.url}/issues?ds=measurements")
    given = page.get_by_role("combobox", name="Given label")
    given.fill("high")
    given.press("Enter")
    wait_until(lambda: params(page).get("given") == "high")
    page.get_by_placeholder("Id or content").fill("no such text")
    wait_until(lambda: params(page).get("q") == "no such text")
    expect(page.get_by_text("No rows match these 2 filters.")).to_be_visible()
    page.go_back()
    wait_until(lambda: "q" not in params(page))
    expect(page.get_by_placeholder("Id or content")).to_have_value("")
    page.reload()
    expect(page.get_by_role("combobox", name="Given label")).to_have_value(HIGH, timeout=30_000)


def test_issues__an_order_goes_to_the_address_and_is_explained(page: Page, server: Server) -> None:
    errors = visit(page, f"{server.url}/issues?ds=measurements")
    expect(page.get_by_text("20 rows match")).to_be_visible()
    order = page.get_by_role("combobox", name="Order")
    order.fill("random")
    order.press("Enter")
    wait_until(lambda: params(page).get("sort") == "random")
    expect(page.get_by_text("80 rows match")).to_be_visible()
    expect(page.get_by_text("flagged or not, in an order drawn by lot")).to_be_visible()
    page.go_back()
    wait_until(lambda: "sort" not in params(page))
    expect(page.get_by_text("20 rows match")).to_be_visible()
    assert errors == []


def test_issues__clusters_are_found_beside_the_page_and_then_shown(
    page: Page, server: Server, own: Callable[..., str]
) -> None:
    name = own(pictures)
    errors = visit(page, f"{server.url}/issues?ds={name}")
    order = page.get_by_role("combobox", name="Order")
    order.fill("cluster")
    order.press("Enter")
    expect(page.get_by_text("Putting 240 rows into clusters.")).to_be_visible()
    expect(page.get_by_text("Alike rows stand together")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("Putting 240 rows into clusters.")).to_have_count(0)
    expect(page.locator("[data-testid=stDataFrame]").first).to_be_visible()
    assert errors == []


def test_issues__a_click_on_a_row_opens_its_card_and_writes_its_id(page: Page, server: Server) -> None:
    errors = visit(page, f"{server.url}/issues?ds=measurements")
    assert "row" not in params(page)
    table = page.locator("[data-testid=stDataFrame]").first
    box = resting_box(table)
    page.mouse.click(box["x"] + 14, box["y"] + 33 * 3 + 16)  # the box at the start of the third row
    wait_until(lambda: "row" in params(page))
    number = int(params(page)["row"]) + 1
    expect(page.get_by_role("heading", name=f"Row {number}", exact=True)).to_be_visible()
    page.get_by_role("button", name="Review it").click()
    wait_until(lambda: "/review" in page.evaluate("location.pathname"))
    assert params(page)["row"] == str(number - 1)
    assert errors == []


def test_issues__hostile_text_and_labels_stay_text(page: Page, server: Server) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path in ("/?", "/issues?", "/explore?", "/explore?view=classes&", "/splits?", "/evidence?"):
        visit(page, f"{server.url}{path}ds=messages")
        assert "pwned" not in page.title()
    visit(page, f"{server.url}/issues?ds=messages&row=m-1")
    shown = page.get_by_text(HOSTILE).filter(visible=True)  # the list's cells come later, and hidden
    expect(shown.first).to_be_visible()
    assert "pwned" not in page.title()
    assert page.locator("[data-testid=stMain] b, [data-testid=stMain] img[src=x]").count() == 0
    assert [
        url
        for url in asked
        if not url.startswith((server.url, server.url.replace("http", "ws"), "data:", "blob:"))
    ] == []


def test_menu__keeps_data_set_and_filters(page: Page, server: Server) -> None:
    visit(page, f"{server.url}/issues?ds=measurements&given=high&sort=best")
    for name in ("Evidence", "Overview", "Issues"):
        page.get_by_role("link", name=name, exact=True).click()
        page.wait_for_function(IDLE)
        wait_until(lambda: params(page) == {"ds": "measurements", "given": "high", "sort": "best"})
    expect(page.get_by_role("combobox", name="Given label")).to_have_value(HIGH)


@pytest.mark.parametrize("path", ["/", "/issues", "/explore", "/splits", "/evidence"])
def test_phone__pages_do_not_scroll_sideways(page: Page, server: Server, path: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    visit(page, f"{server.url}{path}?ds=messages")
    wide = page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
    assert wide <= 390


def test_overview__has_an_address_of_its_own(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/overview?ds=measurements")
    expect(page.get_by_role("button", name="How rows are flagged")).to_be_visible(timeout=30_000)
    expect(page).to_have_url(f"{server.url}/?ds=measurements")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_overview__the_label_of_an_open_popover_can_be_read_in_the_dark(
    browser: Browser, server: Server
) -> None:
    """Streamlit darkens the label of an open tertiary popover, on dark ground to 1.5:1."""
    with opened_context(browser, color_scheme="dark") as context:
        page = context.new_page()
        page.goto(f"{server.url}/?ds=measurements")
        for name in ("How rows are flagged", "Models", "You are ann · Change"):
            button = page.get_by_role("button", name=name)
            button.click(timeout=30_000)
            expect(button).to_have_attribute("aria-expanded", "true")
            expect(button).to_have_css("color", "rgb(231, 236, 241)")
            page.keyboard.press("Escape")


@pytest.mark.parametrize("address", ["/?ds=measurements", "/load"])
def test_pages__what_is_chosen_can_be_read_in_the_dark(
    browser: Browser, server: Server, address: str
) -> None:
    with opened_context(browser, color_scheme="dark") as context:
        page = context.new_page()
        visit(page, f"{server.url}{address}")
        report = Axe().run(page, options={"runOnly": ["color-contrast"]})
        assert [node["html"] for found in report["violations"] for node in found["nodes"]] == []
