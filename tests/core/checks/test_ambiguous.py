from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.checks import label_issues
from core.checks.ambiguous import CHECK, best_two, run
from core.methods.intervals import wilson
from core.predictions import Predictions
from core.progress import Progress
from tests.benchmarks.bench_ambiguous import differ, opened
from tests.benchmarks.bench_ranking import known
from tests.conftest import make_dataset

DEFAULTS = {setting.name: setting.default for setting in CHECK.settings}
LABELS = {setting.name: setting.default for setting in label_issues.CHECK.settings}
NAMES = ("cat", "dog", "emu")


def test_run__second_class_nearly_as_likely() -> None:
    probs = np.array([[0.9, 0.05, 0.05], [0.05, 0.9, 0.05], [0.05, 0.05, 0.9]] * 20, dtype=np.float32)
    probs[0] = (0.46, 0.41, 0.13)  # labelled cat, the first of the two
    probs[3] = (0.24, 0.48, 0.28)  # labelled cat, the last of three
    probs[4] = (0.50, 0.35, 0.15)  # labelled dog, the second of the two
    probs[6] = (0.70, 0.20, 0.10)  # labelled cat: dog is much less likely
    labels = np.arange(60) % 3
    labels[50:] = (labels[50:] + 1) % 3  # the model is not as sure as it says: cat is no likelier in row 4
    result = run(make_dataset(labels.tolist(), NAMES), Predictions("m", probs), DEFAULTS, Progress())
    table = result.table
    assert np.flatnonzero(table["flagged"]).tolist() == [0, 4]
    assert table["reason"].tolist()[0] == "Two classes fit: the model gives cat 46% and dog 41%."
    assert table["score"].iloc[0] == pytest.approx(1 - 0.41 / 0.46, abs=1e-6)
    assert table["score"].iloc[3] == 1
    assert table["score"].iloc[6] == pytest.approx(1 - 0.2 / 0.7, abs=1e-6)
    assert table["suggestion"].isna().all()
    sure = run(make_dataset([0, 1, 2] * 20, NAMES), Predictions("m", probs), DEFAULTS, Progress()).table
    assert np.flatnonzero(sure["flagged"]).tolist() == [0] and sure["score"].iloc[4] == 1  # a label error


def test_run__two_classes_together_must_be_likelier_than_the_rest() -> None:
    probs = np.full((40, 10), 0.02, dtype=np.float32)
    probs[np.arange(40), np.arange(40) % 10] = 0.82
    probs[0] = 0.1
    dataset = make_dataset((np.arange(40) % 10).tolist(), tuple("abcdefghij"))
    assert run(dataset, Predictions("m", probs), DEFAULTS, Progress()).summary["flagged"] == 0


@pytest.mark.parametrize("labels", [[], [0], [-1, -1]])
def test_run__nothing_to_compare(labels: list[int]) -> None:
    probs = np.full((len(labels), 2), 0.5, dtype=np.float32)
    predictions = Predictions("m", probs, np.ones((len(labels), 2), dtype=np.float32))
    result = run(make_dataset(labels), predictions, DEFAULTS, Progress())
    assert len(result.table) == len(labels)
    assert result.summary["unlabelled"] == labels.count(-1)


def test_run__one_class() -> None:
    predictions = Predictions("m", np.ones((2, 1), dtype=np.float32))
    result = run(make_dataset([0, 0], ("cat",)), predictions, DEFAULTS, Progress())
    assert (result.summary["flagged"], result.summary["note"]) == (0, "With one class nothing is ambiguous.")


@given(st.integers(0, 1000), st.integers(2, 6), st.booleans(), st.floats(0.05, 1))
def test_run__no_row_is_also_a_label_error(seed: int, k: int, near: bool, near_equal: float) -> None:
    """A row is called wrong or ambiguous, never both; a row whose label is neither of the two is not here."""
    rng = np.random.default_rng(seed)
    n = 60
    probs = rng.dirichlet(np.full(k, 0.7), n).astype(np.float32)
    labels = np.where(rng.random(n) < 0.7, probs.argmax(axis=1), rng.integers(-1, k, n))
    embeddings = rng.normal(size=(n, 3)).astype(np.float32) if near else None
    dataset = make_dataset(labels.tolist(), tuple("abcdef"[:k]))
    predictions = Predictions("m", probs, embeddings)
    wrong = label_issues.run(dataset, predictions, LABELS, Progress()).table["flagged"]
    found = run(dataset, predictions, {"near_equal": near_equal}, Progress()).table
    assert not (wrong & found["flagged"]).any()
    assert not found["flagged"][labels < 0].any()
    assert (found["score"][wrong] == 1).all()
    if not near:
        two = np.argsort(-probs, axis=1, kind="stable")[:, :2]
        assert (two[found["flagged"]] == labels[found["flagged"], None]).any(axis=1).all()


def test_best_two__first_of_equals() -> None:
    two = best_two(np.array([[0.3, 0.3, 0.4], [0.5, 0.5, 0.0]]), np.arange(2))
    assert (two.first.tolist(), two.second.tolist()) == ([2, 0], [0, 1])
    np.testing.assert_allclose([two.p_first, two.p_second], [[0.4, 0.5], [0.3, 0.5]])


def test_run__people_differ_on_what_is_flagged(shared_data: Path) -> None:
    """CIFAR-10N, three people a row: more often than on other rows that look right; few labels are wrong."""
    data = known(shared_data / "cifar10n", "CIFAR-10N", "labels.csv", "is_error")
    dataset, predictions = opened(data)
    found = run(dataset, predictions, DEFAULTS, Progress()).table["flagged"].to_numpy()
    wrong = label_issues.run(dataset, predictions, LABELS, Progress()).table["flagged"].to_numpy()
    people = differ()
    low, _ = wilson(np.array(people[found].sum()), np.array(found.sum()))
    rest = ~wrong & ~found
    _, high = wilson(np.array(people[rest].sum()), np.array(rest.sum()))
    assert low > high
    assert people[found].mean() >= 0.42
    assert data.wrong[found].mean() < data.wrong[wrong].mean() / 4
    assert found.sum() > 1000
