"""`python -m tests.benchmarks.bench_evidence`: whether Evidence keeps what it promises, on known truth.

Simulated reviews that look after every decision; stop rule; spot check of a batch; retraining on clean data;
models on a corrected test set; anchoring; what the next rows yield; annotators who err; then real noisy
sets. One part each: `coverage`, `stop`, `gate`, `impact`, `models`, `anchoring`, `yield`, `annotators`,
`real`; seeds fixed. Exit code 1 where a promise is missed by over two standard errors. `real` needs the data
of ../shared.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

from tests.benchmarks import evidence_effects, evidence_promises, evidence_real
from tests.benchmarks.machine import describe

PARTS: dict[str, Callable[[], bool]] = {
    "coverage": evidence_promises.coverage,
    "stop": evidence_promises.stop,
    "gate": evidence_promises.spot_checks,
    "impact": evidence_effects.retraining,
    "models": evidence_effects.models,
    "anchoring": evidence_effects.anchored,
    "yield": evidence_effects.yields,
    "annotators": evidence_effects.annotators,
    "real": evidence_real.real_sets,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 1 where a promise is missed."""
    print(describe())
    missed = []
    for name in argv or PARTS:
        started = time.perf_counter()
        if not PARTS[name]():
            missed.append(name)
        print(f"{name}: {time.perf_counter() - started:.0f} s", flush=True)
    print(f"\npromises missed: {', '.join(missed) or 'none'}")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
