"""Places on the map and nearest rows of sharded embeddings: to the last bit those of all rows at once.

The last bit of a product of matrices depends on how they are cut into blocks, so work is cut where the
methods cut it on one machine: at whole blocks of rows of the whole data set, wherever shards begin. A stretch
is a few such blocks. What stretches made is cut at the shards at the end. On processors of different kinds
the last bits may differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import refuse
from core.methods.neighbours import (
    QUERIES,
    nearer,
    nothing_near,
    references_at_once,
    unit_rows,
    with_distances,
)
from core.methods.projection import ROWS_AT_ONCE, axes_of, axes_rows, framed
from core.progress import Progress
from core.sharded.dataset import Run, named
from core.sharded.runners import Runner
from core.sharded.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence

AXES = "axes.npz"
_MOST_QUERIES = (
    16 * QUERIES
)  # rows that look for their nearest together: each stretch reads all embeddings once
_STRETCHES = 32  # as many at least, where there are rows enough, so that workers have something to share


def find_places(run: Run, runner: Runner, progress: Progress, fitted: Store | None = None) -> dict[str, Any]:
    """Write places-NAME.npy, (rows, 2) float32, for each shard into work, and axes.npz; the summary.

    fitted: a folder with the axes.npz of an earlier run, on whose map the rows of this one are put; they may
    then lie outside its frame. None: the axes of these very rows, as core.methods.projection.principal finds
    them.
    """
    n, width = run.plan.rows, run.plan.width("embeddings")
    numbers = range(len(run.plan.shards))
    if fitted is not None:
        axes = _read_axes(fitted, width)
    elif not n:
        for shard in run.plan.shards:
            run.work.save(f"places-{shard.name}.npy", np.empty((0, 2), dtype=np.float32))
        return {"rows": 0, "estimator": "principal components of the directions of no row"}
    else:
        some = axes_rows(n)
        sample = _gathered(run, runner, some, progress.part(0, 0.2))
        with named(run, "embeddings"):
            unit = _unit(sample, some)
        centre, directions = axes_of(unit, progress.part(0.2, 0.3, "finding directions"))
        axes = {"centre": centre, "axes": directions}
    run.work.save_all("axes-raw.npz", centre=axes["centre"], axes=axes["axes"])
    corners = []
    step = partial(place_stretch, run)
    for _, corner in runner.map(step, _stretches(n, ROWS_AT_ONCE), progress.part(0.3, 0.8), "placing rows"):
        corners.append(corner)
    if fitted is None:
        axes["low"] = np.min([low for low, _ in corners], axis=0)
        axes["high"] = np.max([high for _, high in corners], axis=0)
    run.work.save_all(AXES, **axes)
    for _ in runner.map(partial(frame_shard, run), numbers, progress.part(0.8, 1), "writing places"):
        pass
    whose = "an earlier run" if fitted is not None else f"{min(n, len(axes_rows(n))):,} rows, seed 0"
    return {"rows": n, "estimator": f"principal components of the directions of {whose}"}


def _read_axes(fitted: Store, width: int) -> dict[str, np.ndarray]:
    where = {"file": fitted.path(AXES)}
    try:
        found = fitted.load_all(AXES)
    except (ValueError, FileNotFoundError, EOFError) as error:
        raise refuse(
            f"no axes of an earlier run: {error}", **where, mend="name the folder of its --out"
        ) from error
    shapes = {"centre": (width,), "axes": (width, 2), "low": (2,), "high": (2,)}
    for name, shape in shapes.items():
        if name not in found or found[name].shape != shape or found[name].dtype != np.float32:
            got = f"{found[name].shape} of {found[name].dtype}" if name in found else "nothing"
            raise refuse(f"{name} is {got}", **where, expected=f"{shape} of float32, as the embeddings need")
    return {name: found[name] for name in shapes}


def _gathered(run: Run, runner: Runner, positions: np.ndarray, progress: Progress) -> np.ndarray:
    """(len(positions), D) rows at sorted positions, in the dtype of the embeddings."""
    bounds = np.searchsorted(positions, [*run.plan.starts.tolist(), run.plan.rows])
    steps = [(number, positions[a:b]) for number, (a, b) in enumerate(pairwise(bounds.tolist())) if b > a]
    found = dict(runner.map(partial(rows_of, run), steps, progress, "sampling rows"))
    return np.concatenate([found[i] for i in range(len(steps))])


def rows_of(run: Run, step: tuple[int, np.ndarray]) -> np.ndarray:
    """Rows of a shard, given as positions in the whole."""
    number, positions = step
    shard = run.shard(number)
    return run.array(shard, "embeddings")[positions - shard.start]


def place_stretch(run: Run, stretch: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Keep the places of a stretch of rows, not yet in a frame; their lowest and highest corner, (2,)
    each."""
    start, stop = stretch
    fitted = run.work.load_all("axes-raw.npz")
    places = np.empty((stop - start, 2), dtype=np.float32)
    for begin, end in _blocks(start, stop, ROWS_AT_ONCE):
        with named(run, "embeddings", begin):
            unit = _unit(rows_between(run, begin, end))
        places[begin - start : end - start] = (unit - fitted["centre"]) @ fitted["axes"]
    run.work.save(f"stretch-places-{start}.npy", places)
    return places.min(axis=0), places.max(axis=0)


