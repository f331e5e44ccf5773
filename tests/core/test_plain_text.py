from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.plain_text import one_line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a cat", "a cat"),
        ("  two\r\n\tlines\u2028and\u2029a\x0bbreak ", "two lines and a break"),
        ("nul\x00l", "nul\ufffdl"),
        ("safe\u202egnp.exe", "safe\ufffdgnp.exe"),
        ("\u2066x\u2069\u200e\u061c\ufeff", "\ufffdx\ufffd\ufffd\ufffd\ufffd"),
        ("lone \ud800", "lone \ufffd"),
        ("می\u200cخواهم 👩\u200d🔬", "می\u200cخواهم 👩\u200d🔬"),
        ("<b>&amp;", "<b>&amp;"),
        ("", ""),
    ],
)
def test_one_line__every_character_is_seen(text: str, line: str) -> None:
    assert one_line(text) == line


def test_one_line__is_cut_with_a_mark() -> None:
    assert one_line("abcdef", 6) == "abcdef"
    assert one_line("abcdefg", 6) == "abcde…"
    assert one_line("abcd efg", 6) == "abcd…"
    assert one_line(" " * 50 + "x", 4) == "…"


@given(st.text(st.characters(), max_size=80), st.integers(1, 40))
def test_one_line__is_one_visible_line_within_its_limit(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert len(line) <= limit
    assert line.splitlines() in ([], [line])
    bad = [c for c in line if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    assert set(bad) <= {"\u200c", "\u200d"}
    assert one_line(line) == line
