from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.predictions import Predictions
from core.review import items, token_view
from tests.core.checks.test_span_labels import made

DATASET = made("Ann/B-PER of/O New/B-LOC York/I-LOC left/O\nBen/ left/O")


@pytest.mark.parametrize(
    ("row", "at", "span"),
    [(0, 0, [0, 1]), (1, 1, None), (2, 2, [2, 4]), (3, 3, [2, 4]), (5, 0, None), (6, 1, None)],
)
def test_sentence_view__which_token_and_its_span(row: int, at: int, span: list[int] | None) -> None:
    found = token_view.sentence_view(DATASET, row)
    assert (found["at"], found["span"], found["before"], found["after"]) == (at, span, 0, 0)


def test_sentence_view__given_tags_beside_the_words() -> None:
    words = [["Ann", "B-PER"], ["of", ""], ["New", "B-LOC"], ["York", "I-LOC"], ["left", ""]]
    assert token_view.sentence_view(DATASET, 4)["words"] == words
    order = np.array([4, 6, 0, 3, 2, 5, 1])
    shuffled = replace(DATASET, table=DATASET.table.iloc[order], labels=DATASET.labels[order])
    found = token_view.sentence_view(shuffled, 0)
    assert found["words"] == words and found["at"] == 4


def test_sentence_view__of_a_long_sentence_what_stands_around_the_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    long = made(" ".join(f"w{i}/O" for i in range(2000)))
    found = token_view.sentence_view(long, 1000)
    assert found["words"][found["at"]][0] == "w1000"
    assert found["before"] + len(found["words"]) + found["after"] == 2000
    assert len(found["words"]) == token_view.MOST_TOKENS
    monkeypatch.setattr(token_view, "MOST_CHARACTERS", 50)
    assert len(token_view.sentence_view(long, 0)["words"]) < 20


def test_content__a_token_is_a_text_with_its_sentence() -> None:
    board = items.Board(DATASET, Predictions(), {}, "", lambda position, size: "")
    found = items.content(board, 2)
    assert found["kind"] == "text" and found["text"] == "New\n\nAnn of New York left"
    assert found["more"] == 0 and found["words"][found["at"]] == ["New", "B-LOC"]
    assert items.preview(board, 2)["text"] == "New\n\nAnn of New York left"
