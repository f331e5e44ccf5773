from __future__ import annotations

from unittest.mock import patch

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from core.preflight import text_facts as facts_module
from core.preflight.text_facts import TextFacts, text_facts

NUMBERS = ("3", "3.0", "-1.5e3", ".5", "٣")
PLACES = ("a/b.png", "x.JPG", "https://a.b/c", "a b/c")
CELLS = st.sampled_from(
    ("train", " Test", "unlabelled", "", "  ", "été", "two\nlines", None, *NUMBERS, *PLACES)
)


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    rows, columns = draw(st.integers(0, 6)), draw(st.integers(0, 5))
    cells = {f"c{i}": draw(st.lists(CELLS, min_size=rows, max_size=rows)) for i in range(columns)}
    return pd.DataFrame(cells, dtype="str")


def alone(values: pd.Series) -> TextFacts:
    """The facts as defined, by one column and one question at a time."""

    def share(pattern: str) -> float:
        cells = values.dropna().str.strip()
        cells = cells[cells != ""]
        return float(cells.str.fullmatch(pattern).mean()) if len(cells) else 0.0

    said = set(values.dropna().str.strip().str.lower())
    length = values.str.len().mean()
    return TextFacts(
        number=share(facts_module._NUMBER),
        whole=share(facts_module._WHOLE),
        image=share(facts_module._IMAGE),
        address=share(facts_module._ADDRESS),
        distinct=int(values.nunique()),
        length=0.0 if pd.isna(length) else float(length),
        split=bool(said) and said <= set(facts_module._SPLITS),
    )


@given(frames())
@settings(max_examples=60, deadline=None)
def test_text_facts__are_those_of_each_column_alone(frame: pd.DataFrame) -> None:
    expected = {name: alone(frame[name]) for name in frame.columns}
    assert text_facts(frame) == expected
    with patch.object(facts_module, "_AT_ONCE", 7):
        assert text_facts(frame) == expected


def test_text_facts__of_a_few_columns() -> None:
    frame = pd.DataFrame(
        {"part": ["train", "TEST ", None], "size": ["1", "2.5", ""], "file": ["a/1.png", "", "b"]},
        dtype="str",
    )
    assert text_facts(frame) == {
        "part": TextFacts(0.0, 0.0, 0.0, 0.0, 2, 5.0, True),
        "size": TextFacts(1.0, 0.5, 0.0, 0.0, 3, 4 / 3, False),
        "file": TextFacts(0.0, 0.0, 0.5, 0.5, 3, 8 / 3, False),
    }
