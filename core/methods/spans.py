"""Tags of tokens: which scheme they follow, where they break it, and which spans they make.

Everything here works on tokens in reading order, sentence after sentence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Scheme = Literal["IOB2", "IOB1", "BIOES", "IO"]
"""IOB2: B- begins a span, I- goes on. IOB1: B- only where a span follows one of its own type. BIOES: E- ends
a span, S- is one (L- and U-, M- for I-, likewise). IO: I- alone. Source: Ramshaw and Marcus, 1995; Tjong Kim
Sang and Veenstra, 1999; Ratinov and Roth, 2009."""

OUTSIDE = "O"
NO_PART, BEGIN, INSIDE, END, SINGLE = -1, 0, 1, 2, 3
_PARTS = {"B": BEGIN, "I": INSIDE, "M": INSIDE, "E": END, "L": END, "S": SINGLE, "U": SINGLE}
_TAG = re.compile(r"([BIMELSU])[-_](.+)", re.DOTALL)


@dataclass(frozen=True, eq=False)
class Tags:
    """What K classes say as tags.

    scheme: None where the classes are no tags of spans. part: (K,) BEGIN, INSIDE, END or SINGLE, NO_PART for
    O. type: (K,) which type of span, -1 for O. names: of the types. code: the class of each (part, type) that
    there is. outside: the class O, -1 where there is none.
    """

    scheme: Scheme | None
    part: np.ndarray
    type: np.ndarray
    names: tuple[str, ...]
    code: dict[tuple[int, int], int]
    outside: int

    def may_follow(self, before: np.ndarray, tag: np.ndarray) -> np.ndarray:
        """Whether each tag may stand behind the one before, by class; -1 is a border of a sentence."""
        part = np.append(self.part, NO_PART)
        kind = np.append(self.type, -1)
        same = kind[before] == kind[tag]
        if self.scheme == "BIOES":
            opened = np.isin(part[before], (BEGIN, INSIDE))
            going_on = np.isin(part[tag], (INSIDE, END))
            return np.where(opened | going_on, opened & going_on & same, True)
        if self.scheme == "IOB2":
            return (part[tag] != INSIDE) | (same & (part[before] != NO_PART))
        if self.scheme == "IOB1":
            return (part[tag] != BEGIN) | (same & (part[before] != NO_PART))
        return np.ones(len(tag), dtype=bool)


def read_tags(names: Sequence[str], tags: np.ndarray, first: np.ndarray) -> Tags:
    """The tags that class names stand for, and the scheme that the data follow.

    tags: (N,) classes in reading order, -1 for none; first: (N,) bool, whether a sentence begins. With B- and
    I- only, it is IOB1 where more spans begin with I- than with B-.
    """
    matches = [_TAG.fullmatch(name) for name in names]
    types = tuple(dict.fromkeys(match[2] for match in matches if match))
    plain = all(match or name == OUTSIDE for match, name in zip(matches, names, strict=True))
    part = np.array([_PARTS[m[1]] if m else NO_PART for m in matches], dtype=np.int8)
    kind = np.array([types.index(m[2]) if m else -1 for m in matches], dtype=np.int64)
    code: dict[tuple[int, int], int] = {}
    for k in range(len(names)):
        if matches[k]:
            code.setdefault((int(part[k]), int(kind[k])), k)
    outside = list(names).index(OUTSIDE) if OUTSIDE in names else -1
    made = Tags(None, part, kind, types, code, outside)
    if not plain or not types:
        return made
    return Tags(_scheme(made, tags, first), part, kind, types, code, outside)


def _scheme(made: Tags, tags: np.ndarray, first: np.ndarray) -> Scheme:
    if np.isin(made.part, (END, SINGLE)).any():
        return "BIOES"
    if not (made.part == BEGIN).any():
        return "IO"
    before = _before(tags, first)
    part, kind = np.append(made.part, NO_PART), np.append(made.type, -1)
    fresh = (kind[before] != kind[tags]) & (kind[tags] >= 0)
    return (
        "IOB1" if (fresh & (part[tags] == INSIDE)).sum() > (fresh & (part[tags] == BEGIN)).sum() else "IOB2"
    )


def _before(tags: np.ndarray, first: np.ndarray) -> np.ndarray:
    """(N,) the tag before each, -1 where a sentence begins."""
    return np.where(first, -1, np.roll(tags, 1))


def breaks(tags: np.ndarray, first: np.ndarray, scheme: Tags) -> np.ndarray:
    """(B, 2) pairs of neighbours of which the second may not follow the first, by their places; -1 stands for
    the border of a sentence. In order of the text. Beside a token without a tag nothing is broken."""
    here, before = np.arange(len(tags)), _before(tags, first)
    wrong = np.flatnonzero(~scheme.may_follow(before, tags) & (first | (before >= 0)) & (tags >= 0))
    found = np.stack([np.where(first[wrong], -1, wrong - 1), wrong], axis=1)
    last = np.roll(first, -1)
    last[-1:] = True
    border = np.full(len(tags), -1)
    open_ends = here[last & (tags >= 0) & ~scheme.may_follow(tags, border)]
    found = np.concatenate([found, np.stack([open_ends, np.full(len(open_ends), -1)], axis=1)])
    return found[np.argsort(found.max(axis=1), kind="stable")]


@dataclass(frozen=True, eq=False)
class Spans:
    """of: (N,) the span that each token is in, -1 for none. start, stop: (P,) its first token and the one
    behind its last. type: (P,)."""

    of: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    type: np.ndarray


def spans_of(tags: np.ndarray, first: np.ndarray, scheme: Tags) -> Spans:
    """The spans that tags make, read generously, as conlleval does: a span begins with B- or S-, behind E- or
    S-, and where the type changes. In IOB1 and IO, I- goes on with a span of its own type."""
    part, kind = np.append(scheme.part, NO_PART)[tags], np.append(scheme.type, -1)[tags]
    before = np.where(first, NO_PART, np.roll(part, 1))
    there = kind >= 0
    changed = first | (kind != np.roll(kind, 1))
    opens = there & (changed | np.isin(part, (BEGIN, SINGLE)) | np.isin(before, (END, SINGLE)))
    number = np.cumsum(opens) - 1
    of = np.where(there, number, -1)
    start = np.flatnonzero(opens)
    lengths = np.bincount(number[there], minlength=len(start)) if len(start) else np.zeros(0, dtype=np.int64)
    return Spans(of, start, start + lengths, kind[start])


Mend = tuple[int, int]
"""(place of the token, its new class)."""


def mends(broken: tuple[int, int], tags: np.ndarray, first: np.ndarray, scheme: Tags) -> list[Mend]:
    """Every change of one of the two tags of a break after which that tag breaks nothing, those of the second
    first. O, and the types that stand beside it, are tried."""
    found: list[Mend] = []
    for at in reversed(broken):
        if at < 0:
            continue
        before = -1 if first[at] else int(tags[at - 1])
        after = -1 if at + 1 == len(tags) or first[at + 1] else int(tags[at + 1])
        types = {int(scheme.type[k]) for k in (before, int(tags[at]), after) if k >= 0}
        tried = [k for (_, kind), k in scheme.code.items() if kind in types and k != tags[at]]
        if scheme.outside >= 0 and tags[at] != scheme.outside:
            tried.append(scheme.outside)
        new = np.array(tried, dtype=np.int64)
        fits = scheme.may_follow(np.full(len(new), before), new)
        fits &= scheme.may_follow(new, np.full(len(new), after))
        found += [(at, int(k)) for k in new[fits].tolist()]
    return found
