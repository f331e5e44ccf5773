"""Twenty seconds of `make fuzz`, and that it would see a fault."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from core import reading
from tests.fuzz import run
from tests.fuzz.mutate import MOST, mutated


def test_fuzz__damaged_files_are_read_or_refused_in_words() -> None:
    found = run.fuzz(seed=0, seconds=20)
    assert found.fault == "", f"file {found.case} of seed 0"
    assert found.tried > 50 and found.read and found.refused


def test_mutated__the_same_numbers_give_the_same_file() -> None:
    assert run.case(3, 4) == run.case(3, 4) != run.case(3, 5)
    assert len(mutated([b"x" * (MOST + 5)], random.Random(0))) <= MOST


def test_try_one__another_exception_is_a_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr(reading, "read_table", broken)
    with pytest.raises(KeyError):
        run.try_one(0, 0, tmp_path)


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("import os; os.kill(os.getpid(), 11)", "exit code -11"),
        ('print(\'{"fault": "said so"}\')', "said so"),
        ("import time; print('{\"at\": 7}', flush=True); time.sleep(60)", "no answer for 1 s"),
    ],
)
def test_fuzz__a_process_that_ends_or_hangs_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, code: str, fault: str
) -> None:
    monkeypatch.setattr(run, "PATIENCE_S", 1)
    monkeypatch.setattr(run, "COMMAND", (sys.executable, "-c", code))
    found = run.fuzz(seed=0, seconds=1)
    assert found.fault.startswith(fault)
