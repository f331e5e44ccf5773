from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.methods.clusters import centre_distances, clusters
from core.methods.keep_budget import (
    budget,
    complexity,
    hard_warning,
    keep_mask,
    largest_remainder,
    shares,
    water_filling,
)


def test_budget__the_papers_case() -> None:
    """The first cluster would keep 90 of its 60 rows: it keeps all, and the other one the rest."""
    assert budget(np.array([0.9, 0.1]), np.array([60, 200]), 100).tolist() == [60, 40]


@pytest.mark.parametrize(
    ("keep", "expected"),
    [(0, [0, 0, 0]), (3, [1, 1, 1]), (2, [1, 1, 0]), (12, [5, 3, 4]), (11, [5, 3, 3])],
)
def test_budget__edges(keep: int, expected: list[int]) -> None:
    assert budget(np.array([0.9, 0.05, 0.05]), np.array([5, 3, 4]), keep).tolist() == expected


def test_budget__more_than_all_rows_is_refused() -> None:
    with pytest.raises(ValueError, match="4 of 3 rows cannot be kept"):
        budget(np.array([1.0]), np.array([3]), 4)


@given(
    st.lists(st.tuples(st.floats(0, 4), st.integers(1, 500)), min_size=1, max_size=30),
    st.floats(0, 1),
    st.sampled_from([0.02, 0.1, 0.5]),
)
def test_budget__sum_and_bounds_hold(parts: list[tuple[float, int]], part: float, temperature: float) -> None:
    sizes = np.array([size for _, size in parts])
    keep = int(part * sizes.sum())
    kept = budget(shares(np.array([c for c, _ in parts]), temperature), sizes, keep)
    assert kept.sum() == keep
    assert (kept <= sizes).all()
    assert (kept >= min(1, keep // len(sizes))).all()


@settings(max_examples=300)
@given(
    st.lists(st.tuples(st.floats(-500, 500), st.floats(0, 50), st.floats(0, 300)), min_size=1, max_size=12),
    st.floats(0, 1),
)
def test_water_filling__is_the_optimum(cells: list[tuple[float, float, float]], part: float) -> None:
    """The Karush-Kuhn-Tucker conditions, which only the optimum of this convex problem meets: one level for
    all that lie between their bounds, none below it at its lower bound, none above it at its upper bound."""
    target, lower, room = np.array(cells).T
    upper = lower + room
    total = float(lower.sum() + part * room.sum())
    x = water_filling(target, lower, upper, total)
    assert x.sum() == pytest.approx(total, abs=1e-7)
    assert (x >= lower).all()
    assert (x <= upper).all()
    gradient = x - target  # equals minus the level where no bound holds
    free = (x > lower + 1e-9) & (x < upper - 1e-9)
    at_least = gradient[x > lower + 1e-9]  # these could give some away
    at_most = gradient[x < upper - 1e-9]  # these could take some
    assume(free.any() or len(at_least) * len(at_most))
    assert at_least.max() <= at_most.min() + 1e-7


def test_water_filling__no_other_amounts_are_nearer() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        k = int(rng.integers(2, 8))
        lower, room = rng.uniform(0, 5, k), rng.uniform(0, 40, k)
        target = rng.uniform(-20, 80, k)
        total = lower.sum() + rng.uniform(0, 1) * room.sum()
        best = water_filling(target, lower, lower + room, total)
        reached = np.square(best - target).sum()
        for _ in range(200):
            a, b = rng.choice(k, 2, replace=False)
            step = rng.uniform(0, 1) * min(lower[a] + room[a] - best[a], best[b] - lower[b])
            moved = best.copy()
            moved[a] += step
            moved[b] -= step
            assert np.square(moved - target).sum() >= reached - 1e-6


@pytest.mark.parametrize(("lower", "upper"), [([2, 2], [3, 3]), ([0, 0], [1, 1]), ([3, 0], [2, 9])])
def test_water_filling__bounds_that_leave_nothing_are_refused(lower: list[int], upper: list[int]) -> None:
    with pytest.raises(ValueError, match="no such amounts"):
        water_filling(np.ones(2), np.array(lower), np.array(upper), 3.0)


def test_largest_remainder__keeps_the_sum_where_rounding_would_not() -> None:
    assert largest_remainder(np.array([1.4, 1.4, 1.2]), 4).tolist() == [2, 1, 1]
    assert np.rint([1.4, 1.4, 1.2]).sum() == 3


def test_shares__softmax() -> None:
    found = shares(np.array([0.2, 0.1]), 0.1)
    assert found[0] / found[1] == pytest.approx(np.e)
    assert found.sum() == pytest.approx(1)
    assert shares(np.empty(0)).tolist() == []
    assert np.isfinite(shares(np.array([0.0, 4.0]), 1e-4)).all()


def test_complexity__mean_distance_times_distance_of_the_centres() -> None:
    found = complexity(np.array([0.1, 0.4, 0.3]), np.array([0, 1, 0]), np.array([0.5, 2.0]))
    assert found.tolist() == pytest.approx([0.1, 0.8])


def planted(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(embeddings, clusters): a tight one of 5,000 rows, then nine wide ones of 500."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(10), [5000] + [500] * 9)
    spread = np.where(group == 0, 0.02, 0.2)
    rows = np.eye(10, 32)[group] + spread[:, None] * rng.normal(size=(len(group), 32))
    return rows.astype(np.float32), group


def test_planted__a_tight_cluster_gives_way_to_the_wide_ones() -> None:
    embeddings, group = planted()
    distance, between = centre_distances(embeddings, group)
    kept = budget(shares(complexity(distance, group, between)), np.bincount(group), len(group) // 2)
    share = kept / np.bincount(group)
    assert share[0] == pytest.approx(0.05, abs=0.01)
    assert (share[1:] == 1).all()


def test_keep_mask__farthest_nearest_or_at_random() -> None:
    group = np.array([0, 1, 0, 0, 1])
    distance = np.array([0.3, 0.1, 0.2, 0.3, 0.4])
    keep = np.array([2, 1])
    assert keep_mask(group, distance, keep, "hard").tolist() == [True, False, False, True, True]
    assert keep_mask(group, distance, keep, "easy").tolist() == [True, True, True, False, False]
    drawn = keep_mask(group, distance, keep, "random")
    assert np.bincount(group[drawn]).tolist() == [2, 1]
    assert (drawn == keep_mask(group, distance, keep, "random")).all()


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.data())
def test_keep_mask__keeps_as_many_as_the_budget_says(numbers: list[int], data: st.DataObject) -> None:
    _, group = np.unique(numbers, return_inverse=True)
    size = np.bincount(group)
    keep = np.array([data.draw(st.integers(0, int(n))) for n in size])
    for which in ("hard", "easy", "random"):
        mask = keep_mask(group, np.linspace(0, 1, len(group)), keep, which)  # type: ignore[arg-type]
        assert np.bincount(group[mask], minlength=len(size)).tolist() == keep.tolist()


def test_centre_distances__known_values() -> None:
    rows = np.array([[2, 0], [0, 3], [-1, 0], [-5, 0]], dtype=np.float32)
    distance, between = centre_distances(rows, np.array([0, 0, 1, 1]))
    half = 1 - np.sqrt(0.5)
    np.testing.assert_allclose(distance, [half, half, 0, 0], atol=1e-6)
    np.testing.assert_allclose(between, 1 + np.sqrt(0.5), atol=1e-6)


def test_centre_distances__one_cluster_and_rows_that_cancel_out() -> None:
    distance, between = centre_distances(np.array([[1, 0], [-1, 0]], dtype=np.float32), np.zeros(2, int))
    assert distance.tolist() == [1, 1]
    assert between.tolist() == [0]


def test_hard_warning__on_wrong_labels_and_on_unchecked_ones() -> None:
    assert hard_warning(0.15).startswith("15% of the labels look wrong and are not reviewed")
    assert "have not been checked" in hard_warning(None)
    assert hard_warning(0.001) == ""


@pytest.mark.parametrize("name", ["text_agnews_human", "text_banking77_injected", "cifar10n"])
def test_hard_warning__is_right_on_real_noise(shared_data: Path, name: str) -> None:
    """The warning's claim: the hardest tenth holds a larger share of wrong labels than the data set."""
    folder = shared_data / name
    truth = pd.read_csv(folder / "truth.csv")
    wrong = truth["is_error" if "is_error" in truth else "is_injected_error"].to_numpy(bool)
    embeddings = np.load(folder / "embeddings.npy", mmap_mode="r")
    group = clusters(embeddings)
    distance, between = centre_distances(embeddings, group)
    kept = budget(shares(complexity(distance, group, between)), np.bincount(group), len(group) // 10)
    hardest = wrong[keep_mask(group, distance, kept, "hard")].mean()
    assert hardest > 1.3 * wrong.mean()
    assert hard_warning(float(wrong.mean()))
