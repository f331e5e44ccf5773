"""How much one process lets itself be asked: writes by one session, pictures decoded at once.

What is counted here stays in the process, unlike all else that several processes of an install must share.
It protects this process's own threads and memory, it means nothing after a restart, and a count kept in the
database would cost a write for each request that is to be saved one.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import os
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Overload(Exception):
    """A request that is refused for now. status: of the answer; retry_after: whole seconds."""

    def __init__(self, status: int, sentence: str, retry_after: int) -> None:
        super().__init__(sentence)
        self.status = status
        self.retry_after = retry_after


class Rate:
    """A token bucket for each key: `a_second` requests a second over the long run, `burst` at once.

    Safe to share between threads. now: the clock, in seconds, for tests.
    """

    def __init__(self, a_second: float, burst: int, now: Callable[[], float] = time.monotonic) -> None:
        self._a_second = a_second
        self._burst = float(burst)
        self._now = now
        self._lock = threading.Lock()
        self._left: dict[Hashable, tuple[float, float]] = {}
        """key -> (requests left, when that was counted), the key used last at the end."""

    def __len__(self) -> int:
        """How many keys are kept: those whose bucket is not full."""
        return len(self._left)

    def take(self, key: Hashable) -> None:
        """Count one request. Raises Overload (429) where the key has none left; that one is not counted."""
        with self._lock:
            now = self._now()
            left, at = self._left.pop(key, (self._burst, now))
            left = min(self._burst, left + (now - at) * self._a_second)
            allowed = left >= 1
            self._left[key] = left - allowed, now
            self._forget(now)
        if not allowed:
            wait = math.ceil((1 - left) / self._a_second)
            raise Overload(429, "Too many changes in a short time. They are sent again in a moment.", wait)

    def _forget(self, now: float) -> None:
        """Drop the keys that were not used for so long that their buckets are full."""
        for key, (_, at) in list(itertools.islice(self._left.items(), 2)):
            if (now - at) * self._a_second >= self._burst:
                del self._left[key]


class Workers:
    """`at_once` threads of their own and a queue of `waiting` calls; what comes on top is refused.

    Apart from the threads that store decisions, which so never wait for a picture.
    """

    def __init__(self, at_once: int, waiting: int) -> None:
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="labelmend-worker")
        self._most = at_once + waiting
        self._inside = 0  # changed by the event loop's thread only

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `work` returns. Raises Overload (503) where the queue is full."""
        if self._inside >= self._most:
            raise Overload(503, "Too many pictures are waiting to be decoded. Try again in a moment.", 2)
        self._inside += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, lambda: work(*args, **kwargs))
        finally:
            self._inside -= 1


WRITES = Rate(a_second=50, burst=500)
"""Writes of one session: 50 a second averaged over 10 s. The review surface sends up to 100 decisions at once
and one request at a time, so that only a script run wild comes here."""
DECODING = Workers(at_once=min(4, os.cpu_count() or 1), waiting=500)
"""Pictures. The largest allowed takes some 0.5 GB while it is decoded. A browser asks a host for 6 at once:
500 is 80 browsers."""
LARGE_PICTURES = Workers(at_once=1, waiting=500)
"""Pictures that a process of its own decodes, in seconds: apart, so that no other picture waits for them."""
