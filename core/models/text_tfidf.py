"""Text: TF-IDF of words and word pairs, reduced by a truncated SVD (latent semantic analysis)."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from core.dataset import Dataset
from core.models._base import Embedder, Features
from core.models._text import text_features
from core.progress import Progress

if TYPE_CHECKING:
    from scipy import sparse

_MOST_TERMS = 50_000
_RARE_COUNTS_FROM = 100


class Words:
    """TF-IDF of the most frequent words and word pairs.

    The same numbers as scikit-learn's TfidfVectorizer, which sorts and prunes millions of terms at the end
    without a look at Cancel: 6 s for 120,000 texts. least: texts that a term must be in.
    """

    def __init__(self, least: int, most: int = _MOST_TERMS, progress: Progress | None = None) -> None:
        """progress: what is looked at once the last text was read."""
        self._least, self._most = least, most
        self._progress = progress or Progress()

    def fit_transform(self, raw_documents: Iterable[str]) -> sparse.csr_matrix:
        """(N, at most `most`) float64 rows of unit length. Raises ValueError where no term is left."""
        from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

        words = CountVectorizer(ngram_range=(1, 2), strip_accents="unicode", token_pattern=r"(?u)\b\w+\b")
        counts = _counts(raw_documents, words.build_analyzer())
        self._progress.report(0, "choosing terms")
        texts = np.bincount(counts.indices, minlength=counts.shape[1])
        there = np.bincount(counts.indices, counts.data, minlength=counts.shape[1])
        often = np.flatnonzero(texts >= self._least)
        if not len(often):
            raise ValueError("no term is in as many texts as it must be")
        kept = np.sort(often[np.argsort(-there[often], kind="stable")[: self._most]])
        self._progress.report(0.3, "choosing terms")
        chosen = _columns(counts, kept)
        self._progress.report(0.6, "weighing terms")
        weights = TfidfTransformer(sublinear_tf=True).fit(chosen)
        self._progress.report(0.7, "weighing terms")
        weighed = weights.transform(chosen, copy=False)
        self._progress.report(1, "weighing terms")
        return weighed


def _counts(texts: Iterable[str], terms_of: Callable[[str], list[str]]) -> sparse.csr_matrix:
    """(N, terms) how often each term is in each text; terms in the order of their first text."""
    from scipy import sparse

    known: dict[str, int] = {}
    columns, values, ends = array("q"), array("q"), array("q", [0])
    for text in texts:
        said = Counter(terms_of(text))
        columns.extend(known.setdefault(term, len(known)) for term in said)
        values.extend(said.values())
        ends.append(len(columns))
    indices, data, indptr = (
        np.frombuffer(a, np.int64) if len(a) else np.zeros(0, np.int64) for a in (columns, values, ends)
    )
    return sparse.csr_matrix((data, indices, indptr), shape=(len(indptr) - 1, len(known)))


def _columns(counts: sparse.csr_matrix, kept: np.ndarray) -> sparse.csr_matrix:
    """The matrix with these columns only, in this order."""
    from scipy import sparse

    number = np.full(counts.shape[1], -1, np.int64)
    number[kept] = np.arange(len(kept))
    moved = number[counts.indices]
    stays = moved >= 0
    ends = np.append(0, np.cumsum(stays))[counts.indptr]
    return sparse.csr_matrix((counts.data[stays], moved[stays], ends), shape=(counts.shape[0], len(kept)))


def _fit_transform(dataset: Dataset, seed: int, progress: Progress) -> Features:
    words = Words(2 if len(dataset) >= _RARE_COUNTS_FROM else 1, progress=progress.part(0.5, 0.5))
    return text_features(dataset, words, seed, progress)


TEXT_TFIDF = Embedder("text_tfidf", "TF-IDF of words", "text", 2, _fit_transform)
