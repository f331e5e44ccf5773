from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from core.models.text_tfidf import Words

TEXT = st.lists(st.sampled_from(["a", "b", "Été", "ete", "!", "zoo"]), max_size=6).map(" ".join)


@settings(deadline=None, max_examples=50)
@given(st.lists(TEXT, min_size=1, max_size=8), st.integers(1, 2))
def test_words__are_those_of_scikit_learn(texts: list[str], least: int) -> None:
    theirs = TfidfVectorizer(
        sublinear_tf=True,
        ngram_range=(1, 2),
        min_df=least,
        strip_accents="unicode",
        token_pattern=r"(?u)\b\w+\b",
    )
    try:
        expected = theirs.fit_transform(texts)
    except ValueError:
        with pytest.raises(ValueError, match="term"):
            Words(least).fit_transform(texts)
        return
    found = Words(least).fit_transform(texts)
    assert found.shape == expected.shape
    assert np.allclose((found @ found.T).toarray(), (expected @ expected.T).toarray())


def test_words__the_most_frequent_terms_stay() -> None:
    texts = ["x x x y", "x y", "z q"]
    found = Words(1, most=2).fit_transform(texts)
    assert found.toarray()[2].tolist() == [0, 0]  # of x (4), "x x" (2) and the rest, the two most frequent
    assert (found.toarray()[:2, 0] > 0).all() and found.shape == (3, 2)
