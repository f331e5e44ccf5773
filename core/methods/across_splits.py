"""Rows on one side of a split that are like rows on another: pairs, found once for equal contents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from core.methods.duplicates import alike_texts
from core.methods.ngram_cover import LENGTH, LONG, cover
from core.methods.rephrased import NEAREST, nearest_rows
from core.progress import Progress

NONE, SEVERAL, TRAINING = -1, -2, 0
HELD_OUT_SPLITS = 20
"""Up to so many held-out splits are compared with each other too."""


@dataclass(frozen=True, eq=False)
class Copies:
    """Rows of equal content, each content named by its first row.

    side: (N,) TRAINING, 1 and more for each held-out split, NONE. first: (N,) first row of equal content.
    own: (N,) for a first row, the side of all its copies, SEVERAL, or NONE; NONE for other rows.
    inside: (N,) for a first row, its first copy in training, N: none. ends: (2, N) its first copy in any
    split, and its first copy on another side than that one, N: none.
    """

    side: np.ndarray
    first: np.ndarray
    own: np.ndarray
    inside: np.ndarray
    ends: np.ndarray

    @classmethod
    def of(cls, first: np.ndarray, side: np.ndarray) -> Copies:
        n = len(first)
        inside, ends = np.full(n, n), np.full((2, n), n)
        rows = np.flatnonzero(side >= 0)
        np.minimum.at(ends[0], first[rows], rows)
        far = rows[side[rows] != side[ends[0][first[rows]]]]
        np.minimum.at(ends[1], first[far], far)
        trains = np.flatnonzero(side == TRAINING)
        np.minimum.at(inside, first[trains], trains)
        sides = np.append(side, NONE)
        return cls(side, first, np.where(ends[1] < n, SEVERAL, sides[ends[0]]), inside, ends)

    def asked(self) -> np.ndarray:
        """First rows all of whose copies are in one held-out split."""
        return np.flatnonzero(self.own > TRAINING)

    def pick(self, first: np.ndarray, side: np.ndarray) -> np.ndarray:
        """The copy of each of these contents that lies on another side than `side`: in training, else the
        first there is; -1: none."""
        n = len(self.first)
        sides = np.append(self.side, NONE)
        near, far = self.ends[0][first], self.ends[1][first]
        other = np.where((near < n) & (sides[near] != side), near, far)
        other = np.where((self.inside[first] < n) & (side != TRAINING), self.inside[first], other)
        return np.where(other < n, other, -1)


class Pairs(NamedTuple):
    """Pairs of first rows that are alike across sides. asked, other: (P,); distance: (P,) in [0, 1]."""

    asked: np.ndarray
    other: np.ndarray
    distance: np.ndarray


class Copied(NamedTuple):
    """What n-grams say. pairs: texts covered by another for more than the share asked for, 1 - share apart.

    runs, long: (N,) bool, for a first row with a copy held out: it shares a run of LONG tokens with another
    side; it has LONG tokens. short: (N,) bool: it has fewer than LENGTH tokens, so that nothing can be found.
    left_out: how many n-grams were not looked at.
    """

    pairs: Pairs
    runs: np.ndarray
    long: np.ndarray
    short: np.ndarray
    left_out: int


def alike(texts: Sequence[str], copies: Copies, rows: np.ndarray, threshold: float, work: Progress) -> Pairs:
    """Texts that share `threshold` of their pieces across sides; see duplicates.alike_texts.

    rows: first rows to compare.
    """
    # Training first: of a run of many alike texts, alike_texts pairs every one with the first.
    order = rows[np.argsort(copies.inside[rows] == len(copies.first), kind="stable")]
    found = alike_texts([texts[row] for row in order.tolist()], np.arange(len(order)), threshold, work)
    one, two = order[found.rows], order[found.others]
    both = Pairs(np.concatenate([one, two]), np.concatenate([two, one]), np.concatenate([found.distance] * 2))
    own = copies.own
    across = (own[both.asked] > TRAINING) & (own[both.asked] != own[both.other]) & (own[both.other] != NONE)
    return Pairs(*(column[across] for column in both))


def close(vectors: np.ndarray, copies: Copies, rows: np.ndarray, work: Progress) -> tuple[Pairs, Pairs]:
    """The NEAREST rows of each held-out row: in training, and in the other held-out splits.

    rows: first rows to compare. The second is empty above HELD_OUT_SPLITS held-out splits.
    """
    own = copies.own
    asked, inside = rows[own[rows] > TRAINING], copies.inside[rows] < len(copies.first)
    training = _nearest(vectors, asked, rows[inside], work.part(0, 0.7))
    splits = np.unique(own[asked])
    others = [Pairs(*(np.empty(0, kind) for kind in (np.int64, np.int64, np.float32)))]
    if 1 < len(splits) <= HELD_OUT_SPLITS:
        outside = rows[~inside & (own[rows] != NONE)]
        for i, split in enumerate(splits.tolist()):
            part = work.part(0.7 + 0.3 * i / len(splits), 0.7 + 0.3 * (i + 1) / len(splits))
            others.append(_nearest(vectors, asked[own[asked] == split], outside[own[outside] != split], part))
    return training, Pairs(*(np.concatenate(column) for column in zip(*others, strict=True)))


def copied(texts: Sequence[str], copies: Copies, rows: np.ndarray, share: float, work: Progress) -> Copied:
    """Texts of which one text on another side covers more than `share`; see ngram_cover. rows: first rows."""
    n, own = len(copies.first), copies.own
    held = np.zeros(n, dtype=bool)
    held[copies.first[copies.side > TRAINING]] = True
    asked = rows[held[rows]]
    among = rows[own[rows] != NONE]
    mine, theirs = [texts[i] for i in asked.tolist()], [texts[i] for i in among.tolist()]
    apart = (own[asked], own[among])
    found = cover(mine, theirs, LENGTH, share, apart, work.part(0, 0.5))
    runs = cover(mine, theirs, LONG, 1, apart, work.part(0.5, 1))
    at, which = asked[found.pairs[:, 0]], among[found.pairs[:, 1]]
    masks = np.zeros((3, n), dtype=bool)
    masks[:, asked] = runs.share > 0, found.tokens >= LONG, found.tokens < LENGTH
    left_out = found.left_out + runs.left_out
    return Copied(Pairs(at, which, 1 - found.shares), masks[0], masks[1], masks[2], left_out)


def _nearest(vectors: np.ndarray, asked: np.ndarray, among: np.ndarray, work: Progress) -> Pairs:
    found, distance = nearest_rows(vectors, asked, among, NEAREST, work)
    there = found >= 0
    who = np.broadcast_to(asked[:, None], found.shape)
    return Pairs(who[there], found[there], distance[there].clip(0, 1))
