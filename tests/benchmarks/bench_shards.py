"""`python -m tests.benchmarks.bench_shards [--repeats N]`: what each step over shards costs, and a paper
estimate.

Takes the processor time of every step on made-up shards at three sizes, in one process and one thread, with
the number of classes and of dimensions that the large sets have, and checks that results equal those of one
machine. From the cost of a unit of work it says what ImageNet-21k (14,197,122 rows, 21,841 classes) and
LAION-400M (400,000,000 rows), both with embeddings of 512 numbers, would need: core hours, memory, bytes. No
run of that size was made. A cost is the slope of a line through all measurements (least squares); its 95%
interval comes from their spread around the line, and says nothing of another processor. Exit code 1 where a
result differs from one machine's.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core.methods.confident_learning import scan
from core.methods.label_filters import DEFAULT_FILTER, flag
from core.methods.neighbours import nearest
from core.methods.projection import principal
from core.progress import Progress
from core.sharded import labels
from core.sharded.copies import find_copies
from core.sharded.dataset import Columns, Run
from core.sharded.run import checked
from core.sharded.runners import InTurn
from core.sharded.store import Store
from core.sharded.vectors import find_neighbours, find_places
from tests.benchmarks.machine import describe

CLASSES, FEW_CLASSES, WIDTH, K, SHARDS = 21_841, 200, 512, 30, 4
TOGETHER = 32_768  # rows that look for their nearest rows while all embeddings are read once


@dataclass(frozen=True)
class Step:
    """sizes: rows that are measured. unit: what its cost is proportional to, and how many of it there are for
    (rows, classes, width)."""

    sizes: tuple[int, int, int]
    unit: str
    count: Callable[[int, int, int], float]
    run: Callable[[Run], Any]


def without_bootstrap(run: Run) -> None:
    """Find labels, but for the draws that are made once, whatever the rows."""
    with patch.object(labels, "DRAWS", 1):
        labels.find_labels(run, InTurn(), Progress())


STEPS = {
    "checks": Step(
        (16_384, 32_768, 65_536), "row", lambda n, k, d: n, lambda run: checked(run, InTurn(), Progress())
    ),
    "labels": Step(
        (1_024, 2_560, 4_096),
        "cell of pred_probs",
        lambda n, k, d: n * k,
        without_bootstrap,
    ),
    "copies": Step(
        (16_384, 32_768, 65_536), "row", lambda n, k, d: n, lambda run: find_copies(run, InTurn(), Progress())
    ),
    "places": Step(
        (32_768, 98_304, 163_840),  # above 20,000 rows, so that finding the axes costs the same
        "number of the embeddings",
        lambda n, k, d: n * d,
        lambda run: find_places(run, InTurn(), Progress()),
    ),
    "neighbours": Step(
        (4_096, 6_144, 8_192),
        "multiplication",
        lambda n, k, d: float(n) * n * d,
        lambda run: find_neighbours(run, InTurn(), Progress(), K),
    ),
}


@dataclass(frozen=True)
class Large:
    """A data set that was not run. classes: 0 where it has none."""

    name: str
    rows: int
    classes: int


LARGE = (Large("ImageNet-21k", 14_197_122, 21_841), Large("LAION-400M", 400_000_000, 0))


@dataclass(frozen=True)
class Cost:
    """Nanoseconds of a unit of work, with the ends of the 95% interval."""

    value: float
    low: float
    high: float


def labelled(rows: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels, 10% of them at random, and probabilities; seed 0."""
    rng = np.random.default_rng(0)
    true = rng.integers(0, classes, rows)
    probs = rng.random((rows, classes), dtype=np.float32)
    probs[np.arange(rows), true] += classes
    probs /= probs.sum(axis=1, keepdims=True)
    given = np.where(rng.random(rows) < 0.1, rng.integers(0, classes, rows), true)
    return given.astype(np.int32), probs


def embedded(rows: int) -> np.ndarray:
    """Every direction alike; seed 0."""
    return np.random.default_rng(0).standard_normal((rows, WIDTH), dtype=np.float32)


