"""Long work beside the pages: a thread for each data set, with progress, cancel and why it failed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Literal

from core.errors import InputError
from core.progress import Cancelled, Progress

State = Literal["running", "done", "cancelled", "failed"]
_SOON = 0.05  # below this fraction a guess of the time left says nothing
logger = logging.getLogger(__name__)


class Job:
    """One piece of work, read by any number of pages while it runs.

    fraction: in [0, 1]. message: one line on what is being done. error: one sentence, for "failed" only;
    refused: what it was told by, where that was InputError. result: what the work returned, once it is done.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.state: State = "running"
        self.fraction = 0.0
        self.message = ""
        self.error = ""
        self.refused: InputError | None = None
        self.result: Any = None
        self._started = time.monotonic()
        self._progress = Progress(self._on_report)
        self._finished = threading.Event()

    def start(self, work: Callable[[Progress], object]) -> Job:
        """Do the work in a thread of its own. Once for each job."""
        threading.Thread(target=self._run, args=(work,), name=f"job {self.name}", daemon=True).start()
        return self

    def cancel(self) -> None:
        """Ask the work to stop; it does so at its next report."""
        self._progress.cancel()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the work is over. False where it still runs after that time."""
        return self._finished.wait(seconds)

    @property
    def cancelling(self) -> bool:
        return self.state == "running" and self._progress.cancelled

    def seconds_left(self) -> float | None:
        """A guess from the pace so far, None while there is nothing to guess from."""
        if self.state != "running" or self.fraction < _SOON:
            return None
        spent = time.monotonic() - self._started
        return spent * (1 - self.fraction) / self.fraction

    def _on_report(self, fraction: float, message: str) -> None:
        self.fraction = fraction
        self.message = message or self.message

    def _run(self, work: Callable[[Progress], object]) -> None:
        state: State = "done"
        try:
            self.result = work(self._progress)
        except Cancelled:
            state = "cancelled"
        except InputError as error:
            state, self.error, self.refused = "failed", str(error), error
        except MemoryError:
            state, self.error = "failed", "Not enough memory."
        except Exception as error:  # nobody above this thread could tell the visitor
            logger.exception("work on %s failed", self.name)
            state, self.error = "failed", f"An unexpected error ({type(error).__name__}); the log has it."
        self.state = state
        self._finished.set()


class Jobs:
    """The jobs of this process, at most one for each name. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}

    def start(self, name: str, work: Callable[[Progress], object]) -> Job:
        """Start the work, or return the job of that name that is still running."""
        with self._lock:
            held = self._jobs.get(name)
            if held is not None and held.state == "running":
                return held
            job = self._jobs[name] = Job(name)
        return job.start(work)

    def get(self, name: str) -> Job | None:
        """The latest job of that name, running or over."""
        return self._jobs.get(name)

    def running(self) -> list[Job]:
        """The jobs that still run, oldest first."""
        with self._lock:
            return [j for j in self._jobs.values() if j.state == "running"]
