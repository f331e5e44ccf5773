"""One label a row out of several annotators' answers: majority, Dawid-Skene or CROWDLAB.

Every method takes `answers`: (N, A) integer class codes in 0..k-1, -1 = that annotator did not answer
that row, and is the same whatever the order of the annotators. A row without answers has no consensus.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from core.errors import refuse
from core.methods.agreement import checked, class_counts
from core.methods.crowdlab import weigh
from core.progress import Progress

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

MAJORITY_READERS = 3  # readers a row up to which weighing them gains nothing
_OTHER_METHOD = "choose Majority or Dawid-Skene"
_TIE = 1e-9  # posteriors closer than this are equal: sums in another order differ by less
_PRIOR_ANSWERS = 10  # answers that the prior on a class may weigh at most
_SETTLED = 1e-5  # Dawid-Skene stops when the rows' confidence moves by no more on average
_MAX_ROUNDS = 500
_ROUNDING = 1e-6  # how far outside of 0 to 1 a probability may be
_CELLS = 1 << 20  # probabilities that are looked at at a time

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Consensus:
    """What the annotators together say of each row.

    labels: (N,) class codes, -1 = none: no answer, or a tie.
    confidence: (N,) in [0, 1], 1 = sure of the label; NaN where there is none. What it means is the
        method's: share of answers (majority), probability (dawid_skene), a score to rank by (crowdlab).
    annotator_quality: (A,) in [0, 1], 1 = always right; NaN where it cannot be told.
    method: its name in METHODS.
    given: (N,) in [0, 1], the same of the labels that were asked about, NaN for none of them and for rows
        without answers; None where nothing was asked.
    """

    labels: np.ndarray
    confidence: np.ndarray
    annotator_quality: np.ndarray
    method: str
    given: np.ndarray | None = None


@dataclass(frozen=True)
class Method:
    """A way to a consensus: its title and one sentence for the screen."""

    title: str
    about: str
    needs_model: bool = False


METHODS = {
    "majority": Method("Majority", "The class most annotators chose; a tie is left without a label."),
    "dawid_skene": Method(
        "Dawid-Skene",
        "Weighs each annotator by how often, and with which classes, they differ from the others.",
    ),
    "crowdlab": Method(
        "CROWDLAB",
        "Weighs the annotators and the model's out-of-sample predictions by how often each is right.",
        needs_model=True,
    ),
}


def consensus(
    answers: np.ndarray,
    k: int,
    method: str,
    pred_probs: np.ndarray | None = None,
    given: np.ndarray | None = None,
    progress: Progress | None = None,
) -> Consensus:
    """The consensus by one method of METHODS. pred_probs: (N, <= k), read by crowdlab only.

    given: (N,) class codes, -1 = none: labels whose confidence is asked for as well.
    Raises InputError where crowdlab cannot run, ValueError for an unknown method.
    """
    if method == "majority":
        return majority(answers, k, given)
    if method == "dawid_skene":
        return dawid_skene(answers, k, given, progress)
    if method != "crowdlab":
        raise ValueError(f"no consensus method called {method!r}; one of {', '.join(METHODS)}")
    if pred_probs is None:
        raise refuse("CROWDLAB needs a model's predictions and there are none", mend=_OTHER_METHOD)
    return crowdlab(answers, pred_probs, k, given, progress)


def default_method(answers: np.ndarray, has_model: bool) -> str:
    """The method of METHODS to use when nobody chose one.

    CROWDLAB where a model exists and some row was read twice; else Dawid-Skene where such rows have more
    than three readers on average; else majority. Measured: with three readers weighing them gains nothing.
    """
    readers = (checked(answers) >= 0).sum(axis=1)
    double = readers[readers >= 2]
    if has_model and len(double):
        return "crowdlab"
    return "dawid_skene" if len(double) and double.mean() > MAJORITY_READERS else "majority"


def majority(answers: np.ndarray, k: int, given: np.ndarray | None = None) -> Consensus:
    """The class most annotators chose. A tie has no label: nothing here could break it but chance.

    confidence: share of the row's answers that chose the label.
    annotator_quality: share of an annotator's answers that equal the label, over rows with a label and at
    least two answers; NaN without any.
    """
    answers = checked(answers, k)
    labels, votes = _most_voted(class_counts(answers, k))
    readers = np.count_nonzero(answers >= 0, axis=1)
    confidence = np.divide(votes, readers, out=np.full(len(answers), np.nan), where=labels >= 0)
    judged = (answers >= 0) & ((readers >= 2) & (labels >= 0))[:, None]
    right = np.count_nonzero((answers == labels[:, None]) & judged, axis=0)
    read = np.count_nonzero(judged, axis=0)
    quality = np.divide(right, read, out=np.full(len(read), np.nan), where=read > 0)
    said = None
    if given is not None:
        same = np.count_nonzero(answers == given[:, None], axis=1)
        said = np.divide(same, readers, out=np.full(len(answers), np.nan), where=(readers > 0) & (given >= 0))
    return Consensus(labels, confidence, quality, "majority", said)


def dawid_skene(
    answers: np.ndarray, k: int, given: np.ndarray | None = None, progress: Progress | None = None
) -> Consensus:
    """The most probable class when each annotator has a confusion matrix of their own, found by EM.

    Starts at the shares of answers, ends when confidences move by 1e-5 or less on average. The prior is
    Dirichlet: 1 pseudo-count per cell and 1 more on the diagonal; above ten classes 10/k per cell, for the
    prior must not outweigh the answers (with 1,000 classes and 1 per cell 11% of labels came out right).
    confidence: posterior probability of the label; equal posteriors are a tie. The label may, rarely, be a
    class that nobody chose. annotator_quality: mean posterior probability of the annotator's answers.
    Memory: about 24 * k * max(N, L) bytes at most, with L pairs of an annotator and a class they ever
    chose, and N different rows: 0.5 GB for 20,000 rows, 20 annotators and 1,000 classes.
    Source: Dawid and Skene, Maximum Likelihood Estimation of Observer Error-Rates (1979).
    """
    answers = checked(answers, k)
    labels, confidence = np.full(len(answers), -1), np.full(len(answers), np.nan)
    quality = np.full(answers.shape[1], np.nan)
    said = None if given is None else np.full(len(answers), np.nan)
    read, who = _answered(answers)
    if len(read):
        rows, where, times = np.unique(
            answers[np.ix_(read, who)], axis=0, return_inverse=True, return_counts=True
        )
        posterior, quality[who] = _expectation_maximisation(rows, times, k, progress or Progress())
        found, sure = _decided(posterior)
        labels[read], confidence[read] = found[where.ravel()], sure[where.ravel()]
        if given is not None and said is not None:
            said[read] = np.where(given[read] < 0, np.nan, posterior[where.ravel(), given[read]])
    return Consensus(labels, confidence, quality, "dawid_skene", said)


def crowdlab(
    answers: np.ndarray,
    pred_probs: np.ndarray,
    k: int,
    given: np.ndarray | None = None,
    progress: Progress | None = None,
) -> Consensus:
    """The class of the highest mean of the model's and the annotators' votes, weighted by their accuracy.

    pred_probs: (N, <= k) out-of-sample, may be a memory map, for only annotated rows are read; classes that
    the model does not know get probability 0.
    confidence: lower than the probability of being right: a score to rank by. It and annotator_quality are
    cleanlab's (core.methods.crowdlab). The label may be a class that nobody chose.
    Raises InputError where no row has two answers, or pred_probs do not fit.
    """
    answers = checked(answers, k)
    labels, confidence = np.full(len(answers), -1), np.full(len(answers), np.nan)
    quality = np.full(answers.shape[1], np.nan)
    said = None if given is None else np.full(len(answers), np.nan)
    read, who = _answered(answers)
    _check_probs(pred_probs, len(answers), k, read)
    if len(read):
        if np.count_nonzero(answers >= 0, axis=1).max() < 2:
            raise refuse(
                "CROWDLAB compares annotators with each other, and no row has two answers",
                mend=f"have some rows read twice, or {_OTHER_METHOD}",
            )
        asked = labels[read] if given is None else given[read]
        found = weigh(answers[np.ix_(read, who)], pred_probs, read, k, asked, progress)
        labels[read], confidence[read], quality[who] = found.labels, found.quality, found.annotators
        if said is not None:
            said[read] = found.given
    return Consensus(labels, confidence, quality, "crowdlab", said)


def _most_voted(counts: csr_matrix) -> tuple[np.ndarray, np.ndarray]:
    """(N,) the class with the most votes, -1 for a tie or no votes; (N,) its votes, 0 there."""
    labels, votes = np.full(counts.shape[0], -1), np.zeros(counts.shape[0])
    voted = np.flatnonzero(np.diff(counts.indptr))
    if len(voted):
        starts, classes_voted = counts.indptr[voted], np.diff(counts.indptr)[voted]
        top = counts.data == np.repeat(np.maximum.reduceat(counts.data, starts), classes_voted)
        alone = np.repeat(np.add.reduceat(top.astype(int), starts) == 1, classes_voted)
        row = np.repeat(voted, classes_voted)[top & alone]
        labels[row], votes[row] = counts.indices[top & alone], counts.data[top & alone]
    return labels, votes


def _expectation_maximisation(
    rows: np.ndarray, times: np.ndarray, k: int, progress: Progress
) -> tuple[np.ndarray, np.ndarray]:
    """(N, K) posterior of each row's class, (A,) mean posterior of each annotator's answers.

    rows: (N, A) different rows, no annotator without an answer; times: (N,) how often each occurs.
    Only those columns of the confusion matrices are kept that some answer reads: `said` (N, L) marks which
    of the L pairs (annotator, class given) each row holds.
    """
    from scipy.sparse import csr_matrix

    row, who = np.nonzero(rows >= 0)
    pairs, at = np.unique(who * k + rows[row, who], return_inverse=True)
    said = csr_matrix((np.ones(len(row)), (row, at)), shape=(len(rows), len(pairs)))
    counted = csr_matrix((times[row].astype(float), (at, row)), shape=said.T.shape)
    posterior = class_counts(rows, k).toarray()
    posterior /= posterior.sum(axis=1, keepdims=True)
    confidence = posterior.max(axis=1)
    for turn in range(_MAX_ROUNDS):
        progress.report(1 - 0.9**turn, "weighing annotators")  # nobody knows how many rounds it takes
        log_table = _maximise(counted @ posterior, *np.divmod(pairs, k))
        posterior = _expect(said @ log_table, times @ posterior + 1)
        before, confidence = confidence, posterior.max(axis=1)
        if np.average(np.abs(confidence - before), weights=times) <= _SETTLED:
            break
    else:
        _log.warning("Dawid-Skene had not settled after %d rounds", _MAX_ROUNDS)
    weight, believed = times[row], posterior[row, rows[row, who]]
    return posterior, np.bincount(who, weight * believed) / np.bincount(who, weight)


def _maximise(table: np.ndarray, by: np.ndarray, given: np.ndarray) -> np.ndarray:
    """(L, K) counts of each pair's answer by true class, turned in place into log probabilities.

    by, given: (L,) the pair's annotator, ascending, and the class given.
    """
    k = table.shape[1]
    cell = min(1.0, _PRIOR_ANSWERS / k)
    ends = np.flatnonzero(np.diff(by, append=-1)) + 1
    for start, end in pairwise([0, *ends]):
        answered = table[start:end].sum(axis=0) + cell * k + 1
        table[start:end] += cell
        table[np.arange(start, end), given[start:end]] += 1
        table[start:end] /= answered
    return np.log(table, out=table)


def _expect(posterior: np.ndarray, class_sizes: np.ndarray) -> np.ndarray:
    """(N, K) log likelihoods of each row by true class, turned in place into posterior probabilities."""
    posterior += np.log(class_sizes)
    posterior -= posterior.max(axis=1, keepdims=True)
    np.exp(posterior, out=posterior)
    posterior /= posterior.sum(axis=1, keepdims=True)
    return posterior


def _decided(posterior: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N,) the most probable class, -1 in a tie; (N,) its probability, NaN in a tie."""
    best = posterior.max(axis=1)
    tied = (posterior >= best[:, None] - _TIE).sum(axis=1) > 1
    return np.where(tied, -1, posterior.argmax(axis=1)), np.where(tied, np.nan, best)


