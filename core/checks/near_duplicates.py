"""Rows whose content is the same as another row's, or nearly: texts, image files, values, embeddings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from core.dataset import Dataset
from core.issues import Check, Cost, Result, Setting, issue_table
from core.methods.duplicates import (
    Groups,
    Matches,
    alike_texts,
    close_neighbours,
    contents,
    first_copies,
    group,
)
from core.methods.neighbours import EXACT_ROWS
from core.methods.pictures import DISTANCE, alike_pictures
from core.methods.recall import Recall
from core.neighbour_graph import graph
from core.predictions import Predictions
from core.progress import Progress

JUDGED = "judged"
SAME = {"image": "Same image file as row", "text": "Same text as row", "tabular": "Same values as row"}


def run(dataset: Dataset, predictions: Predictions, params: Mapping[str, Any], progress: Progress) -> Result:
    """Group rows of equal or nearly equal content; see core.methods.duplicates for what counts as such.

    Every row of a group is flagged, its score is the distance to the row that it is most like: 0 for equal
    content, else 1 - shared pieces of text, 1 - correlation of the pictures made small, or the cosine
    distance; 1 for a row without a match.
    Extra columns: group (position of its first row, -1: none), other (row id, ""), distance (NaN: none),
    content (position of the first row of equal content).
    """
    first = first_copies(dataset, progress.part(0, 0.1))
    distinct = np.flatnonzero(first == np.arange(len(dataset)))
    sources: list[tuple[str, Matches]] = []
    if dataset.columns.kind == "text":
        texts = contents(dataset)
        distinct = distinct[[bool(texts[row].strip()) for row in distinct.tolist()]]
        found = alike_texts(texts, distinct, params["shared_text"], progress.part(0.1, 0.5))
        sources.append(("text", found))
    if dataset.columns.kind == "image" and dataset.media_root is not None:
        limit = params["picture_distance"]
        sources.append(("picture", alike_pictures(dataset, distinct, limit, progress.part(0.1, 0.5))))
    recall = None
    if predictions.embeddings is not None and len(dataset) > 1:
        near, ratio = graph(predictions, progress.part(0.5, 0.85)), params["embedding_ratio"]
        found = close_neighbours(
            near.rows, near.distances, predictions.embeddings, distinct, ratio, progress.part(0.85, 0.95)
        )
        sources.append(("embedding", found))
        recall = near.recall
    progress.report(0.95, "grouping")
    table, figures = conclude(dataset, first, dict(sources), progress.part(0.95, 1))
    kinds = [name for name, _ in sources]
    note = _note(kinds, len(distinct), recall)
    summary = {**counts(figures["groups"]), "estimator": _estimator(kinds, params), "note": note}
    return Result(table, summary, figures)


def conclude(
    dataset: Dataset, first: np.ndarray, sources: Mapping[str, Matches], progress: Progress | None = None
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """The table and the figures that matches come to. first: as first_copies gives it.

    sources: matches of first rows by what they are alike in: text, picture, embedding, JUDGED.
    """
    progress = progress or Progress()
    groups = group(first, list(sources.values()), progress)
    kinds = list(sources)
    flagged = groups.other >= 0
    ids = np.append(dataset.row_ids.to_numpy(dtype=object), "")
    table = issue_table(
        dataset,
        score=np.where(flagged, groups.distance.clip(0, 1), 1),
        flagged=flagged,
        reasons=_reasons(dataset, groups, kinds),
        group=groups.group.astype(np.int32),
        other=pd.array(ids[groups.other], dtype="str"),
        distance=np.where(flagged, groups.distance, np.nan).astype(np.float32),
        content=first.astype(np.int32),
    )
    return table, {"groups": _group_frame(dataset, groups), "matches": _matches_frame(sources)}


def _matches_frame(sources: Mapping[str, Matches]) -> pd.DataFrame:
    """Every match: row, other (positions of first rows), distance, source."""
    empty = np.empty(0)
    parts = [(empty, empty, empty, ""), *((m.rows, m.others, m.distance, s) for s, m in sources.items())]
    frames = [
        pd.DataFrame({"row": r.astype(np.int32), "other": o.astype(np.int32), "distance": d}).assign(
            source=pd.array([s] * len(r), dtype="str")
        )
        for r, o, d, s in parts
    ]
    return pd.concat(frames, ignore_index=True)


def read_matches(frame: pd.DataFrame) -> dict[str, Matches]:
    """What the figure "matches" was made from, without sources that found nothing."""
    return {
        str(name): Matches(*(some[c].to_numpy() for c in ("row", "other", "distance")))
        for name, some in frame.groupby("source", sort=False)
    }


def _reasons(dataset: Dataset, groups: Groups, kinds: list[str]) -> dict[int, str]:
    ids, labels, classes = dataset.row_ids, dataset.labels, dataset.classes
    splits = None if dataset.splits is None else dataset.splits.to_numpy(dtype=object)
    out = {}
    for row in np.flatnonzero(groups.other >= 0).tolist():
        other = int(groups.other[row])
        facts = []
        if splits is not None and splits[row] != splits[other]:
            facts.append(f"in {splits[other]}")
        if labels[row] != labels[other]:
            facts.append("without a label" if labels[other] < 0 else f"labelled {classes[labels[other]]}")
        which = f", which is {' and '.join(facts)}" if facts else ""
        out[row] = f"{_likeness(dataset, groups, kinds, row)} {ids[other]}{which}."
    return out


def _likeness(dataset: Dataset, groups: Groups, kinds: list[str], row: int) -> str:
    source = groups.source[row]
    if source == len(kinds):
        return SAME.get(dataset.columns.kind, "Same content as row")
    if kinds[source] == "text":
        share = int(100 * (1 - groups.distance[row]) + 1e-6)  # never rounded up to 100%
        return f"Shares {share}% of its text with row"
    if kinds[source] == JUDGED:
        return "Was judged to be the same as row"
    if kinds[source] == "picture":
        return f"Looks the same (difference {groups.distance[row]:.2g}) as row"
    return f"To the model almost the same (distance {groups.distance[row]:.2g}) as row"


def _group_frame(dataset: Dataset, groups: Groups) -> pd.DataFrame:
    """One line a group, largest first: its first row's id, rows, splits and labels that it spans."""
    flagged = groups.group >= 0
    members = pd.DataFrame({"group": groups.group[flagged], "label": dataset.labels[flagged]})
    members["split"] = "" if dataset.splits is None else dataset.splits.to_numpy()[flagged]
    labelled = members["label"].where(members["label"] >= 0)
    frame = pd.DataFrame(
        {
            "rows": members.groupby("group").size(),
            "splits": members.groupby("group")["split"].nunique(),
            "labels": labelled.groupby(members["group"]).nunique(),
        }
    ).reset_index()
    frame.insert(1, "row_id", dataset.row_ids.to_numpy()[frame["group"].to_numpy()])
    return frame.sort_values("rows", ascending=False, kind="stable", ignore_index=True)


