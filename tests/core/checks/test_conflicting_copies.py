from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies

from core.checks.conflicting_copies import CHECK
from core.dataset import Columns, Dataset
from core.issues import Result
from core.predictions import Predictions
from core.progress import Progress

CLASSES = ("cat", "dog", "fox")


def found(texts: list[str], labels: list[int]) -> Result:
    ids = [f"r{i}" for i in range(len(texts))]
    table = pd.DataFrame({"id": ids, "text": texts, "label": ["" if c < 0 else CLASSES[c] for c in labels]})
    table.index = pd.Index(ids, dtype="str")
    codes = np.array(labels, dtype=np.int32)
    columns = Columns("id", "label", None, ("text",), "text")
    dataset = Dataset("rows", table.astype("str"), columns, CLASSES, CLASSES, codes)
    return CHECK.run(dataset, Predictions(), {}, Progress())


def test_run__copies_with_other_labels() -> None:
    texts = ["purr", "Purr ", "purr", "bark", "bark", "howl", "howl", "", "", "sole"]
    result = found(texts, [0, 0, 1, 1, 1, 2, -1, 0, 1, 0])
    table = result.table
    assert table.index[table["flagged"]].tolist() == ["r0", "r1", "r2"]
    assert table["score"].tolist()[:3] == pytest.approx([2 / 3, 2 / 3, 1 / 3])
    assert table["suggestion"].isna().tolist()[:2] == [True, True]
    assert table["suggestion"].iloc[2] == "cat"
    assert table["reason"].iloc[0] == "The same content stands in 1 row more: 1 labelled dog."
    assert table["reason"].iloc[2] == "The same content stands in 2 rows more: 2 labelled cat."
    assert (result.summary["groups"], result.summary["wrong_at_least"]) == (1, 1)


def test_run__a_tie_suggests_nothing() -> None:
    table = found(["a", "a"], [0, 1]).table
    assert table["flagged"].all() and table["suggestion"].isna().all()


@given(strategies.lists(strategies.tuples(strategies.sampled_from("abc"), strategies.integers(-1, 2))))
def test_run__flags_exactly_the_rows_with_a_copy_labelled_otherwise(rows: list[tuple[str, int]]) -> None:
    result = found([text for text, _ in rows], [label for _, label in rows])
    for (text, label), line in zip(rows, result.table.itertuples(), strict=True):
        others = {other for that, other in rows if that == text and other >= 0}
        assert line.flagged == (label >= 0 and len(others) > 1)
