"""Pictures whose given mask a model's mask contradicts, and masks that are wrong whatever a model says."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from core.checks._faults import USUAL, Fault, fault_result
from core.dataset import Dataset
from core.decoding import MediaError, shown_size
from core.issues import Check, Cost, Result, Setting
from core.mask_files import Model, Said, given_mask
from core.masks import VOID, Masks
from core.media import media_path
from core.methods.masks import (
    DRAWS,
    FIELDS,
    SEED,
    SPECK,
    THICK,
    Overlap,
    compare,
    confusion,
    given_scores,
    pixel_scores,
    place_words,
    regions,
    softmin,
    softmin_of_steps,
)
from core.predictions import Predictions
from core.progress import Progress

BEST, SOFTMIN, WORST_IOU, DIFFERING = "best", "softmin", "worst_iou", "differing"
DIFFERS = 0.002
"""Chosen on planted faults; what it finds on others of another seed, tests/benchmarks/bench_masks.py says."""
SURE = 0.7
_UNREAD, _SAME, _EMPTY, _RARE, _SPECKS = 0.0, 0.1, 0.2, 0.4, 0.45  # scores
_PAIRS_KEPT = 1_000


@dataclass(eq=False)
class _Seen:
    """What was measured of each picture. spread: (K,) pictures whose given mask has the class."""

    facts: np.ndarray
    compared: np.ndarray
    only: np.ndarray  # the one value of a mask, -1 where it has several
    specks: np.ndarray
    overlap: Overlap
    spread: np.ndarray
    unread: dict[int, str] = field(default_factory=dict)
    alike: dict[bytes, list[int]] = field(default_factory=dict)
    model_unread: int = 0


def run(dataset: Dataset, predictions: Predictions, params: Mapping[str, Any], progress: Progress) -> Result:
    """Compare every given mask with the model's, a picture at a time, and look at each mask alone.

    A row is flagged where at least `differs` of its pixels have another class in the model's mask, in areas
    that are at least `thick` pixels wide and high and, where its confidence is known, at least `sure`.
    score: by default softmin of the pixels' scores where confidences are known, as cleanlab.segmentation has
    it, else 0.5 where that share is `differs`, falling with it; lower where the mask has a fault of its own.
    Extra columns: softmin (NaN without confidences), worst_iou (the lowest IoU of a class in the picture; NaN
    without a model), differing (that share of pixels), and one of bool for each fault.
    Figures: mask_classes (IoU over all pixels, 95% intervals), mask_pairs (given and predicted class of
    pixels that differ).
    """
    masks = dataset.masks
    if masks is None:
        raise ValueError("mask_errors needs masks")
    seen = _look(dataset, masks, params, progress.part(0, 0.95))
    faults = _faults(dataset, masks, seen, params)
    model, facts = seen.compared, seen.facts
    share = np.where(model, facts["differing"] / np.maximum(facts["pixels"], 1), 0)
    softmins = np.where(model, facts["softmin"], np.nan)
    columns = {
        "softmin": softmins.astype(np.float32),
        "worst_iou": np.where(model, facts["worst_iou"], np.nan).astype(np.float32),
        "differing": share.astype(np.float32),
        **{fault.name: np.isin(np.arange(len(dataset)), fault.rows) for fault in faults},
    }
    figures = {"mask_classes": _classes(masks, seen), "mask_pairs": _pairs(masks, seen.overlap.counts)}
    words = _estimator(bool(model.any()), bool(np.isfinite(softmins).any()), params)
    more = {"compared": int(model.sum()), "scored": len(dataset), "classes": len(masks.names), "seed": SEED}
    made = fault_result(
        dataset,
        [_differs(dataset, masks, share, facts, params), *faults],
        params["usual"],
        words,
        progress.part(0.95, 1),
        _notes(seen),
        columns,
        figures,
        more,
    )
    base = _score(str(params["score"]), share, softmins, columns["worst_iou"], model, params["differs"])
    own = np.where(made.table["score"] < _SPECKS + 0.01, made.table["score"], 1)
    return Result(
        made.table.assign(score=np.minimum(base, own).astype(np.float32)), made.summary, made.figures
    )


def _look(dataset: Dataset, masks: Masks, params: Mapping[str, Any], progress: Progress) -> _Seen:
    total, classes = len(dataset), len(masks.names)
    zeros = np.zeros(total, np.int32)
    seen = _Seen(
        np.zeros(total, FIELDS),
        np.zeros(total, bool),
        zeros - 1,
        zeros.copy(),
        Overlap(classes),
        np.zeros(classes, np.int64),
    )
    model = Model(masks)
    for row in range(total):
        progress.report(row / total, f"Reading mask {row + 1:,} of {total:,}")
        try:
            given = given_mask(masks, row)
        except MediaError as error:
            seen.unread[row] = str(error).rstrip(".")
            continue
        if not _fits(dataset, row, given, classes, seen):
            continue
        _alone(row, given, classes, seen)
        try:
            said = model.says(row)
        except MediaError:
            said = None
            seen.model_unread += 1
        if said is None:
            continue
        if said.mask.shape != given.shape or (said.probs is not None and len(said.probs) < classes):
            seen.model_unread += 1
            continue
        _beside(row, given, said, params, seen)
    return seen


def _fits(dataset: Dataset, row: int, given: np.ndarray, classes: int, seen: _Seen) -> bool:
    try:
        size = shown_size(media_path(dataset, row))
    except (MediaError, OSError, ValueError, SyntaxError):
        size = given.shape[::-1]  # that the picture cannot be read is another check's to say
    if size != given.shape[::-1]:
        high, wide = given.shape
        seen.unread[row] = f"Its mask has {wide:,} x {high:,} pixels, its picture {size[0]:,} x {size[1]:,}"
    elif bool(((given >= classes) & (given != VOID)).any()):
        value = int(given[(given >= classes) & (given != VOID)].max())
        seen.unread[row] = f"Its mask has pixels of value {value}, but there are {classes} classes"
    return row not in seen.unread


def _alone(row: int, given: np.ndarray, classes: int, seen: _Seen) -> None:
    counts = np.bincount(given.ravel(), minlength=256)
    there = np.flatnonzero(counts[:classes])
    seen.spread[there] += 1
    if len(there) < 2:
        seen.only[row] = there[0] if len(there) else VOID
    else:
        key = hashlib.sha256(repr(given.shape).encode() + given.tobytes()).digest()[:16]
        seen.alike.setdefault(key, []).append(row)
    seen.specks[row] = int((regions(given).pixels <= SPECK).sum())


def _beside(row: int, given: np.ndarray, said: Said, params: Mapping[str, Any], seen: _Seen) -> None:
    classes = len(seen.spread)
    counts = confusion(given, said.mask, classes)
    seen.overlap.add(counts)
    sure = None if said.confidence is None else said.confidence >= 255 * params["sure"]
    seen.facts[row] = compare(given, said.mask, classes, counts, sure, params["thick"])
    seen.compared[row] = True
    if seen.facts[row]["pixels"] == 0:
        return
    if said.probs is not None:
        seen.facts[row]["softmin"] = softmin(pixel_scores(given, said.probs))
    elif said.confidence is not None:
        seen.facts[row]["softmin"] = softmin_of_steps(*given_scores(given, said.mask, said.confidence))


def _differs(
    dataset: Dataset, masks: Masks, share: np.ndarray, facts: np.ndarray, params: Mapping[str, Any]
) -> Fault:
    rows = np.flatnonzero((share >= params["differs"]) & (share > 0))

    def said(i: int) -> str:
        row = facts[rows[i]]
        given, predicted = masks.names[row["given"]], masks.names[row["predicted"]]
        of_pair = _percent(row["pair_pixels"] / row["pixels"])
        place = place_words(int(row["place"]))
        return f"of its pixels {of_pair} are given {given} and predicted {predicted}{place}"

    return Fault("differs", "the model's mask differs", rows, np.full(len(rows), 0.49), said, True)


def _faults(dataset: Dataset, masks: Masks, seen: _Seen, params: Mapping[str, Any]) -> list[Fault]:
    names, ids, total = masks.names, dataset.row_ids, len(dataset)
    unread = np.array(sorted(seen.unread), np.int64)
    other = _of_another(dataset, seen)
    same = np.array(sorted(other), np.int64)
    empty = np.flatnonzero(seen.only >= 0)
    few = np.flatnonzero((seen.spread > 0) & (seen.spread < params["rare"] * total))
    rare = _rows_with(masks, few) if len(few) else {}
    odd = np.array(sorted(rare), np.int64)
    specks = np.flatnonzero(seen.specks >= params["specks"]) if params["specks"] else same[:0]

    def only(i: int) -> str:
        value = int(seen.only[empty[i]])
        return "its mask is void all over" if value == VOID else f"its mask is {names[value]} all over"

    def seldom(i: int) -> str:
        code = rare[int(odd[i])]
        return f"{names[code]} is in {seen.spread[code]:,} of {total:,} masks"

    def slips(i: int) -> str:
        number = int(seen.specks[specks[i]])
        return f"its mask has {number:,} {'speck' if number == 1 else 'specks'} of at most {SPECK} pixels"

    def fault(name: str, words: str, rows: np.ndarray, score: float, said: Any) -> Fault:
        return Fault(name, words, rows, np.full(len(rows), score), said)

    return [
        fault(
            "unreadable",
            "mask missing, unreadable or not of its picture",
            unread,
            _UNREAD,
            lambda i: seen.unread[int(unread[i])],
        ),
        fault(
            "of_another",
            "mask of another picture",
            same,
            _SAME,
            lambda i: f"its mask is the same as that of row {ids[other[int(same[i])]]}, another picture",
        ),
        fault("one_class", "one class all over", empty, _EMPTY, only),
        fault("rare_class", "a class that hardly any mask has", odd, _RARE, seldom),
        fault("specks", "specks", specks, _SPECKS, slips),
    ]


def _of_another(dataset: Dataset, seen: _Seen) -> dict[int, int]:
    """The rows whose mask is that of a row with another picture, and that row."""
    content = dataset.media_hash
    found: dict[int, int] = {}
    if content is None:
        return found
    for rows in seen.alike.values():
        for row in rows if len(rows) > 1 else ():
            apart = next((r for r in rows if content[r] != content[row]), None)
            if apart is not None:
                found[row] = apart
    return found


def _rows_with(masks: Masks, codes: np.ndarray) -> dict[int, int]:
    """The rows whose masks may have one of these classes, with the first of them."""
    found: dict[int, int] = {}
    wanted = {str(code) for code in codes.tolist()}
    for row, text in enumerate(masks.rows["classes"].tolist()):
        here = wanted.intersection(text.split())
        if not here:
            continue
        try:
            values = np.unique(given_mask(masks, row))
        except MediaError:
            continue
        there = np.intersect1d(values, codes)
        if len(there):
            found[row] = int(there[0])
    return found


def _score(
    which: str,
    share: np.ndarray,
    softmins: np.ndarray,
    worst: np.ndarray,
    compared: np.ndarray,
    cut: float,
) -> np.ndarray:
    """(N,) in [0, 1], 0 = worst; 1 for a row of which the model says nothing."""
    cut = max(cut, 1e-9)
    graded = np.where(share >= cut, 0.5 * cut / np.maximum(share, cut), 1 - 0.5 * share / cut)
    chosen = {WORST_IOU: worst, SOFTMIN: softmins, DIFFERING: graded}.get(which, softmins)
    known = np.where(np.isfinite(chosen), chosen, graded)
    return np.where(compared, known, 1.0)


def _classes(masks: Masks, seen: _Seen) -> pd.DataFrame:
    """One line a class, lowest IoU first: pictures and pixels that have it, IoU and its 95% interval."""
    value, low, high = seen.overlap.iou()
    frame = pd.DataFrame(
        {
            "class": pd.array(masks.names, dtype="str"),
            "pictures": seen.spread,
            "pixels": seen.overlap.counts.sum(1),
            "iou": value,
            "low": low,
            "high": high,
        }
    )
    return frame.sort_values("iou", kind="stable", ignore_index=True)


def _pairs(masks: Masks, counts: np.ndarray) -> pd.DataFrame:
    """Pairs of classes by pixels that differ, most first: their share of the given class's pixels."""
    apart = counts.copy()
    np.fill_diagonal(apart, 0)
    given, predicted = np.nonzero(apart)
    names = np.array([*masks.names, ""], dtype=object)
    frame = pd.DataFrame(
        {
            "given": pd.array(names[given], dtype="str"),
            "predicted": pd.array(names[predicted], dtype="str"),
            "pixels": apart[given, predicted],
            "share": apart[given, predicted] / np.maximum(counts.sum(1)[given], 1),
        }
    )
    return frame.sort_values("pixels", ascending=False, kind="stable", ignore_index=True).head(_PAIRS_KEPT)


