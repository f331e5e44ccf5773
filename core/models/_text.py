"""What the text embedders share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Protocol

import numpy as np

from core.dataset import Dataset
from core.errors import Problem, refuse
from core.methods.duplicates import contents
from core.models._base import Features
from core.models._reduce import reduced
from core.progress import Progress

if TYPE_CHECKING:
    from scipy import sparse

LONGEST = 20_000  # characters read of each text
_DIMS = 300
_AT_ONCE = 500


class Vectorizer(Protocol):
    """scikit-learn's, as far as it is used."""

    def fit_transform(self, raw_documents: Iterable[str]) -> sparse.csr_matrix: ...


def text_features(dataset: Dataset, vectorizer: Vectorizer, seed: int, progress: Progress) -> Features:
    """(N, D <= 300) float32 rows of unit length, zero for a text without known terms."""
    texts = texts_of(dataset)
    try:
        terms = vectorizer.fit_transform(_told(texts, progress.part(0, 0.5, "reading texts")))
    except ValueError as error:
        raise refuse(
            "no word that two texts share", column=dataset.columns.content[0], mend="bring predictions"
        ) from error
    values = reduced(terms.astype(np.float32).tocsr(), _DIMS, seed, progress.part(0.5, 1))
    length = np.linalg.norm(values, axis=1, keepdims=True)
    return Features(values / np.where(length > 0, length, 1), long_texts(texts, dataset.columns.content[0]))


def texts_of(dataset: Dataset) -> list[str]:
    """The text of each row. Raises InputError where there is none."""
    if not dataset.columns.content:
        raise refuse("no content column to learn from", mend="say which column holds the text")
    texts = contents(dataset)
    if not any(text.strip() for text in texts):
        raise refuse("every text is empty", column=dataset.columns.content[0], mend="choose another column")
    return texts


def _told(texts: list[str], progress: Progress) -> Iterator[str]:
    for row, text in enumerate(texts):
        if row % _AT_ONCE == 0:
            progress.report(row / len(texts))
        yield text[:LONGEST]


def long_texts(texts: list[str], column: str) -> tuple[Problem, ...]:
    """What to tell where texts are longer than is read of them."""
    long = [row for row, text in enumerate(texts) if len(text) > LONGEST]
    if not long:
        return ()
    found = f"the model reads the first {LONGEST:,} characters of a text; this one is longer"
    return (Problem("notice", found, row=long[0] + 1, column=column, count=len(long)),)
