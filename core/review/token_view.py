"""The sentence that a row's token stands in, as JSON-able values for the review surface."""

from __future__ import annotations

from typing import Any

import numpy as np

from core.dataset import Dataset
from core.methods.spans import OUTSIDE, read_tags, spans_of
from core.review.fields import cell_text

MOST_CHARACTERS = 8_000
MOST_TOKENS = 600
"""Shown of a sentence; of a longer one, those around the token."""


def sentence_view(dataset: Dataset, position: int) -> dict[str, Any]:
    """words: [token, given tag] pairs, "" for O and for no tag; at: which of them the row is. span: [first,
    behind the last] of the given span that it is in, or None. before, after: how many tokens of the sentence
    are not shown.
    """
    sentences = dataset.sentences
    if sentences is None:
        raise ValueError("rows are whole records")
    rows, at = sentences.rows(position)
    column = dataset.table[dataset.columns.tokens[-1]].array
    start, stop = _window(column, rows, at)
    rows, here = rows[start:stop], at - start
    tags = ["" if tag == OUTSIDE else str(tag) for tag in dataset.given_labels(rows)]
    words = [cell_text(column[row]) for row in rows.tolist()]
    return {
        "words": [list(pair) for pair in zip(words, tags, strict=True)],
        "at": here,
        "span": _span(dataset, rows, here),
        "before": start,
        "after": len(sentences.rows(position)[0]) - stop,
    }


def _window(column: Any, rows: np.ndarray, at: int) -> tuple[int, int]:
    """The part of a sentence around a token that is shown."""
    start, stop = max(0, at - MOST_TOKENS // 2), min(len(rows), at + MOST_TOKENS // 2)
    left = MOST_CHARACTERS
    low = high = at
    while left > 0 and (low > start or high + 1 < stop):
        for side in (-1, 1):
            place = low - 1 if side < 0 else high + 1
            if start <= place < stop:
                left -= len(cell_text(column[rows[place]])) + 1
                low, high = min(low, place), max(high, place)
    return low, high + 1


def _span(dataset: Dataset, rows: np.ndarray, at: int) -> list[int] | None:
    tags = np.asarray(dataset.labels[rows]).astype(np.int64)
    if tags[at] < 0:
        return None
    known = {int(k): place for place, k in enumerate(np.unique(tags[tags >= 0]).tolist())}
    codes = np.array([known.get(int(k), -1) for k in tags], dtype=np.int64)
    first = np.arange(len(codes)) == 0
    scheme = read_tags([dataset.classes[k] for k in known], codes, first)
    if scheme.scheme is None:
        return None
    found = spans_of(codes, first, scheme)
    which = int(found.of[at])
    return None if which < 0 else [int(found.start[which]), int(found.stop[which])]
