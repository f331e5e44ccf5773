"""Confident learning over shards: to the last bit what core.methods.confident_learning gives for all rows at
once.

Passes: what each row says, kept in `work`; the confident joint and the rows that another class fits, which
are sums of whole numbers; scores and flags. Three things are not sums of whole numbers. A threshold is a mean
of floats, whose last bit depends on the order: each class's probabilities are brought together, in the order
of the rows, and the mean is taken of them as on one machine. The temperature is found from the same sample of
rows, brought together. The cut between flagged and other scores is found digit by digit, from counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from core.methods.confident_learning import (
    best_two,
    confident_class,
    errors_of,
    first_best,
    interval_of,
    thresholds_of,
)
from core.methods.label_filters import DEFAULT_FILTER, FILTERS, another_fits, sampled, temperature
from core.progress import Progress
from core.sharded.dataset import Run, named
from core.sharded.runners import Runner

if TYPE_CHECKING:
    from collections.abc import Sequence

DRAWS, SEED = 1000, 0
_DIGIT = 16  # bits of a score that are looked at in one pass
_ROWS_TOGETHER = 1 << 22  # rows whose probabilities are brought together in one step, at most or one class


@dataclass(frozen=True, eq=False)
class Counts:
    """What is known of the classes once every shard was read.

    thresholds, class_counts: (K,) as in Scan. given, confident, rows: the cells of the confident joint that
    are not 0, in the order of [given, confident]: K x K cells need 8 K^2 bytes, these at most 24 a labelled
    row. sample: ((m, K) probabilities, (m,) given labels) of the rows that `sampled` picks.
    """

    thresholds: np.ndarray
    class_counts: np.ndarray
    given: np.ndarray
    confident: np.ndarray
    rows: np.ndarray
    sample: tuple[np.ndarray, np.ndarray]

    def joint(self) -> np.ndarray:
        """(K, K) int64 confident joint as in Scan, its diagonal at least 1."""
        k = len(self.class_counts)
        out = np.zeros((k, k), dtype=np.int64)
        out[self.given, self.confident] = self.rows
        np.fill_diagonal(out, out.diagonal().clip(min=1))
        return out

    @property
    def kept(self) -> np.ndarray:
        """(K,) diagonal of the joint."""
        own = np.zeros(len(self.class_counts), dtype=np.int64)
        same = self.given == self.confident
        own[self.given[same]] = self.rows[same]
        return own.clip(min=1)

    @property
    def counted(self) -> np.ndarray:
        """(K,) row sums of the joint."""
        sums = np.zeros(len(self.class_counts), dtype=np.int64)
        elsewhere = self.given != self.confident
        np.add.at(sums, self.given[elsewhere], self.rows[elsewhere])
        return sums + self.kept


def find_labels(run: Run, runner: Runner, progress: Progress) -> dict[str, Any]:
    """Write scores-NAME.parquet for each shard, joint.parquet and classes.parquet into work; the summary."""
    numbers = range(len(run.plan.shards))
    counts = count(run, runner, progress.part(0, 0.7))
    estimate = round(errors_of(counts.counted, counts.kept, counts.class_counts))
    labelled = int(counts.class_counts.sum())
    fits = count_likelier(run, runner, counts, progress.part(0.7, 0.75))
    takes = cut(run, runner, min(max(estimate, fits), labelled), progress.part(0.75, 0.85))
    steps = [(number, *take) for number, take in zip(numbers, takes, strict=True)]
    written = 0
    for _, found in runner.map(partial(write_scores, run), steps, progress.part(0.85, 1), "writing scores"):
        written += found
    _write_classes(run, counts)
    low, high = interval_of(counts.counted, counts.kept, counts.class_counts, DRAWS, SEED)
    return {
        "flagged": written,
        "estimator": FILTERS[DEFAULT_FILTER],
        "estimate": estimate,
        "low": low,
        "high": high,
        "estimate_method": (
            "calibrated count of the confident joint; 95% bootstrap interval of the confident counts, "
            f"{DRAWS:,} draws, seed {SEED}, thresholds and model held fixed"
        ),
        "scored": labelled,
        "unlabelled": run.plan.rows - labelled,
        "classes_without_rows": int((counts.class_counts == 0).sum()),
    }


def count(run: Run, runner: Runner, progress: Progress) -> Counts:
    """Thresholds, class counts and confident joint of all shards."""
    numbers, k = range(len(run.plan.shards)), run.plan.width("pred_probs")
    class_counts = np.zeros(k, dtype=np.int64)
    for _, own in runner.map(
        partial(read_best, run), numbers, progress.part(0, 0.6), "reading probabilities"
    ):
        class_counts += own
    ranges, means = _class_ranges(class_counts), {}
    means_of = partial(mean_given, run)
    for i, found in runner.map(means_of, ranges, progress.part(0.6, 0.7), "taking thresholds"):
        means[i] = found
    thresholds = thresholds_of([m for i in range(len(ranges)) for m in means[i]], class_counts)
    run.work.save("thresholds.npy", thresholds)
    cells, rows = np.empty(0, np.int64), np.empty(0, np.int64)
    waiting: list[tuple[np.ndarray, np.ndarray]] = []
    picked: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    step, steps = partial(count_confident, run), list(zip(numbers, _picks(run, class_counts), strict=True))
    part = progress.part(0.7, 1)
    for i, (own_cells, own_rows, *some) in runner.map(step, steps, part, "counting confident rows"):
        waiting.append((own_cells, own_rows))
        picked[i] = (some[0], some[1])
        if sum(len(c) for c, _ in waiting) > len(cells):  # so that merging costs no more than the counts
            cells, rows = merged([(cells, rows), *waiting])
            waiting.clear()
    cells, rows = merged([(cells, rows), *waiting])
    sample = np.concatenate([picked[i][0] for i in numbers]), np.concatenate([picked[i][1] for i in numbers])
    return Counts(thresholds, class_counts, cells // k, cells % k, rows, sample)


def _picks(run: Run, class_counts: np.ndarray) -> list[np.ndarray]:
    """For each shard which of its labelled rows `sampled` picks."""
    some = sampled(int(class_counts.sum()), len(class_counts))
    rows = [int(run.work.load(f"counts-{shard.name}.npy").sum()) for shard in run.plan.shards]
    ends = np.cumsum(rows)
    parts = np.split(some, np.searchsorted(some, ends[:-1]))
    return [part - (end - own) for part, end, own in zip(parts, ends, rows, strict=True)]


def read_best(run: Run, number: int) -> np.ndarray:
    """Keep what each labelled row of a shard says; (K,) its class counts."""
    shard = run.shard(number)
    codes, probs = run.labels(shard), run.array(shard, "pred_probs")
    rows = np.flatnonzero(codes >= 0)
    given = codes[rows]
    with named(run, "pred_probs", shard.start):
        p_given, other, p_other = best_two(probs, rows, given, Progress())
    counts = np.bincount(given, minlength=probs.shape[1])
    run.work.save_all(
        f"best-{shard.name}.npz", rows=rows, given=given, p_given=p_given, other=other, p_other=p_other
    )
    run.work.save(f"by-class-{shard.name}.npy", p_given[np.argsort(given, kind="stable")][:, None])
    run.work.save(f"counts-{shard.name}.npy", counts)
    return counts


def _class_ranges(class_counts: np.ndarray) -> list[tuple[int, int]]:
    """Stretches [first, last + 1) of classes with a few million rows each, or one class."""
    bounds = np.flatnonzero(np.diff(np.cumsum(class_counts) // _ROWS_TOGETHER)) + 1
    edges = [0, *bounds.tolist(), len(class_counts)]
    return list(pairwise(edges))


def mean_given(run: Run, classes: tuple[int, int]) -> list[np.floating]:
    """The mean p_given of each class of a stretch that has rows, in the dtype of pred_probs."""
    first, stop = classes
    parts: list[list[np.ndarray]] = [[] for _ in range(first, stop)]
    for shard in run.plan.shards:
        ends = np.concatenate([[0], np.cumsum(run.work.load(f"counts-{shard.name}.npy"))])
        if ends[first] == ends[stop]:
            continue
        array = run.work.header(f"by-class-{shard.name}.npy")
        values = run.work.rows(array, int(ends[first]), int(ends[stop]))[:, 0]
        for part, begin, end in zip(parts, ends[first:stop], ends[first + 1 : stop + 1], strict=True):
            if end > begin:
                part.append(values[begin - ends[first] : end - ends[first]])
    return [np.concatenate(part).mean() for part in parts if part]


def count_confident(
    run: Run, step: tuple[int, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A shard's part of the joint: given * K + confident of the cells that are not 0, sorted, and their
    rows; and the probabilities and given labels of some of its labelled rows. step: its number, which
    rows."""
    number, some = step
    shard = run.shard(number)
    best, thresholds = run.work.load_all(f"best-{shard.name}.npz"), run.work.load("thresholds.npy")
    four = (best["given"], best["p_given"], best["other"], best["p_other"])
    probs = run.array(shard, "pred_probs")
    confident = confident_class(probs, best["rows"], four, thresholds, Progress())
    there = confident >= 0
    cells = best["given"][there].astype(np.int64) * len(thresholds) + confident[there]
    cells, rows = np.unique(cells, return_counts=True)
    return cells, rows, probs[best["rows"][some]], best["given"][some]


