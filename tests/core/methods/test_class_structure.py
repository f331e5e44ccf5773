from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, ks_2samp

from core.methods.class_structure import (
    PERMUTATIONS,
    _chi_square,
    _order_distance,
    drift,
    imbalance,
    noise_matrix,
    order_of_nearest,
    overlapping,
    underperforming,
)
from core.methods.confident_learning import scan
from core.methods.neighbours import nearest
from core.methods.systematic import SliceColumn

NAMES = ("cat", "dog", "emu")


def test_imbalance__a_class_with_under_a_tenth_of_an_even_share() -> None:
    frame = imbalance(np.array([600, 382, 18]), NAMES)
    assert frame["class"].tolist() == ["emu", "dog", "cat"]
    assert frame["rare"].tolist() == [True, False, False]
    assert frame["of_even"][0] == pytest.approx(0.054)
    assert frame["sentence"][0].startswith("Class emu has 18 of 1,000 rows, 5% of an even share:")
    assert not imbalance(np.zeros(3, dtype=int), NAMES)["rare"].any()


def test_noise_matrix__shares_of_the_counted_rows() -> None:
    joint = np.array([[30, 10, 0], [0, 50, 0], [0, 0, 1]])
    frame = noise_matrix(joint, np.array([80, 50, 0]), NAMES)
    assert frame[["given", "like"]].to_numpy().tolist() == [["cat", "cat"], ["cat", "dog"], ["dog", "dog"]]
    assert frame["share"].tolist() == [0.75, 0.25, 1]
    assert frame["rows"].tolist() == [60, 20, 50]
    assert frame["low"][1] == pytest.approx(0.1419, abs=1e-3)  # Wilson, 10 of 40
    assert frame["high"][1] == pytest.approx(0.4019, abs=1e-3)


def blobs(centres: list[float], n: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(labels, embeddings): n rows a class around points of a circle."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(centres)), n)
    turn = np.array(centres)[labels] + rng.normal(0, 0.1, len(labels))
    return labels, np.stack([np.cos(turn), np.sin(turn)], axis=1)


def test_overlapping__classes_that_mix_both_ways() -> None:
    labels, embeddings = blobs([0, 0.05, 2])
    near, _ = nearest(embeddings, np.arange(len(labels)), 5)
    probs = np.full((600, 3), 0.01)
    probs[np.arange(600), labels] = 0.98
    scanned = scan(labels, probs)
    frame = overlapping(scanned.confident_joint, scanned.class_counts, NAMES, labels, near)
    assert frame[frame["overlaps"]][["a", "b", "by"]].to_numpy().tolist() == [["cat", "dog", "nearest rows"]]
    first = frame.iloc[0]
    assert 0.3 < first["low"] < first["score"] < first["high"] < 0.7
    assert first["score"] == min(first["a_like_b"], first["b_like_a"])


def test_overlapping__errors_that_go_one_way_are_none() -> None:
    joint = np.array([[100, 60, 0], [1, 100, 0], [0, 0, 100]])
    frame = overlapping(joint, joint.sum(axis=1), NAMES)
    assert len(frame) == 1 and not frame["overlaps"].any()
    both = np.array([[100, 60, 0], [60, 100, 0], [0, 0, 100]])
    assert overlapping(both, both.sum(axis=1), NAMES)["overlaps"].tolist() == [True]


def test_overlapping__rows_without_labels_are_passed_by() -> None:
    labels = np.array([0, -1, 1, 1])
    near = np.array([[1, 2], [0, 2], [1, 0], [-1, -1]])
    frame = overlapping(np.eye(2, dtype=int), np.array([1, 2]), ("a", "b"), labels, near)
    assert frame[["a_like_b", "b_like_a"]].to_numpy().tolist() == [[1, 1]]


def test_underperforming__slice_in_which_the_model_fails() -> None:
    rng = np.random.default_rng(0)
    source = rng.choice(["a", "b", "c"], 900).astype(object)
    right = (rng.random(900) < np.where(source == "b", 0.6, 0.9)).astype(int)
    right[:5] = -1
    frame, tests = underperforming(
        right, [SliceColumn("source", source), SliceColumn("x", source[::-1].copy())]
    )
    assert tests == 6
    assert frame[["column", "value"]].to_numpy().tolist() == [["source", "b"]]
    line = frame.iloc[0]
    here, elsewhere = right[(source == "b") & (right >= 0)], right[(source != "b") & (right >= 0)]
    assert (line["rows"], line["accuracy"]) == (len(here), pytest.approx(here.mean()))
    assert line["elsewhere"] == pytest.approx(elsewhere.mean())
    assert line["low"] < line["accuracy"] < line["high"] and line["params"] == '{"where": "source=b"}'
    assert line["sentence"] == (
        f"Of {len(here)} rows with source = b the model agrees with the label on {here.mean():.0%}, "
        f"elsewhere on {elsewhere.mean():.0%}."
    )


def test_underperforming__by_chance_it_is_rare() -> None:
    rng = np.random.default_rng(0)
    column = SliceColumn("cluster", rng.integers(0, 20, 400).astype(str).astype(object), "cluster")
    found = [len(underperforming((rng.random(400) < 0.8).astype(int), [column])[0]) > 0 for _ in range(200)]
    assert np.mean(found) <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / 200)
    assert underperforming(np.ones(0, dtype=int), [])[1] == 0


