from __future__ import annotations

import numpy as np
import pytest

from core import neighbour_graph
from core.checks.out_of_distribution import CHECK, run, tukey_fence
from core.issues import Result
from core.methods.recall import Recall
from core.predictions import Predictions
from core.progress import Progress
from tests.conftest import make_dataset

DEFAULTS = {setting.name: setting.default for setting in CHECK.settings}


def audit(embeddings: np.ndarray, **params: float) -> Result:
    predictions = Predictions("m", None, embeddings)
    return run(make_dataset([0] * len(embeddings)), predictions, DEFAULTS | params, Progress())


def cloud(n: int, strangers: int) -> np.ndarray:
    """Rows in two directions, and a few that point elsewhere."""
    rng = np.random.default_rng(0)
    rows = rng.normal(0, 0.1, (n, 6)) + np.eye(6)[rng.integers(0, 2, n)]
    rows[:strangers] = np.eye(6)[2 : 2 + strangers] * 5
    return rows.astype(np.float32)


def test_run__strangers_are_worst_and_flagged() -> None:
    table = audit(cloud(300, 4)).table
    assert table["score"].nsmallest(4).index.tolist() == table.index[table["score"].argsort()[:4]].tolist()
    assert set(table.sort_values("score").index[:4]) == {"r0", "r1", "r2", "r3"}
    assert table["flagged"].iloc[:4].all() and table["flagged"].sum() < 20
    times = table["times_usual"]["r0"]
    assert table["reason"]["r0"] == f"Its 10 nearest rows are {times:.1f} times as far away as is usual."
    np.testing.assert_allclose(table["score"], np.exp(-table["times_usual"]), rtol=1e-6)


def test_run__row_at_the_usual_distance_scores_one_over_e() -> None:
    turn = 2 * np.pi * np.arange(40) / 40
    table = audit(np.stack([np.cos(turn), np.sin(turn)], axis=1)).table
    np.testing.assert_allclose(table["score"], np.exp(-1), rtol=1e-4)
    assert not table["flagged"].any()


def test_run__says_what_it_measured() -> None:
    summary = audit(cloud(300, 4), k=5, fence=2.0).summary
    assert summary["estimator"] == (
        "mean cosine distance to the 5 nearest rows, above the third quartile plus 2 interquartile ranges"
    )
    assert (summary["k"], summary["recall"]) == (5, None)


def test_run__above_the_bound_says_how_many_of_the_nearest_rows_are_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(neighbour_graph, "EXACT_ROWS", 1000)
    result = audit(cloud(2000, 4))
    recall = result.summary["recall"]
    words = Recall(**recall).words
    assert result.summary["estimator"].startswith(f"mean cosine distance to the 10 nearest rows ({words}), ")
    assert recall["rows"] == 1000 and recall["value"] > 0.9
    assert result.table["flagged"].iloc[:4].all()


def test_run__copies_do_not_make_everything_else_far() -> None:
    embeddings = np.ones((100, 4), dtype=np.float32)
    embeddings[:40] += np.random.default_rng(0).normal(0, 0.2, (40, 4))
    result = audit(embeddings)
    assert result.table["flagged"].sum() < 10
    assert result.table["score"].iloc[50:].tolist() == pytest.approx([1] * 50, abs=1e-3)


def test_run__fewer_rows_than_neighbours() -> None:
    result = audit(np.eye(3))
    assert result.summary["k"] == 2
    assert audit(np.eye(1)).summary["note"] == "1 row is too few to compare."


def test_tukey_fence() -> None:
    assert tukey_fence(np.arange(5.0), 1.5) == 6  # quartiles 1 and 3
    assert tukey_fence(np.array([1, 1, 1, 1, 9.0]), 1.5) == np.inf
