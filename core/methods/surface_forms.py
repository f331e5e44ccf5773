"""The same words tagged in one way nearly everywhere, and otherwise here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from core.methods.intervals import wilson
from core.methods.spans import Spans
from core.progress import Progress

LONGEST = 6
"""Words of the longest form that is looked at."""


@dataclass(frozen=True)
class Bounds:
    """What makes a tagging odd.

    times: how often the words have to stand in the data. share: of their usual tagging, the lower end of
    its 95% Wilson interval. rare: the share up to which another tagging is odd; once is always odd, and what
    comes again and again is a second meaning.
    """

    times: int
    share: float
    rare: float


@dataclass(frozen=True, eq=False)
class Odd:
    """F places at which a form of `length` words is tagged otherwise than elsewhere.

    place: (F,) its first token. usual: (F,) a place at which it is tagged as usual. times: (F,) how often it
    is tagged so, among: (F,) of how many times, low and high: (F,) 95% Wilson interval of that share.
    like_this: (F,) the upper end of that of the share of the tagging here.
    """

    length: int
    place: np.ndarray
    usual: np.ndarray
    times: np.ndarray
    among: np.ndarray
    low: np.ndarray
    high: np.ndarray
    like_this: np.ndarray


def odd_forms(
    words: np.ndarray,
    tags: np.ndarray,
    first: np.ndarray,
    spans: Spans,
    bounds: Bounds,
    progress: Progress,
) -> Iterator[Odd]:
    """The places of frequent forms whose tagging is odd, forms of one length after the other.

    A form is the words of any span that the data have, up to LONGEST of them; it is looked for wherever these
    words stand, but not within a longer span, nor within a longer form that is frequent enough itself.
    words, tags: (N,) codes in reading order, -1 for no tag; first: (N,) bool, whether a sentence begins.
    """
    count = len(words)
    lengths = spans.stop - spans.start
    most = min(int(lengths.max(initial=0)), LONGEST)
    sentence = np.cumsum(first)
    forms, taggings = [words.astype(np.int64)], [tags.astype(np.int64) + 1]
    for length in range(2, most + 1):
        progress.report(0.5 * (length - 1) / most, "comparing words")
        forms.append(_longer(forms[-1], words))
        taggings.append(_longer(taggings[-1], tags + 1))
    taken = np.zeros(count + 1, dtype=np.int64)
    starts_before = np.where(spans.of >= 0, spans.start[spans.of] if len(spans.start) else 0, count)
    ends_behind = np.where(spans.of >= 0, spans.stop[spans.of] if len(spans.stop) else 0, 0)
    untagged = np.append(0, np.cumsum(tags < 0))
    for length in range(most, 0, -1):
        progress.report(0.5 + 0.5 * (most - length) / most, "comparing words")
        form, tagging = forms[length - 1], taggings[length - 1]
        known = np.zeros(int(form.max(initial=-1)) + 1, dtype=bool)
        known[form[spans.start[lengths == length]]] = True
        at = np.flatnonzero(known[form])
        end = at + length - 1
        covered = np.append(0, np.cumsum(taken[:-1] > 0))
        at = at[
            (sentence[at] == sentence[end])
            & (starts_before[at] >= at)
            & (ends_behind[end] <= end + 1)
            & (untagged[end + 1] == untagged[at])
            & (covered[end + 1] == covered[at])
        ]
        if not len(at):
            continue
        yield from _odd(length, at, form[at], tagging[at], bounds, taken)


def _longer(shorter: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Codes of runs one longer: equal where the shorter runs and the last codes are."""
    length = len(codes) - len(shorter) + 1
    pairs = shorter[:-1] * (int(codes.max(initial=0)) + 1) + codes[length:]
    return np.unique(pairs, return_inverse=True)[1]


def _odd(
    length: int,
    at: np.ndarray,
    form: np.ndarray,
    tagging: np.ndarray,
    bounds: Bounds,
    taken: np.ndarray,
) -> Iterator[Odd]:
    """What is odd among the places of forms of one length; marks those of frequent forms as taken."""
    _, form = np.unique(form, return_inverse=True)
    among = np.bincount(form)
    width = int(tagging.max()) + 1
    pairs, pair = np.unique(form * width + tagging, return_inverse=True)
    of, like = pairs // width, np.bincount(pair)
    # Of the taggings of a form the most frequent one; of equals the first.
    order = np.lexsort((-like, of))
    best = order[np.unique(of[order], return_index=True)[1]]
    low, high = wilson(like[best], among)
    enough = among >= bounds.times
    for step in range(length):
        taken[at[enough[form]] + step] = 1
    few = like[pair] <= np.maximum(1, bounds.rare * among[form])
    odd = np.flatnonzero((enough & (low >= bounds.share))[form] & few & (pair != best[form]))
    if len(odd):
        example = np.zeros(len(pairs), dtype=np.int64)
        example[pair[::-1]] = at[::-1]
        mine = form[odd]
        yield Odd(
            length,
            at[odd],
            example[best[mine]],
            like[best[mine]],
            among[mine],
            low[mine],
            high[mine],
            wilson(like[pair[odd]], among[mine])[1],
        )
