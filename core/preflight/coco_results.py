"""COCO's results format ([{image_id, category_id, score, bbox?}, ...]) for the rows of a COCO data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.errors import InputError, Problem, refuse
from core.importers._records import BOM, parse_file
from core.importers._tools import first_records
from core.importers.coco import MOST_PIXELS, category_key
from core.preflight.array_files import ArrayFile
from core.preflight.detections import detections
from core.preflight.json_rows import MOST_BYTES
from core.preflight.model_outputs import Asked, Said, from_said, number_of

LEAST_OVERLAP = 0.5
"""Intersection over union from which a detection is taken to be of an annotated box, as in PASCAL VOC."""
_MARKS = {"image_id", "category_id"}
_SUM_OFF = 0.1
_EVERY_CLASS = "every class is as likely for these; the check of boxes says which of them look spurious"
_SIDES = ["x", "y", "w", "h"]
_EXPECTED = '{"image_id": 1, "category_id": 3, "score": 0.9}'


@dataclass(frozen=True)
class _Result:
    """One entry. image: the picture's id as text, since results write 1 and "1" alike."""

    image: str
    name: str
    score: float
    box: tuple[float, ...] | None


def is_results(head: bytes) -> bool:
    """Whether a file begins as a JSON list of COCO results: most of its first entries are."""
    text = head.removeprefix(BOM).decode("utf-8", "replace").lstrip()
    records = first_records(text) if text[:1] == "[" else []
    return 2 * sum(isinstance(r, dict) and r.keys() >= _MARKS for r in records) > len(records)


def read(path: Path, asked: Asked) -> ArrayFile:
    """Probabilities for the annotations of a COCO data set, by its categories' ids.

    Results of whole pictures: every annotation of a picture gets the scores of its picture. Detections:
    each counts for the annotated box that it overlaps most, from LEAST_OVERLAP on; several classes on one
    box are a distribution where they sum to 1 on every box, else the best one counts.
    A box that no detection meets is told, and every class is as likely for it.
    Raises InputError naming the entry of what is no result, a category or picture that is not the data's,
    and detections of which none meets a box.
    """
    file = path.name
    names = {category_key(key): name for name, key in asked.layout.get("categories", ())}
    if not names or "image_id" not in asked.frame:
        found = "COCO results, which say classes by number, but the data has no COCO categories"
        raise refuse(found, file=file, mend="load the COCO annotations as the data")
    results = _results(path, names)
    rows = asked.frame["image_id"].astype("str").fillna("").tolist()
    bare = {image for image, _ in asked.layout.get("bare", ())} if results[0].box is not None else set()
    problems = _foreign(results, set(rows) | bare, file)
    kept = None
    if results[0].box is None:
        said, at = _of_pictures(results, rows, file)
    else:
        said, at, more = _of_boxes(results, rows, asked, file)
        problems += more
        kept = _detections(results, rows, asked)
    array = from_said(said, file, asked.row_ids, asked, "score", at)
    return replace(array, problems=(*problems, *array.problems), detections=kept)


def _detections(results: Sequence[_Result], rows: Sequence[str], asked: Asked) -> pd.DataFrame | None:
    """All detections, to be kept; None where pictures have no path or a row can have several labels."""
    if asked.columns.kind != "image" or not asked.columns.content or asked.several:
        return None
    paths = dict(asked.layout.get("bare", ()))
    shown = asked.frame[asked.columns.content[0]].tolist()
    paths |= {image: path for image, path in zip(rows, shown, strict=True) if isinstance(path, str)}
    images, labels, scores = ([getattr(r, fact) for r in results] for fact in ("image", "name", "score"))
    return detections(images, labels, scores, np.array([r.box for r in results]), paths)


