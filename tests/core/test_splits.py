from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.dataset import Dataset
from core.multilabel import LabelSets
from core.splits import CLASSES, Splits, class_counts, class_shares, split_table, splits_of, straddling
from tests.conftest import make_dataset


def split_up(splits: list[str | None], labels: list[int] | None = None, **columns: list[str]) -> Dataset:
    dataset = make_dataset(labels or [0] * len(splits))
    table = dataset.table.assign(split=pd.array(splits, dtype="str"))
    table = table.assign(**{name: pd.array(cells, dtype="str") for name, cells in columns.items()})
    return replace(dataset, table=table, columns=replace(dataset.columns, split="split"))


def found(dataset: Dataset) -> Splits:
    splits = splits_of(dataset)
    assert splits is not None
    return splits


@pytest.mark.parametrize(
    ("names", "training", "by_name"),
    [
        (["train", "test"], ("train",), True),
        (["TRAINING", "valid", "valid"], ("TRAINING",), True),
        (["train_a", "my-train", "test"], ("my-train", "train_a"), True),
        (["trainee", "restrain", "restrain"], ("restrain",), False),
        (["a", "b", "b", "c"], ("b",), False),
        (["b", "a"], ("a",), False),
        (["1", "0", "0"], ("0",), False),
    ],
)
def test_splits_of__training_by_name_else_the_largest(
    names: list[str], training: tuple[str, ...], by_name: bool
) -> None:
    splits = found(split_up(list(names)))
    assert (splits.training, splits.by_name) == (training, by_name)
    assert set(splits.held_out) == set(names) - set(training)


def test_splits_of__missing_cells_are_no_split() -> None:
    splits = found(split_up(["train", None, " ", "test"]))
    assert splits.codes.tolist() == [1, -1, -1, 0]
    assert splits.trains.tolist() == [True, False, False, False]
    assert splits.holds_out.tolist() == [False, False, False, True]


def test_splits_of__none() -> None:
    assert splits_of(make_dataset([0, 1])) is None
    assert splits_of(split_up([None, ""])) is None


def test_class_shares__with_intervals_the_most_different_first() -> None:
    dataset = split_up(["train"] * 4 + ["test"] * 2 + ["dev"], [0, 0, 0, 1, 1, -1, -1])
    shares = class_shares(dataset, found(dataset))
    assert shares[["split", "class", "rows", "of"]].to_numpy().tolist() == [
        ["test", "cat", 0, 1],
        ["train", "cat", 3, 4],
        ["test", "dog", 1, 1],
        ["train", "dog", 1, 4],
    ]
    assert shares["share"].tolist() == [0, 0.75, 1, 0.25]
    assert shares.loc[1, ["low", "high"]].tolist() == pytest.approx([0.3006, 0.9544], abs=1e-4)


def test_class_shares__only_the_most_different_of_many_classes() -> None:
    classes = tuple(f"c{i}" for i in range(30))
    dataset = make_dataset(list(range(30)) * 2 + [29] * 9, classes)
    table = dataset.table.assign(split=["train"] * 30 + ["test"] * 39)
    dataset = replace(dataset, table=table, columns=replace(dataset.columns, split="split"))
    shares = class_shares(dataset, found(dataset))
    assert len(shares) == 2 * CLASSES
    assert shares["class"].iloc[0] == "c29"


def test_class_shares__without_labels_is_empty() -> None:
    dataset = split_up(["train", "test"], [-1, -1])
    assert class_shares(dataset, found(dataset)).empty


def test_class_counts__each_label_of_a_set_counts() -> None:
    sets = ("a", "a;b", "b")
    dataset = replace(
        split_up(["train", "train", "test"]),
        classes=sets,
        tokens=sets,
        labels=np.arange(3, dtype=np.int32),
        sets=LabelSets(("a", "b"), ("a", "b"), ";"),
    )
    assert class_counts(dataset, found(dataset)).tolist() == [[0, 1], [2, 1]]


def test_split_table__errors_with_intervals_and_drift() -> None:
    dataset = split_up(["train"] * 4 + ["test"] * 4 + ["dev"], [0, 0, 1, 1, 0, 0, 0, -1, -1])
    errors = pd.DataFrame({"flagged": [True, False, False, False, True, True, False, False, False]})
    frame = split_table(dataset, found(dataset), errors).set_index("split")
    assert frame["rows"].to_dict() == {"dev": 1, "test": 4, "train": 4}
    assert frame["labelled"].to_dict() == {"dev": 0, "test": 3, "train": 4}
    assert frame.loc["test", ["flagged", "errors"]].tolist() == [2, 2 / 3]
    assert frame.loc["test", ["low", "high"]].tolist() == pytest.approx([0.2077, 0.9385], abs=1e-4)
    assert np.isnan(frame.loc["dev", "errors"]) and np.isnan(frame.loc["dev", "drift"])
    assert frame.loc["test", "drift"] == 0.5
    assert np.isnan(frame.loc["train", "drift"])


def test_split_table__without_a_check_of_labels() -> None:
    dataset = split_up(["train", "test"])
    assert split_table(dataset, found(dataset), None)["errors"].isna().all()


def test_straddling__values_in_more_than_one_split() -> None:
    dataset = split_up(
        ["train", "train_2", "test", "test", "dev"],
        patient_id=["p1", "p1", "p1", "p2", "p2"],
        UserGroup=["a", "a", "b", "b", "c"],
        sourceful=["x"] * 5,
        speakers=["1", "2", "3", "4", "5"],
    )
    assert straddling(dataset, found(dataset)).to_numpy().tolist() == [
        ["patient_id", 2, 2, 3, 3],
        ["UserGroup", 3, 0, 0, 3],
    ]


def test_straddling__missing_values_are_no_group() -> None:
    splits: list[str | None] = ["train", "test", "test"]
    dataset = split_up(splits)
    table = dataset.table.assign(user=pd.array([None, None, "u1"], dtype="str"))
    dataset = replace(dataset, table=table)
    assert straddling(dataset, found(dataset)).empty
