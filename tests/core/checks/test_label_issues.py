from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core import neighbour_graph
from core.checks.label_issues import CHECK, percent, run
from core.dataset import Columns, Dataset
from core.issues import Result
from core.methods.label_filters import FILTERS
from core.predictions import Predictions
from core.progress import Progress
from tests.conftest import make_dataset

DEFAULTS = {setting.name: setting.default for setting in CHECK.settings}


def audit(
    labels: list[int], probs: list[list[float]] | np.ndarray, classes: tuple[str, ...] = ("cat", "dog")
) -> Result:
    return run(make_dataset(labels, classes), Predictions("m", np.array(probs)), DEFAULTS, Progress())


SIX = [[0.9, 0.1], [0.8, 0.2], [0.04, 0.96], [0.1, 0.9], [0.2, 0.8], [0.5, 0.5]]


def test_run__small_example_by_hand() -> None:
    result = audit([0, 0, 0, 1, 1, -1], SIX)
    table = result.table
    np.testing.assert_allclose(table["score"], [0.9, 0.8, 0.04, 0.9, 0.8, 1.0], rtol=1e-6)
    assert table["flagged"].tolist() == [False, False, True, False, False, False]
    assert table["suggestion"].astype(object).where(table["flagged"], None).tolist()[2] == "dog"
    assert table["suggestion"].isna().tolist() == [True, True, False, True, True, True]
    assert table["reason"]["r2"] == "The model gives dog 96% and cat 4%."
    summary = result.summary
    assert summary["flagged"] == summary["estimate"] == 1
    assert summary["estimator"].startswith("the larger of two counts: calibrated confident joint, ")
    assert summary["ranking"] == "self-confidence of the model"
    assert (summary["scored"], summary["unlabelled"], summary["engine"]) == (5, 1, "streaming")
    assert summary["low"] <= 1 <= summary["high"]
    assert "seed 0" in summary["estimate_method"]
    assert summary["cleanlab_counts"] == {"off_diagonal": 1, "off_diagonal_calibrated": 1}
    assert summary["classes_with_few_rows"] == ["cat", "dog"]


def test_run__asks_the_nearest_rows_and_says_so() -> None:
    rng = np.random.default_rng(0)
    true = np.arange(80) % 2
    given = true.copy()
    given[10] = 1  # a cat
    probs = np.where(true[:, None] == [0, 1], 0.7, 0.3)
    points = np.where(true == 0, 1, -1)[:, None] * np.eye(16)[0] + rng.normal(size=(80, 16)) * 0.1
    predictions = Predictions("m", probs, points.astype(np.float32))
    result = run(make_dataset(given.tolist()), predictions, DEFAULTS, Progress())
    assert result.table["score"].idxmin() == "r10" and result.table["flagged"].sum() == 1
    assert result.table["reason"]["r10"] == (
        "The model gives cat 70% and dog 30%; of the 30 nearest rows 30 are cat and 0 dog."
    )
    assert result.table["suggestion"]["r10"] == "cat"
    said = result.summary["ranking"]
    assert "and of the 30 nearest rows (" in said and "foretell the given labels best)" in said


def test_run__says_how_many_of_the_nearest_rows_were_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbour_graph, "EXACT_ROWS", 1000)
    rng = np.random.default_rng(0)
    true = np.arange(1200) % 2
    points = np.where(true == 0, 1, -1)[:, None] * np.eye(6)[0] + rng.normal(size=(1200, 6)) * 0.3
    predictions = Predictions("m", np.where(true[:, None] == [0, 1], 0.7, 0.3), points.astype(np.float32))
    said = run(make_dataset(true.tolist()), predictions, DEFAULTS, Progress()).summary["ranking"]
    assert "; approximate nearest rows, recall@10 0.9" in said and said.endswith("on 1,000 rows, seed 0")


def test_run__other_scores_ask_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)
    predictions = Predictions("m", np.array(SIX[:5]), points)
    params = DEFAULTS | {"score": "self_confidence"}
    result = run(make_dataset([0, 0, 0, 1, 1]), predictions, params, Progress())
    np.testing.assert_allclose(result.table["score"], [0.9, 0.8, 0.04, 0.9, 0.8], rtol=1e-6)
    assert result.summary["ranking"] == "self confidence"
    assert result.table["reason"]["r2"] == "The model gives dog 96% and cat 4%."


def test_run__figures_of_the_small_example() -> None:
    figures = audit([0, 0, 0, 1, 1, -1], SIX).figures
    per_class = figures["per_class"].set_index("class")
    assert per_class.index.tolist() == ["cat", "dog"]  # worst first
    assert per_class["rows"].tolist() == [3, 2]
    assert per_class["flagged"].tolist() == [1, 0]
    np.testing.assert_allclose(per_class["error_rate"], [1 / 3, 0])
    np.testing.assert_allclose(per_class["estimate"], [1, 0])
    np.testing.assert_allclose(per_class["missed_rate"], [0, 1 / 3])
    assert (per_class["low"] <= per_class["error_rate"]).all() and (
        per_class["high"] > per_class["error_rate"]
    ).all()
    assert cells(figures["joint"], "rows") == {("cat", "cat"): 2, ("cat", "dog"): 1, ("dog", "dog"): 2}
    noise = cells(figures["noise_matrix"], "p")
    assert noise == pytest.approx({("cat", "cat"): 1, ("cat", "dog"): 1 / 3, ("dog", "dog"): 2 / 3})
    pairs = figures["confused_pairs"]
    assert pairs.astype(object).to_numpy().tolist() == [["cat", "dog", 1, 1.0]]


def cells(frame: pd.DataFrame, value: str) -> dict[tuple[str, str], float]:
    return {(row.given, row.true): getattr(row, value) for row in frame.itertuples()}


