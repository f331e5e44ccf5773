from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.methods.spans import Tags, breaks, mends, read_tags, spans_of

IOB = ("O", "B-A", "I-A", "B-C", "I-C")
BIOES = ("O", *(f"{part}-{kind}" for kind in "AC" for part in "BIES"))


def read(text: str, names: tuple[str, ...] = IOB) -> tuple[np.ndarray, np.ndarray, Tags]:
    """Sentences with | between them; ? is a token without a tag."""
    tags: list[int] = []
    first: list[bool] = []
    for sentence in text.split("|"):
        words = sentence.split()
        tags += [-1 if word == "?" else names.index(word) for word in words]
        first += [at == 0 for at in range(len(words))]
    codes, begins = np.array(tags, dtype=np.int64), np.array(first, dtype=bool)
    return codes, begins, read_tags(names, codes, begins)


def broken(text: str, names: tuple[str, ...] = IOB) -> list[list[int]]:
    return breaks(*read(text, names)).tolist()


@pytest.mark.parametrize(
    ("names", "text", "scheme"),
    [
        (IOB, "B-A I-A O | B-C I-A", "IOB2"),
        (IOB, "I-A I-A O | I-C B-C O I-A", "IOB1"),
        (("O", "I-A", "I-C"), "I-A I-C O", "IO"),
        (BIOES, "B-A E-A O", "BIOES"),
        (("O", "B-A", "M-A", "E-A", "S-A"), "B-A M-A E-A", "BIOES"),
        (("O", "B_A", "I_A", "L_A", "U_A"), "B_A L_A U_A", "BIOES"),
        (("O", "NN", "VB"), "NN O", None),
        (("O",), "O O", None),
        (("B-A", "other"), "B-A other", None),
    ],
)
def test_read_tags__scheme(names: tuple[str, ...], text: str, scheme: str | None) -> None:
    assert read(text, names)[2].scheme == scheme


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("B-A I-A O B-C | B-A B-A", []),
        ("B-A O I-A B-C", [[1, 2]]),
        ("I-A I-A B-A | I-C B-C B-C | B-A O B-A O B-A", [[-1, 0], [-1, 3]]),
        ("B-A I-C B-A B-C", [[0, 1]]),
        ("B-A B-A | I-A", [[-1, 2]]),
        ("B-A ? I-A B-A", []),
    ],
)
def test_breaks__iob2(text: str, expected: list[list[int]]) -> None:
    assert broken(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("B-A I-A E-A S-C O | S-A", []),
        ("B-A O", [[0, 1]]),
        ("O E-A", [[0, 1]]),
        ("B-A E-C", [[0, 1]]),
        ("E-A | O B-A", [[-1, 0], [2, -1]]),
        ("S-A I-A E-A", [[0, 1]]),
        ("B-A S-C", [[0, 1]]),
    ],
)
def test_breaks__bioes(text: str, expected: list[list[int]]) -> None:
    assert broken(text, BIOES) == expected


def test_breaks__iob1() -> None:
    assert broken("I-A I-A O I-C B-C I-A O B-A I-A I-C B-A I-A") == [[6, 7], [9, 10]]


def test_spans_of__as_conlleval_reads_them() -> None:
    tags, first, scheme = read("B-A I-A I-C O I-A | I-A B-A ? B-C")
    found = spans_of(tags, first, scheme)
    assert found.of.tolist() == [0, 0, 1, -1, 2, 3, 4, -1, 5]
    assert list(zip(found.start.tolist(), found.stop.tolist(), strict=True)) == [
        (0, 2), (2, 3), (4, 5), (5, 6), (6, 7), (8, 9),
    ]  # fmt: skip
    assert [scheme.names[k] for k in found.type] == ["A", "C", "A", "A", "A", "C"]


def test_mends__every_single_change_that_leaves_no_break() -> None:
    tags, first, scheme = read("B-A O I-A O B-C")
    found = {(at, IOB[k]) for at, k in mends((1, 2), tags, first, scheme)}
    assert found == {(2, "B-A"), (2, "O"), (1, "B-A"), (1, "I-A")}


@given(
    st.lists(st.lists(st.integers(-1, 4), min_size=1, max_size=5), max_size=4), st.sampled_from([IOB, BIOES])
)
def test_mends__leave_that_token_without_a_break(sentences: list[list[int]], names: tuple[str, ...]) -> None:
    tags = np.array([tag for one in sentences for tag in one], dtype=np.int64)
    first = np.array([at == 0 for one in sentences for at in range(len(one))], dtype=bool)
    scheme = read_tags(names, tags, first)
    pairs = breaks(tags, first, scheme)
    if scheme.scheme is None:
        assert len(pairs) == 0
    for left, right in pairs.tolist():
        assert max(left, right) < len(tags) and (left < 0 or right < 0 or right == left + 1)
        for at, new in mends((left, right), tags, first, scheme):
            if -1 in tags[max(at - 1, 0) : at + 2]:
                continue  # beside a token without a tag nothing can be said
            mended = tags.copy()
            mended[at] = new
            left_over = breaks(mended, first, scheme)
            assert not (left_over == at).any()


def test_spans__nothing_at_all() -> None:
    tags, first, scheme = read("")
    assert len(breaks(tags, first, scheme)) == 0 and len(spans_of(tags, first, scheme).start) == 0
