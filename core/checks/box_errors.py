"""Boxes in pictures that are of another class, badly placed, repeated, spurious or no boxes at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from core.boxes import SIDES, Boxes
from core.checks._box_faults import (
    FAULTS,
    UNTOUCHED,
    USUALLY,
    Faults,
    Found,
    find_contradicted,
    find_degenerate,
    find_duplicates,
    no_faults,
)
from core.dataset import Dataset
from core.decoding import MediaError, upright_size
from core.issues import Check, Cost, Result, Setting, issue_table
from core.media import media_path
from core.methods.boxes import NEAR
from core.methods.intervals import wilson
from core.predictions import Predictions
from core.progress import Progress

_SIZES_AT_ONCE = 100


def run(dataset: Dataset, predictions: Predictions, params: Mapping[str, Any], progress: Progress) -> Result:
    """Score every box and flag those with a fault of FAULTS; see core.checks._box_faults for what each is.

    Score: the IoU with the detection of its class, 1 - score x IoU of a contradicting detection, 1 - the
    share of its class that the model finds where it finds nothing here; 1 where nothing is known. Suggestion:
    the class of a contradicting detection. After cleanlab.object_detection (Tkachenko et al., 2023).
    Extra columns: fault (of FAULTS, ""), detection (row of predictions.detections, -1: none), iou.
    """
    boxes = dataset.boxes
    if boxes is None:
        raise ValueError("box_errors needs boxes")
    faults = no_faults(len(dataset))
    sizes = _sizes(dataset, boxes, progress.part(0, 0.3))
    inside = _inside(boxes, sizes)
    find_degenerate(faults, boxes.values, inside)
    labels = dataset.labels.astype(np.int64)
    rank = _rank(dataset.row_ids)
    least = params["duplicate_iou"]
    find_duplicates(faults, boxes.values, boxes.picture, labels, rank, least, progress.part(0.3, 0.5))
    detections = predictions.detections if dataset.sets is None else None
    names: list[str] = list(dataset.classes)
    if detections is not None and len(detections):
        found, names = _found(dataset, boxes, detections)
        confident = params["confident"]
        step = progress.part(0.5, 0.9)
        find_contradicted(faults, boxes.values, boxes.picture, labels, found, confident, step)
    progress.report(0.9, "writing reasons")
    flagged = faults.fault >= 0
    by_detection = np.isin(faults.fault, [FAULTS.index("swapped"), FAULTS.index("no_label")])
    suggestion = np.full(len(dataset), -1, dtype=np.int32)
    if detections is not None and by_detection.any():
        codes = found.label[faults.detection[by_detection]]
        suggestion[by_detection] = np.where(codes < len(dataset.classes), codes, -1)
    table = issue_table(
        dataset,
        score=faults.score,
        flagged=flagged,
        suggestion=suggestion,
        reasons=_reasons(dataset, boxes, faults, detections, names, inside),
        fault=pd.Categorical.from_codes(faults.fault, pd.Index(FAULTS)),
        detection=faults.detection.astype(np.int32),
        iou=faults.overlap.astype(np.float32),
    )
    figures = {"faults": _fault_counts(faults)}
    if faults.usual is not None and detections is not None:
        figures["by_class"] = _by_class(faults, names)
        figures["missing"] = _missing_frame(detections, faults)
    return Result(table, _summary(faults, boxes, detections, params), figures)


def _found(dataset: Dataset, boxes: Boxes, detections: pd.DataFrame) -> tuple[Found, list[str]]:
    """(the detections by the codes of the data set, names by code). Classes and pictures that no row has get
    codes of their own, after the others."""
    paths = {path: code for code, path in enumerate(boxes.paths.tolist())}
    picture = [paths.setdefault(path, len(paths)) for path in detections["image"].cat.categories]
    codes = {name: code for code, name in enumerate(dataset.classes)}
    label = [codes.setdefault(name, len(codes)) for name in detections["label"].cat.categories]
    found = Found(
        detections[list(SIDES)].to_numpy(dtype=np.float64),
        np.array([*picture, -1])[detections["image"].cat.codes],
        np.array(label)[detections["label"].cat.codes],
        detections["score"].to_numpy(dtype=np.float64),
    )
    return found, list(codes)


def _rank(row_ids: pd.Index) -> np.ndarray:
    """(N,) place of each row by its id, numbers in their order; it does not hang on the order of rows."""
    ids = row_ids.to_numpy(dtype=object)
    lengths = np.array([len(i) for i in ids.tolist()], dtype=np.int64)
    order = np.lexsort((ids.astype("U"), lengths))
    rank = np.empty(len(ids), dtype=np.int64)
    rank[order] = np.arange(len(ids))
    return rank


def _sizes(dataset: Dataset, boxes: Boxes, progress: Progress) -> np.ndarray:
    """(pictures, 2) width and height as shown upright; NaN where the file cannot be read."""
    sizes = np.full((len(boxes.paths), 2), np.nan)
    codes, first = np.unique(boxes.picture, return_index=True)
    pairs = [pair for pair in zip(codes.tolist(), first.tolist(), strict=True) if pair[0] >= 0]
    for number, (code, position) in enumerate(pairs):
        if number % _SIZES_AT_ONCE == 0:
            progress.report(number / len(pairs), "measuring pictures")
        if boxes.shares:
            sizes[code] = 1
            continue
        try:
            sizes[code] = upright_size(media_path(dataset, position))
        except (MediaError, OSError, ValueError, SyntaxError):
            continue  # image_quality says what is wrong with the file
    return sizes


def _inside(boxes: Boxes, sizes: np.ndarray) -> np.ndarray:
    """(N,) the share of each box's area that lies in its picture; NaN where that is not known."""
    values = boxes.values
    size = np.vstack([sizes, [np.nan, np.nan]])[boxes.picture]
    start, stop = np.clip(values[:, :2], 0, size), np.clip(values[:, :2] + values[:, 2:], 0, size)
    area = values[:, 2:].prod(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(area > 0, (stop - start).prod(axis=1) / area, np.nan)


def _reasons(
    dataset: Dataset,
    boxes: Boxes,
    faults: Faults,
    detections: pd.DataFrame | None,
    names: list[str],
    inside: np.ndarray,
) -> dict[int, str]:
    given, ids, usual = dataset.given_labels(), dataset.row_ids, faults.usual
    scores = None if detections is None else detections["score"].to_numpy()
    found = None if detections is None else detections["label"].array
    reasons = {}
    for row in np.flatnonzero(faults.fault >= 0).tolist():
        fault, iou, at = FAULTS[faults.fault[row]], f"IoU {faults.overlap[row]:.2f}", faults.detection[row]
        what = f"this {given[row]}" if given[row] else "this box"
        if fault == "no_area":
            width, height = boxes.values[row, 2:]
            reasons[row] = f"The box has no area: it is {width:g} wide and {height:g} high."
        elif fault == "outside":
            reasons[row] = f"Only {inside[row]:.0%} of the box lies in its picture."
        elif fault == "duplicate":
            of = f", both {given[row]}" if given[row] else ""
            reasons[row] = f"The same box as row {ids[faults.other[row]]} ({iou}){of}."
        elif usual is None or scores is None or found is None:
            raise TypeError("other faults need detections")
        elif fault == "swapped":
            said = f"The model finds {found[at]} (score {scores[at]:.2f}, {iou})"
            reasons[row] = f"{said} where {given[row]} is given."
        elif fault == "no_label":
            said = f"The model finds {found[at]} (score {scores[at]:.2f}, {iou})"
            reasons[row] = f"{said} where the box has no label."
        elif fault == "badly_placed":
            k = dataset.labels[row]
            middle = usual.overlap[k]
            against = f"; usual is {middle:.2f}" if np.isfinite(middle) else ""
            said = f"The model places {what} elsewhere (score {scores[at]:.2f})"
            reasons[row] = f"{said}: its box and the given one overlap by {iou}{against}."
        else:
            share = usual.share[dataset.labels[row]]
            near = (
                f"the nearest belongs to another box ({iou})" if faults.overlap[row] > 0 else "none is near"
            )
            finds = f"the model finds {share:.0%} of the {given[row]} boxes"
            reasons[row] = f"No detection is left for {what}, {near}, and {finds}."
    return reasons


def _fault_counts(faults: Faults) -> pd.DataFrame:
    """One line a fault: how many boxes have it."""
    counts = np.bincount(faults.fault[faults.fault >= 0], minlength=len(FAULTS))
    return pd.DataFrame({"fault": list(FAULTS), "rows": counts})


def _by_class(faults: Faults, names: list[str]) -> pd.DataFrame:
    """What the detector usually does, one line a class: boxes, share found with its 95% Wilson interval,
    median IoU, the IoU below which a box is badly placed, the score that can contradict a label."""
    usual = faults.usual
    if usual is None:
        raise TypeError("no detections were compared")
    judged = usual.found + usual.lost
    kept = np.flatnonzero(judged)
    low, high = wilson(usual.found[kept], judged[kept])
    return pd.DataFrame(
        {
            "class": [names[k] for k in kept.tolist()],
            "boxes": judged[kept],
            "found": usual.share[kept],
            "low": low,
            "high": high,
            "usual_iou": usual.overlap[kept],
            "badly_placed": usual.badly_placed[kept],
            "confident": usual.confident[kept],
        }
    )


def _missing_frame(detections: pd.DataFrame, faults: Faults) -> pd.DataFrame:
    """The detections of objects that no box marks, highest score first, in the columns of detections."""
    frame = detections.iloc[faults.missing].reset_index(drop=True)
    return frame.astype({"image": "str", "label": "str"})


def _summary(
    faults: Faults, boxes: Boxes, detections: pd.DataFrame | None, params: Mapping[str, Any]
) -> dict[str, Any]:
    rules = [f"no area, less than half in the picture, or IoU above {params['duplicate_iou']:g} with another"]
    note = (
        "No model's detections are kept with this data set, so that only the boxes themselves were looked at."
    )
    seen = 0
    if faults.usual is not None and detections is not None:
        rules.append("contradicted by a detection, matched one to one by IoU")
        pictures = set(detections["image"].cat.categories)
        seen = sum(path in pictures for path in boxes.paths.tolist())
        unseen = len(boxes.paths) - seen
        note = f"In {unseen:,} pictures the model found nothing; they were not compared." if unseen else ""
    counts = np.bincount(faults.fault[faults.fault >= 0], minlength=len(FAULTS)).tolist()
    return {
        "flagged": int(sum(counts)),
        "estimator": ", or ".join(rules),
        "faults": dict(zip(FAULTS, counts, strict=True)),
        "missing": len(faults.missing),
        "pictures": len(boxes.paths),
        "pictures_compared": seen,
        "note": note,
    }


CHECK = Check(
    name="box_errors",
    title="Box errors",
    help="Boxes of another class, badly placed, repeated or spurious, and objects that no box marks.",
    needs=frozenset({"boxes"}),
    uses=frozenset({"labels", "detections"}),
    run=run,
    optional=True,
    kind="image",
    cost=Cost(60, 1500),
    settings=(
        Setting(
            "confident",
            0.0,
            "Score from which a detection can contradict a label, 0 to 1. 0: by class, at least what 99 in "
            "100 of its detections have that fit a box, and so high that three in four fit one.",
        ),
        Setting("duplicate_iou", 0.9, "IoU above which two boxes of one class are the same, 0 to 1."),
    ),
    limits=(
        "What the model learned from wrong boxes it does not contradict, so its detections have to be "
        f"out-of-sample. A box looks spurious only where the model finds {USUALLY:.0%} of its class; "
        "every box that it misses looks so, and most can be right. An object is taken to be missing where no "
        f"box overlaps its detection by IoU {UNTOUCHED:g}, so that parts and crowds can be missed. Overlaps "
        f"below IoU {NEAR:g} count as none. Boxes are taken to be of the upright picture."
    ),
)
