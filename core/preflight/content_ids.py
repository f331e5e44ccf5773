"""Row ids for a table without an id column, made from what its rows hold."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

BLOCK_ROWS = 50_000
_DIGITS = 16


def content_ids(table: pd.DataFrame, content: Iterable[str]) -> pd.Index:
    """(N,) sha256 of the content columns, shortened; the second row with the same content gets -1, and so on.

    Never the position and never the label, so that an id outlives re-ordering and correction.
    """
    columns = list(content)
    digests = bytearray()
    for start in range(0, len(table), BLOCK_ROWS):
        texts = [_texts(table[c].iloc[start : start + BLOCK_ROWS]) for c in columns]
        digests += b"".join(map(_digest, zip(*texts, strict=True)))
    repeats = _earlier(np.frombuffer(digests, dtype=">u8"))
    bounds = pa.py_buffer(np.arange(len(repeats) + 1, dtype=np.int64) * _DIGITS)
    ids = pa.Array.from_buffers(
        pa.large_string(), len(repeats), [None, bounds, pa.py_buffer(digests.hex().encode())]
    )
    again = np.flatnonzero(repeats)
    if len(again):
        numbers = pc.cast(pa.array(repeats[again]), pa.large_string())
        numbered = pc.binary_join_element_wise(
            ids.take(pa.array(again)), numbers, pa.scalar("-", pa.large_string())
        )
        ids = pc.replace_with_mask(ids, pa.array(repeats > 0), numbered)
    return pd.Index(pd.array(ids, dtype="str"))


def _digest(cells: tuple[str, ...]) -> bytes:
    sha = hashlib.sha256()
    for cell in cells:
        raw = cell.encode("utf-8", "surrogatepass")
        sha.update(len(raw).to_bytes(8, "little") + raw)
    return sha.digest()[: _DIGITS // 2]


def _texts(cells: pd.Series) -> list[str]:
    return cells.astype("str").fillna("").tolist()


def _earlier(keys: np.ndarray) -> np.ndarray:
    """(N,) how many rows before each have the same key."""
    order = np.argsort(keys, kind="stable")
    ordered, place = keys[order], np.arange(len(keys))
    first = np.append(True, ordered[1:] != ordered[:-1])[: len(keys)]
    earlier = np.empty(len(keys), dtype=np.int64)
    earlier[order] = place - np.maximum.accumulate(np.where(first, place, 0))
    return earlier
