"""Text from a data set made fit to stand in a document: one line, every character to be seen."""

from __future__ import annotations

import unicodedata

_JOINERS = "\u200c\u200d"
"""Characters that cannot be seen but belong to the spelling of many languages, and to emoji."""
_UNSEEN = ("Cc", "Cf", "Cs", "Cn", "Co")
_BREAKS = ("Zl", "Zp")


def one_line(text: str, limit: int | None = None) -> str:
    """The text on one line, cut to `limit` characters with "…" at its end.

    White space becomes one space. Characters that cannot be seen, those that turn the direction of writing
    and null bytes among them, become U+FFFD, so that nothing reads as it is not written.
    """
    if limit is not None and len(text) > 10 * limit:
        text = text[: 10 * limit] + "…"  # white space may shrink, and a megabyte is not worth the reading
    line = " ".join("".join(map(_seen, text)).split())
    return line if limit is None or len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _seen(character: str) -> str:
    if character.isascii() and character.isprintable():  # the usual case
        return character
    if character.isspace() or unicodedata.category(character) in _BREAKS:
        return " "
    hidden = unicodedata.category(character) in _UNSEEN and character not in _JOINERS
    return "\N{REPLACEMENT CHARACTER}" if hidden else character
