"""Draws keyed by row id: the same for every visit and machine, and after a data set is imported again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd


def unit_interval(row_ids: pd.Index | Sequence[str], seed: int, purpose: str) -> np.ndarray:
    """(N,) float64 draws, uniform in [0, 1), one for each row id.

    A row's draw depends on its id, the seed and the purpose, on nothing else: not on its place, its label
    or the other rows. Draws for two purposes are independent. `unit_interval(...) < 0.1` marks a random
    share of 10 %. Source: SipHash-2-4 (Aumasson, Bernstein, 2012) under a key made of seed and purpose;
    the 53 highest bits.
    """
    key = hashlib.sha256(f"{seed}:{purpose}".encode()).hexdigest()[:16]
    ids = pd.Series(row_ids, dtype="str").to_numpy(dtype=object)
    bits = pd.util.hash_array(ids, hash_key=key, categorize=False)
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def random_order(row_ids: pd.Index | Sequence[str], seed: int, purpose: str = "audit") -> np.ndarray:
    """(N,) int64 permutation of the positions, drawn by `unit_interval`.

    The first n rows of it are a simple random sample without replacement, for every n; rows that are
    added or taken away later leave the order of the others as it is.
    """
    return np.argsort(unit_interval(row_ids, seed, purpose), kind="stable")
