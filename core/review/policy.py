"""What a team's verdicts amount to: the decision of each row that an export applies, by a chosen policy.

A policy decides only where annotators differ. Rows on which all agree, or that a final word ended, are the
same under every policy, and nothing is ever written that no person chose.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from core.dataset import UNLABELLED, Dataset
from core.errors import refuse
from core.review.classes import ClassList, classes_of
from core.review.decisions import Action, Decision, Standing
from core.review.fixes import accepted_by
from core.review.plan import Plan, plan_in_force


@dataclass(frozen=True)
class Policy:
    """A way to decide rows on which annotators differ: its title and a sentence for the screen."""

    title: str
    about: str
    needs_model: bool = False


DEFAULT_POLICY = "agreed"
POLICIES = {
    "agreed": Policy("Agreed only", "Rows on which annotators differ stay as given."),
    "majority": Policy("Majority", "The answer of most annotators; a tie stays as given."),
    "latest": Policy("Latest", "The answer given last."),
    "dawid_skene": Policy(
        "Dawid-Skene", "Annotators weighed by how often, and with which classes, they differ from the others."
    ),
    "crowdlab": Policy(
        "CROWDLAB", "Annotators and the model's predictions weighed by how often each is right.", True
    ),
}
ABOUT = (Action.CLASS, Action.PLAN, Action.UNDO)
"""The events beside the verdicts that `outcomes` reads."""

WEIGH_CLASSES = ("crowdlab", "dawid_skene")
"""The policies that cannot be had where labels are numbers."""
Meaning = tuple[str, str]
"""("label", class name now), or (the action, "") of an answer that names no class."""


@dataclass(frozen=True)
class Because:
    """Why a row is decided as it is. how: in words. confidence: in [0, 1], None where no method gives one."""

    how: str
    confidence: float | None = None


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What people decided of a data set, under a policy.

    decisions: the decision to apply to each row id, as it stands in the log.
    classes: the class list that names in the decisions are resolved with.
    reasons: why, for the rows on which more than one annotator or a final word spoke.
    disagreed: rows on which annotators differ and no final word was given, whatever the policy.
    unsettled: those of them that the policy leaves as given.
    waiting: rows on which nobody differs that the review plan wants looked at again.
    standings: what is said of each row, that this was made from.
    """

    decisions: Mapping[str, Decision]
    classes: ClassList
    policy: str = DEFAULT_POLICY
    reasons: Mapping[str, Because] = field(default_factory=dict)
    disagreed: tuple[str, ...] = ()
    unsettled: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    standings: Mapping[str, Standing] = field(default_factory=dict, repr=False)

    def because(self, row_id: str) -> Because:
        """Why a row is decided as it is."""
        return self.reasons.get(row_id, _ONE)

    @property
    def sentence(self) -> str:
        """The policy and what it leaves undecided, in words; no full stop."""
        said = [f"policy: {_title(self.policy)}"]
        if settled := len(self.disagreed) - len(self.unsettled):
            said.append(f"it decided {_rows(settled)} on which annotators differ")
        if self.unsettled:
            said.append(f"{_rows(len(self.unsettled))} on which annotators differ left as given")
        if self.waiting:
            said.append(f"{_rows(len(self.waiting))} waiting for another look")
        return "; ".join(said)


_ONE = Because("1 annotator")


def outcomes(
    standings: Mapping[str, Standing],
    about: Iterable[Decision],
    dataset: Dataset,
    policy: str = DEFAULT_POLICY,
    pred_probs: np.ndarray | None = None,
) -> Outcomes:
    """The decision of each row under a policy of POLICIES.

    about: the data set's other events in store order; those of ABOUT are read.
    pred_probs: (N, K) out-of-sample, read by "crowdlab" only.
    Raises InputError for an unknown policy, and where a method cannot run.
    """
    if policy not in POLICIES:
        raise refuse(f"there is no export policy called {policy!r}", expected="one of " + ", ".join(POLICIES))
    if policy == "crowdlab" and dataset.sets is not None:
        raise refuse(
            "CROWDLAB weighs the probability of one label a row; rows here can have several",
            expected="another policy",
        )
    if policy in WEIGH_CLASSES and dataset.targets is not None:
        raise refuse(
            f"{_title(policy)} weighs answers that are classes; labels here are numbers",
            expected="another policy",
        )
    about = list(about)
    classes = classes_of(dataset, about)
    decisions: dict[str, Decision] = {}
    reasons: dict[str, Because] = {}
    contested: dict[str, tuple[Decision, ...]] = {}
    for row_id, standing in standings.items():
        votes = standing.opinions if standing.final is None else (standing.final,)
        if len(votes) > 1:
            votes = _votes(votes)
        if standing.final is not None:
            reasons[row_id] = Because(f"final word of {standing.final.annotator}")
        elif len(votes) > 1:
            if len({_meaning(d, classes) for d in votes}) > 1:
                contested[row_id] = votes
                continue
            reasons[row_id] = Because(f"all {len(votes)} annotators")
        elif said := accepted_by(votes[-1].shown):
            reasons[row_id] = Because(said)
        decisions[row_id] = votes[-1]
    chosen = _chosen(standings, contested, dataset, classes, policy, pred_probs)
    decisions |= {row_id: decision for row_id, (decision, _) in chosen.items()}
    reasons |= {row_id: because for row_id, (_, because) in chosen.items()}
    unsettled = tuple(row_id for row_id in contested if row_id not in chosen)
    done = {row_id: s for row_id, s in standings.items() if row_id not in contested}
    waiting = _waiting(done, dataset, classes, plan_in_force(about))
    return Outcomes(decisions, classes, policy, reasons, tuple(contested), unsettled, waiting, standings)


