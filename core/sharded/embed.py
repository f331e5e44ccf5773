"""Embeddings of sharded texts, by a model that looks at each text alone."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import numpy as np

from core.errors import refuse
from core.models._base import Embedder
from core.progress import Progress
from core.sharded.dataset import Run
from core.sharded.runners import Runner
from core.sharded.store import Array

SEED = 0


def find_embeddings(
    run: Run, runner: Runner, progress: Progress, spec: str, download: bool
) -> tuple[Run, dict[str, Any]]:
    """Write embeddings-NAME.npy, (rows, D) float32, for each shard into work; the run that reads these, and
    the summary.

    spec: a pretrained model of texts, NAME:WEIGHTS as `labelmend features` lists them. Features that are
    learnt from the whole data set, as the built-in ones are, cannot be made shard by shard. download: as for
    open_features.
    """
    plan, numbers = run.plan, range(len(run.plan.shards))
    title = _opened(spec, download).title  # an error of the name is told before anything is sent
    made: dict[int, Array | None] = dict(
        runner.map(partial(embed_shard, run, spec, download), numbers, progress, "embedding")
    )
    widths = {array.width for array in made.values() if array is not None}
    if len(widths) != 1:
        found = (
            f"features of {' and '.join(map(str, sorted(widths)))} numbers" if widths else "no row to embed"
        )
        raise refuse(found, file=spec, expected="as many for every text")
    width = widths.pop()
    shards = []
    for number, shard in enumerate(plan.shards):
        array = made[number]
        if array is None:
            name = f"embeddings-{shard.name}.npy"
            run.work.save(name, np.empty((0, width), dtype=np.float32))
            array = run.work.header(name)
        shards.append(replace(shard, embeddings=array))
    with_them = replace(run, made=True)
    with_them.keep(replace(plan, shards=tuple(shards)))
    return with_them, {"rows": plan.rows, "dimensions": width, "estimator": f"{spec}: {title}"}


def embed_shard(run: Run, spec: str, download: bool, number: int) -> Array | None:
    """Write a shard's embeddings-NAME.npy; None for a shard without rows."""
    import pandas as pd

    from core.dataset import Columns, Dataset

    shard = run.shard(number)
    if not shard.rows:
        return None
    column = run.columns.content
    texts = ["" if v is None else str(v) for v in run.table(shard, column).column(0).to_pylist()]
    blank = not any(text.strip() for text in texts)
    asked = (
        [*texts, "."] if blank else texts
    )  # embedders refuse a data set of blank texts; a shard may be one
    table = pd.DataFrame({column: pd.array(asked, dtype="str")})
    table.index = pd.Index([f"r{i}" for i in range(len(asked))], dtype="str")
    labels = np.full(len(asked), -1, dtype=np.int32)
    dataset = Dataset(shard.name, table, Columns(content=(column,), kind="text"), (), (), labels)
    values = _opened(spec, download).fit_transform(dataset, SEED, Progress()).values[: shard.rows]
    name = f"embeddings-{shard.name}.npy"
    run.work.save(name, np.ascontiguousarray(values, dtype=np.float32))
    return run.work.header(name)


@lru_cache(maxsize=1)
def _opened(spec: str, download: bool) -> Embedder:
    """The model, opened once in each process."""
    from core.pretrained import is_pretrained, open_features

    if not is_pretrained(spec):
        mend = "name a pretrained model of texts: labelmend features"
        raise refuse(f"{spec} cannot be made shard by shard: it learns from all rows", mend=mend)
    return open_features(spec, "text", download, run_code=True)
