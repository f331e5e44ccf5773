from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, strategies
from scipy import stats

from core.review.chance import random_order, unit_interval

IDS = pd.Index([str(i) for i in range(20_000)], dtype="str")


def test_unit_interval__values_are_pinned() -> None:
    """Another value here means that every overlap share and audit drawn so far changes: never accept it."""
    drawn = unit_interval(["a", "b", "naïve 漢", ""], 7, "overlap")
    assert drawn.tolist() == [
        0.3840700318169623,
        0.45115313507171073,
        0.1641236522093833,
        0.11796789179566602,
    ]


def test_unit_interval__is_uniform() -> None:
    for seed, purpose in ((0, "audit"), (1, "overlap")):
        drawn = unit_interval(IDS, seed, purpose)
        assert stats.kstest(drawn, "uniform").pvalue > 0.01
        assert drawn.min() >= 0
        assert drawn.max() < 1
        assert abs((drawn < 0.1).mean() - 0.1) < 0.007  # three standard errors


def test_unit_interval__purposes_and_seeds_are_independent() -> None:
    first = unit_interval(IDS, 0, "audit")
    for other in (unit_interval(IDS, 0, "overlap"), unit_interval(IDS, 1, "audit")):
        assert abs(np.corrcoef(first, other)[0, 1]) < 0.022  # three standard errors
        both = ((first < 0.5) & (other < 0.5)).mean()
        assert abs(both - 0.25) < 0.01


def test_unit_interval__neighbouring_ids_are_independent() -> None:
    drawn = unit_interval(IDS, 0, "audit")
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.022


@given(strategies.lists(strategies.text(strategies.characters(codec="utf-8")), unique=True))
def test_unit_interval__a_row_keeps_its_draw_whatever_stands_beside_it(ids: list[str]) -> None:
    together = unit_interval(ids, 3, "overlap").tolist()
    assert together == [unit_interval([one], 3, "overlap")[0] for one in ids]


def test_random_order__is_a_permutation_that_outlives_an_import() -> None:
    order = random_order(IDS, 0)
    assert sorted(order) == list(range(len(IDS)))
    moved = IDS[::-1].append(pd.Index(["new", "newer"], dtype="str"))
    again = moved[random_order(moved, 0)]
    assert [i for i in again if not i.startswith("new")] == IDS[order].tolist()


def test_random_order__differs_between_seeds_and_purposes() -> None:
    first = random_order(IDS, 0)
    assert (first == random_order(IDS, 0)).all()
    assert (first != random_order(IDS, 1)).mean() > 0.99
    assert (first != random_order(IDS, 0, "another data set")).mean() > 0.99


def test_random_order__no_rows() -> None:
    assert random_order([], 0).tolist() == []
