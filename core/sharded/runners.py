"""Where steps run: one after the other, on this machine's threads or processes, or on a Dask scheduler."""

from __future__ import annotations

import multiprocessing
import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Protocol, TypeVar

from core.errors import refuse
from core.progress import Progress

T = TypeVar("T")
R = TypeVar("R")
LOOK_S = 0.1
"""Seconds between two looks at Cancel."""
_DEATHS = 3  # as often may a worker die before the work is given up, which is Dask's number too


class Runner(Protocol):
    """Calls a function on every item, in any order and perhaps more than once for one item.

    function: a module's function, or a partial of one, so that it can be sent. An item's result comes once,
    with the item's index. The same item gives the same result and the same files, however often it is run: a
    worker may die in the middle and another one take over. Raises what the function raises; Cancelled.
    """

    def map(
        self, function: Callable[[T], R], items: Sequence[T], progress: Progress, words: str
    ) -> Iterator[tuple[int, R]]: ...

    def __enter__(self) -> Runner: ...

    def __exit__(self, kind: object, *_: object) -> None: ...


class InTurn:
    """One item after the other, in this thread."""

    def map(
        self, function: Callable[[T], R], items: Sequence[T], progress: Progress, words: str
    ) -> Iterator[tuple[int, R]]:
        for i, item in enumerate(items):
            progress.report(i / len(items), _how_many(words, i, items))
            yield i, function(item)

    def __enter__(self) -> InTurn:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        pass


class Local:
    """Threads or processes of this machine. A process that is killed is replaced, and its items run again."""

    def __init__(self, workers: int, processes: bool = True) -> None:
        self._workers, self._processes = workers, processes
        self._pool: Executor | None = None

    def map(
        self, function: Callable[[T], R], items: Sequence[T], progress: Progress, words: str
    ) -> Iterator[tuple[int, R]]:
        left, deaths = dict(enumerate(items)), 0
        while left:
            try:
                yield from self._once(function, left, items, progress, words)
            except BrokenProcessPool as error:
                self._pool, deaths = None, deaths + 1
                if deaths > _DEATHS:
                    raise _workers_die(words) from error

    def _once(
        self,
        function: Callable[[T], R],
        left: dict[int, T],
        items: Sequence[T],
        progress: Progress,
        words: str,
    ) -> Iterator[tuple[int, R]]:
        pool = self._pool = self._pool or self._opened()
        futures: dict[Future[R], int] = {pool.submit(function, item): i for i, item in left.items()}
        while futures:
            done, _ = wait(futures, LOOK_S, FIRST_COMPLETED)
            progress.report(1 - len(left) / len(items), _how_many(words, len(items) - len(left), items))
            for future in done:
                i, result = futures.pop(future), future.result()
                del left[i]
                yield i, result

    def _opened(self) -> Executor:
        if not self._processes:
            return ThreadPoolExecutor(self._workers, "shards")
        # Not forked: a fork of a process with threads may hang.
        spawn = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._workers, spawn, _leave_interrupts_to_the_parent)

    def __enter__(self) -> Local:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self._pool is None:
            return
        if kind is not None and isinstance(self._pool, ProcessPoolExecutor):
            # A step in hand may take minutes. There is no public way to end it before Python 3.14.
            for process in list((self._pool._processes or {}).values()):
                process.terminate()
        self._pool.shutdown(cancel_futures=True)
        self._pool = None


def cores() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class Dask:
    """The workers of a Dask scheduler. A worker that dies is replaced by another, as Dask does it.

    address: tcp://host:port, or tls://host:port with Dask's own configuration. Workers need the same version
    of Labelmend and the same files at the same paths or URLs. Whoever reaches a scheduler can run code on its
    workers: keep it on a network that you trust. Raises InputError where nobody answers.
    """

    def __init__(self, address: str, wait_s: float = 10) -> None:
        try:
            from distributed import Client
        except ImportError as error:
            raise refuse("--scheduler needs Dask", mend="pip install 'labelmend[dask]'") from error
        try:
            self._client = Client(address, timeout=wait_s, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            mend = "start one: dask scheduler, and dask worker ADDRESS"
            raise refuse(
                f"no Dask scheduler answers at {address}", expected="tcp://host:port", mend=mend
            ) from error
        try:
            self._client.wait_for_workers(1, timeout=wait_s)
            self._check_workers()
        except TimeoutError as error:
            self._client.close()
            raise refuse(
                f"the Dask scheduler at {address} has no worker", mend=f"dask worker {address}"
            ) from error
        except BaseException:
            self._client.close()
            raise

    def map(
        self, function: Callable[[T], R], items: Sequence[T], progress: Progress, words: str
    ) -> Iterator[tuple[int, R]]:
        from distributed import as_completed
        from distributed.scheduler import KilledWorker

        futures = self._client.map(function, items, pure=False, key=words.replace(" ", "-") + "-" + _mark())
        left = {future.key: (i, future) for i, future in enumerate(futures)}
        queue, done = as_completed(futures, loop=self._client.loop), 0
        del futures  # a result that was taken may go
        try:
            while done < len(items):
                ready = queue.next_batch(block=False)
                progress.report(done / len(items), _how_many(words, done, items))
                if not ready:
                    if self._client.status != "running":
                        raise refuse("the Dask scheduler has gone", mend="start it, and run this again")
                    time.sleep(LOOK_S)
                for future in ready:
                    i, result = left.pop(future.key)[0], future.result()
                    done += 1
                    yield i, result
        except KilledWorker as error:
            raise _workers_die(words) from error
        except CancelledError as error:
            raise refuse(
                f"Dask has given up a step of {words}", mend="look at the scheduler's log"
            ) from error
        finally:
            self._client.cancel([future for _, future in left.values()])

    def _check_workers(self) -> None:
        from core import __version__

        said = self._client.run(_version, on_error="return")
        for worker, version in said.items():
            if version != __version__:
                found = f"the Dask worker {worker} has Labelmend {version}, not {__version__}"
                if isinstance(version, BaseException):
                    found = f"the Dask worker {worker} cannot import Labelmend: {version}"
                raise refuse(found, mend="install this version on every worker")

    def __enter__(self) -> Dask:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._client.close()


def _version() -> str:
    from core import __version__

    return __version__


def _mark() -> str:
    return secrets.token_hex(4)


def _how_many(words: str, done: int, items: Sequence[Any]) -> str:
    return f"{words}, {done:,} of {len(items):,}"


def _workers_die(words: str) -> Exception:
    mend = "shards that take less memory, or fewer workers on a machine"
    return refuse(f"workers died again and again while {words}; most often for want of memory", mend=mend)
