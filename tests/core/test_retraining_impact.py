from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from core import impact_words as words
from core import retraining_impact
from core.cli import main
from core.errors import InputError
from core.evidence.impact import SEEDS, Effect, Gain, Impact
from core.model_store import add_model
from core.predictions import Predictions
from core.progress import Cancelled, Progress
from core.retraining_impact import (
    LEAST,
    Facts,
    Measured,
    facts,
    fingerprint,
    kept,
    measure,
    supplied,
    to_freeze,
    why_not,
)
from core.review.decisions import Action, Decision
from core.review.frozen import Frozen, freeze_event, frozen_rows, in_words
from core.review.store import Store, shared_store
from core.targets import Targets
from core.workspace import Workspace
from tests.conftest import make_dataset
from tests.core.test_baseline import stored, texts

ROWS = 400
WRONG = tuple(i for i in range(0, ROWS, 2) if i % 5 < 3)
"""Most of one class bears the other's label."""
DRAWN = [int(p) for p in np.random.default_rng(3).permutation(ROWS)[:160]]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return stored(tmp_path, texts(ROWS, WRONG))


@pytest.fixture
def store(workspace: Workspace) -> Store:
    return shared_store(workspace.database_url)


def say(position: int, source: str, who: str = "ann", action: Action | None = None) -> Decision:
    """What somebody who knows the truth says of a row."""
    dataset, right = texts(ROWS, WRONG), position % 2
    given = int(dataset.labels[position])
    done = action or (Action.KEEP if given == right else Action.RELABEL)
    label = dataset.classes[right] if done is Action.RELABEL else None
    shown = json.dumps({"source": source, "find": "label_issues"})
    op = f"{position} {source} {who} {done}"
    return Decision("pets", f"r{position}", done, who, dataset.classes[given], op, label, shown=shown)


def freeze(store: Store, workspace: Workspace, count: int = LEAST) -> Facts:
    dataset = workspace.open("pets").dataset
    rows = to_freeze(facts(store, dataset), dataset, count)
    store.record([freeze_event("pets", "ann", rows, 0)])
    return facts(store, dataset)


def read_random(store: Store) -> None:
    assert not any(r.refused for r in store.record([say(p, "audit") for p in DRAWN]))


def correct(store: Store, share: float = 1.0) -> None:
    rest = [p for p in range(ROWS) if p not in DRAWN]
    store.record([say(p, "ranked") for p in rest[: int(share * len(rest))]])


def test_frozen_rows__the_last_event_counts() -> None:
    first, second = freeze_event("pets", "eve", ["r1"], 0), freeze_event("pets", "ann", ["r1", "r2"], 0)
    assert frozen_rows([]) is None
    found = frozen_rows([first, replace(second, decided_at="2026-01-02")])
    assert found == Frozen(("r1", "r2"), "ann", "2026-01-02", 2)
    assert in_words(first) == "1 test row frozen" and in_words(second) == "2 test rows frozen"
    with pytest.raises(ValueError, match="no rows to freeze"):
        freeze_event("pets", "eve", [], 0)


def test_facts__only_random_rows_with_a_clear_verdict_can_be_frozen(
    store: Store, workspace: Workspace
) -> None:
    dataset = workspace.open("pets").dataset
    read_random(store)
    store.record([say(p, "ranked") for p in range(ROWS) if p not in DRAWN][:30])
    unclear = (Action.EXCLUDE, Action.AMBIGUOUS, Action.NEEDS_REVIEW)
    store.record([say(p, "audit", action=a) for p, a in zip(DRAWN[:3], unclear, strict=True)])
    store.record([say(DRAWN[3], "ranked", "bob", Action.EXCLUDE)])  # two differ
    found = facts(store, dataset)
    assert sorted(found.free) == sorted(DRAWN[4:]) and found.frozen is None and found.arms is None
    assert words.frozen_in_words(found) == (
        "No test rows are frozen. 156 random rows read without a suggestion can be test rows; it takes 100."
    )


