"""What the formats of token labels share: a sentence is written whole or left out whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.errors import refuse
from core.importers._token_rows import token_ids

if TYPE_CHECKING:
    from core.corrections import Corrections


def check_whole(corrections: Corrections, sentence: np.ndarray) -> None:
    """Raises InputError where a token is to be left out of a sentence that stays. sentence: (N,)."""
    dropped = corrections.dropped
    inside = (sentence[1:] == sentence[:-1]) & (dropped[1:] != dropped[:-1])
    if inside.any():
        raise refuse(
            "a token cannot be cut out of its sentence",
            file=corrections.source.path.name,
            row=int(inside.argmax()) + 2,
            mend="load the file with its own columns, so that the whole sentence is left out",
        )


def renumbered(corrections: Corrections, frame: pd.DataFrame, records: int) -> pd.DataFrame:
    """The table of a written file with sentences numbered as in the source, from which some were left out.

    records: sentences of the source, those without a token included.
    """
    table = corrections.dataset.table
    gone = set(table["sentence"][corrections.dropped].tolist())
    kept = np.array([number for number in range(1, records + 1) if number not in gone], np.int64)
    sentence = frame["sentence"].to_numpy()
    if len(frame) == 0 or sentence.max() > len(kept):
        return frame
    numbers = kept[sentence - 1]
    return frame.assign(id=token_ids(numbers, frame["position"].to_numpy()), sentence=numbers)