def _estimator(kinds: list[str], params: Mapping[str, Any]) -> str:
    rules = ["equal content"]
    if "text" in kinds:
        rules.append(f"at least {params['shared_text']:.0%} of the pieces of 5 letters shared")
    if "picture" in kinds:
        rules.append(f"pictures made small correlated to at least {1 - params['picture_distance']:g}")
    if "embedding" in kinds:
        rules.append(f"embedding distance below {params['embedding_ratio']:g} of the usual nearest distance")
    return ", or ".join(rules)


def counts(groups: pd.DataFrame) -> dict[str, int]:
    """The numbers of the summary, from the figure "groups"."""
    return {
        "flagged": int(groups["rows"].sum()),
        "groups": len(groups),
        "spare_rows": int(groups["rows"].sum() - len(groups)),
        "groups_across_splits": int((groups["splits"] > 1).sum()),
        "groups_with_different_labels": int((groups["labels"] > 1).sum()),
    }


def _note(kinds: list[str], distinct: int, recall: Recall | None) -> str:
    """Where pairs may have been missed."""
    notes = []
    if "picture" in kinds and distinct > EXACT_ROWS:
        notes.append(
            f"{distinct:,} distinct rows: pictures were compared near landmarks only, which may miss pairs."
        )
    if recall is not None:
        notes.append(f"Embeddings were compared with {recall.words}.")
    return " ".join(notes)


CHECK = Check(
    name="near_duplicates",
    title="Near-duplicates",
    help="Rows with the same or nearly the same content; across splits they leak, across labels they clash.",
    needs=frozenset({"content"}),
    uses=frozenset({"embeddings", "split", "labels"}),
    run=run,
    whole=True,
    cost=Cost(85, 3500, searches=True, reads=True),
    version=4,
    settings=(
        Setting("shared_text", 0.8, "Share of pieces of 5 letters that two texts have in common, 0 to 1."),
        Setting("picture_distance", DISTANCE, "1 - correlation of two pictures made small, 0 to 2."),
        Setting("embedding_ratio", 0.13, "Embedding distance, as a part of the usual nearest distance."),
    ),
    limits=(
        "Paraphrases and translations share few pieces of text and are found only if the embeddings say so. "
        "Images that are cropped, turned or mirrored are found only by their embeddings, and so are very "
        "small ones that were compressed hard. Above 30,000 distinct rows a few pairs may be missed."
    ),
)
