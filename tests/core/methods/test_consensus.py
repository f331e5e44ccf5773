from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cleanlab.multiannotator import get_label_quality_multiannotator
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from core.errors import InputError
from core.methods import consensus as module
from core.methods.consensus import (
    METHODS,
    Consensus,
    consensus,
    crowdlab,
    dawid_skene,
    default_method,
    majority,
)
from core.progress import Cancelled, Progress

CIFAR10N = Path(__file__).parents[4] / "shared" / "data" / "cifar10n"
NONE = float("nan")


def simulated(seed: int, rows: int, k: int, right: list[float], missing: float = 0) -> tuple[np.ndarray, ...]:
    """(N,) truth and (N, A) answers: each annotator is right that often, else any other class."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, rows)
    other = (truth[:, None] + rng.integers(1, k, (rows, len(right)))) % k
    answers = np.where(rng.random((rows, len(right))) < right, truth[:, None], other)
    return truth, np.where(rng.random(answers.shape) < missing, -1, answers)


def model_probs(truth: np.ndarray, k: int, seed: int = 0) -> np.ndarray:
    """(N, K) predictions that favour the truth, with noise."""
    return np.random.default_rng(seed).dirichlet(np.ones(k), len(truth)) * 0.6 + 0.4 * np.eye(k)[truth]


def textbook_dawid_skene(answers: np.ndarray, k: int, rounds: int) -> np.ndarray:
    """(N, K) posterior after that many rounds, one cell at a time, with the prior of ten classes or fewer."""
    rows, annotators = range(len(answers)), range(answers.shape[1])
    posterior = np.array([[np.mean(row[row >= 0] == c) for c in range(k)] for row in answers])
    for _ in range(rounds):
        confusion = np.ones((len(annotators), k, k)) + np.eye(k)
        for i in rows:
            for a in annotators:
                if answers[i, a] >= 0:
                    confusion[a, :, answers[i, a]] += posterior[i]
        confusion /= confusion.sum(axis=2, keepdims=True)
        share = (posterior.sum(axis=0) + 1) / (len(answers) + k)
        for i in rows:
            posterior[i] = share
            for a in annotators:
                if answers[i, a] >= 0:
                    posterior[i] *= confusion[a, :, answers[i, a]]
        posterior /= posterior.sum(axis=1, keepdims=True)
    return posterior


def test_majority__labels_ties_shares_and_quality() -> None:
    answers = np.array(
        [
            [2, 2, 0],
            [0, 1, -1],  # tie
            [0, 1, 2],  # tie of three
            [-1, 1, -1],  # read once: says nothing of the annotator
            [-1, -1, -1],
            [1, 1, 1],
        ]
    )
    found = majority(answers, 3)
    assert found.labels.tolist() == [2, -1, -1, 1, -1, 1]
    np.testing.assert_array_equal(found.confidence, [2 / 3, NONE, NONE, 1, NONE, 1])
    assert found.annotator_quality.tolist() == [1, 1, 0.5]
    assert found.method == "majority"


def test_majority__two_of_four_beat_one_and_one() -> None:
    found = majority(np.array([[3, 0, 3, 1]]), 4)
    assert (found.labels.tolist(), found.confidence.tolist()) == ([3], [0.5])


def test_majority__read_once_says_nothing_of_the_annotator() -> None:
    assert np.isnan(majority(np.array([[0, -1], [-1, 1]]), 2).annotator_quality).all()


@given(hnp.arrays(np.int64, st.tuples(st.integers(1, 8), st.integers(1, 4)), elements=st.integers(-1, 2)))
@settings(max_examples=50, deadline=None)
def test_dawid_skene__equals_the_textbook(answers: np.ndarray) -> None:
    answers[0, 0] = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_MAX_ROUNDS", 3)
        patch.setattr(module, "_SETTLED", -1.0)
        found = dawid_skene(answers, 3)
    read = (answers >= 0).any(axis=1)
    expected = textbook_dawid_skene(answers[read], 3, rounds=3)
    best = np.sort(expected, axis=1)
    clear = best[:, -1] - best[:, -2] > 1e-7
    np.testing.assert_array_equal(found.labels[read][clear], expected.argmax(axis=1)[clear])
    np.testing.assert_allclose(found.confidence[read][clear], best[clear, -1], atol=1e-12)
    said = [[(p[c]) for p, c in zip(expected, column, strict=True) if c >= 0] for column in answers[read].T]
    quality = [np.mean(column) if column else np.nan for column in said]
    np.testing.assert_allclose(found.annotator_quality, quality, atol=1e-12)


def test_dawid_skene__beats_majority_with_two_good_and_three_poor_annotators() -> None:
    for seed in range(5):
        truth, answers = simulated(seed, 1000, 4, [0.9, 0.9, 0.6, 0.6, 0.6])
        weighed, counted = dawid_skene(answers, 4), majority(answers, 4)
        ties = counted.labels < 0
        # a tie counts as right as often as a coin between two classes would be
        by_majority = np.mean(counted.labels == truth) + ties.mean() / 2
        right = weighed.labels == truth
        assert right.mean() > 0.95
        assert right.mean() > by_majority + 0.005
        assert abs(weighed.confidence.mean() - right.mean()) < 0.02
        np.testing.assert_allclose(weighed.annotator_quality, [0.9, 0.9, 0.6, 0.6, 0.6], atol=0.06)


def test_dawid_skene__learns_whom_to_believe_about_which_class() -> None:
    """Anna calls every 1 a 0; Ben and Cem know better of 1 but mix up 2 and 3, where Anna is right."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 4, 2000)
    anna = np.where((truth == 1) & (rng.random(2000) < 0.8), 0, truth)
    mixed = np.where((truth >= 2) & (rng.random((2, 2000)) < 0.4), 5 - truth, truth)
    answers = np.stack([anna, *mixed], axis=1)
    assert (dawid_skene(answers, 4).labels == truth).mean() > 0.94
    assert (majority(answers, 4).labels == truth).mean() < 0.93


