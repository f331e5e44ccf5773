"""How much of a text is copied, n tokens in a row, from one other text.

Source: the decontamination of Tülu 3 (Lambert et al., 2024): a row matches where one training document
covers more than half of its tokens by runs of 8. Any shared run of 13 is the older rule of GPT-3 (Brown et
al., 2020). Their search returns a bounded list of hits; this index is in memory and has no such bound.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, repeat

import numpy as np

from core.methods.duplicates import normalised
from core.progress import Progress

LENGTH = 8
SHARE = 0.5
LONG = 13
REPHRASED = (0, 34, 164)
"""Of 164 tasks of HumanEval, how many are found in their rephrased form: by cover, by any run of 13."""
_TOKEN = re.compile(r"\w+|[^\w\s]")
_CHARACTERS = 1 << 19
_BLOCK = 1 << 19  # candidates joined at once
_BUDGET = 10_000_000
_BITS = 22
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xD6E8FEB86659FD93)


@dataclass(frozen=True, eq=False)
class Cover:
    """What covers each of M texts.

    tokens: (M,) how many tokens it has. share: (M,) float64 in [0, 1], the largest share of them that one
    text covers, 0 where none does. other: (M,) that text, the first of equals, -1: none.
    pairs: (P, 2) every text and the text that covers more than `least` of it; shares: (P,) how much.
    left_out: how many n-grams were not looked at, since they stand in too many texts on both sides.
    """

    tokens: np.ndarray
    share: np.ndarray
    other: np.ndarray
    pairs: np.ndarray
    shares: np.ndarray
    left_out: int


@dataclass(frozen=True, eq=False)
class _Grams:
    """Runs of tokens: the text, the place of the first token, and the run's number. In that order."""

    text: np.ndarray
    place: np.ndarray
    key: np.ndarray


def tokens(text: str) -> list[str]:
    """Words, and each other mark by itself, in lower case: operators of code and formulas are kept."""
    return _TOKEN.findall(normalised(text))


def cover(
    asked: Sequence[str],
    among: Sequence[str],
    length: int = LENGTH,
    least: float = SHARE,
    apart: tuple[np.ndarray, np.ndarray] | None = None,
    progress: Progress | None = None,
) -> Cover:
    """The share of each asked text's tokens that lie in runs of `length` tokens of one text among others.

    apart: integer codes of asked and of among; texts of equal codes are not compared.
    The index holds the side with fewer letters; the other is read once. Runs are compared as 64-bit hashes
    of exact token numbers: a false match between ten million and a hundred million runs has a chance of
    0.005%. Above 10 million pairs of places the runs that most texts share are left out; then a
    share is a lower bound.
    """
    progress = progress or Progress()
    numbers: defaultdict[str, int] = defaultdict(count(1).__next__)
    turned = sum(map(len, among)) < sum(map(len, asked))
    small, large = (among, asked) if turned else (asked, among)
    few, few_lengths, known = _index(small, length, numbers, progress.part(0, 0.3))
    many, many_lengths = _hits(large, length, numbers, known, progress.part(0.3, 0.8))
    places, sizes, others = (many, many_lengths, few) if turned else (few, few_lengths, many)
    joined = _Join(places, others, len(known), len(among), length, apart)
    return joined.run(sizes, least, progress.part(0.8, 1))


def _index(
    texts: Sequence[str], length: int, numbers: defaultdict[str, int], progress: Progress
) -> tuple[_Grams, np.ndarray, np.ndarray]:
    """(all runs, (len(texts),) tokens of each text, the sorted distinct hashes that keys count)."""
    parts, sizes = [], [np.empty(0, np.int64)]
    for start, ids, lengths in _chunks(texts, lambda found: map(numbers.__getitem__, found), progress):
        parts.append(_runs(start, ids, lengths, length))
        sizes.append(lengths)
    grams = _joined(parts)
    known, key = np.unique(grams.key, return_inverse=True)
    return _Grams(grams.text, grams.place, key), np.concatenate(sizes), known


def _hits(
    texts: Sequence[str], length: int, numbers: defaultdict[str, int], known: np.ndarray, progress: Progress
) -> tuple[_Grams, np.ndarray]:
    """The runs that are known, and the tokens of each text."""
    there = np.zeros(1 << _BITS, dtype=bool)  # most runs are turned away here, without a search
    there[_slot(known)] = True
    parts, sizes = [], [np.empty(0, np.int64)]
    for start, ids, lengths in _chunks(texts, lambda found: map(numbers.get, found, repeat(0)), progress):
        sizes.append(lengths)
        grams = _runs(start, ids, lengths, length)
        some = np.flatnonzero(there[_slot(grams.key)])
        key = np.searchsorted(known, grams.key[some])
        same = known[key.clip(max=len(known) - 1)] == grams.key[some] if len(known) else some < 0
        parts.append(_Grams(grams.text[some[same]], grams.place[some[same]], key[same]))
    return _joined(parts), np.concatenate(sizes)


