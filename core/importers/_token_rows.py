"""Sentences of tokens as a table with a row for each token. Shared by the formats of token labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa

from core.errors import refuse

TOKENS = ("sentence", "position", "token")
OWN = ("id", *TOKENS, "label", "text", "split")
MOST_TEXT = 1 << 30
"""Characters of all the sentences that stand beside their tokens. One sentence of a million tokens would
otherwise stand there a million times."""


def token_frame(
    tokens: Sequence[str],
    lengths: np.ndarray,
    label: pd.Series,
    more: Mapping[str, pd.Series],
    file: str,
) -> pd.DataFrame:
    """Columns id ("2-7": the 7th token of the 2nd sentence), sentence, position, token, those of `more`,
    label, text (the tokens of the sentence with spaces between them).

    lengths: (S,) tokens of each sentence. Raises InputError where the texts would fill the memory.
    """
    starts = np.append(0, np.cumsum(lengths)).tolist()
    texts = [" ".join(tokens[a:b]) for a, b in pairwise(starts)]
    total = sum(len(text) * n for text, n in zip(texts, lengths.tolist(), strict=True))
    if total > MOST_TEXT:
        longest = int(lengths.argmax())
        found = f"sentence {longest + 1:,} has {int(lengths[longest]):,} tokens"
        found += f", and every token with its sentence beside it would take {total:,} characters"
        mend = "put a blank line, or begin a new record, between sentences"
        raise refuse(found, file=file, row=starts[longest] + 1, mend=mend)
    codes = np.repeat(np.arange(len(lengths)), lengths)
    sentence = codes + 1
    position = np.arange(len(codes)) - np.asarray(starts[:-1], np.int64)[codes] + 1
    text = pa.array(texts, pa.large_string()).take(pa.array(codes))
    columns = {
        "id": token_ids(sentence, position),
        "sentence": sentence,
        "position": position,
        "token": pd.Series(tokens, dtype="str"),
        **more,
        "label": label,
        "text": pd.Series(text.to_pandas(), dtype="str"),
    }
    return pd.DataFrame(columns, index=pd.RangeIndex(len(codes)))


def token_ids(sentence: np.ndarray, position: np.ndarray) -> pd.Series:
    """(N,) "sentence-position"."""
    return pd.Series(sentence).astype("str") + "-" + pd.Series(position).astype("str")
