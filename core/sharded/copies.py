"""Rows of equal content, and row ids that are there twice: joined by hash, a range of hashes at a time."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Any, Literal

import numpy as np

from core.errors import refuse
from core.methods.duplicates import normalised
from core.progress import Progress
from core.sharded.dataset import Run
from core.sharded.runners import Runner

What = Literal["ids", "content"]
_BYTES = 16  # of a hash: among a billion rows two differing ones share one with a chance of 1 in 10^20
_ROWS_TOGETHER = 1 << 20


def find_copies(run: Run, runner: Runner, progress: Progress) -> dict[str, Any]:
    """Write copies-NAME.parquet for each shard into work: row_id and copy_of, the id of the first row of the
    same content in the order of the shards, for every row that is a copy of one before it. The summary.

    Same content: bytes that are equal, or text that is but for case, width and runs of white space, as
    core.methods.duplicates has it. A row without content is a copy of nothing.
    """
    rows, first = equal_rows(run, "content", runner, progress.part(0, 0.7))
    plan, numbers = run.plan, range(len(run.plan.shards))
    firsts = np.unique(first)
    steps = [(n, firsts[_inside(firsts, run, n)]) for n in numbers]
    named: dict[int, list[str]] = dict(
        runner.map(partial(ids_at, run), steps, progress.part(0.7, 0.85), "naming first copies")
    )
    ids = np.array([i for n in numbers for i in named[n]], dtype=object)
    place = np.searchsorted(firsts, first)
    writes = []
    for n in numbers:
        own = _inside(rows, run, n)
        writes.append((n, rows[own] - plan.shards[n].start, ids[place[own]].tolist()))
    for _ in runner.map(partial(write_copies, run), writes, progress.part(0.85, 1), "writing copies"):
        pass
    estimator = "equal bytes, or equal text but for case, width and runs of white space; 128-bit hashes"
    return {"flagged": len(rows), "groups": len(firsts), "estimator": estimator}


def check_ids(run: Run, runner: Runner, progress: Progress) -> None:
    """Raise InputError where two shards have the same row id."""
    rows, first = equal_rows(run, "ids", runner, progress)
    if not len(rows):
        return
    (shard, row), (other, before) = run.plan.at(int(rows[0])), run.plan.at(int(first[0]))
    raise refuse(
        f"the row id {run.ids(shard)[row]!r} is in {other.part} too, row {before + 1:,}",
        file=run.source.path(shard.part),
        row=row + 1,
        column=run.columns.id,
        count=len(rows),
        mend="give every row of all shards an id of its own",
    )


def equal_rows(run: Run, what: What, runner: Runner, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
    """(copies,) positions of the rows that equal one before them, sorted, and the first row that each
    equals."""
    plan = run.plan
    ranges = -(-plan.rows // _ROWS_TOGETHER)
    words = "hashing row ids" if what == "ids" else "hashing contents"
    numbers = range(len(plan.shards))
    step = partial(hash_rows, run, what, ranges)
    ends = dict(runner.map(step, numbers, progress.part(0, 0.8), words))
    steps = [[(int(ends[n][r]), int(ends[n][r + 1])) for n in numbers] for r in range(ranges)]
    pairs = [np.empty((0, 2), dtype=np.int64)]
    for _, found in runner.map(partial(join, run, what), steps, progress.part(0.8, 1), "comparing hashes"):
        pairs.append(found)
    both = np.concatenate(pairs)
    both = both[np.argsort(both[:, 0])]
    return both[:, 0], both[:, 1]


def hash_rows(run: Run, what: What, ranges: int, number: int) -> np.ndarray:
    """Keep a shard's hashes, sorted, with their rows; (ranges + 1,) where each range of hashes ends."""
    shard = run.shard(number)
    if what == "ids":
        contents: list[Any] = run.ids(shard)
    else:
        column = run.table(shard, run.columns.content).column(0)
        contents = [
            normalised(v) if isinstance(v, str) else v for v in _texts_or_bytes(run, shard.part, column)
        ]
    rows = [i for i, value in enumerate(contents) if value]
    body = b"".join(hashlib.blake2b(_as_bytes(contents[i]), digest_size=_BYTES).digest() for i in rows)
    high, low = np.frombuffer(body, dtype=">u8").astype(np.uint64).reshape(-1, 2).T
    order = np.lexsort((low, high))
    kept = np.column_stack([high, low, np.array(rows, dtype=np.uint64)])[order]
    run.work.save(f"hashes-{what}-{shard.name}.npy", kept)
    edges = np.array([(r << 64) // ranges for r in range(1, ranges)], dtype=np.uint64)
    return np.concatenate([[0], np.searchsorted(kept[:, 0], edges), [len(kept)]])


def _as_bytes(value: str | bytes) -> bytes:
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value


def _texts_or_bytes(run: Run, part: str, column: Any) -> list[Any]:
    import pyarrow as pa

    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return list(column.to_pylist())
    if pa.types.is_nested(kind):
        where = {"file": run.source.path(part), "column": run.columns.content}
        raise refuse(f"content of type {kind}", **where, expected="text or bytes")
    return list(column.cast(pa.string()).to_pylist())


def join(run: Run, what: What, stretches: list[tuple[int, int]]) -> np.ndarray:
    """(copies, 2) positions of rows and of the first row of the same hash, in one range of hashes.

    stretches: where the range lies in the hashes of each shard.
    """
    parts = [np.empty((0, 3), dtype=np.uint64)]
    for shard, (start, stop) in zip(run.plan.shards, stretches, strict=True):
        if stop > start:
            array = run.work.header(f"hashes-{what}-{shard.name}.npy")
            part = run.work.rows(array, start, stop).copy()
            part[:, 2] += np.uint64(shard.start)
            parts.append(part)
    high, low, row = np.concatenate(parts).T
    order = np.lexsort((row, low, high))
    high, low, row = high[order], low[order], row[order].astype(np.int64)
    fresh = np.ones(len(row), dtype=bool)
    fresh[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    first = row[np.flatnonzero(fresh)][np.cumsum(fresh) - 1]
    return np.column_stack([row, first])[~fresh]


def ids_at(run: Run, step: tuple[int, np.ndarray]) -> list[str]:
    """The ids of rows of a shard, given as positions in the whole."""
    number, positions = step
    if not len(positions):
        return []
    shard = run.shard(number)
    ids = run.ids(shard)
    return [ids[position - shard.start] for position in positions.tolist()]


def write_copies(run: Run, step: tuple[int, np.ndarray, list[str]]) -> None:
    """Write a shard's copies-NAME.parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    number, rows, copy_of = step
    shard = run.shard(number)
    ids = run.ids(shard) if len(rows) else []
    own = [ids[row] for row in rows.tolist()]
    table = pa.table({"row_id": pa.array(own, pa.string()), "copy_of": pa.array(copy_of, pa.string())})
    run.work.write(f"copies-{shard.name}.parquet", lambda file: pq.write_table(table, file))


def _inside(positions: np.ndarray, run: Run, number: int) -> slice:
    """Which of the sorted positions lie in a shard."""
    shard = run.shard(number)
    return slice(*np.searchsorted(positions, [shard.start, shard.start + shard.rows]).tolist())
