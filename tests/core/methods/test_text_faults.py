from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.methods.text_faults import MARKUP, length_fences, markup, repeated


@pytest.mark.parametrize(
    ("text", "piece", "share"),
    [
        ("spam spam spam spam spam spam eggs", "spam", 24 / 28),
        ("Buy now at once!\n" * 6 + "Hello", "", 96 / 101),
        ("哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈", "", 1),
        ("lololololololololololololo", "", 1),
        ("abcdefgh" * 10, "", 1),
    ],
)
def test_repeated__the_piece_that_makes_up_most(text: str, piece: str, share: float) -> None:
    found = repeated(text)
    assert found is not None and found.piece == piece
    assert found.share == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no no no no",
        "very very very good",
        "The cat sat on the mat, and the dog sat on the cat, and the cow sat on the dog.",
        "-" * 200,
        "Title\n" + "=" * 60 + "\nA short paragraph under a rule",
        "https://shop.invalid/a/very/long/address/without/any/space/in/it?id=123",
        "我的包裹在哪里我已经等了三个星期了请你们尽快告诉我它现在到底在什么地方好吗谢谢",
        "Buffalo buffalo Buffalo buffalo",
        " \n\t ",
    ],
)
def test_repeated__not_seen_in_usual_texts(text: str) -> None:
    assert repeated(text) is None


@given(st.text("abcdefgh", min_size=2, max_size=30), st.integers(10, 20))
def test_repeated__any_piece_ten_times(piece: str, times: int) -> None:
    found = repeated(piece * times)
    assert found is not None and found.share > 0.8


@given(st.text(max_size=300))
def test_repeated__share_is_a_share(text: str) -> None:
    found = repeated(text)
    assert found is None or 0.5 < found.share <= 1


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("<p>Hello <b class='x'>you</b></p>", {"html": 3 + 13 + 4 + 4}),
        ("a<br/>b <!-- c -->", {"html": 5 + 4}),
        ("[b]bold[/b] [url=https://x.invalid]here[/url]", {"bbcode": 4 + 23 + 6}),
        ("| a | b |\n|---|:--:|\n| 1 | 2 |", {"markdown_table": 10}),
        ("Tom &amp; Ann &#39;s", {"entities": 5 + 5}),
        ("said  quot;no quot; of Ann #39;s", {"entities": 5 + 5 + 4}),
        ("&amp;nbsp;", {"entities": 5 + 5}),
    ],
)
def test_markup__counts_characters_by_kind(text: str, kinds: dict[str, int]) -> None:
    assert markup(text) == kinds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I <3 you, a < b and b > c, x<y>z",
        "AT&T; R&D; Q&A; rock & roll; if (a && b) { c; }",
        "see [1], [sic], list[int], a[b]",
        "one | two | three",
        "a line\n--------\nunder a title",
        "ticket #1234; ticket #99; and so on",
    ],
)
def test_markup__not_seen_in_usual_texts(text: str) -> None:
    assert markup(text) == {}


@given(st.text(st.characters() | st.sampled_from("<>/[]|-&;#"), max_size=200))
def test_markup__is_within_the_text(text: str) -> None:
    found = markup(text)
    assert found.keys() <= MARKUP.keys()
    assert all(0 < characters <= len(text) for characters in found.values())


def test_length_fences__known_answer() -> None:
    lengths = np.repeat([10, 40], 50)  # quartiles 10 and 40, one interquartile range is a factor of 4
    low, high = length_fences(lengths, 3.0, 5.0)
    assert (low, high) == (pytest.approx(10 / 64), pytest.approx(40 * 64))


def test_length_fences__never_nearer_than_the_factor() -> None:
    assert length_fences(np.full(50, 100), 3.0, 5.0) == (pytest.approx(20), pytest.approx(500))
    assert length_fences(np.full(19, 100), 3.0, 5.0) == (0, np.inf)
