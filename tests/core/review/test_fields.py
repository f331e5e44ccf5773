from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.dataset import Columns, Dataset
from core.review.fields import cell_text, fields

CLASSES = ("red", "white")


def wines(labels: list[int] | None = None, **columns: object) -> Dataset:
    table = pd.DataFrame(columns)
    table.index = pd.Index([str(i) for i in range(len(table))], dtype="str")
    codes = np.array([0] * len(table) if labels is None else labels, dtype=np.int32)
    content = tuple(columns)
    return Dataset("wines", table, Columns(content=content, kind="tabular"), CLASSES, CLASSES, codes)


def shown(dataset: Dataset, position: int) -> list[dict[str, Any]]:
    return fields(dataset, position, dataset.columns.content)


def of(dataset: Dataset, position: int) -> dict[str, dict[str, Any]]:
    return {f["name"]: f for f in shown(dataset, position)}


def test_fields__most_unusual_first_and_marked_in_words() -> None:
    sugar = [*np.linspace(0, 1, 150), 900.0, *np.linspace(0, 1, 150)]
    dataset = wines(acid=np.linspace(1, 2, 301), sugar=sugar, grape=["<b>merlot</b>"] * 301)
    assert shown(dataset, 150) == [
        {
            "name": "sugar",
            "value": "900",
            "usual": "0.047 to 0.953",
            "note": "unusual: 99.8 percentile",
            "unusual": True,
        },
        {"name": "acid", "value": "1.5", "usual": "1.05 to 1.95", "note": "", "unusual": False},
        {
            "name": "grape",
            "value": "<b>merlot</b>",
            "usual": "100% have it",
            "note": "",
            "unusual": False,
        },
    ]


def test_fields__range_is_of_the_rows_with_the_same_label() -> None:
    size = [*range(100), *range(1000, 1100)]
    dataset = wines([0] * 100 + [1] * 100, size=size)
    assert of(dataset, 50)["size"]["usual"] == "4.95 to 94"
    assert of(dataset, 150)["size"]["usual"] == "1005 to 1094"


def test_fields__outside_the_range_is_not_yet_unusual() -> None:
    dataset = wines(size=list(range(200)))
    assert [of(dataset, p)["size"]["note"] for p in (0, 1, 2, 9, 10, 189, 190, 197, 198)] == [
        "unusual: 0.2 percentile",
        "unusual: 0.8 percentile",
        "below",
        "below",
        "",
        "",
        "above",
        "above",
        "unusual: 99.2 percentile",
    ]
    assert [of(dataset, p)["size"]["unusual"] for p in (1, 2)] == [True, False]


def test_fields__texts_by_the_share_that_has_them() -> None:
    grapes = ["merlot"] * 150 + ["syrah"] * 48 + ["pinot"] * 2
    dataset = wines(grape=grapes, organic=[True] * 199 + [False])
    assert (of(dataset, 0)["grape"]["usual"], of(dataset, 0)["grape"]["note"]) == ("75% have it", "")
    assert (of(dataset, 160)["grape"]["usual"], of(dataset, 160)["grape"]["note"]) == ("24% have it", "")
    last = shown(dataset, 199)
    assert [(f["name"], f["usual"], f["note"]) for f in last] == [
        ("organic", "<1% have it", "unusual: a rare value"),
        ("grape", "1% have it", "unusual: a rare value"),
    ]


@pytest.mark.parametrize(
    "dataset",
    [
        wines([-1] * 300, size=list(range(300))),  # rows without a label share nothing
        wines(size=list(range(9))),  # too few
        wines(size=pd.array([None] * 300, dtype="Float64")),
        wines(size=[f"remark {i}" for i in range(300)]),  # free text
    ],
)
def test_fields__nothing_is_said_where_nothing_is_known(dataset: Dataset) -> None:
    (field,) = shown(dataset, 0)
    assert (field["usual"], field["note"]) == ("", "")


def test_fields__missing_and_constant_values_are_not_unusual() -> None:
    dataset = wines(size=pd.array([None, *[5.0] * 299], dtype="Float64"))
    assert of(dataset, 0)["size"] == {"name": "size", "value": "", "usual": "", "note": "", "unusual": False}
    assert of(dataset, 1)["size"] == {
        "name": "size",
        "value": "5",
        "usual": "5 to 5",
        "note": "",
        "unusual": False,
    }


def test_fields__infinite_values_do_no_harm() -> None:
    dataset = wines(size=[*range(298), np.inf, -np.inf])
    assert of(dataset, 298)["size"]["note"] == "unusual: 100.0 percentile"
    assert of(dataset, 0)["size"]["usual"] == "14.9 to 282"
    assert of(wines(size=[np.inf] * 300), 0)["size"]["usual"] == ""


def test_cell_text__as_it_is_shown() -> None:
    values = [None, pd.NA, float("nan"), 0.1 + 0.2, np.float32(2.5), 7, True, "a"]
    assert [cell_text(v) for v in values] == ["", "", "", "0.3", "2.5", "7", "True", "a"]
