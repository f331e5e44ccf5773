"""Rows with several labels in the browser: ticked by key, saved as a set, bound to the row on the screen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from core.dataset import Columns, Dataset
from core.multilabel import LIST, LabelSets
from core.predictions import Predictions
from core.workspace import Workspace
from tests.browser.serving import HOSTILE, Server, save, table
from tests.browser.watching import open_review, press_at, row, seen, stored, wait_saved

pytestmark = pytest.mark.browser
NAMES = (
    "joy",
    "love",
    "sad",
    "anger",
    "fear",
    "pride",
    "grief",
    "relief",
    "calm",
    "awe",
    f"<b>{HOSTILE}",
    "zeal",
)
# Like WATCH: what is ticked, and for which row, when Enter goes down.
WATCH_SAVES = """
window.saved = [];
window.addEventListener('keydown', (event) => {
  const shown = window.surface();
  if (!shown || event.key !== 'Enter') return;
  const on = [...shown.querySelectorAll('[aria-checked=true]')].map((option) => option.dataset.name);
  window.saved.push([shown.dataset.rowId, on, shown.querySelector('.given .label').textContent]);
}, true);
"""
TICKED = '[role=option][aria-checked="true"]'
KEYS = ["1", "3", "Enter", "w", "2", "Enter", "q", "9", "4", "Enter", "5", "e", "Enter", "n"]


def feelings(workspace: Workspace, n: int = 80, name: str = "feelings", delimiter: str = "|") -> None:
    """n texts with one to three of 12 labels; every second row lacks its likeliest label."""
    rng = np.random.default_rng(5)
    sets = LabelSets(NAMES, NAMES, delimiter, may_be_empty=delimiter == LIST)
    true = rng.random((n, len(NAMES))) < 0.15
    true[np.arange(n), rng.integers(0, 9, n)] = True
    probs = np.clip(np.where(true, 0.85, 0.08) + rng.normal(0, 0.05, true.shape), 0.01, 0.99)
    given = true.copy()
    given[np.arange(n), probs.argmax(axis=1)] = np.arange(n) % 2 == 0
    given[given.sum(axis=1) == 0, 0] = True
    texts = [sets.text(NAMES[k] for k in np.flatnonzero(line)) for line in given]
    classes = tuple(sorted(set(texts)))
    labels = np.array([classes.index(text) for text in texts], dtype=np.int32)
    ids = [f"f-{i}" for i in range(n)]
    frame = table(ids, labels, classes, text=[f"How I felt on day {i}." for i in range(n)])
    columns = Columns("id", "label", None, ("text",), "text", delimiter)
    dataset = Dataset(name, frame, columns, classes, classes, labels, sets=sets)
    save(workspace, dataset, Predictions("test", probs.astype(np.float32)))


def lists(workspace: Workspace, name: str = "lists") -> None:
    feelings(workspace, name=name, delimiter=LIST)


def ticked(page: Page) -> list[str]:
    return [str(o.get_attribute("data-name")) for o in page.locator(TICKED).all()]


def label_of(names: list[str]) -> str:
    return "|".join(name for name in NAMES if name in names)


@pytest.mark.parametrize("a_second", [10, 25])
def test_rapid_keys__each_set_is_stored_for_the_row_that_was_shown(
    page: Page, server: Server, own: Callable[..., str], a_second: int
) -> None:
    name = own(feelings)
    page.add_init_script(WATCH_SAVES)
    open_review(page, server.url, name, cut="1.0")
    press_at(page, KEYS * 3, a_second)
    wait_saved(page)
    saved = page.evaluate("() => window.saved")
    events = [e for e in server.store().events(name)]
    assert len(events) == 3 * 8 and len({e.row_id for e in events}) == 24
    assert len(saved) == 12
    by_row = {e.row_id: e for e in events}
    for row_id, on, given in saved:
        wanted = label_of(on)
        event = by_row[row_id]
        assert event.given_label == label_of(given.split(", "))
        same = wanted == event.given_label
        assert stored(event) == ((row_id, "keep", None) if same else (row_id, "relabel", wanted))
    for press in seen(page):
        if press.key == "w" and press.suggested != "none":
            assert stored(by_row[str(press.row)]) == (
                press.row,
                "relabel",
                label_of(press.suggested.split(", ")),
            )


def test_keys__tick_untick_and_save(page: Page, server: Server, own: Callable[..., str]) -> None:
    name = own(feelings)
    open_review(page, server.url, name)
    first = row(page)
    given = ticked(page)
    options = [str(o.get_attribute("data-name")) for o in page.locator("[role=option]").all()]
    missing = next(i for i, option in enumerate(options) if option not in given)
    page.keyboard.press(str(missing + 1))
    assert row(page) == first and set(ticked(page)) == {*given, options[missing]}
    page.keyboard.press(str(missing + 1))
    assert ticked(page) == given
    page.keyboard.press(str(missing + 1))
    page.keyboard.press("/")
    page.keyboard.type("zea")
    page.keyboard.press("Enter")
    assert row(page) == first and "zeal" in ticked(page)
    expect(page.locator(".live").first).to_contain_text("zeal ticked. Labels:")
    page.keyboard.press("Enter")
    assert row(page) != first
    wait_saved(page)
    (event,) = server.store().events(name)
    assert stored(event) == (first, "relabel", label_of([*given, options[missing], "zeal"]))
    page.keyboard.press("k")
    assert row(page) == first and set(ticked(page)) == {*given, options[missing], "zeal"}
    page.keyboard.press("z")
    wait_saved(page)
    assert ticked(page) == given and server.store().in_force(name) == {}


def test_save__nothing_ticked_is_no_set_here(page: Page, server: Server, own: Callable[..., str]) -> None:
    name = own(feelings)
    open_review(page, server.url, name)
    first = row(page)
    for left in ticked(page):
        page.locator(f'[role=option][data-name="{left}"]').click()
    assert ticked(page) == []
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing is ticked, and every row has a label here.")).to_be_visible()
    assert row(page) == first and server.store().events(name) == []


def test_mouse__ticks_and_saves_lists_and_empty_ones(
    page: Page, server: Server, own: Callable[..., str]
) -> None:
    name = own(lists)
    open_review(page, server.url, name)
    first = row(page)
    for left in ticked(page):
        page.locator(f'[role=option][data-name="{left}"]').click()
    page.get_by_role("button", name="Save “none of the classes”").click()
    assert row(page) != first
    page.get_by_role("button", name="Take the suggested set").click()
    wait_saved(page)
    events = server.store().events(name)
    assert stored(events[0]) == (first, "relabel", "[]")
    sets = LabelSets(NAMES, NAMES, LIST, may_be_empty=True)
    assert events[1].label is not None and sets.holds(events[1].label)


def test_overview__speaks_of_sets(page: Page, server: Server, own: Callable[..., str]) -> None:
    name = own(feelings)
    page.goto(f"{server.url}/?ds={name}")
    expect(page.get_by_role("heading", name="Which labels look missing, which too many?")).to_be_visible(
        timeout=60_000
    )
    expect(page.get_by_text("Which classes are mixed up?")).to_have_count(0)
    expect(page.locator("h1")).to_contain_text("sets of labels look wrong")
    assert page.title() != "pwned"
