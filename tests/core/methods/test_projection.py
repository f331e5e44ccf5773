from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.manifold import trustworthiness

from core.errors import InputError
from core.methods import projection
from core.methods.projection import neighbourly, principal
from core.progress import Cancelled, Progress


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    return load_digits().data[:1000].astype(np.float32)


def test_principal__are_the_principal_components(digits: np.ndarray) -> None:
    centred = unit(digits) - unit(digits).mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    ours = principal(digits)
    for side in range(2):
        assert abs(np.corrcoef(ours[:, side], centred @ axes[side])[0, 1]) > 0.999


def test_neighbourly__near_rows_stay_near(digits: np.ndarray) -> None:
    flat = trustworthiness(unit(digits), principal(digits), n_neighbors=10)
    drawn = trustworthiness(unit(digits), neighbourly(digits), n_neighbors=10)
    assert flat < 0.9 < 0.96 < drawn


def test_neighbourly__the_others_are_put_between(digits: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projection, "LAID_OUT", 500)
    assert trustworthiness(unit(digits), neighbourly(digits), n_neighbors=10) > 0.93


@pytest.mark.parametrize("draw", [principal, neighbourly])
def test_maps__the_same_again_from_a_memory_map(draw, digits: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", digits)
    again = draw(np.load(tmp_path / "rows.npy", mmap_mode="r"))
    assert np.array_equal(draw(digits), again)
    assert np.ptp(again, axis=0).max() == pytest.approx(2, abs=1e-5)


@pytest.mark.parametrize("draw", [principal, neighbourly])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 40])
def test_maps__few_rows_equal_rows_and_rows_of_one_number(draw, n: int) -> None:
    for rows in (np.ones((n, 5)), np.zeros((n, 3)), np.arange(n, dtype=np.float32)[:, None]):
        places = draw(rows)
        assert places.shape == (n, 2)
        assert np.isfinite(places).all()
        assert (np.abs(places) <= 1.0001).all()


@pytest.mark.parametrize("draw", [principal, neighbourly])
def test_maps__refuse_what_is_not_finite(draw) -> None:
    rows = np.ones((10, 3))
    rows[4, 1] = np.nan
    with pytest.raises(InputError, match="row 5"):
        draw(rows)


def test_neighbourly__can_be_cancelled(digits: np.ndarray) -> None:
    progress = Progress(lambda fraction, _: progress.cancel() if fraction > 0.5 else None)
    with pytest.raises(Cancelled):
        neighbourly(digits, progress=progress)
