from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies

from core.errors import InputError
from core.review.where import as_text, conditions, matching

TABLE = pd.DataFrame(
    {
        "shop": ["a", "b", "a", None, ""],
        "age": [1, 2.5, np.nan, -4, 30],
        "count": pd.array([1, 2, None, 4, 5], dtype="Int64"),
        "new": [True, False, True, False, True],
        "odd & = name": ["x", "y=1&z", "%41", "A", "x"],
    }
)


def found(*pairs: tuple[str, str]) -> list[int]:
    return np.flatnonzero(matching(TABLE, as_text(list(pairs)))).tolist()


@pytest.mark.parametrize(
    ("column", "wanted", "rows"),
    [
        ("shop", "a", [0, 2]),
        ("shop", "", [3, 4]),
        ("shop", "A", []),
        ("age", "2.5", [1]),
        ("age", "1..2.5", [0, 1]),
        ("age", "..1", [0, 3]),
        ("age", "2..", [1, 4]),
        ("age", "..", [0, 1, 3, 4]),
        ("age", "", [2]),
        ("count", "2..4", [1, 3]),
        ("new", "True", [0, 2, 4]),
        ("odd & = name", "y=1&z", [1]),
        ("odd & = name", "%41", [2]),
    ],
)
def test_matching__one_condition(column: str, wanted: str, rows: list[int]) -> None:
    assert found((column, wanted)) == rows


def test_matching__several_conditions_all_hold() -> None:
    assert found(("shop", "a"), ("new", "True"), ("age", "..1")) == [0]


@pytest.mark.parametrize(
    "text", ["gone=1", "age=old", "age=1..old", "age=nan", "age=nan..2", "no pair", "&", "shop=a&&x"]
)
def test_matching__says_what_is_wrong(text: str) -> None:
    with pytest.raises(InputError):
        matching(TABLE, text)


@given(strategies.lists(strategies.tuples(strategies.text(min_size=1), strategies.text()), min_size=1))
def test_conditions__read_back_what_was_written(pairs: list[tuple[str, str]]) -> None:
    clean = [(a.encode("utf-8", "replace").decode(), b.encode("utf-8", "replace").decode()) for a, b in pairs]
    assert conditions(as_text(clean)) == clean
