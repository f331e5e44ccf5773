"""A decisions file laid on a copy of the data: what becomes of each decided row, and the report of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from core.corrections import Corrections, ExportOptions, correct
from core.dataset import UNLABELLED, Dataset
from core.errors import Problem, refuse
from core.files import write_json
from core.patch import Found, Key, Layout, locate
from core.review.decisions import Action, Decision, Standing
from core.review.fold import Fold
from core.review.policy import DEFAULT_POLICY, outcomes
from core.source import Source

Fate = Literal[
    "applied", "already", "nothing to change", "left as given",
    "not found", "content changed", "given label changed", "ambiguous", "cannot be written",
]  # fmt: skip
FATES: tuple[Fate, ...] = Fate.__args__  # type: ignore[attr-defined]
CONFLICTS = FATES[4:]
_MISSED = {
    "not found": "no row has its id or its content",
    "content changed": "the row with this id has other content than the row that was decided",
    "ambiguous": "several rows could be it, and neither id nor order tells them apart",
}


@dataclass(frozen=True)
class Patch:
    """A decisions file as read. layout: None for a file that knows its rows by id only."""

    events: list[Decision]
    layout: Layout | None = None
    keys: Mapping[str, Key] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """What became of one decided row.

    row_id: as in the file. row: its number in the copy, 1 is the first; None where it is not found.
    found_by: "id" or "content"; "" where it is not found.
    """

    row_id: str
    fate: Fate
    row: int | None
    found_by: str
    action: str
    given_label: str
    label: str | None
    annotator: str


@dataclass(frozen=True, eq=False)
class Applied:
    """The corrections that a decisions file makes to a copy, and the fate of every row that it decides."""

    corrections: Corrections
    rows: tuple[Row, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many decided rows had each fate, in the order of FATES; they add up to the decided rows."""
        found = Counter(row.fate for row in self.rows)
        return {fate: found[fate] for fate in FATES}

    @property
    def sentence(self) -> str:
        """The counts in words; no full stop."""
        total = len(self.rows)
        said = [f"{count:,} {fate}" for fate, count in self.counts.items() if count]
        by_content = sum(row.found_by == "content" for row in self.rows)
        found = f"; {by_content:,} found by content under another id" if by_content else ""
        return f"{total:,} decided row{'' if total == 1 else 's'}: {', '.join(said) or 'none'}{found}"

    def document(self) -> dict[str, Any]:
        """The report as JSON: the sentence, the counts, the policy, every row by its fate, every conflict."""
        listed: dict[str, list[dict[str, Any]]] = {fate: [] for fate in FATES}
        for row in self.rows:
            listed[row.fate].append({k: v for k, v in asdict(row).items() if k != "fate"})
        return {
            "sentence": self.sentence,
            "counts": self.counts,
            "policy": self.corrections.outcomes.policy,
            "rows": listed,
            "conflicts": [str(problem) for problem in self.corrections.conflicts],
        }


def apply_patch(
    patch: Patch,
    dataset: Dataset,
    source: Source,
    policy: str = DEFAULT_POLICY,
    options: ExportOptions | None = None,
    pred_probs: np.ndarray | None = None,
) -> Applied:
    """Work out what a decisions file changes in a data set. Writes nothing.

    Rows that are missed are conflicts of the corrections, beside those that `correct` finds. An excluded
    row that is nowhere in the copy is there "already": gone, as decided.
    """
    standings = Fold(patch.events).standings()
    found = _found(patch, standings, dataset)
    here = {found.ids[r]: _moved(s, found.ids[r]) for r, s in standings.items() if r in found.ids}
    decided = outcomes(here, patch.events, dataset, policy, pred_probs)
    corrections = correct(dataset, source, decided, options)
    back = {new: old for old, new in found.ids.items()}
    fates = _fates(corrections, here)
    by_id: dict[str, Row] = {}
    for new, (fate, decision, row) in fates.items():
        old = back[new]
        by = "" if row is None else "content" if old in found.by_content else "id"
        by_id[old] = _row(old, fate, decision, row, by)
    problems = []
    for old, miss in found.missed.items():
        decision = _said(standings[old])
        gone = (
            miss == "not found" and standings[old].settled is not None and decision.action is Action.EXCLUDE
        )
        by_id[old] = _row(old, "already" if gone else miss, decision, None, "")
        if not gone:
            problems.append(_problem(old, miss, decision))
    rows = tuple(by_id[row_id] for row_id in standings)
    already = sum(row.fate == "already" for row in rows)
    conflicts = (*corrections.conflicts, *problems)
    return Applied(replace(corrections, conflicts=conflicts, already=already), rows)


