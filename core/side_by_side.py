"""Two texts beside each other: which of their words they share, in order."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from itertools import groupby
from typing import NamedTuple

WORDS = 600


class Run(NamedTuple):
    """Some words of a text as written, and whether the other text has them in the same order."""

    text: str
    shared: bool


class Shared(NamedTuple):
    """A text as runs of words; more: how many words after the first WORDS were not compared."""

    runs: list[Run]
    more: int


def shared_words(left: str, right: str) -> tuple[Shared, Shared]:
    """The two texts as runs of shared and other words; case and marks at a word's ends do not count.

    Source: Ratcliff, Metzener: Pattern Matching: The Gestalt Approach, 1988, as in Python's difflib.
    """
    sides = [text.split() for text in (left, right)]
    some = [words[:WORDS] for words in sides]
    keys = [[_key(word) for word in words] for words in some]
    shared = [[False] * len(words) for words in some]
    for block in SequenceMatcher(None, keys[0], keys[1], autojunk=False).get_matching_blocks():
        for mask, start in zip(shared, (block.a, block.b), strict=True):
            mask[start : start + block.size] = [True] * block.size
    one, two = (
        Shared(_runs(words, mask), len(side) - len(words))
        for words, mask, side in zip(some, shared, sides, strict=True)
    )
    return one, two


def _key(word: str) -> str:
    folded = word.casefold()
    return re.sub(r"^\W+|\W+$", "", folded) or folded


def _runs(words: list[str], mask: list[bool]) -> list[Run]:
    pairs = zip(words, mask, strict=True)
    return [Run(" ".join(w for w, _ in run), is_shared) for is_shared, run in groupby(pairs, lambda p: p[1])]
