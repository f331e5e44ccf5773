"""Held-out rows whose content also lies in another split, so that a test score says too much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from core.checks._leak_figures import EMBEDDING, EXACT, METHODS, NEAR, NGRAM, PICTURE, RUN
from core.checks._leaks import Leaks, bits_of, conclude, equal_rows, sides_of
from core.dataset import Dataset
from core.issues import Check, Cost, Result, Setting, nothing
from core.methods.across_splits import (
    HELD_OUT_SPLITS,
    NONE,
    TRAINING,
    Copied,
    Copies,
    Pairs,
    alike,
    close,
    copied,
)
from core.methods.duplicates import close_limit, contents, first_copies
from core.methods.intervals import wilson
from core.methods.ngram_cover import LENGTH, LONG, REPHRASED, SHARE
from core.methods.pictures import DISTANCE, read_pictures
from core.methods.rephrased import NEAREST, SEED, TEXT_CHARACTERS, TEXT_QUERIES, TEXT_ROWS, nearest_texts
from core.predictions import Predictions
from core.progress import Progress
from core.splits import Splits, splits_of


@dataclass
class _Found:
    """What each method found, among first rows of equal content.

    pairs: by method. nearest: the nearest training rows of each held-out row, whatever their distance, by
    `space`. notes: what was not compared.
    """

    pairs: dict[str, Pairs] = field(default_factory=dict)
    ngrams: Copied | None = None
    nearest: Pairs | None = None
    space: str = ""
    notes: list[str] = field(default_factory=list)


def run(dataset: Dataset, predictions: Predictions, params: Mapping[str, Any], progress: Progress) -> Result:
    """Flag the rows of held-out splits whose content lies in another split too, the training side first.

    score: 0 for equal content, else the distance by the first method that finds it: 1 - shared pieces of
    text, 1 - correlation of small pictures, cosine distance, 1 - the share of its words that one other row
    covers; 1 for all other rows.
    Extra columns: other (row id, ""), method (of METHODS, ""), distance (NaN: none), leaks (bool: a training
    row that a flagged row was matched with), content (position of the first row of equal content), found
    (Leaks.bits).
    """
    splits = splits_of(dataset)
    if splits is None or not splits.held_out:
        return _nothing(dataset, splits)
    copies = Copies.of(first_copies(dataset, progress.part(0, 0.1)), sides_of(splits))
    found = _compare(dataset, predictions, copies, params, progress.part(0.1, 0.95))
    progress.report(0.95, "writing reasons")
    rows = np.flatnonzero(copies.side > TRAINING)
    by_method = _found_by(copies, found, equal_rows(copies), rows)
    bits = bits_of(by_method, len(dataset), rows)
    leaks = Leaks(splits, copies, found.pairs, bits, found.nearest, found.space)
    table, figures = conclude(dataset, leaks)
    return Result(table, _summary(splits, table, found, copies, rows, params), figures)


def _compare(
    dataset: Dataset, predictions: Predictions, copies: Copies, params: Mapping[str, Any], progress: Progress
) -> _Found:
    found, kind = _Found(), dataset.columns.kind
    rows = np.flatnonzero(copies.own != NONE)
    texts = contents(dataset) if kind == "text" else []
    if kind == "text":
        rows = rows[[bool(texts[row].strip()) for row in rows.tolist()]]
        found.pairs[NEAR] = alike(texts, copies, rows, params["shared_text"], progress.part(0, 0.35))
        found.ngrams = copied(texts, copies, rows, params["cover"], progress.part(0.35, 0.55))
        found.pairs[NGRAM] = found.ngrams.pairs
        if found.ngrams.left_out:
            said = f"{found.ngrams.left_out:,} runs of words stand in so many rows that they were left out."
            found.notes.append(said)
    if kind == "image" and dataset.media_root is not None:
        small = read_pictures(dataset, _distinct(copies), progress.part(0, 0.5)).signatures
        told = rows[small[rows].any(axis=1)]
        every = close(small, copies, told, progress.part(0.5, 0.55))
        found.pairs[PICTURE] = _within(every, params["picture_distance"])
    if predictions.embeddings is not None and len(_distinct(copies)) > 1:
        vectors, part = predictions.embeddings, progress.part(0.55, 1)
        limit = close_limit(vectors, _distinct(copies), params["embedding_ratio"], part.part(0, 0.2))
        every = close(vectors, copies, rows, part.part(0.2, 1))
        found.pairs[EMBEDDING] = _within(every, limit)
        found.nearest, found.space = every[0], EMBEDDING
    elif kind == "text":
        found.nearest, found.space = _rephrased(texts, copies, rows, found, progress.part(0.55, 1)), NEAR
    held = int(copies.side.max())
    if held > HELD_OUT_SPLITS and (PICTURE in found.pairs or EMBEDDING in found.pairs):
        found.notes.append("So many splits are held out that likeness was looked for in training only.")
    return found


def _distinct(copies: Copies) -> np.ndarray:
    return np.flatnonzero(copies.first == np.arange(len(copies.first)))


def _within(every: tuple[Pairs, Pairs], limit: float) -> Pairs:
    joined = Pairs(*(np.concatenate(column) for column in zip(*every, strict=True)))
    return Pairs(*(column[joined.distance <= limit] for column in joined))


def _rephrased(
    texts: list[str], copies: Copies, rows: np.ndarray, found: _Found, progress: Progress
) -> Pairs | None:
    """The most alike training texts, by letters, of the held-out texts that are not found otherwise: of
    TEXT_QUERIES of them, by a seed. None where there are too many texts."""
    training = rows[copies.inside[rows] < len(copies.first)]
    asked = rows[copies.own[rows] > TRAINING]
    asked = np.setdiff1d(asked, np.concatenate([pairs.asked for pairs in found.pairs.values()]))
    every = len(asked)
    if every > TEXT_QUERIES:
        asked = np.sort(np.random.default_rng(SEED).choice(asked, TEXT_QUERIES, replace=False))
    some = [*asked.tolist(), *training.tolist()]
    if len(some) > TEXT_ROWS or sum(len(texts[row]) for row in some) > TEXT_CHARACTERS:
        said = f"Without embeddings, rephrased rows are looked for among up to {TEXT_ROWS:,} rows only."
        found.notes.append(said)
        return None
    if len(asked) < every:
        said = f"Without embeddings, rephrased forms of {len(asked):,} of {every:,} rows were looked for"
        found.notes.append(f"{said}, drawn by seed {SEED}.")
    nearest, distance = nearest_texts(texts, asked, training, NEAREST, progress)
    there = nearest >= 0
    who = np.broadcast_to(asked[:, None], nearest.shape)
    return Pairs(who[there], nearest[there], distance[there])


def _found_by(copies: Copies, found: _Found, equal: np.ndarray, rows: np.ndarray) -> dict[str, np.ndarray]:
    """For each method that ran, (len(rows),) bool: it finds the held-out row, whatever others find.

    Nearly equal leaves out equal rows; n-grams find those that are long enough.
    """
    by = {EXACT: equal[rows]}
    first = copies.first[rows]
    for name, pairs in found.pairs.items():
        mask = np.zeros(len(copies.first), dtype=bool)
        mask[pairs.asked] = True
        by[name] = mask[first] & ~equal[rows]
    if found.ngrams is not None:
        by[NGRAM] |= equal[rows] & ~found.ngrams.short[first]
        by[RUN] = found.ngrams.runs[first] | (equal[rows] & found.ngrams.long[first])
    return {name: by[name] for name in METHODS if name in by}


def _summary(
    splits: Splits,
    table: pd.DataFrame,
    found: _Found,
    copies: Copies,
    rows: np.ndarray,
    params: Mapping[str, Any],
) -> dict[str, Any]:
    rules = ["equal content"]
    if NEAR in found.pairs:
        rules.append(f"at least {params['shared_text']:.0%} of the pieces of 5 letters shared")
        rules.append(f"more than {params['cover']:.0%} of the words in runs of {LENGTH} of one other row")
    if PICTURE in found.pairs:
        rules.append(f"pictures made small correlated to at least {1 - params['picture_distance']:g}")
    if EMBEDDING in found.pairs:
        rules.append(f"embedding distance below {params['embedding_ratio']:g} of the usual nearest distance")
    none = int((splits.codes < 0).sum())
    outside = [f"{none:,} rows are in no split and were not compared."] if none else []
    flagged = int(table["flagged"].sum())
    return {
        "flagged": flagged,
        "estimator": f"{', or '.join(rules)}; {splits.said}",
        "training": list(splits.training),
        "training_by_name": splits.by_name,
        "held_out": list(splits.held_out),
        "held_out_rows": len(rows),
        "training_rows_that_leak": int(table["leaks"].sum()),
        "blind_spots": _blind_spots(found, copies, rows),
        "space": found.space,
        "note": " ".join([*found.notes, *outside]),
    }


def _blind_spots(found: _Found, copies: Copies, rows: np.ndarray) -> list[str]:
    """What each method that ran cannot see, a sentence each."""
    said = ["Equal content misses every row of which one letter, value or byte was changed."]
    if found.ngrams is not None:
        hits, runs, of = REPHRASED
        low, high = wilson(np.array([hits, runs]), np.array([of, of]))
        short = int(found.ngrams.short[copies.first[rows]].sum())
        said += [
            "Shared pieces of text miss rows that say the same in other words.",
            f"Runs of {LENGTH} words miss rephrased rows: of {of} rephrased programming tasks with known "
            f"originals (HumanEval) they found {hits} ({low[0]:.0%} to {high[0]:.0%}); any run of {LONG} "
            f"words found {runs} ({low[1]:.0%} to {high[1]:.0%}).",
            "Languages that put no spaces between words have few runs of words.",
        ]
        if short:
            verb = "row has" if short == 1 else "rows have"
            said.append(f"{short:,} held-out {verb} fewer than {LENGTH} words: no run can be found there.")
    if PICTURE in found.pairs:
        said.append("Small pictures miss those that were cropped, turned, mirrored or drawn over.")
    if EMBEDDING in found.pairs:
        said.append(
            "Embeddings miss what their model does not see; near the limit they miss loose rephrases."
        )
    else:
        said.append("There are no embeddings: rows of the same meaning are not found by any of these.")
    return said


def _nothing(dataset: Dataset, splits: Splits | None) -> Result:
    """For a data set in which no split is held out."""
    n = len(dataset)
    none: Any = pd.array(np.full(n, "", dtype=object), dtype="str")
    return nothing(
        dataset,
        "there is one split, and a row needs another to leak into",
        {
            "training": [] if splits is None else list(splits.training),
            "held_out": [],
            "blind_spots": [],
            "note": "",
        },
        other=none,
        method=none,
        distance=np.full(n, np.nan, dtype=np.float32),
        leaks=np.zeros(n, dtype=bool),
    )


CHECK = Check(
    name="split_leakage",
    title="Split leakage",
    help="Held-out rows whose content lies in another split too, so that a test score says too much.",
    needs=frozenset({"content", "split"}),
    uses=frozenset({"embeddings", "labels"}),
    run=run,
    cost=Cost(60, 2500, reads=True),
    optional=True,
    version=2,
    settings=(
        Setting("shared_text", 0.8, "Share of pieces of 5 letters that two texts have in common, 0 to 1."),
        Setting("cover", SHARE, "Share of a text's words above which copied runs of 8 count, 0 to 1."),
        Setting("picture_distance", DISTANCE, "1 - correlation of two pictures made small, 0 to 2."),
        Setting("embedding_ratio", 0.13, "Embedding distance, as a part of the usual nearest distance."),
    ),
    limits=(
        "Rephrased, translated, cropped or turned copies are found only where embeddings put them together. "
        "Training rows are named up to the 5 nearest of each held-out row; run it again after dropping them. "
        "Above 900 million pairs of rows embeddings are compared near landmarks, which may miss some."
    ),
)
