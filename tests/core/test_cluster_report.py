from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.cluster_facts import find_facts, stored_facts
from core.cluster_report import (
    cluster_frame,
    cluster_words,
    drift,
    example_rows,
    keep_frame,
    medoids,
    sampled_rows,
)
from core.clustering import find_clusters
from core.dataset import Columns, Dataset
from core.errors import InputError
from core.issues import issue_table
from core.loading import Prepared
from core.predictions import Predictions
from core.progress import Cancelled, Progress
from core.settings import Settings
from core.source import Source
from core.workspace import Project, Workspace
from tests.conftest import make_dataset

CLUSTERS = np.array([0, 0, 0, 0, 1, 1, 1, 2])
LABELS = [0, 0, 1, -1, 1, 1, 0, -1]


def found(dataset: Dataset, flagged: list[int]) -> pd.DataFrame:
    flags = np.isin(np.arange(len(dataset)), flagged)
    return issue_table(dataset, np.linspace(1, 0, len(dataset)), flags)


def texts(values: list[str | None]) -> Dataset:
    dataset = make_dataset([0] * len(values))
    dataset.table["text"] = pd.array(values, dtype="str")
    return dataset


def test_cluster_frame__counts_shares_and_order() -> None:
    dataset = make_dataset(LABELS)
    frame = cluster_frame(dataset, CLUSTERS, found(dataset, [4, 5]), ["alpha", "", ""])
    assert frame["cluster"].tolist() == [2, 1, 3]
    assert frame["name"].tolist() == ["dog, cluster 2", "alpha", "cluster 3"]
    assert frame["rows"].tolist() == [3, 4, 1]
    assert frame["labelled"].tolist() == [3, 3, 0]
    assert frame["label"].tolist() == ["dog", "cat", ""]
    assert frame["purity"].round(3).tolist()[:2] == [0.667, 0.667]
    assert frame["flagged"].tolist() == [2, 0, 0]
    assert frame["flagged_share"].round(3).tolist()[:2] == [0.667, 0]
    assert frame["purity_low"][0] == pytest.approx(0.2077, abs=1e-3)  # Wilson's interval of 2 of 3
    assert frame["purity_high"][0] == pytest.approx(0.9385, abs=1e-3)
    assert frame.loc[2, ["purity", "flagged_share", "flagged_low"]].isna().all()


def test_cluster_frame__worst_is_the_lower_bound_not_the_share() -> None:
    """One flagged row of one says less than 30 of 40."""
    dataset = make_dataset([0] * 41)
    clusters = np.repeat([0, 1], [40, 1])
    frame = cluster_frame(dataset, clusters, found(dataset, [*range(30), 40]))
    assert frame["cluster"].tolist() == [1, 2]
    assert frame["flagged_share"].tolist() == [0.75, 1]


def test_cluster_frame__without_a_label_check_the_largest_come_first() -> None:
    frame = cluster_frame(make_dataset(LABELS), CLUSTERS, None)
    assert frame["cluster"].tolist() == [1, 2, 3]
    assert frame["flagged_share"].isna().all()
    assert frame["flagged"].tolist() == [0, 0, 0]


def test_cluster_frame__equal_labels_the_first_class() -> None:
    frame = cluster_frame(make_dataset([1, 0, 1, 0]), np.zeros(4, int), None)
    assert frame["label"].tolist() == ["cat"]
    assert frame["purity"].tolist() == [0.5]


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(-1, 1), st.booleans()), min_size=1, max_size=60))
def test_cluster_frame__agrees_with_counting_by_hand(rows: list[tuple[int, int, bool]]) -> None:
    _, clusters = np.unique([c for c, *_ in rows], return_inverse=True)
    dataset = make_dataset([label for _, label, _ in rows])
    table = found(dataset, [i for i, (_, label, flag) in enumerate(rows) if flag and label >= 0])
    frame = cluster_frame(dataset, clusters, table).set_index("cluster")
    for number in range(clusters.max() + 1):
        labels = dataset.labels[clusters == number]
        line = frame.loc[number + 1]
        assert line["rows"] == len(labels)
        assert line["labelled"] == (labels >= 0).sum()
        assert line["flagged"] == table["flagged"].to_numpy()[clusters == number].sum()
        counts = np.bincount(labels[labels >= 0], minlength=2)
        if counts.sum():
            assert line["label"] == dataset.classes[counts.argmax()]
            assert line["purity_low"] <= line["purity"] == counts.max() / counts.sum() <= line["purity_high"]