def test_run__suggests_also_where_the_model_disagrees_but_nothing_is_flagged() -> None:
    result = run(
        make_dataset([0, 0, 0, 1, 1]),
        Predictions("m", np.array([[0.9, 0.1], [0.8, 0.2], [0.45, 0.55], [0.1, 0.9], [0.2, 0.8]])),
        DEFAULTS | {"filter_by": "confident_learning"},
        Progress(),
    )
    assert not result.table["flagged"].any()
    assert result.table["suggestion"]["r2"] == "dog"
    assert result.table["reason"]["r2"] == ""


def test_run__class_without_rows_has_no_rate() -> None:
    probs = np.column_stack([np.array(SIX)[:5] * 0.9, np.full(5, 0.1)])
    result = audit([0, 0, 0, 1, 1], probs, ("cat", "dog", "emu"))
    assert result.summary["classes_without_rows"] == ["emu"]
    emu = result.figures["per_class"].set_index("class").loc["emu"]
    assert emu["rows"] == 0 and np.isnan(emu["error_rate"]) and np.isnan(emu["low"])


@pytest.mark.parametrize(
    ("labels", "note"),
    [
        ([0], "1 labelled row is too few to estimate errors."),
        (
            [0, 0, 0],
            "Every labelled row is cat: with one class there is no other label to estimate errors from.",
        ),
        ([0, 1], ""),
    ],
)
def test_run__says_when_there_is_too_little(labels: list[int], note: str) -> None:
    result = audit(labels, [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]][: len(labels)])
    assert result.summary["note"] == note
    assert result.summary["flagged"] == 0


def test_run__one_column_of_probabilities() -> None:
    result = audit([0, 0], [[1.0], [1.0]], ("cat",))
    assert result.table["score"].tolist() == [1, 1]
    assert result.summary["estimator"] == "none: the data set has one class"


@pytest.mark.parametrize("filter_by", FILTERS)
def test_run__names_the_estimator_of_every_filter(filter_by: str) -> None:
    result = run(
        make_dataset([0, 0, 0, 1, 1]),
        Predictions("m", np.array(SIX[:5])),
        DEFAULTS | {"filter_by": filter_by},
        Progress(),
    )
    assert result.summary["estimator"] == FILTERS[filter_by]
    assert result.table["flagged"].tolist() == [False, False, True, False, False]


def test_run__the_default_asks_the_nearest_rows_too_and_keeps_the_estimate_apart() -> None:
    rng = np.random.default_rng(0)
    true = np.arange(90) % 2
    given = true.copy()
    given[:9] = 1 - given[:9]
    probs = np.where(true[:, None] == [0, 1], 0.7, 0.3)
    probs[:9] = 0.5  # the model has learned half of these errors, so the confident joint counts none
    points = np.where(true == 0, 1, -1)[:, None] * np.eye(16)[0] + rng.normal(size=(90, 16)) * 0.1
    predictions = Predictions("m", probs, points.astype(np.float32))
    params = DEFAULTS | {"filter_by": "calibrated"}
    counted, usual = (
        run(make_dataset(given.tolist()), predictions, p, Progress()) for p in (params, DEFAULTS)
    )
    assert counted.table["flagged"].sum() == counted.summary["estimate"] == 0
    assert np.flatnonzero(usual.table["flagged"]).tolist() == list(range(9))
    assert usual.summary["flagged"] == 9
    assert [usual.summary[k] for k in ("estimate", "low", "high")] == [0, 0, 0]  # what is estimated stays
    assert usual.table["reason"]["r0"].startswith("The model gives cat 50% and dog 50%; of the 30 nearest")
    alone = run(make_dataset(given.tolist()), Predictions("m", probs), DEFAULTS, Progress())
    assert alone.table["flagged"].sum() == 0


@pytest.mark.parametrize(
    ("p", "text"),
    [(0, "0%"), (0.004, "<1%"), (0.01, "1%"), (0.914, "91%"), (0.9901, ">99%"), (0.99, "99%"), (1, "100%")],
)
def test_percent__claims_no_certainty(p: float, text: str) -> None:
    assert percent(p) == text


def recorded(folder: Path) -> tuple[Dataset, Predictions, set[str]]:
    """A recorded set, its published probabilities, and the ids of the validated errors."""
    table = pd.read_csv(folder / "labels.csv", dtype="str")
    table.index = pd.Index(table["id"], dtype="str", name=None)
    names = pd.read_csv(folder / "classes.csv", dtype="str")
    codes = table["label"].astype(int).to_numpy(np.int32)
    columns = Columns(id="id", label="label")
    dataset = Dataset(folder.name, table, columns, tuple(names["name"]), tuple(names["label"]), codes)
    verdicts = pd.read_csv(folder / "verdicts.csv")
    predictions = Predictions("published", np.load(folder / "pred_probs.npy", mmap_mode="r"))
    return dataset, predictions, set(verdicts["id"][verdicts["validated"]].astype(str))


@pytest.mark.parametrize(
    ("name", "flagged", "errors", "caught"), [("20news", 95, 82, 82), ("mnist", 16, 15, 7)]
)
def test_run__margin_on_recorded_predictions(
    shared_data: Path, name: str, flagged: int, errors: int, caught: int
) -> None:
    dataset, predictions, validated = recorded(shared_data / "label_errors" / name)
    # The checked rows were chosen by the calibrated count and the margin: others cannot be judged on them.
    params = {"filter_by": "calibrated", "score": "normalized_margin"}
    result = run(dataset, predictions, params, Progress())
    found = set(result.table.index[result.table["flagged"]])
    assert (len(found), len(validated), len(found & validated)) == (flagged, errors, caught)
    assert result.summary["low"] < flagged < result.summary["high"]
