"""The script that texts are written in, by Unicode's names of their letters."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache

import numpy as np

_NAMES = (
    "LATIN GREEK CYRILLIC ARMENIAN HEBREW ARABIC SYRIAC THAANA DEVANAGARI BENGALI GURMUKHI GUJARATI ORIYA "
    "TAMIL TELUGU KANNADA MALAYALAM SINHALA THAI LAO TIBETAN MYANMAR GEORGIAN HANGUL ETHIOPIC CHEROKEE KHMER "
    "MONGOLIAN CJK"
)
SCRIPTS = ("", *_NAMES.split())
"""By code. "": no letters, or of a script that is not told apart. CJK: Chinese characters and kana."""
LEAST_LETTERS = 8
"""Of fewer letters nothing is said: a name or an abbreviation may be in any script."""
_ONE_WORD = ("CJK", "HANGUL")
_LEAST_SYLLABLES = 3  # where a letter stands for a syllable or a word
_LAST = 0x3FFFF  # Chinese characters end in plane 3


def scripts(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """((n,) uint8 code of the script of most letters of each text, (n,) float32 share of its letters).

    Code 0 and share 0 where a text has fewer than 8 letters of it (3 of Chinese, Japanese or Korean), or
    where it has no more than half of the letters.
    """
    found, share = np.zeros(len(texts), np.uint8), np.zeros(len(texts), np.float32)
    ascii_only = np.fromiter((t.isascii() for t in texts), bool, len(texts))
    plain = np.flatnonzero(ascii_only)
    chosen = [texts[i] for i in plain.tolist()]
    letters = _counts("".join(chosen).encode(), np.array([len(text) for text in chosen], np.int64))
    latin = plain[letters >= LEAST_LETTERS]
    found[latin], share[latin] = SCRIPTS.index("LATIN"), 1
    table = _table()
    for i in np.flatnonzero(~ascii_only).tolist():
        points = np.frombuffer(texts[i].encode("utf-32-le", "surrogatepass"), np.uint32)
        count = np.bincount(table[np.minimum(points, _LAST)], minlength=len(SCRIPTS))
        most = int(count[1:].argmax()) + 1
        least = _LEAST_SYLLABLES if SCRIPTS[most] in _ONE_WORD else LEAST_LETTERS
        if count[most] >= least and count[most] * 2 > count[1:].sum():
            found[i], share[i] = most, count[most] / count[1:].sum()
    return found, share


def name_of(code: int) -> str:
    """The script's name for a person."""
    name = SCRIPTS[code]
    return "Chinese or Japanese" if name == "CJK" else "Korean" if name == "HANGUL" else name.capitalize()


_IS_LETTER = np.zeros(256, np.uint8)
_IS_LETTER[[*b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"]] = 1


def _counts(text: bytes, lengths: np.ndarray) -> np.ndarray:
    """(n,) letters of each of the texts that were joined to ASCII bytes."""
    total = np.concatenate([[0], np.cumsum(_IS_LETTER[np.frombuffer(text, np.uint8)], dtype=np.int64)])
    ends = np.cumsum(lengths)
    return total[ends] - total[ends - lengths]


@cache
def _table() -> np.ndarray:
    """(_LAST + 1,) uint8 script code of every character; a tenth of a second to make, 256 KB."""
    codes = {name: i for i, name in enumerate(SCRIPTS)} | {"HIRAGANA": SCRIPTS.index("CJK")}
    codes["KATAKANA"] = codes["CJK"]
    out = np.zeros(_LAST + 1, np.uint8)
    for point in range(_LAST + 1):
        character = chr(point)
        if unicodedata.category(character) in ("Lu", "Ll", "Lt", "Lo"):
            words = unicodedata.name(character, "").split()
            at = 1 if words[:1] in (["FULLWIDTH"], ["HALFWIDTH"]) else 0
            out[point] = codes.get(words[at], 0) if len(words) > at else 0
    return out
