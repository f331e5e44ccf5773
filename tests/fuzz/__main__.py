"""`make fuzz`: damaged files through the importers, on every core, for FUZZ="--minutes 10 --seed 0"."""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor

from tests.fuzz.run import fuzz

PIECE_S = 60.0


def main() -> int:
    """Exit code 1 where a file was neither read nor refused in words."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="of processor time, all cores together")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    pieces = max(1, round(given.minutes * 60 / PIECE_S))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(lambda piece: fuzz(given.seed + piece, PIECE_S), range(pieces)))
    faults = [(given.seed + piece, one) for piece, one in enumerate(found) if one.fault]
    for seed, one in faults:
        print(f"seed {seed}, file {one.case}:\n{one.fault}")
    tried, read, refused = (sum(getattr(one, n) for one in found) for n in ("tried", "read", "refused"))
    print(f"{tried:,} damaged files: {read:,} read, {refused:,} refused in words, {len(faults)} faults")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