def test_dawid_skene__one_reader_is_believed_as_far_as_they_are_good() -> None:
    _, answers = simulated(0, 2000, 3, [0.95, 0.6, 0.9, 0.9, 0.9])
    answers[:2] = [[1, -1, -1, -1, -1], [-1, 1, -1, -1, -1]]
    found = dawid_skene(answers, 3)
    assert found.labels[:2].tolist() == [1, 1]
    assert found.confidence[0] == pytest.approx(0.95, abs=0.02)
    assert found.confidence[1] == pytest.approx(0.6, abs=0.04)


def test_dawid_skene__a_tie_has_no_label() -> None:
    found = dawid_skene(np.array([[0, 1], [1, 0], [2, 2]]), 3)
    assert found.labels.tolist() == [-1, -1, 2]
    assert np.isnan(found.confidence).tolist() == [True, True, False]


def test_dawid_skene__hundreds_of_classes_are_not_drowned_by_the_prior() -> None:
    truth, answers = simulated(0, 1000, 100, [0.9, 0.9, 0.6, 0.6, 0.6], missing=0.4)
    weighed, counted = dawid_skene(answers, 100), majority(answers, 100)
    assert np.mean(weighed.labels == truth) > np.mean(counted.labels == truth) + 0.05
    assert np.nanmean(weighed.confidence) == pytest.approx(np.mean(weighed.labels == truth), abs=0.1)


