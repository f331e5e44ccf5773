"""Which boxes are drawn on a row's picture, and where."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from core.audit import checks
from core.predictions import Predictions
from core.progress import Progress
from core.review.box_view import MOST_OTHERS, box_view
from core.review.items import Board
from tests.core.planted_boxes import SIDES, dataset_of

SIZE = (200, 100)


def board(table: pd.DataFrame, predictions: Predictions) -> Board:
    dataset = dataset_of(table.assign(id=range(len(table))), ["ant", "bee"])
    check = checks()["box_errors"]
    params: dict[str, Any] = {setting.name: setting.default for setting in check.settings}
    result = check.run(dataset, predictions, params, Progress())
    return Board(dataset, predictions, {"box_errors": result}, "box_errors", lambda p, s: "")


def sample() -> Board:
    rows = [
        ("a.png", "ant", 20, 10, 40, 20), ("a.png", "bee", 100, 50, 20, 10), ("b.png", "bee", 0, 0, 10, 10),
        ("a.png", "", np.nan, 0, 1, 1),
    ]  # fmt: skip
    found = pd.DataFrame(
        {"image": pd.Categorical(["a.png"]), "label": pd.Categorical(["bee"], ["ant", "bee"])}
    )
    found[["score", *SIDES]] = np.array([[0.9, 20, 12, 40, 20]], dtype=np.float32)
    return board(pd.DataFrame(rows, columns=["path", "label", *SIDES]), Predictions("m", detections=found))


def test_box_view__own_others_and_the_contradicting_detection_in_shares() -> None:
    assert box_view(sample(), 0, SIZE) == {
        "own": [0.1, 0.1, 0.2, 0.2],
        "others": [{"box": [0.5, 0.5, 0.1, 0.1], "label": "bee"}],
        "more": 0,
        "found": {"box": [0.1, 0.12, 0.2, 0.2], "label": "bee", "score": 0.9},
    }
    alone = box_view(sample(), 2, SIZE)
    assert alone is not None and alone["others"] == [] and alone["found"] is None


def test_box_view__nothing_without_a_box_or_a_size() -> None:
    assert box_view(sample(), 3, SIZE) is None
    assert box_view(sample(), 0, None) is None


def test_box_view__a_row_that_hides_what_models_say_hides_the_detection() -> None:
    hidden = replace(sample(), hidden=np.array([True, False, False, False]))
    found = box_view(hidden, 0, SIZE)
    assert found is not None and found["found"] is None and len(found["others"]) == 1


def test_box_view__the_nearest_of_very_many() -> None:
    n = MOST_OTHERS + 51
    table = pd.DataFrame(
        {"path": "a.png", "label": "ant", "x": np.arange(n) * 20.0, "y": 0.0, "w": 9.0, "h": 9.0}
    )
    found = box_view(board(table, Predictions()), 0, SIZE)
    assert found is not None and found["more"] == 50
    assert max(box["box"][0] for box in found["others"]) == MOST_OTHERS * 20 / 200


def test_box_view__yolo_boxes_are_shares_around_their_centres() -> None:
    table = pd.DataFrame(
        {"box": ["b"], "path": ["a.png"], "label": ["ant"], "x": 0.5, "y": 0.4, "w": 0.2, "h": 0.1}
    )
    shown = box_view(board(table, Predictions()), 0, None)
    assert shown is not None and shown["own"] == [0.4, 0.35, 0.2, 0.1]
