"""Progress of long work, and its cancellation."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Cancelled(Exception):
    """Raised inside the work at the first `report` after `cancel`."""


class Progress:
    """Passed down into long work, which calls `report` at least twice a second.

    on_report receives (fraction in [0, 1], one line of text for a person).
    """

    def __init__(self, on_report: Callable[[float, str], None] | None = None) -> None:
        self._on_report = on_report
        self._cancel = threading.Event()

    def cancel(self) -> None:
        """Ask the work to stop; safe to call from another thread."""
        self._cancel.set()

    @property
    def cancelled(self) -> bool:
        return self._cancel.is_set()

    def report(self, fraction: float, message: str = "") -> None:
        """Say how far the work is. Raises Cancelled where `cancel` was called."""
        if self._cancel.is_set():
            raise Cancelled
        if self._on_report is not None:
            self._on_report(min(max(fraction, 0.0), 1.0), message)

    def part(self, start: float, stop: float, label: str = "") -> Progress:
        """A Progress for one stretch of this one, sharing its cancellation."""
        child = Progress(
            lambda f, m: self.report(
                start + (stop - start) * f, f"{label}: {m}" if label and m else m or label
            )
        )
        child._cancel = self._cancel
        return child
