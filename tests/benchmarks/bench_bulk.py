"""`python -m tests.benchmarks.bench_bulk`: 100,000 rows relabelled through the route in one action, undone.

Targets: previewed, changed, undone and redone in under 3 s each, on SQLite and on PostgreSQL, the time until
everybody's next read knows of it included; and right counts.
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


def timed(team: Team, what: str, ask: Callable[[], Any], in_force: int) -> tuple[Any, bool]:
    """(the answer's JSON, whether it and the next read came in time and told so many decisions in force)."""
    start, cpu = time.perf_counter(), time.process_time()
    answer = ask()
    answered = time.perf_counter() - start
    assert answer.status_code == 200, answer.text
    right = len(team.store.in_force("pets")) == in_force
    seconds = time.perf_counter() - start
    cpu = time.process_time() - cpu  # what the wall clock would say of a machine with nothing else to do
    print(f"  {what}: {answered:.2f} s, known to all after {seconds:.2f} s ({cpu:.2f} s of CPU)", flush=True)
    return answer.json(), seconds < TARGET_S and right


def run(team: Team) -> bool:
    """Preview, change, undo and redo. Returns whether every target is met and every count is right."""
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
    seen, ok1 = timed(team, "preview", lambda: post("bulk", {**wish, "preview": True}), DECIDED)
    change = seen["change"]
    told = {**wish, "op_id": "all", "as_of": seen["as_of"], "seen": seen["seen"], "expect": change}
    done, ok2 = timed(team, f"change {change:,} rows", lambda: post("bulk", told), ROWS)

    def undo(op_id: str, of: str) -> Any:
        event = {"op_id": op_id, "dataset": "pets", "row_id": "", "action": "undo", "undoes": of}
        return post("decisions", {"decisions": [event]})

    _, ok3 = timed(team, "undo", lambda: undo("u1", "all"), DECIDED)
    _, ok4 = timed(team, "redo", lambda: undo("u2", "u1"), ROWS)
    one_event = len(team.store.events("pets")) == DECIDED + 3
    met = ok1 and ok2 and ok3 and ok4 and one_event and done["change"] == change == ROWS - DECIDED
    print(f"  {'all in time, counts right' if met else 'MISSED'}", flush=True)
    return met


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
