from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.metrics import average_precision_score

from core.methods import confident_learning, corrected_confidence
from core.methods.corrected_confidence import Mixture, Ranking, Votes, flow_weights, mix, rank, votes_of
from core.methods.neighbours import nearest
from tests.benchmarks.bench_ranking import corrected, known


def votes(labels: list[list[int]], distances: list[list[float]] | None = None) -> Votes:
    found = np.array(labels, np.int32)
    if distances is None:
        return Votes(found, np.zeros(found.shape, np.float32))
    return Votes(found, np.array(distances, np.float32))


def test_flow_weights__what_goes_both_ways_says_nothing() -> None:
    joint = np.array([[80.0, 20, 0], [20, 80, 0], [0, 0, 100]])
    weights, flows = flow_weights(joint, 2.0)
    assert weights.tolist() == [[1.0] * 3] * 3 and flows == 0


def test_flow_weights__a_flow_is_what_went_beyond_chance() -> None:
    joint = np.array([[90.0, 30], [0, 80]])  # 30 of 110 of the second class are given as the first
    weights, flows = flow_weights(joint, 2.0)
    flow = 30 - 2 * np.sqrt(30)
    even = (30 - flow) / 200
    np.testing.assert_allclose(weights, [[1, 1 + flow / 110 / even], [1, 1]])
    assert flows == 1
    assert flow_weights(joint, 6.0)[1] == 0  # thirty is less than six standard errors of thirty


JOINTS = npst.arrays(float, st.integers(2, 5).map(lambda k: (k, k)), elements=st.floats(0, 1000))


@given(JOINTS, st.sampled_from([0.0, 2.0, 4.0]))
def test_flow_weights__only_raise_one_of_two_directions(joint: np.ndarray, errors: float) -> None:
    weights, flows = flow_weights(joint, errors)
    assert np.isfinite(weights).all() and (weights >= 1).all() and (weights.diagonal() == 1).all()
    assert ((weights == 1) | (weights.T == 1)).all()
    assert np.count_nonzero(weights > 1) <= flows


def test_mixture__by_hand() -> None:
    probs = np.array([[0.7, 0.3], [0.2, 0.8], [0.5, 0.5]])
    near = votes([[0, 1], [1, -1], [-1, -1]], [[0.0, 0.1], [0.3, 0.4], [0.2, 0.3]])
    mixed = Mixture(probs, near, share=0.5, sharpness=0.1)
    for_first = 1 / (1 + np.exp(-1))  # the second nearest is one sharpness farther
    expected = [[(0.7 + for_first) / 2, (0.3 + 1 - for_first) / 2], [0.1, 0.9], [0.5, 0.5]]
    np.testing.assert_allclose(mixed[np.arange(3)], expected, rtol=1e-6)
    np.testing.assert_allclose(mixed[np.array([2, 0])], [expected[2], expected[0]], rtol=1e-6)
    np.testing.assert_array_equal(Mixture(probs)[np.array([1])], probs[[1]].astype(np.float32))


