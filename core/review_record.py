"""What a review made of a data set, counted once for the data set card and for the report."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.audit import Audit, checks
from core.corrections import Corrections
from core.dataset import Dataset
from core.evidence.reading import Reading
from core.evidence.remaining import Remaining
from core.evidence.sections import Section, sections
from core.methods.agreement import (
    MIN_SHARED,
    Agreement,
    alpha_interval,
    krippendorff_alpha,
    pairwise_kappa,
)
from core.methods.intervals import wilson
from core.overview import reviewed
from core.review.chance import unit_interval
from core.review.classes import in_words
from core.review.decisions import Action, Decision, Standing
from core.review.plan import Plan, plan_in_force
from core.review.policy import Outcomes
from core.review.queue import Filters, select, tag_of
from core.review.store import Store
from core.team_answers import answers
from core.workspace import Project

SEED = 0
"""Of the resamples behind an interval of agreement, as on the Team page."""
VERDICTS_IN_WORDS = {
    Action.KEEP: "given label kept",
    Action.RELABEL: "label changed",
    Action.EXCLUDE: "excluded",
    Action.AMBIGUOUS: "ambiguous",
    Action.NEEDS_REVIEW: "needs review",
}
NO_LABEL = "(no label)"


@dataclass(frozen=True)
class Count:
    """Rows of one class or split in the source and in the corrected file."""

    name: str
    before: int
    after: int


@dataclass(frozen=True)
class Agreed:
    """How far annotators agree, from answers that were given unaided.

    alpha: Krippendorff's. kappa: Cohen's, where there are two annotators. left_out: answers given after
    seeing another's. by_lot: whether the rows were drawn at random by the review plan.
    """

    annotators: int
    alpha: Agreement
    kappa: Agreement | None
    left_out: int
    by_lot: bool


@dataclass(frozen=True)
class RandomSample:
    """The random audit: the first rows of the one random order of all rows, as far as people have come.

    wrong: rows whose label was changed. unclear: rows that are excluded, ambiguous, in dispute or undecided.
    """

    rows: int
    wrong: int
    unclear: int

    @property
    def usable(self) -> bool:
        """Whether at least half of the rows have a clear verdict."""
        return self.rows > 0 and 2 * self.unclear <= self.rows

    def share(self, unclear_is_wrong: bool = False) -> tuple[float, float, float]:
        """(share of wrong labels, low, high): the 95 % Wilson interval. rows > 0."""
        hits = self.wrong + (self.unclear if unclear_is_wrong else 0)
        low, high = wilson(np.array(hits), np.array(self.rows))
        return hits / self.rows, float(low), float(high)


@dataclass(frozen=True, eq=False)
class Record:
    """project, audit: what was reviewed. corrections: what the verdicts change. standings: what is said of
    each row. plan: how often rows are looked at. seq: the last event counted. left: the wrong labels left, by
    the rows drawn at random. sections: what the evidence has to say.
    """

    project: Project
    audit: Audit
    corrections: Corrections
    standings: Mapping[str, Standing]
    plan: Plan
    seq: int
    agreed: Agreed | None
    left: Remaining
    sections: tuple[Section, ...]

    @property
    def dataset(self) -> Dataset:
        return self.corrections.dataset

    @property
    def outcomes(self) -> Outcomes:
        return self.corrections.outcomes

    @cached_property
    def here(self) -> dict[str, Standing]:
        """The standings of rows that are in the data set."""
        positions = self.dataset.positions(self.standings).tolist()
        pairs = zip(self.standings.items(), positions, strict=True)
        return {row_id: standing for (row_id, standing), position in pairs if position >= 0}

    @property
    def gone(self) -> int:
        """Rows with a verdict that are not in the data set."""
        return len(self.standings) - len(self.here)

    @cached_property
    def decided(self) -> dict[str, Decision]:
        """The decision in force on each row of the data set, by the policy."""
        return {row_id: d for row_id, d in self.outcomes.decisions.items() if row_id in self.here}

    @cached_property
    def verdicts(self) -> dict[str, int]:
        """Rows by the kind of their decision in force, in words; kinds that do not occur are left out."""
        found = Counter(d.action for d in self.decided.values())
        return {words: found[action] for action, words in VERDICTS_IN_WORDS.items() if found[action]}

    @cached_property
    def annotators(self) -> list[tuple[str, int]]:
        """(name, rows on which their word stands), most rows first, equals by name."""
        found: Counter[str] = Counter()
        for standing in self.here.values():
            found.update({d.annotator for d in words_of(standing)})
        return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))

    @cached_property
    def looks(self) -> dict[int, int]:
        """Rows by how many annotators gave an opinion, fewest first."""
        return dict(sorted(Counter(len(s.opinions) for s in self.here.values()).items()))

    @property
    def open(self) -> list[str]:
        """Rows on which annotators differ and nobody has ended it, whatever the policy makes of them."""
        return [row_id for row_id in self.outcomes.disagreed if row_id in self.here]

    @cached_property
    def ended(self) -> int:
        """Rows on which annotators differ and a final word was given."""
        return sum(
            s.final is not None and len({d.answer for d in s.opinions}) > 1 for s in self.here.values()
        )

    @cached_property
    def changed(self) -> dict[str, tuple[str, str]]:
        """(given, new) class, by the names of now, of each row whose label a verdict changes."""
        names = self.outcomes.classes
        found = {}
        for change in self.corrections.changes:
            decision = change.decision
            if decision.action is Action.RELABEL:
                given = names.resolve(decision.given_label, decision.seq)
                found[change.row_id] = given, names.resolve(decision.label or "", decision.seq)
        return found

    @cached_property
    def changes(self) -> list[tuple[str, str, int]]:
        """(given, new, rows) of the label changes, most rows first, equals by name."""
        found = Counter(self.changed.values())
        return sorted(
            ((given, new, rows) for (given, new), rows in found.items()), key=lambda c: (-c[2], *c[:2])
        )

    @cached_property
    def class_changes(self) -> list[tuple[str, int]]:
        """(change of the class list in words, cells that it changes), in the order of the rows."""
        events = [c.decision for c in self.corrections.changes if c.decision.action is Action.CLASS]
        words = {event.op_id: in_words(event.details) for event in events}
        found = Counter(event.op_id for event in events)
        return [(words[op_id], cells) for op_id, cells in found.items()]

    @cached_property
    def classes(self) -> list[Count]:
        """Rows of each class: as the source calls them, then as they are called now."""
        dataset, names = self.dataset, self.outcomes.classes
        before = _members(dataset, _texts(dataset, np.ones(len(dataset), dtype=bool)))
        kept = ~self.corrections.dropped
        after: Counter[str] = Counter()
        for text, rows in _texts(dataset, kept).items():
            after[names.resolve(text)] += rows
        for given, new in self.changed.values():
            after[given] -= 1
            after[new] += 1
        after = _members(dataset, after)
        known = dict.fromkeys([*dataset.names, *([] if dataset.sets else names.names), *before, *after])
        rest = [name for name in known if name]
        return [
            Count(name or NO_LABEL, before[name], after[name]) for name in [*rest, *([""] * ("" in known))]
        ]

    @cached_property
    def splits(self) -> list[Count]:
        """Rows of each split, by name; none where there are no splits."""
        if self.dataset.splits is None:
            return []
        values = self.dataset.splits.fillna("").to_numpy(dtype=object)
        before, after = Counter(values), Counter(values[~self.corrections.dropped])
        return [Count(str(name) or "(no split)", before[name], after[name]) for name in sorted(before)]

    @cached_property
    def flagged(self) -> list[tuple[str, int, int]]:
        """(title, rows flagged, how many of them have a decision in force) of each check that ran."""
        tables = {name: result.table for name, result in self.audit.results.items()}
        found = ((name, reviewed(self.dataset, tables, name, self.decided)) for name in tables)
        return [(checks()[name].title, flagged, decided) for name, (decided, flagged) in found]

    @cached_property
    def sample(self) -> RandomSample | None:
        """The random audit of the whole data set; None where nobody has worked on it."""
        order = select(self.dataset, {}, {}, Filters(sort="random"))
        tag = tag_of(order)
        audited = [row_id for row_id, s in self.here.items() if any(_queue(d) == tag for d in words_of(s))]
        if not audited:
            return None
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        # A fair sample is every row up to the last one audited; one that was passed over counts as unclear.
        ids = self.dataset.row_ids[order[: int(place[self.dataset.positions(audited)].max()) + 1]]
        said = Counter(_clear(self.decided.get(row_id)) for row_id in ids.tolist())
        return RandomSample(len(ids), said["wrong"], said["unclear"])


def review_record(
    project: Project,
    audit: Audit,
    store: Store,
    corrections: Corrections,
    further: Callable[[Reading], tuple[Section, ...]] = lambda reading: (),
) -> Record:
    """The record of a data set, of the corrections that an export writes or has written.

    further: what the evidence has to say beyond the decisions alone (core.team_sections).
    """
    name = project.name
    standings = store.standings(name)
    plan = plan_in_force(store.events(name, actions=[Action.PLAN]))
    several = [row_id for row_id, s in standings.items() if len(s.opinions) > 1]
    agreed = _agreed(store, project.dataset, several, plan) if several else None
    reading = Reading(project, audit.results, store)
    found = reading.state.left, (*sections(reading), *further(reading))
    return Record(project, audit, corrections, standings, plan, store.last_seq(name), agreed, *found)


def words_of(standing: Standing) -> tuple[Decision, ...]:
    """Every word that stands on a row: the opinions, and the final one."""
    return (*standing.opinions, *([standing.final] if standing.final else []))


def _agreed(store: Store, dataset: Dataset, several: Iterable[str], plan: Plan) -> Agreed:
    found = answers(store.histories(dataset.name, several), dataset.classes)
    drawn = np.zeros(len(found.row_ids), dtype=bool)
    if plan.share > 0 and found.row_ids:
        drawn = unit_interval(found.row_ids, plan.seed, "overlap") < plan.share
    if drawn.any():
        found = found.among(drawn)
    count = len(found.annotators)
    kappa = None
    if count == 2:
        pair = pairwise_kappa(found.codes, found.annotators, SEED).iloc[0]
        kappa = Agreement(pair["kappa"], pair["low"], pair["high"], int(pair["rows"]), pair["reason"])
    return Agreed(count, _alpha(found.codes), kappa, found.left_out, bool(drawn.any()))


def _alpha(codes: np.ndarray) -> Agreement:
    """Alpha from MIN_SHARED rows on; its interval as soon as that is to be trusted."""
    found = alpha_interval(codes, SEED)
    if found.rows < MIN_SHARED:
        reason = f"Too few shared rows ({found.rows:,} of {MIN_SHARED:,})."
        return Agreement(found.value, found.low, found.high, found.rows, reason)
    return Agreement(krippendorff_alpha(codes), found.low, found.high, found.rows, found.reason)


def _texts(dataset: Dataset, rows: np.ndarray) -> Counter[str]:
    """How many of the rows have each label cell's class, or set of classes; "" for no label."""
    labels = dataset.labels[rows]
    counts = np.bincount(labels[labels >= 0], minlength=len(dataset.classes)).tolist()
    found = Counter(dict(zip(dataset.classes, counts, strict=True)))
    found[""] += int((labels < 0).sum())
    return +found


def _members(dataset: Dataset, texts: Counter[str]) -> Counter[str]:
    """Counts of sets as counts of the classes in them; as they are where a row has one label."""
    if dataset.sets is None:
        return +texts
    found: Counter[str] = Counter()
    for text, rows in (+texts).items():
        names = dataset.sets.members(text) if text or dataset.sets.may_be_empty else ("",)
        found.update(dict.fromkeys(names, rows))
    return found


def _queue(decision: Decision) -> str:
    """The tag of the queue in which a verdict was given; "" where it is not known."""
    try:
        shown = json.loads(decision.shown)
    except ValueError:
        return ""
    found = shown.get("queue") if isinstance(shown, dict) else None
    return found if isinstance(found, str) else ""


def _clear(decision: Decision | None) -> str:
    if decision is None or decision.action not in (Action.KEEP, Action.RELABEL):
        return "unclear"
    relabelled = decision.action is Action.RELABEL and decision.label != decision.given_label
    return "wrong" if relabelled else "right"
