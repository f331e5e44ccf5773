"""What rows are to be like, beside a row: a pasted text, an uploaded picture, or an area of the map.

As a text for an address.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.errors import refuse
from core.review.areas import Area

MOST_CHARACTERS = 1_000
"""Of a pasted text: an address has to carry it."""
_PICTURE = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class About:
    """text: a pasted text; picture: the name of an uploaded picture that is kept (core.asked_pictures); area:
    an area of the map. One of them is there."""

    text: str = ""
    area: Area | None = None
    picture: str = ""

    @classmethod
    def parse(cls, said: str) -> About:
        """From its text, as `str` writes it: "text:...", "picture:..." or "area:map:x,y x,y".

        Raises InputError for anything else.
        """
        kind, _, rest = said.partition(":")
        if kind == "area":
            return cls(area=Area.parse(rest))
        if kind == "picture" and _PICTURE.fullmatch(rest):
            return cls(picture=rest)
        if kind != "text" or not rest.strip():
            raise refuse(
                "what rows are to be like cannot be read",
                expected="text:WORDS, picture:NAME, or area:map:x,y x,y",
            )
        if len(rest) > MOST_CHARACTERS:
            raise refuse(
                f"a text of {len(rest):,} characters to look for",
                expected=f"{MOST_CHARACTERS:,} or fewer",
                mend="leave in the words that matter",
            )
        return cls(text=rest)

    def __str__(self) -> str:
        if self.picture:
            return f"picture:{self.picture}"
        return f"text:{self.text}" if self.area is None else f"area:{self.area}"

    @property
    def words(self) -> str:
        """For people."""
        if self.picture:
            return "like an uploaded picture"
        return "like an area of the map" if self.area is not None else f"like the text “{self.text}”"