def merged(parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Sorted cells and their summed rows; whole numbers, so that no order makes a difference."""
    cells, place = np.unique(np.concatenate([c for c, _ in parts]), return_inverse=True)
    rows = np.zeros(len(cells), dtype=np.int64)
    np.add.at(rows, place, np.concatenate([r for _, r in parts]))
    return cells, rows


def count_likelier(run: Run, runner: Runner, counts: Counts, progress: Progress) -> int:
    """How many rows `likelier` of core.methods.label_filters finds among those of all shards."""
    if (counts.class_counts > 0).sum() < 2:
        return 0
    step = partial(likelier_rows, run, temperature(*counts.sample))
    numbers = range(len(run.plan.shards))
    return sum(found for _, found in runner.map(step, numbers, progress, "looking where another class fits"))


def likelier_rows(run: Run, temperature: float, number: int) -> int:
    """How many rows of a shard another class than the given label fits likelier than not."""
    shard = run.shard(number)
    best = run.work.load_all(f"best-{shard.name}.npz")
    four = (best["given"], best["p_given"], best["other"], best["p_other"])
    return int(another_fits(run.array(shard, "pred_probs"), best["rows"], four, temperature).sum())


def cut(run: Run, runner: Runner, wanted: int, progress: Progress) -> list[tuple[int, int]]:
    """(key, ties) of each shard: its rows with a key below this are among the `wanted` lowest margins of all,
    and of those with this very key the first `ties`.

    The key is found 16 bits at a time, from the counts of each digit among the rows that share the digits
    before it: a selection by radix, exact, with 65,536 counts from each shard and pass.
    """
    numbers = range(len(run.plan.shards))
    if not wanted:
        return [(0, 0) for _ in numbers]
    bits = 8 * run.plan.dtype("pred_probs").itemsize
    key, left = 0, wanted
    for done in range(0, bits, _DIGIT):
        totals = np.zeros(1 << _DIGIT, dtype=np.int64)
        part = progress.part(done / bits, (done + _DIGIT) / bits)
        for _, found in runner.map(partial(digits, run, key, done), numbers, part, "finding the cut"):
            totals[found[0]] += found[1]
        reached = np.cumsum(totals)
        digit = int(np.searchsorted(reached, left))
        left -= int(reached[digit - 1]) if digit else 0
        key = (key << _DIGIT) | digit
    ties = dict(runner.map(partial(at_key, run, key), numbers, progress.part(1, 1), "finding the cut"))
    takes = []
    for number in numbers:  # earlier rows first
        takes.append((key, min(ties[number], left)))
        left -= takes[-1][1]
    return takes


def digits(run: Run, key: int, done: int, number: int) -> tuple[np.ndarray, np.ndarray]:
    """The next digits after the first `done` bits, which are `key`, in a shard's scores; and the rows of
    each."""
    keys = _keys(run, number)
    bits = 8 * keys.dtype.itemsize
    if done:
        keys = keys[keys >> keys.dtype.type(bits - done) == keys.dtype.type(key)]
    found = (keys >> keys.dtype.type(bits - done - _DIGIT)) & keys.dtype.type((1 << _DIGIT) - 1)
    return np.unique(found.astype(np.int64), return_counts=True)  # type: ignore[return-value]


def at_key(run: Run, key: int, number: int) -> int:
    """How many rows of a shard have this very key."""
    keys = _keys(run, number)
    return int((keys == keys.dtype.type(key)).sum())


def _keys(run: Run, number: int) -> np.ndarray:
    best = run.work.load_all(f"best-{run.shard(number).name}.npz")
    return sort_keys(_margin(best))


def _margin(best: dict[str, np.ndarray]) -> np.ndarray:
    return (best["p_given"] - best["p_other"] + 1) / 2  # as label_quality has it


def sort_keys(values: np.ndarray) -> np.ndarray:
    """Unsigned whole numbers in the order of float32 or float64 values."""
    whole = np.uint32 if values.dtype == np.float32 else np.uint64
    bits = (values + values.dtype.type(0)).view(whole)  # -0 becomes 0
    top = whole(1) << whole(8 * values.dtype.itemsize - 1)
    return np.where(bits & top, ~bits, bits | top)


def write_scores(run: Run, step: tuple[int, int, int]) -> int:
    """Write a shard's scores-NAME.parquet; how many rows are flagged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    number, key, ties = step
    shard = run.shard(number)
    best = run.work.load_all(f"best-{shard.name}.npz")
    margin = _margin(best)
    keys = sort_keys(margin)
    flagged = keys < keys.dtype.type(key)
    flagged[np.flatnonzero(keys == keys.dtype.type(key))[:ties]] = True
    rows, given, other = best["rows"], best["given"], best["other"]
    shown = flagged | (first_best(given, best["p_given"], other, best["p_other"]) != given)
    table = {
        "row_id": pa.array(run.ids(shard), pa.string()),
        "score": _spread(shard.rows, rows, np.clip(margin, 0, 1), 1, np.float32),
        "flagged": _spread(shard.rows, rows, flagged, False, bool),
        "given_label": _words(run, _spread(shard.rows, rows, given, -1, np.int32)),
        "suggested_label": _words(run, _spread(shard.rows, rows, np.where(shown, other, -1), -1, np.int32)),
        "reason": _reasons(run, shard.rows, best, flagged),
    }
    run.work.write(f"scores-{shard.name}.parquet", lambda file: pq.write_table(pa.table(table), file))
    return int(flagged.sum())


def _spread(n: int, rows: np.ndarray, values: np.ndarray, fill: float, dtype: type) -> np.ndarray:
    out: np.ndarray = np.full(n, fill, dtype=dtype)
    out[rows] = values
    return out


def _words(run: Run, codes: np.ndarray) -> Any:
    """Labels as they are written in the label column; null for -1."""
    import pyarrow as pa

    written = pa.array(codes, mask=codes < 0)
    return pa.array(run.columns.classes, pa.string()).take(written) if run.columns.classes else written


def _reasons(run: Run, n: int, best: dict[str, np.ndarray], flagged: np.ndarray) -> Any:
    import pyarrow as pa

    from core.checks.label_issues import percent

    reasons = [""] * n
    names, at = run.columns.classes, np.flatnonzero(flagged)
    cells = (best[name][at].tolist() for name in ("rows", "other", "p_other", "given", "p_given"))
    for row, k, p_k, g, p_g in zip(*cells, strict=True):
        one, two = (names[k], names[g]) if names else (f"class {k}", f"class {g}")
        reasons[row] = f"The model gives {one} {percent(p_k)} and {two} {percent(p_g)}."
    return pa.array(reasons, pa.string())


def _write_classes(run: Run, counts: Counts) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    codes = np.arange(len(counts.class_counts), dtype=np.int32)
    classes = {
        "class": _words(run, codes),
        "rows": counts.class_counts,
        "threshold": pa.array(counts.thresholds.astype(np.float64), mask=counts.class_counts == 0),
        "counted": np.where(counts.class_counts > 0, counts.counted, 0),
        "estimated_errors": (counts.counted - counts.kept) / counts.counted * counts.class_counts,
    }
    run.work.write("classes.parquet", lambda file: pq.write_table(pa.table(classes), file))
    joint = {
        "given": _words(run, counts.given),
        "confident": _words(run, counts.confident),
        "rows": counts.rows,
    }
    run.work.write("joint.parquet", lambda file: pq.write_table(pa.table(joint), file))
