"""`python -m tests.benchmarks.bench_bulk`: 100,000 rows relabelled through the route as one action, and undone.

Targets: previewed, changed and undone in under 3 s each, with right counts, on SQLite and on PostgreSQL.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.desk import Desk
from core.issues import Result, issue_table
from core.loading import Prepared
from core.predictions import Predictions
from core.review.people import People, Role
from core.server import routes
from core.session_token import Session, mint_session
from core.settings import Settings
from core.source import Source
from core.team import Team
from core.workspace import Project, Workspace
from tests.benchmarks.machine import describe
from tests.conftest import make_dataset
from tests.postgres import Postgres, binaries

ROWS = 100_000
DECIDED = 100
TARGET_S = 3.0
HOST = "http://labelmend.test"


def team_of(folder: Path, url: str) -> Team:
    """ROWS rows labelled cat, each suggested to be a dog."""
    workspace = Workspace(Settings(folder, (folder,), url, "ann"))
    dataset = make_dataset([0] * ROWS)
    workspace.save(Prepared(dataset, Predictions(), Source(folder / "pets.csv", "csv", "0" * 64, 0), ()))

    def results(project: Project) -> dict[str, Result]:
        return found

    opened = workspace.open("pets").dataset
    table = issue_table(opened, np.linspace(0, 0.4, ROWS), np.ones(ROWS, bool), np.ones(ROWS, np.int32))
    found = {"label_issues": Result(table, {"flagged": ROWS, "estimator": "benchmark"})}
    desk = Desk(workspace, results)
    return Team(desk, People(desk.store, Role.OWNER))


def timed(what: str, ask: Callable[[], Any]) -> tuple[Any, bool]:
    """(the answer's JSON, whether it came in time)."""
    start = time.perf_counter()
    answer = ask()
    seconds = time.perf_counter() - start
    assert answer.status_code == 200, answer.text
    print(f"  {what}: {seconds:.2f} s", flush=True)
    return answer.json(), seconds < TARGET_S


def counted(team: Team, what: str, rows: int) -> bool:
    """Whether so many decisions are in force, and how long it takes to know; a second reader folds anew."""
    start = time.perf_counter()
    ok = len(team.store.in_force("pets")) == rows
    print(f"  in force after {what}: {time.perf_counter() - start:.2f} s", flush=True)
    return ok


def run(team: Team) -> bool:
    """Preview, apply, undo and redo. Returns whether every target is met and every count is right."""
    app = Starlette(routes=routes(team.desk.workspace, team))
    client = TestClient(app, base_url=HOST)
    token = mint_session(team.desk.workspace.secret(), Session("ann", "s1"))
    headers = {"Origin": HOST, "Sec-Fetch-Site": "same-origin", "X-Labelmend-Token": token}

    def post(path: str, body: dict[str, Any]) -> Any:
        return client.post(f"/labelmend/{path}", json=body, headers=headers)

    for i in range(DECIDED):
        keep = {
            "op_id": f"k{i}",
            "dataset": "pets",
            "row_id": f"r{i}",
            "action": "keep",
            "given_label": "cat",
        }
        post("decisions", {"decisions": [keep]})
    wish = {"ds": "pets", "action": "relabel", "suggestion": True}
    seen, ok1 = timed("preview", lambda: post("bulk", {**wish, "preview": True}))
    told = {**wish, "op_id": "all", "as_of": seen["as_of"], "seen": seen["seen"], "expect": seen["change"]}
    done, ok2 = timed(f"change {seen['change']:,} rows", lambda: post("bulk", told))
    right = [done["change"] == ROWS - DECIDED, counted(team, "the change", ROWS)]

    def undo(op_id: str, of: str) -> Any:
        event = {"op_id": op_id, "dataset": "pets", "row_id": "", "action": "undo", "undoes": of}
        return post("decisions", {"decisions": [event]})

    _, ok3 = timed("undo", lambda: undo("u1", "all"))
    right.append(counted(team, "the undo", DECIDED))
    _, ok4 = timed("redo", lambda: undo("u2", "u1"))
    right.append(counted(team, "the redo", ROWS))
    right.append(len(team.store.events("pets")) == DECIDED + 3)
    print(f"  counts right: {all(right)}", flush=True)
    return ok1 and ok2 and ok3 and ok4 and all(right)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 1 where a target is missed."""
    print(describe())
    met = []
    with tempfile.TemporaryDirectory() as folder:
        print("SQLite", flush=True)
        team = team_of(Path(folder) / "sqlite", "")
        met.append(run(team))
        team.store.close()
        if binaries() is None:
            print("PostgreSQL: no server on this machine, not measured")
        else:
            server = Postgres()
            server.start()
            try:
                print("PostgreSQL", flush=True)
                team = team_of(Path(folder) / "postgresql", server.database())
                met.append(run(team))
                team.store.close()
            finally:
                server.stop()
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    return int(not all(met))


if __name__ == "__main__":
    sys.exit(main())
