"""A baseline model for a data set that has labels and no predictions: trained, judged, cached, stored.

Each row is scored by a model that did not see it, nor any row with (nearly) the same content or of the same
group.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from core.cache import load_table, store_table
from core.dataset import Dataset, Kind
from core.errors import InputError, Problem, refuse, some
from core.features import DEFAULTS, SEED, chosen_embedder, depends_on, embedders, features_of
from core.methods.duplicates import alike_texts, contents, first_copies, group
from core.methods.intervals import wilson
from core.methods.numbers_out_of_sample import NumberTrust, number_trust, numbers_out_of_sample
from core.methods.out_of_sample import FOLDS, OutOfSample, deal_folds, out_of_sample
from core.methods.pictures import DISTANCE, alike_pictures
from core.models._base import Embedder
from core.predictions import BASELINE, Predictions
from core.progress import Progress
from core.workspace import Project, Workspace

__all__ = ["SEED", "baseline", "embedders", "train_and_store", "why_not"]

PREFIX = BASELINE
_NAME, _VERSION = "baseline", 3
_ALIKE = 0.8
"""Share of their pieces that nearly equal texts have in common, as in the check for near-duplicates."""
_BINS = 15
_WEAK = 0.4
_MOST_CLASSES_FOR_TREES = 30
_MOST_FEATURES_FOR_TREES = 1_000  # trees of 4,000 take minutes


@dataclass(frozen=True)
class Trust:
    """How far the baseline's word goes, measured on rows that it did not train on.

    rows: labelled rows judged. accuracy: share of them whose label is the model's first choice, with a 95 %
    Wilson interval low..high. most_frequent: share of the most frequent class, what guessing it would reach.
    calibration_error: expected calibration error of the first choice, 15 bins of equal width, 0 is best.
    """

    rows: int
    accuracy: float
    low: float
    high: float
    most_frequent: float
    calibration_error: float

    @property
    def skill(self) -> float:
        """Accuracy's lower bound on the way from always guessing the most frequent class (0) to 1."""
        return (self.low - self.most_frequent) / max(1 - self.most_frequent, 1e-9)

    @property
    def verdict(self) -> str:
        """ "none" (skill <= 0), "weak" (below 0.4) or "usable"."""
        return "none" if self.skill <= 0 else "weak" if self.skill < _WEAK else "usable"

    @property
    def sentence(self) -> str:
        """Accuracy, calibration and what follows, for a person."""
        said = (
            f"Out of sample it agrees with {self.accuracy:.1%} of {self.rows:,} labels "
            f"(95 % interval {self.low:.1%} to {self.high:.1%}; the most frequent class alone: "
            f"{self.most_frequent:.1%}); calibration error {self.calibration_error:.3f}."
        )
        return f"{said} {_FOLLOWS[self.verdict]}"


_FOLLOWS = {
    "none": "It is no better than guessing the most frequent class: do not judge labels by it.",
    "weak": "It is weak (less than 40 % of the way from guessing to perfect): trust the order of the worst "
    "rows only, or bring predictions of a better model.",
    "usable": "Good enough to rank labels by; a model of your own may do better.",
}


@dataclass(frozen=True, eq=False)
class Baseline:
    """predictions: named after what made them. problems: what was left out or could not be judged."""

    predictions: Predictions
    trust: Trust | NumberTrust
    problems: tuple[Problem, ...]


def why_not(dataset: Dataset) -> str:
    """Why no baseline can be trained on a data set, in words; "" where one can."""
    labelled = dataset.labels[dataset.labels >= 0]
    if dataset.sets is not None:
        return "the baseline knows one label a row, and rows here can have several"
    if dataset.columns.tokens:
        return "rows are tokens of sentences, of which the built-in features know too little"
    if dataset.columns.kind not in DEFAULTS or not dataset.columns.content:
        return "there is no text, image or feature column to learn from"
    if not len(labelled):
        return "there are no labels to learn from"
    if len(np.unique(labelled)) < 2:
        one = "class" if dataset.targets is None else "number"
        return f"all labels are the same {one}, so that there is nothing to tell apart"
    if len(labelled) < 2 * FOLDS:
        return f"{len(labelled):,} labelled rows are too few to learn from; {2 * FOLDS} are needed"
    return ""


