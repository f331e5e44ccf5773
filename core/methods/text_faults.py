"""Texts that are one piece over and over, hold markup, or are far shorter or longer than the others."""

from __future__ import annotations

import html
import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

MARKUP = {
    "html": "HTML tags",
    "bbcode": "BBCode tags",
    "markdown_table": "Markdown tables",
    "entities": "escaped characters such as &nbsp;",
}
_TAGS = (
    "a abbr b big blockquote body br button center cite code dd del details div dl dt em embed figure font "
    "footer form frame h1 h2 h3 h4 h5 h6 head header hr html i iframe img input ins kbd label li link main "
    "mark meta nav object ol option p picture pre q s script section select small source span strike strong "
    "style sub summary sup svg table tbody td textarea tfoot th thead title tr tt u ul video"
).replace(" ", "|")
_PATTERNS = {
    "html": ("<", re.compile(rf"</?(?:{_TAGS})(?:\s[^<>]{{0,500}})?/?>|<!--|<!doctype\b", re.IGNORECASE)),
    "bbcode": (
        "[",
        re.compile(
            r"\[/(?:b|i|u|s|url|img|quote|code|size|color|list|spoiler|center)\]"
            r"|\[(?:url|quote|size|color|img)=[^\]\n]{1,300}\]",
            re.IGNORECASE,
        ),
    ),
    "markdown_table": (
        "|",
        re.compile(r"^[ \t]*\|?(?:[ \t]*:?-{2,}:?[ \t]*\|)+(?:[ \t]*:?-{2,}:?)?[ \t]*$", re.M),
    ),
    # Also "quot;" and "#39;", whose "&" was lost on the way.
    "entities": (
        ";",
        re.compile(
            r"&(?:[A-Za-z][A-Za-z0-9]{1,30}|#\d{1,7}|#[xX][0-9A-Fa-f]{1,6});"
            r"|(?<![\w&])(?:quot|amp|nbsp|#(?:3[489]|6[02]|1[456]\d|8\d{3}));"
        ),
    ),
}
_WHOLE = 0.5  # of a text: "most" of it
_TIMES = 4  # a piece that stands there less often is not repeated but taken up again
_LEAST = 20  # characters: "no no no no" is an answer
_LONGEST_PIECE = 200
_FEW_WORDS = 0.5
_LONG_WORD = 15.0
_RULE = re.compile(r"([^\w\s])\1{3,}")


@dataclass(frozen=True)
class Repeat:
    """piece: what is repeated, "" where it is longer than a word; share: of the text, in (0, 1]."""

    piece: str
    share: float


def repeated(text: str) -> Repeat | None:
    """The one word, line or piece of up to 200 characters that makes up more than half of a text of at least
    20 characters, and stands there four times or more; None where there is none.

    A piece is found as a period: more than half of the characters are the same as the ones a period before.
    Signs that draw a line, such as "-----", are none.
    """
    words = text.split()
    few = len(words) >= _TIMES and len(set(words)) <= _FEW_WORDS * len(words)
    if len(text) < _LEAST or not words or not (few or _has_few_pairs(text, len(words))):
        return None
    text = _RULE.sub(r"\1", text)
    words = text.split()
    size = sum(map(len, words))
    word, times = Counter(words).most_common(1)[0]
    if times >= _TIMES and times * len(word) > _WHOLE * size and any(map(str.isalnum, word)):
        return Repeat(word, times * len(word) / size)
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    line, times = Counter(lines).most_common(1)[0]
    if times >= _TIMES and times * len(line) > _WHOLE * sum(map(len, lines)) and any(map(str.isalnum, line)):
        return Repeat("", times * len(line) / sum(map(len, lines)))
    return _period(" ".join(words))


def markup(text: str) -> dict[str, int]:
    """How many characters of a text are markup, by kind (a key of MARKUP); kinds that it has only."""
    found = {}
    for kind, (sign, pattern) in _PATTERNS.items():
        if sign in text:
            marks = [m[0] for m in pattern.finditer(text) if kind != "entities" or _is_entity(m[0])]
            if marks:
                found[kind] = sum(map(len, marks))
    return found


def length_fences(lengths: np.ndarray, fence: float, times: float) -> tuple[float, float]:
    """(shortest, longest) usual length: the quartiles of the logarithms, widened by `fence` interquartile
    ranges, and at least `times` as short or long as the quartile itself.

    Source of the fence: Tukey, Exploratory Data Analysis, 1977, on logarithms since lengths are skewed.
    lengths: (n,) > 0. (0, infinity) for fewer than 20 of them: of so few nothing is usual.
    """
    if len(lengths) < 20:
        return 0.0, np.inf
    low, high = np.quantile(np.log(lengths), [0.25, 0.75])
    width = max(fence * (high - low), np.log(times))
    return float(np.exp(low - width)), float(np.exp(high + width))


def _has_few_pairs(text: str, words: int) -> bool:
    """Of texts without white space: whether so few pairs of letters differ that one may be a repetition."""
    if len(text) <= _LONG_WORD * words:
        return False
    return len(set(pairwise(text))) <= (_WHOLE + 1 / _TIMES) * len(text)


def _period(text: str) -> Repeat | None:
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    if len(points) < _LEAST or not any(map(str.isalnum, text[:_LONGEST_PIECE])):
        return None
    best, share = 0, _WHOLE
    for period in range(1, min(_LONGEST_PIECE, len(points) // _TIMES) + 1):
        same = float((points[period:] == points[:-period]).mean())
        if same > share:
            best, share = period, same
    return Repeat("", share) if best else None


def _is_entity(text: str) -> bool:
    """Whether HTML knows it: "&T;" of "AT&T;" is none."""
    name = text if text.startswith("&") else f"&{text}"
    return html.unescape(name) != name
