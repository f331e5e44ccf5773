"""`python -m tests.benchmarks`: run every benchmark of this folder; exit code 1 where one misses a target."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def main() -> int:
    """Run the main([]) of each bench_*.py, in name order."""
    missed = []
    for file in sorted(Path(__file__).parent.glob("bench_*.py")):
        print(f"=== {file.stem}", flush=True)
        if importlib.import_module(f"tests.benchmarks.{file.stem}").main([]):
            missed.append(file.stem)
    if missed:
        print(f"\ntargets missed in: {', '.join(missed)}")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