def frame_shard(run: Run, number: int) -> None:
    """Write a shard's places-NAME.npy."""
    shard, axes = run.shard(number), run.work.load_all(AXES)
    places = _cut(run, "stretch-places", _stretches(run.plan.rows, ROWS_AT_ONCE), number)
    if places is None:
        places = np.empty((0, 2), dtype=np.float32)
    run.work.save(f"places-{shard.name}.npy", framed(places, axes["low"], axes["high"]))


def find_neighbours(run: Run, runner: Runner, progress: Progress, k: int) -> dict[str, Any]:
    """Write neighbours-NAME.npy, (rows, k) int64 positions in the whole data set, and distances-NAME.npy,
    (rows, k) float32, for each shard into work; the summary. What they hold: core.methods.neighbours.nearest.

    Exact: every row is compared with every other, N^2 D multiplications in all.
    """
    n = run.plan.rows
    step = partial(near_stretch, run, k)
    for _ in runner.map(step, _asking(n), progress.part(0, 0.95), "comparing rows"):
        pass
    numbers = range(len(run.plan.shards))
    for _ in runner.map(partial(near_shard, run, k), numbers, progress.part(0.95, 1), "writing neighbours"):
        pass
    return {"rows": n, "k": k, "estimator": "cosine distance to every other row, exact"}


def near_stretch(run: Run, k: int, stretch: tuple[int, int]) -> None:
    """Keep the k nearest rows of a stretch of rows.

    A block of all rows is compared with every block of the stretch before the next is read, so that
    embeddings are read once for each stretch.
    """
    (start, stop), n = stretch, run.plan.rows
    asked = [np.arange(begin, end) for begin, end in _blocks(start, stop, QUERIES)]
    with named(run, "embeddings"):
        units = [_unit(rows_between(run, rows[0], rows[-1] + 1), rows) for rows in asked]
        kept = [nothing_near(len(rows), k) for rows in asked]
        at_once = references_at_once(n, run.plan.width("embeddings"))
        for begin, end in _blocks(0, n, at_once):
            picked, block = np.asarray(rows_between(run, begin, end), dtype=np.float32), np.arange(begin, end)
            for i, (best, who) in enumerate(kept):
                kept[i] = nearer(best, who, units[i], asked[i], picked, block)
    found = [with_distances(best, who) for best, who in kept]
    run.work.save(f"stretch-neighbours-{start}.npy", np.concatenate([rows for rows, _ in found]))
    distances = np.concatenate([distance for _, distance in found]).astype(np.float32)
    run.work.save(f"stretch-distances-{start}.npy", distances)


def near_shard(run: Run, k: int, number: int) -> None:
    """Write a shard's neighbours-NAME.npy and distances-NAME.npy."""
    name, stretches = run.shard(number).name, _asking(run.plan.rows)
    for what, dtype in (("neighbours", np.int64), ("distances", np.float32)):
        values = _cut(run, f"stretch-{what}", stretches, number)
        run.work.save(f"{what}-{name}.npy", np.empty((0, k), dtype) if values is None else values)


def rows_between(run: Run, start: int, stop: int) -> np.ndarray:
    """(stop - start, D) consecutive rows of the whole data set, whichever shards they lie in."""
    parts = []
    first = int(np.searchsorted(run.plan.starts, start, side="right")) - 1
    for shard in run.plan.shards[first:]:
        if shard.start >= stop:
            break
        if shard.rows:
            begin, end = max(start - shard.start, 0), min(stop - shard.start, shard.rows)
            parts.append(run.array(shard, "embeddings", begin, end))
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _unit(rows: np.ndarray, positions: np.ndarray | None = None) -> np.ndarray:
    """The rows at length 1; an error speaks of the first wrong row, by its position where those are given."""
    from core.errors import InputError

    try:
        return unit_rows(rows, np.arange(len(rows)))
    except InputError as error:
        if positions is None:
            raise
        from dataclasses import replace

        raise InputError(
            *(replace(p, row=int(positions[p.row - 1]) + 1) if p.row else p for p in error.problems)
        ) from error


def _asking(n: int) -> list[tuple[int, int]]:
    """The stretches of rows that look for their nearest rows; results do not depend on how many there are."""
    blocks = max(1, min(_MOST_QUERIES, n // _STRETCHES) // QUERIES)
    return _stretches(n, blocks * QUERIES)


def _stretches(n: int, length: int) -> list[tuple[int, int]]:
    return list(_blocks(0, n, length))


def _blocks(start: int, stop: int, length: int) -> Iterator[tuple[int, int]]:
    for begin in range(start, stop, length):
        yield begin, min(begin + length, stop)


def _cut(run: Run, name: str, stretches: Sequence[tuple[int, int]], number: int) -> np.ndarray | None:
    """What stretches kept of a shard's rows; None for a shard without rows."""
    shard, parts = run.shard(number), []
    stop = shard.start + shard.rows
    for begin, end in stretches:
        if begin < stop and end > shard.start:
            array = run.work.header(f"{name}-{begin}.npy")
            rows = run.work.rows(array, max(shard.start - begin, 0), min(stop, end) - begin)
            if len(rows):
                parts.append(rows)
    return np.concatenate(parts) if parts else None