def test_to_freeze__is_a_draw_that_later_only_grows(store: Store, workspace: Workspace) -> None:
    dataset = workspace.open("pets").dataset
    read_random(store)
    with pytest.raises(InputError, match="99 test rows cannot be frozen"):
        to_freeze(facts(store, dataset), dataset, 99)
    with pytest.raises(InputError, match="there are 160"):
        to_freeze(facts(store, dataset), dataset, 161)
    first = freeze(store, workspace)
    assert first.frozen is not None and len(first.frozen.rows) == len(set(first.frozen.rows)) == LEAST
    assert len(first.free) == 60
    second = freeze(store, workspace, 130)
    assert second.frozen is not None and second.frozen.rows[:LEAST] == first.frozen.rows
    assert second.frozen.times == 2 and "(2 times, each with the rows of before)" in words.frozen_in_words(
        second
    )


def test_facts__test_rows_teach_nothing_and_are_scored_by_what_people_say(
    store: Store, workspace: Workspace
) -> None:
    dataset = workspace.open("pets").dataset
    read_random(store)
    correct(store, 0.5)
    found = freeze(store, workspace)
    assert found.frozen is not None and found.arms is not None
    rows = dataset.positions(found.frozen.rows)
    assert (found.arms.given[rows] == -1).all() and (found.arms.corrected[rows] == -1).all()
    assert (found.arms.truth == found.arms.test % 2).all()
    others = np.setdiff1d(np.arange(ROWS), rows)
    assert (found.arms.given[others] == dataset.labels[others]).all()
    corrected = [p for p in others if found.arms.corrected[p] != dataset.labels[p]]
    assert found.arms.edits == len(corrected) > 40 and all(p in WRONG for p in corrected)
    assert words.edits_in_words(found.arms) == f"{len(corrected)} training labels differ by review."
    undone = say(int(rows[0]), "audit")
    undo = Decision("pets", undone.row_id, Action.UNDO, "ann", "", "undo", undoes=undone.op_id)
    store.record([undo, say(int(rows[1]), "ranked", "bob")])
    after = facts(store, dataset)
    assert after.arms is not None and (after.arms.lost, after.arms.twice) == (1, 1)
    assert len(after.arms.test) == LEAST - 1
    said = words.frozen_in_words(after)
    assert "100 test rows frozen on " in said and "1 of them read by two annotators or more" in said
    assert "; 1 without a clear verdict now, which do not count." in said


def test_measure__sees_that_the_corrections_help_keeps_it_and_knows_when_it_is_stale(
    store: Store, workspace: Workspace
) -> None:
    read_random(store)
    correct(store)
    found = freeze(store, workspace)
    assert found.arms is not None and kept(workspace, "pets") is None
    made = measure(workspace, store, "pets", seeds=2)
    assert made.impact.effect is Effect.IMPROVED and made.impact.corrected > 0.95 > made.impact.given
    assert (made.impact.test_rows, made.impact.seeds) == (LEAST, 2)
    assert kept(workspace, "pets") == made
    dataset = workspace.open("pets").dataset
    assert fingerprint(workspace, dataset, found.arms, 2) == made.fingerprint
    store.record([say(next(iter(set(range(ROWS)) - set(DRAWN))), "ranked", "ann", Action.EXCLUDE)])
    after = facts(store, dataset).arms
    assert after is not None and fingerprint(workspace, dataset, after, 2) != made.fingerprint


def test_measure__of_a_cancelled_job_keeps_nothing(store: Store, workspace: Workspace) -> None:
    read_random(store)
    correct(store)
    freeze(store, workspace)

    def stop(fraction: float, message: str) -> None:
        if "training 2 of" in message:
            progress.cancel()

    progress = Progress(stop)
    with pytest.raises(Cancelled):
        measure(workspace, store, "pets", progress, seeds=2)
    assert kept(workspace, "pets") is None


def test_measure__refuses_where_there_is_nothing_to_measure(store: Store, workspace: Workspace) -> None:
    with pytest.raises(InputError, match="no frozen test rows"):
        measure(workspace, store, "pets")
    read_random(store)
    freeze(store, workspace, 160)
    with pytest.raises(InputError, match="no decision changes a label outside of the test rows"):
        measure(workspace, store, "pets")
    assert main(["impact", "pets", "--workspace", str(workspace.root)]) == 1