def _check_probs(pred_probs: np.ndarray, rows: int, k: int, read: np.ndarray) -> None:
    """Raises InputError unless there are probabilities of the k classes for the rows that are read."""
    if pred_probs.ndim != 2 or len(pred_probs) != rows or pred_probs.shape[1] > k:
        raise refuse(
            f"pred_probs have the shape {pred_probs.shape}",
            expected=f"{rows:,} rows and at most {k:,} columns, one per class",
            mend="use predictions made for this data set and its classes",
        )
    step, unusable = max(1, _CELLS // max(1, k)), 0
    for start in range(0, len(read), step):
        probs = pred_probs[read[start : start + step]]
        usable = ((probs >= -_ROUNDING) & (probs <= 1 + _ROUNDING)).all(axis=1)  # NaN is neither
        unusable += len(probs) - int(np.count_nonzero(usable))
    if unusable:
        raise refuse(
            f"{unusable:,} annotated rows have pred_probs that are no probabilities",
            expected="numbers from 0 to 1",
            mend=f"predict these rows again, or {_OTHER_METHOD}",
        )


def _answered(answers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows with an answer; the annotators with an answer, in an order that only their answers decide.

    So that neither rounding nor a tie depends on the order in which the annotators came.
    """
    _, rank = np.unique(answers.T, axis=0, return_inverse=True)
    who = np.argsort(rank.ravel(), kind="stable")
    return np.flatnonzero((answers >= 0).any(axis=1)), who[np.count_nonzero(answers >= 0, axis=0)[who] > 0]
