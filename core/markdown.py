"""Markdown in which text from a data set is only ever text.

What is not ours stands in a code span: in there nothing is a link, a picture, an HTML tag or emphasis, on
any of the sites that show data set cards. Source: GitHub Flavored Markdown Spec, 6.1 and 4.10.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from core.plain_text import one_line

LONGEST = 500
_PLAIN = re.compile(r"[A-Za-z0-9 ,.;:%()+±'’=/…-]+")
_LINK = re.compile(r"://|www\.", re.IGNORECASE)


def code(text: str) -> str:
    """A text that is not ours, as a code span; (empty) where there is nothing to be seen."""
    line = one_line(text, LONGEST)
    if not line:
        return "(empty)"
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def prose(text: str) -> str:
    """One of our own sentences, as it is; a code span where something in it could mean more than it says."""
    harmless = _PLAIN.fullmatch(text) and not _LINK.search(text)
    return text if harmless else code(text)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table. Cells are Markdown already; a | in them does not end a cell."""
    lines = [heads, ["---"] * len(heads), *rows]
    return ["| " + " | ".join(map(_cell, cells)) + " |" for cells in lines]


def _cell(markdown: str) -> str:
    # An odd number of \ before each |, or parsers differ on whether it is escaped.
    return re.sub(r"(\\*)\|", lambda found: 2 * found[1] + r"\|", markdown)
