"""Makes data sets in shards, and what one machine says of all their rows at once."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core.progress import Progress
from core.sharded.dataset import Columns, Run
from core.sharded.run import SUMMARY, checked
from core.sharded.runners import InTurn
from core.sharded.store import Store


def write_shards(
    store: Store,
    cuts: list[int],
    labels: np.ndarray | None = None,
    probs: np.ndarray | None = None,
    embeddings: np.ndarray | None = None,
    contents: list[Any] | None = None,
) -> None:
    """Rows cut at these positions into part-00000.parquet and so on, ids r0, r1 ...; -1: no label."""
    store.make()
    n = next(len(v) for v in (labels, probs, embeddings, contents) if v is not None)
    for number, (a, b) in enumerate(zip([0, *cuts], [*cuts, n], strict=True)):
        name = f"{number:05}"
        columns: dict[str, Any] = {"id": pa.array([f"r{i}" for i in range(a, b)], pa.string())}
        if labels is not None:
            columns["label"] = pa.array(labels[a:b], pa.int32(), mask=labels[a:b] < 0)
        if contents is not None:
            columns["content"] = pa.array(
                contents[a:b], pa.binary() if bytes in map(type, contents) else pa.string()
            )
        body = io.BytesIO()
        pq.write_table(pa.table(columns), body)
        store.write(f"part-{name}.parquet", lambda file, body=body: file.write(body.getvalue()))
        for kind, values in (("pred_probs", probs), ("embeddings", embeddings)):
            if values is not None:
                store.save(f"{kind}-{name}.npy", values[a:b])


def read_tables(out: Store, what: str) -> dict[str, list[Any]]:
    """The columns of all scores-*.parquet or copies-*.parquet, in the order of the shards."""
    names = [n for n in out.names() if n.startswith(f"{what}-")]
    table = pa.concat_tables([pq.read_table(io.BytesIO(out.read(n))) for n in names])
    return table.to_pydict()


def read_arrays(out: Store, what: str) -> np.ndarray:
    """All places-*.npy and the like, one after the other."""
    return np.concatenate([out.load(n) for n in out.names() if n.startswith(f"{what}-")])


def made_up(n: int, classes: int, seed: int, dtype: type = np.float32) -> tuple[np.ndarray, np.ndarray]:
    """(n,) labels, some wrong and some missing, and (n, K) probabilities with many ties."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, classes, n)
    logits = rng.normal(size=(n, classes)) + 3 * (np.arange(classes) == true[:, None])
    probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = np.where(rng.random(n) < 0.2, rng.integers(0, classes, n), true)
    labels[rng.random(n) < 0.05] = -1
    return labels.astype(np.int32), np.round(probs, 2).astype(dtype)


def folder(path: Path) -> Store:
    return Store.at(str(path))


def opened(source: Store, work: Store, columns: Columns | None = None) -> Run:
    """A run whose shards were checked."""
    run = Run(source, work, columns or Columns())
    work.make()
    checked(run, InTurn(), Progress())
    return run


def same_files(one: Store, two: Store) -> None:
    """Both folders hold the same files, to the byte; the summaries may differ in seconds only."""
    assert one.names() == two.names()
    for name in one.names():
        if name == SUMMARY:
            continue
        assert one.read(name) == two.read(name), name
