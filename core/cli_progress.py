"""How far long work is, on one line of a terminal that is written over."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from core.plain_text import one_line
from core.progress import Progress

EVERY_S = 0.2


@contextmanager
def shown() -> Iterator[Progress]:
    """Progress that a terminal on stderr shows while the block runs; nothing stays of it."""
    if not sys.stderr.isatty():
        yield Progress()
        return
    line = _Line()
    try:
        yield Progress(line.show)
    finally:
        line.write("")
        sys.stderr.write("\r")
        sys.stderr.flush()


class _Line:
    def __init__(self) -> None:
        self._next = 0.0
        self._length = 0

    def show(self, fraction: float, message: str) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + EVERY_S
            self.write(f"{fraction:4.0%} {one_line(message)}")

    def write(self, text: str) -> None:
        text = text[: shutil.get_terminal_size().columns - 1]
        sys.stderr.write(f"\r{text}{' ' * (self._length - len(text))}")
        sys.stderr.flush()
        self._length = len(text)