def _results(path: Path, names: Mapping[str, str]) -> list[_Result]:
    size, file = path.stat().st_size, path.name
    if size > MOST_BYTES:
        raise refuse(f"JSON of {size:,} bytes in one piece", file=file, mend="save the scores as .npy")
    value = parse_file(path.read_bytes(), file)
    results, unknown = [], []
    for row, entry in enumerate(value, 1):
        if not isinstance(entry, dict):
            found = f"entry {row:,} is a {type(entry).__name__}"
            raise refuse(found, file=file, row=row, expected=_EXPECTED)
        result = _result(entry, row, names, file)
        if result is None:
            unknown.append(row)
        else:
            results.append(result)
    if unknown:
        found = f"category_id {value[unknown[0] - 1]['category_id']!r} is no category of the data"
        some = ", ".join(list(names)[:10])
        mend = "use the ids of the data's categories"
        raise refuse(found, file=file, row=unknown[0], count=len(unknown), expected=some, mend=mend)
    boxed = [r.box is not None for r in results]
    if any(boxed) and not all(boxed):
        row = boxed.index(not boxed[0]) + 1
        found = "some results have a bbox, some have none"
        raise refuse(
            found, file=file, row=row, column="bbox", mend="give pictures and boxes in files of their own"
        )
    return results


def _result(entry: dict[str, Any], row: int, names: Mapping[str, str], file: str) -> _Result | None:
    """None for a category that the data does not have."""
    for key in ("image_id", "category_id"):
        if type(entry.get(key)) not in (int, str):
            found = f"{key} is {str(entry.get(key, 'missing'))[:40]}"
            raise refuse(found, file=file, row=row, column=key, expected=_EXPECTED)
    if "bbox" not in entry and entry.keys() & {"segmentation", "keypoints"}:
        found = "masks and key points are not supported yet, only whole pictures and boxes"
        raise refuse(found, file=file, row=row)
    score = number_of(entry.get("score"), row, file, "score")
    if not 0 <= score <= 1:
        raise refuse(f"the score {score:.4g}", file=file, row=row, column="score", expected="from 0 to 1")
    name = names.get(category_key(entry["category_id"]))
    box = _box(entry["bbox"], row, file) if "bbox" in entry else None
    return None if name is None else _Result(str(entry["image_id"]), name, score, box)


def _box(value: Any, row: int, file: str) -> tuple[float, ...]:
    plain = isinstance(value, list) and len(value) == 4 and all(type(v) in (int, float) for v in value)
    if not plain or not all(abs(v) < MOST_PIXELS for v in value):
        found = f"the bbox is {str(value)[:60]}"
        raise refuse(found, file=file, row=row, column="bbox", expected="four numbers: x, y, width, height")
    return tuple(map(float, value))


def _foreign(results: Sequence[_Result], there: set[str], file: str) -> list[Problem]:
    """What is said of results for pictures that no row of the data is of; they are left out."""
    rows = [row for row, result in enumerate(results, 1) if result.image not in there]
    if not rows:
        return []
    shown = f"of pictures without a row in the data, such as image_id {results[rows[0] - 1].image}"
    if len(rows) == len(results):
        mend = "use the image ids of the data's file"
        raise refuse(f"all results are {shown}", file=file, row=rows[0], mend=mend)
    found = f"results {shown}, are left out"
    return [Problem("notice", found, file=file, row=rows[0], column="image_id", count=len(rows))]


def _of_pictures(
    results: Sequence[_Result], rows: Sequence[str], file: str
) -> tuple[list[Said | None], list[int]]:
    """(what is said of each row, the entry that said it first)."""
    pictures: dict[str, dict[str, float]] = {}
    first: dict[str, int] = {}
    for number, result in enumerate(results):
        said = pictures.setdefault(result.image, {})
        first.setdefault(result.image, number)
        if result.name in said:
            found = f"image_id {result.image} has a second score for {result.name!r}"
            raise refuse(found, file=file, row=number + 1, mend="give each class of a picture one score")
        said[result.name] = result.score
    return [pictures.get(image) for image in rows], [first.get(image, 0) for image in rows]