def texts(rows: int) -> list[str]:
    """Of which one in ten is a copy."""
    return [
        f"a picture of thing number {i * 7919 % (rows * 9 // 10)} on a table by a window" for i in range(rows)
    ]


def write(source: Store, step: str, rows: int, classes: int = CLASSES) -> None:
    """SHARDS shards of equal size with what a step needs."""
    source.make()
    columns: dict[str, Any] = {"id": [f"row-{i:09}" for i in range(rows)]}
    arrays = {}
    if step == "labels":
        columns["label"], arrays["pred_probs"] = labelled(rows, classes)
    elif step == "copies":
        columns["content"] = texts(rows)
    elif step in ("places", "neighbours"):
        arrays["embeddings"] = embedded(rows)
    for number, own in enumerate(np.array_split(np.arange(rows), SHARDS)):
        at, body = slice(int(own[0]), int(own[-1]) + 1), io.BytesIO()
        pq.write_table(pa.table({name: values[at] for name, values in columns.items()}), body)
        source.write(f"part-{number:05}.parquet", lambda file, body=body: file.write(body.getvalue()))
        for kind, values in arrays.items():
            source.save(f"{kind}-{number:05}.npy", values[at])


def equal(step: str, work: Store, rows: int) -> bool:
    """Whether a step's results are those of one machine, to the last bit; labels of FEW_CLASSES classes."""

    def arrays(what: str) -> np.ndarray:
        return np.concatenate([work.load(name) for name in work.names() if name.startswith(f"{what}-")])

    if step == "labels":
        given, probs = labelled(rows, FEW_CLASSES)
        names = [name for name in work.names() if name.startswith("scores-")]
        told = pa.concat_tables([pq.read_table(work.path(name)) for name in names])["flagged"].to_numpy()
        return np.array_equal(told, flag(scan(given, probs), probs, DEFAULT_FILTER))
    if step == "copies":
        names = [name for name in work.names() if name.startswith("copies-")]
        told = pa.concat_tables([pq.read_table(work.path(name)) for name in names])["row_id"].to_pylist()
        values = np.array(texts(rows))
        first = np.unique(values, return_index=True)[1]
        return told == [f"row-{i:09}" for i in np.setdiff1d(np.arange(rows), first)]
    if step == "places":
        return np.array_equal(arrays("places"), principal(embedded(rows)))
    if step == "neighbours":
        found, distances = nearest(embedded(rows), np.arange(rows), K)
        return np.array_equal(arrays("neighbours"), found) and np.array_equal(arrays("distances"), distances)
    return True


def seconds(step: str, rows: int, repeats: int, classes: int = CLASSES) -> tuple[list[float], bool]:
    """Processor time of each run of a step; whether the results are one machine's, where no run was timed."""
    with tempfile.TemporaryDirectory() as folder:
        source, work = Store.at(str(Path(folder) / "in")), Store.at(str(Path(folder) / "work"))
        write(source, step, rows, classes)
        work.make()
        run = Run(source, work, Columns())
        checked(run, InTurn(), Progress())
        if not repeats:
            STEPS[step].run(run)
            return [], equal(step, work, rows)
        took = []
        for _ in range(repeats):
            begun = time.process_time()
            STEPS[step].run(run)
            took.append(time.process_time() - begun)
        return took, True


def cost(work: Sequence[float], took: Sequence[float]) -> Cost:
    """The slope of the line through all measurements, in nanoseconds a unit, not below 0."""
    from scipy.stats import linregress, t

    line = linregress(work, took)
    around = t.ppf(0.975, len(work) - 2) * line.stderr
    return Cost(*(1e9 * max(0.0, slope) for slope in (line.slope, line.slope - around, line.slope + around)))


