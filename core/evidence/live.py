"""What the evidence says while people decide, made beside their work and never in their way.

Asking computes nothing: it tells what is known, and where there is something newer to be known, a thread
begins to make it. Between two of its runs on a data set lie EVERY_S seconds, and twenty times the processor
time that the last one took, so that it takes a twentieth of one processor; but no more than MOST_S seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.evidence import figures, words
from core.evidence.reading import Reading
from core.evidence.sections import ahead, left_said, stop

EVERY_S = 4.0
MOST_S = 60.0
_REST = 20
STEP = 25
"""Rows read between two tellings to annotators of a blind review: from one row to the next, the numbers
would tell which rows are random, and what others said.
"""


@dataclass
class _Known:
    """seq: of the last event that `newest` counts. coarse: what blind annotators are told."""

    seq: int = -1
    newest: dict[str, Any] | None = None
    coarse: dict[str, Any] | None = None
    steps: int = 0
    busy: bool = False
    not_before: float = 0.0


class Live:
    """Safe to share between threads."""

    def __init__(
        self,
        read: Callable[[str], Reading],
        begin: Callable[[Callable[[], None]], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        spent: Callable[[], float] = time.thread_time,
    ) -> None:
        """read: the data set of a name. begin: starts work beside; by default in a thread of its own. clock,
        spent: seconds gone by, and of processor time.
        """
        self._read = read
        self._begin = begin or _in_a_thread
        self._clock, self._spent = clock, spent
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}

    def told(self, name: str, seq: int, blind: bool) -> dict[str, Any] | None:
        """What is known of a data set now, by event `seq` or an earlier one; None where nothing is yet.
        `version` of it, from 1, changes when there is newer.

        blind: as it may be told to an annotator of a blind review: as of the last STEP rows.
        """
        with self._lock:
            known = self._known.setdefault(name, _Known())
            due = seq != known.seq and not known.busy and self._clock() >= known.not_before
            known.busy |= due
        if due:
            self._begin(lambda: self._make(name, known, seq))
        return known.coarse if blind else known.newest

    def _make(self, name: str, known: _Known, seq: int) -> None:
        began, first = self._spent(), known.newest is None
        try:
            reading = self._read(name)
            made = {"version": seq + 1, **brief(reading)}
            with self._lock:
                steps = len(reading.log) // STEP
                if known.coarse is None or known.steps != steps:
                    known.coarse = made if steps else None
                known.seq, known.newest, known.steps = seq, made, steps
        finally:
            # The first run loads libraries besides, which says nothing of the next.
            rest = EVERY_S if first else min(MOST_S, max(EVERY_S, _REST * (self._spent() - began)))
            with self._lock:
                known.busy, known.not_before = False, self._clock() + rest


def brief(reading: Reading) -> dict[str, Any]:
    """What the line on the review surface says: left and next in short, stop where it is reached; said: all
    of it in sentences; pictures: the burn-down wide and narrow, none before it can be drawn.
    """
    found = reading.state
    more = [part for part in (stop(reading), ahead(reading)) if part is not None]
    said = (*left_said(found), *(one for part in more for one in part.said))
    pictures = [figures.burn_down(found.line), figures.burn_down(found.line, *figures.NARROW)]
    return {
        "left": words.brief_left(found.left),
        "next": words.brief_ahead(found),
        "stop": words.brief_stop(found.stop),
        "said": [one.text for one in said],
        "pictures": [picture.told() for picture in pictures if picture is not None],
    }


def _in_a_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="evidence", daemon=True).start()