def _votes(opinions: Sequence[Decision]) -> tuple[Decision, ...]:
    """The opinions that count: "needs review" abstains beside any other."""
    return tuple(d for d in opinions if d.action is not Action.NEEDS_REVIEW) or tuple(opinions)


def _meaning(decision: Decision, classes: ClassList) -> Meaning:
    if decision.action is Action.RELABEL:
        return "label", classes.meaning(decision.label or "", decision.seq)
    if decision.action is Action.KEEP:
        return "label", classes.meaning(decision.given_label, decision.seq)
    return str(decision.action), ""


def _chosen(
    standings: Mapping[str, Standing],
    contested: Mapping[str, tuple[Decision, ...]],
    dataset: Dataset,
    classes: ClassList,
    policy: str,
    pred_probs: np.ndarray | None,
) -> dict[str, tuple[Decision, Because]]:
    """The decision of each contested row that the policy settles, and why."""
    if not contested or policy == DEFAULT_POLICY:
        return {}
    if policy == "latest":
        last = {row_id: (votes[-1], len(votes)) for row_id, votes in contested.items()}
        return {row_id: (d, Because(f"latest of {n} annotators")) for row_id, (d, n) in last.items()}
    found = _consensus(standings, dataset, classes, policy, pred_probs)
    chosen = {}
    for row_id, votes in contested.items():
        meaning, confidence = found.get(row_id, (None, None))
        same = [d for d in votes if _meaning(d, classes) == meaning]
        if same:  # else a tie, a row that is gone, or an answer that nobody gave
            by = "" if policy == "majority" else f", {_title(policy)}"
            chosen[row_id] = (same[-1], Because(f"{len(same)} of {len(votes)} annotators{by}", confidence))
    return chosen


def _consensus(
    standings: Mapping[str, Standing],
    dataset: Dataset,
    classes: ClassList,
    policy: str,
    pred_probs: np.ndarray | None,
) -> dict[str, tuple[Meaning, float]]:
    """(what it says, confidence) of each row for which the method has a consensus.

    Read are the opinions on every row of the data set. Exclusions and "ambiguous" are answers like a class,
    to which a model gives probability 0.
    """
    from core.methods.consensus import consensus

    names = list(dict.fromkeys(classes.resolve(name) for name in dataset.classes))
    codes: dict[Meaning, int] = {("label", name): code for code, name in enumerate(names)}
    annotators: dict[str, int] = {}
    cells: list[tuple[int, int, int]] = []
    rows = [row_id for row_id, s in standings.items() if s.opinions]
    positions = dataset.positions(rows)
    rows = [row_id for row_id, position in zip(rows, positions, strict=True) if position >= 0]
    for number, row_id in enumerate(rows):
        for vote in _votes(standings[row_id].opinions):
            if vote.action is not Action.NEEDS_REVIEW:
                code = codes.setdefault(_meaning(vote, classes), len(codes))
                cells.append((number, annotators.setdefault(vote.annotator, len(annotators)), code))
    if not cells:
        return {}
    answers = np.full((len(rows), len(annotators)), UNLABELLED, dtype=np.int32)
    row, who, code = np.array(cells).T
    answers[row, who] = code
    probs = None
    if policy == "crowdlab" and pred_probs is not None:
        probs = _merged(pred_probs[positions[positions >= 0]], dataset, classes, names)
    found = consensus(answers, len(codes), policy, probs)
    meanings = list(codes)
    return {
        row_id: (meanings[label], float(confidence))
        for row_id, label, confidence in zip(rows, found.labels.tolist(), found.confidence, strict=True)
        if label >= 0
    }


def _merged(probs: np.ndarray, dataset: Dataset, classes: ClassList, names: Sequence[str]) -> np.ndarray:
    """(n, K) probabilities by the classes of now: those of merged classes are added up."""
    merged = np.zeros((len(probs), len(names)))
    for column, name in enumerate(dataset.classes):
        merged[:, names.index(classes.resolve(name))] += probs[:, column]
    return merged


def _waiting(
    standings: Mapping[str, Standing], dataset: Dataset, classes: ClassList, plan: Plan
) -> tuple[str, ...]:
    """The rows with a verdict that wait for an annotator who has not seen them; "needs review" is none."""
    voted = (
        (row_id, {d.action for d in s.opinions} - {Action.NEEDS_REVIEW}) for row_id, s in standings.items()
    )
    rows = [row_id for row_id, actions in voted if actions]
    positions = dataset.positions(rows)
    rows = [row_id for row_id, position in zip(rows, positions, strict=True) if position >= 0]
    codes = dataset.labels[positions[positions >= 0]]
    now = np.array([*(classes.resolve(name) for name in dataset.classes), ""], dtype=object)
    plan = replace(plan, classes=tuple(classes.resolve(name) for name in plan.classes))
    looks = plan.looks_of(rows, now[codes])  # -1, no label, is the last
    return tuple(row for row, n in zip(rows, looks.tolist(), strict=True) if plan.due(standings[row], "", n))


def _title(policy: str) -> str:
    return POLICIES[policy].title


def _rows(number: int) -> str:
    return f"{number:,} row" + ("" if number == 1 else "s")
