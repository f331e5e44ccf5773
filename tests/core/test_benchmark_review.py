from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core import benchmark_words as words
from core.benchmark_review import (
    LEAST,
    LEAST_REST,
    REST,
    Stability,
    bench,
    comparable,
    rows_of,
    stability,
    usual_split,
    why_not,
)
from core.dataset import Dataset
from core.desk import Desk
from core.errors import InputError
from core.evidence.benchmark import Corrected, Lines, Prefix
from core.model_store import add_model
from core.multilabel import LabelSets
from core.predictions import Predictions
from core.review.decisions import Action, Decision
from core.review.fold import Fold
from core.review.policy import outcomes
from core.review.queue import Filters
from core.settings import Settings
from core.splits import splits_of
from core.targets import Targets
from core.team import Team
from core.workspace import Workspace
from tests.conftest import make_dataset
from tests.core.benchmarks import noisy, stored, truth_of, verdict


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(Settings(tmp_path, (tmp_path,), "", "ann"))


def said_of(dataset: Dataset, *events: Decision):  # type: ignore[no-untyped-def]
    numbered = [replace(e, seq=i) for i, e in enumerate(events, 1)]
    return outcomes(Fold(numbered).standings(), numbered, dataset)


def order_of(workspace: Workspace, dataset: Dataset, split: str | None = "test") -> np.ndarray:
    """Positions of the test rows in the order in which they are to be read."""
    made = bench(workspace, workspace.open(dataset.name))
    some = np.flatnonzero(rows_of(dataset, split))
    return some[np.argsort(made.turn[some], kind="stable")]


def review(workspace: Workspace, dataset: Dataset, read: int, *more: Decision) -> Stability:
    order = order_of(workspace, dataset)[:read]
    said = said_of(dataset, *(verdict(dataset, int(p)) for p in order), *more)
    made = bench(workspace, workspace.open(dataset.name))
    return stability(dataset, made, said, rows_of(dataset, "test"))


def test_stability__of_a_whole_review_is_the_truth(workspace: Workspace) -> None:
    dataset = noisy()
    stored(workspace, dataset)
    found = review(workspace, dataset, 300)
    made = bench(workspace, workspace.open("bench"))
    test = rows_of(dataset, "test")
    exact = (made.predicted == truth_of(600))[:, test].mean(axis=1)
    assert found.found is not None and found.rows == found.read == 300
    np.testing.assert_allclose(found.found.after, exact)
    np.testing.assert_allclose(found.given, (made.predicted == dataset.labels)[:, test].mean(axis=1))
    assert [found.names[i] for i in found.order] == ["good", "fair", "poor"]
    assert found.mended == int((dataset.labels != truth_of(600))[test].sum()) and found.more == 0
    assert words.read_in_words(found) == f"All 300 rows are read; {found.mended} labels are corrected."
    best, fair, poor = (found.found.after[i] for i in found.order)
    said = words.headline(found)
    assert said.startswith(
        f"After correction good {best:.1%} ± 0.0, fair {fair:.1%} ± 0.0, poor {poor:.1%} ± 0.0; "
        f"good stays first in {found.found.best[found.order[0]]:.0%} of resamples"
    )


def test_stability__of_a_part_counts_the_rows_before_the_first_that_waits(workspace: Workspace) -> None:
    dataset = noisy()
    stored(workspace, dataset)
    order = order_of(workspace, dataset)
    late = verdict(dataset, int(order[220]))
    found = review(workspace, dataset, 190, late)
    assert found.read == 190 and found.prefix.beyond == 1
    assert "190 of 300 rows are read" in words.read_in_words(found)
    assert "1 more decided row is left out: in the order of the queue it comes after" in words.read_in_words(
        found
    )
    assert f"probability {found.prefix.pi.max():.2f} and {found.prefix.pi.min():.3f}" in words.read_in_words(
        found
    )
    assert found.found is not None and found.more > 0
    assert words.plan_in_words(found) == f"About {found.more} rows more bring it to ± 1 point."
    exact = (bench(workspace, workspace.open("bench")).predicted == truth_of(600))[
        :, rows_of(dataset, "test")
    ]
    assert (np.abs(found.found.after - exact.mean(axis=1)) < 3 * found.found.se).all()
    first = found.order[0]
    assert f"{found.names[first]} {found.found.after[first]:.1%} ± {196 * found.found.se[first]:.1f}" in (
        words.headline(found)
    )


