from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core import neighbour_graph
from core.checks.near_duplicates import CHECK, run
from core.dataset import Columns, Dataset
from core.issues import Result
from core.predictions import Predictions
from core.progress import Progress
from tests.conftest import make_dataset

DEFAULTS = {setting.name: setting.default for setting in CHECK.settings}
REFUND = "I would like a refund for the order that I made on Monday"


def audit(dataset: Dataset, embeddings: np.ndarray | None = None) -> Result:
    return run(dataset, Predictions("m", None, embeddings), DEFAULTS, Progress())


def split_texts(cells: list[str], splits: list[str], labels: list[int]) -> Dataset:
    dataset = make_dataset(labels, ("refund", "delay"))
    table = dataset.table.assign(text=pd.array(cells, dtype="str"), split=pd.array(splits, dtype="str"))
    return replace(dataset, table=table, columns=replace(dataset.columns, split="split"))


def test_run__texts_across_splits_and_labels() -> None:
    cells = [REFUND, REFUND.upper(), REFUND + "!", "Where is my parcel?", REFUND + " this", "nothing like it"]
    splits = ["train", "test", "train", "train", "test", "test"]
    result = audit(split_texts(cells, splits, [0, 0, 1, 1, -1, 0]))
    table = result.table
    assert table["reason"].tolist() == [
        "Same text as row r1, which is in test.",
        "Same text as row r0, which is in train.",
        "Shares 100% of its text with row r0, which is labelled refund.",
        "",
        "Shares 91% of its text with row r0, which is in train and labelled refund.",
        "",
    ]
    assert table["group"].tolist() == [0, 0, 0, -1, 0, -1]
    assert table["other"].tolist() == ["r1", "r0", "r0", "", "r0", ""]
    np.testing.assert_allclose(table["score"], [0, 0, 0, 1, 5 / 58, 1], rtol=1e-6)
    np.testing.assert_allclose(table["distance"], [0, 0, 0, np.nan, 5 / 58, np.nan], rtol=1e-6)
    summary = result.summary
    assert (summary["flagged"], summary["groups"], summary["spare_rows"]) == (4, 1, 3)
    assert (summary["groups_across_splits"], summary["groups_with_different_labels"]) == (1, 1)
    assert summary["estimator"] == "equal content, or at least 80% of the pieces of 5 letters shared"
    assert result.figures["groups"].astype(object).to_numpy().tolist() == [[0, "r0", 4, 2, 2]]


def test_run__row_without_label_is_named() -> None:
    result = audit(make_dataset([0, -1]).__class__(**fields(make_dataset([0, -1]), text="same old text")))
    assert result.table["reason"]["r0"] == "Same text as row r1, which is without a label."
    assert result.figures["groups"]["labels"].tolist() == [1]


def fields(dataset: Dataset, text: str) -> dict[str, object]:
    names = ("name", "columns", "classes", "tokens", "labels")
    return {name: getattr(dataset, name) for name in names} | {"table": dataset.table.assign(text=text)}


def test_run__embeddings_that_almost_coincide() -> None:
    dataset = make_dataset([0] * 6)
    dataset = replace(
        dataset, columns=Columns(content=("text",), kind="image"), media_hash=np.array(list("abcdee"))
    )
    embeddings = np.eye(6, dtype=np.float32)
    embeddings[1] = embeddings[0] + [0, 0.01, 0, 0, 0, 0]
    result = audit(dataset, embeddings)
    assert result.table["reason"].tolist() == [
        "To the model almost the same (distance 5e-05) as row r1.",
        "To the model almost the same (distance 5e-05) as row r0.",
        "",
        "",
        "Same image file as row r5.",
        "Same image file as row r4.",
    ]
    assert result.summary["note"] == ""


def test_run__tabular() -> None:
    dataset = make_dataset([0, 1, 1])
    table = dataset.table.assign(a=[1, 2, 1], b=[0.5, 0.5, 0.5])
    result = audit(replace(dataset, table=table, columns=Columns(content=("a", "b"), kind="tabular")))
    assert result.table["reason"]["r0"] == "Same values as row r2, which is labelled dog."


def test_run__says_above_30_000_rows_that_pairs_may_be_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbour_graph, "EXACT_ROWS", 1000)
    dataset = replace(make_dataset([0] * 2000), columns=Columns(content=("text",), kind="none"))
    rng = np.random.default_rng(0)
    embeddings = np.eye(8)[rng.integers(0, 8, 2000)] + rng.normal(0, 0.1, (2000, 8))
    embeddings[-1] = embeddings[0]
    result = audit(dataset, embeddings.astype(np.float32))
    assert result.summary["note"].startswith(
        "Embeddings were compared with approximate nearest rows, recall@10"
    )
    assert result.table["other"].iloc[-1] == "r0"


@pytest.mark.parametrize("ratio", [0.0001, 0.9])
def test_run__settings_are_read(ratio: float) -> None:
    rng = np.random.default_rng(0)
    predictions = Predictions("m", None, rng.normal(size=(50, 3)).astype(np.float32))
    params = DEFAULTS | {"embedding_ratio": ratio, "shared_text": 1.0}
    dataset = replace(make_dataset([0] * 50), columns=Columns(content=("text",), kind="none"))
    found = run(dataset, predictions, params, Progress()).summary["flagged"]
    assert (found > 20) == (ratio > 0.5)
