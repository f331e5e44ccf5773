"""How the C library hands out memory in a server of many threads."""

from __future__ import annotations

import ctypes
import sys

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # malloc.h
_HEAPS = 2
_LARGE = 128 << 10


def share_heaps() -> bool:
    """Have all threads share two heaps from now on, and give large blocks back when they are freed; False
    where the C library has no such settings.

    glibc gives a thread a heap of its own, up to eight a core, and memory freed in one is not used in
    another: 9,500 decisions of 30 annotators made the server 40 MB larger so, and 10 MB with two heaps.
    It maps a block of 128 kB or more on its own, but from the first one that is freed on takes blocks of up
    to its size from the heaps, where what comes to lie behind them keeps their memory. Saying the size ends
    that.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is None:
        return False
    return bool(mallopt(_M_ARENA_MAX, _HEAPS)) and bool(mallopt(_M_MMAP_THRESHOLD, _LARGE))
