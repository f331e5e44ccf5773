"""Takes the pictures of the README from the running app: `make screenshots`.

    python -m tests.screenshots [FOLDER]

Starts the app on a fresh workspace with the sample data, makes a few decisions, and photographs every
page wide and narrow, light and dark, into FOLDER/all, and the README's own pictures into FOLDER.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.benchmarks.bench_app import PORT, ROOT, app, open_when_up
from tests.browser.conftest import chromium_path

PICTURES = ROOT / "pages" / "pictures"
WIDE, NARROW = (1440, 900), (390, 844)
PAGES = {
    "overview": "/?ds=digits",
    "load": "/load",
    "issues": "/issues?ds=digits",
    "explore": "/explore?ds=digits",
    "explore_clusters": "/explore?ds=digits&view=clusters",
    "explore_classes": "/explore?ds=digits&view=classes",
    "splits": "/splits?ds=messages",
    "review": "/review?ds=digits",
    "review_text": "/review?ds=messages",
    "review_table": "/review?ds=wine",
    "evidence": "/evidence?ds=digits",
    "evidence_numbers": "/evidence?ds=digits&tab=numbers",
    "export": "/export?ds=digits",
}


def open_page(browser: Browser, path: str, size: tuple[int, int], scheme: str, errors: list[str]) -> Page:
    """The page in a profile of its own, at rest. What its console says of errors is noted."""
    width, height = size
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.on(
        "console", lambda m: errors.append(f"{path}: {m.text}") if m.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda e: errors.append(f"{path}: {e}"))
    open_when_up(page, path)
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    page.wait_for_timeout(2500)  # charts and pictures fade in
    return page


def decide(page: Page) -> None:
    """A few decisions, so that Export has something to show."""
    for key in "wwqw":
        page.keyboard.press(key)
        page.wait_for_timeout(200)
    page.wait_for_timeout(1000)


def search_class(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("re")
    page.wait_for_timeout(300)


def write_export(page: Page) -> None:
    page.get_by_role("button", name="Write").click()
    page.get_by_text("Checked:").wait_for()


def draw_area(page: Page) -> None:
    """A line around the left half of the map, once that of neighbours is drawn."""
    page.get_by_text("Neighbours of the embeddings").wait_for()
    page.wait_for_timeout(1500)
    box = page.locator(".st-key-map_draw .nsewdrag").bounding_box()
    assert box is not None
    x, y, w, h = box["x"], box["y"], box["width"], box["height"]
    page.mouse.move(x + 3, y + 3)
    page.mouse.down()
    for corner in ((x + w / 2, y + 3), (x + w / 2, y + h - 3), (x + 3, y + h - 3), (x + 3, y + 4)):
        page.mouse.move(*corner, steps=8)
    page.mouse.up()
    page.get_by_role("heading", name="rows chosen").wait_for()
    page.wait_for_timeout(2500)


README: dict[str, tuple[str, tuple[int, int], str, Callable[[Page], None] | None]] = {
    "review_dark": ("review", WIDE, "dark", decide),
    "overview_light": ("overview", WIDE, "light", None),
    "review_text": ("review_text", WIDE, "light", search_class),
    "issues": ("issues", WIDE, "light", None),
    "explore": ("explore", WIDE, "light", draw_area),
    "export": ("export", WIDE, "light", write_export),
    "review_phone": ("review", NARROW, "light", None),
}


def main() -> int:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURES
    everything = folder / "all" if len(sys.argv) > 1 else None
    errors: list[str] = []
    with tempfile.TemporaryDirectory() as workspace, app(Path(workspace)), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        folder.mkdir(parents=True, exist_ok=True)
        for name, (key, size, scheme, act) in README.items():
            page = open_page(browser, PAGES[key], size, scheme, errors)
            if act is not None:
                act(page)
            page.screenshot(path=folder / f"{name}.png")
            page.context.close()
        if everything is not None:
            everything.mkdir(exist_ok=True)
            for key, path in PAGES.items():
                for size in (WIDE, NARROW):
                    for scheme in ("light", "dark"):
                        page = open_page(browser, path, size, scheme, errors)
                        page.screenshot(path=everything / f"{key}_{size[0]}_{scheme}.png")
                        page.context.close()
        browser.close()
    print("\n".join(errors) or f"pictures are in {folder} (port {PORT}); no console error")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
