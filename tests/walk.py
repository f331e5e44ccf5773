"""A walk with pictures: two annotators differ over a row, an adjudicator ends it, the export has her word.

    python -m tests.walk FOLDER

Starts the app with sign-in against a local identity provider, with the sample of digits, and drives three
browser profiles. FOLDER gets one numbered picture a step.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from core.audit import run_audit
from core.review.plan import Plan
from core.workspace import Workspace
from sample_data import SAMPLES
from tests.browser.conftest import chromium_path
from tests.browser.signing_in import Guarded, address, entering, provider
from tests.browser.watching import open_review, row, wait_saved

DATASET = "digits"
SIZE = {"width": 1440, "height": 900}


class Album:
    """Numbers the pictures as they are taken."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._taken = 0

    def take(self, page: Page, name: str) -> None:
        page.wait_for_timeout(1500)  # pictures and charts fade in
        self._taken += 1
        path = self._folder / f"{self._taken:02d}_{name}.png"
        page.screenshot(path=path)
        print(path.name, flush=True)


def load_digits(workspace: Workspace) -> None:
    sample = next(s for s in SAMPLES if s.name == DATASET)
    workspace.save(sample.prepare())
    project = workspace.open(DATASET)
    run_audit(project.dataset, project.predictions, workspace.cache_dir)


def walk(server: Guarded, ann: Page, bob: Page, eve: Page, album: Album) -> None:
    """Every look of the plan is double and blind, so that the second one says what it sees."""
    open_review(ann, server.url, DATASET)
    album.take(ann, "ann_sees_the_row")
    contested = row(ann) or ""
    ann.keyboard.press("w")
    wait_saved(ann)
    album.take(ann, "ann_took_the_suggestion_and_goes_on")

    open_review(bob, server.url, DATASET, row=contested)
    album.take(bob, "bob_looks_a_second_time_and_sees_no_answer")
    bob.keyboard.press("m")
    bob.keyboard.type("the top is closed: I read it as given")
    bob.keyboard.press("Enter")
    bob.keyboard.press("q")
    wait_saved(bob)
    album.take(bob, "bob_kept_the_given_label")

    eve.goto(f"{server.url}/team?ds={DATASET}&tab=disagreements")
    eve.get_by_text("1 disagreement").first.wait_for(timeout=60_000)
    album.take(eve, "eve_finds_the_disagreement")
    open_review(eve, server.url, DATASET, state="disagreed")
    assert row(eve) == contested
    album.take(eve, "eve_sees_both_answers_without_names")
    eve.keyboard.press("w")
    wait_saved(eve)
    album.take(eve, "eve_gave_the_final_word")
    eve.goto(f"{server.url}/team?ds={DATASET}&tab=history")
    eve.get_by_text("final").first.wait_for(timeout=60_000)
    album.take(eve, "the_history_has_it_all")


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: python -m tests.walk FOLDER")
        return 2
    options = ["--no-sandbox"]
    with tempfile.TemporaryDirectory() as root, provider() as identity, sync_playwright() as playwright:
        server = Guarded(Path(root), identity)
        load_digits(server.workspace)
        server.plan(DATASET, Plan(looks=2, share=1.0))
        server.start()
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=options)
        try:
            with entering(browser, server) as enter:
                ann, bob, eve = (enter(name, viewport=SIZE) for name in ("ann", "bob", "eve"))
                walk(server, ann, bob, eve, Album(Path(sys.argv[1])))
            word = next(iter(server.store().in_force(DATASET).values()))
        finally:
            browser.close()
            server.stop()
    assert (word.annotator, word.final) == (address("eve"), True)
    print(f"settled by the final word of {word.annotator}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