def _estimator(model: bool, confident: bool, params: Mapping[str, Any]) -> str:
    alone = "masks looked at alone: missing, of another size or picture, of one class, rare classes, specks"
    if not model:
        return f"{alone}; no predicted masks"
    sure = f", where the model is at least {params['sure']:.0%} sure" if confident else ""
    return (
        f"at least {params['differs']:.1%} of the pixels differ from the predicted mask in areas at least "
        f"{params['thick']} pixels wide{sure}; {alone}; intervals of IoU: Poisson bootstrap over pictures, "
        f"{DRAWS} draws, seed {SEED}"
    )


def _notes(seen: _Seen) -> list[str]:
    if not seen.model_unread:
        return []
    return [f"Predicted masks that cannot be read or are of another size: {seen.model_unread:,}."]


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else "less than 1 %"


CHECK = Check(
    name="mask_errors",
    title="Mask errors",
    help="Pictures whose given mask the model's mask contradicts, or whose mask is missing, of another "
    "picture or odd.",
    needs=frozenset({"masks"}),
    uses=frozenset({"content"}),
    run=run,
    cost=Cost(20_000, 200),
    kind="image",
    optional=True,
    settings=(
        USUAL,
        Setting(
            "differs", DIFFERS, "Share of its pixels that differ from which a picture is flagged, 0 to 1."
        ),
        Setting("sure", SURE, "Confidence of the model below which a pixel is not counted, 0 to 1."),
        Setting(
            "thick", THICK, "Pixels that an area is wide and high from which it is counted; 1 counts borders."
        ),
        Setting("rare", 0.001, "Share of masks below which a class is rare, 0 to 1."),
        Setting("specks", 1, "Specks in a mask from which it is flagged; 0: never."),
        Setting(
            "score",
            BEST,
            "How pictures are ranked: softmin of cleanlab where confidences are known, else the share of "
            "pixels that differ; or always by one measure, as far as it is known.",
            (BEST, SOFTMIN, WORST_IOU, DIFFERING),
        ),
    ),
    limits=(
        "A picture is flagged, not a pixel: a person decides keep, exclude, needs review or ambiguous, and "
        "draws the mask again elsewhere; taking the predicted mask is not offered. Predicted masks must be "
        "out-of-sample. What a model learned wrong from the masks, and is sure of, is flagged as an error or "
        "stays hidden. Areas narrower than 5 pixels are not compared. The cuts were chosen on planted faults "
        "in drawn pictures, not on photographs."
    ),
)
