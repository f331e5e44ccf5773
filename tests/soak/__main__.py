"""`python -m tests.soak`: 30 annotators, 5 minutes of faults on each database, and the proof of the log."""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.machine import describe
from tests.postgres import Postgres, binaries
from tests.soak.run import soak


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 1 where anything acknowledged is not in the log as it was sent, or else is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5, help="on each database")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="of a run to be repeated")
    parser.add_argument("--every", type=float, default=8, help="seconds between two kills, on average")
    given = parser.parse_args(argv)
    print(describe(), flush=True)
    wrong = 0
    for postgres in (None, *([Postgres()] if binaries() is not None else [])):
        if postgres is not None:
            postgres.start()
        try:
            with tempfile.TemporaryDirectory() as root:
                report = soak(Path(root), postgres, 60 * given.minutes, given.seed, mean_s=given.every)
        finally:
            if postgres is not None:
                postgres.stop()
        print(report, flush=True)
        wrong += len(report.wrong)
    if binaries() is None:
        print("PostgreSQL: no server on this machine, not tried")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
