"""Mask errors: planted faults, what is said of them, what is no fault."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.checks.mask_errors import CHECK
from core.dataset import Dataset
from core.issues import Result
from core.masks import VOID
from core.predictions import Predictions
from core.progress import Progress

from ..mask_sets import SIDE, loaded, mask_folder, scene, write_png

ROWS = 24
DEFAULTS = {setting.name: setting.default for setting in CHECK.settings}


def audit(dataset: Dataset, **params: object) -> Result:
    return CHECK.run(dataset, Predictions(), DEFAULTS | params, Progress())


def with_mask(tmp_path: Path, values: np.ndarray, row: int = 5) -> Path:
    root = mask_folder(tmp_path / "set", ROWS)
    write_png(root / "masks" / f"{row:03}.png", values)
    return root


def test_run__a_clean_set(tmp_path: Path) -> None:
    result = audit(loaded(mask_folder(tmp_path / "set", ROWS)))
    assert result.summary["flagged"] == 0 and result.summary["compared"] == ROWS
    assert result.table["softmin"].to_numpy() == pytest.approx(242 / 255, abs=1e-4)
    assert (result.table["worst_iou"] == 1).all() and (result.table["differing"] == 0).all()


def _swapped() -> np.ndarray:
    mask = scene(5)
    mask[30:, :13] = 0  # pavement, lower left
    return mask


PLANTED = {
    "a region of another class": (
        _swapped(),
        "Of its pixels 8 % are given road and predicted pavement, mostly in the lower left.",
    ),
    "shifted": (np.roll(scene(5), (6, 6), (0, 1)), "are given road and predicted pavement"),
    "an object that is missing": (
        np.where(scene(5) == 2, 0, scene(5)).astype(np.uint8),
        "are given road and predicted car",
    ),
    "an object too many": (
        np.where(np.arange(SIDE * SIDE).reshape(SIDE, SIDE) % SIDE > 30, 2, scene(5)).astype(np.uint8),
        "are given car and predicted",
    ),
    "of another picture": (scene(12), "Its mask is the same as that of row "),
    "of one class": (np.full((SIDE, SIDE), 1, np.uint8), "its mask is pavement all over."),
    "void": (np.full((SIDE, SIDE), VOID, np.uint8), "Its mask is void all over."),
    "of another size": (np.zeros((20, 30), np.uint8), "Its mask has 30 x 20 pixels, its picture 40 x 40."),
    "beyond the classes": (
        scene(5) + np.uint8(7),
        "Its mask has pixels of value 9, but there are 3 classes.",
    ),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_run__finds_and_tells_what_was_planted(tmp_path: Path, kind: str) -> None:
    values, said = PLANTED[kind]
    table = audit(loaded(with_mask(tmp_path, values))).table
    flagged = np.flatnonzero(table["flagged"]).tolist()
    assert flagged == ([5, 12] if kind == "of another picture" else [5])
    assert said.lower() in table["reason"].iloc[5].lower()
    assert table["score"].iloc[5] == table["score"].min() and table["score"].iloc[5] < 0.5


def test_run__specks_and_what_is_usual(tmp_path: Path) -> None:
    mask = scene(5)
    mask[38, 30:32] = 0
    dataset = loaded(with_mask(tmp_path, mask))
    table = audit(dataset).table
    assert table["reason"].iloc[5] == "Its mask has 1 speck of at most 4 pixels."
    assert table["flagged"].sum() == 1
    assert audit(dataset, specks=0).summary["flagged"] == 0
    for row in range(8):
        values = scene(row)
        values[38, 30:32] = 0
        write_png(tmp_path / "set" / "masks" / f"{row:03}.png", values)
    result = audit(loaded(tmp_path / "set"))
    assert result.summary["flagged"] == 0 and "specks (8 rows)" in result.summary["note"]


def test_run__differences_are_told_however_many_there_are(tmp_path: Path) -> None:
    root = mask_folder(tmp_path / "set", ROWS)
    for row in range(15):
        write_png(root / "masks" / f"{row:03}.png", np.roll(scene(row), 7, 0))
    assert audit(loaded(root)).table["flagged"].tolist() == [True] * 15 + [False] * 9


def test_run__a_rare_class(tmp_path: Path) -> None:
    mask = scene(5)
    mask[30:, 30:] = 2
    dataset = loaded(with_mask(tmp_path, np.where(mask == 2, 2, 0).astype(np.uint8)))
    assert dataset.masks is not None
    assert not audit(dataset).table["rare_class"].any()
    for row in range(ROWS):
        if row != 5:
            write_png(
                tmp_path / "set" / "masks" / f"{row:03}.png", np.where(scene(row) == 1, 1, 0).astype("u1")
            )
    table = audit(loaded(tmp_path / "set"), rare=0.05).table
    assert table["rare_class"].tolist() == [row == 5 for row in range(ROWS)]
    assert "car is in 1 of 24 masks" in table["reason"].iloc[5]


def test_run__unreadable_and_missing(tmp_path: Path) -> None:
    root = mask_folder(tmp_path / "set", ROWS)
    (root / "masks" / "003.png").write_bytes(b"no picture")
    Image.new("RGB", (SIDE, SIDE)).save(root / "masks" / "004.png")
    (root / "masks" / "006.png").unlink()
    result = audit(loaded(root))
    assert np.flatnonzero(result.table["unreadable"]).tolist() == [3, 4, 6]
    reasons = result.table["reason"].iloc[[3, 4, 6]].tolist()
    assert reasons == [
        "The file is not a picture of a known format.",
        "The mask has colours (RGB), not one number for each pixel.",
        "The mask's path is missing or leads outside the data folder.",
    ]
    assert (result.table["score"].iloc[[3, 4, 6]] == 0).all()


def test_run__an_array_of_probabilities_has_cleanlabs_score(tmp_path: Path) -> None:
    from cleanlab.segmentation.rank import get_label_quality_scores

    root = mask_folder(tmp_path / "set", 4)
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(3), (4, SIDE, SIDE)).transpose(0, 3, 1, 2).astype(np.float32)
    np.save(tmp_path / "probs.npy", probs)
    np.savez(tmp_path / "probs.npz", probs)
    labels = np.stack([scene(i) for i in range(4)]).astype(int)
    expected, _ = get_label_quality_scores(labels, probs, verbose=False)
    for name in ("probs.npy", "probs.npz"):
        result = audit(loaded(root, pred_probs=tmp_path / name))
        np.testing.assert_allclose(result.table["softmin"], expected, atol=1e-5)
        np.testing.assert_allclose(result.table["score"], expected, atol=1e-5)


def test_run__without_confidences_the_score_is_graded_by_the_share(tmp_path: Path) -> None:
    root = mask_folder(tmp_path / "set", ROWS, confident=False)
    write_png(root / "masks" / "005.png", np.roll(scene(5), 8, 0))
    write_png(root / "masks" / "006.png", _swapped())
    table = audit(loaded(root)).table
    assert table["softmin"].isna().all()
    assert table["score"].iloc[5] < table["score"].iloc[6] < 0.5 and (table["score"].iloc[7:] == 1).all()
    worst = audit(loaded(root), score="worst_iou").table
    np.testing.assert_array_equal(worst["score"], worst["worst_iou"])


def test_run__without_a_model(tmp_path: Path) -> None:
    dataset = loaded(with_mask(tmp_path, np.full((SIDE, SIDE), 2, np.uint8)))
    assert dataset.masks is not None
    rows = dataset.masks.rows.assign(predicted="", confidence="")
    result = audit(replace(dataset, masks=replace(dataset.masks, rows=rows)))
    assert result.table["reason"].iloc[5] == "Its mask is car all over."
    assert result.table["worst_iou"].isna().all() and result.summary["compared"] == 0


def test_run__figures(tmp_path: Path) -> None:
    result = audit(loaded(with_mask(tmp_path, _swapped())))
    pairs = result.figures["mask_pairs"]
    assert pairs[["given", "predicted", "pixels"]].to_numpy().tolist() == [["road", "pavement", 130]]
    classes = result.figures["mask_classes"].set_index("class")
    assert classes.loc["car", "iou"] == 1 and classes.loc["road", "iou"] < 1
    assert classes.loc["road", "low"] <= classes.loc["road", "iou"] <= classes.loc["road", "high"]
    assert classes["pictures"].tolist() == [ROWS] * 3
