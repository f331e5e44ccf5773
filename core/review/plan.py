"""How a team reviews a data set: how often each row is looked at, and what is hidden meanwhile."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np
import pandas as pd

from core.dataset import Dataset
from core.errors import refuse
from core.review.chance import unit_interval
from core.review.decisions import Action, Decision, Standing

MOST_LOOKS = 10


@dataclass(frozen=True)
class Plan:
    """share: of all rows, drawn by `seed`, that get `looks` reviews by different annotators; others get one.
    classes: every row given one of these labels gets `looks` too. changes: so does every row on which the
    first annotator wants a change (a relabel or an exclusion).
    blind: an annotator sees nobody else's answers. hide_suggestions: share of rows, drawn by `seed`,
    whose suggestion and probabilities are not shown.
    audit: share of the places of a queue over the whole data set that hold a row drawn at random, shown to
    everybody without a suggestion (core.review.audit_rows); in [0, 1).
    gold: share of an annotator's rows that are gold rows, once there are any (core.review.gold); in [0, 0.5].
    """

    looks: int = 2
    share: float = 0.0
    classes: tuple[str, ...] = ()
    changes: bool = False
    blind: bool = True
    hide_suggestions: float = 0.0
    seed: int = 0
    audit: float = 0.0
    gold: float = 0.05

    def __post_init__(self) -> None:
        if not 1 <= self.looks <= MOST_LOOKS:
            raise refuse(f"looks is {self.looks}", expected=f"1 to {MOST_LOOKS} reviews a row")
        for name in ("share", "hide_suggestions"):
            if not 0 <= getattr(self, name) <= 1:
                raise refuse(f"{name} is {getattr(self, name)}", expected="a share from 0 to 1")
        if not 0 <= self.audit < 1:
            raise refuse(f"audit is {self.audit}", expected="a share from 0 to below 1")
        if not 0 <= self.gold <= 0.5:
            raise refuse(f"gold is {self.gold}", expected="a share from 0 to 0.5")

    @property
    def blinds(self) -> bool:
        """Whether answers are hidden: only where a row may need a second, independent one."""
        return self.blind and self.looks > 1 and (self.share > 0 or bool(self.classes) or self.changes)

    def looks_of(self, row_ids: Sequence[str] | pd.Index, given: Sequence[str] | np.ndarray) -> np.ndarray:
        """(N,) int64: how many annotators look at each row at least. given: (N,) class names, "" for none."""
        looks = np.ones(len(row_ids), dtype=np.int64)
        if self.share > 0:
            looks[unit_interval(row_ids, self.seed, "overlap") < self.share] = self.looks
        if self.classes:
            looks[np.isin(np.asarray(given, dtype=object), list(self.classes))] = self.looks
        return looks

    def hidden(self, row_ids: Sequence[str] | pd.Index) -> np.ndarray:
        """(N,) bool: rows whose suggestion is not shown."""
        if self.hide_suggestions <= 0:
            return np.zeros(len(row_ids), dtype=bool)
        return unit_interval(row_ids, self.seed, "suggestion") < self.hide_suggestions

    def due(self, standing: Standing | None, annotator: str, looks: int) -> bool:
        """Whether a row waits for this annotator. looks: of the row, from `looks_of`."""
        if standing is None:
            return True
        if standing.final is not None or any(d.annotator == annotator for d in standing.opinions):
            return False
        votes = [d for d in standing.opinions if d.action is not Action.NEEDS_REVIEW]
        if self.changes and any(d.action in (Action.RELABEL, Action.EXCLUDE) for d in votes):
            looks = self.looks
        return len(votes) < looks


@dataclass(frozen=True, eq=False)
class Drawn:
    """What a plan says of each row of one data set. looks: (N,) int64. hidden: (N,) bool."""

    looks: np.ndarray
    hidden: np.ndarray


def draw(plan: Plan, dataset: Dataset) -> Drawn:
    """The rows that a plan's seed and rules choose."""
    return Drawn(plan.looks_of(dataset.row_ids, dataset.given_labels()), plan.hidden(dataset.row_ids))


_ONCE = Plan()


def plan_in_force(events: Iterable[Decision], plan: Plan = _ONCE) -> Plan:
    """The plan of the last PLAN event; without one `plan`, which by default has each row looked at once."""
    for event in events:
        if event.action is Action.PLAN:
            known = {field.name for field in fields(Plan)}
            values = {name: value for name, value in event.details.items() if name in known}
            plan = Plan(**{**values, "classes": tuple(values.get("classes", ()))})
    return plan


def plan_event(dataset: str, by: str, plan: Plan) -> Decision:
    """The event that puts a plan in force."""
    return Decision(dataset, "", Action.PLAN, by, "", uuid.uuid4().hex, detail=json.dumps(asdict(plan)))