def test_stability__of_few_rows_says_so_and_nothing_else(workspace: Workspace) -> None:
    dataset = noisy()
    stored(workspace, dataset)
    found = review(workspace, dataset, 10)
    assert found.found is None and found.sweep.empty
    assert words.few_in_words(found) == (
        f"Too few rows are read to say it: 10, and {found.undoubted} of them are rows that no model doubts. "
        f"It takes {LEAST} and {LEAST_REST}."
    )
    assert words.headline(found) == words.sweep_in_words(found) == words.pair_in_words(found) == ""
    assert "(a guess until more is read)" in words.plan_in_words(found)
    assert words.models_table(found).columns.tolist() == ["model", "on given labels", "rank"]


def test_stability__a_row_on_which_annotators_differ_or_that_needs_review_waits(workspace: Workspace) -> None:
    dataset = noisy()
    stored(workspace, dataset)
    third = int(order_of(workspace, dataset)[2])
    for other in (
        replace(verdict(dataset, third, Action.EXCLUDE), annotator="bob", op_id="bob"),
        verdict(dataset, third, Action.NEEDS_REVIEW),
    ):
        found = review(workspace, dataset, 300, other)
        assert found.read == 2 and found.prefix.beyond == 297


def test_stability__ambiguous_rows_count_as_given_and_once_as_wrong(workspace: Workspace) -> None:
    dataset = noisy()
    stored(workspace, dataset)
    made = bench(workspace, workspace.open("bench"))
    order = order_of(workspace, dataset)
    agreed = [int(p) for p in order if (made.predicted[:, p] == dataset.labels[p]).all()][:6]
    found = review(workspace, dataset, 300, *(verdict(dataset, p, Action.AMBIGUOUS) for p in agreed))
    assert found.found is not None and found.strict is not None and found.ambiguous == 6
    np.testing.assert_allclose(found.found.after - found.strict.after, 6 / 300)
    best = found.strict.after[found.order[0]]
    assert words.strict_in_words(found).startswith(
        f"With the 6 rows called ambiguous counted as wrong: good {best:.1%}, "
    )


def test_stability__merged_classes_are_one(workspace: Workspace) -> None:
    dataset = noisy()
    stored(workspace, dataset)
    merge = Decision(
        "bench", "", Action.CLASS, "ann", "", "m", detail='{"merge": ["cat", "dog"], "to": "pet"}'
    )
    made = bench(workspace, workspace.open("bench"))
    test = rows_of(dataset, "test")
    found = stability(dataset, made, said_of(dataset, merge), test)
    pet = np.array([0, 0, 2])
    np.testing.assert_allclose(
        found.given, (pet[made.predicted] == pet[dataset.labels])[:, test].mean(axis=1)
    )


def test_bench__is_made_again_for_another_model_or_share(workspace: Workspace) -> None:
    dataset = noisy()
    stored(workspace, dataset, ("good", "fair"))
    project = workspace.open("bench")
    first = bench(workspace, project)
    assert bench(workspace, project) is first and first.names == ("good", "fair")
    doubted = (first.predicted != dataset.labels).any(axis=0)
    assert set(first.pi[doubted]) == {1.0} and set(first.pi[~doubted]) == {0.1}
    workspace.remember("bench", REST, 0.5)
    second = bench(workspace, project)
    assert set(second.pi[~doubted]) == {0.5} and (second.u == first.u).all() and second.key != first.key
    add_model(workspace, "bench", Predictions("poor", np.full((600, 3), 1 / 3, np.float32)))
    assert len(bench(workspace, project).names) == 3


def test_bench__flags_of_all_models_are_pooled_whichever_is_in_use(workspace: Workspace) -> None:
    dataset = noisy()
    stored(workspace, dataset, ("good", "poor"))
    other = Workspace(replace(workspace.settings, workspace=workspace.root / "other"))
    stored(other, dataset, ("poor", "good"))
    one, two = (bench(space, space.open("bench")) for space in (workspace, other))
    assert (one.turn == two.turn).all() and one.names == two.names[::-1]


def test_bench__of_one_model_is_refused(workspace: Workspace) -> None:
    dataset = noisy()
    stored(workspace, dataset, ("good",))
    with pytest.raises(InputError, match="a benchmark compares models, and this project has 1"):
        bench(workspace, workspace.open("bench"))