def test_dawid_skene__says_when_it_has_not_settled(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answers = simulated(0, 200, 2, [0.9, 0.6, 0.6])[1]
    with caplog.at_level(logging.WARNING, "core.methods.consensus"):
        dawid_skene(answers, 2)
        assert caplog.messages == []
        monkeypatch.setattr(module, "_MAX_ROUNDS", 2)
        dawid_skene(answers, 2)
    assert caplog.messages == ["Dawid-Skene had not settled after 2 rounds"]


def test_crowdlab__equals_cleanlab() -> None:
    truth, answers = simulated(3, 300, 4, [0.9, 0.7, 0.8, 0.6], missing=0.4)
    answers[5], answers[200] = -1, -1
    probs = model_probs(truth, 4)
    found = crowdlab(answers, probs, 4)
    read = (answers >= 0).any(axis=1)
    assert np.flatnonzero(~read).tolist()[:1] == [5]
    votes = np.where(answers < 0, np.nan, answers)[read]
    theirs = get_label_quality_multiannotator(votes, probs[read], verbose=False)
    rows, annotators = theirs["label_quality"], theirs["annotator_stats"].sort_index()
    np.testing.assert_array_equal(found.labels[read], rows["consensus_label"])
    np.testing.assert_allclose(found.confidence[read], rows["consensus_quality_score"], atol=1e-10)
    np.testing.assert_allclose(found.annotator_quality, annotators["annotator_quality"], atol=1e-10)
    assert (found.labels[~read] == -1).all() and np.isnan(found.confidence[~read]).all()


def test_crowdlab__silent_annotator_and_class_new_to_the_model() -> None:
    truth, answers = simulated(3, 200, 3, [0.9, 0.8, 0.9])
    answers = np.insert(answers, 1, -1, axis=1)  # somebody who has not begun
    answers[:3] = [[3, -1, 3, 3]] * 3  # a class added in the course of work
    found = crowdlab(answers, model_probs(truth, 3), 4)
    assert found.labels[:3].tolist() == [3, 3, 3]
    assert np.isnan(found.annotator_quality).tolist() == [False, True, False, False]


@pytest.mark.filterwarnings("error")
def test_crowdlab__is_quiet_and_the_same_again(capfd: pytest.CaptureFixture[str]) -> None:
    answers = np.array([[0, 1], [1, 0], [-1, 1], [0, -1]])  # nobody agrees, and only chance can break ties
    before = np.random.get_state()[1].tolist()  # type: ignore[union-attr]
    found = [crowdlab(answers, np.full((4, 2), 0.5), 2) for _ in range(20)]
    assert all((f.labels == found[0].labels).all() for f in found)
    assert np.random.get_state()[1].tolist() == before  # type: ignore[union-attr]
    assert capfd.readouterr() == ("", "")


def test_crowdlab__a_tie_of_all_goes_to_the_rarer_class_as_in_cleanlab() -> None:
    answers, even = np.array([[0, 1], [1, 0], [1, 1]]), np.full((3, 2), 0.5)
    theirs = get_label_quality_multiannotator(answers.astype(float), even, verbose=False)["label_quality"]
    assert crowdlab(answers, even, 2).labels.tolist() == theirs["consensus_label"].tolist() == [0, 0, 1]
    # cleanlab itself fails where every row is tied
    assert crowdlab(answers[:2], even[:2], 2).labels.tolist() == [0, 0]


@pytest.mark.parametrize("method", METHODS)
def test_consensus__given_labels_are_judged_as_the_consensus_is(method: str) -> None:
    truth, answers = simulated(5, 300, 4, [0.9, 0.8, 0.7], missing=0.2)
    answers[0] = -1
    probs = model_probs(truth, 4)
    plain = consensus(answers, 4, method, probs)
    asked = consensus(answers, 4, method, probs, given=plain.labels)
    assert plain.given is None and asked.given is not None
    np.testing.assert_allclose(asked.given, asked.confidence)
    other = np.where(plain.labels < 0, 0, (plain.labels + 1) % 4)
    lower = consensus(answers, 4, method, probs, given=other).given
    assert lower is not None and np.isnan(lower[0])
    there = plain.labels >= 0
    assert (lower[there] <= asked.confidence[there]).all() and (lower[(answers >= 0).any(axis=1)] >= 0).all()


@pytest.mark.parametrize("method", ["dawid_skene", "crowdlab"])
def test_consensus__stops_when_cancelled(method: str) -> None:
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        consensus(np.array([[0, 0], [1, 1]]), 2, method, np.full((2, 2), 0.5), progress=progress)


@pytest.mark.parametrize(
    ("answers", "probs", "message"),
    [
        ([[0, -1], [-1, 1]], np.full((2, 2), 0.5), "no row has two answers. Mend: have some rows read twice"),
        ([[0], [1]], np.full((2, 2), 0.5), "no row has two answers"),
        ([[0, 0]], np.full((2, 2), 0.5), r"the shape \(2, 2\). Expected: 1 rows and at most 2 columns"),
        ([[0, 0]], np.full((1, 3), 0.3), r"the shape \(1, 3\)"),
        ([[0, 0]], np.full(1, 0.3), r"the shape \(1,\)"),
        ([[0, 0], [1, 1]], np.array([[np.nan, 1], [0, 1]]), "1 annotated rows have pred_probs that are no"),
        ([[0, 0], [1, 1]], np.array([[7.0, 0], [0, -1]]), "2 annotated rows have pred_probs that are no"),
    ],
)
def test_crowdlab__refuses_what_it_cannot_weigh(
    answers: list[list[int]], probs: np.ndarray, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        crowdlab(np.array(answers), probs, 2)


def test_crowdlab__a_row_nobody_read_needs_no_prediction() -> None:
    probs = np.array([[0.9, 0.1], [0.2, 0.8], [np.nan, np.nan]])
    assert crowdlab(np.array([[0, 0], [1, 1], [-1, -1]]), probs, 2).labels.tolist() == [0, 1, -1]


@pytest.mark.parametrize("method", METHODS)
@given(st.data())
@settings(max_examples=40, deadline=None)
def test_consensus__order_of_annotators_says_nothing(method: str, data: st.DataObject) -> None:
    shape = st.tuples(st.integers(1, 10), st.integers(2, 4))
    answers = data.draw(hnp.arrays(np.int64, shape, elements=st.integers(-1, 2)))
    answers[0, :2] = [0, 1]  # one row read twice, for CROWDLAB
    probs = np.full((len(answers), 3), 1 / 3)
    order = data.draw(st.permutations(range(answers.shape[1])))
    found = consensus(answers, 3, method, probs)
    shuffled = consensus(answers[:, order], 3, method, probs)
    np.testing.assert_array_equal(shuffled.labels, found.labels)
    np.testing.assert_array_equal(shuffled.confidence, found.confidence)
    np.testing.assert_array_equal(shuffled.annotator_quality, found.annotator_quality[order])


@pytest.mark.parametrize("method", METHODS)
@given(hnp.arrays(np.int64, st.tuples(st.integers(1, 12), st.integers(2, 4)), elements=st.integers(-1, 2)))
@settings(max_examples=40, deadline=None)
def test_consensus__keeps_its_promises(method: str, answers: np.ndarray) -> None:
    answers[0, :2] = 2
    found = consensus(answers, 3, method, np.full((len(answers), 3), 1 / 3))
    assert found.method == method
    assert ((found.labels >= -1) & (found.labels < 3)).all()
    np.testing.assert_array_equal(np.isnan(found.confidence), found.labels < 0)
    assert (found.labels[(answers < 0).all(axis=1)] == -1).all()
    if method == "majority":
        top = answers.max(axis=1, keepdims=True)
        unanimous = (top[:, 0] >= 0) & ((answers == top) | (answers < 0)).all(axis=1)
        assert (found.labels[unanimous] == top[unanimous, 0]).all()
    for share in (found.confidence, found.annotator_quality):
        assert ((share[~np.isnan(share)] >= 0) & (share[~np.isnan(share)] <= 1)).all()
    silent = (answers < 0).all(axis=0)
    assert np.isnan(found.annotator_quality[silent]).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(4, 3), (0, 3), (4, 0), (0, 0)])
