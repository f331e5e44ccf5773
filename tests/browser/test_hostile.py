"""Labels, texts, ids, notes, tags, names, class names and file names that are markup, on every page.

The browser is watched for what an attack would need: a dialog, a request to elsewhere, a script that ran,
an error in the console.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from urllib.parse import quote, urlsplit

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page

from core.dataset import Columns, Dataset
from core.predictions import Predictions
from core.review.classes import change_event, class_list
from core.review.decisions import Action, Decision
from core.workspace import Workspace
from tests.browser.serving import Server, probabilities, save
from tests.browser.test_overview_issues import IDLE
from tests.browser.watching import open_review, wait_saved

pytestmark = pytest.mark.browser
EVIL = (
    "<img src=x onerror=alert(1)>",
    "<script>document.title='pwned'</script>",
    "![p](https://elsewhere.invalid/p.png)",
    "[l](javascript:alert(1)) **b** $x^2$ :material/home: :red[r]",
    "<svg/onload=alert(1)>\u202e\u2066gnp.exe",
    '=HYPERLINK("https://elsewhere.invalid","x")',
    "'\"><iframe src=//elsewhere.invalid></iframe>",
    "https://elsewhere.invalid www.elsewhere.invalid a@elsewhere.invalid",
)
TABS = ("progress", "disagreements", "agreement", "people", "plan", "classes", "history")
PAGES = (
    "",
    "load",
    "issues",
    "evidence",
    "evidence&tab=numbers",
    "export",
    "review",
    *(f"team&tab={tab}" for tab in TABS),
)


def evil(workspace: Workspace, n: int = 40, name: str = "evil") -> None:
    """n rows, each text, id, label and split of which is one of EVIL."""
    rng = np.random.default_rng(3)
    labels = (np.arange(n) % len(EVIL)).astype(np.int32)
    ids = [f"{EVIL[i % len(EVIL)]} {i}" for i in range(n)]
    names = pd.array([EVIL[k] for k in labels], dtype="str")
    frame = pd.DataFrame(
        {
            "id": pd.array(ids, dtype="str"),
            EVIL[0]: pd.array([f"{EVIL[(i + 3) % len(EVIL)]} text {i}" for i in range(n)], dtype="str"),
            "label": names,
            "split": pd.array([EVIL[i % 2] for i in range(n)], dtype="str"),
        }
    ).set_index(pd.Index(ids, dtype="str"))
    dataset = Dataset(name, frame, Columns("id", "label", "split", (EVIL[0],), "text"), EVIL, EVIL, labels)
    wrong = np.arange(n) % 2 == 1
    embeddings = rng.normal(size=(n, 4)).astype(np.float32)
    save(workspace, dataset, Predictions(EVIL[1], probabilities(labels, len(EVIL), wrong, rng), embeddings))


def said_by_others(server: Server, name: str) -> None:
    """Two annotators with evil names who disagree, note, tag, and add an evil class."""
    dataset = server.workspace.open(name).dataset
    store = server.store()
    for who, action in ((f"bob {EVIL[0]}", Action.KEEP), (f"cy {EVIL[2]}", Action.EXCLUDE)):
        for position in (1, 3, 5):
            row, given = str(dataset.row_ids[position]), dataset.classes[dataset.labels[position]]
            note, tags = json.dumps({"text": EVIL[position]}), json.dumps({"tags": [EVIL[position]]})
            events = [
                Decision(name, row, action, who, given, uuid.uuid4().hex),
                Decision(name, row, Action.NOTE, who, given, uuid.uuid4().hex, detail=note),
                Decision(name, row, Action.TAG, who, given, uuid.uuid4().hex, detail=tags),
            ]
            assert {r.refused for r in store.record(events)} == {""}
    added = change_event(name, f"bob {EVIL[0]}", class_list(dataset.classes), {"add": f"{EVIL[0]} new"})
    assert store.record([added])[0].refused == ""
    store.close()


class Watch:
    """What the browser must not do. ours: the server's host and port."""

    def __init__(self, page: Page, ours: str) -> None:
        self.found: list[str] = []
        page.on("dialog", lambda dialog: (self.found.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: self._request(request.url, ours))
        page.on("console", lambda message: self._console(message.type, message.text))

    def _request(self, url: str, ours: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.netloc != ours:
            self.found.append(f"request {url}")

    def _console(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.found.append(f"console {text}")


def settle(page: Page) -> None:
    """Wait until the page's script has run."""
    page.wait_for_selector("[data-testid=stMain] :text-matches('.')", timeout=60_000)
    page.wait_for_function(IDLE, timeout=60_000)
    page.wait_for_timeout(300)


def test_every_page__shows_hostile_data_as_text(page: Page, server: Server, own: Callable[..., str]) -> None:
    name = own(evil)
    said_by_others(server, name)
    watch = Watch(page, urlsplit(server.url).netloc)
    row = quote(str(server.workspace.open(name).dataset.row_ids[1]))
    for path in PAGES:
        address, _, more = path.partition("&")
        page.goto(f"{server.url}/{address}?ds={name}&row={row}" + (f"&{more}" if more else ""))
        settle(page)
        assert "pwned" not in page.title()
        assert (path, watch.found) == (path, [])
        assert page.locator("script, iframe, svg[onload]").filter(has_text="pwned").count() == 0
    assert page.locator("img[src*=elsewhere], img[onerror], a[href^=javascript]").count() == 0


def test_review__shows_hostile_data_as_text(page: Page, server: Server, own: Callable[..., str]) -> None:
    name = own(evil)
    said_by_others(server, name)
    watch = Watch(page, urlsplit(server.url).netloc)
    row = quote(str(server.workspace.open(name).dataset.row_ids[1]))
    open_review(page, server.url, name, row=row)
    surface = page.locator(".surface")
    for key in (
        "?",
        "Escape",
        "v",
        "Escape",
        "g",
        "Escape",
        "t",
        "Escape",
        "q",
        "z",
        "Shift+Z",
        "w",
        "1",
        "2",
    ):
        page.keyboard.press(key)
        page.wait_for_timeout(150)
    page.keyboard.press("m")
    page.keyboard.type(EVIL[0])
    page.keyboard.press("Enter")
    page.keyboard.press("/")
    page.keyboard.type("<img")
    wait_saved(page)
    assert surface.locator("img[src*=elsewhere], img[src=x], iframe, script, svg").count() == 0
    assert "pwned" not in page.title()
    assert watch.found == []
