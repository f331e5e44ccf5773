"""Arrays that are made from others row by row, on disk where they are too large for memory."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator

import numpy as np

CHUNK = 4 << 20
"""Bytes of an array that are looked at in one go."""
MOST_IN_MEMORY = 64 << 20


def chunks(array: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """(first row, rows) of each piece of about CHUNK bytes."""
    rows = max(1, CHUNK // max(1, array[:1].nbytes))
    for start in range(0, len(array), rows):
        yield start, np.asarray(array[start : start + rows])


def each_chunk(
    array: np.ndarray, make: Callable[[np.ndarray], np.ndarray], width: int, dtype: np.dtype
) -> np.ndarray:
    """(N, width) what `make` makes of each piece. Over MOST_IN_MEMORY it is mapped from a file without a
    name in the folder for temporary files, which goes when nothing uses it any more."""
    shape = (len(array), width)
    if shape[0] * width * dtype.itemsize > MOST_IN_MEMORY:
        with tempfile.TemporaryFile() as file:  # written first: on a full disk a map would end the process
            for _, chunk in chunks(array):
                rows = np.empty((len(chunk), width), dtype)
                rows[:] = make(chunk)
                file.write(rows.data)
            file.flush()
            return np.memmap(file, dtype, "r+", shape=shape)
    out = np.empty(shape, dtype)
    for start, chunk in chunks(array):
        out[start : start + len(chunk)] = make(chunk)
    return out