def test_consensus__nobody_answered(method: str, shape: tuple[int, int]) -> None:
    found = consensus(np.full(shape, -1), 2, method, np.full((shape[0], 2), 0.5))
    assert found.labels.tolist() == [-1] * shape[0]
    assert np.isnan(found.confidence).all() and np.isnan(found.annotator_quality).all()
    assert found.annotator_quality.shape == (shape[1],)


@pytest.mark.parametrize("method", METHODS)
def test_consensus__one_class(method: str) -> None:
    found = consensus(np.array([[0, 0], [0, -1]]), 1, method, np.ones((2, 1)))
    assert found.labels.tolist() == [0, 0]
    assert found.confidence.tolist() == [1, 1]


@pytest.mark.parametrize("method", ["majority", "dawid_skene"])
def test_consensus__one_annotator(method: str) -> None:
    found = consensus(np.array([[0], [1], [-1], [1]]), 2, method)
    assert found.labels.tolist() == [0, 1, -1, 1]


def test_consensus__refuses() -> None:
    answers = np.array([[0, 1]])
    with pytest.raises(InputError, match="needs a model's predictions"):
        consensus(answers, 2, "crowdlab")
    with pytest.raises(ValueError, match="no consensus method called 'mode'; one of majority, dawid_skene"):
        consensus(answers, 2, "mode")
    for method in METHODS:
        with pytest.raises(ValueError, match="classes are 0 to 0"):
            consensus(answers, 1, method, np.ones((1, 1)))


