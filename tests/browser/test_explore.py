"""What only a browser shows of Explore: a line drawn on the map, and where it leads."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.serving import Server
from tests.browser.test_overview_issues import params, resting_box, visit
from tests.browser.watching import wait_until

pytestmark = pytest.mark.browser


def draw_around_everything(page: Page) -> None:
    """A line around all points, with the mouse."""
    box = resting_box(page.locator(".st-key-map_draw .nsewdrag"))
    x, y, w, h = box["x"] + 3, box["y"] + 3, box["width"] - 6, box["height"] - 6
    page.mouse.move(x, y)
    page.mouse.down()
    for corner in ((x + w, y), (x + w, y + h), (x, y + h), (x, y + 1)):
        page.mouse.move(*corner, steps=8)
    page.mouse.up()


def test_map__a_drawn_area_is_a_queue(page: Page, server: Server) -> None:
    errors = visit(page, f"{server.url}/explore?ds=pictures")
    expect(page.get_by_text("Neighbours of the embeddings")).to_be_visible(timeout=60_000)
    draw_around_everything(page)
    wait_until(lambda: params(page).get("area", "").startswith("near:"))
    chosen = page.get_by_role("heading", name="rows chosen")
    expect(chosen).to_be_visible()
    count = chosen.inner_text().split()[0]
    page.get_by_role("link", name="List them").click()
    expect(page.get_by_role("heading", name="Issues")).to_be_visible()
    expect(page.get_by_text(f"{count} rows match")).to_be_visible()
    page.get_by_role("button", name="An area of the map").click()
    wait_until(lambda: "area" not in params(page))
    assert errors == []


def test_map__a_clicked_point_shows_its_row(page: Page, server: Server) -> None:
    errors = visit(page, f"{server.url}/explore?ds=pictures")
    expect(page.get_by_text("Neighbours of the embeddings")).to_be_visible(timeout=60_000)
    page.get_by_text("Click a point").click()
    expect(page.get_by_text("Click a point to see its row.")).to_be_visible()
    box = resting_box(page.locator(".st-key-map_look .scatterlayer .point").first)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=3)
    expect(
        page.locator(".st-key-map_look .hoverlayer .hovertext")
    ).to_be_visible()  # a click takes what hovers
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    wait_until(lambda: "row" in params(page))
    expect(page.get_by_role("button", name="Review it")).to_be_visible()
    assert errors == []
