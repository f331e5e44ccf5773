"""Twenty seconds of `make fuzz`, fifteen of atheris where there is one, and that they would see a fault."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from core import reading
from tests.fuzz import guided, run
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


def test_named__the_first_byte_is_the_suffix() -> None:
    assert guided.named(b"\x01a,b\n1,2\n") == ("file.csv", b"a,b\n1,2\n")
    assert guided.named(b"") == ("file", b"")


@pytest.mark.skipif(not guided.available(), reason="atheris is not installed")
def test_guided__files_are_read_or_refused_in_words() -> None:
    found = guided.fuzz(seed=0, seconds=15)
    assert found.fault == ""
    assert found.tried > 50 and found.read and found.refused


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import sys; print('Done 7 runs in 1 second(s)', file=sys.stderr); print('read 3')", (7, 3, 4, "")),
        ("import sys; print('#7 NEW cov: 1', file=sys.stderr); sys.exit(77)", (7, 0, 0, "exit code 77")),
        ("pass", (0, 0, 0, "exit code 0: no file kept")),
    ],
)
def test_guided__what_the_process_says_is_counted(
    monkeypatch: pytest.MonkeyPatch, code: str, expected: tuple[int, int, int, str]
) -> None:
    monkeypatch.setattr(guided, "COMMAND", (sys.executable, "-c", code))
    found = guided.fuzz(seed=0, seconds=1)
    assert (found.tried, found.read, found.refused) == expected[:3]
    assert found.fault.startswith(expected[3]) and bool(found.fault) == bool(expected[3])
