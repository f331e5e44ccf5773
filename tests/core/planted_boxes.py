"""Boxes with planted faults, and what a detector that errs a little finds in their pictures."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.dataset import Columns, Dataset
from core.issues import Result
from core.methods.boxes import iou
from core.predictions import Predictions

SIDES = ["x", "y", "w", "h"]
PAGE = (1000.0, 1400.0)


@dataclass(frozen=True, eq=False)
class Planted:
    """rows: fault -> ids of the rows that have it. removed: path, label, sides of the boxes gone."""

    dataset: Dataset
    predictions: Predictions
    rows: dict[str, set[str]]
    removed: pd.DataFrame


def pages(n: int, classes: list[str], rng: np.random.Generator) -> pd.DataFrame:
    """The true boxes of n pages: 3 columns of 5 cells, most of them with a box, some of which touch."""
    page = np.repeat(np.arange(n), 15)
    cell = np.tile(np.arange(15), n)
    kept = rng.random(len(page)) < 0.6
    page, cell = page[kept], cell[kept]
    size = np.stack([rng.uniform(120, 330, len(page)), rng.uniform(60, 280, len(page))], axis=1)
    corner = np.stack([cell % 3, cell // 3], axis=1) * (330, 275) + rng.uniform(0, 30, (len(page), 2))
    frame = pd.DataFrame(np.hstack([corner, size]), columns=SIDES)
    frame.insert(0, "label", np.array(classes, dtype=object)[rng.integers(0, len(classes), len(page))])
    frame.insert(0, "path", [f"{p}.png" for p in page])
    return frame


def detected(
    true: pd.DataFrame,
    classes: list[str],
    rng: np.random.Generator,
    found: float = 0.97,
    jitter: float = 0.03,
) -> pd.DataFrame:
    """Detections of true boxes: each side moved by normal noise (a share of its length), 1 - found of them
    missed, 2 % of another class with a low score, and for each 20 boxes a false one with a low score."""
    kept = true[rng.random(len(true)) < found].reset_index(drop=True)
    values = kept[SIDES].to_numpy(dtype=float)
    values = values + rng.normal(0, jitter, values.shape) * np.tile(values[:, 2:], 2)
    score = rng.beta(9, 1.5, len(kept))
    label = kept["label"].to_numpy(dtype=object).copy()
    confused = np.flatnonzero(rng.random(len(kept)) < 0.02)
    label[confused] = [classes[(classes.index(label[i]) + 1) % len(classes)] for i in confused]
    score[confused] = rng.uniform(0.1, 0.5, len(confused))
    false = rng.integers(0, len(true), len(true) // 20)
    noise = true[SIDES].to_numpy(dtype=float)[false] + rng.normal(0, 200, (len(false), 4)) * (1, 1, 0, 0)
    frame = pd.DataFrame(np.vstack([values, noise]), columns=SIDES).clip(lower=1).astype("float32")
    image = [*kept["path"], *true["path"].to_numpy()[false]]
    names = [*label, *rng.choice(classes, len(false))]
    frame.insert(0, "score", np.concatenate([score, rng.uniform(0.05, 0.5, len(false))]).astype("float32"))
    frame.insert(0, "label", pd.Categorical(names, classes))
    frame.insert(0, "image", pd.Categorical(image))
    return frame


def planted(n: int = 500, seed: int = 0, share: float = 0.05) -> Planted:
    """n pages with `share` of their boxes removed, moved, given another class and repeated, each."""
    classes = ["text", "table", "figure", "title"]
    rng = np.random.default_rng(seed)
    true = pages(n, classes, rng)
    detections = detected(true, classes, rng)
    each = round(share * len(true))
    order = rng.permutation(len(true))
    gone, moved, swapped, copied = (order[i * each : (i + 1) * each] for i in range(4))
    given = true.copy()
    by = rng.uniform(0.3, 0.6, each) * rng.choice([-1, 1], each)
    along = rng.integers(0, 2, each)
    for axis, side in ((0, "w"), (1, "h")):
        rows = moved[along == axis]
        given.loc[rows, SIDES[axis]] += by[along == axis] * given.loc[rows, side]
    given.loc[swapped, "label"] = [
        classes[(classes.index(v) + 1 + int(rng.integers(0, 3))) % 4] for v in given.loc[swapped, "label"]
    ]
    copies = given.loc[copied].copy()
    copies[SIDES] += rng.normal(0, 0.01, (each, 4)) * copies[["w", "h", "w", "h"]].to_numpy()
    given["id"], copies["id"] = np.arange(len(given)), len(given) + np.arange(each)
    rows = {
        "badly_placed": set(given.loc[moved, "id"].astype("str")),
        "swapped": set(given.loc[swapped, "id"].astype("str")),
        "duplicate": set(copies["id"].astype("str")),
    }
    table = pd.concat([given.drop(index=gone), copies], ignore_index=True)
    return Planted(
        dataset_of(table, classes), Predictions("simulated", detections=detections), rows, true.loc[gone]
    )


def dataset_of(table: pd.DataFrame, classes: list[str]) -> Dataset:
    """A data set of boxes with columns id, path, label, x, y, w, h; its pictures are not there."""
    table = table.astype({"id": "str", "path": "str", "label": "str"}).set_index("id", drop=False)
    table.index = pd.Index(table.index, dtype="str", name=None)
    labels = pd.Index(classes).get_indexer(table["label"]).astype(np.int32)
    columns = Columns(id="id", label="label", content=("path",), kind="image")
    return Dataset("boxes", table, columns, tuple(classes), tuple(classes), labels)


INJECTED = {"wrong_class": "swapped", "shifted_box": "badly_placed", "spurious_box": "spurious"}


def blood_cells(folder: Path, seed: int, jitter: float = 0.03) -> Planted:
    """The published boxes with the faults of injected_truth.csv in them, and simulated detections of the
    boxes as published. Boxes without an area are published too; nothing detects them."""
    published, injected = (
        json.loads((folder / name).read_text())
        for name in ("instances.json", "instances_with_injected_errors.json")
    )
    names = {c["id"]: c["name"] for c in published["categories"]}
    paths = {i["id"]: i["file_name"] for i in published["images"]}

    def frame(file: dict[str, Any]) -> pd.DataFrame:
        rows = [
            (a["id"], paths[a["image_id"]], names[a["category_id"]], *a["bbox"]) for a in file["annotations"]
        ]
        return pd.DataFrame(rows, columns=["id", "path", "label", *SIDES])

    true = frame(published)
    true = true[(true["w"] > 0) & (true["h"] > 0)].reset_index(drop=True)
    classes = list(names.values())
    truth = pd.read_csv(folder / "injected_truth.csv")
    ids = truth["ann_id"].astype("Int64").astype("str")
    rows = {fault: set(ids[truth["error"] == error]) for error, fault in INJECTED.items()}
    gone = truth[truth["error"] == "missing_box"]
    removed = pd.DataFrame([json.loads(box) for box in gone["orig_bbox"]], columns=SIDES)
    removed.insert(0, "path", gone["image_id"].map(paths).to_numpy())
    found = detected(true, classes, np.random.default_rng(seed), jitter=jitter)
    predictions = Predictions("simulated", detections=found)
    return Planted(dataset_of(frame(injected), classes), predictions, rows, removed)


def hits_by_fault(found: Result, sample: Planted) -> dict[str, tuple[int, int, int]]:
    """{fault: (rightly flagged, planted, flagged)}, and so for "missing". A missing box is found where a
    proposal overlaps it by more than half; a box counts for the one fault that the check gives it."""
    made = {}
    for fault, rows in sample.rows.items():
        flagged = set(found.table.index[found.table["fault"] == fault])
        made[fault] = len(flagged & rows), len(rows), len(flagged)
    missing, removed = found.figures["missing"], sample.removed
    by_picture = {path: rows[SIDES].to_numpy(dtype=float) for path, rows in missing.groupby("image")}
    hit = sum(
        path in by_picture and (iou(by_picture[path], np.tile(box, (len(by_picture[path]), 1))) > 0.5).any()
        for path, box in zip(removed["path"], removed[SIDES].to_numpy(dtype=float), strict=True)
    )
    made["missing"] = int(hit), len(removed), len(missing)
    return made
