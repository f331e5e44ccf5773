from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.markdown import code, prose, table

HOSTILE = [
    "a|b", "`", "``x`", "a\\|b", "a\\\\|b", "\\", "[x](http://evil.test)", "![x](y)",
    "<script>alert(1)</script>",
    "www.evil.test", "me@evil.test",
    "a\n\n# heading", "a\r| b |", "-->", "\x00", "\u202etxt", "  ",
    "*b* _i_",
]  # fmt: skip


def test_code__is_a_span_with_a_fence_longer_than_any_inside() -> None:
    assert code("cat") == "`cat`"
    assert code("a`b") == "``a`b``"
    assert code("`x``y") == "``` `x``y ```"
    assert code("a\n# b") == "`a # b`"
    assert code(" \n") == "(empty)"


@given(st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(), max_size=40)))
def test_code__the_whole_text_lies_in_the_span(text: str) -> None:
    made = code(text)
    assert "\n" not in made
    if made == "(empty)":
        return
    found = re.fullmatch(r"(`+)(?!`)(.+?)(?<!`)\1", made, re.DOTALL)
    assert found is not None
    # nothing inside closes the span early: no run of just as many backticks
    assert len(found[1]) not in {len(run) for run in re.findall("`+", found[2])}


@pytest.mark.parametrize("text", ["89, 95% interval 68-110", "the class's row, 95% Wilson interval", "a = 1"])
def test_prose__our_own_sentences_stay_as_they_are(text: str) -> None:
    assert prose(text) == text


@pytest.mark.parametrize("text", [t for t in HOSTILE if t not in ("\x00", "  ")])
def test_prose__anything_else_is_a_code_span(text: str) -> None:
    assert prose(text).startswith("`") and prose(text).endswith("`")


@given(st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=12)), min_size=1, max_size=4))
def test_table__every_line_has_its_cells_and_no_more(texts: list[str]) -> None:
    lines = table(["h"] * len(texts), [[code(text) for text in texts]])
    assert len(lines) == 3
    # a | ends a cell unless a \ stands before it; one that two readings of \ differ about would end one too
    for line in lines:
        assert len(re.findall(r"(?<!\\)\|", line)) == len(texts) + 1
        assert all(len(run) % 2 for run in re.findall(r"(\\+)\|", line))


def test_table__a_pipe_is_escaped() -> None:
    assert table(["class"], [[code("a|b")]])[2] == "| `a\\|b` |"
