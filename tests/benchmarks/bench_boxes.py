"""`python -m tests.benchmarks.bench_boxes`: how many injected faults of boxes the check finds, by type.

364 pictures of blood cells with 641 injected faults; a detector is simulated from the boxes as published:
3 % missed, 2 % of another class, every side moved by normal noise. A real detector's errors are less even, so
that these shares are what the method leaves, not what a model will reach. Needs the data of ../shared.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence

import numpy as np

from core.audit import checks
from core.checks._box_faults import USUALLY
from core.progress import Progress
from tests.benchmarks.machine import describe
from tests.conftest import SHARED
from tests.core.planted_boxes import blood_cells, hits_by_fault

SEEDS = range(10)
JITTERS = (0.03, 0.06, 0.1)


def main(arguments: Sequence[str] = ()) -> int:
    """Print the tables; no target is set. arguments: none are read."""
    folder = SHARED / "detection_bccd"
    if not folder.is_dir():
        print("the data of ../shared is not here: not measured")
        return 0
    print(describe())
    check = checks()["box_errors"]
    params = {setting.name: setting.default for setting in check.settings}
    for jitter in JITTERS:
        counts: dict[str, list[tuple[int, int, int]]] = {}
        usual: Counter[str] = Counter()
        took = 0.0
        for seed in SEEDS:
            sample = blood_cells(folder, seed, jitter)
            start = time.perf_counter()
            result = check.run(sample.dataset, sample.predictions, params, Progress())
            took += time.perf_counter() - start
            for fault, three in hits_by_fault(result, sample).items():
                counts.setdefault(fault, []).append(three)
            classes = result.figures["by_class"]
            usual.update(classes["class"][classes["found"] >= USUALLY])
        print(
            f"\nSides moved by {jitter:.0%} of their length; mean (lowest-highest) of {len(SEEDS)} seeds.\n"
        )
        print("| fault | injected | flagged | recall | precision |\n|---|---|---|---|---|")
        for fault, seeds in counts.items():
            right, planted, flagged = np.array(seeds, dtype=float).T
            cells = [f"{planted[0]:.0f}", f"{flagged.mean():.0f}"]
            cells += [_over_seeds(right / planted), _over_seeds(right / np.maximum(flagged, 1))]
            print(f"| {fault} | " + " | ".join(cells) + " |", flush=True)
        often = ", ".join(f"{name} in {usual[name]}" for name in sample.dataset.classes)
        print(
            f"\nSpurious boxes are looked for where the model finds {USUALLY:.0%} of a class: {often} seeds."
        )
        print(f"{len(sample.dataset):,} boxes, {took / len(SEEDS):.2f} s a run")
    return 0


def _over_seeds(shares: np.ndarray) -> str:
    return f"{shares.mean():.2f} ({shares.min():.2f}-{shares.max():.2f})"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
