"""What the pretrained models of texts share: batches by length, within bounds, with Cancel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from core.dataset import Dataset
from core.errors import Problem
from core.models._base import Features
from core.models._beside import Beside, Rows
from core.models._text import LONGEST, long_texts, texts_of
from core.progress import Progress

Encode = Callable[[list[str]], tuple[object, Sequence[bool]]]
"""n texts to (n, D) numbers, and of each text whether the model read its beginning only."""
_AT_ONCE = 16


def sentence_features(
    dataset: Dataset, load: Callable[[], Encode], title: str, progress: Progress
) -> Features:
    """(N, D) float32 of a model's features. The longest texts come first, so that memory is at its peak at
    once; texts of like length go together, since a batch costs what its longest text does."""
    texts = texts_of(dataset)
    rows, count, cut = Rows(len(texts), title), len(texts), list[int]()
    order = np.argsort([-len(text) for text in texts], kind="stable")
    with Beside() as beside:
        encode = beside.run(load, progress.part(0, 0.1, "loading the model"))
        for start in range(0, count, _AT_ONCE):
            batch = order[start : start + _AT_ONCE]
            part = progress.part(0.1 + 0.9 * start / count, 1, "reading texts")
            made, shortened = beside.run(partial(encode, [texts[i][:LONGEST] for i in batch]), part)
            rows.put(batch, made)
            cut += [int(i) for i, short in zip(batch, shortened, strict=True) if short]
    column = dataset.columns.content[0]
    return Features(rows.values(), (*long_texts(texts, column), *_cut_short(cut, column)))


def _cut_short(rows: list[int], column: str) -> tuple[Problem, ...]:
    if not rows:
        return ()
    found = "the model reads the beginning of a text only; this one is longer"
    return (Problem("notice", found, row=min(rows) + 1, column=column, count=len(rows)),)