def baseline(
    dataset: Dataset,
    cache_dir: Path,
    embedder: Embedder | str | None = None,
    labels: np.ndarray | None = None,
    group_column: str | None = None,
    progress: Progress | None = None,
) -> Baseline:
    """Out-of-sample predictions for every row of a data set, from the cache where it has them.

    embedder: a name of `embedders` or NAME:WEIGHTS of a pretrained model, or what `chosen_embedder` gave for
    it; None: the default of the data set's kind. labels: (N,) codes to train on in place of the given ones
    (-1: leave the row out), as review corrected them. group_column: rows with the same value are never in
    training and scored at once; rows of equal content, and texts and pictures that are grouped as
    near-duplicates, never are.
    Raises InputError where nothing can be learned (see why_not), Cancelled.
    """
    progress = progress or Progress()
    given = dataset.labels if labels is None else labels
    if reason := why_not(replace(dataset, labels=given)):
        raise _nothing_to_learn(reason)
    if group_column is not None and group_column not in dataset.table.columns:
        raise refuse("no such group column", column=group_column, expected=", ".join(dataset.table.columns))
    chosen = embedder if isinstance(embedder, Embedder) else chosen_embedder(dataset, embedder, progress)
    if dataset.targets is not None:
        return _of_numbers(dataset, cache_dir, chosen, group_column, progress)
    key = _key(dataset, chosen, given, group_column)
    found = _load(cache_dir, key)
    if found is None:
        groups = groups_of(dataset, group_column, progress.part(0, 0.1, "looking for near-duplicates"))
        apart = len(np.unique(groups[given >= 0]))
        if apart < FOLDS:
            raise _nothing_to_learn(
                f"the labelled rows hold {apart:,} different contents, {FOLDS} are needed"
            )
        features = features_of(dataset, chosen, cache_dir, progress.part(0.1, 0.5))
        folds = deal_folds(given, groups, FOLDS, SEED)
        fit = fit_of(chosen.kind, features.values.shape[1], len(dataset.classes), int((given >= 0).sum()))
        part = progress.part(0.5, 1)
        made = out_of_sample(features.values, given, len(dataset.classes), folds, fit, part)
        found = made, features.remarks
        _store(cache_dir, key, made, features.remarks)
    made, remarks = found
    if not (made.judged & (given >= 0)).any():
        raise _nothing_to_learn(
            "no class has rows that can be kept apart, one to learn from and one to judge"
        )
    progress.report(1)
    model = PREFIX + chosen.title + ("" if labels is None else ", corrected labels")
    problems = (*remarks, *_rare(dataset, given))
    return Baseline(Predictions(model, made.pred_probs), _trust(made, given), problems)


def _of_numbers(
    dataset: Dataset, cache_dir: Path, chosen: Embedder, group_column: str | None, progress: Progress
) -> Baseline:
    """The same where labels are numbers. Trained in seconds to a minute, and so not kept in the cache."""
    groups = groups_of(dataset, group_column, progress.part(0, 0.1, "looking for near-duplicates"))
    numbers = dataset.numbers
    known = ~np.isnan(numbers)
    apart = len(np.unique(groups[known]))
    if apart < FOLDS:
        raise _nothing_to_learn(f"the labelled rows hold {apart:,} different contents, {FOLDS} are needed")
    features = features_of(dataset, chosen, cache_dir, progress.part(0.1, 0.5))
    folds = deal_folds(np.where(known, 0, -1), groups, FOLDS, SEED)
    trees = fit_of(chosen.kind, features.values.shape[1], 1, int(known.sum())) == "trees"
    predicted = numbers_out_of_sample(features.values, numbers, folds, trees, progress.part(0.5, 1))
    trust = number_trust(numbers[known], predicted[known])
    return Baseline(Predictions(PREFIX + chosen.title, predicted=predicted), trust, features.remarks)


def can_retrain(project: Project) -> bool:
    """Whether the data set's predictions are a baseline's, which one of corrected classes may replace."""
    held = project.predictions
    if project.dataset.targets is not None:
        return False
    return held.output is not None and held.model.startswith(PREFIX)


