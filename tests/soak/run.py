"""30 annotators at work while the server and the database are killed; then the proof that nothing is lost."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from sqlalchemy import func, select

from core.dataset import Columns, Dataset
from core.predictions import Predictions
from core.review.decisions import Decision
from core.review.tables import decisions
from core.session_token import Session, mint_session
from core.workspace import Workspace
from tests.browser.serving import Server, probabilities, save, table
from tests.postgres import Postgres
from tests.soak.annotators import Annotator, Habits, Room
from tests.soak.faults import Install
from tests.soak.proof import Replay, lent_twice, proven

HUMAN = Habits()
FAST = replace(HUMAN, pace=(0.1, 0.4))
PEOPLE, OF_THEM_FAST = 30, 8
DATASET = "tickets"
CLASSES = ("bill", "crash", "login", "refund")
DRAIN_S = 120


@dataclass(frozen=True)
class Report:
    """What a run was and what was found wrong. sent_again: events whose answer did not come, each time."""

    database: str
    seed: int
    seconds: float
    kills: dict[str, int]
    stored: int
    acknowledged: int
    sent_again: int
    rows_by_several: int
    wrong: list[str]

    def __str__(self) -> str:
        killed = ", ".join(f"{kind} killed {n} times" for kind, n in sorted(self.kills.items())) or "no kill"
        lines = [
            f"{self.database}, seed {self.seed}: {self.seconds:.0f} s, {killed}",
            f"  {self.acknowledged:,} acknowledged, {self.stored:,} stored, {self.sent_again:,} sent again",
            f"  {self.rows_by_several:,} rows decided by several annotators, all told of it",
            *(f"  WRONG: {wrong}" for wrong in self.wrong[:20]),
            f"  {len(self.wrong)} wrong",
        ]
        return "\n".join(lines)


def tickets(workspace: Workspace, n: int) -> Dataset:
    """n short texts in four classes, one label in four wrong."""
    rng = np.random.default_rng(0)
    labels = (np.arange(n) % len(CLASSES)).astype(np.int32)
    ids = [f"t-{i}" for i in range(n)]
    texts = pd.array([f"Ticket {i}: please help" for i in range(n)], dtype="str")
    columns = Columns("id", "label", None, ("text",), "text")
    dataset = Dataset(DATASET, table(ids, labels, CLASSES, text=texts), columns, CLASSES, CLASSES, labels)
    wrong = np.arange(n) % 4 == 1
    save(workspace, dataset, Predictions("test", probabilities(labels, len(CLASSES), wrong, rng)))
    return dataset


def crowd(server: Server, data: Dataset, habits: Mapping[str, Habits], seed: int) -> list[Annotator]:
    """Annotators by name, with a token each, who work on one data set of the server."""
    given = {
        str(i): data.classes[code] if code >= 0 else ""
        for i, code in zip(data.row_ids, data.labels, strict=True)
    }
    room, secret = Room(server.url, data.name, given, data.classes), server.workspace.secret()
    return [
        Annotator(room, name, mint_session(secret, Session(name, f"tab of {name}")), each, seed + i)
        for i, (name, each) in enumerate(habits.items())
    ]


def soak(
    root: Path,
    postgres: Postgres | None,
    seconds: float,
    seed: int,
    *,
    mean_s: float = 8,
    least: int = 2,
    rows: int = 20_000,
) -> Report:
    """Work for so long under faults, `least` of them, `mean_s` apart on average, and prove the log.

    postgres: a running one; None: SQLite in the workspace at `root`.
    """
    install = Install(root, postgres)
    habits = {f"annotator {i:02d}": FAST if i < OF_THEM_FAST else HUMAN for i in range(PEOPLE)}
    people = crowd(install.server, tickets(install.server.workspace, rows), habits, seed)
    install.server.start()
    try:
        wrong = asyncio.run(
            work(install, people, install.break_for(seconds, mean_s, least, random.Random(seed)))
        )
    finally:
        install.server.stop()
    events, counted, found = read_back(install, people)
    replay = Replay(events)
    several = sum(len({e.annotator for e, *_ in verdicts}) > 1 for verdicts in replay.rows.values())
    return Report(
        install.database,
        seed,
        seconds,
        dict(install.kills),
        counted,
        sum(any("error" not in r for r in op.receipts) for one in people for op in one.ops),
        sum(one.resent for one in people),
        several,
        [*wrong, *people[0].room.wrong, *found, *lent_twice(replay, people)],
    )


async def work(
    install: Install, people: Sequence[Annotator], meanwhile: Coroutine[None, None, None]
) -> list[str]:
    """Run the crowd until `meanwhile` ends; returns what the running server says wrongly at the end."""
    await install.answers()
    tasks = [asyncio.create_task(one.run()) for one in people]
    await meanwhile
    for one in people:
        one.stop()
    _, late = await asyncio.wait(tasks, timeout=DRAIN_S)
    for task in late:
        task.cancel()
    wrong = [f"{p.name}: {p.unsent} events could not be sent at the end" for p in people if p.unsent]
    for task in tasks:
        if task.done() and not task.cancelled() and task.exception() is not None:
            raise task.exception() or RuntimeError
    for one in people:
        said = await one.timeline()
        done = [step["op_id"] for step in said["done"]]
        undone = [step["op_id"] for step in said["undone"]]
        if done != [op.op_id for op in one.done][-200:] or undone != [u.op_id for _, u in one.undone][-200:]:
            wrong.append(f"{one.name}: the server offers to undo other steps than they made")
    return wrong


def read_back(install: Install, people: Sequence[Annotator]) -> tuple[list[Decision], int, list[str]]:
    """(the events, how many rows the table has, what is wrong with them), read anew from the database."""
    store = install.server.store()
    try:
        events = store.events(DATASET)
        with store.database.reading() as connection:
            counted = connection.scalar(select(func.count()).select_from(decisions)) or 0
        return events, counted, proven(events, store.standings(DATASET), people)
    finally:
        store.close()