def test_drift__is_pearsons_test_adjusted_over_the_clusters() -> None:
    from scipy.stats import chi2_contingency, false_discovery_control

    rng = np.random.default_rng(0)
    clusters = np.repeat([0, 1, 2], [200, 100, 60])
    splits = pd.Series(np.where(rng.random(360) < np.array([0.2, 0.5, 0.2])[clusters], "test", "train"))
    got = drift(clusters, splits)
    p = []
    for number in range(3):
        inside = clusters == number
        table = pd.crosstab(inside, splits).to_numpy()
        p.append(chi2_contingency(table, correction=False).pvalue)
    np.testing.assert_allclose(got["drift_p"], false_discovery_control(p))
    assert got["drift_p"][1] < 0.001 < 0.05 < got["drift_p"][2]
    share, overall = (splits[clusters == 1] == "test").mean(), (splits == "test").mean()
    assert got["drift"][1] == pytest.approx(share - overall)  # of two splits both differ by as much
    assert got["drift_words"][1] == f"test {share:.0%}, overall {overall:.0%}"


def test_drift__few_rows_have_no_p_value() -> None:
    splits = pd.Series(["train", "test"] * 30)
    got = drift(np.repeat([0, 1], [52, 8]), splits)
    assert np.isnan(got["drift_p"]).tolist() == [True, True]  # neither has 5 expected on both sides
    got = drift(np.repeat([0, 1], [30, 30]), splits)
    assert got["drift_p"].tolist() == [1, 1]


def test_drift__holds_its_false_discovery_rate_where_nothing_drifts() -> None:
    rng = np.random.default_rng(1)
    wrong = 0
    for _ in range(200):
        clusters = rng.integers(0, 10, 1000)
        splits = pd.Series(rng.choice(["a", "b", "c"], 1000, p=[0.6, 0.2, 0.2]))
        wrong += (drift(clusters, splits)["drift_p"] < 0.05).any()
    assert wrong / 200 < 0.1


@pytest.mark.parametrize("splits", [None, pd.Series(["train"] * 8), pd.Series([None] * 8, dtype="str")])
def test_drift__without_several_splits_there_is_none(splits: pd.Series | None) -> None:
    got = drift(CLUSTERS, splits)
    assert np.isnan(got["drift"]).all()
    assert got["drift_words"].tolist() == ["", "", ""]


def test_drift__rows_without_a_split_are_left_out() -> None:
    splits = pd.Series(["a", "b", None, None, "a", "b", None, None], dtype="str")
    got = drift(CLUSTERS, splits)
    assert got["drift"][:2].tolist() == [0, 0]
    assert np.isnan(got["drift"][2])


def test_example_rows__the_medoid_then_the_worst() -> None:
    dataset = make_dataset(LABELS)
    table = found(dataset, [])  # the later, the worse
    assert example_rows(CLUSTERS, 0, table, 1, 3).tolist() == [1, 3, 2]
    assert example_rows(CLUSTERS, 0, None, 1, 12).tolist() == [1, 0, 2, 3]
    assert example_rows(CLUSTERS, 2, table, 7, 12).tolist() == [7]


def test_medoids__nearest_to_the_centre_the_first_of_equals() -> None:
    distance = np.array([0.2, 0.1, 0.1, 0.3, 0.5, 0.4, 0.6, 0.9])
    assert medoids(CLUSTERS, distance).tolist() == [1, 5, 7]


def test_keep_frame__most_redundant_first() -> None:
    frame = cluster_frame(make_dataset(LABELS), CLUSTERS, None)
    got = keep_frame(frame, np.array([0.1, 0.2, 0.3]), np.array([1, 2, 1]))
    assert got["cluster"].tolist() == [1, 2, 3]
    assert got["kept_share"].round(3).tolist() == [0.25, 0.667, 1]
    assert got["at_random"].tolist() == [2, 1.5, 0.5]


def test_cluster_words__what_tells_clusters_apart_without_a_list_of_stop_words() -> None:
    """ "the" and "der" are everywhere; "zebra" is in one text only."""
    topics = (["refund", "money"], ["card", "stolen"], ["rain", "weather"])
    rows = [f"the der {a} {b} {a}" for a, b in topics for _ in range(20)]
    rows[5] += " zebra zebra zebra zebra"
    clusters = np.repeat([0, 1, 2], 20)
    assert cluster_words(texts(rows), clusters, Progress()) == [
        "refund, money",
        "card, stolen",
        "rain, weather",
    ]


def test_cluster_words__a_large_cluster_among_small_ones_has_words_too() -> None:
    rows = ["the big one"] * 90 + ["the small one"] * 10
    assert cluster_words(texts(rows), np.repeat([0, 1], [90, 10]), Progress()) == ["big", "small"]


