from __future__ import annotations

import numpy as np
import pytest

from core.methods.numbers_out_of_sample import number_trust, numbers_out_of_sample
from core.progress import Cancelled, Progress


def world(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(features, numbers, folds): linear in the first feature, with noise of 1."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 3)).astype(np.float32)
    return x, 50 + 10 * x[:, 0].astype(float) + rng.normal(0, 1, rows), np.arange(rows) % 5


@pytest.mark.parametrize("trees", [True, False])
def test_numbers_out_of_sample__foretells_what_it_has_not_seen(trees: bool) -> None:
    x, y, folds = world(400)
    found = numbers_out_of_sample(x, y, folds, trees)
    assert np.median(np.abs(found - y)) < 1.6
    assert np.array_equal(found, numbers_out_of_sample(x, y, folds, trees))


@pytest.mark.parametrize("trees", [True, False])
def test_numbers_out_of_sample__learns_nothing_of_a_row_from_itself(trees: bool) -> None:
    x, y, folds = world(200)
    other = y.copy()
    other[folds == 2] = 1e6
    here = folds == 2
    found, again = (numbers_out_of_sample(x, numbers, folds, trees) for numbers in (y, other))
    assert np.array_equal(found[here], again[here])
    assert not np.array_equal(found[~here], again[~here])


@pytest.mark.parametrize("trees", [True, False])
def test_numbers_out_of_sample__a_few_slips_do_not_move_it(trees: bool) -> None:
    x, y, folds = world(600)
    slips = y.copy()
    slips[::60] *= 1000
    found = numbers_out_of_sample(x, slips, folds, trees)
    assert np.median(np.abs(found - y)) < 2.5


def test_numbers_out_of_sample__leaves_out_rows_without_a_number() -> None:
    x, y, folds = world(100)
    y[:3] = np.nan
    assert np.isfinite(numbers_out_of_sample(x, y, folds, False)).all()
    with pytest.raises(ValueError, match="no numbers"):
        numbers_out_of_sample(x, np.where(folds == 1, y, np.nan), folds, False)


def test_numbers_out_of_sample__can_be_cancelled() -> None:
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        numbers_out_of_sample(*world(50), False, progress)


def test_number_trust__tells_skill_from_none() -> None:
    x, y, folds = world(400)
    good = number_trust(y, numbers_out_of_sample(x, y, folds, False))
    assert good.verdict == "usable" and good.low <= good.skill <= good.high and good.typical < 1
    rng = np.random.default_rng(1)
    none = number_trust(y, np.median(y) + rng.normal(0, 1, len(y)))
    assert none.verdict == "none" and "do not judge numbers by it" in none.sentence
    assert number_trust(np.ones(5), np.ones(5)).skill == 0
    assert "400 rows" in good.sentence and f"{good.skill:.0%} better" in good.sentence
