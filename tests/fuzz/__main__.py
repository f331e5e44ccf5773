"""`make fuzz`: made-up files through the importers, on every core, for FUZZ="--minutes 10 --seed 0".

First damaged copies of good files, then as long again what atheris makes up, where it is installed.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.fuzz import guided, run
from tests.fuzz.run import Found

PIECE_S = 60.0
ENGINES: dict[str, Callable[[int, float], Found]] = {"mutate": run.fuzz, "atheris": guided.fuzz}
NO_ATHERIS = 'atheris is not installed, so no files were led by coverage: pip install "labelmend[fuzz]"'


def main() -> int:
    """Exit code 1 where a file was neither read nor refused in words."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="of processor time for each engine")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--engine", choices=("both", *ENGINES), default="both")
    given = parser.parse_args()
    if given.engine == "atheris" and not guided.available():
        parser.error(NO_ATHERIS)
    faults = 0
    for name in ENGINES if given.engine == "both" else (given.engine,):
        if name == "atheris" and not guided.available():
            print(NO_ATHERIS)
            continue
        faults += _engine(name, given.minutes, given.seed)
    return int(bool(faults))


def _engine(name: str, minutes: float, first: int) -> int:
    """Run one engine and tell what it found. Returns the number of faults."""
    pieces = max(1, round(minutes * 60 / PIECE_S))
    seconds = min(PIECE_S, minutes * 60)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(lambda piece: ENGINES[name](first + piece, seconds), range(pieces)))
    faults = [(first + piece, one) for piece, one in enumerate(found) if one.fault]
    for seed, one in faults:
        print(f"seed {seed}, file {one.case}:\n{one.fault}")
    tried, read, refused = (sum(getattr(one, n) for one in found) for n in ("tried", "read", "refused"))
    print(f"{name}: {tried:,} files: {read:,} read, {refused:,} refused in words, {len(faults)} faults")
    return len(faults)


if __name__ == "__main__":
    sys.exit(main())