def measured(repeats: int) -> tuple[dict[str, Cost], bool]:
    """The cost of each step, and whether every result is one machine's."""
    print("\n| step | rows: processor seconds of each run | ns a unit (95% interval) | unit |")
    print("|---|---|---|---|")
    costs, same = {}, True
    for name, step in STEPS.items():
        same &= seconds(name, step.sizes[0], 0, FEW_CLASSES)[
            1
        ]  # before the rest, so that libraries are loaded
        work, took, cells = [], [], []
        for rows in step.sizes:
            runs = seconds(name, rows, repeats)[0]
            work += [step.count(rows, CLASSES, WIDTH)] * repeats
            took += runs
            cells.append(f"{rows:,}: {', '.join(f'{value:.3f}' for value in runs)}")
        costs[name] = found = cost(work, took)
        interval = f"{found.value:.3g} ({found.low:.3g} to {found.high:.3g})"
        print(f"| {name} | {'; '.join(cells)} | {interval} | {step.unit} |", flush=True)
    return costs, same


def estimate(costs: dict[str, Cost]) -> None:
    """Print what the large data sets would need."""
    print("\nPaper estimate in core hours (95% interval of the cost), by proportion; no such run was made:")
    print(f"\n| data set | {' | '.join(STEPS)} |")
    print(f"|---|{'---|' * len(STEPS)}")
    for large in LARGE:
        cells = []
        for name, step in STEPS.items():
            hours = step.count(large.rows, large.classes, WIDTH) / 3.6e12
            found = costs[name]
            if hours:
                low, high = hours * found.low, hours * found.high
                cells.append(f"{_few(hours * found.value)} ({_few(low)} to {_few(high)})")
            else:
                cells.append("no classes")
        print(f"| {large.name} | {' | '.join(cells)} |")
    for large in LARGE:
        print("", *needs(large), sep="\n")


def _few(hours: float) -> str:
    return f"{hours:,.0f}" if hours >= 10 else f"{hours:.2g}"


def needs(large: Large) -> list[str]:
    """What it takes in memory and on disk, by arithmetic."""
    rows, k, times = large.rows, large.classes, -(-large.rows // TOGETHER)
    embeddings = 4e-9 * rows * WIDTH
    out = [f"{large.name}: {rows:,} rows"]
    if k:
        out += [
            f"- pred_probs, float32: {4e-12 * rows * k:.2f} TB, read once, and some rows again; a shard of",
            f"  10,000 rows: {4e-5 * k:.2f} GB.",
            f"- Confident joint as K x K of 8 bytes: {8e-9 * k * k:.1f} GB. Only cells that are not 0",
            f"  are kept and merged, where results are gathered: {16e-9 * rows:.2f} GB at most, some 4",
            f"  times that while they are merged. The bootstrap: {8e-6 * k:.2f} GB.",
        ]
    return [
        *out,
        f"- Embeddings, {WIDTH} x float32: {embeddings:,.0f} GB.",
        f"- Hashes of contents and of ids on disk while it runs: {48e-9 * rows:,.1f} GB. Each copy takes",
        "  16 bytes, and each first copy its id, where results are gathered.",
        f"- Exact {K} nearest rows: {12e-9 * rows * K:,.0f} GB of results, as much again while it runs;",
        f"  embeddings are read {times:,} times, {embeddings * times / 1e3:,.0f} TB in all.",
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 1 where a result differs from one machine's."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args(argv)
    begun = time.process_time()
    print(describe())
    print(f"{SHARDS} shards, K = {CLASSES:,}, D = {WIDTH}, {K} nearest, {given.repeats} runs of each size")
    costs, same = measured(given.repeats)
    estimate(costs)
    print(
        f"\nResults equal to one machine's: {'yes' if same else 'NO'} (labels: with {FEW_CLASSES} classes)."
        "\nTaken for granted: cost in proportion to the work; cores as fast as this one; work shared out"
        "\nevenly; shards so large that what each costs for itself does not count; one top class in each row."
        "\nNot covered: network, disks and object stores; a scheduler's own work; reading and decoding"
        "\npictures; the model that embeds; the bootstrap of the labels' interval, which is made once. Exact"
        "\nnearest rows cost the square of the rows: for sets of this size they want an index of cells, which"
        "\nis not distributed here."
        f"\nMeasured in {time.process_time() - begun:.0f} s of processor time."
    )
    return int(not same)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
