"""One run over a sharded data set: checks first, then the steps asked for; results appear at its end,
together."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from core.errors import refuse
from core.progress import Progress
from core.sharded.copies import check_ids, find_copies
from core.sharded.dataset import Columns, Plan, Run, found, look, planned
from core.sharded.embed import find_embeddings
from core.sharded.labels import find_labels
from core.sharded.runners import Runner
from core.sharded.store import Store
from core.sharded.vectors import find_neighbours, find_places

STEPS = ("features", "labels", "copies", "places", "neighbours")
SUMMARY = "labelmend-shards.json"
_OURS = re.compile(
    r"(scores|copies)-.+\.parquet|(embeddings|places|neighbours|distances)-.+\.npy|axes\.npz"
    r"|(joint|classes)\.parquet"
)
_WORK = re.compile(r"work-[0-9a-f]{16}")


@dataclass(frozen=True)
class Asked:
    """What a run is to do. steps: some of STEPS; None: labels, copies and places, as far as the shards have
    what they need, and features where a model is named. features: NAME:WEIGHTS. k: nearest rows. axes: the
    folder of an earlier run's places."""

    steps: tuple[str, ...] | None = None
    columns: Columns = field(default_factory=Columns)
    features: str = ""
    download: bool = False
    k: int = 30
    axes: str = ""


def run_shards(source: Store, out: Store, asked: Asked, runner: Runner, progress: Progress) -> dict[str, Any]:
    """Do the steps, put what they made into `out`, and return the summary that lies beside it.

    What steps make lies in a folder of its own in `out` until all is done, and is then moved, so that a run
    that fails, is cancelled or loses workers leaves nothing behind, and a worker that wakes up late writes
    nowhere. A run into the folder of an earlier one replaces it. Raises InputError, Cancelled, OSError.
    """
    started = time.perf_counter()
    _check_out(source, out)
    run = Run(source, out.within(f"work-{secrets.token_hex(8)}"), asked.columns)
    run.work.make()
    try:
        plan = checked(run, runner, progress.part(0, 0.1))
        steps = _steps(plan, asked)
        done: dict[str, Any] = {}
        for i, step in enumerate(steps):
            part = progress.part(0.1 + 0.88 * i / len(steps), 0.1 + 0.88 * (i + 1) / len(steps))
            begun = time.perf_counter()
            if step == "features":
                run, said = find_embeddings(run, runner, part, asked.features, asked.download)
            elif step == "labels":
                said = find_labels(run, runner, part)
            elif step == "copies":
                said = find_copies(run, runner, part)
            elif step == "places":
                said = find_places(run, runner, part, Store.at(asked.axes) if asked.axes else None)
            else:
                said = find_neighbours(run, runner, part, asked.k)
            done[step] = {**said, "seconds": round(time.perf_counter() - begun, 3)}
        summary = {
            "rows": plan.rows,
            "shards": [{"name": s.name, "rows": s.rows, "start": s.start} for s in plan.shards],
            "steps": done,
            "seconds": round(time.perf_counter() - started, 3),
        }
        progress.report(0.98, "moving results")
        _publish(run.work, out, summary)
    finally:
        run.work.remove_all()
    return summary


def checked(run: Run, runner: Runner, progress: Progress) -> Plan:
    """Look at every shard, keep the plan, and make sure that row ids are unique. Raises InputError."""
    names = found(run.source)
    looks = dict(runner.map(partial(look, run), names, progress.part(0, 0.6), "checking shards"))
    plan = planned([looks[i] for i in range(len(names))], run.source)
    run.keep(plan)
    check_ids(run, runner, progress.part(0.6, 1))
    return plan


def _check_out(source: Store, out: Store) -> None:
    """Raise InputError for a folder that is not ours to write into; take away what stopped runs left in
    it."""
    if source.url == out.url:
        raise refuse("--out is the folder of the shards", file=out.url, mend="name another one")
    listed = out.names()
    leftovers = [name for name in listed if _WORK.fullmatch(name)]
    if listed and SUMMARY not in listed and len(leftovers) < len(listed):
        raise refuse(
            "the folder has files that no run has made", file=out.url, mend="name a new or empty one"
        )
    for name in leftovers:
        out.within(name).remove_all()
    out.make()


def _steps(plan: Plan, asked: Asked) -> Sequence[str]:
    """The steps in the order in which they are done. Raises InputError where one lacks what it needs."""
    vectors = plan.width("embeddings") or asked.features
    lacks = {
        "features": ""
        if asked.features and plan.has_content
        else "a content column, and --features NAME:WEIGHTS",
        "labels": ""
        if plan.has_labels and plan.width("pred_probs")
        else "a label column, and pred_probs-*.npy",
        "copies": "" if plan.has_content else "a content column",
        "places": "" if vectors else "embeddings-*.npy, or --features",
        "neighbours": "" if vectors else "embeddings-*.npy, or --features",
    }
    if asked.steps is None:
        able = [step for step in STEPS if not lacks[step] and step != "neighbours"]
        if not able:
            expected = "labels with pred_probs, contents, or embeddings"
            raise refuse("the shards have nothing to work on", expected=expected)
        return able
    for step in asked.steps:
        if step not in STEPS:
            raise refuse(f"no step called {step!r}", expected=" or ".join(STEPS))
        if lacks[step]:
            raise refuse(f"the step {step} needs {lacks[step]}")
    if asked.features and "features" not in asked.steps:
        raise refuse("--features without the step features", mend="--steps features,...")
    return [step for step in STEPS if step in asked.steps]


def _publish(work: Store, out: Store, summary: dict[str, Any]) -> None:
    """Move what was made, in place of what an earlier run has made. The summary comes last: until then it
    says that the files beside it may be of two runs."""
    made = [name for name in work.names() if _OURS.fullmatch(name)]
    earlier = [name for name in out.names() if _OURS.fullmatch(name)]
    _tell(work, out, {"unfinished": "the run was stopped while its results were moved here; run it again"})
    out.remove(sorted(set(earlier) - set(made)))
    for name in made:
        work.move(name, out)
    _tell(work, out, summary)


def _tell(work: Store, out: Store, said: dict[str, Any]) -> None:
    work.write(SUMMARY, lambda file: file.write(json.dumps(said, indent=1).encode()))
    work.move(SUMMARY, out)
