from __future__ import annotations

import numpy as np
import pytest

from core.methods.neighbours import nearest
from core.methods.recall import Recall, measured, sampled


def searched(n: int, k: int = 15) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    embeddings = np.random.default_rng(0).normal(size=(n, 4)).astype(np.float32)
    return embeddings, *nearest(embeddings, np.arange(n), k)


def test_measured__all_found() -> None:
    reached = measured(*searched(300))
    assert (reached.value, reached.rows, reached.at, reached.seed) == (1, 300, 10, 0)
    assert reached.high == pytest.approx(1) and reached.low == pytest.approx(
        300 / (300 + 1.96**2)
    )  # Wilson's of 300 of 300


def test_measured__counts_what_is_missed_and_widens_for_rows_that_miss_all() -> None:
    embeddings, rows, distances = searched(300)
    spread = distances.copy()
    spread[:, 0] = np.inf  # one of ten is missed in every row
    each = measured(embeddings, rows, spread)
    assert each.value == pytest.approx(0.9)
    lumped = distances.copy()
    lumped[:30] = np.inf  # a tenth of the rows miss all
    some = measured(embeddings, rows, lumped)
    assert some.value == pytest.approx(0.9)
    assert some.high - some.low > 2 * (each.high - each.low)
    assert some.low < 0.9 < some.high


def test_measured__rows_at_the_same_distance_are_as_good() -> None:
    embeddings = np.ones((60, 3), dtype=np.float32)
    rows, distances = nearest(embeddings, np.arange(60), 10)
    assert measured(embeddings, rows[::-1].copy(), distances).value == 1


def test_measured__fewer_rows_than_ten() -> None:
    embeddings, rows, distances = searched(4, 3)
    assert measured(embeddings, rows, distances).at == 3


def test_words__are_not_rounded_up() -> None:
    said = Recall(0.9899, 0.97999, 0.99999, 1000).words
    assert said == "approximate nearest rows, recall@10 0.989 (0.979 to 0.999) on 1,000 rows, seed 0"
    assert "recall@10 1.000 (0.996 to 1.000)" in Recall(1, 0.9962, 1, 1000).words


def test_sampled__is_seeded_and_sorted() -> None:
    assert sampled(5, 0).tolist() == [0, 1, 2, 3, 4]
    found = sampled(100_000, 1)
    assert len(np.unique(found)) == 1000 and (np.diff(found) > 0).all()
    np.testing.assert_array_equal(found, sampled(100_000, 1))
    assert found.tolist() != sampled(100_000, 0).tolist()
