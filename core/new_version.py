"""What becomes of the decisions on a data set when another version of its file takes its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.dataset import Dataset
from core.errors import Problem, some
from core.review.classes import classes_of
from core.review.decisions import Decision, Standing
from core.review.policy import ABOUT
from core.review.store import Store


@dataclass(frozen=True)
class CarriedOver:
    """decided: rows with a verdict. gone: those that the new version does not have. changed: those whose
    given label is neither the one of the time of deciding nor the decided one."""

    decided: int
    gone: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    @property
    def fitting(self) -> int:
        """Rows whose decisions fit the new version."""
        return self.decided - len(self.gone) - len(self.changed)

    @property
    def sentence(self) -> str:
        """How many decided rows fit, for a person; no full stop."""
        return f"decisions on {self.fitting:,} of {self.decided:,} decided rows carry over"

    def problems(self, file: str) -> list[Problem]:
        """What does not fit, for the person who loads the file."""
        told = []
        if self.gone:
            found = f"decided rows that this version does not have: {some(self.gone)}"
            mend = "their decisions are kept and change nothing; check the id column if these are too many"
            told.append(Problem("warning", found, file=file, mend=mend))
        if self.changed:
            found = f"decided rows with another given label than before: {some(self.changed)}"
            mend = "their decisions are kept, and an export asks about them"
            told.append(Problem("warning", found, file=file, mend=mend))
        return told


def of_stored(store: Store, dataset: Dataset) -> CarriedOver:
    """`carried_over` for the decisions that a store has on the data set of that name."""
    return carried_over(dataset, store.standings(dataset.name), store.events(dataset.name, actions=ABOUT))


def carried_over(
    dataset: Dataset, standings: Mapping[str, Standing], about: Iterable[Decision]
) -> CarriedOver:
    """How a data set's decisions fit a new version of it. about: its changes of the class list."""
    classes = classes_of(dataset, about)
    positions = dataset.positions(standings).tolist()
    gone, changed = [], []
    for (row_id, standing), position in zip(standings.items(), positions, strict=True):
        if position < 0:
            gone.append(row_id)
            continue
        code = int(dataset.labels[position])
        now = classes.resolve(dataset.classes[code]) if code >= 0 else ""
        said = (*standing.opinions, *((standing.final,) if standing.final else ()))
        known = {
            classes.resolve(name, d.seq)
            for d in said
            for name in (d.given_label, d.label)
            if name is not None
        }
        if now not in known:
            changed.append(row_id)
    return CarriedOver(len(standings), tuple(gone), tuple(changed))
