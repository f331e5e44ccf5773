"""Files that atheris makes up, led by the branches that they reach, through what tests.fuzz.run goes through.

atheris is no dependency: it has no wheel for every machine. `pip install "labelmend[fuzz]"` adds it.
"""

from __future__ import annotations

import importlib.util
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz.mutate import MOST
from tests.fuzz.run import MEMORY, PATIENCE_S, ROOT, SUFFIXES, Found, seeds, try_file, watched_folder

COMMAND = (sys.executable, "-m", "tests.fuzz.guided")
INSTRUMENTED = ["core.importers", "core.preflight", "core.reading", "core.csv_scan", "core.csv_detect"]


def available() -> bool:
    """Whether atheris is installed."""
    return importlib.util.find_spec("atheris") is not None


def named(data: bytes) -> tuple[str, bytes]:
    """(name, content): the first byte chooses the suffix, the rest is the file."""
    return f"file{SUFFIXES[data[0] % len(SUFFIXES)] if data else ''}", data[1:]


def fuzz(seed: int, seconds: float) -> Found:
    """Run `child` in a process of its own and tell what came of it; the fault names the file that did it."""
    kept = Path(tempfile.mkdtemp(prefix="labelmend-fuzz-"))
    corpus = kept / "corpus"
    corpus.mkdir()
    for number, content in enumerate(seeds()):
        for suffix in range(len(SUFFIXES)):
            (corpus / f"{number}-{suffix}").write_bytes(bytes([suffix]) + content)
    command = [*COMMAND, str(seed), str(int(seconds)), str(kept)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace")
    tried = max((int(n) for n in re.findall(r"^(?:#|Done )(\d+)", done.stderr, re.MULTILINE)), default=0)
    if done.returncode or not tried:
        files = [str(p) for p in kept.iterdir() if p != corpus] or ["no file kept"]
        return Found(tried, 0, 0, f"exit code {done.returncode}: {files[0]}\n{done.stderr[-3000:]}")
    _remove(kept)
    read = re.findall(r"^read (\d+)", done.stdout, re.MULTILINE)
    good = int(read[-1]) if read else 0
    return Found(tried, good, tried - good)


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder)


def child(seed: int, seconds: int, kept: Path) -> None:
    """Never returns: libFuzzer ends the process, with 0 where nothing was found."""
    import atheris

    with atheris.instrument_imports(include=INSTRUMENTED):
        import core.loading
        import core.reading  # noqa: F401

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    read = 0
    with watched_folder() as (folder, escaped):

        def one(data: bytes) -> None:
            nonlocal read
            good = try_file(*named(data), folder)
            if fault := escaped():
                raise RuntimeError(fault)
            read += good
            if good:
                print(f"read {read}", flush=True)

        limits = [f"-max_total_time={seconds}", f"-timeout={PATIENCE_S}", f"-rss_limit_mb={MEMORY >> 20}"]
        told = [
            f"-seed={seed + 1}",
            f"-max_len={MOST + 1}",
            f"-artifact_prefix={kept}/",
            str(kept / "corpus"),
        ]
        atheris.Setup(["fuzz", *limits, *told], one)
        atheris.Fuzz()


if __name__ == "__main__":
    child(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
