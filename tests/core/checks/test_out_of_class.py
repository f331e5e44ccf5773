"""Known answers of maximum logit scores: closed form, and digits of which some classes are unknown."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from scipy.special import logsumexp, softmax
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict, train_test_split

from core.checks.out_of_class import CHECK, run
from core.issues import Result
from core.methods.out_of_class import LEAST_TRUSTED, groups, largest_logit, rarity, trusted_distance
from core.predictions import Predictions
from core.progress import Progress
from tests.conftest import make_dataset

DEFAULTS = {setting.name: setting.default for setting in CHECK.settings}
SEEDS = range(5)


@dataclass(frozen=True, eq=False)
class Trial:
    """Six digits known to a logistic regression, four not: the logits of rows that it has not seen."""

    known: np.ndarray
    held_out: np.ndarray
    logits: np.ndarray
    labels: np.ndarray


@cache
def trial(seed: int) -> Trial:
    x, y = load_digits(return_X_y=True)
    known = np.sort(np.random.default_rng(seed).choice(10, 6, replace=False))
    inside = np.isin(y, known)
    train, test = train_test_split(np.flatnonzero(inside), test_size=0.4, random_state=seed)
    model = LogisticRegression(C=10, max_iter=2000).fit(x[train] / 16, y[train])
    rows = np.concatenate([test, np.flatnonzero(~inside)])
    return Trial(inside[rows], test, model.decision_function(x[rows] / 16), np.searchsorted(known, y[rows]))


def score_of(t: Trial, logits: bool = False) -> np.ndarray:
    return largest_logit(
        softmax(t.logits, axis=1).max(axis=1), logsumexp(t.logits, axis=1) if logits else None
    )


def test_largest_logit__closed_form() -> None:
    logits = np.array([[10.0, 9.0], [1.0, 0.0]])
    top, log_sums = softmax(logits, axis=1).max(axis=1), logsumexp(logits, axis=1)
    np.testing.assert_allclose(largest_logit(top, log_sums), [10, 1])
    alone = largest_logit(top)
    assert alone[0] == pytest.approx(alone[1])  # of probabilities how large is lost


@pytest.mark.parametrize("logits", [True, False])
def test_largest_logit__unknown_digits_score_lower(logits: bool) -> None:
    found = []
    for seed in SEEDS:
        t = trial(seed)
        found.append(roc_auc_score(t.known, score_of(t, logits)))
    assert np.mean(found) >= 0.86


def test_largest_logit__unknowns_at_random_are_not_told_apart() -> None:
    found = []
    for seed in SEEDS:
        t = trial(seed)
        permuted = np.random.default_rng(seed).permutation(t.known)
        found.append(roc_auc_score(permuted, score_of(t)))
    assert np.mean(found) == pytest.approx(0.5, abs=0.03)


def test_rarity__false_alarms_on_held_out_known_rows() -> None:
    """As many as were asked for, within 1.5 points."""
    alarms = []
    for seed in SEEDS:
        t = trial(seed)
        score, first = score_of(t)[t.known], t.logits[t.known].argmax(axis=1)
        seen = np.random.default_rng(seed).random(t.known.sum()) < 0.5
        trusted = seen & (first == t.labels[t.known])
        alarms.append((rarity(score, first, trusted)[~seen] <= 0.05).mean())
    assert np.mean(alarms) == pytest.approx(0.05, abs=0.015)


def test_rarity__share_of_trusted_rows_of_the_group() -> None:
    score = np.arange(2 * LEAST_TRUSTED, dtype=float)
    group = np.repeat([0, 1], LEAST_TRUSTED)
    trusted = np.ones(len(score), dtype=bool)
    found = rarity(np.append(score, -1), np.append(group, 1), np.append(trusted, False))
    assert found[0] == found[LEAST_TRUSTED] == 1 / LEAST_TRUSTED
    assert found[LEAST_TRUSTED - 1] == 1
    assert found[-1] == pytest.approx(1 / (1 + LEAST_TRUSTED))
    assert rarity(score, group, ~trusted).tolist() == [1] * len(score)


def test_rarity__small_groups_are_compared_with_all() -> None:
    score, group = np.arange(30.0), np.zeros(30, dtype=int)
    group[:2] = 1
    assert rarity(score, group, np.ones(30, dtype=bool))[1] == pytest.approx(2 / 30)


def test_trusted_distance__closed_form() -> None:
    embeddings = np.array([[1, 0], [1, 0], [0, 1], [-1, 0]], dtype=np.float32)
    trusted = np.array([True, True, False, False])
    found = trusted_distance(embeddings, np.arange(4), trusted)
    np.testing.assert_allclose(found, [0, 0, 1, 2], atol=1e-6)


def test_groups__of_alike_rows_with_their_most_central_row() -> None:
    rng = np.random.default_rng(0)
    centres = np.eye(3, 20)
    embeddings = np.repeat(centres, [30, 20, 1], axis=0) + rng.normal(0, 0.03, (51, 20))
    found = groups(embeddings.astype(np.float32), np.arange(51))
    assert found.sizes.tolist() == [int((found.number == g).sum()) for g in range(len(found.sizes))]
    for g in range(len(found.sizes)):
        members = np.flatnonzero(found.number == g)
        assert len({m // 30 for m in members.tolist()}) == 1
        assert found.medoids[g] in members
    assert found.number[50] == -1
    assert len(groups(embeddings, np.arange(3)).sizes) == 0


@dataclass(frozen=True, eq=False)
class Strangers:
    """Six digits, and among them 120 rows of four other digits that were given one of their labels."""

    pixels: np.ndarray
    digit: np.ndarray
    stranger: np.ndarray
    given: np.ndarray
    probs: np.ndarray
    log_sums: np.ndarray


@cache
def digits_with_strangers() -> Strangers:
    x, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    known = np.sort(rng.choice(10, 6, replace=False))
    inside = np.isin(y, known)
    kept = np.sort(np.append(np.flatnonzero(inside), rng.choice(np.flatnonzero(~inside), 120, replace=False)))
    stranger, pixels = ~inside[kept], (x[kept] / 16).astype(np.float32)
    given = np.where(stranger, rng.integers(0, 6, len(kept)), np.searchsorted(known, y[kept]))
    model = LogisticRegression(C=10, max_iter=2000)
    logits = cross_val_predict(model, pixels, given, cv=5, method="decision_function")
    return Strangers(pixels, y[kept], stranger, given, softmax(logits, axis=1), logsumexp(logits, axis=1))


def audit(score: str, with_embeddings: bool = True, with_logits: bool = False) -> tuple[Result, np.ndarray]:
    data = digits_with_strangers()
    dataset = make_dataset(data.given.tolist(), tuple("abcdef"))
    predictions = Predictions(
        "m",
        data.probs,
        data.pixels if with_embeddings else None,
        log_sums=data.log_sums if with_logits else None,
    )
    return run(dataset, predictions, DEFAULTS | {"score": score}, Progress()), data.stranger


@pytest.mark.parametrize(
    ("score", "precision", "recall"),
    [
        ("nearest_rows", 0.65, 0.55),
        ("max_logit", 0.5, 0.3),
        ("energy", 0.5, 0.3),
        ("log_probability", 0.5, 0.3),
    ],
)
def test_run__finds_strangers_among_digits(score: str, precision: float, recall: float) -> None:
    result, stranger = audit(score, with_logits=True)
    assert not result.summary["note"]
    flagged = result.table["flagged"].to_numpy()
    assert stranger[flagged].mean() >= precision > stranger.mean() * 3
    assert flagged[stranger].mean() >= recall
    assert result.table["suggestion"].isna().all()


def test_run__groups_are_of_one_digit() -> None:
    result, _ = audit("nearest_rows")
    digit = digits_with_strangers().digit
    figure, group = result.figures["groups"], result.table["group"].to_numpy()
    assert len(figure) >= 3
    largest = [np.bincount(digit[group == g]).max() for g in figure["group"]]
    assert sum(largest) / figure["rows"].sum() >= 0.8
    assert figure["rows"].tolist() == sorted(figure["rows"], reverse=True)
    assert (result.table.loc[figure["row_id"], "group"].to_numpy() == figure["group"]).all()


def test_run__says_that_without_embeddings_probabilities_decide() -> None:
    result, _ = audit("nearest_rows", with_embeddings=False)
    straight, _ = audit("log_probability", with_embeddings=False)
    assert result.summary["note"].startswith("No embeddings of trusted rows")
    assert straight.summary["note"] == ""
    assert result.table["score"].equals(straight.table["score"])
    assert result.table["reason"].str.contains("of the rows that are surely").sum() > 20


def test_run__without_embeddings_logits_decide_where_the_model_gave_them() -> None:
    result, _ = audit("nearest_rows", with_embeddings=False, with_logits=True)
    straight, _ = audit("max_logit", with_embeddings=False, with_logits=True)
    lost, _ = audit("energy", with_embeddings=False)
    assert result.table["score"].equals(straight.table["score"])
    assert result.summary["note"].endswith("by largest logit.")
    assert straight.table["reason"].str.contains("its logit is less than in").any()
    assert lost.summary["note"] == "No logits: by log-probability of the likeliest class."


def test_run__trusted_rows_are_never_flagged() -> None:
    result, _ = audit("nearest_rows")
    data = digits_with_strangers()
    trusted = data.probs.argmax(axis=1) == data.given
    assert not result.table["flagged"].to_numpy()[trusted].any()
    assert result.summary["trusted"] == trusted.sum()


@pytest.mark.parametrize("labels", [[], [0], [-1, -1, -1]])
def test_run__too_few_rows_to_say(labels: list[int]) -> None:
    probs = np.full((len(labels), 2), 0.5, dtype=np.float32)
    predictions = Predictions("m", probs, np.ones((len(labels), 2), dtype=np.float32))
    result = run(make_dataset(labels), predictions, DEFAULTS, Progress())
    assert result.summary["flagged"] == 0 and "too few" in result.summary["note"]