def _chunks(
    texts: Sequence[str], number: Callable[[list[str]], Iterable[int]], progress: Progress
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """(first text, the numbers of all tokens, tokens of each text) for some texts at a time; 0: unknown."""
    start = 0
    while start < len(texts):
        progress.report(start / len(texts), "reading texts")
        found: list[str] = []
        lengths, letters, stop = [], 0, start
        while stop < len(texts) and (letters < _CHARACTERS or stop == start):
            some = tokens(texts[stop])
            found += some
            lengths.append(len(some))
            letters += len(texts[stop]) + 1
            stop += 1
        yield start, np.fromiter(number(found), np.int64, len(found)), np.array(lengths, dtype=np.int64)
        start = stop


def _runs(start: int, ids: np.ndarray, lengths: np.ndarray, length: int) -> _Grams:
    """All runs of known tokens that end in the text where they begin; their key is a hash."""
    ends = np.cumsum(lengths)
    text = np.repeat(np.arange(len(lengths)), lengths)
    unknown = np.concatenate([[0], np.cumsum(ids == 0)])
    at = np.arange(max(len(ids) - length + 1, 0))
    at = at[(at + length <= ends[text[at]]) & (unknown[at + length] == unknown[at])]
    mixed = ids.astype(np.uint64) * _SPREAD
    mixed ^= mixed >> np.uint64(29)
    key = np.zeros(len(at), dtype=np.uint64)
    for offset in range(length):
        key = key * _MIX + mixed[at + offset]
    key ^= key >> np.uint64(32)
    key *= _SPREAD
    return _Grams(start + text[at], at - (ends - lengths)[text[at]], key)


def _slot(key: np.ndarray) -> np.ndarray:
    return (key >> np.uint64(64 - _BITS)).astype(np.int64)


def _joined(parts: list[_Grams]) -> _Grams:
    none = np.empty(0, np.int64)
    text = np.concatenate([none, *(p.text for p in parts)])
    place = np.concatenate([none, *(p.place for p in parts)])
    key = np.concatenate([p.key for p in parts]) if parts else np.empty(0, np.uint64)
    return _Grams(text, place, key)


class _Join:
    """Brings the places in asked texts together with the texts that have the same runs."""

    def __init__(
        self,
        places: _Grams,
        others: _Grams,
        keys: int,
        among: int,
        length: int,
        apart: tuple[np.ndarray, np.ndarray] | None,
    ) -> None:
        self._among, self._length, self._apart = max(among, 1), length, apart
        both = np.unique(others.key.astype(np.int64) * self._among + others.text)
        self._holders = both % self._among
        held = np.bincount(both // self._among, minlength=keys)
        asked = np.bincount(places.key.astype(np.int64), minlength=keys)
        self._start = np.cumsum(held) - held
        held, self.left_out = _within_budget(held, held * asked)
        keep = np.flatnonzero(held[places.key.astype(np.int64)])
        self._text, self._place = places.text[keep], places.place[keep]
        self._key = places.key[keep].astype(np.int64)
        self._times = held[self._key]

    def run(self, sizes: np.ndarray, least: float, progress: Progress) -> Cover:
        """sizes: (M,) tokens of each asked text."""
        pairs, shares = [np.empty((0, 2), np.int64)], [np.empty(0)]
        best, other = np.zeros(len(sizes)), np.full(len(sizes), -1)
        for begin, end in self._blocks():
            progress.report(begin / len(self._text), "comparing copied passages")
            text, holder, covered = self._covered(begin, end)
            share = covered / sizes[text]
            above = share > least
            pairs.append(np.stack([text[above], holder[above]], axis=1))
            shares.append(share[above])
            order = np.lexsort((holder, -share, text))
            first = order[np.unique(text[order], return_index=True)[1]]
            best[text[first]], other[text[first]] = share[first], holder[first]
        return Cover(sizes, best, other, np.concatenate(pairs), np.concatenate(shares), self.left_out)

    def _blocks(self) -> Iterator[tuple[int, int]]:
        """Stretches of places that end where a text ends, of about _BLOCK candidates."""
        done = np.cumsum(self._times)
        ends = np.append(np.flatnonzero(np.diff(self._text)) + 1, len(self._text))
        begin = 0
        while begin < len(self._text):
            far = np.searchsorted(done, (done[begin - 1] if begin else 0) + _BLOCK)
            end = int(ends[min(np.searchsorted(ends, max(far, begin + 1)), len(ends) - 1)])
            yield begin, end
            begin = end

    def _covered(self, begin: int, end: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(text, the text that covers it, how many of its tokens)."""
        times = self._times[begin:end]
        which = np.repeat(np.arange(begin, end), times)
        within = np.arange(len(which)) - np.repeat(np.cumsum(times) - times, times)
        holder = self._holders[self._start[self._key[which]] + within]
        if self._apart is not None:
            differ = self._apart[0][self._text[which]] != self._apart[1][holder]
            which, holder = which[differ], holder[differ]
        pair = self._text[which] * self._among + holder
        order = np.argsort(pair, kind="stable")  # places stay in order within a pair
        pair, place = pair[order], self._place[which[order]]
        starts = np.flatnonzero(np.diff(pair, prepend=-1))
        step = np.diff(place, append=0)
        step[np.append(starts[1:], len(pair))[: len(starts)] - 1] = self._length  # the last run of a pair
        covered = np.add.reduceat(step.clip(max=self._length), starts) if len(starts) else starts
        return pair[starts] // self._among, pair[starts] % self._among, covered


def _within_budget(held: np.ndarray, cost: np.ndarray) -> tuple[np.ndarray, int]:
    """`held` with zeros for the dearest keys, so that the rest cost at most _BUDGET; how many those are."""
    if cost.sum() <= _BUDGET:
        return held, 0
    order = np.argsort(-cost, kind="stable")
    left = cost.sum() - np.cumsum(cost[order])
    dropped = order[: int(np.searchsorted(-left, -_BUDGET)) + 1]
    kept = held.copy()
    kept[dropped] = 0
    return kept, len(dropped)
