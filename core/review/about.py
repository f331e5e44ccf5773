"""What rows are to be like, beside a row: a pasted text, or an area of the map. As a text for an address."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import refuse
from core.review.areas import Area

MOST_CHARACTERS = 1_000
"""Of a pasted text: an address has to carry it."""


@dataclass(frozen=True)
class About:
    """text: a pasted text; area: an area of the map. One of them is there."""

    text: str = ""
    area: Area | None = None

    @classmethod
    def parse(cls, said: str) -> About:
        """From its text, as `str` writes it: "text:..." or "area:map:x,y x,y". Raises InputError else."""
        kind, _, rest = said.partition(":")
        if kind == "area":
            return cls(area=Area.parse(rest))
        if kind != "text" or not rest.strip():
            raise refuse(
                "what rows are to be like cannot be read", expected="text:WORDS, or area:map:x,y x,y"
            )
        if len(rest) > MOST_CHARACTERS:
            raise refuse(
                f"a text of {len(rest):,} characters to look for",
                expected=f"{MOST_CHARACTERS:,} or fewer",
                mend="leave in the words that matter",
            )
        return cls(text=rest)

    def __str__(self) -> str:
        return f"text:{self.text}" if self.area is None else f"area:{self.area}"

    @property
    def words(self) -> str:
        """For people."""
        return "like an area of the map" if self.area is not None else f"like the text “{self.text}”"
