"""The models of a data set on its test rows, and what a review of these says of them.

Which rows are worth reading depends on what all models say, and not on which of them is in use: see
core.evidence.benchmark.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.dataset import UNLABELLED, Dataset
from core.errors import refuse
from core.evidence import benchmark
from core.evidence.benchmark import Corrected, Lines, Prefix
from core.model_store import Model, models
from core.progress import Progress
from core.retraining import corrected_labels
from core.review.chance import unit_interval
from core.review.classes import ClassList
from core.review.decisions import Action
from core.review.orders import RANDOM_SEED
from core.review.policy import Outcomes
from core.splits import Splits, splits_of
from core.top_classes import top_classes
from core.workspace import Project, Workspace

REST = "benchmark_rest"
"""The choice of a data set under which it is kept how rarely rows that no model doubts are read."""
RESTS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
LEAST = 50
"""Rows read below which nothing is said of the corrected accuracy."""
LEAST_REST = 10
"""The same of the rows that no model doubts, where there are as many."""
HALF = 0.01
_KEPT = 8
_lock = threading.Lock()
_benches: OrderedDict[str, Bench] = OrderedDict()


@dataclass(frozen=True, eq=False)
class Bench:
    """M models on the N rows of a data set. names: (M,), the model in use first. predicted: (M, N) codes.

    u: (N,) draws in [0, 1), one a row for good. pi: (N,) how much rather a row is to be read than others:
    1 where any model differs from the given label, else `rest`. labelled: (N,) bool.
    key: a digest of all that this was made from.
    """

    names: tuple[str, ...]
    predicted: np.ndarray
    u: np.ndarray
    pi: np.ndarray
    labelled: np.ndarray
    rest: float
    key: str

    @property
    def turn(self) -> np.ndarray:
        """(N,) by which rows are read, lowest first; infinite for rows without a label."""
        return np.where(self.labelled, self.u / self.pi, np.inf)


@dataclass(frozen=True, eq=False)
class Stability:
    """What the review says of the models on some test rows.

    rows: how many test rows. flagged: of them, those that a model doubts. undoubted: rows read that none
    does. given: (M,) accuracy on given labels. rest: as of Bench. mended: rows read whose label is another
    now. ambiguous: rows read that were called so. found: None where too few rows were read to say it.
    strict: the same with ambiguous rows counted as wrong for every model, None where there are none. sweep,
    lines, pairs: of core.evidence.benchmark, empty or None where nothing was found. more: about so many rows
    bring the interval to ± HALF.
    """

    names: tuple[str, ...]
    rows: int
    flagged: int
    undoubted: int
    given: np.ndarray
    prefix: Prefix
    rest: float
    mended: int
    ambiguous: int
    found: Corrected | None
    strict: Corrected | None
    sweep: pd.DataFrame
    lines: Lines | None
    pairs: pd.DataFrame
    more: int

    @property
    def read(self) -> int:
        """Rows that count as read."""
        return int(self.prefix.reviewed.sum())

    @property
    def order(self) -> np.ndarray:
        """(M,) model numbers, best first: on the corrected labels where there are any, else on the given."""
        after = self.given if self.found is None else self.found.after
        return np.lexsort([-self.given, -after])


def why_not(dataset: Dataset) -> str:
    """Why models cannot be compared on a data set, in words; "" where they can, once there are two."""
    if dataset.targets is not None:
        return "Labels here are numbers. Models are compared where each row has one class."
    if dataset.sets is not None:
        return "Rows here can have several labels. Models are compared where each row has one class."
    if dataset.columns.tokens:
        return "Rows here are tokens of sentences, which are not right or wrong independently of each other."
    if dataset.masks is not None:
        return "Labels here are masks. Models are compared where each row has one class."
    if dataset.boxes is not None:
        return "Rows here are boxes, and models differ in the boxes that they find too."
    labelled = dataset.labels[dataset.labels >= 0]
    if not len(labelled):
        return "There are no labels to compare models on."
    if len(np.unique(labelled)) < 2:
        return "All labels are of one class, so that there is nothing for models to tell apart."
    return ""


def comparable(workspace: Workspace, project: Project) -> list[Model]:
    """The models whose predictions can be compared on a data set; empty where `why_not` has a reason."""
    if why_not(project.dataset):
        return []
    there = models(workspace, project.name)
    return [m for m in there if m.fits and m.predictions.pred_probs is not None]


def bench(workspace: Workspace, project: Project, progress: Progress | None = None) -> Bench:
    """The models on every row; the same object until models, labels or the share of the rest change.

    Raises InputError where there are fewer than two.
    """
    dataset, there = project.dataset, comparable(workspace, project)
    if len(there) < 2:
        raise refuse(
            why_not(dataset) or f"a benchmark compares models, and this project has {len(there)}",
            expected="predictions of two models or more",
            mend="bring another model's predictions, or choose another order",
        )
    rest = float(workspace.recall(project.name, REST, benchmark.REST))
    digests = [(m.name, m.predictions.part("pred_probs")) for m in there]
    read = [project.name, dataset.part("ids"), dataset.part("labels"), digests, rest]
    key = hashlib.sha256(json.dumps(read).encode()).hexdigest()
    with _lock:
        if key in _benches:
            _benches.move_to_end(key)
            return _benches[key]
    made = _bench(workspace, dataset, there, rest, key, progress or Progress())
    with _lock:
        _benches[key] = made
        while len(_benches) > _KEPT:
            _benches.popitem(last=False)
    return made


def _bench(
    workspace: Workspace, dataset: Dataset, there: list[Model], rest: float, key: str, progress: Progress
) -> Bench:
    parts = [progress.part(i / len(there), (i + 1) / len(there)) for i in range(len(there))]
    pairs = zip(there, parts, strict=True)
    predicted = np.stack([top_classes(workspace.cache_dir, m.predictions, part)[0] for m, part in pairs])
    pi = benchmark.inclusion(predicted, dataset.labels, benchmark.FLAGGED, rest)
    u = unit_interval(dataset.row_ids, RANDOM_SEED, f"benchmark of {dataset.name}")
    names, labelled = tuple(m.name for m in there), dataset.labels != UNLABELLED
    return Bench(names, predicted.astype(np.int32), u, pi, labelled, rest, key)


def usual_split(splits: Splits | None) -> str | None:
    """The split that is taken for the test set where nobody chose: the held-out one called test, or the only
    held-out one. None: every row."""
    if splits is None:
        return None
    named = [name for name in splits.held_out if name.casefold() == "test"]
    return named[0] if named else splits.held_out[0] if len(splits.held_out) == 1 else None


def rows_of(dataset: Dataset, split: str | None) -> np.ndarray:
    """(N,) bool: labelled rows of a split; None: of all."""
    labelled = dataset.labels != UNLABELLED
    splits = splits_of(dataset)
    if split is None or splits is None:
        return labelled
    return labelled & np.append(np.array(splits.names) == split, False)[splits.codes]


def todays_codes(dataset: Dataset, classes: ClassList) -> np.ndarray:
    """(K + 1,) a code for each class by which those that were merged are one; the last, for -1, is -1."""
    now = [classes.resolve(name) for name in dataset.classes]
    first = {name: code for code, name in reversed([*enumerate(now)])}
    return np.array([*(first[name] for name in now), UNLABELLED], dtype=np.int32)


def verdicts(dataset: Dataset, found: Outcomes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """((N,) today's code of the label people say, -1 for none and for a class that there was not; (N,) bool
    of rows with a decision in force; (N,) bool of those called ambiguous, whose code is the given one)."""
    code = todays_codes(dataset, found.classes)
    truth = code[corrected_labels(dataset, found).labels]
    decided, ambiguous = np.zeros((2, len(dataset)), dtype=bool)
    for mask, ids in ((decided, _decided(found)), (ambiguous, _decided(found, Action.AMBIGUOUS))):
        at = dataset.positions(ids)
        mask[at[at >= 0]] = True
    truth[ambiguous] = code[dataset.labels[ambiguous]]
    return truth, decided, ambiguous


def _decided(found: Outcomes, only: Action | None = None) -> list[str]:
    said: Mapping[str, Action] = {row_id: d.action for row_id, d in found.decisions.items()}
    return [
        row for row, action in said.items() if action is not Action.NEEDS_REVIEW and only in (None, action)
    ]


def stability(dataset: Dataset, made: Bench, found: Outcomes, rows: np.ndarray) -> Stability:
    """rows: (N,) bool, the test rows, from `rows_of`; at least one."""
    code = todays_codes(dataset, found.classes)
    truth, decided, ambiguous = (part[rows] for part in verdicts(dataset, found))
    given, predicted = code[dataset.labels[rows]], code[made.predicted[:, rows]]
    order = benchmark.prefix(made.u[rows], made.pi[rows], decided)
    read = order.reviewed
    weight = np.where(read, 1 / np.where(read, order.pi, 1.0), 0.0)
    wrong = read & (truth != given)
    flagged = (predicted != given).any(axis=0)
    undoubted = int((read & ~flagged).sum())
    enough = read.sum() >= min(LEAST, len(given)) and undoubted >= min(LEAST_REST, (~flagged).sum())
    after = strict = None
    if enough:
        after = benchmark.corrected(predicted, given, truth, read, order.pi)
        if (read & ambiguous).any():
            none = np.where(ambiguous, UNLABELLED, truth)
            strict = benchmark.corrected(predicted, given, none, read, order.pi)
    return Stability(
        made.names,
        len(given),
        int(flagged.sum()),
        undoubted,
        (predicted == given).mean(axis=1),
        order,
        made.rest,
        int(wrong.sum()),
        int((read & ambiguous).sum()),
        after,
        strict,
        benchmark.sweep(predicted, given, wrong & enough, weight=weight),
        benchmark.lines(predicted, given, wrong, weight) if enough else None,
        benchmark.alone(predicted, given, truth, read),
        benchmark.rows_to(HALF, predicted, given, truth, order, made.pi[rows]),
    )
