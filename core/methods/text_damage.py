"""Text that was read in the wrong encoding, and characters that no text should hold."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Damage:
    """misread: places where several characters stand for one; example: (as it reads, what was meant) of the
    first. lost: replacement characters and halves of surrogate pairs. control: control characters.
    characters: how many characters of the text all of that takes.
    """

    misread: int
    example: tuple[str, str] | None
    lost: int
    control: int
    characters: int


_HIGH = [bytes([b]).decode("cp1252", "ignore") or chr(b) for b in range(0x80, 0x100)]
"""How a byte from 0x80 reads in Windows-1252; the five that it leaves open are control characters."""
_BYTES = {c: b for b, c in enumerate(_HIGH, 0x80)} | {chr(b): b for b in range(0x80, 0xA0)}
_LATER = "".join(c for c, b in _BYTES.items() if b < 0xC0)
# The first byte of a character in UTF-8, then as many of the later bytes as it says.
_MISREAD = re.compile(f"(?:[Â-ß][{_LATER}]|[à-ï][{_LATER}]{{2}}|[ð-ô][{_LATER}]{{3}})+")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x9f]")
_LOST = re.compile("[\ufffd\ud800-\udfff]")
_QUOTES = "«»‹›“”‘’„‚…–—´`¨"


def damage(text: str) -> Damage | None:
    """What of a text is damaged, None where nothing is.

    Misread: characters whose bytes in Windows-1252 are UTF-8 for letters, signs or emoji that people write,
    such as "Ã©" for "é"; the idea is that of ftfy (Speer, 2019). Control: C0 (but for white space) and C1.
    Lost: U+FFFD, or half of a surrogate pair.
    """
    if text.isascii() and text.isprintable():
        return None
    misread = [] if text.isascii() else [m for m in _MISREAD.finditer(text) if _means(text, m)]
    inside = sum(len(m[0]) for m in misread)
    outside = text if not misread else _MISREAD.sub(lambda m: "" if _means(text, m) else m[0], text)
    control = len(_CONTROL.findall(outside))
    lost = 0 if text.isascii() else len(_LOST.findall(outside))
    if not (misread or control or lost):
        return None
    example = (misread[0][0], _means(text, misread[0])) if misread else None
    return Damage(len(misread), example, lost, control, inside + control + lost)


def _means(text: str, match: re.Match[str]) -> str:
    """What the characters stand for, "" where they may well be meant as they are."""
    written = match[0]
    try:
        meant = bytes(map(_BYTES.__getitem__, written)).decode("utf-8")
    except UnicodeDecodeError:
        return ""
    start, end = match.span()
    before, after = text[max(0, start - 1) : start], text[end : end + 1]
    # "HYVÄ”" at the end of a quotation is Finnish; inside of a word, or after small letters, nobody quotes.
    if len(written) == 2 and written[1] in _QUOTES and not (before.islower() or after.isalpha()):
        return ""
    if len(meant) >= 3 and all(c.isalpha() or c.isspace() for c in meant):
        return meant  # a word of another script
    return meant if all(map(_is_common, meant)) else ""


def _is_common(character: str) -> bool:
    """Whether people write it in Latin script, or as an emoji; a misread one more often than by chance."""
    code = ord(character)
    return (
        0xA0 <= code <= 0x17F
        or 0x2010 <= code <= 0x2049
        or code in (0x20AC, 0x2122, 0xFEFF, 0xFFFD)
        or 0x2600 <= code <= 0x27BF
        or 0x1F300 <= code <= 0x1FAFF
    )
