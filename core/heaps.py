"""How the C library hands out memory in a server of many threads."""

from __future__ import annotations

import ctypes
import os
import sys

_M_ARENA_MAX = -8  # malloc.h
_HEAPS = 2


def share_heaps() -> bool:
    """Have all threads share two heaps from now on; False where the C library has no such setting.

    glibc gives a thread a heap of its own, up to eight a core, and memory freed in one is not used in
    another: 9,500 decisions of 30 annotators made the server 40 MB larger so, and 10 MB with two heaps. Arrow
    brings an allocator that does the same, and grew by 10 MB at a time as threads came and went: where it is
    not loaded yet, it takes its memory from these heaps too.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    return mallopt is not None and bool(mallopt(_M_ARENA_MAX, _HEAPS))
