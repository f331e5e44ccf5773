"""CROWDLAB: how likely each label of a row is, by its annotators and a model, each weighed by its accuracy.

Source: Goh, Tkachenko, Mueller: CROWDLAB: Supervised learning to infer consensus labels and quality scores
for data with multiple annotators, 2022, as cleanlab.multiannotator has it. The numbers are cleanlab's
(tests/core/methods/test_crowdlab.py compares them); here rows are read in blocks, work can be stopped, and
chance breaks no tie.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from core.progress import Progress

_LEAST = 1e-6  # that a weight is at least, as in cleanlab
_TILT = 1e-12
_CELLS = 1 << 20  # of probabilities at a time


@dataclass(frozen=True, eq=False)
class Weighed:
    """labels: (n,) the likeliest class of each row. quality: (n,) how likely it is, in [0, 1]; given: (n,)
    the same of another label that was asked about, NaN where that is -1. annotators: (A,) how far each can be
    trusted, in [0, 1], NaN for one who shares no row with another. Scores to rank by: they lie below the
    probability of being right.
    """

    labels: np.ndarray
    quality: np.ndarray
    given: np.ndarray
    annotators: np.ndarray


@dataclass(frozen=True, eq=False)
class _Votes:
    """The answers one by one. row, who, vote: (E,), in row order. count: (n,) answers of each row, 1 or more.
    same: (E,) answers of its row that are equal to it, itself included. k, people: classes and annotators.
    """

    row: np.ndarray
    who: np.ndarray
    vote: np.ndarray
    count: np.ndarray
    same: np.ndarray
    k: int
    people: int


@dataclass(frozen=True, eq=False)
class _Weights:
    """model: of the model. annotators: (A,). agree, differ: how likely an annotator gives the right label,
    and any one of the others."""

    model: float
    annotators: np.ndarray
    agree: float
    differ: float


def weigh(
    answers: np.ndarray,
    pred_probs: np.ndarray,
    rows: np.ndarray,
    k: int,
    given: np.ndarray,
    progress: Progress | None = None,
) -> Weighed:
    """What the annotators of n rows and the model say together.

    answers: (n, A) class codes, -1 = none; no row and no annotator without an answer, and a row with two.
    pred_probs: (N, <= k) probabilities, out-of-sample, may be a memory map; rows: (n,) those of the answers.
    Classes beyond its columns have probability 0. given: (n,) codes of the labels asked about, -1 = none.
    A tie is broken by the model, then goes to the rarer class, of equally rare ones to the first.
    """
    progress = progress or Progress()
    votes = _votes(answers, k)
    probs = _Blocks(pred_probs, rows, votes)
    first, model_says = _majority(votes, probs, progress.part(0, 0.3))
    weights = _weights(votes, first, model_says)
    labels = np.empty_like(first)
    for part, posterior in probs.posterior(weights, progress.part(0.3, 0.6)):
        best = posterior.max(axis=1, keepdims=True)
        tied = (posterior == best).sum(axis=1) > 1
        labels[part] = np.where(tied, first[part], posterior.argmax(axis=1))
    weights = _weights(votes, labels, model_says)
    quality, of_given = np.empty(len(rows)), np.full(len(rows), np.nan)
    of_vote = np.empty(len(votes.row))
    for part, posterior in probs.posterior(weights, progress.part(0.6, 1)):
        line = np.arange(part.stop - part.start)
        quality[part] = posterior[line, labels[part]]
        asked = given[part] >= 0
        of_given[part][asked] = posterior[line, given[part]][asked]
        some = probs.answers_in(part)
        of_vote[some] = posterior[votes.row[some] - part.start, votes.vote[some]]
    quality, of_given = quality.clip(0, 1), of_given.clip(0, 1)
    return Weighed(labels, quality, of_given, _annotators(votes, labels, weights, of_vote))


class _Blocks:
    """The probabilities of the rows, block by block, in all k columns, equal ones set apart.

    Equal probabilities are 1e-12 apart, the rarer class first: cleanlab's own rule for a tied vote. After
    that rule cleanlab tosses a coin, or fails where every row is tied; a rerun must say the same.
    """

    def __init__(self, pred_probs: np.ndarray, rows: np.ndarray, votes: _Votes) -> None:
        self._probs, self._rows, self._votes = pred_probs, rows, votes
        given = np.bincount(votes.vote, minlength=votes.k)
        self._tilt = np.empty(votes.k)
        self._tilt[np.argsort(given, kind="stable")] = np.arange(votes.k)[::-1] * _TILT
        step = max(1, _CELLS // votes.k)
        self.parts = [slice(a, min(a + step, len(rows))) for a in range(0, len(rows), step)]

    def answers_in(self, part: slice) -> slice:
        """The answers to the rows of a block."""
        return slice(*np.searchsorted(self._votes.row, (part.start, part.stop)).tolist())

    def read(self, part: slice) -> np.ndarray:
        block = self._probs[self._rows[part]].astype(np.float64)
        return np.pad(block, ((0, 0), (0, self._votes.k - block.shape[1]))) + self._tilt

    def posterior(self, weights: _Weights, progress: Progress) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield (block, (b, k) how likely each class of its rows is)."""
        votes, people = self._votes, weights.annotators
        for part in self.parts:
            progress.report(part.start / len(self._rows), "weighing annotators and the model")
            some, size = self.answers_in(part), part.stop - part.start
            line, who = votes.row[some] - part.start, votes.who[some]
            cells = line * votes.k + votes.vote[some]
            said = np.bincount(cells, people[who], size * votes.k).reshape(size, votes.k)
            total = np.bincount(line, people[who], size)[:, None]
            block = self.read(part) * weights.model
            block += said * (weights.agree - weights.differ) + total * weights.differ
            yield part, block / (total + weights.model)