def _of_boxes(
    results: Sequence[_Result], rows: Sequence[str], asked: Asked, file: str
) -> tuple[list[Said | None], list[int], list[Problem]]:
    """(what is said of each row, the entry that said it, what was found)."""
    said, at = _overlapping(results, rows, asked)
    missing = [row for row, found in enumerate(said, 1) if not found]
    if len(missing) == len(rows):
        raise InputError(_unseen(missing, asked, file))
    problems, least = [], 1 / len(asked.layout["categories"])
    if missing:
        problems.append(replace(_unseen(missing, asked, file), severity="warning", mend=_EVERY_CLASS))
    told = [scores for scores in said if scores]
    if any(abs(sum(scores.values()) - 1) > _SUM_OFF for scores in told):
        several = [row for row, scores in enumerate(said) if len(scores) > 1]
        if several:
            found = "several classes on one box: the one with the highest score counts"
            problems.append(Problem("warning", found, "", "", file, at[several[0]] + 1, "", len(several)))
        said = [_best(scores, least) if scores else scores for scores in said]
    if missing:
        names = [name for name, _ in asked.layout["categories"]]
        said = [_over_all(scores, names) for scores in said]
    found = (
        "each box has the score of a detection that overlaps it. A detector's score is no probability of "
        "a class: a score below chance is read as chance. Trust the order of rows less"
    )
    problems.append(Problem("warning", found, file=file))
    return list(said), at, problems


def _best(scores: Mapping[str, float], least: float) -> dict[str, float]:
    name = max(scores, key=lambda n: scores[n])
    return {name: max(scores[name], least)}


def _over_all(scores: Mapping[str, float], names: Sequence[str]) -> dict[str, float]:
    """A score for every class: what is not said is spread evenly over those of which nothing is said."""
    others = [name for name in names if name not in scores]
    rest = max(0.0, 1 - sum(scores.values()))
    return {**scores, **{name: rest / len(others) for name in others}}


def _unseen(missing: Sequence[int], asked: Asked, file: str) -> Problem:
    shown = asked.row_ids[missing[0] - 1]
    found = f"no detection overlaps the box {shown!r} of the data by half (IoU {LEAST_OVERLAP})"
    mend = "keep detections of low score too, or score the annotated boxes themselves"
    return Problem("error", found, mend, file=file, count=len(missing))


def _overlapping(
    results: Sequence[_Result], rows: Sequence[str], asked: Asked
) -> tuple[list[dict[str, float]], list[int]]:
    """(best score by class, entry of the best score) of each row, over the detections that are its own."""
    said: list[dict[str, float]] = [{} for _ in rows]
    at, best = [0] * len(rows), [-1.0] * len(rows)
    if not set(_SIDES) <= set(asked.frame.columns):
        return said, at
    boxes = asked.frame[_SIDES].to_numpy(dtype=np.float64)
    found = np.array([r.box for r in results], dtype=np.float64)
    entries: dict[str, list[int]] = {}
    for number, result in enumerate(results):
        entries.setdefault(result.image, []).append(number)
    annotated: dict[str, list[int]] = {}
    for row, image in enumerate(rows):
        annotated.setdefault(image, []).append(row)
    for image in annotated.keys() & entries.keys():
        shared = overlaps(boxes[annotated[image]], found[entries[image]])
        own = (shared >= LEAST_OVERLAP) & (shared == shared.max(axis=0))
        for place, column in np.argwhere(own).tolist():
            row, number = annotated[image][place], entries[image][column]
            result = results[number]
            said[row][result.name] = max(result.score, said[row].get(result.name, 0))
            if result.score > best[row]:
                at[row], best[row] = number, result.score
    return said, at


def overlaps(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(N, M) intersection over union in [0, 1] of (N, 4) and (M, 4) boxes x, y, width, height; 0 for a box
    without area or with NaN."""
    start = np.maximum(boxes[:, None, :2], others[None, :, :2])
    stop = np.minimum(boxes[:, None, :2] + boxes[:, None, 2:], others[None, :, :2] + others[None, :, 2:])
    sides = np.clip(stop - start, 0, None)
    shared = sides[..., 0] * sides[..., 1]
    areas = [np.clip(b[:, 2], 0, None) * np.clip(b[:, 3], 0, None) for b in (boxes, others)]
    union = areas[0][:, None] + areas[1][None, :] - shared
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nan_to_num(np.where(union > 0, shared / union, 0))
