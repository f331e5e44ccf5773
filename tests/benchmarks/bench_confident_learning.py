"""Our streaming pass against cleanlab called directly, on the same memory-mapped probabilities.

    python -m tests.benchmarks.bench_confident_learning [--repeat 3]

Each run is a process of its own, so that its peak memory is its own; runs alternate; medians are printed.
Ours is timed from the labels and the memory map to flagged rows, scores and suggestions. cleanlab is timed
for the call that gives the flagged rows alone, with its default number of processes and with one; the
ratios are to the faster and to the leaner of the two. Flagged rows, scores and suggestions must be equal.
Beside our default, which counts twice, cleanlab counts once: the calibrated count, the larger one here.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from core.methods.label_filters import CALIBRATED, DEFAULT_FILTER

SIZES = ((1_000_000, 10), (100_000, 1_000))
SETTINGS = (DEFAULT_FILTER, CALIBRATED, "low_normalized_margin", "prune_by_noise_rate")
CONTENDERS = ("ours", "cleanlab", "cleanlab, 1 process")
TIME_TARGET, MEMORY_TARGET = 0.5, 0.5


def main(argv: list[str] | None = None) -> int:
    """Print one table a size; exit code 1 where a target is missed or a result differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--run", nargs=3, metavar=("CONTENDER", "SETTING", "FOLDER"), help=argparse.SUPPRESS)
    parser.add_argument("--make", nargs=3, metavar=("N", "K", "FOLDER"), help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.make:
        _make(int(args.make[0]), int(args.make[1]), Path(args.make[2]))
        return 0
    if args.run:
        print(json.dumps(_run(args.run[0], args.run[1], Path(args.run[2]))))
        return 0
    from tests.benchmarks.machine import describe

    print(describe())
    return int(not all([_compare(n, k, args.repeat) for n, k in SIZES]))


def _compare(n: int, k: int, repeat: int) -> bool:
    print(f"\n{n:,} x {k:,} float32, memory-mapped, median of {repeat}")
    print(f"{'setting':<22} {'contender':<20} {'s':>7} {'MB':>7}  flagged")
    good = True
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        _child("--make", str(n), str(k), place)
        for setting in SETTINGS:
            runs: dict[str, list[dict[str, float]]] = {c: [] for c in CONTENDERS}
            for _ in range(repeat):
                for contender in CONTENDERS:
                    runs[contender].append(json.loads(_child("--run", contender, setting, place)))
                    _same(folder, setting, contender)
            good &= _report(setting, runs)
    return good


def _report(setting: str, runs: dict[str, list[dict[str, float]]]) -> bool:
    seconds = {c: statistics.median(run["seconds"] for run in found) for c, found in runs.items()}
    memory = {c: statistics.median(run["peak_mb"] for run in found) for c, found in runs.items()}
    for c in CONTENDERS:
        print(f"{setting:<22} {c:<20} {seconds[c]:7.2f} {memory[c]:7.0f}  {runs[c][0]['flagged']:,}")
    faster = seconds["ours"] / min(s for c, s in seconds.items() if c != "ours")
    leaner = memory["ours"] / min(m for c, m in memory.items() if c != "ours")
    good = faster <= TIME_TARGET and leaner <= MEMORY_TARGET
    print(
        f"{'':<22} ratio {faster:.2f} of the time, {leaner:.2f} of the memory: {'met' if good else 'MISSED'}"
    )
    return good


def _same(folder: Path, setting: str, contender: str) -> None:
    """Raise where a contender's flagged rows, scores or suggestions are not ours."""
    for what in ("flagged", "scores", "suggested"):
        ours, theirs = (np.load(folder / f"{what}-{c}.npy") for c in ("ours", contender))
        if not np.array_equal(ours, theirs):
            raise SystemExit(f"{setting}: {what} differ between ours and {contender}")


def _child(*args: str) -> str:
    command = [sys.executable, "-m", "tests.benchmarks.bench_confident_learning", *args]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _make(n: int, k: int, folder: Path) -> None:
    """Labels with 8% errors, mostly to one neighbouring class, and probabilities of a model that is right
    about nine times in ten and seldom sure."""
    rng = np.random.default_rng(0)
    true = rng.integers(0, k, n)
    wrong = rng.random(n) < 0.08
    near = (true + np.where(rng.random(n) < 0.7, 1, rng.integers(1, k, n))) % k
    np.save(folder / "labels.npy", np.where(wrong, near, true).astype(np.int32))
    probs = np.lib.format.open_memmap(folder / "p.npy", mode="w+", dtype=np.float32, shape=(n, k))
    for start in range(0, n, 10_000):
        rows = slice(start, min(n, start + 10_000))
        logits = rng.normal(0, 1, (rows.stop - start, k)).astype(np.float32)
        line = np.arange(len(logits))
        logits[line, true[rows]] += rng.normal(3 + np.log(k), 1.5, len(logits))
        logits[line, (true[rows] + 1) % k] += np.log(k) / 2
        logits = np.exp(logits - logits.max(axis=1, keepdims=True))
        probs[rows] = logits / logits.sum(axis=1, keepdims=True)
    probs.flush()


def _run(contender: str, setting: str, folder: Path) -> dict[str, float]:
    labels = np.load(folder / "labels.npy")
    probs = np.load(folder / "p.npy", mmap_mode="r")
    processes = 1 if contender.endswith("1 process") else None
    prepare = _ours if contender == "ours" else lambda *a: _cleanlab(*a, processes)
    work, finish = prepare(labels, probs, setting)
    started = time.perf_counter()
    flagged = work()
    seconds = time.perf_counter() - started
    peak = _peak_mb()
    scores, suggested = finish()
    for what, values in (("flagged", flagged), ("scores", scores), ("suggested", suggested)):
        np.save(folder / f"{what}-{contender}.npy", values)
    return {"seconds": seconds, "peak_mb": peak, "flagged": int(flagged.sum())}


Work = tuple[Callable[[], np.ndarray], Callable[[], tuple[np.ndarray, np.ndarray]]]


def _ours(labels: np.ndarray, probs: np.ndarray, setting: str) -> Work:
    from core.methods.confident_learning import label_quality, scan
    from core.methods.label_filters import flag

    out: list[np.ndarray] = []

    def work() -> np.ndarray:
        scanned = scan(labels, probs)
        out.extend((label_quality(scanned, "normalized_margin", probs), scanned.predicted))
        return flag(scanned, probs, setting)

    return work, lambda: (out[0], out[1].astype(np.int64))


def _cleanlab(labels: np.ndarray, probs: np.ndarray, setting: str, processes: int | None) -> Work:
    from cleanlab.count import compute_confident_joint
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    def calibrated() -> np.ndarray:
        joint = compute_confident_joint(labels, probs, calibrate=False)
        shares = 1 - joint.diagonal() / joint.sum(axis=1)
        count = round(float((np.bincount(labels, minlength=len(joint)) * shares).sum()))
        margin = get_label_quality_scores(labels, probs, method="normalized_margin")
        mask = np.zeros(len(labels), dtype=bool)
        mask[np.argsort(margin, kind="stable")[:count]] = True
        return mask

    def finish() -> tuple[np.ndarray, np.ndarray]:
        return get_label_quality_scores(labels, probs, method="normalized_margin"), probs.argmax(axis=1)

    if setting in (DEFAULT_FILTER, CALIBRATED):
        return calibrated, finish
    return lambda: find_label_issues(labels, probs, filter_by=setting, n_jobs=processes), finish


def _peak_mb() -> float:
    """Peak resident memory of this process alone; mapped pages of the file count."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(row for row in status.read_text().splitlines() if row.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1 << 20 if sys.platform == "darwin" else 1 << 10
    )


if __name__ == "__main__":
    sys.exit(main())
