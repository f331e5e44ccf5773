from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies

from core.dataset import Columns, Dataset
from core.errors import InputError
from core.issues import Result, issue_table
from core.review.decisions import Action
from core.review.orders import SORTS
from core.review.queue import STATES, Filters, Space, check_in_use, select

CLASSES = ("cat", "dog", "none")


def animals() -> Dataset:
    table = pd.DataFrame(
        {
            "id": ["a", "b", "c", "d", "e", "f"],
            "text": ["A purr", "a bark.", "Miaow (loud)", "woof", None, "purring"],
            "label": ["cat", "cat", "dog", "dog", "", "cat"],
            "split": ["train", "test", "train", "test", "test", None],
        },
        index=pd.Index(["a", "b", "c", "d", "e", "f"], dtype="str"),
    )
    labels = np.array([0, 0, 1, 1, -1, 0], dtype=np.int32)
    return Dataset(
        "animals", table, Columns("id", "label", "split", ("text",), "text"), CLASSES, CLASSES, labels
    )


def results(dataset: Dataset) -> dict[str, Result]:
    flagged = np.array([0, 1, 1, 1, 0, 0], dtype=bool)
    first = issue_table(
        dataset, np.array([0.9, 0.2, 0.1, 0.2, 1.0, 0.8]), flagged, np.array([-1, 1, 0, 0, -1, 1])
    )
    second = issue_table(dataset, np.array([0.0, 1, 1, 1, 1, 1]), np.array([1, 0, 0, 0, 0, 0]))
    return {
        "label_issues": Result(first, {"flagged": 3, "estimator": "test"}),
        "out_of_distribution": Result(second, {"flagged": 1, "estimator": "test"}),
    }


def ids(filters: Filters, **actions: Action) -> str:
    dataset = animals()
    positions = select(dataset, results(dataset), actions, filters)
    return "".join(dataset.row_ids[positions])


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), "cbd"),
        (Filters(sort="best"), "bdc"),
        (Filters(sort="row"), "bcd"),
        (Filters(cut=1.0), "cbdfae"),
        (Filters(cut=0.2), "cbd"),
        (Filters(cut=0.1999), "c"),
        (Filters(find="out_of_distribution"), "a"),
        (Filters(find="not_run"), ""),
        (Filters(given="dog"), "cd"),
        (Filters(given="horse"), ""),
        (Filters(sug="cat"), "cd"),
        (Filters(sug="horse"), ""),
        (Filters(given="cat", sug="dog"), "b"),
        (Filters(split="test"), "bd"),
        (Filters(split="train", cut=1.0), "ca"),
        (Filters(q="PURR", cut=1.0), "fa"),
        (Filters(q="(loud)"), "c"),
        (Filters(q=".", cut=1.0), "b"),
        (Filters(q="e", cut=1.0), "e"),
        (Filters(q="/^a .*k/", cut=1.0), "b"),
        (Filters(q="//", cut=1.0), ""),
        (Filters(where="split=test"), "bd"),
        (Filters(where="split=", cut=1.0), "f"),
        (Filters(where="split=test&text=woof"), "d"),
    ],
)
def test_select__rows_and_order(filters: Filters, expected: str) -> None:
    assert ids(filters) == expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("undecided", "e"),
        ("decided", "cbdfa"),
        ("keep", "b"),
        ("changed", "c"),
        ("excluded", "d"),
        ("ambiguous", "f"),
        ("needs_review", "a"),
    ],
)
def test_select__decision_state(state: str, expected: str) -> None:
    actions = {
        "a": Action.NEEDS_REVIEW,
        "b": Action.KEEP,
        "c": Action.RELABEL,
        "d": Action.EXCLUDE,
        "f": Action.AMBIGUOUS,
        "gone": Action.KEEP,
    }
    assert ids(Filters(state=state, cut=1.0), **actions) == expected


def test_select__states_of_rows_that_annotators_differ_on() -> None:
    dataset = animals()
    actions = {"a": Action.KEEP, "b": None, "c": Action.EXCLUDE, "gone": None}

    def found(state: str) -> str:
        filters = Filters(state=state, cut=1.0, sort="row")
        positions = select(dataset, results(dataset), actions, filters)
        return "".join(dataset.row_ids[positions])

    assert {state: found(state) for state in STATES} == {
        "undecided": "def",
        "decided": "abc",
        "disagreed": "b",
        "keep": "a",
        "changed": "",
        "excluded": "c",
        "ambiguous": "",
        "needs_review": "",
    }
    assert ids(Filters(state="disagreed", cut=1.0), a=Action.KEEP) == ""


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), "abcdef"),
        (Filters(find="out_of_distribution"), "abcdef"),
        (Filters(find="not_run"), "abcdef"),
        (Filters(split="test"), "bde"),
        (Filters(given="dog"), "cd"),
        (Filters(sug="dog"), "bf"),
        (Filters(cut=0.8), "bcdf"),
        (Filters(q="purr"), "af"),
    ],
)
def test_select__random_audit_is_over_all_rows_that_the_other_filters_leave(
    filters: Filters, expected: str
) -> None:
    assert "".join(sorted(ids(replace(filters, sort="random")))) == expected


