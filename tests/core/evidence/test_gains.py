from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.dataset import Dataset
from core.desk import Desk
from core.evidence.effort import errors_a_second, sizes, times
from core.evidence.gains import RELEARNED, Gains, learned_at
from core.evidence.log import review_log
from core.issues import Result, issue_table
from core.loading import Prepared
from core.predictions import Predictions
from core.review.decisions import Action, Decision
from core.review.gold import gold_event
from core.review.queue import Filters
from core.settings import Settings
from core.source import Source
from core.workspace import Project, Workspace
from tests.conftest import make_dataset

ROWS = 400
LONG = set(range(0, ROWS, 2))


def dataset() -> Dataset:
    made = make_dataset([0] * ROWS)
    texts = ["word " * (200 if i in LONG else 2) for i in range(ROWS)]
    made.table["text"] = texts
    return made


def checked(data: Dataset) -> Result:
    score = np.repeat(np.linspace(0, 0.4, ROWS // 2), 2)
    return Result(issue_table(data, score, np.ones(ROWS, bool)), {"flagged": ROWS, "estimator": "test"})


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    workspace = Workspace(Settings(tmp_path / "ws", (tmp_path,), "", "eve"))
    source = Source(tmp_path / "pets.csv", "csv", "0" * 64, 0)
    workspace.save(Prepared(dataset(), Predictions(), source, ()))
    results: dict[str, Result] = {}

    def results_of(project: Project) -> dict[str, Result]:
        if not results:
            results["label_issues"] = checked(project.dataset)
        return results

    made = Desk(workspace, results_of)
    yield made
    made.store.close()


def decide(desk: Desk, rows: range) -> None:
    """A second for a short text, ten for a long one."""
    at, events = 0.0, []
    for row in rows:
        shown = json.dumps({"shown_at": f"2026-01-01T00:{int(at) // 60:02d}:{at % 60:06.3f}Z"})
        events.append(Decision("pets", f"r{row}", Action.KEEP, "ann", "cat", f"op{row}", shown=shown))
        at += 10 if row in LONG else 1
    assert not [r for r in desk.store.record(events) if r.refused]


def test_queue__most_errors_per_minute_learns_from_times_and_stays_while_it_is_used(desk: Desk) -> None:
    filters = Filters(sort="yield")
    first, tag = desk.queue("pets", filters)
    assert first.tolist() == desk.queue("pets", Filters())[0].tolist()  # nobody was timed: as by score
    decide(desk, range(200, 200 + RELEARNED))
    now = desk.store.last_seq("pets")
    again, same = desk.queue("pets", filters, as_of=RELEARNED - 1)
    assert (again.tolist(), same) == (first.tolist(), tag)
    later, changed = desk.queue("pets", filters, as_of=now)
    assert changed != tag and sorted(later.tolist()) == sorted(first.tolist())
    assert not LONG & set(later[:15].tolist())  # the short of two rows alike in score comes far earlier
    assert desk.queue("pets", filters, as_of=now + 10)[1] == changed
    assert desk.queue("pets", Filters())[0].tolist() == first.tolist()


def test_gains__are_kept_until_there_are_new_events_to_learn_from(desk: Desk) -> None:
    project = desk.project("pets")
    labels, gains = checked(project.dataset), Gains()
    first = gains.of(desk.store, project.dataset, labels, 10)
    assert gains.of(desk.store, project.dataset, labels, RELEARNED - 1) is first
    assert gains.of(desk.store, project.dataset, labels, RELEARNED) is not first
    assert [learned_at(seq) for seq in (0, 49, 50, 149)] == [0, 0, 50, 100]


def test_gains__learn_nothing_of_errors_from_gold_rows(desk: Desk) -> None:
    project = desk.project("pets")
    labels, data = checked(project.dataset), project.dataset
    decide(desk, range(RELEARNED - 1))
    rows = [(f"r{i}", "cat", "cat") for i in range(40)]
    assert not desk.store.record([gold_event("pets", "eve", rows)])[0].refused
    found = Gains().of(desk.store, data, labels, RELEARNED)
    events, standings = desk.store.events("pets"), desk.store.standings("pets")

    def gain(gold: set[str]) -> np.ndarray:
        log = review_log(events, standings, data, gold)
        score = labels.table["score"].to_numpy()
        return errors_a_second(score, sizes(data), data.labels, log, times(events, data))

    np.testing.assert_allclose(found, gain({row for row, *_ in rows}))
    assert np.abs(found - gain(set())).max() > 1e-3


def test_queue__without_a_check_of_labels_is_by_score(tmp_path: Path) -> None:
    workspace = Workspace(Settings(tmp_path / "ws", (tmp_path,), "", "eve"))
    source = Source(tmp_path / "pets.csv", "csv", "0" * 64, 0)
    workspace.save(Prepared(make_dataset([0] * 5), Predictions(), source, ()))
    desk = Desk(workspace, lambda project: {})
    assert desk.queue("pets", Filters(sort="yield"))[0].tolist() == [0, 1, 2, 3, 4]
    desk.store.close()
