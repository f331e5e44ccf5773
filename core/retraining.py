"""The baseline trained again with the labels that review corrected."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.baseline import Baseline, can_retrain, train_and_store
from core.dataset import UNLABELLED, Dataset
from core.errors import Problem, refuse
from core.exporting import counted
from core.progress import Progress
from core.review.decisions import Action, Decision
from core.review.policy import ABOUT, Outcomes, outcomes
from core.review.store import Store
from core.workspace import Workspace


@dataclass(frozen=True, eq=False)
class Corrected:
    """What to train on after review.

    labels: (N,) int32 codes of the data set's classes, -1: the row teaches nothing. changed: rows that teach
    another class than the given one. left_out: rows with a given label that teach nothing any more: excluded,
    ambiguous, or of a class that the data set did not have.
    """

    labels: np.ndarray
    changed: int
    left_out: int

    @property
    def sentence(self) -> str:
        """Both counts, for a person; no full stop."""
        said = f"trained with {counted(self.changed, 'corrected label')}"
        return f"{said}; {counted(self.left_out, 'row')} left out" if self.left_out else said


def corrected_labels(dataset: Dataset, found: Outcomes) -> Corrected:
    """The labels of a data set as people decided them; a row that nobody decided keeps its given label."""
    now = [found.classes.resolve(name) for name in dataset.classes]
    code_of = {name: code for code, name in reversed([*enumerate(now)])}
    labels = dataset.labels.astype(np.int32, copy=True)
    rows = [row_id for row_id, d in found.decisions.items() if d.action is not Action.NEEDS_REVIEW]
    for row_id, position in zip(rows, dataset.positions(rows).tolist(), strict=True):
        if position < 0:
            continue
        name = _name(found, found.decisions[row_id])
        given = labels[position]
        if given == UNLABELLED or now[given] != name:  # else one of several classes that were merged
            labels[position] = code_of.get(name, UNLABELLED)
    differs = labels != dataset.labels
    taught = labels >= 0
    return Corrected(labels, int((differs & taught).sum()), int((differs & ~taught).sum()))


def _name(found: Outcomes, decision: Decision) -> str:
    """The class that a decision says, as it is called now; "" for one that says none."""
    if decision.action is Action.KEEP:
        return found.classes.resolve(decision.given_label, decision.seq)
    return found.classes.resolve(decision.label, decision.seq) if decision.label else ""


def retrain(workspace: Workspace, store: Store, name: str, progress: Progress | None = None) -> Baseline:
    """Train the baseline on the corrected labels, features and groups as before, and keep its predictions.

    Each row is scored by a model that saw neither it nor its like, with whatever label. Rows on which
    annotators differ keep their given label. Raises InputError where the predictions are not a baseline's or
    nothing can be learned, Cancelled.
    """
    project = workspace.open(name)
    if not can_retrain(project):
        raise refuse(f"{name!r} has no predictions of a baseline", mend="train a baseline first")
    dataset = project.dataset
    found = corrected_labels(
        dataset, outcomes(store.standings(name), store.events(name, actions=ABOUT), dataset)
    )
    return train_and_store(
        workspace,
        project,
        progress,
        found.labels,
        **workspace.recall(name, "baseline", {}),
        remark=Problem("notice", found.sentence),
    )


def retrain_and_audit(workspace: Workspace, store: Store, name: str, progress: Progress) -> None:
    """`retrain`, then run the checks with its predictions."""
    from core.audits import audit_now

    retrain(workspace, store, name, progress.part(0, 0.8))
    audit_now(workspace, workspace.open(name), progress.part(0.8, 1))
