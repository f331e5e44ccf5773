from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies

from core.dataset import Columns, Dataset
from core.errors import InputError
from core.issues import Result, issue_table
from core.review.orders import SORTS, Material, disagreement, flagging_threshold, ordered

CLASSES = ("cat", "dog", "none")


def rows(labels: list[int], name: str = "pets") -> Dataset:
    ids = pd.Index([chr(ord("a") + i) for i in range(len(labels))], dtype="str")
    codes = np.array(labels, dtype=np.int32)
    return Dataset(name, pd.DataFrame(index=ids), Columns(), CLASSES, CLASSES, codes)


def check(
    dataset: Dataset, flagged: list[int], score: list[float] | None = None, says: list[int] | None = None
) -> Result:
    table = issue_table(
        dataset,
        np.array(score or [1.0] * len(dataset)),
        np.array(flagged, dtype=bool),
        None if says is None else np.array(says),
    )
    return Result(table, {})


def in_order(material: Material, sort: str, of: str = "") -> str:
    ids = material.dataset.row_ids
    positions = np.flatnonzero(ids.isin(list(of))) if of else np.arange(len(ids))
    return "".join(ids[ordered(positions, material, sort)])


def test_disagreement__is_the_share_of_pairs_of_checks() -> None:
    dataset = rows([0] * 6)
    results = {
        "first": check(dataset, [0, 1, 1, 1, 1, 1], says=[2, 1, 1, 1, 1, -1]),
        "second": check(dataset, [0, 0, 1, 1, 1, 1], says=[1, 2, 1, 2, -1, -1]),
        "third": check(dataset, [0, 0, 0, 1, 1, 1], says=[-1, -1, -1, 0, -1, 2]),
    }
    assert (disagreement(results, 6) * 3).tolist() == [0, 2, 2, 3, 0, 0]
    assert disagreement({"second": results["second"]}, 6).tolist() == [0] * 6
    assert disagreement({}, 2).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("score", "flagged", "threshold"),
    [
        ([0.1, 0.9, 0.3, 0.5], [1, 0, 1, 0], 0.4),
        ([0.1, 0.9, 0.3, 0.5], [0, 1, 1, 0], 0.4),  # the two sets overlap: as many rows below as flagged
        ([0.3, 0.2, 0.9], [0, 0, 0], 0.2),
        ([0.3, 0.2, 0.9], [1, 1, 1], 0.9),
        ([0.5], [1], 0.5),
        ([0.5], [0], 0.5),
    ],
)
def test_flagging_threshold__half_way_between_two_scores(
    score: list[float], flagged: list[int], threshold: float
) -> None:
    found = flagging_threshold(np.array(score), np.array(flagged, dtype=bool))
    assert found == pytest.approx(threshold)


def test_flagging_threshold__no_rows() -> None:
    assert flagging_threshold(np.array([]), np.array([], dtype=bool)) == 0.0


def test_informative__most_disagreement_then_nearest_to_the_threshold_then_lowest_score() -> None:
    dataset = rows([0] * 6)
    first = check(dataset, [1, 1, 1, 0, 0, 0], [0.1, 0.35, 0.25, 0.5, 0.75, 0.375])
    # the threshold of "first" lies between 0.35 and 0.375: b and f are nearest, then c, d, a, e
    alone = Material(dataset, {"first": first}, "first")
    assert in_order(alone, "informative") == "fbcdae"
    results = {"first": first, "second": check(dataset, [1, 1, 1, 0, 1, 0])}
    assert in_order(Material(dataset, results, "first"), "informative") == "efbcda"
    ties = Material(dataset, {"first": check(dataset, [1, 1, 1, 0, 0, 0], [0.25] * 3 + [0.5] * 3)}, "first")
    assert in_order(ties, "informative") == "abcdef"


def test_class__most_flagged_first_worst_first_inside_unlabelled_last() -> None:
    dataset = rows([0, 1, 1, -1, 0, 2, 1])
    result = check(dataset, [1, 1, 1, 1, 0, 1, 0], [0.3, 0.5, 0.2, 0.0, 0.1, 0.0, 0.9])
    material = Material(dataset, {"x": result}, "x")
    assert in_order(material, "class") == "cbgeafd"
    assert in_order(material, "class", of="abdfg") == "bgafd"
    assert in_order(Material(dataset, {}, ""), "class") == "aebcgfd"


def test_cluster__largest_share_of_flagged_first_worst_first_inside() -> None:
    dataset = rows([0] * 7)
    result = check(dataset, [1, 0, 1, 1, 0, 0, 0], [0.3, 0.5, 0.2, 0.1, 0.4, 0.9, 0.8])
    clusters = np.array([0, 0, 0, 1, 2, 2, 0], dtype=np.int32)
    assert in_order(Material(dataset, {"x": result}, "x", clusters), "cluster") == "dcabgef"


def test_cluster__without_clusters_is_refused() -> None:
    with pytest.raises(InputError, match="clusters of this data set have not been found"):
        in_order(Material(rows([0, 1]), {}, ""), "cluster")


def test_random__stays_the_same_whatever_is_found_and_differs_between_data_sets() -> None:
    dataset = rows([0, 1] * 13)
    first = in_order(Material(dataset, {}, ""), "random")
    found = {"x": check(dataset, [1] * 26, np.linspace(0, 1, 26).tolist())}
    assert in_order(Material(dataset, found, "x"), "random") == first
    assert in_order(Material(dataset, {}, ""), "random", of="abcdefg") == "".join(
        i for i in first if i in "abcdefg"
    )
    assert in_order(Material(rows([0, 1] * 13, "other"), {}, ""), "random") != first


@given(strategies.sampled_from(SORTS), strategies.integers(0, 30), strategies.integers(0, 99))
def test_ordered__every_order_keeps_every_row_once(sort: str, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    dataset = rows(rng.integers(-1, 3, n).tolist())
    result = check(dataset, rng.integers(0, 2, n).tolist(), rng.random(n).round(1).tolist())
    clusters = rng.integers(0, 3, n).astype(np.int32)
    positions = np.flatnonzero(rng.random(n) < 0.7)
    found = ordered(positions, Material(dataset, {"x": result}, "x", clusters, turn=rng.random(n)), sort)
    assert sorted(found) == positions.tolist()
    assert found.dtype == np.int64


def test_yield__is_by_gain_then_by_score_and_by_score_where_nothing_is_known() -> None:
    dataset = rows([0] * 4)
    found = {"label_issues": check(dataset, [1] * 4, [0.4, 0.3, 0.2, 0.1])}
    # three jobs (probability, seconds) as (.5, 10), (.3, 3), (.4, 20) come out 2, 1, 3
    gain = np.array([0.5 / 10, 0.3 / 3, 0.4 / 20, 0.4 / 20])
    assert in_order(Material(dataset, found, "label_issues", gain=gain), "yield") == "badc"
    assert in_order(Material(dataset, found, "label_issues"), "yield") == "dcba"


def test_benchmark__is_by_turn_and_refused_without_models() -> None:
    turn = np.array([0.3, 0.1, 0.2])
    assert in_order(Material(rows([0, 1, 0]), {}, "", turn=turn), "benchmark") == "bca"
    with pytest.raises(InputError, match="there is no benchmark of this data set"):
        in_order(Material(rows([0, 1]), {}, ""), "benchmark")
