from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.review.clusters import METHODS, NO_CLUSTER, Cluster
from core.review.queue import Filters


@pytest.mark.parametrize(
    ("text", "method", "number", "words"),
    [
        ("3", "kmeans", 2, "cluster 3"),
        ("hdbscan:1", "hdbscan", 0, "HDBSCAN cluster 1"),
        ("hdbscan:none", "hdbscan", NO_CLUSTER, "in no HDBSCAN cluster"),
    ],
)
def test_parse__and_back(text: str, method: str, number: int, words: str) -> None:
    found = Cluster.parse(text)
    assert (found.method, found.number, str(found), found.words) == (method, number, text, words)


@pytest.mark.parametrize("text", ["-1", "1.5", "x", "hdbscan", "hdbscan:", "other:1", "hdbscan:²", "9" * 400])
def test_parse__refuses(text: str) -> None:
    with pytest.raises(InputError, match=r"is not a cluster\. Expected: a number from 1, hdbscan:1 or"):
        Filters.from_query({"cluster": text})


def test_parse__nought_is_no_cluster_and_not_the_rows_in_none() -> None:
    assert Cluster.parse("hdbscan:0").number not in (NO_CLUSTER, 0)


@given(st.sampled_from(sorted(METHODS)), st.integers(NO_CLUSTER, 10**6))
def test_str__is_read_back(method: str, number: int) -> None:
    assert Cluster.parse(str(Cluster(method, number))) == Cluster(method, number)


def test_clusters_by__what_the_filters_ask_for() -> None:
    assert Filters().clusters_by == ""
    assert Filters(sort="cluster").clusters_by == Filters(cluster="7").clusters_by == "kmeans"
    assert Filters(cluster="hdbscan:2", sort="cluster").clusters_by == "hdbscan"
