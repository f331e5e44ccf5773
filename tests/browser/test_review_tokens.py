"""A token with its sentence around it, as the annotator sees it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, expect

from core.dataset import Columns, Dataset
from core.importers._token_rows import TOKENS, token_frame
from core.predictions import Predictions
from core.workspace import Workspace
from tests.browser.conftest import opened_context
from tests.browser.serving import Server, save
from tests.browser.watching import open_review

pytestmark = pytest.mark.browser

SENTENCES = (
    "Ann/B-PER Abbot/I-PER of/O the/O University/B-ORG of/I-ORG Leeds/I-ORG flew/O to/O New/B-LOC "
    "York/I-LOC ./O",
    "<b>bold</b>/B-PER of/O \u202egnp/O of/O x\u202ey/B-LOC ./O",
    "שלום/B-LOC עולם/I-LOC הוא/O כאן/O",
    " ".join(f"word{i}/O" for i in range(1000)) + " Oslo/B-LOC",
)
CLASSES = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")


def tokens(workspace: Workspace, name: str) -> None:
    """Four sentences: in two directions, with markup, and a very long one."""
    pieces = [[piece.rsplit("/", 1) for piece in line.split(" ")] for line in SENTENCES]
    tags = [tag for one in pieces for _, tag in one]
    labels = np.array([CLASSES.index(tag) for tag in tags], dtype=np.int32)
    words = [word for one in pieces for word, _ in one]
    frame = token_frame(words, np.array(list(map(len, pieces))), pd.Series(tags, dtype="str"), {}, "x")
    frame.index = pd.Index(frame["id"], dtype="str", name=None)
    columns = Columns("id", "label", None, ("token", "text"), "text", tokens=TOKENS)
    probs = np.full((len(tags), len(CLASSES)), 0.02, dtype=np.float32)
    probs[np.arange(len(tags)), labels] = 0.88
    save(workspace, Dataset(name, frame, columns, CLASSES, CLASSES, labels), Predictions("test", probs))


def test_token__is_marked_in_its_sentence(page: Page, server: Server, own: Callable[..., str]) -> None:
    open_review(page, server.url, own(tokens), cut="1.0", row="1-7", sort="row", q="of")
    expect(page.locator("mark.token")).to_have_text("Leeds")
    assert page.locator(".prose .tag").all_text_contents() == [tag for tag in CLASSES[1:3]] + [
        "B-ORG", "I-ORG", "I-ORG", "B-LOC", "I-LOC",
    ]  # fmt: skip
    assert page.locator(".tagged.span").all_text_contents() == ["UniversityB-ORG", "ofI-ORG", "LeedsI-ORG"]
    expect(page.locator(".surface")).to_contain_text("Token 7 of 12 · span of 3")
    assert page.locator("mark.filter").all_text_contents() == ["of", "of"]
    page.keyboard.press("s")
    page.keyboard.type("flew to")
    assert page.locator("mark.found").all_text_contents() == ["flew to"]


def test_token__nothing_from_the_data_is_markup(page: Page, server: Server, own: Callable[..., str]) -> None:
    open_review(page, server.url, own(tokens), cut="1.0", row="2-1", sort="row")
    expect(page.locator("mark.token")).to_have_text("<b>bold</b>")
    assert page.locator(".prose b").count() == 0


def test_token__in_a_sentence_from_right_to_left(page: Page, server: Server, own: Callable[..., str]) -> None:
    open_review(page, server.url, own(tokens), cut="1.0", row="3-1", sort="row")
    token, following = (page.locator(".prose .tagged").nth(i).bounding_box() for i in (0, 1))
    assert token is not None and following is not None and token["x"] > following["x"]


def test_token__far_in_a_long_sentence_is_scrolled_to(
    page: Page, server: Server, own: Callable[..., str]
) -> None:
    open_review(page, server.url, own(tokens), cut="1.0", row="4-1001", sort="row")
    expect(page.locator("mark.token")).to_have_text("Oslo")
    expect(page.locator("mark.token")).to_be_in_viewport()
    expect(page.locator(".prose")).to_contain_text("more tokens")


@pytest.mark.skipif("TOKEN_PICTURES" not in os.environ, reason="pictures are for people to look at")
def test_token__pictures(browser: Browser, server: Server, own: Callable[..., str]) -> None:
    folder, name = Path(os.environ["TOKEN_PICTURES"]), own(tokens)
    for scheme in ("light", "dark"):
        for width, height in ((1440, 900), (390, 844)):
            size = {"width": width, "height": height}
            with opened_context(browser, viewport=size, color_scheme=scheme) as context:
                page = context.new_page()
                for row in ("1-7", "3-1"):
                    open_review(page, server.url, name, cut="1.0", row=row, sort="row")
                    page.wait_for_timeout(500)
                    page.screenshot(path=folder / f"{scheme}-{width}-{row}.png")
