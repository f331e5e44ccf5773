"""Versions of a data set's labels: as imported, as an export would write them now or at an earlier moment.

A version is a pure replay of the log up to an event, so that nothing of it is stored.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from core.corrections import ExportOptions, correct
from core.dataset import UNLABELLED, Dataset
from core.errors import refuse
from core.review.changes import Change, Version
from core.review.classes import ClassList, classes_of
from core.review.decisions import Decision, Standing
from core.review.policy import ABOUT, POLICIES, outcomes
from core.review.where import strings
from core.workspace import Project, Workspace

if TYPE_CHECKING:
    from core.review.store import Store

_KEPT = 6
_lock = threading.Lock()
_kept: OrderedDict[tuple[Any, ...], Labels] = OrderedDict()


@dataclass(frozen=True, eq=False)
class Labels:
    """The labels of one version of a data set.

    names: the different labels that it has, as its classes are called now; where rows have several labels,
    sets as texts. codes: (N,) int32 into names, -1: no label. there: (N,) bool, the rows that it has.
    classes: what each of the data set's names is called in it, two by one name where they were merged.
    conflicts: decisions that do not fit the data and so change nothing.
    """

    dataset: Dataset
    names: tuple[str, ...]
    codes: np.ndarray
    there: np.ndarray
    classes: tuple[str, ...]
    conflicts: int = 0

    def members(self, name: str) -> frozenset[str]:
        """The labels in one of `names`, however a data set writes them: one, or those of a set."""
        if self.dataset.targets is not None:
            return frozenset((f"{float(name):.15g}",))
        return frozenset((name,) if self.dataset.sets is None else self.dataset.sets.members(name))


def labels_of(
    workspace: Workspace, store: Store, here: str, version: Version, policy: str, seq: int | None = None
) -> Labels:
    """The labels of a version. here: the data set that it is said of. seq: the event that is now.

    Raises InputError for a data set that is not there, and for a policy that cannot run on it.
    """
    project = workspace.open(version.dataset or here)
    if version.state == "given":
        last = 0
    else:
        last = store.last_seq(project.name) if seq is None else seq
        if version.state == "seq":
            last = min(last, int(version.at))
        elif version.state == "until":
            last = min(last, last_until(store, project.name, date.fromisoformat(version.at)))
    about = store.events(project.name, actions=ABOUT)
    classes = classes_of(project.dataset, about)
    if version.state == "given":
        return _given(project, classes)
    key = (project.dataset, last, classes.names, policy, project.predictions.model)
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    standings = store.standings(project.name, last)
    found = _corrected(project, standings, [e for e in about if e.seq <= last], classes, last, policy)
    with _lock:
        _kept[key] = found
        while len(_kept) > _KEPT:
            _kept.popitem(last=False)
    return found


def _given(project: Project, classes: ClassList) -> Labels:
    dataset = project.dataset
    there = np.ones(len(dataset), dtype=bool)
    there[list(project.source.layout.get("proposed", ()))] = False  # a model's boxes are not in the file
    names = _called(dataset, classes, dataset.classes, 0)
    own = names if dataset.sets is None else dataset.names
    return Labels(dataset, names, dataset.labels, there, own if dataset.targets is None else ())


def _corrected(
    project: Project,
    standings: Mapping[str, Standing],
    about: Sequence[Decision],
    now: ClassList,
    seq: int,
    policy: str,
) -> Labels:
    """As an export under the policy would write them, decisions that do not fit left out."""
    dataset = project.dataset
    if POLICIES[policy].needs_model and project.predictions.pred_probs is None:
        raise refuse(f"{POLICIES[policy].title} needs probabilities of a model", expected="another policy")
    decided = outcomes(standings, about, dataset, policy, project.predictions.pred_probs)
    found = correct(dataset, project.source, decided, ExportOptions(conflicts="skip"))
    plain = dataset.targets is None and dataset.sets is None
    then = [decided.classes.resolve(name) for name in dataset.classes] if plain else list(dataset.classes)
    code_of = {name: code for code, name in enumerate(dict.fromkeys(then))}
    codes = np.array([*(code_of[name] for name in then), UNLABELLED], dtype=np.int32)[dataset.labels]
    for change in found.changes:
        decision = change.decision
        if decision.row_id and decision.label is not None:
            name = decided.classes.resolve(decision.label, decision.seq) if plain else decision.label
            codes[change.position] = code_of.setdefault(name, len(code_of))
    names = tuple(code_of)
    own = dataset.names
    if plain:
        own = tuple(then)
        called = dict(zip(names, _called(dataset, now, names, seq), strict=True))
        names, own = tuple(called.values()), tuple(called[name] for name in own)
    return Labels(dataset, names, codes, ~found.dropped, own, len(found.conflicts))


def _called(dataset: Dataset, now: ClassList, names: Sequence[str], seq: int) -> tuple[str, ...]:
    """Classes of event `seq` by what they are called now, so that a new name is no change of labels. Classes
    that were merged later keep their old names: that one is a change."""
    if dataset.targets is not None or dataset.sets is not None:
        return tuple(names)
    later = [now.resolve(name, seq) for name in names]
    out = [new if later.count(new) == 1 else old for old, new in zip(names, later, strict=True)]
    return tuple(out) if len(set(out)) == len(out) else tuple(names)


def last_until(store: Store, name: str, day: date) -> int:
    """seq of the data set's last event before the end of a day, UTC; 0 where there is none."""
    from core.trail import last_before

    end = datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC)
    return last_before(store, name, end.isoformat(timespec="milliseconds"))


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two versions of labels, row by row.

    names: the labels of either, those of `before` first; members: what each holds, several labels where rows
    have several. before, after: (n,) codes into names of the rows
    that both versions have, -1: no label. at: (n,) their positions in this data set, -1: not a row of it.
    only_before, only_after: positions, in the data set of that version, of the rows that only it has.
    other_content: rows in both whose content differs, None where both are versions of one data set.
    """

    first: Labels
    second: Labels
    names: tuple[str, ...]
    members: tuple[frozenset[str], ...]
    before: np.ndarray
    after: np.ndarray
    at: np.ndarray
    only_before: np.ndarray
    only_after: np.ndarray
    other_content: int | None = None

    @property
    def changed(self) -> np.ndarray:
        """(n,) bool: rows in both whose label differs, one that came or went included."""
        return self.before != self.after

    def holds(self, name: str) -> np.ndarray:
        """(len(names) + 1,) bool: the labels that hold this one; the last, for the code -1, does not."""
        return np.array([*(name in members for members in self.members), False])


def compared(first: Labels, second: Labels, here: Dataset) -> Comparison:
    """Two versions, rows matched by their ids. here: the data set that `at` counts in.

    Raises InputError where one has labels of another kind, or where no row is in both data sets.
    """
    kinds = [(one.dataset.sets is not None, one.dataset.targets is not None) for one in (first, second)]
    if kinds[0] != kinds[1]:
        raise refuse(
            f"{first.dataset.name} and {second.dataset.name} have labels of two kinds",
            expected="one label a row in both, several in both, or numbers in both",
        )
    same = first.dataset is second.dataset
    if same:
        rows = np.flatnonzero(first.there & second.there)
        one, two = rows, rows
        only = np.flatnonzero(first.there & ~second.there), np.flatnonzero(second.there & ~first.there)
    else:
        found = second.dataset.row_ids.get_indexer(first.dataset.row_ids)
        if (found < 0).all():
            raise refuse(
                f"{first.dataset.name} and {second.dataset.name} have no row id in common",
                mend="load both with the same id column",
            )
        both = (found >= 0) & first.there & second.there[found]
        one, two = np.flatnonzero(both), found[both]
        others = np.ones(len(second.dataset), dtype=bool)
        others[two] = False
        only = np.flatnonzero(first.there & ~both), np.flatnonzero(second.there & others)
    code_of: dict[frozenset[str], int] = {}
    names: dict[frozenset[str], str] = {}
    codes = []
    for labels, rows in ((first, one), (second, two)):
        members = [labels.members(name) for name in labels.names]
        names = {**dict(zip(members, labels.names, strict=True)), **names}
        mapped = [code_of.setdefault(key, len(code_of)) for key in members]
        codes.append(np.array([*mapped, UNLABELLED], dtype=np.int32)[labels.codes[rows]])
    at = one if first.dataset is here else two if second.dataset is here else np.full(len(one), -1)
    differ = None if same else _differ(first.dataset, one, second.dataset, two)
    written = tuple(names[key] for key in code_of)
    before, after = codes
    return Comparison(first, second, written, tuple(code_of), before, after, at, *only, differ)


def _differ(one: Dataset, rows: np.ndarray, other: Dataset, others: np.ndarray) -> int | None:
    """How many of these pairs of rows show something else; None where that cannot be compared."""
    if one.media_hash is not None and other.media_hash is not None:
        return int((one.media_hash[rows] != other.media_hash[others]).sum())
    columns = one.columns.content
    if not columns or columns != other.columns.content or "image" in (one.columns.kind, other.columns.kind):
        return None
    apart = np.zeros(len(rows), dtype=bool)
    for column in columns:
        left, right = (
            pd.Series(strings(data.table[column].iloc[some]).to_pandas()).fillna("")
            for data, some in ((one, rows), (other, others))
        )
        apart |= left.to_numpy() != right.to_numpy()
    return int(apart.sum())


def changed_rows(
    workspace: Workspace, store: Store, here: str, change: Change, seq: int | None = None
) -> np.ndarray:
    """(N,) bool: the rows of a data set that a change means. seq: the event that is now.

    Raises InputError.
    """
    dataset = workspace.open(here).dataset
    first, second = (
        labels_of(workspace, store, here, version, change.policy, seq)
        for version in (change.before, change.after)
    )
    found = compared(first, second, dataset)
    mask = np.zeros(len(dataset), dtype=bool)
    if change.kind in ("only_before", "only_after"):
        labels, alone = (
            (first, found.only_before) if change.kind == "only_before" else (second, found.only_after)
        )
        if labels.dataset is dataset:
            mask[alone] = True
        return mask
    chosen = found.changed
    if change.kind == "changed":
        for codes, name in ((found.before, change.source), (found.after, change.target)):
            if name is not None:
                chosen = chosen & (codes == _code(found.names, name))
    else:
        name = (change.target if change.kind == "gained" else change.source) or ""
        holds = found.holds(name)
        had, has = holds[found.before], holds[found.after]
        chosen = has & ~had if change.kind == "gained" else had & ~has
    positions = found.at[chosen]
    mask[positions[positions >= 0]] = True
    return mask


def _code(names: Sequence[str], name: str) -> int:
    """The code of a label, -1 for none; of one that neither version has, a code that no row has."""
    if not name:
        return UNLABELLED
    return names.index(name) if name in names else len(names)
