"""What the review tests read from the page: the row that a key press met, and when the next one came."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page

from core.review.decisions import Decision

# Runs before the app's own scripts, so that its listener hears a key first and sees what was shown.
WATCH = """
window.seen = [];
window.surface = () => {
  for (const host of document.querySelectorAll('*')) {
    const found = host.shadowRoot?.querySelector('.surface');
    if (found) return found;
  }
  return null;
};
window.addEventListener('keydown', (event) => {
  const shown = window.surface();
  if (!shown) return;
  const before = shown.dataset.rowId;
  const word = (css) => shown.querySelector(css).textContent;
  const entry = {
    key: event.key, row: before, given: word('.given .label'), suggested: word('.suggested .label'),
    classes: [...shown.querySelectorAll('[role=option]')].map((o) => o.dataset.name), ms: null,
  };
  window.seen.push(entry);
  const from = performance.now();
  // The frame after the change: by then it is on the screen.
  const look = () => requestAnimationFrame(() => {
    if (shown.dataset.rowId !== before) setTimeout(() => { entry.ms = performance.now() - from; });
    else if (performance.now() - from < 3000) look();
  });
  look();
}, true);
"""
ROW = "() => window.surface()?.dataset.rowId ?? null"


@dataclass(frozen=True)
class Seen:
    """A key press: what the screen showed at that moment, and how long the next row took to show, in ms."""

    key: str
    row: str | None
    given: str
    suggested: str
    classes: list[str]
    ms: float | None

    def expected(self) -> tuple[str | None, str, str | None]:
        """(row id, action, label) that the press must have stored."""
        simple = {"q": "keep", "e": "exclude", "n": "needs_review", "x": "ambiguous"}
        if self.key in simple:
            return self.row, simple[self.key], None
        label = self.suggested if self.key == "w" else self.classes[int(self.key) - 1]
        return (self.row, "keep", None) if label == self.given else (self.row, "relabel", label)


def stored(decision: Decision) -> tuple[str, str, str | None]:
    return decision.row_id, str(decision.action), decision.label


def open_review(page: Page, url: str, dataset: str, **params: str) -> None:
    """Open the review page and wait for its first row."""
    page.add_init_script(WATCH)
    query = "&".join(f"{k}={v}" for k, v in {"ds": dataset, **params}.items())
    page.goto(f"{url}/review?{query}")
    page.wait_for_function(ROW, timeout=60_000)
    page.locator(".surface").focus()


def row(page: Page) -> str | None:
    return page.evaluate(ROW)


def press_at(page: Page, keys: list[str], a_second: float) -> None:
    """Press keys at an even rate; a late one is not made up for."""
    start = time.perf_counter()
    for i, key in enumerate(keys):
        time.sleep(max(0.0, start + i / a_second - time.perf_counter()))
        page.keyboard.press(key)


def seen(page: Page) -> list[Seen]:
    return [Seen(**entry) for entry in page.evaluate("() => window.seen")]


def wait_saved(page: Page, timeout: float = 30_000) -> None:
    page.locator(".save", has_text="✓ Saved").wait_for(timeout=timeout)


def wait_until(condition: Callable[[], Any], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("it did not come true in time")
        time.sleep(0.05)
