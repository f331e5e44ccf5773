"""What the annotator sees of a row: the checks, the picture, the text, the fields."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from core.dataset import Columns, Dataset
from core.predictions import Predictions
from core.workspace import Workspace
from tests.browser.serving import Server, probabilities, save, table
from tests.browser.watching import open_review, row

pytestmark = pytest.mark.browser


def test_findings__are_folded_and_stay_open(page: Page, server: Server) -> None:
    open_review(page, server.url, "pictures")
    lines = page.locator(".findings li")
    summary = page.locator(".findings summary")
    expect(summary).to_have_text("Flagged by 1 of 3 checks")
    expect(lines.first).to_be_hidden()
    page.keyboard.press("i")
    expect(lines).to_have_count(3)
    expect(lines.first).to_have_text(
        "Label errors: flagged, score 0.06, suggests shirt. The model gives shirt 89% and sandal <1%."
    )
    page.keyboard.press("j")
    expect(lines.first).to_be_visible()
    expect(lines.first).to_contain_text("Label errors: flagged")
    page.keyboard.press("i")
    expect(lines.first).to_be_hidden()


def test_fields__beside_what_is_usual_for_the_given_label(page: Page, server: Server) -> None:
    open_review(page, server.url, "measurements", row="0", cut="1.0")
    expect(page.locator(".fields thead th")).to_have_text(["Field", "Value", "Usual for low"])
    first = page.locator(".fields tbody tr").first
    expect(first.locator("th")).to_have_text("sulphates")
    expect(first.locator(".usual")).to_contain_text(" to ")


HEBREW = "שלום עולם. החולצה קטנה מדי."
ODD = "null \x00 bell \x07 escape \x1b[31m override \u202egnp.exe\u202c joiner \u200d end"
TEXTS = (
    f"First a paragraph in English (brackets).\n{HEBREW}\nThen English again: refund, Refund and REFUND.",
    f"{ODD} refund",
    "refund " + "x" * 30_000,
    "start " * 400 + "refund at the end",
    "price is $5 (five) [sic] a+b a.b refund",
    "<mark>refund</mark> <b onclick=alert(1)>bold</b>",
)


def writings(workspace: Workspace, name: str) -> None:
    """Texts in two directions, with control characters, a very long word and markup; a Hebrew class."""
    classes = ("חולצה", "abc\u202edef", "plain")
    labels = (np.arange(len(TEXTS)) % 3).astype(np.int32)
    ids = [f"t-{i}" for i in range(len(TEXTS))]
    frame = table(ids, labels, classes, text=pd.array(TEXTS, dtype="str"))
    dataset = Dataset(name, frame, Columns("id", "label", None, ("text",), "text"), classes, classes, labels)
    probs = probabilities(labels, 3, np.ones(len(TEXTS), dtype=bool), np.random.default_rng(0))
    save(workspace, dataset, Predictions("test", probs))


def marks(page: Page, kind: str) -> list[str]:
    return page.locator(f".prose mark.{kind}").all_text_contents()


def test_text__filter_and_find_are_marked_and_stay_for_the_next_row(
    page: Page, server: Server, own: Callable[..., str]
) -> None:
    open_review(page, server.url, own(writings), cut="1.0", q="refund", row="t-0", sort="row")
    assert marks(page, "filter") == ["refund", "Refund", "REFUND"]
    page.keyboard.press("s")
    page.keyboard.type("paragraph")
    assert marks(page, "found") == ["paragraph"]
    page.keyboard.press("Control+a")
    page.keyboard.type("f")
    assert marks(page, "found") == ["F", "f", "f", "F"]
    assert marks(page, "filter") == []  # a part of each is what is found
    expect(page.locator(".where")).to_have_text("4 found")
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".where")).to_have_text("4 of 4")
    expect(page.locator("mark.current")).to_have_count(1)
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    assert row(page) == "t-1"
    assert marks(page, "found") == ["f"]
    page.keyboard.press("s")
    page.keyboard.press("Delete")
    assert marks(page, "found") == []
    assert marks(page, "filter") == ["refund"]


def test_text__what_is_sought_is_no_pattern_and_no_markup(
    page: Page, server: Server, own: Callable[..., str]
) -> None:
    open_review(page, server.url, own(writings), cut="1.0", row="t-4", sort="row")
    page.keyboard.press("s")
    for typed, found in (
        ("a.b", ["a.b"]),
        ("(five) [", ["(five) ["]),
        ("$5", ["$5"]),
        ("\\", []),
        ("a+", ["a+"]),
    ):
        page.locator(".find").fill(typed)
        assert marks(page, "found") == found
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    assert page.locator(".prose").text_content() == TEXTS[5]
    page.locator(".find").fill("<b")
    assert marks(page, "found") == ["<b"]
    assert page.locator(".prose b").count() == 0


def test_text__a_match_below_the_fold_is_scrolled_to(
    page: Page, server: Server, own: Callable[..., str]
) -> None:
    open_review(page, server.url, own(writings), cut="1.0", row="t-3", sort="row", q="refund")
    expect(page.locator("mark.filter")).to_be_in_viewport()
    assert page.locator(".stage").evaluate("(stage) => stage.scrollTop") > 100
    assert page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollTop") == 0


def test_text__each_paragraph_runs_in_its_own_direction(
    page: Page, server: Server, own: Callable[..., str]
) -> None:
    open_review(page, server.url, own(writings), cut="1.0", row="t-0", sort="row")
    sides = page.locator(".prose").evaluate(
        """(prose) => {
          const text = prose.firstChild, box = prose.getBoundingClientRect();
          const lines = text.data.split('\\n');
          let at = 0;
          return lines.map((line) => {
            const range = document.createRange();
            range.setStart(text, at);
            range.setEnd(text, at + line.length);
            at += line.length + 1;
            const { left, right } = range.getBoundingClientRect();
            return left - box.left < box.right - right ? 'left' : 'right';
          });
        }"""
    )
    assert sides == ["left", "right", "left"]


def test_text__control_characters_and_long_words_are_harmless(
    page: Page, server: Server, own: Callable[..., str]
) -> None:
    open_review(page, server.url, own(writings), cut="1.0", row="t-1", sort="row")
    assert page.locator(".prose").text_content() == TEXTS[1]
    expect(page.locator(".given .label")).to_have_text("abc\u202edef")
    # In a sentence it turns nothing round.
    expect(page.locator(".why")).to_contain_text("and abc\ufffddef ")
    page.keyboard.press("j")
    assert row(page) == "t-2"
    over = page.locator(".stage").evaluate("(stage) => stage.scrollWidth - stage.clientWidth")
    assert over == 0
