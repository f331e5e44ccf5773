"""What a team's verdicts amount to under each policy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from core.errors import InputError
from core.review.decisions import Action, Decision
from core.review.fold import Fold
from core.review.plan import Plan, plan_event
from core.review.policy import POLICIES, Because, Outcomes, outcomes
from tests.conftest import make_dataset

PETS = make_dataset([0, 0, 1, 1, 0, -1])
"""r0 cat, r1 cat, r2 dog, r3 dog, r4 cat, r5 without a label."""
GIVEN = {"r0": "cat", "r1": "cat", "r2": "dog", "r3": "dog", "r4": "cat", "r5": ""}


def said(row_id: str, who: str, answer: str | Action, final: bool = False) -> Decision:
    """A verdict: a class name to relabel to, or another action."""
    action = answer if isinstance(answer, Action) else Action.RELABEL
    label = None if isinstance(answer, Action) else answer
    given = GIVEN.get(row_id, "cat")
    return Decision("pets", row_id, action, who, given, f"{row_id}-{who}-{answer}", label, final=final)


def change(**detail: object) -> Decision:
    return Decision("pets", "", Action.CLASS, "eve", "", f"change-{detail}", detail=json.dumps(detail))


def log(*events: Decision) -> list[Decision]:
    """The events as a store numbers them."""
    return [replace(event, seq=number) for number, event in enumerate(events, 1)]


def decided(*events: Decision, policy: str = "agreed", probs: np.ndarray | None = None) -> Outcomes:
    stored = log(*events)
    return outcomes(Fold(stored).standings(), stored, PETS, policy, probs)


def applied(found: Outcomes) -> dict[str, tuple[str, str | None]]:
    return {row_id: (str(d.action), d.label) for row_id, d in found.decisions.items()}


DISPUTED = (said("r0", "ann", "dog"), said("r0", "bob", Action.KEEP), said("r0", "cyd", "dog"))


def test_outcomes__agreed_leaves_disagreements_as_given() -> None:
    found = decided(*DISPUTED, said("r1", "ann", "dog"), said("r2", "ann", "cat"), said("r2", "bob", "cat"))
    assert applied(found) == {"r1": ("relabel", "dog"), "r2": ("relabel", "cat")}
    assert (found.disagreed, found.unsettled, found.waiting) == (("r0",), ("r0",), ())
    assert found.because("r1") == Because("1 annotator")
    assert found.because("r2") == Because("all 2 annotators")
    assert found.decisions["r2"].annotator == "bob"
    assert found.sentence == "policy: Agreed only; 1 row on which annotators differ left as given"


def test_outcomes__majority_takes_the_most_and_no_tie() -> None:
    tied = (said("r1", "ann", "dog"), said("r1", "bob", Action.KEEP))
    found = decided(*DISPUTED, *tied, policy="majority")
    assert applied(found) == {"r0": ("relabel", "dog")}
    assert found.decisions["r0"].annotator == "cyd"
    assert found.because("r0").how == "2 of 3 annotators"
    assert found.because("r0").confidence == pytest.approx(2 / 3)
    assert (found.disagreed, found.unsettled) == (("r0", "r1"), ("r1",))
    assert found.sentence == (
        "policy: Majority; it decided 1 row on which annotators differ; "
        "1 row on which annotators differ left as given"
    )


def test_outcomes__latest_takes_the_last() -> None:
    found = decided(said("r0", "ann", "dog"), said("r0", "bob", Action.KEEP), policy="latest")
    assert applied(found) == {"r0": ("keep", None)}
    assert found.because("r0") == Because("latest of 2 annotators")


@pytest.mark.parametrize("policy", ["agreed", "majority", "latest", "dawid_skene"])
def test_outcomes__a_final_word_wins_under_every_policy(policy: str) -> None:
    found = decided(*DISPUTED, said("r0", "eve", Action.EXCLUDE, final=True), policy=policy)
    assert applied(found) == {"r0": ("exclude", None)}
    assert found.because("r0") == Because("final word of eve")
    assert (found.disagreed, found.unsettled) == ((), ())


@pytest.mark.parametrize("policy", POLICIES)
def test_outcomes__one_annotator_needs_no_policy(policy: str) -> None:
    found = decided(said("r0", "ann", "dog"), said("r3", "ann", Action.NEEDS_REVIEW), policy=policy)
    assert applied(found) == {"r0": ("relabel", "dog"), "r3": ("needs_review", None)}
    assert found.disagreed == ()


@pytest.mark.parametrize("answer", [Action.EXCLUDE, Action.AMBIGUOUS])
@pytest.mark.parametrize("policy", ["majority", "dawid_skene", "crowdlab"])
def test_outcomes__verdicts_without_a_class_are_votes_too(policy: str, answer: Action) -> None:
    votes = (said("r0", "ann", answer), said("r0", "bob", Action.KEEP), said("r0", "cyd", answer))
    others = [said(r, who, Action.KEEP) for r in ("r1", "r2") for who in ("ann", "bob", "cyd")]
    probs = np.full((6, 2), 0.5, dtype=np.float32)
    found = decided(*votes, *others, policy=policy, probs=probs)
    assert found.decisions["r0"].action is answer


def test_outcomes__needs_review_abstains_beside_an_answer() -> None:
    found = decided(said("r0", "ann", "dog"), said("r0", "bob", Action.NEEDS_REVIEW))
    assert applied(found) == {"r0": ("relabel", "dog")}
    found = decided(*DISPUTED[:2], said("r0", "cyd", Action.NEEDS_REVIEW), policy="latest")
    assert applied(found) == {"r0": ("keep", None)}
    assert found.because("r0").how == "latest of 2 annotators"


def test_outcomes__keeping_a_label_and_choosing_it_again_agree() -> None:
    found = decided(said("r0", "ann", "cat"), said("r0", "bob", Action.KEEP))
    assert (applied(found), found.disagreed) == ({"r0": ("keep", None)}, ())


def test_outcomes__dawid_skene_weighs_annotators() -> None:
    """Three who are right against two who agree by chance: the weights come from the other rows."""
    rng = np.random.default_rng(0)
    many = make_dataset([0] * 400)
    answers: list[Decision] = []
    truth = rng.integers(0, 2, 400)
    for row in range(400):
        for who, right in (("good", 0.97), ("good2", 0.97), ("bad", 0.5), ("bad2", 0.5), ("bad3", 0.5)):
            code = truth[row] if rng.random() < right else 1 - truth[row]
            answers.append(said(f"r{row}", who, ("cat", "dog")[code]))
    stored = log(*answers)
    standings = Fold(stored).standings()

    def errors(policy: str) -> int:
        found = outcomes(standings, (), many, policy)
        labels = [found.decisions[f"r{row}"].label for row in range(400)]
        return sum(label != ("cat", "dog")[code] for label, code in zip(labels, truth, strict=True))

    assert errors("dawid_skene") < errors("majority") / 2
    found = outcomes(standings, (), many, "dawid_skene")
    reasons = [found.because(row_id) for row_id in found.disagreed]
    assert all(b.how.endswith(" of 5 annotators, Dawid-Skene") for b in reasons)
    assert all(b.confidence is not None and 0.5 <= b.confidence <= 1 for b in reasons)


def crowd(found: str) -> list[Decision]:
    """Two annotators who agree on r1 to r4 and differ on r0."""
    agreed = [said(r, who, Action.KEEP) for r in ("r1", "r2", "r3", "r4") for who in ("ann", "bob")]
    return [said("r0", "ann", "dog"), said("r0", "bob", found or Action.KEEP), *agreed]


def test_outcomes__crowdlab_listens_to_the_model() -> None:
    for model, expected in ((0.98, ("keep", None)), (0.02, ("relabel", "dog"))):
        probs = np.array([[model, 1 - model]] + [[0.9, 0.1]] * 1 + [[0.1, 0.9]] * 2 + [[0.9, 0.1]] * 2)
        found = decided(*crowd(""), policy="crowdlab", probs=probs)
        assert applied(found)["r0"] == expected
        assert found.because("r0").how == "1 of 2 annotators, CROWDLAB"


def test_outcomes__nothing_is_chosen_that_nobody_chose() -> None:
    """The model is sure of a class that neither annotator gave."""
    three = make_dataset([0, 0, 1, 1, 0], ("cat", "dog", "bird"))
    probs = np.array([[0.001, 0.001, 0.998], [0.9, 0.1, 0], [0.1, 0.9, 0], [0.1, 0.9, 0], [0.9, 0.1, 0]])
    stored = log(*crowd(""))
    found = outcomes(Fold(stored).standings(), stored, three, "crowdlab", probs)
    assert "r0" not in found.decisions or found.decisions["r0"].label in ("dog", None)
    assert found.disagreed == ("r0",)


def test_outcomes__crowdlab_adds_up_the_probabilities_of_merged_classes() -> None:
    """Alone, cat has more probability than either dog; the dogs together have more than cat."""
    three = make_dataset([0, 0, 1, 1, 0], ("cat", "dog", "hound"))
    probs = np.array([[0.4, 0.3, 0.3], [0.9, 0.1, 0], [0.1, 0.9, 0], [0.1, 0.9, 0], [0.9, 0.1, 0]])
    merge = change(merge=["dog", "hound"], to="dog")
    for events, expected in ((crowd(""), "keep"), ([merge, *crowd("")], "relabel")):
        stored = log(*events)
        found = outcomes(Fold(stored).standings(), stored, three, "crowdlab", probs)
        assert str(found.decisions["r0"].action) == expected


def test_outcomes__crowdlab_without_a_model_says_so() -> None:
    with pytest.raises(InputError, match="CROWDLAB needs a model's predictions"):
        decided(*DISPUTED, policy="crowdlab")


def test_outcomes__unknown_policy() -> None:
    with pytest.raises(InputError, match=r"no export policy called 'best'.*agreed, majority, latest"):
        decided(policy="best")


def test_outcomes__merged_classes_agree() -> None:
    events = (said("r2", "ann", "kitten"), said("r2", "bob", "cat"))
    added = change(add="kitten")
    assert decided(added, *events).disagreed == ("r2",)
    found = decided(added, *events, change(merge=["kitten"], to="cat"))
    assert (found.disagreed, applied(found)) == ((), {"r2": ("relabel", "cat")})


def test_outcomes__rows_that_are_gone_are_left_to_the_conflicts() -> None:
    gone = [said("gone", "ann", "dog"), said("gone", "bob", Action.KEEP)]
    for policy, expected in (("majority", {}), ("latest", {"gone": ("keep", None)})):
        assert applied(decided(*gone, policy=policy)) == expected


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (Plan(), ()),
        (Plan(looks=2, share=1.0), ("r1", "r3")),
        (Plan(looks=3, share=1.0), ("r1", "r2", "r3")),
        (Plan(looks=2, classes=("dog",)), ("r3",)),
        (Plan(looks=2, changes=True), ("r1",)),
    ],
)
def test_outcomes__waiting_for_a_second_look(plan: Plan, expected: Sequence[str]) -> None:
    """r1 was changed by one, r2 has two answers, r3 was kept by one, r0 and r4 wait for something else."""
    events = [
        plan_event("pets", "eve", plan),
        *DISPUTED[:2],
        said("r1", "ann", "dog"),
        said("r2", "ann", "cat"),
        said("r2", "bob", "cat"),
        said("r3", "ann", Action.KEEP),
        said("r4", "ann", Action.NEEDS_REVIEW),
    ]
    found = decided(*events)
    assert found.waiting == tuple(expected)
    said_so = f"{len(expected)} row{'s' * (len(expected) > 1)} waiting for another look"
    assert (said_so in found.sentence) is bool(expected)