@pytest.mark.parametrize(
    ("dataset", "word"),
    [
        (make_dataset([0, 0]), "All labels are of one class"),
        (make_dataset([-1, -1]), "There are no labels"),
        (replace(make_dataset([0, 1]), targets=Targets(1)), "Labels here are numbers"),
        (
            replace(make_dataset([0, 1]), sets=LabelSets(("cat", "dog"), ("cat", "dog"), "|")),
            "several labels",
        ),
    ],
)
def test_why_not__a_plain_word(dataset: Dataset, word: str, workspace: Workspace) -> None:
    assert word in why_not(dataset)
    project = replace_project(workspace, dataset)
    assert comparable(workspace, project) == []


def replace_project(workspace: Workspace, dataset: Dataset):  # type: ignore[no-untyped-def]
    stored(workspace, noisy(60), ("good", "fair"))
    return replace(workspace.open("bench"), dataset=dataset)


def test_usual_split__is_the_held_out_one_called_test() -> None:
    dataset = noisy(8)
    assert usual_split(splits_of(dataset)) == "test" and usual_split(None) is None
    table = dataset.table.assign(split=["train", "val", "Test", "dev"] * 2)
    assert usual_split(splits_of(replace(dataset, table=table))) == "Test"
    table = dataset.table.assign(split=["train", "val", "dev", "dev"] * 2)
    assert usual_split(splits_of(replace(dataset, table=table))) is None
    assert rows_of(dataset, None).sum() == 8 and rows_of(dataset, "test").sum() == 4


def test_queue__of_a_benchmark_is_in_the_order_that_counts_and_shown_without_suggestion(
    workspace: Workspace,
) -> None:
    dataset = noisy()
    stored(workspace, dataset)
    team = Team(Desk(workspace, lambda project: {}))
    filters = Filters(sort="benchmark", split="test")
    assert filters.blind and Filters.from_query(filters.to_query()) == filters
    dealt = team.dealt("bench", "ann", filters)
    assert dealt.positions.tolist() == order_of(workspace, dataset).tolist()
    assert not dealt.drawn.any()  # no uniform draws: they say nothing of the wrong labels left
    page = team.page("ann", "bench", filters, n=5)
    assert [item["hidden"] for item in page["items"]] == [True] * 5
    assert all(share is None for item in page["items"] for _, share in item["classes"])
    assert not team.page("ann", "bench", Filters(sort="row"), n=1)["items"][0]["hidden"]


def test_queue__of_a_benchmark_leaves_out_rows_without_a_label_and_follows_the_models(
    workspace: Workspace,
) -> None:
    dataset = noisy(60, split=False)
    labels = dataset.labels.copy()
    labels[7] = -1
    stored(workspace, replace(dataset, labels=labels), ("good", "fair"))
    desk = Desk(workspace, lambda project: {})
    before, _ = desk.queue("bench", Filters(sort="benchmark"))
    assert len(before) == 59 and 7 not in before
    against = np.eye(3, dtype=np.float32)[(labels + 1) % 3]
    add_model(workspace, "bench", Predictions("contrary", against))
    after, _ = desk.queue("bench", Filters(sort="benchmark"))
    assert sorted(after) == sorted(before) and after.tolist() != before.tolist()
    stored(workspace, noisy(60, "alone"), ("good",))
    with pytest.raises(InputError, match="a benchmark compares models"):
        desk.queue("alone", Filters(sort="benchmark"))


def made_up(**changes: object) -> Stability:
    """A review with round numbers."""
    pairs = pd.DataFrame(
        [(0, 1, 30, 12, 0.008, 0.005, 9, 3, 0.15, 0.09)],
        columns=[
            "first",
            "second",
            *("only_first", "only_second", "p", "mid_p"),
            *("mended_only_first", "mended_only_second", "mended_p", "mended_mid_p"),
        ],
    )
    after = Corrected(
        np.array([0.72, 0.69]),
        np.array([0.747, 0.693]),
        np.array([0.014, 0.014]) / 1.96,
        np.array([0.73, 0.67]),
        np.array([0.76, 0.71]),
        np.array([1.0, 0.0]),
        1.0,
    )
    found = Stability(
        ("A", "B"),
        5000,
        900,
        40,
        after.before,
        Prefix(np.arange(5000) < 800, np.where(np.arange(5000) < 900, 0.8, 0.08), 800, 0),
        0.1,
        57,
        0,
        after,
        None,
        pd.DataFrame(
            [(0, 1, 0.6, 0.5, 0.75, 1.0)], columns=[*["first", "second", "at", "low", "high", "crosses"]]
        ),
        Lines(np.array([0.8, 0.75]), np.array([0.1, 0.2]), 0.171),
        pairs,
        640,
    )
    return replace(found, **changes)  # type: ignore[arg-type]


