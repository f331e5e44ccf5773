"""Why labels are wrong: slices and classes in which they are, shortcuts, and what the order of rows tells."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from core.audit import Audit
from core.cache import load_table, store_table
from core.clustering import find_clusters, stored_clusters
from core.dataset import Dataset
from core.issues import Result
from core.methods.class_structure import (
    drift,
    imbalance,
    noise_matrix,
    order_of_nearest,
    overlapping,
    underperforming,
)
from core.methods.confident_learning import Scan, scan
from core.methods.shortcuts import foretelling, texture_gap
from core.methods.systematic import SliceColumn, plain, systematic_errors
from core.neighbour_graph import forget, graph
from core.nuisances import nuisances
from core.predictions import Predictions
from core.progress import Progress
from core.review.queue import default_find
from core.workspace import Project, Workspace

FEWEST, MOST = 2, 200
NUMBERS_AS_VALUES = 20
"""Different numbers in a column up to which each is a slice; a column with more is cut into quartiles."""
TRUSTED_SPLITS = ("test", "validation", "valid", "val", "dev")
_NAME, _VERSION = "causes", 1
_PEEK = 20_000


@dataclass(frozen=True, eq=False)
class Causes:
    """Frames, each as its method describes it, the surest or worst first.

    findings: systematic errors. overlap, imbalance, noise: of classes. underperforming: slices in which the
    model agrees least with the labels. shortcuts: properties that foretell the label. order: what, strength,
    p, sentence, of the order of the rows; drift: shares of the classes from the first rows to the last.
    facts: name and text: how each was made ("findings", ...), and what was left out ("left out").
    """

    findings: pd.DataFrame
    overlap: pd.DataFrame
    imbalance: pd.DataFrame
    noise: pd.DataFrame
    underperforming: pd.DataFrame
    shortcuts: pd.DataFrame
    order: pd.DataFrame
    drift: pd.DataFrame
    facts: pd.DataFrame

    def said(self, name: str) -> list[str]:
        """The texts of facts of that name."""
        return self.facts.loc[self.facts["name"] == name, "text"].tolist()


def slice_columns(dataset: Dataset, clusters: np.ndarray | None) -> tuple[list[SliceColumn], list[str]]:
    """The columns that cut the rows into slices, and for each column left out one sentence.

    Metadata columns, that is neither id, label, split nor content (for tables the content too), with 2 to 200
    different values; numbers of more than 20 values as quartiles; then the split and the clusters (from 1).
    Columns that hold class names are people's answers, not slices.
    """
    roles = dataset.columns
    taken = {roles.id, roles.label, roles.split} | (set() if roles.kind == "tabular" else {*roles.content})
    found, left_out = [], []
    for name in dataset.table.columns:
        if name not in taken:
            column = _column(dataset, str(name))
            if isinstance(column, SliceColumn):
                found.append(column)
            elif column:
                left_out.append(column)
    if dataset.splits is not None:
        found.append(SliceColumn("split", _objects(dataset.splits), "split"))
    if clusters is not None:
        found.append(SliceColumn("cluster", (clusters + 1).astype(str).astype(object), "cluster"))
    return found, left_out


def _column(dataset: Dataset, name: str) -> SliceColumn | str:
    """The column as slices, or why it is none; "" where that goes without saying."""
    values = dataset.table[name]
    number = pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype)
    if not number and _distinct(values.iloc[:_PEEK]) > MOST:
        return f"{plain(name)} has more than {MOST} different values."
    distinct = _distinct(values)
    if distinct < FEWEST:
        return ""
    if number and distinct > NUMBERS_AS_VALUES:
        return SliceColumn(name, _quartiles(values.to_numpy(np.float64, na_value=np.nan)), param="")
    if distinct > MOST:
        return f"{plain(name)} has more than {MOST} different values."
    texts = _objects(values)
    if {t for t in texts if t} <= {*dataset.names, *dataset.tokens}:
        return f"{plain(name)} holds class names: answers, not slices."
    return SliceColumn(name, texts)


def _distinct(values: pd.Series) -> int:
    try:
        return int(values.nunique())
    except TypeError:  # lists and mappings cannot be counted as they are
        return int(values.astype("str").nunique())


def _objects(values: pd.Series) -> np.ndarray:
    """(N,) object array of text, None where there is no value."""
    texts = values.astype("str").to_numpy(dtype=object)
    texts[values.isna().to_numpy()] = None
    return texts


def _quartiles(values: np.ndarray) -> np.ndarray:
    """(N,) object: which quarter of the numbers a value lies in, as "1.5 to 3"; None where there is none."""
    there = np.isfinite(values)
    edges = np.unique(np.quantile(values[there], [0, 0.25, 0.5, 0.75, 1])) if there.any() else np.zeros(1)
    out = np.full(len(values), None, dtype=object)
    if len(edges) < 2:
        return out
    bins = np.clip(np.searchsorted(edges, values[there], side="left") - 1, 0, len(edges) - 2)
    over = [f"over {edges[i]:g} up to" if i else f"{edges[i]:g} to" for i in range(len(edges) - 1)]
    names = np.array([f"{word} {edges[i + 1]:g}" for i, word in enumerate(over)], dtype=object)
    out[there] = names[bins]
    return out


def causes(
    dataset: Dataset,
    predictions: Predictions,
    found: Result | None,
    clusters: np.ndarray | None,
    progress: Progress | None = None,
) -> Causes:
    """Look for all of it. found: of the check of wrong labels, None where it has not run.

    clusters: (N,) from 0. What is missing leaves its frame empty. The same for the same input.
    """
    progress = progress or Progress()
    progress.report(0, "choosing slices")
    columns, left_out = slice_columns(dataset, clusters)
    facts = [("left out", text) for text in left_out]
    labels = np.asarray(dataset.labels)
    one_label = dataset.sets is None and dataset.targets is None
    scanned = None
    near: np.ndarray | None = None
    if predictions.pred_probs is not None and one_label and predictions.pred_probs.shape[1] > 1:
        scanned = scan(labels, predictions.pred_probs, progress.part(0.02, 0.1))
    if predictions.embeddings is not None and len(dataset) > 1:
        near = graph(predictions, progress.part(0.1, 0.4)).rows
    findings = _findings(dataset, found, columns, facts, progress.part(0.4, 0.5))
    weak = _underperforming(dataset, scanned, columns, facts, progress.part(0.5, 0.55))
    classes = dataset.classes
    counts = np.bincount(labels[labels >= 0], minlength=len(classes)) if one_label else np.zeros(0, int)
    joint = np.zeros((len(counts), len(counts)), int) if scanned is None else scanned.confident_joint
    names = classes if one_label else ()
    # Errors put rows of a class among those of another: they are no overlap.
    kept = labels if found is None else np.where(found.table["flagged"].to_numpy(), -1, labels)
    pairs = overlapping(joint, counts, names, kept, near if one_label else None)
    facts.append(
        (
            "overlap",
            "share of the rows that the model, or the nearest row, puts into the other class, the smaller of "
            "both ways; 95% Wilson intervals; rows flagged by the label check are no one's nearest row",
        )
    )
    order, moved = _order(dataset, near, progress.part(0.55, 0.7))
    cuts = foretelling([], labels, ())
    if one_label:
        cuts = _shortcuts(dataset, columns, facts, progress.part(0.7, 1))
    progress.report(1)
    return Causes(
        findings,
        pairs,
        imbalance(counts, names),
        noise_matrix(joint, counts, names),
        weak,
        cuts,
        order,
        moved,
        pd.DataFrame(facts, columns=["name", "text"], dtype="str"),
    )


def _findings(
    dataset: Dataset,
    found: Result | None,
    columns: Sequence[SliceColumn],
    facts: list[tuple[str, str]],
    progress: Progress,
) -> pd.DataFrame:
    labels = np.asarray(dataset.labels)
    if found is None:
        facts.append(("left out", "Systematic errors: the label check has not run."))
        return systematic_errors(np.zeros(len(labels), dtype=bool), None, (), [], progress=progress).findings
    wrong = found.table["flagged"].to_numpy()
    if dataset.sets is not None or dataset.targets is not None:
        find = default_find(dataset)
        made = systematic_errors(wrong & (labels >= 0), None, (), columns, find=find, progress=progress)
    else:
        categories = found.table["suggestion"].cat.set_categories(list(dataset.classes))
        suggested = categories.cat.codes.to_numpy()
        made = systematic_errors(
            wrong, labels, dataset.classes, columns, suggested, find=default_find(dataset), progress=progress
        )
    facts.append(("findings", made.estimator))
    if any(column.param == "cluster" for column in columns):
        together = "flags and clusters come from the same embeddings: errors of a cluster partly go together"
        facts.append(("findings", together))
    if made.folded:
        facts.append(
            ("findings", f"nearly the same errors as another finding, and not listed: {made.folded:,}")
        )
    if made.left_out:
        facts.append(("left out", f"{made.left_out:,} less sure systematic errors are not listed."))
    return made.findings


def _underperforming(
    dataset: Dataset,
    scanned: Scan | None,
    columns: Sequence[SliceColumn],
    facts: list[tuple[str, str]],
    progress: Progress,
) -> pd.DataFrame:
    right = np.full(len(dataset), -1)
    if scanned is not None:
        right[scanned.rows] = scanned.predicted == scanned.labels
    frame, tests = underperforming(right, columns, progress)
    facts.append(("underperforming", f"exact tests of {tests:,} slices, false discovery rate 5%; 95% Wilson"))
    return frame


def _order(
    dataset: Dataset, near: np.ndarray | None, progress: Progress
) -> tuple[pd.DataFrame, pd.DataFrame]:
    lines = []
    if near is not None:
        found = order_of_nearest(near, progress.part(0, 0.6))
        strange = found["p"] <= 0.05
        text = (
            f"Rows that are alike stand closer together than by chance: {found['closer']:.0%} of the usual "
        )
        text += "distance. A split by the order of the rows would not be a fair one."
        if found["closer"] >= 1:
            text = "Rows that are alike stand at other distances than by chance would have it."
        calm = "The order of the rows tells nothing of what they are like."
        lines.append(("alike rows", found["statistic"], found["p"], text if strange else calm))
    if dataset.sets is not None or dataset.targets is not None:
        moved, seen = drift(np.zeros(0, int), ())
    else:
        moved, seen = drift(np.asarray(dataset.labels), dataset.classes, progress.part(0.6, 1))
    if len(moved):
        name = moved["class"].iloc[0]
        shares = moved[moved["class"] == name]["share"].to_numpy()
        text = (
            f"The share of {plain(str(name))} lies between {shares.min():.0%} and {shares.max():.0%} in the "
        )
        text += f"{len(shares)} stretches of the rows: the classes do not come in random order."
        calm = "The classes come in random order."
        lines.append(("shares of classes", seen["strength"], seen["p"], text if seen["p"] <= 0.05 else calm))
    return pd.DataFrame(lines, columns=["what", "strength", "p", "sentence"]), moved


def _shortcuts(
    dataset: Dataset, columns: Sequence[SliceColumn], facts: list[tuple[str, str]], progress: Progress
) -> pd.DataFrame:
    found = nuisances(dataset, columns, progress.part(0, 0.4))
    labels = np.asarray(dataset.labels)[found.rows]
    frame = foretelling(found.properties, labels, dataset.classes, progress.part(0.4, 0.9))
    facts.append(
        ("shortcuts", f"trees of depth 3 on one property, 5 folds, {len(found.rows):,} rows, 99 permutations")
    )
    if found.textures is not None:
        facts.append(
            ("shortcuts", _texture(dataset, found.rows, found.textures, labels, progress.part(0.9, 1)))
        )
    return frame


def _texture(
    dataset: Dataset, rows: np.ndarray, textures: np.ndarray, labels: np.ndarray, progress: Progress
) -> str:
    splits = None if dataset.splits is None else dataset.splits.to_numpy(dtype=object)[rows]
    known = [] if splits is None else [s for s in TRUSTED_SPLITS if (splits == s).any()]
    if splits is None or not known:
        return "Textures: without a split that can be trusted, a texture laid over every row cannot be told."
    there = ~np.isnan(textures).any(axis=1)
    trusted = there & (splits == known[0])
    if len(np.unique(labels[there & ~trusted])) < 2 or not trusted.any():
        return "Textures: too few pictures that can be read."
    gap = texture_gap(textures[there], labels[there], trusted[there], progress)
    return f"Textures, split {known[0]} taken as trusted: {gap.sentence}"


def stored_causes(workspace: Workspace, project: Project, audit: Audit) -> Causes | None:
    """What `find_causes` found in this very content; None where it has not run on it. Computes nothing."""
    key = _key(project, audit)
    frames = {}
    for part in fields(Causes):
        frame = load_table(workspace.cache_dir, _NAME, f"{key}-{part.name}")
        if frame is None:
            return None
        frames[part.name] = frame
    return Causes(**frames)


def find_causes(workspace: Workspace, project: Project, audit: Audit, progress: Progress) -> None:
    """Compute what the cache lacks: the clusters, where there are embeddings, then the causes."""
    if stored_causes(workspace, project, audit) is None:
        clusters = None
        if project.predictions.embeddings is not None and len(project.dataset):
            find_clusters(workspace, project, progress.part(0, 0.2))
            clusters = stored_clusters(workspace, project)
        try:
            found = causes(
                project.dataset,
                project.predictions,
                audit.results.get(default_find(project.dataset)),
                clusters,
                progress.part(0.2, 1),
            )
        finally:
            forget(project.predictions)
        for part in fields(Causes):
            store_table(
                workspace.cache_dir, _NAME, f"{_key(project, audit)}-{part.name}", getattr(found, part.name)
            )
    progress.report(1)


def _key(project: Project, audit: Audit) -> str:
    result = audit.results.get(default_find(project.dataset))
    made = None if result is None else [result.summary[k] for k in ("version", "settings")]
    made_by = project.predictions
    predictions = [made_by.part("pred_probs") or made_by.part("predicted"), made_by.part("embeddings")]
    body = [_NAME, _VERSION, project.dataset.fingerprint, predictions, made]
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