def test_select__random_audit_needs_no_results_and_keeps_its_order() -> None:
    dataset = animals()
    audit = Filters(sort="random")
    every = select(dataset, {}, {}, audit).tolist()
    assert sorted(every) == [0, 1, 2, 3, 4, 5]
    assert select(dataset, results(dataset), {}, audit).tolist() == every
    some = select(dataset, results(dataset), {}, replace(audit, split="test")).tolist()
    assert some == [p for p in every if p in some]


def test_select__order_by_clusters() -> None:
    dataset = animals()
    clusters = np.array([0, 0, 1, 1, 1, 0], dtype=np.int32)
    by_cluster = Filters(sort="cluster")
    found = select(dataset, results(dataset), {}, by_cluster, Space(clusters=clusters))
    assert "".join(dataset.row_ids[found]) == "cdb"
    with pytest.raises(InputError, match="clusters"):
        select(dataset, results(dataset), {}, by_cluster)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(cluster="1"), "b"),
        (Filters(cluster="2", cut=1.0), "cde"),
        (Filters(cluster="9", cut=1.0), ""),
        (Filters(area="near:0,0 2.5,1", cut=1.0), "cba"),
        (Filters(area="near:0,0 2.5,1", cluster="2", cut=1.0), "c"),
        (Filters(like="a", sort="row"), "ae"),
        (Filters(like="a", split="test"), "e"),
    ],
)
def test_select__rows_of_a_place(filters: Filters, expected: str) -> None:
    dataset = animals()
    clusters = np.array([0, 0, 1, 1, 1, 0], dtype=np.int32)
    layout = np.array([[0, 0], [1, 1], [2, 0], [3, 1], [4, 0], [5, 1]])
    space = Space(clusters, layout, np.array([0, 4]))
    found = select(dataset, results(dataset), {}, filters, space)
    assert "".join(dataset.row_ids[found]) == expected


@pytest.mark.parametrize("filters", [Filters(cluster="1"), Filters(area="near:0,0 1,1")])
def test_select__says_what_has_not_been_made(filters: Filters) -> None:
    dataset = animals()
    with pytest.raises(InputError, match="Explore"):
        select(dataset, results(dataset), {}, filters)


@pytest.mark.parametrize("bad", [{"cluster": "x"}, {"area": "near"}, {"where": "x"}, {"q": "/(/"}])
def test_filters__refuse_what_means_nothing(bad: dict[str, str]) -> None:
    with pytest.raises(InputError):
        Filters.from_query(bad)


def test_select__no_results_gives_every_row_in_order() -> None:
    dataset = animals()
    assert select(dataset, {}, {}, Filters()).tolist() == [0, 1, 2, 3, 4, 5]
    assert select(dataset, {}, {}, Filters(given="dog")).tolist() == [2, 3]
    assert select(dataset, {}, {}, Filters(cut=1.0)).tolist() == []
    assert select(dataset, {}, {}, Filters(find="label_issues")).tolist() == []


def test_select__no_split_column_matches_nothing() -> None:
    dataset = animals()
    columns = Columns("id", "label", None, ("text",), "text")
    bare = Dataset("animals", dataset.table, columns, CLASSES, CLASSES, dataset.labels)
    assert select(bare, results(bare), {}, Filters(split="test")).tolist() == []


def test_check_in_use__falls_back() -> None:
    found = results(animals())
    assert check_in_use(found, Filters()) == "label_issues"
    assert check_in_use(found, Filters(find="out_of_distribution")) == "out_of_distribution"
    assert check_in_use({"near_duplicates": found["label_issues"]}, Filters()) == "near_duplicates"
    assert check_in_use({}, Filters()) == ""


def test_filters__names_what_narrows() -> None:
    filters = Filters.from_query({"ds": "x", "find": "f", "given": "cat", "cut": "0.4", "q": "", "row": "7"})
    assert filters == Filters(find="f", given="cat", cut=0.4)
    assert filters.narrowing == ["given", "cut"]
    assert Filters().to_query() == {}


@pytest.mark.parametrize(
    "bad", [{"cut": "x"}, {"cut": "nan"}, {"cut": "1.1"}, {"state": "done"}, {"sort": "up"}]
)
def test_filters__refuses_what_means_nothing(bad: dict[str, str]) -> None:
    with pytest.raises(InputError, match=next(iter(bad))):
        Filters.from_query(bad)


@given(
    strategies.builds(
        Filters,
        given=strategies.text(),
        q=strategies.text(),
        cut=strategies.none() | strategies.floats(0, 1),
        state=strategies.sampled_from(["", *STATES]),
        sort=strategies.sampled_from(SORTS),
    )
)
def test_filters__survive_the_address_bar(filters: Filters) -> None:
    assert Filters.from_query(filters.to_query()) == filters


def test_select__ties_keep_the_order_of_the_data_set() -> None:
    n = 2000
    ids = pd.Index([str(i) for i in range(n)], dtype="str")
    labels = np.zeros(n, dtype=np.int32)
    dataset = Dataset("big", pd.DataFrame(index=ids), Columns(), CLASSES, CLASSES, labels)
    score = np.arange(n) % 3 / 10
    found = {"label_issues": Result(issue_table(dataset, score, np.ones(n, dtype=bool)), {})}
    worst = sorted(range(n), key=lambda i: (score[i], i))
    best = sorted(range(n), key=lambda i: (-score[i], i))
    assert select(dataset, found, {}, Filters()).tolist() == worst
    assert select(dataset, found, {}, Filters(sort="best")).tolist() == best
