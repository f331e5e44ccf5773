"""Text: hashed character n-grams within words, reduced; for short, misspelt or unsegmented text."""

from __future__ import annotations

from core.dataset import Dataset
from core.models._base import Embedder, Features
from core.models._text import text_features
from core.progress import Progress


def _fit_transform(dataset: Dataset, seed: int, progress: Progress) -> Features:
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
    from sklearn.pipeline import make_pipeline

    hashed = HashingVectorizer(
        analyzer="char_wb", ngram_range=(3, 5), n_features=1 << 16, alternate_sign=False, norm=None
    )
    return text_features(dataset, make_pipeline(hashed, TfidfTransformer(sublinear_tf=True)), seed, progress)


TEXT_CHARACTERS = Embedder("text_characters", "character n-grams", "text", 1, _fit_transform)