def test_words__the_headline_has_the_numbers_of_the_review() -> None:
    found = made_up()
    assert words.headline(found) == (
        "After correction A 74.7% ± 1.4, B 69.3% ± 1.4; A stays first in 100% of resamples, and up to 60% "
        "wrong labels."
    )
    assert words.order_in_words(found) == "The order is that on the given labels (Kendall's tau 1)."
    assert words.plan_in_words(found) == "About 640 rows more bring it to ± 1 point."
    assert words.read_in_words(found) == (
        "800 of 5,000 rows are read, 57 labels are corrected. Of the 900 rows that a model doubts and of the "
        "4,100 others, each was to be read with probability 0.80 and 0.080."
    )


def test_words__the_headline_says_who_is_first_now() -> None:
    turned = made_up(given=np.array([0.69, 0.72]), sweep=made_up().sweep.iloc[:0])
    assert "A is first now in 100% of resamples, however many labels are wrong." in words.headline(turned)
    tied = made_up(given=np.array([0.7, 0.7]), lines=Lines(np.array([0.7, 0.8]), np.zeros(2), 0.2))
    assert "A is first, as others were before, in 100% of resamples." in words.headline(tied)
    assert made_up().found is not None
    upside_down = replace(made_up().found, tau=-1.0)  # type: ignore[type-var]
    assert words.order_in_words(made_up(found=upside_down)) == (
        "Kendall's tau of the orders on given and on corrected labels is -1.00 (1: the same)."
    )


def test_words__every_crossing_with_its_interval() -> None:
    found = made_up()
    assert words.sweep_in_words(found) == (
        "About 17.1% of the given labels are wrong. Only A and B change places: with fewer than 60% wrong "
        "labels (50% to 75%) A is ahead, with more B."
    )
    assert words.crossings_in_words(found) == ["A and B change places at 60%, interval 50% to 75%"]
    assert words.sweep_table(found).values.tolist() == [["A", "B", "60.0%", "50.0% to 75.0%", "100%"]]
    none = made_up(sweep=found.sweep.iloc[:0])
    assert words.sweep_in_words(none).endswith("No two models change places, however many labels are wrong.")
    assert words.sweep_in_words(made_up(lines=None)).startswith("No label that was read is wrong")


def test_words__the_top_pair_on_the_rows_read_and_on_those_corrected() -> None:
    found = made_up()
    assert words.pair_in_words(found) == (
        "Of the 800 rows read, A alone is right on 30 and B alone on 12 (exact p = 0.008, mid-p = 0.005). "
        "That is a firm difference. Of the 57 rows that were corrected, A alone is right on 9 and B alone on "
        "3 (exact p = 0.15, mid-p = 0.09)."
    )
    loose = made_up(pairs=found.pairs.assign(p=0.06), mended=0)
    assert words.pair_in_words(loose).endswith("That is no firm difference.")
    table = words.pairs_table(found).iloc[0].tolist()
    assert table == ["A", "B", 30, 12, "0.008", "0.005", 9, 3, "0.15"]
    tiny = made_up(pairs=found.pairs.assign(p=1e-9))
    assert "(exact p < 0.0001, mid-p = 0.005)" in words.pair_in_words(tiny)
    three = made_up(pairs=pd.concat([found.pairs.assign(p=0.02)] * 3))
    assert "That is no firm difference." in words.pair_in_words(three)  # 0.05 / 3 is less


def test_words__the_table_has_both_intervals_and_ranks() -> None:
    table = words.models_table(made_up(given=np.array([0.69, 0.72])))
    assert table.values.tolist() == [
        ["A", "69.0%", 2, "74.7% ± 1.4", "73.0% to 76.0%", 1, "100%"],
        ["B", "72.0%", 1, "69.3% ± 1.4", "67.0% to 71.0%", 2, "0%"],
    ]
