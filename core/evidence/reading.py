"""One data set as the evidence reads it: what it is, what the checks found, and what people said so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from core.dataset import Dataset
from core.evidence.groups import by_part
from core.evidence.log import ReviewLog, review_log
from core.evidence.state import State, state
from core.gold import Measured, measured
from core.issues import Result
from core.review.classes import classes_of
from core.review.decisions import VERDICTS, Action
from core.review.gold import marked
from core.review.queue import default_find
from core.workspace import Project

if TYPE_CHECKING:
    from core.review.store import Store


@dataclass(frozen=True, eq=False)
class Reading:
    """results: what the checks found, by check. What is read of the store is read once, when it is asked."""

    project: Project
    results: Mapping[str, Result]
    store: Store

    @property
    def dataset(self) -> Dataset:
        return self.project.dataset

    @property
    def labels(self) -> Result | None:
        """What the check of wrong labels found, whose score ranks the rows; None where it has not run."""
        return self.results.get(default_find(self.dataset))

    @cached_property
    def log(self) -> ReviewLog:
        """The decisions, one line a row that was read."""
        name = self.project.name
        events = self.store.events(name, actions=(*VERDICTS, Action.UNDO))
        return review_log(events, self.store.standings(name), self.dataset, self.gold)

    @cached_property
    def gold(self) -> frozenset[str]:
        """Ids of the gold rows."""
        return marked(self.store.events(self.project.name, actions=(Action.GOLD, Action.UNDO)))

    @cached_property
    def on_gold(self) -> Measured:
        """How often annotators err on them."""
        name = self.project.name
        about = self.store.events(name, actions=(Action.CLASS, Action.UNDO))
        histories = self.store.histories(name, self.gold)
        return measured(sorted(self.gold), histories, classes_of(self.dataset, about))

    @cached_property
    def state(self) -> State:
        """What they say of the whole data set."""
        return state(self.dataset, self.log, self.labels)

    @cached_property
    def groups(self) -> dict[str, pd.DataFrame]:
        """What they say of each class and split; see core.evidence.groups.by_part."""
        return by_part(self.dataset, self.log)
