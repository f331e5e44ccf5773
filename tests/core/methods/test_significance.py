from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, hypergeom

from core.methods.significance import adjusted, hypergeometric_tail


def test_hypergeometric_tail__closed_form() -> None:
    # All 3 drawn of 3 marked among 10: 1 / choose(10, 3).
    assert hypergeometric_tail(3, 3, 3, 10) == pytest.approx(1 / 120)
    assert hypergeometric_tail(1, 5, 2, 10) == 1  # exactly what was expected


@given(st.integers(1, 3000), st.data())
def test_hypergeometric_tail__equals_scipy(total: int, data: st.DataObject) -> None:
    marked, drawn = data.draw(st.integers(0, total)), data.draw(st.integers(0, total))
    observed = data.draw(st.integers(max(0, drawn + marked - total), min(drawn, marked)))
    found = float(hypergeometric_tail(observed, drawn, marked, total))
    if observed * total <= drawn * marked:
        assert found == 1
    else:
        assert found == pytest.approx(hypergeom.sf(observed - 1, total, marked, drawn), rel=1e-6, abs=1e-300)


def test_hypergeometric_tail__a_million_rows() -> None:
    found = hypergeometric_tail(np.array([10_300, 12_000]), 100_000, 100_000, 1_000_000)
    expected = hypergeom.sf([10_299, 11_999], 1_000_000, 100_000, 100_000)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_adjusted__equals_scipy(p: list[float]) -> None:
    np.testing.assert_allclose(adjusted(np.array(p)), false_discovery_control(p, method="bh"), rtol=1e-12)


@given(st.lists(st.floats(0, 1), max_size=30), st.integers(0, 40))
def test_adjusted__tests_that_are_not_there_count_as_one(p: list[float], more: int) -> None:
    if p or more:
        full = false_discovery_control([*p, *[1.0] * more], method="bh")[: len(p)]
        np.testing.assert_allclose(adjusted(np.array(p), len(p) + more), full, rtol=1e-12)


def test_adjusted__refuses_more_values_than_tests() -> None:
    with pytest.raises(ValueError, match="2 p-values of 1 tests"):
        adjusted(np.array([0.1, 0.2]), 1)