def write_report(applied: Applied, path: Path, *others: Path | None) -> None:
    """Write the report as JSON, whole or not at all. Raises InputError where it would overwrite another."""
    for other in others:
        if other is not None and (path.resolve() == other.resolve()):
            raise refuse(f"{path.name} is one of the other files", mend="give the report another name")
    if not path.parent.is_dir():
        raise refuse(f"the folder {str(path.parent)!r} does not exist", mend="make it first")
    write_json(path, applied.document())


def _found(patch: Patch, standings: Mapping[str, Standing], dataset: Dataset) -> Found:
    if patch.layout is None:
        return Found({row_id: row_id for row_id in standings})
    wanted = (patch.keys.get(row_id) or Key("", row_id) for row_id in standings)
    return locate(patch.layout, wanted, dataset)


def _moved(standing: Standing, row_id: str) -> Standing:
    """The same standing, of the row as the copy calls it."""
    opinions = tuple(replace(d, row_id=row_id) for d in standing.opinions)
    final = None if standing.final is None else replace(standing.final, row_id=row_id)
    settled = None if standing.settled is None else replace(standing.settled, row_id=row_id)
    return Standing(opinions, final, settled)


def _fates(
    corrections: Corrections, here: Mapping[str, Standing]
) -> dict[str, tuple[Fate, Decision, int | None]]:
    """(fate, decision, number of the row) of each row, by its id in the copy."""
    dataset, decisions = corrections.dataset, corrections.outcomes.decisions
    changed = {c.position for c in corrections.changes if c.decision.action is not Action.CLASS}
    made: dict[str, tuple[Fate, Decision, int | None]] = {}
    for row_id, position in zip(here, dataset.positions(here).tolist(), strict=True):
        decision = decisions.get(row_id) or _said(here[row_id])
        fate: Fate
        if row_id not in decisions:
            fate = "left as given"
        elif position < 0:
            fate = "already" if decision.action is Action.EXCLUDE else "not found"
        elif position in changed:
            fate = "applied"
        elif position in corrections.decisions:
            fate = "already" if decision.action is Action.RELABEL else "nothing to change"
        else:
            fate = "given label changed" if _given_changed(corrections, position, decision) else FATES[-1]
        made[row_id] = (fate, decision, position + 1 if position >= 0 else None)
    return made


def _given_changed(corrections: Corrections, position: int, decision: Decision) -> bool:
    dataset, classes = corrections.dataset, corrections.outcomes.classes
    code = int(dataset.labels[position])
    given = "" if code == UNLABELLED else classes.resolve(dataset.classes[code])
    return given != classes.resolve(decision.given_label, decision.seq)


def _said(standing: Standing) -> Decision:
    """The decision in force, else the last opinion."""
    return standing.settled or standing.opinions[-1]


def _row(row_id: str, fate: Fate, decision: Decision, row: int | None, by: str) -> Row:
    said = (decision.action.value, decision.given_label, decision.label, decision.annotator)
    return Row(row_id, fate, row, by, *said)


def _problem(row_id: str, miss: str, decision: Decision) -> Problem:
    label = f" {decision.label}" if decision.label else ""
    by = f" by {decision.annotator}" if decision.annotator else ""
    found = f"{miss}: row {row_id!r}: {_MISSED[miss]} ({decision.action.value}{label}{by})"
    return Problem("error", found, mend="decide this row again, or skip conflicts")


def decided_rows(events: Iterable[Decision]) -> set[str]:
    """The ids of the rows that any of these events is about."""
    return {each.row_id for event in events for each in event.expanded() if each.row_id}
