"""What only a browser shows of the Team page: it follows the team, links lead on, and data stay text."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from playwright.sync_api import Page, Request, expect

from core.audits import current_audit
from core.review.decisions import Action, Decision
from core.review.store import Store
from tests.browser.serving import HOSTILE, Server, messages, pictures
from tests.browser.test_overview_issues import visit
from tests.browser.watching import WATCH, wait_until

pytestmark = pytest.mark.browser
FOLLOWS_MS = 15_000
"""The page follows within some 4 s; the tests' machine may be busy."""


def decide(server: Server, name: str, who: str, positions: list[int], action: Action, **more: object) -> None:
    """Verdicts as another person's process would store them."""
    dataset = server.workspace.open(name).dataset
    given = [dataset.classes[dataset.labels[p]] for p in positions]
    store: Store = server.store()
    events = [
        Decision(name, str(dataset.row_ids[p]), action, who, label, uuid.uuid4().hex, **more)  # type: ignore[arg-type]
        for p, label in zip(positions, given, strict=True)
    ]
    assert [r.refused for r in store.record(events)] == [""] * len(events)
    store.close()


def flagged(server: Server, name: str) -> list[int]:
    """Positions of the rows in the usual queue."""
    found = current_audit(server.workspace, server.workspace.open(name)).results["label_issues"]
    return np.flatnonzero(found.table["flagged"]).tolist()


def test_progress__follows_others_without_a_reload(
    page: Page, server: Server, own: Callable[..., str]
) -> None:
    name = own(pictures, n=40)
    queue = flagged(server, name)
    errors = visit(page, f"{server.url}/team?ds={name}")
    main = page.locator("[data-testid=stMain]")
    expect(main).to_contain_text(f"0 of {len(queue)} done")
    page.evaluate("window.same = true")
    decide(server, name, "bob", queue[:3], Action.KEEP)
    expect(main).to_contain_text(f"3 of {len(queue)} done", timeout=FOLLOWS_MS)
    expect(main.locator("[data-testid=stMetricValue]").first).to_have_text("3", timeout=FOLLOWS_MS)
    decide(server, name, "cy", queue[:1], Action.EXCLUDE)
    line = f"2 of {len(queue)} done · 0 second looks waiting · 1 disagreement"
    expect(main).to_contain_text(line, timeout=FOLLOWS_MS)
    assert page.evaluate("window.same") is True
    assert errors == []


def test_disagreements__review_opens_with_every_one_of_them(
    page: Page, server: Server, own: Callable[..., str]
) -> None:
    name = own(pictures, n=40)
    unflagged = next(p for p in range(40) if p not in flagged(server, name))
    rows = [*flagged(server, name)[:2], unflagged]  # Review must show this one all the same
    decide(server, name, "bob", rows, Action.KEEP)
    decide(server, name, "cy", rows, Action.EXCLUDE)
    page.add_init_script(WATCH)
    errors = visit(page, f"{server.url}/team?ds={name}&tab=disagreements")
    page.get_by_role("button", name="Decide these 3").click()
    page.wait_for_function("() => window.surface()?.dataset.rowId", timeout=60_000)
    assert page.evaluate("() => window.surface().dataset.rowId") in {f"img-{p:03d}" for p in rows}
    expect(page.locator(".surface").get_by_text("1 of 3").first).to_be_visible()
    # One of these pictures is damaged on purpose, which the surface says in words.
    assert [e for e in errors if "422" not in e] == []


def test_history__the_file_is_written_and_downloaded(
    page: Page, server: Server, own: Callable[..., str], tmp_path: Path
) -> None:
    name = own(pictures, n=40)
    decide(server, name, "bob", [1, 3], Action.KEEP)
    errors = visit(page, f"{server.url}/team?ds={name}&tab=history")
    page.get_by_role("button", name="Write 2 events as JSON Lines").click()
    with page.expect_download(timeout=30_000) as waiting:
        page.get_by_role("link", name="Download").click()
    waiting.value.save_as(tmp_path / "history.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert [(line["annotator"], line["row_id"]) for line in lines] == [("bob", "img-001"), ("bob", "img-003")]
    assert errors == []


def test_history__undo_reaches_the_store(page: Page, server: Server, own: Callable[..., str]) -> None:
    name = own(pictures, n=40)
    decide(server, name, server.annotator, [1], Action.KEEP)
    visit(page, f"{server.url}/team?ds={name}&tab=history")
    page.get_by_role("button", name="Undo this").click()
    store = server.store()
    wait_until(lambda: not store.in_force(name))
    store.close()
    expect(page.get_by_role("button", name="Bring back")).to_be_visible()


def test_tabs__hostile_names_labels_and_notes_run_nothing(
    page: Page, server: Server, own: Callable[..., str]
) -> None:
    name = own(messages)
    evil = f"bob {HOSTILE}"
    decide(server, name, evil, [0, 5], Action.KEEP)
    decide(server, name, "cy", [0, 5], Action.RELABEL, label="zebra crossing")
    decide(server, name, "ann", [0], Action.NOTE, detail=json.dumps({"text": HOSTILE}))
    elsewhere: list[str] = []

    def watch(request: Request) -> None:
        if urlsplit(request.url).hostname not in ("127.0.0.1", None):
            elsewhere.append(request.url)

    page.on("request", watch)
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog: {dialog.message}"))
    for tab in ("progress", "disagreements", "agreement", "people", "plan", "history"):
        errors = visit(page, f"{server.url}/team?ds={name}&tab={tab}")
        page.wait_for_timeout(500)
        assert "pwned" not in page.title()
        assert page.locator("[data-testid=stMain] img[src='x']").count() == 0
        assert errors == []
    assert elsewhere == []


@pytest.mark.parametrize("tab", ["progress", "history", "plan"])
def test_team__fits_a_phone(page: Page, server: Server, own: Callable[..., str], tab: str) -> None:
    name = own(pictures, n=40)
    decide(server, name, "bob", [1, 3], Action.KEEP)
    page.set_viewport_size({"width": 390, "height": 844})
    visit(page, f"{server.url}/team?ds={name}&tab={tab}")
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
