"""Damaged files through the importers and the pre-flight check, in processes whose memory is bounded.

Whatever a file holds, it is read or refused in words (InputError): no other exception, no signal, no more
than MEMORY bytes, no more than PATIENCE_S, and no file anywhere but in the workspace.
"""

from __future__ import annotations

import json
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.core.importers.samples import SAMPLES
from tests.fuzz.mutate import mutated

if TYPE_CHECKING:
    from core.source import RawTable

MEMORY = 4 << 30
"""Bytes of address space; the libraries themselves take about 1.5 GB of it."""
PATIENCE_S = 60
_IN_SPLITS = 8
"""Every so many files are tried as two in a folder of splits."""
ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "tests.fuzz.run")
SUFFIXES = ("", ".csv", ".json", ".jsonl", ".parquet", ".xlsx", ".zip", ".tar", ".npy", ".arrow")


@dataclass(frozen=True)
class Found:
    """tried, read, refused: numbers of files. fault: of the first file that did neither, "" for none.

    case: the numbers that make the file again: see `case`.
    """

    tried: int
    read: int
    refused: int
    fault: str = ""
    case: int = -1


def seeds() -> list[bytes]:
    """A small good file of every format that is one file."""
    return [content for _, content in SAMPLES.values()]


def case(seed: int, number: int) -> tuple[str, bytes]:
    """(name, bytes) of a damaged file; the same numbers give the same file."""
    rng = random.Random(f"{seed} {number}")
    return f"file{rng.choice(SUFFIXES)}", mutated(seeds(), rng)


def try_one(seed: int, number: int, folder: Path) -> bool:
    """`try_file` with a damaged file, now and then with another one as a folder of splits."""
    beside = case(seed, number + 1)[1] if number % _IN_SPLITS == 0 else None
    return try_file(*case(seed, number), folder, beside)


def try_file(name: str, data: bytes, folder: Path, beside: bytes | None = None) -> bool:
    """Whether a file is read; False where it is refused in words. Raises whatever else happens."""
    from core.errors import InputError
    from core.loading import Plan, guess_columns, prepare
    from core.reading import read_table

    path = folder / name
    path.write_bytes(data)
    splits = folder / "splits"
    if beside is not None:
        splits.mkdir()
        (splits / f"train{path.suffix}").write_bytes(data)
        (splits / f"test{path.suffix}").write_bytes(beside)
    try:
        raw = read_table(splits if splits.exists() else path, unpack_to=folder / "unpacked")
        prepare(raw, Plan("fuzz", guess_columns(raw)))
        try_forms(raw)
    except InputError as error:
        assert error.problems and all(str(problem).strip() for problem in error.problems)
        return False
    finally:
        path.unlink()
        shutil.rmtree(splits, ignore_errors=True)
    return True


def try_forms(raw: RawTable) -> None:
    """The table as one of annotators' columns, of one answer a record, of soft labels. Raises whatever is no
    refusal in words."""
    from core.errors import InputError
    from core.label_forms.form import LabelForm
    from core.label_forms.guess import guess_form
    from core.label_forms.reading import read_form

    names = [str(c) for c in raw.frame.columns[:3]]
    forms = [guess_form(raw), LabelForm("wide", tuple(names)), LabelForm("soft", tuple(names))]
    forms += [LabelForm("soft", (name,)) for name in names]
    if len(names) == 3:
        forms += [LabelForm("long", (names[i],), names[i - 1], names[i - 2]) for i in range(3)]
    for form in forms:
        if form is not None:
            with suppress(InputError):
                read_form(raw, form)


@contextmanager
def watched_folder() -> Iterator[tuple[Path, Callable[[], str]]]:
    """(A folder for files, what says whether anything was written outside of it: "" for nothing)."""
    with tempfile.TemporaryDirectory() as name:
        folder, outside = Path(name) / "in", Path(name) / "outside"
        folder.mkdir()
        outside.write_text("mine")

        def escaped() -> str:
            there = {p.name for p in Path(name).iterdir()}
            whole = there == {"in", "outside"} and outside.read_text() == "mine"
            return "" if whole else f"a file outside of the folder: {there}"

        yield folder, escaped


def child(seed: int, first: int, seconds: float) -> None:
    """Files from number `first` on, until the time is over; a line of JSON after each hundred, and one of the
    file that is tried, so that the parent knows which one ended the process."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    stop, number = time.monotonic() + seconds, first
    with watched_folder() as (folder, escaped):
        read = refused = 0
        while time.monotonic() < stop:
            print(json.dumps({"at": number}), flush=True)
            try:
                good = try_one(seed, number, folder)
            except BaseException:  # noqa: BLE001 - that is what is looked for
                print(json.dumps({"fault": traceback.format_exc(limit=-6)}), flush=True)
                return
            read, refused = read + good, refused + (not good)
            number += 1
            if fault := escaped():
                print(json.dumps({"fault": fault}), flush=True)
                return
        print(json.dumps({"read": read, "refused": refused}), flush=True)


def fuzz(seed: int, seconds: float, first: int = 0) -> Found:
    """Run `child` in a process of its own and tell what came of it."""
    command = [*COMMAND, str(seed), str(first), str(seconds)]
    at, said = first, {}
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        watch = _Watch(process)
        assert process.stdout is not None and process.stderr is not None
        for line in process.stdout:
            watch.alive()
            found = json.loads(line)
            at = found.get("at", at)
            said |= found
        errors = process.stderr.read()
        code = process.wait()
        watch.stop()
    tried = at - first + 1
    if "fault" in said:
        return Found(tried, 0, 0, said["fault"], at)
    if code or "read" not in said:
        why = f"no answer for {PATIENCE_S} s" if watch.ended else f"exit code {code}"
        return Found(tried, 0, 0, f"{why}\n{errors[-2000:]}", at)
    return Found(tried, said["read"], said["refused"])


class _Watch:
    """Ends a process that has said nothing for PATIENCE_S."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        import threading

        self.ended = False
        self._process = process
        self._last = time.monotonic() + PATIENCE_S  # the start takes its time
        self._over = threading.Event()
        threading.Thread(target=self._look, daemon=True).start()

    def alive(self) -> None:
        self._last = time.monotonic()

    def stop(self) -> None:
        self._over.set()

    def _look(self) -> None:
        while not self._over.wait(1):
            if time.monotonic() - self._last > PATIENCE_S:
                self.ended = True
                self._process.kill()
                return


if __name__ == "__main__":
    child(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