def test_order_distance__equals_scipy_on_all_pairs() -> None:
    gaps = np.array([1, 1, 2, 5, 8])
    pairs = np.array([j - i for i in range(10) for j in range(i + 1, 10)])
    assert _order_distance(gaps, 10) == pytest.approx(ks_2samp(gaps, pairs).statistic)


def test_order_of_nearest__rows_that_drift_are_seen_and_shuffled_ones_are_not() -> None:
    turn = np.linspace(0, 3, 400)
    drifting = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    near, _ = nearest(drifting, np.arange(400), 10)
    found = order_of_nearest(near)
    assert found["p"] == 1 / (1 + PERMUTATIONS)
    assert found["statistic"] > 0.8 and found["closer"] < 0.1
    p = []
    for seed in range(20):
        order = np.random.default_rng(seed).permutation(400)
        near, _ = nearest(drifting[order], np.arange(400), 10)
        p.append(order_of_nearest(near)["p"])
    assert np.mean(np.array(p) <= 0.05) <= 0.25 and np.mean(p) > 0.3
    assert order_of_nearest(np.full((2, 1), -1))["p"] == 1


def test_drift__share_that_falls() -> None:
    labels = np.array(([0] * 9 + [1]) * 10 + ([0] + [1] * 9) * 10)
    frame, found = drift(labels, ("a", "b", "never"))
    assert found["p"] == 1 / (1 + PERMUTATIONS) and 0.7 < found["strength"] < 0.9
    a = frame[frame["class"] == "a"]
    assert a["share"].tolist() == [0.9] * 5 + [0.1] * 5 and a["block"].tolist() == list(range(1, 11))
    assert (a["low"] < a["share"]).all() and (a["share"] < a["high"]).all()
    assert set(frame["class"]) == {"a", "b"}


def test_drift__labels_in_random_order() -> None:
    p = [drift(np.random.default_rng(seed).integers(0, 3, 300), NAMES)[1]["p"] for seed in range(40)]
    assert np.mean(np.array(p) <= 0.05) <= 0.2 and np.mean(p) > 0.35
    for few in ([], [0], [-1, -1], [1, 1, 1]):
        assert drift(np.array(few, dtype=np.int64), NAMES)[1] == {"strength": 0.0, "p": 1.0}


@given(st.lists(st.lists(st.integers(0, 30), min_size=3, max_size=3), min_size=2, max_size=5))
def test_chi_square__equals_scipy(rows: list[list[int]]) -> None:
    table = np.array(rows) + np.array([1, 0, 2])
    if (table.sum(axis=0) > 0).all():
        assert _chi_square(table) == pytest.approx(chi2_contingency(table, correction=False).statistic)