def train_and_store(
    workspace: Workspace,
    project: Project,
    progress: Progress | None = None,
    labels: np.ndarray | None = None,
    embedder: Embedder | str | None = None,
    group_column: str | None = None,
    remark: Problem | None = None,
) -> Baseline:
    """Train the baseline and keep its predictions with the data set; all or nothing.

    Where the data set has predictions of another model, that one stays in use and the baseline is kept beside
    it. Arguments as of `baseline`. remark: what else to tell with the data set.
    Raises InputError where nothing can be learned.
    """
    from core.loading import Prepared
    from core.model_store import replace_model

    held = project.predictions
    made = baseline(project.dataset, workspace.cache_dir, embedder, labels, group_column, progress)
    kept = [p for p in project.problems if not p.found.startswith(PREFIX)]
    told = (*made.problems, *([remark] if remark else []))
    said = [replace(p, found=PREFIX + p.found) for p in told]
    severity = "notice" if made.trust.verdict == "usable" else "warning"
    said.append(Problem(severity, PREFIX + made.trust.sentence))  # type: ignore[arg-type]
    if held.output is None or held.model.startswith(PREFIX):
        predictions = replace(made.predictions, embeddings=held.embeddings)
        workspace.save(Prepared(project.dataset, predictions, project.source, (*kept, *said)))
    else:
        replace_model(workspace, project.name, made.predictions, said)
    spec = embedder.spec if isinstance(embedder, Embedder) else embedder
    workspace.remember(project.name, "baseline", {"embedder": spec, "group_column": group_column})
    return made


def train_and_audit(workspace: Workspace, name: str, progress: Progress, embedder: str | None = None) -> None:
    """Train and store the baseline, then run the checks with its predictions. Raises as train_and_store."""
    from core.audits import audit_now

    train_and_store(workspace, workspace.open(name), progress.part(0, 0.8), embedder=embedder)
    audit_now(workspace, workspace.open(name), progress.part(0.8, 1))


def train_where_needed(
    workspace: Workspace,
    name: str,
    embedder: str | None = None,
    group_column: str | None = None,
    download: bool = False,
    progress: Progress | None = None,
) -> list[str]:
    """Train and store a baseline where a data set has no predictions; what to tell of it, a line each.

    For the command line: embedder may name a function of the user's own. download: weights may be fetched.
    """
    project = workspace.open(name)
    if project.predictions.output is not None:
        return []
    if reason := why_not(project.dataset):
        return [f"no baseline: {reason}"]
    try:
        chosen = embedder and chosen_embedder(project.dataset, embedder, None, download, run_code=True)
        made = train_and_store(workspace, project, progress, embedder=chosen, group_column=group_column)
    except InputError as error:
        if embedder or group_column:
            raise  # somebody asked for just this
        return [str(error)]
    said = [f"{problem.severity}: {problem}" for problem in made.problems]
    return [*said, f"{made.predictions.model}. {made.trust.sentence}"]


def _nothing_to_learn(reason: str) -> InputError:
    return refuse(f"no baseline: {reason}", mend="bring predictions of a model of your own")


def fit_of(kind: Kind, features: int, classes: int, rows: int) -> str:
    """Trees for tables, but not where features outnumber the rows: they then split by chance, and slowly."""
    few = classes <= _MOST_CLASSES_FOR_TREES and features <= min(rows, _MOST_FEATURES_FOR_TREES)
    return "trees" if kind == "tabular" and few else "logistic"


