"""A model's work beside: Cancel is answered, failures are told in words, what it gives is checked."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from core.errors import InputError
from core.models._beside import Beside, Rows
from core.progress import Cancelled, Progress


def test_run__cancel_is_answered_while_a_step_takes_long() -> None:
    progress, ended = Progress(), threading.Event()
    threading.Timer(0.3, progress.cancel).start()
    started = time.monotonic()
    with pytest.raises(Cancelled), Beside() as beside:
        beside.run(lambda: ended.wait(30), progress)
    assert time.monotonic() - started < 2
    ended.set()


def test_run__gives_what_the_work_gives_and_reports_meanwhile() -> None:
    seen: list[str] = []
    progress = Progress(lambda _, message: seen.append(message))
    with Beside() as beside:
        assert beside.run(lambda: time.sleep(0.5) or 7, progress.part(0, 1, "loading")) == 7
    assert seen[:2] == ["loading", "loading"]


def test_run__a_failure_is_told_in_the_librarys_words() -> None:
    def fail() -> None:
        raise RuntimeError("size mismatch for fc.weight\n" + "x" * 1_000)

    with pytest.raises(InputError) as caught, Beside() as beside:
        beside.run(fail, Progress())
    said = str(caught.value)
    assert said.startswith("the model cannot be used: RuntimeError: size mismatch for fc.weight xxx")
    assert len(said) < 300 and "\n" not in said


def test_run__running_out_of_memory_stays_what_it_is() -> None:
    def fail() -> None:
        raise MemoryError

    with pytest.raises(MemoryError), Beside() as beside:
        beside.run(fail, Progress())


@pytest.mark.parametrize(
    ("made", "found"),
    [
        (np.zeros((3, 4)), r"shape \(3, 4\) .* for 2 rows. Expected: numbers of shape \(2, D\)|\(2, 4\)"),
        (np.zeros(2), r"shape \(2,\)"),
        (np.zeros((2, 0)), r"shape \(2, 0\)"),
        (np.zeros((2, 3, 4)), r"shape \(2, 3, 4\)"),
        (np.array([["a"], ["b"]]), r"type <U1"),
        (np.array([[{}], [{}]]), r"type object"),
        (np.ones((2, 3), complex), r"type complex128"),
    ],
)
def test_rows__anything_but_a_vector_a_row_is_refused(made: np.ndarray, found: str) -> None:
    with pytest.raises(InputError, match=found):
        Rows(4, "mine:embed").put([0, 1], made)


def test_rows__every_batch_is_as_wide_as_the_first() -> None:
    rows = Rows(4, "mine:embed")
    rows.put([0, 1], np.zeros((2, 3)))
    with pytest.raises(InputError, match=r"shape \(2, 4\) .* Expected: numbers of shape \(2, 3\)"):
        rows.put([2, 3], np.zeros((2, 4)))


def test_rows__batches_in_any_order_end_up_in_their_rows() -> None:
    rows = Rows(3, "mine:embed")
    rows.put([2, 0], [[5, 6], [1, 2]])
    assert rows.values().tolist() == [[1, 2], [0, 0], [5, 6]]
    assert rows.values().dtype == np.float32


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_rows__values_that_are_no_numbers_are_refused(bad: float) -> None:
    rows = Rows(2, "mine:embed")
    rows.put([0, 1], np.array([[1.0], [bad]]))
    with pytest.raises(InputError, match="mine:embed"):
        rows.values()