def test_cli__impact_prints_the_sentences(
    store: Store,
    workspace: Workspace,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read_random(store)
    correct(store)
    freeze(store, workspace)
    monkeypatch.setattr(retraining_impact, "measure", partial(measure, seeds=2))  # ten take seconds
    assert main(["impact", "pets", "--workspace", str(workspace.root)]) == 0
    made = kept(workspace, "pets")
    assert made is not None and SEEDS == 10
    out = capsys.readouterr().out.splitlines()
    assert out == [words.measured_in_words(made), words.effect_in_words(made), words.arms_in_words(made)]


def test_supplied__two_models_from_elsewhere_on_the_frozen_rows(store: Store, workspace: Workspace) -> None:
    read_random(store)
    freeze(store, workspace)
    said = np.eye(2, dtype=np.float32)
    add_model(workspace, "pets", Predictions("before", said[texts(ROWS, WRONG).labels]))
    add_model(workspace, "pets", Predictions("after", said[np.arange(ROWS) % 2]))
    project = workspace.open("pets")
    found = facts(store, project.dataset)
    assert found.arms is not None
    gain, first, second = supplied(workspace, project, found, "before", "after")
    wrong = np.isin(found.arms.test, WRONG).mean()
    assert second == 1.0 and first == pytest.approx(1 - wrong) and gain.mean == pytest.approx(wrong)
    sentence = words.supplied_in_words(gain, first, second, LEAST)
    assert sentence.startswith(f"From {first:.1%} to 100.0%: +{100 * wrong:.1f} points (")
    assert "on 100 frozen rows. Improved. There is no control arm" in sentence
    with pytest.raises(InputError, match="no model called 'other'"):
        supplied(workspace, project, found, "before", "other")


def test_why_not__a_plain_word() -> None:
    assert why_not(texts(ROWS)) == ""
    assert "Labels here are numbers" in why_not(replace(make_dataset([0, 1]), targets=Targets(1)))
    assert "all labels are the same class" in why_not(make_dataset([0] * 40))


def made_up(gain: Gain, control: float = -0.015, over: Gain | None = None) -> Measured:
    made = Impact(
        0.75, 0.764, 0.735, gain, Gain(control, -0.02, -0.01), over or Gain(0.029, 0.02, 0.04), 800, 2000, 10
    )
    return Measured("f", made, "TF-IDF of words", "2026-01-01T00:00:00+00:00")


def test_words__the_gain_with_its_interval_and_the_control() -> None:
    found = made_up(Gain(0.014, 0.005, 0.023))
    assert words.measured_in_words(found) == (
        "Retraining on your corrections: +1.4 points (0.5 to 2.3) on 2,000 frozen rows; the same number of "
        "random edits: −1.5."
    )
    assert words.effect_in_words(found) == "Improved: the gain is above zero, and above that of random edits."
    assert words.arms_in_words(found) == (
        "Accuracy 75.0% with given labels, 76.4% with corrected ones, 73.5% with random edits: 800 training "
        "labels differ, 10 trainings each, features: TF-IDF of words."
    )


def test_words__no_effect_shown_says_why_and_how_small_a_gain_stays_unseen() -> None:
    assert words.effect_in_words(made_up(Gain(0.004, -0.008, 0.016))) == (
        "No effect shown: the interval holds zero. With these rows, less than 1.2 points cannot be told from "
        "none."
    )
    beside = made_up(Gain(0.02, 0.01, 0.03), 0.02, Gain(0, -0.01, 0.01))
    assert words.effect_in_words(beside) == (
        "No effect shown: as many random edits may do as well (difference −1.0 to +1.0 points)."
    )
    assert words.effect_in_words(made_up(Gain(-0.02, -0.03, -0.01))).startswith("Worse: accuracy fell")
    assert words.supplied_in_words(Gain(0.0, 0.0, 0.0), 0.5, 0.5, 10).startswith(
        "From 50.0% to 50.0%: +0.0 points (0.0 to 0.0) on 10 frozen rows. No effect shown: "
    )
