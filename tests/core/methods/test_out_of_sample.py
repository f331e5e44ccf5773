from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.methods.out_of_sample import _grown, _threads, deal_folds, out_of_sample
from core.methods.softmax import fit, logits, probabilities
from core.progress import Cancelled, Progress


def blobs(rows: int, seed: int = 0, apart: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = np.arange(rows) % 3
    x = random.standard_normal((rows, 5)).astype(np.float32)
    x[np.arange(rows), labels] += apart
    return x, labels


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 15)), min_size=1, max_size=80))
def test_deal_folds__keeps_groups_together(rows: list[tuple[int, int]]) -> None:
    labels, groups = np.array(rows).T
    folds = deal_folds(labels, groups, 5)
    assert all(len(set(folds[groups == g])) == 1 for g in groups)


def test_deal_folds__spreads_each_class_evenly() -> None:
    labels = np.repeat([0, 1, 2, -1], [50, 10, 5, 7])
    folds = deal_folds(labels, np.arange(72), 5)
    assert np.bincount(folds[labels == 0]).tolist() == [10] * 5
    assert np.bincount(folds[labels == 1]).tolist() == [2] * 5
    assert np.bincount(folds[labels == 2]).tolist() == [1] * 5


@pytest.mark.parametrize("model", ["logistic", "trees"])
def test_out_of_sample__shuffled_labels_give_chance(model: str) -> None:
    x, labels = blobs(600)
    shuffled = np.random.default_rng(1).permutation(labels)
    made = out_of_sample(x, shuffled, 3, deal_folds(shuffled, np.arange(600), 3), model)
    assert abs((made.pred_probs.argmax(axis=1) == shuffled).mean() - 1 / 3) < 0.07
    true = out_of_sample(x, labels, 3, deal_folds(labels, np.arange(600), 3), model)
    assert (true.pred_probs.argmax(axis=1) == labels).mean() > 0.9


@pytest.mark.parametrize("model", ["logistic", "trees"])
def test_out_of_sample__duplicates_do_not_leak(model: str) -> None:
    """Twins with random labels: with twins kept together nothing can be learned, apart it can."""
    random = np.random.default_rng(2)
    x = np.repeat(random.standard_normal((60, 80)).astype(np.float32), 6, axis=0)
    labels = np.repeat(random.integers(0, 2, 60), 6)
    accuracy = {}
    for name, groups in (("together", np.repeat(np.arange(60), 6)), ("apart", np.arange(360))):
        made = out_of_sample(x, labels, 2, deal_folds(labels, groups, 3), model)
        accuracy[name] = (made.pred_probs.argmax(axis=1) == labels).mean()
    assert accuracy["together"] < 0.68
    assert accuracy["apart"] > 0.85


def test_out_of_sample__unlabelled_rows_are_scored_and_not_trained_on() -> None:
    x, labels = blobs(300)
    given = np.where(np.arange(300) < 30, -1, labels)
    folds = deal_folds(given, np.arange(300))
    first = out_of_sample(x, given, 3, folds)
    assert (first.pred_probs[:30].argmax(axis=1) == labels[:30]).mean() > 0.9
    moved = x.copy()
    moved[:15] = 100
    second = out_of_sample(moved, given, 3, folds)
    assert np.array_equal(first.pred_probs[15:], second.pred_probs[15:])


def test_out_of_sample__no_row_is_scored_by_a_model_that_saw_its_label() -> None:
    x, labels = blobs(150)
    folds = deal_folds(labels, np.arange(150))
    first = out_of_sample(x, labels, 3, folds).pred_probs
    changed = np.where(folds == 2, (labels + 1) % 3, labels)
    second = out_of_sample(x, changed, 3, folds).pred_probs
    assert np.array_equal(first[folds == 2], second[folds == 2])
    assert not np.array_equal(first[folds == 1], second[folds == 1])


def test_out_of_sample__a_row_of_a_class_that_no_other_row_has_is_not_judged() -> None:
    x, labels = blobs(90)
    labels = labels.copy()
    labels[7] = 3
    made = out_of_sample(x, labels, 4, deal_folds(labels, np.arange(90)))
    assert np.flatnonzero(~made.judged).tolist() == [7]
    assert made.pred_probs[7].tolist() == [0.25] * 4
    assert np.allclose(made.pred_probs.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("model", ["logistic", "trees"])
def test_out_of_sample__stops_when_cancelled(model: str) -> None:
    x, labels = blobs(300)
    reports = []

    def report(fraction: float, message: str) -> None:
        reports.append(fraction)
        if len(reports) == 10:
            progress.cancel()

    progress = Progress(report)
    with pytest.raises(Cancelled):
        out_of_sample(x, labels, 3, deal_folds(labels, np.arange(300)), model, progress)
    assert len(reports) == 10


def test_fit__equals_scikit_learn() -> None:
    from sklearn.linear_model import LogisticRegression

    x, labels = blobs(200, apart=1.0)
    ours = probabilities(logits(x, fit(x, labels, 3, 0.5, Progress())))
    theirs = LogisticRegression(C=0.5, tol=1e-8, max_iter=1000).fit(x, labels).predict_proba(x)
    assert np.abs(ours - theirs).max() < 5e-3


def test_grown__is_what_scikit_learn_grows_at_once() -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    x, labels = blobs(300)
    plain = HistGradientBoostingClassifier(max_leaf_nodes=15, early_stopping=False, random_state=0)
    expected = plain.fit(x, labels).predict_proba(x)
    fractions: list[float] = []
    found = _grown(x, labels, Progress(lambda fraction, _: fractions.append(fraction))).predict_proba(x)
    assert np.array_equal(found, expected)
    assert fractions == sorted(fractions)


def test_grown__cancel_does_not_wait_for_the_next_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    import sklearn.ensemble

    ends, ended = threading.Event(), threading.Event()

    class Slow:
        def __init__(self, scoring: object, **_: object) -> None:
            self.scoring = scoring

        def fit(self, x: np.ndarray, y: np.ndarray) -> None:
            ends.wait(30)  # a tree of many rows
            try:
                self.scoring(self, x, y)  # type: ignore[operator]
            finally:
                ended.set()

    monkeypatch.setattr(sklearn.ensemble, "HistGradientBoostingClassifier", Slow)
    progress = Progress()
    threading.Timer(0.3, progress.cancel).start()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        _grown(*blobs(30), progress)
    assert time.monotonic() - started < 10
    assert not ended.is_set()
    ends.set()
    assert ended.wait(10)  # the thread that was left behind ends at its next look


def test_out_of_sample__many_classes_are_scored_a_part_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    x, labels = blobs(300)
    folds = deal_folds(labels, np.arange(300), 3)
    whole = out_of_sample(x, labels, 3, folds).pred_probs
    monkeypatch.setattr("core.methods.out_of_sample._AT_ONCE", 50)
    seen: list[float] = []
    parts = out_of_sample(x, labels, 3, folds, progress=Progress(lambda f, _: seen.append(f))).pred_probs
    assert np.allclose(parts, whole, atol=1e-6)
    assert (
        sum(abs(f - 1 / 3) < 1e-9 for f in seen) >= 7
    )  # 100 rows of 3 classes in 7 parts, at the end of a fold


def test_threads__one_on_a_busy_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    for load, expected in ((0.5, None), (4.0, None), (4.1, 1), (30.0, 1)):
        monkeypatch.setattr("os.getloadavg", lambda load=load: (load, 0.0, 0.0))
        assert _threads() == expected