def groups_of(dataset: Dataset, column: str | None, progress: Progress | None = None) -> np.ndarray:
    """(N,) group of each row. Rows of equal content are together, of nearly equal texts and pictures as the
    check for near-duplicates groups them, and of an equal value of the column."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    progress = progress or Progress()
    count = len(dataset)
    first = first_copies(dataset, progress.part(0, 0.2))
    keys = [first]
    distinct = np.flatnonzero(first == np.arange(count))
    alike = None
    if dataset.columns.kind == "text":
        alike = alike_texts(contents(dataset), distinct, _ALIKE, progress.part(0.2, 1))
    elif dataset.columns.kind == "image" and dataset.media_root is not None:
        alike = alike_pictures(dataset, distinct, DISTANCE, progress.part(0.2, 1))
    if alike is not None:
        leaders = group(first, [alike], progress.part(1, 1)).group
        keys = [np.where(leaders < 0, np.arange(count), leaders)]
    if column is not None:
        codes = pd.factorize(dataset.table[column])[0]
        alone = codes.max(initial=-1) + 1 + np.arange(count)
        keys.append(np.where(codes < 0, alone, codes))
    if len(keys) == 1:
        return keys[0]
    # rows and keys are the nodes of one graph, so that chains of both kinds stay together
    offset = count + np.array([0, keys[0].max() + 1])
    nodes = np.concatenate([key + start for key, start in zip(keys, offset, strict=True)])
    rows = np.tile(np.arange(count), len(keys))
    size = int(nodes.max()) + 1
    graph = coo_array((np.ones(len(rows), np.int8), (rows, nodes)), shape=(size, size))
    return connected_components(graph, directed=False)[1][:count]


def _rare(dataset: Dataset, labels: np.ndarray) -> list[Problem]:
    """Classes with fewer rows than folds: what can and cannot be said of them."""
    counts = np.bincount(labels[labels >= 0], minlength=len(dataset.classes))
    few = [f"{dataset.classes[k]} ({counts[k]})" for k in np.flatnonzero((counts > 0) & (counts < FOLDS))]
    if not few:
        return []
    found = (
        f"classes with fewer than {FOLDS} rows are hard to learn: {some(few)}; a row whose class no other "
        "row shows gets equal probabilities and is not judged"
    )
    return [Problem("warning", found, mend="merge these classes, or look at their rows yourself")]


def _trust(made: OutOfSample, labels: np.ndarray) -> Trust:
    rows = np.flatnonzero((labels >= 0) & made.judged)
    probs, given = made.pred_probs[rows], labels[rows]
    right = probs.argmax(axis=1) == given
    low, high = wilson(right.sum(), np.array(len(rows)))
    frequent = np.bincount(given).max() / len(rows)
    error = _calibration_error(probs.max(axis=1), right)
    return Trust(len(rows), float(right.mean()), float(low), float(high), float(frequent), error)


def _calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Mean |accuracy - confidence| over bins of equal width, weighted by rows."""
    place = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gap = np.bincount(place, right, _BINS) - np.bincount(place, confidence, _BINS)
    return float(np.abs(gap).sum() / len(right))


def _key(dataset: Dataset, chosen: Embedder, labels: np.ndarray, group: str | None) -> str:
    trained = hashlib.sha256(np.ascontiguousarray(labels, dtype=np.int32).data).hexdigest()
    grouped = None if group is None else dataset.table[group].astype("str").fillna("").tolist()
    body = [_VERSION, SEED, FOLDS, *depends_on(dataset, chosen), len(dataset.classes), trained, grouped]
    return hashlib.sha256(json.dumps(body).encode()).hexdigest()


def _load(cache_dir: Path, key: str) -> tuple[OutOfSample, tuple[Problem, ...]] | None:
    table = load_table(cache_dir, _NAME, key)
    said = load_table(cache_dir, f"{_NAME}-said", key)
    if table is None or said is None:
        return None
    judged = table.pop("judged").to_numpy()
    kept = json.loads(said["json"].iloc[0])
    probs = np.ascontiguousarray(table.to_numpy(np.float32))
    return OutOfSample(probs, judged, tuple(kept["temperatures"])), tuple(
        Problem(**p) for p in kept["remarks"]
    )


def _store(cache_dir: Path, key: str, made: OutOfSample, remarks: tuple[Problem, ...]) -> None:
    table = pd.DataFrame(made.pred_probs, columns=[str(k) for k in range(made.pred_probs.shape[1])])
    store_table(cache_dir, _NAME, key, table.assign(judged=made.judged))
    body = json.dumps({"temperatures": made.temperatures, "remarks": [asdict(r) for r in remarks]})
    store_table(cache_dir, f"{_NAME}-said", key, pd.DataFrame({"json": [body]}))