def test_cluster_words__hostile_texts() -> None:
    rows = [
        "<b>cat</b> " + "a" * 10_000,
        "<b>cat</b> x\u202ey",
        "दर्द मलेरिया",
        "दर्द",
        None,
        "",
        "123 !!",
        "\x00",
    ]
    got = cluster_words(texts(rows), np.repeat([0, 1, 2, 3], 2), Progress())
    assert got == ["cat", "दर्द", "", ""]


def test_cluster_words__other_kinds_and_one_cluster_have_none() -> None:
    dataset = make_dataset([0, 1])
    assert cluster_words(dataset, np.zeros(2, int), Progress()) == [""]
    table = replace(dataset, columns=replace(dataset.columns, kind="tabular"))
    assert cluster_words(table, np.array([0, 1]), Progress()) == ["", ""]


def test_cluster_words__several_columns_are_one_text() -> None:
    dataset = texts(["x"] * 4)
    dataset.table["title"] = pd.array(["alpha", "alpha", "beta", "beta"], dtype="str")
    dataset = replace(dataset, columns=Columns("id", "label", None, ("text", "title"), "text"))
    assert cluster_words(dataset, np.array([0, 0, 1, 1]), Progress()) == ["alpha", "beta"]


@settings(max_examples=50)
@given(st.lists(st.tuples(st.text(max_size=30), st.integers(0, 3)), min_size=1, max_size=30))
def test_cluster_words__any_text_gives_letters_alone(rows: list[tuple[str, int]]) -> None:
    _, clusters = np.unique([c for _, c in rows], return_inverse=True)
    safe = [text.encode("utf-8", "replace").decode() for text, _ in rows]
    got = cluster_words(texts(list(safe)), clusters, Progress())
    assert len(got) == clusters.max() + 1
    assert not set("<>&*_[]()$`:\n0123456789") & set("".join(got))


def test_cluster_words__can_be_cancelled() -> None:
    progress = Progress(lambda *_: progress.cancel())
    with pytest.raises(Cancelled):
        cluster_words(texts(["a b"] * 4), np.array([0, 0, 1, 1]), progress)


def test_sampled_rows__at_most_so_many_of_each_and_always_the_same() -> None:
    clusters = np.repeat([0, 1], [500, 3])
    got = sampled_rows(clusters, 200)
    assert np.bincount(clusters[got]).tolist() == [200, 3]
    assert (got == sampled_rows(clusters, 200)).all()
    assert got[:200].max() > 400  # drawn from all of them


def test_words__of_real_questions_say_what_they_are_about(shared_data: Path) -> None:
    from core.methods.clusters import clusters

    folder = shared_data / "text_banking77_injected"
    table = pd.read_csv(folder / "data.csv", dtype="str", keep_default_na=False)
    dataset = texts(table["text"].tolist())
    numbers = clusters(np.load(folder / "embeddings.npy"))
    got = cluster_words(dataset, numbers, Progress())
    assert all(got)
    every = {word for words in got for word in words.split(", ")}
    assert {"refund", "passcode", "contactless", "exchange"} <= every
    assert not {"the", "my", "to", "is", "and"} & every


@pytest.fixture
def project(tmp_path: Path) -> tuple[Workspace, Project]:
    workspace = Workspace(Settings(tmp_path, (tmp_path,), "", "ann"))
    rng = np.random.default_rng(0)
    embeddings = (np.eye(2, 6)[np.arange(40) % 2] + 0.1 * rng.normal(size=(40, 6))).astype(np.float32)
    source = Source(tmp_path / "pets.csv", "csv", "0" * 64, 1)
    workspace.save(Prepared(make_dataset([0, 1] * 20), Predictions("t", None, embeddings), source, ()))
    return workspace, workspace.open("pets")


def test_find_facts__computes_once_and_reads_back(project: tuple[Workspace, Project]) -> None:
    workspace, pets = project
    with pytest.raises(InputError, match="have not been found"):
        find_facts(workspace, pets, Progress())
    find_clusters(workspace, pets, Progress())
    assert stored_facts(workspace, pets) is None
    find_facts(workspace, pets, Progress())
    facts = stored_facts(workspace, pets)
    assert facts is not None
    assert len(facts.distance) == 40
    assert len(facts.between) == len(facts.medoid) == len(facts.words)
    kept = sorted(p.stat().st_mtime_ns for p in workspace.cache_dir.rglob("table.parquet"))
    find_facts(workspace, pets, Progress())
    assert sorted(p.stat().st_mtime_ns for p in workspace.cache_dir.rglob("table.parquet")) == kept


def test_find_facts__cancelled_leaves_nothing(project: tuple[Workspace, Project]) -> None:
    workspace, pets = project
    find_clusters(workspace, pets, Progress())
    progress = Progress(lambda *_: progress.cancel())
    with pytest.raises(Cancelled):
        find_facts(workspace, pets, progress)
    assert stored_facts(workspace, pets) is None
