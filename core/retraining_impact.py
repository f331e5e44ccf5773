"""Whether training on the corrected labels helps, measured on rows that people have verified.

The test rows are frozen once: rows drawn at random, read without a suggestion, and never trained on. Which
labels were wrong is known from predictions that no row's own label taught.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from core import baseline
from core.benchmark_review import comparable, todays_codes, verdicts
from core.dataset import UNLABELLED, Dataset
from core.errors import refuse
from core.evidence.impact import SEEDS, Gain, Impact, compared, impact
from core.evidence.log import ReviewLog, review_log
from core.features import chosen_embedder, features_of
from core.methods.out_of_sample import predict_classes
from core.progress import Progress
from core.retraining import corrected_labels
from core.review.chance import unit_interval
from core.review.decisions import VERDICTS, Action, Standing
from core.review.frozen import Frozen, frozen_rows
from core.review.policy import ABOUT, Outcomes, outcomes
from core.review.store import Store
from core.top_classes import top_classes
from core.workspace import Project, Workspace

SEED = 0
LEAST, USUAL = 100, 800
"""Verified rows without which no test set is frozen, and how many are where nobody says another number."""
_KEPT = "impact"
_VERSION = 1  # raise it when other values come from the same inputs


@dataclass(frozen=True, eq=False)
class Arms:
    """given, corrected: (N,) codes of today's classes, -1 where a row teaches nothing: test rows, rows
    without a label, and in the corrected arm rows that are excluded or ambiguous. test, truth: (T,) positions
    of the verified test rows and their codes. lost: frozen rows without a clear verdict now. twice: test rows
    on which two annotators or more have spoken.
    """

    given: np.ndarray
    corrected: np.ndarray
    test: np.ndarray
    truth: np.ndarray
    lost: int
    twice: int

    @property
    def edits(self) -> int:
        """Training labels that differ."""
        return int((self.given != self.corrected).sum())


@dataclass(frozen=True, eq=False)
class Facts:
    """What the decisions on a data set say: of its frozen rows, of training labels, and of rows to freeze.

    free: (n,) positions of verified rows that are not frozen, in the order of the draw. arms: None before
    rows are frozen.
    """

    frozen: Frozen | None
    arms: Arms | None
    free: np.ndarray
    said: Outcomes


@dataclass(frozen=True)
class Measured:
    """A measurement that is kept. fingerprint: of all that it was made from. features: what models learned
    from, in words. at: when, UTC in ISO 8601.
    """

    fingerprint: str
    impact: Impact
    features: str
    at: str


def why_not(dataset: Dataset) -> str:
    """Why retraining cannot be measured, in words; "" where it can."""
    if dataset.targets is not None:
        return "Labels here are numbers. What retraining does is measured where each row has one class."
    reason = baseline.why_not(dataset)
    return f"No model can be trained here: {reason}." if reason else ""


def facts(store: Store, dataset: Dataset) -> Facts:
    """What the store says now."""
    name = dataset.name
    events = store.events(name, actions=(*VERDICTS, *ABOUT, Action.FREEZE))
    standings = store.standings(name)
    said = outcomes(standings, [e for e in events if e.action in ABOUT], dataset)
    there = frozen_rows(events)
    free = _free(dataset, review_log(events, standings, dataset), said, there)
    return Facts(there, None if there is None else arms(dataset, said, there, standings), free, said)


def arms(
    dataset: Dataset, said: Outcomes, there: Frozen, standings: Mapping[str, Standing] | None = None
) -> Arms:
    """The labels to train on and the rows to test on."""
    truth, clear = _verified(dataset, said)
    code = todays_codes(dataset, said.classes)
    at = dataset.positions(there.rows)
    test = at[at >= 0]
    given, taught = code[dataset.labels], code[corrected_labels(dataset, said).labels]
    given[test] = taught[test] = UNLABELLED
    test = test[clear[test]]
    answers = standings or {}
    ids = dataset.row_ids[test]
    twice = sum(len(s.opinions) > 1 for s in (answers.get(str(row)) for row in ids) if s is not None)
    return Arms(given, taught, test, truth[test], len(there.rows) - len(test), twice)


def to_freeze(found: Facts, dataset: Dataset, count: int) -> list[str]:
    """Ids of `count` rows: those that are frozen, and verified ones in the order of the draw.

    Raises InputError where there are not so many, or where they are fewer than LEAST.
    """
    held = [] if found.frozen is None else list(found.frozen.rows)
    more = count - len(held)
    if count < LEAST or not 0 <= more <= len(found.free):
        raise refuse(
            f"{count:,} test rows cannot be frozen",
            expected=f"at least {LEAST} verified rows; there are {len(held) + len(found.free):,}",
            mend="read more random rows, which are shown without a suggestion",
        )
    return [*held, *map(str, dataset.row_ids[found.free[:more]])]


def measure(
    workspace: Workspace, store: Store, name: str, progress: Progress | None = None, seeds: int = SEEDS
) -> Measured:
    """Train a baseline on given, corrected and control labels, test it on the frozen rows, keep the result.

    Features and groups are those of the data set's baseline. Rows like a test row teach nothing either.
    Raises InputError where there is nothing to measure, Cancelled.
    """
    progress = progress or Progress()
    project = workspace.open(name)
    dataset = project.dataset
    if reason := why_not(dataset):
        raise refuse(reason.rstrip("."))
    found = facts(store, dataset).arms
    if found is None or len(found.test) < 2:
        raise refuse(
            "there are no frozen test rows", mend="read random rows, and freeze them on Evidence, Retraining"
        )
    if not found.edits:
        raise refuse("no decision changes a label outside of the test rows", mend="correct some labels first")
    spec, column = _choices(workspace, name)
    chosen = chosen_embedder(dataset, spec, progress.part(0, 0.02))
    groups = baseline.groups_of(dataset, column, progress.part(0.02, 0.05, "looking for near-duplicates"))
    features = features_of(dataset, chosen, workspace.cache_dir, progress.part(0.05, 0.2)).values
    alike = np.isin(groups, groups[found.test])
    rows = np.flatnonzero(~alike & ((found.given >= 0) | (found.corrected >= 0)))
    given, taught = found.given[rows], found.corrected[rows]
    if len(np.unique(given[given >= 0])) < 2 or len(np.unique(taught[taught >= 0])) < 2:
        raise refuse("the rows that are left to train on are of one class")
    fit = baseline.fit_of(chosen.kind, features.shape[1], len(dataset.classes), len(rows))
    tested = features[found.test]

    def fit_predict(at: np.ndarray, labels: np.ndarray, part: Progress) -> np.ndarray:
        return predict_classes(features[rows[at]], labels, tested, fit, part)

    made = impact(fit_predict, given, taught, found.truth, progress.part(0.2, 1), seeds)
    measured = Measured(
        fingerprint(workspace, dataset, found, seeds),
        made,
        chosen.title,
        datetime.now(UTC).isoformat(timespec="seconds"),
    )
    workspace.remember(name, _KEPT, asdict(measured))
    return measured


def fingerprint(workspace: Workspace, dataset: Dataset, found: Arms, seeds: int = SEEDS) -> str:
    """A digest of all that a measurement is made from; another one where a decision changes it."""
    arrays = (found.given, found.corrected, found.test, found.truth)
    digests = [hashlib.sha256(np.ascontiguousarray(a, dtype=np.int64).data).hexdigest() for a in arrays]
    body = [_VERSION, dataset.part("ids"), dataset.part("content"), *_choices(workspace, dataset.name)]
    return hashlib.sha256(json.dumps([*body, seeds, digests]).encode()).hexdigest()


def kept(workspace: Workspace, name: str) -> Measured | None:
    """The last measurement of a data set, whatever was decided since; None before the first."""
    body: dict[str, Any] | None = workspace.recall(name, _KEPT)
    if body is None:
        return None
    gains = {part: Gain(**body["impact"][part]) for part in ("gain", "control_gain", "over_control")}
    made = Impact(**{**body["impact"], **gains})
    return Measured(body["fingerprint"], made, body["features"], body["at"])


def supplied(
    workspace: Workspace, project: Project, found: Facts, first: str, second: str
) -> tuple[Gain, float, float]:
    """(gain, accuracy of the first, of the second) of two stored models on the frozen rows: one trained
    elsewhere on given labels, the other on corrected ones. Raises InputError for one that is not there.
    """
    there = {m.name: m.predictions for m in comparable(workspace, project)}
    tested = found.arms
    if tested is None or len(tested.test) < 2:
        raise refuse("there are no frozen test rows", mend="freeze them first")
    code = todays_codes(project.dataset, found.said.classes)
    predicted = []
    for name in (first, second):
        if name not in there:
            raise refuse(f"no model called {name!r}", expected=" or ".join(there) or "none yet")
        classes, _ = top_classes(workspace.cache_dir, there[name], Progress())
        predicted.append(code[classes[tested.test]])
    right = [float((each == tested.truth).mean()) for each in predicted]
    return compared(predicted[0], predicted[1], tested.truth), right[0], right[1]


def _choices(workspace: Workspace, name: str) -> tuple[str | None, str | None]:
    """(features, group column) of the data set's baseline; (None, None): the defaults."""
    said = workspace.recall(name, "baseline", {})
    return said.get("embedder"), said.get("group_column")


def _verified(dataset: Dataset, said: Outcomes) -> tuple[np.ndarray, np.ndarray]:
    """((N,) today's code of the label that people say, (N,) bool of rows where that is a class)."""
    truth, decided, ambiguous = verdicts(dataset, said)
    return truth, decided & ~ambiguous & (truth >= 0)


def _free(dataset: Dataset, log: ReviewLog, said: Outcomes, there: Frozen | None) -> np.ndarray:
    """(n,) positions of rows to freeze: drawn at random, with a clear verdict, in the order of a draw."""
    drawn = log.positions[log.drawn]
    clear = _verified(dataset, said)[1]
    if there is not None:
        at = dataset.positions(there.rows)
        clear[at[at >= 0]] = False
    drawn = np.sort(drawn[clear[drawn]])
    u = unit_interval(dataset.row_ids[drawn], SEED, f"frozen of {dataset.name}")
    return drawn[np.argsort(u, kind="stable")]
