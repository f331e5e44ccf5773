"""Formula-like cells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.spreadsheet import escape, is_formula, unescape


@pytest.mark.parametrize(
    "cell", ["=1+1", "+x", "-x", "@a", "\tx", "\r=1", "'=1", "=", "-", "+1+cmd|' /C calc'!A0", "-1-1"]
)
def test_escape__formula_like(cell: str) -> None:
    assert escape(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["", "a=1", "-1", "+1.5e-3", "-.5", "'tis", " =1", "1-1"])
def test_escape__leaves_alone(cell: str) -> None:
    assert not is_formula(cell)
    assert escape(cell) == cell


@given(st.text("'=+-@\t\r1.ae ", max_size=6))
def test_unescape__is_exact(cell: str) -> None:
    assert unescape(escape(cell)) == cell
