"""The search for a class: which comes first for what is typed."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from core.dataset import Columns, Dataset
from core.predictions import Predictions
from core.workspace import Workspace
from tests.browser.serving import Server, save, table
from tests.browser.watching import open_review, wait_saved

pytestmark = pytest.mark.browser
SEARCH = (Path(__file__).parents[2] / "pages/parts/review_surface/search.js").read_text(encoding="utf-8")
NAMES = [
    "running shoe",
    "credit card payment",
    "card",
    "Card delivery",
    "discarded",
    "cardPayment",
    "Café au lait",
    "great white shark",
    "crossword",
    "חולצה",
    "c++",
]


def find(
    page: Page, typed: str, likely: list[str] | None = None, names: list[str] | None = None
) -> list[str]:
    """What the search finds among the names, best first; likely: the row's likeliest classes in order."""
    names = NAMES if names is None else names
    codes = page.evaluate(
        f"([names, typed, likely]) => {{ {SEARCH}; return new ClassSearch(names).find(typed, likely); }}",
        [names, typed, [names.index(name) for name in likely or []]],
    )
    return [names[code] for code in codes]


def test_find__whole_name_beginning_words_part_letters(page: Page) -> None:
    assert find(page, "card") == [
        "card",
        "Card delivery",
        "cardPayment",
        "credit card payment",
        "discarded",
    ]
    assert find(page, "pay") == ["credit card payment", "cardPayment"]
    assert find(page, "cre pay") == ["credit card payment"]
    assert find(page, "gws") == ["great white shark"]
    assert find(page, "rsh") == ["running shoe"]
    assert find(page, "crwd") == ["crossword"]
    assert find(page, "c+")[0] == "c++"
    assert find(page, "zzz") == []


def test_find__likelier_first_among_equals(page: Page) -> None:
    assert find(page, "car", ["cardPayment", "Card delivery"])[:3] == ["cardPayment", "Card delivery", "card"]
    # The whole name comes first, however unlikely.
    assert find(page, "card", ["cardPayment"])[:2] == ["card", "cardPayment"]


def test_find__accents_case_and_scripts(page: Page) -> None:
    for typed in ("cafe", "CAFÉ", "cafe\u0301 au"):
        assert find(page, typed)[0] == "Café au lait"
    assert find(page, "חול") == ["חולצה"]


def test_find__among_a_thousand_after_three_letters(page: Page) -> None:
    """Things that have a sign in Unicode. Each is sought as one that the model ranks 10th to 50th."""
    signs = (
        unicodedata.name(chr(code), "").lower()
        for code in (*range(0x1F300, 0x1F700), *range(0x1F900, 0x1FA00))
    )
    names = [name for name in signs if name][:1000]
    assert len(set(names)) == 1000
    rng = np.random.default_rng(0)
    ranked = []
    for code in range(1000):
        others = [int(k) for k in rng.permutation(1000)[:50] if k != code][:49]
        at = int(rng.integers(9, 50))
        ranked.append([*others[:at], code, *others[at:]])
    script = f"([names, ranked]) => {{ {SEARCH}; const s = new ClassSearch(names);"
    script += " return ranked.map((r, code) => s.find(names[code].slice(0, 3), r).indexOf(code)); }"
    places = np.array(page.evaluate(script, [names, ranked]))
    print(f"first: {(places == 0).mean():.1%}, among nine: {(places < 9).mean():.1%}")
    assert (places == 0).mean() > 0.8
    assert (places < 9).mean() > 0.99


def many_classes(workspace: Workspace, name: str) -> None:
    """One row of 60 classes c-00 ... c-59, labelled c-00; the model's order is c-59, c-58, ..."""
    classes = tuple(f"c-{k:02d}" for k in range(60))
    labels = np.zeros(8, dtype=np.int32)
    ids = [str(i) for i in range(8)]
    frame = table(ids, labels, classes, text=pd.array(["some text"] * 8, dtype="str"))
    dataset = Dataset(name, frame, Columns("id", "label", None, ("text",), "text"), classes, classes, labels)
    probs = np.tile(np.arange(1, 61, dtype=np.float32), (8, 1))
    save(workspace, dataset, Predictions("test", probs / probs.sum(axis=1, keepdims=True)))


def test_surface__searches_by_the_rows_own_probabilities(
    page: Page, server: Server, own: Callable[..., str]
) -> None:
    name = own(many_classes)
    open_review(page, server.url, name, cut="1.0")
    page.keyboard.press("/")
    page.keyboard.type("c-4")
    names = page.locator("[role=option]").evaluate_all("(all) => all.map((o) => o.dataset.name)")
    assert names[:3] == ["c-49", "c-48", "c-47"]
    page.keyboard.type("8")
    expect(page.locator("[role=option]")).to_have_count(1)
    page.keyboard.press("Enter")
    wait_saved(page)
    (event,) = server.store().events(name)
    assert event.label == "c-48"