def test_methods__have_a_title_and_one_sentence() -> None:
    assert [m.title for m in METHODS.values()] == ["Majority", "Dawid-Skene", "CROWDLAB"]
    assert [name for name, m in METHODS.items() if m.needs_model] == ["crowdlab"]
    assert all(m.about.endswith(".") and ". " not in m.about for m in METHODS.values())


@pytest.mark.parametrize(
    ("answers", "has_model", "expected"),
    [
        ([[0, 1, 1]], False, "majority"),
        ([[0, 1, 1]], True, "crowdlab"),
        ([[0, 1, 1, 1]], False, "dawid_skene"),
        # many rows read once do not count
        ([[0, 1, 1, 1], [0, -1, -1, -1], [0, -1, -1, -1]], False, "dawid_skene"),
        ([[0, 1, 1, 1], [0, 1, -1, -1]], False, "majority"),
        ([[0, -1], [-1, 1]], True, "majority"),  # CROWDLAB has nothing to compare
        ([[-1, -1]], False, "majority"),
    ],
)
def test_default_method(answers: list[list[int]], has_model: bool, expected: str) -> None:
    assert default_method(np.array(answers), has_model) == expected


@pytest.fixture(scope="module")
def cifar() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three readings of 10,000 images, the truth, and out-of-sample predictions."""
    if not CIFAR10N.is_dir():
        pytest.skip("CIFAR-10N is not here")
    code = {name: i for i, name in enumerate(pd.read_csv(CIFAR10N / "classes.csv")["name"])}
    read = pd.read_csv(CIFAR10N / "annotators.csv")
    answers = np.stack([read[f"annotator_{j}"].map(code) for j in (1, 2, 3)], axis=1)
    truth = pd.read_csv(CIFAR10N / "truth.csv")["clean"].map(code).to_numpy()
    return answers, truth, np.load(CIFAR10N / "pred_probs.npy")


@pytest.mark.parametrize(
    ("method", "labelled", "right"),
    [("majority", 0.9375, 0.951), ("dawid_skene", 1.0, 0.919), ("crowdlab", 1.0, 0.9405)],
)
def test_consensus__real_annotators(
    cifar: tuple[np.ndarray, np.ndarray, np.ndarray], method: str, labelled: float, right: float
) -> None:
    answers, truth, probs = cifar
    found: Consensus = consensus(answers, 10, method, probs)
    has_label = found.labels >= 0
    assert has_label.mean() == pytest.approx(labelled, abs=1e-4)
    assert (found.labels == truth)[has_label].mean() == pytest.approx(right, abs=0.001)


def test_crowdlab__equals_cleanlab_on_real_annotators(
    cifar: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    answers, _, probs = cifar
    found = crowdlab(answers, probs, 10)
    theirs = get_label_quality_multiannotator(answers.astype(float), probs, verbose=False)
    rows, people = theirs["label_quality"], theirs["annotator_stats"].sort_index()
    assert (found.labels == rows["consensus_label"]).mean() >= 0.99
    np.testing.assert_allclose(found.confidence, rows["consensus_quality_score"], atol=1e-6)
    np.testing.assert_allclose(found.annotator_quality, people["annotator_quality"], atol=1e-6)
    detailed = theirs["detailed_label_quality"].to_numpy()
    for who in range(3):
        asked = crowdlab(answers, probs, 10, given=answers[:, who]).given
        np.testing.assert_allclose(asked, detailed[:, who], atol=1e-6)