def noisy(n: int, k: int, seed: int, one_way: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(given labels, wrong, embeddings) of k round clusters; a tenth of the labels are wrong."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, k, n)
    given = true.copy()
    if one_way:
        swapped = np.flatnonzero((true == 1) & (rng.random(n) < 0.3))
        given[swapped] = 0
    else:
        swapped = np.flatnonzero(rng.random(n) < 0.1)
        given[swapped] = (given[swapped] + rng.integers(1, k, len(swapped))) % k
    centres = rng.normal(size=(k, 8)) * 1.5
    return given, given != true, (centres[true] + rng.normal(size=(n, 8))).astype(np.float32)


def modelled(given: np.ndarray, embeddings: np.ndarray, k: int) -> np.ndarray:
    from core.methods.out_of_sample import deal_folds, out_of_sample

    folds = deal_folds(given, np.arange(len(given)))
    return out_of_sample(embeddings, given, k, folds).pred_probs


def nearest_votes(given: np.ndarray, embeddings: np.ndarray, k: int = 30) -> Votes:
    found, distances = nearest(embeddings, np.arange(len(given)), k)
    return votes_of(given, found, distances)


def test_votes_of__copies_and_unlabelled_rows_have_none() -> None:
    near = np.array([[1, 2, 3], [0, 3, 2], [3, -1, -1], [2, 0, 1]])
    distances = np.array([[0.0, 0.3, 0.4], [0.0, 0.04, 0.5], [0.05, np.inf, np.inf], [0.05, 0.3, 0.4]])
    found = votes_of(np.array([0, 0, 1, -1]), near, distances)
    assert found.labels.tolist() == [[-1, 1, -1], [-1, -1, 1], [-1, -1, -1], [1, 0, 0]]  # usual: 0.4


def test_rank__copies_do_not_vouch_for_each_other() -> None:
    given, wrong, embeddings = noisy(700, 4, 5)
    probs = modelled(given, embeddings, 4)
    once = precision(rank(given, probs, nearest_votes(given, embeddings)), wrong)
    rng = np.random.default_rng(0)
    thrice = np.concatenate([embeddings + rng.normal(size=embeddings.shape) * s for s in (0, 0.01, 0.01)])
    labels, truth = np.tile(given, 3), np.tile(wrong, 3)
    found = rank(labels, np.tile(probs, (3, 1)), nearest_votes(labels, thrice.astype(np.float32)))
    assert precision(found, truth) > once - 0.05


def test_mix__gives_the_better_view_the_larger_share() -> None:
    rng = np.random.default_rng(0)
    given = rng.integers(0, 3, 600)
    sure = np.full((600, 3), 0.05)
    sure[np.arange(600), given] = 0.9
    no_idea = np.full((600, 3), 1 / 3)
    told = votes([[g] * 5 for g in given.tolist()])
    random_votes = votes(rng.integers(0, 3, (600, 5)).tolist())
    assert mix(given, sure, random_votes).share < 0.1
    assert mix(given, no_idea, told).share == 0.5  # and no more
    assert mix(given, sure, None).votes is None
    assert mix(given, sure, votes([[-1]] * 600)).votes is None
    assert mix(np.full(600, -1), sure, told).votes is None


def test_rank__embeddings_that_have_seen_the_labels_do_not_silence_the_model() -> None:
    given, wrong, embeddings = noisy(1000, 4, 6)
    probs = modelled(given, embeddings, 4)
    rng = np.random.default_rng(0)
    told = (np.eye(4)[given] + rng.normal(size=(1000, 4)) * 0.05).astype(np.float32)
    found = rank(given, probs, nearest_votes(given, told))
    assert precision(found, wrong) > 0.8 * precision(rank(given, probs), wrong)


def test_mix__above_20000_rows_a_seeded_sample_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    given, _, embeddings = noisy(500, 3, 0)
    probs, near = modelled(given, embeddings, 3), nearest_votes(given, embeddings)
    assert mix(given, probs, near).seed is None
    monkeypatch.setattr(corrected_confidence, "CHOSEN_ON", 100)
    some = mix(given, probs, near)
    assert some.seed == 0 and some.share == mix(given, probs, near).share


def test_rank__without_neighbours_and_flows_is_self_confidence() -> None:
    given, _, embeddings = noisy(400, 4, 1)
    probs = modelled(given, embeddings, 4)
    found = rank(given, probs)
    assert found.flows == 0 and found.mixture.votes is None
    np.testing.assert_allclose(found.quality, probs[np.arange(400), given], rtol=1e-5)
    others = probs.copy()
    others[np.arange(400), given] = -1
    np.testing.assert_array_equal(found.other, others.argmax(axis=1))


def precision(found: Ranking, wrong: np.ndarray) -> float:
    return float(average_precision_score(wrong, -found.quality))


def test_rank__believes_a_label_less_that_others_were_taken_for() -> None:
    given, wrong, embeddings = noisy(2000, 4, 2, one_way=True)
    probs = modelled(given, embeddings, 4)
    alone = float(average_precision_score(wrong, -probs[np.arange(2000), given]))
    found = rank(given, probs, nearest_votes(given, embeddings))
    assert found.flows == 1
    assert precision(found, wrong) > alone + 0.1
    assert (found.other[wrong] == 1).mean() > 0.9


def test_rank__rows_without_a_label_take_no_part() -> None:
    given, _, embeddings = noisy(300, 3, 3)
    probs, near = modelled(given, embeddings, 3), nearest_votes(given, embeddings)
    expected = rank(given, probs, near)
    padded = Votes(np.insert(near.labels, 5, 0, axis=0), np.insert(near.distances, 5, 0, axis=0))
    found = rank(np.insert(given, 5, -1), np.insert(probs, 5, 1 / 3, axis=0), padded)
    np.testing.assert_allclose(found.quality, expected.quality)
    np.testing.assert_array_equal(found.other, expected.other)


def test_rank__the_same_in_small_blocks_and_from_a_memory_map(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, _, embeddings = noisy(300, 3, 4)
    probs, near = modelled(given, embeddings, 3), nearest_votes(given, embeddings)
    expected = rank(given, probs, near)
    np.save(tmp_path / "p.npy", probs)
    monkeypatch.setattr(confident_learning, "_BLOCK_BYTES", 400)
    found = rank(given, np.load(tmp_path / "p.npy", mmap_mode="r"), near)
    np.testing.assert_array_equal(found.quality, expected.quality)


@pytest.mark.parametrize("given", [[0], [0, 0, 0], [-1, -1], []])
def test_rank__too_little_to_compare(given: list[int]) -> None:
    probs = np.full((len(given), 3), 1 / 3, np.float32)
    found = rank(np.array(given, int), probs, votes([[0]] * len(given)) if given else None)
    assert len(found.quality) == sum(g >= 0 for g in given)
    assert ((found.quality >= 0) & (found.quality <= 1)).all()


@pytest.mark.parametrize(
    ("name", "labels", "truth", "gain"),
    [
        ("cifar10n", "labels.csv", "is_error", 0.02),
        ("text_agnews_human", "data.csv", "is_error", 0.05),
        ("text_banking77_injected", "data.csv", "is_injected_error", 0.02),
    ],
)
def test_rank__better_than_self_confidence_on_real_label_errors(
    shared_data: Path, name: str, labels: str, truth: str, gain: float
) -> None:
    data = known(shared_data / name, name, labels, truth)
    alone = average_precision_score(data.wrong, -data.probs[np.arange(len(data.given)), data.given])
    assert average_precision_score(data.wrong, -corrected(data).quality) > alone + gain
