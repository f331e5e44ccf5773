"""Labels that are numbers: a price, an age, a score. How they are written, and which can be.

A number is kept as the text of its cell, so that it is a given label like any other and every decision, claim
and export treats it as one. What it is worth is worked out where it is needed (Dataset.numbers).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

FORM = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
"""A number as it is written anew, the same in CSV, JSON and Parquet. The review surface has this pattern
too.
"""
LONGEST = 60
MOST_DECIMALS = 15
SAMPLE = 10_000
"""Distinct cells, evenly spaced, that the number of decimals is taken from."""
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
"""A number as files have it: also +5, .5, 5. and 007."""
_DIGITS = re.compile(r"[+-]?[0-9]+")
_USUAL_DIGITS = 6


@dataclass(frozen=True)
class Targets:
    """How the numbers of a label column are written.

    decimals: digits behind the point that most cells make do with. whole: whether every cell is a whole
    number, so that no other may be written. least, most: what the column's type can hold; None: anything.
    """

    decimals: int
    whole: bool = False
    least: int | None = None
    most: int | None = None

    @classmethod
    def of(cls, texts: Sequence[str], dtype: Any) -> Targets:
        """What distinct cells, given as texts of numbers, say of their column. dtype: of the column."""
        some = texts[:: max(1, len(texts) // SAMPLE)]
        places = np.array([_decimals(text) for text in some] or [0])
        whole = all(_DIGITS.fullmatch(text) for text in texts)
        bounds = np.iinfo(dtype.numpy_dtype if _nullable(dtype) else dtype) if _is_integer(dtype) else None
        if bounds is not None:
            return cls(0, True, int(bounds.min), int(bounds.max))
        # The 90th percentile: a few cells such as 0.30000000000000004 are no precision of the column.
        usual = int(np.quantile(places, 0.9, method="lower"))
        return cls(min(usual, MOST_DECIMALS), whole and not types.is_float_dtype(dtype))

    def why_not(self, text: str) -> str:
        """Why a text cannot be written as a number of this column, in a sentence; "" where it can."""
        if number_of(text) is None or re.fullmatch(FORM, text) is None:
            example = "4150" if self.whole else "12.5"
            return f"{text[:LONGEST]!r} is no number; expected digits with a point, such as {example}."
        if not self.whole:
            return ""
        if _DIGITS.fullmatch(text) is None:
            return f"The column holds whole numbers; expected digits alone, found {text}."
        if self.least is not None and int(text) < self.least:
            return f"The column's type holds no number below {self.least}, and {text} is."
        if self.most is not None and int(text) > self.most:
            return f"The column's type holds no number above {self.most}, and {text} is."
        return ""

    def holds(self, text: str | None) -> bool:
        """Whether a text can be written as a number of this column."""
        return text is not None and not self.why_not(text)

    def text(self, value: float) -> str:
        """A number in the precision of the column, such as a model's; it can always be written.

        A number that is small beside that precision keeps two digits that say something.
        """
        if self.whole:
            whole = round(value)
            whole = whole if self.least is None else max(whole, self.least)
            return str(whole if self.most is None else min(whole, self.most))
        places = self.decimals
        if value and not round(value, places):
            places = min(MOST_DECIMALS, 1 - math.floor(math.log10(abs(value))))
        # A model is not right to fifteen digits: six in all, but two behind the point, as prices have.
        digits = math.floor(math.log10(abs(value))) + 1 if value else 1
        places = min(places, max(_USUAL_DIGITS - digits, 2))
        shown = f"{value:.{places}f}"
        return shown.removeprefix("-") if not float(shown) else shown


def number_of(text: str) -> float | None:
    """The finite number that a text is, in plain digits or with an exponent; None for any other text."""
    if len(text) > LONGEST or _NUMBER.fullmatch(text) is None:
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def same_number(one: str | None, other: str | None) -> bool:
    """Whether two texts are the same number, exactly: 4.5 is 4.50, and no digit is rounded away."""
    if one is None or other is None or number_of(one) is None or number_of(other) is None:
        return one == other
    return Decimal(one) == Decimal(other)


def spoken(text: str) -> str:
    """A number's text with marks between its thousands: 4150.50 becomes 4,150.50."""
    found = re.fullmatch(r"([+-]?)([0-9]+)(\.[0-9]*)?", text)
    return text if found is None else f"{found[1]}{int(found[2]):,}{found[3] or ''}"


def _decimals(text: str) -> int:
    exponent = Decimal(text).normalize().as_tuple().exponent if "e" in text.lower() else None
    if exponent is not None:
        return max(0, -int(exponent))
    return len(text.partition(".")[2].rstrip("0"))


def _is_integer(dtype: Any) -> bool:
    return types.is_integer_dtype(dtype)


def _nullable(dtype: object) -> bool:
    return isinstance(dtype, pd.api.extensions.ExtensionDtype)