def _votes(answers: np.ndarray, k: int) -> _Votes:
    row, who = np.nonzero(answers >= 0)
    vote = answers[row, who].astype(np.int64)
    _, at, times = np.unique(row * k + vote, return_inverse=True, return_counts=True)
    count = np.bincount(row, minlength=len(answers))
    return _Votes(row, who, vote, count, times[at.ravel()], k, answers.shape[1])


def _majority(votes: _Votes, probs: _Blocks, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
    """(n,) the class of most votes, of equals the one that the model likes best; (n,) the model's class."""
    believed, says = np.empty(len(votes.row)), np.empty(len(votes.count), dtype=np.int64)
    for part in probs.parts:
        progress.report(part.start / len(votes.count), "counting votes")
        block, some = probs.read(part), probs.answers_in(part)
        says[part] = block.argmax(axis=1)
        believed[some] = block[votes.row[some] - part.start, votes.vote[some]]
    order = np.lexsort((believed, votes.same, votes.row))
    last = np.searchsorted(votes.row[order], np.arange(len(votes.count)), side="right") - 1
    return votes.vote[order[last]], says


def _weights(votes: _Votes, labels: np.ndarray, model_says: np.ndarray) -> _Weights:
    """How far each is to be believed, if these are the labels: measured on rows with two answers or more."""
    several = votes.count > 1
    agrees = np.bincount(votes.row, votes.vote == labels[votes.row], len(labels)) / votes.count
    agree = float(agrees[several].mean())
    sizes = np.bincount(labels[several])
    guess = max(1 - sizes.max() / sizes.sum(), _LEAST)  # how often the most frequent class is wrong
    people = np.maximum(1 - (1 - _with_each_other(votes)) / guess, _LEAST)
    wrong = float((model_says[several] != labels[several]).mean())
    model = max(1 - wrong / guess, _LEAST) * np.sqrt(votes.count.mean())
    return _Weights(float(model), people, agree, (1 - agree) / max(votes.k - 1, 1))


def _with_each_other(votes: _Votes) -> np.ndarray:
    """(A,) share of the other answers to their rows that equal theirs; the mean for who shares no row."""
    others = np.bincount(votes.who, votes.count[votes.row] - 1, votes.people)
    equal = np.bincount(votes.who, votes.same - 1, votes.people)
    share = np.divide(equal, others, out=np.full(votes.people, np.nan), where=others > 0)
    return np.where(np.isnan(share), np.nanmean(share), share)


def _annotators(votes: _Votes, labels: np.ndarray, weights: _Weights, of_vote: np.ndarray) -> np.ndarray:
    """(A,) mean of an annotator's agreement with the labels and of how likely their own answers are."""
    own = np.bincount(votes.who, of_vote, votes.people) / np.bincount(votes.who, minlength=votes.people)
    shared = (votes.count > 1)[votes.row]
    read = np.bincount(votes.who, shared, votes.people)
    right = np.bincount(votes.who, shared & (votes.vote == labels[votes.row]), votes.people)
    agreement = np.divide(right, read, out=np.full(votes.people, np.nan), where=read > 0)
    share = weights.annotators.sum() * votes.count.mean() / votes.people
    model = weights.model / (weights.model + share)
    return model * own + (1 - model) * agreement
