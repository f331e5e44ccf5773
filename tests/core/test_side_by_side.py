from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.side_by_side import WORDS, shared_words


def test_shared_words__tells_the_shared_part_apart() -> None:
    left, right = shared_words("The quick brown fox, it jumps", "Once the quick fox it ran")
    assert left.runs == [("The quick", True), ("brown", False), ("fox, it", True), ("jumps", False)]
    assert right.runs == [("Once", False), ("the quick fox it", True), ("ran", False)]
    assert (left.more, right.more) == (0, 0)


def test_shared_words__long_texts_are_compared_in_part() -> None:
    left, right = shared_words("word " * (WORDS + 7), "")
    assert (left.more, right.more, right.runs) == (7, 0, [])


@given(st.text(max_size=60), st.text(max_size=60))
def test_shared_words__keeps_every_word(left: str, right: str) -> None:
    for text, side in zip((left, right), shared_words(left, right), strict=True):
        assert " ".join(run.text for run in side.runs).split() == text.split()
    for side in shared_words(left, left):
        assert all(run.shared for run in side.runs)
