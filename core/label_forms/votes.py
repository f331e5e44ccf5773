"""How the votes were on a row's given label, for those who look at the row."""

from __future__ import annotations

import math

import pandas as pd
from pandas.api import types

SHARE, LEAD = "share of {}", "lead of {}"
"""What the columns are called that say how large the share of a given label is, and how far it leads."""
CLOSE = 0.1
"""The lead below which a row is ambiguous rather than wrong."""


def votes(table: pd.DataFrame, label: str | None, position: int) -> str:
    """What share of the votes a row's given label has, a sentence; "" where the table does not say."""
    names = SHARE.format(label), LEAD.format(label)
    if label is None or any(name not in table or not types.is_float_dtype(table[name]) for name in names):
        return ""
    share, lead = (table[name].to_numpy(dtype=float)[position] for name in names)
    if math.isnan(lead):
        return ""
    if math.isnan(share):
        return "The votes on its label tie."
    close = "; the votes are split, so that it is ambiguous rather than wrong" if lead < CLOSE else ""
    return f"The given label has {share:.0%} of the votes{close}."
