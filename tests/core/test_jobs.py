from __future__ import annotations

import threading
import time

import pytest

from core.errors import refuse
from core.jobs import Jobs
from core.progress import Progress


def test_start__reports_and_finishes() -> None:
    seen: list[tuple[float, str]] = []

    def work(progress: Progress) -> None:
        progress.report(0.5, "Label errors")
        job = jobs.get("pets")
        assert job is not None
        seen.append((job.fraction, job.message))

    jobs = Jobs()
    job = jobs.start("pets", work)
    assert job.wait(5)
    assert job.state == "done"
    assert seen == [(0.5, "Label errors")]


def test_start__returns_the_running_job_instead_of_a_second() -> None:
    jobs, release, started = Jobs(), threading.Event(), []

    def work(progress: Progress) -> None:
        started.append(1)
        release.wait(5)

    first = jobs.start("pets", work)
    assert jobs.start("pets", work) is first
    assert jobs.running() == [first]
    release.set()
    assert first.wait(5)
    assert started == [1]
    assert jobs.running() == []
    assert jobs.start("pets", lambda progress: None) is not first


def test_cancel__stops_at_the_next_report_within_two_seconds() -> None:
    reporting = threading.Event()

    def work(progress: Progress) -> None:
        while True:
            progress.report(0.1, "working")
            reporting.set()
            time.sleep(0.02)

    job = Jobs().start("pets", work)
    assert reporting.wait(5)
    job.cancel()
    assert job.wait(2)
    assert job.state == "cancelled"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (refuse("empty file", file="a.csv"), "a.csv: empty file."),
        (MemoryError(), "Not enough memory."),
        (ZeroDivisionError("x"), "An unexpected error (ZeroDivisionError); the log has it."),
    ],
)
def test_failure__becomes_a_sentence(error: Exception, sentence: str) -> None:
    def work(progress: Progress) -> None:
        raise error

    job = Jobs().start("pets", work)
    assert job.wait(5)
    assert (job.state, job.error) == ("failed", sentence)


def test_seconds_left__is_a_guess_from_the_pace_or_none() -> None:
    release = threading.Event()

    def work(progress: Progress) -> None:
        progress.report(0.01)
        assert job_of().seconds_left() is None
        progress.report(0.5)
        left = job_of().seconds_left()
        assert left is not None and 0 <= left < 5
        release.wait(5)

    jobs = Jobs()

    def job_of():  # type: ignore[no-untyped-def]
        job = jobs.get("pets")
        assert job is not None
        return job

    job = jobs.start("pets", work)
    release.set()
    assert job.wait(5)
    assert job.state == "done"
    assert job.seconds_left() is None
