"""Text: TF-IDF of words and word pairs, reduced by a truncated SVD (latent semantic analysis)."""

from __future__ import annotations

from core.dataset import Dataset
from core.models._base import Embedder, Features
from core.models._text import text_features
from core.progress import Progress


def _fit_transform(dataset: Dataset, seed: int, progress: Progress) -> Features:
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = TfidfVectorizer(
        sublinear_tf=True,
        ngram_range=(1, 2),
        min_df=2 if len(dataset) >= 100 else 1,
        max_features=50_000,
        strip_accents="unicode",
        token_pattern=r"(?u)\b\w+\b",
    )
    return text_features(dataset, words, seed, progress)


TEXT_TFIDF = Embedder("text_tfidf", "TF-IDF of words", "text", 1, _fit_transform)
