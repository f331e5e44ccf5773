"""What the pretrained models of texts share: batches by length, within bounds, with Cancel."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from core.dataset import Dataset
from core.models._base import Features
from core.models._beside import Beside, Rows
from core.models._text import LONGEST, long_texts, texts_of
from core.progress import Progress

Encode = Callable[[list[str]], np.ndarray]
"""n texts to (n, D) numbers."""
_AT_ONCE = 16


def sentence_features(
    dataset: Dataset, load: Callable[[], Encode], title: str, progress: Progress
) -> Features:
    """(N, D) float32 of a model's features. The longest texts come first, so that memory is at its peak at
    once; texts of like length go together, since a batch costs what its longest text does."""
    texts = texts_of(dataset)
    rows, count = Rows(len(texts), title), len(texts)
    order = np.argsort([-len(text) for text in texts], kind="stable")
    with Beside() as beside:
        encode = beside.run(load, progress.part(0, 0.1, "loading the model"))
        for start in range(0, count, _AT_ONCE):
            batch = order[start : start + _AT_ONCE]
            part = progress.part(0.1 + 0.9 * start / count, 1, "reading texts")
            rows.put(batch, beside.run(partial(encode, [texts[i][:LONGEST] for i in batch]), part))
    return Features(rows.values(), long_texts(texts, dataset.columns.content[0]))
