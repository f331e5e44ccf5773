"""How far each given label is to be believed: a ranking that is chosen without knowing any truth.

Self-confidence, the probability of the given label, with two corrections. What the model says is mixed with
how the nearest rows are labelled; how much each is worth is decided by how well the mixture foretells the
given labels, which neither has seen. And where many more rows have gone from one class to another than came
back, as when people misread a guideline, the given label is believed less. Without embeddings and without
such a flow it is self-confidence. Measured beside cleanlab's scores by tests/benchmarks/bench_ranking.py.

Source: Northcutt, Jiang, Chuang: Confident Learning, JAIR 70 (2021), for the counts; the rest is our own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.methods.confident_learning import Scan, blocks, scan
from core.progress import Progress

CORRECTED = "corrected_confidence"
"""The name of this score beside cleanlab's."""
SHARPNESS = (0.2, 0.1, 0.05, 0.025)
"""Candidates: a neighbour whose cosine is lower by this much than the nearest one's has 1/e of its vote."""
SHARES = np.linspace(0, 0.5, 11)
"""Candidates for the neighbours' part of the mixture. Embeddings of a model that has seen the labels foretell
them without fail, and would silence the predictions if they had more than half."""
SEED, CHOSEN_ON = 0, 20_000
COPY = 0.1
"""Of the usual distance to the last of the nearest rows: a row nearer than this is a copy."""
_LEAST = 1e-6  # of a probability in the log loss: one vote in thirty is no proof
# Standard errors from which a flow counts. A model alone mixes classes up in its own lopsided ways.
_WITH_VOTES, _ALONE = 2.0, 4.0


@dataclass(frozen=True, eq=False)
class Votes:
    """The labels of each row's nearest rows.

    labels: (N, M) int32 codes, nearest first, -1 = none. distances: (N, M) float32 cosine distances.
    """

    labels: np.ndarray
    distances: np.ndarray

    def weights(self, sharpness: float) -> np.ndarray:
        """(N, M) float32: 1 for the nearest row, less for farther ones, 0 where there is no label."""
        farther = self.distances - self.distances[:, :1]
        return np.where(self.labels >= 0, np.exp(-farther / np.float32(sharpness)), np.float32(0))

    def rows(self, rows: np.ndarray) -> Votes:
        """The same for some rows."""
        return Votes(self.labels[rows], self.distances[rows])


def votes_of(labels: np.ndarray, near: np.ndarray, distances: np.ndarray) -> Votes:
    """What the nearest rows are labelled. Copies have no vote: a row's own label lies on them too.

    labels: (N,) codes, -1 = none. near: (N, M) row positions, -1 = none. distances: (N, M) cosine distances.
    """
    last = distances[:, -1]
    usual = float(np.median(last[np.isfinite(last)])) if np.isfinite(last).any() else 0.0
    counts = (near >= 0) & (distances > COPY * usual)
    return Votes(np.where(counts, labels[near], -1).astype(np.int32), distances)


@dataclass(frozen=True, eq=False)
class Mixture:
    """(N, K) probabilities: those of the model, and votes of the nearest rows, mixed when rows are asked for.

    share: the votes' part, 0 to 0.5; a row without votes has the model's probabilities. sharpness: see
    SHARPNESS; None where there are no votes. seed: of the sample that decided, None where all rows did.
    """

    pred_probs: np.ndarray
    votes: Votes | None = None
    share: float = 0.0
    sharpness: float | None = None
    seed: int | None = None
    dtype = np.dtype(np.float32)

    @property
    def shape(self) -> tuple[int, int]:
        return self.pred_probs.shape  # type: ignore[return-value]

    @property
    def ndim(self) -> int:
        return 2

    def __len__(self) -> int:
        return len(self.pred_probs)

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """(len(rows), K) float32, a new array."""
        probs = np.array(self.pred_probs[rows], np.float32)
        if self.votes is None or self.sharpness is None or not self.share:
            return probs
        k = self.shape[1]
        some = self.votes.rows(rows)
        weights = some.weights(self.sharpness)
        line = np.arange(len(probs))[:, None] * k
        cells = np.where(some.labels >= 0, line + some.labels, 0)
        votes = (
            np.bincount(cells.ravel(), weights.ravel(), probs.size).astype(np.float32).reshape(probs.shape)
        )
        total = votes.sum(axis=1, keepdims=True)
        share = np.where(total > 0, np.float32(self.share), np.float32(0))
        probs *= 1 - share
        probs += votes / np.where(total > 0, total, 1) * share
        return probs


@dataclass(frozen=True, eq=False)
class Ranking:
    """What became of n labelled rows.

    quality: (n,) in [0, 1], lower = more likely wrong. other: (n,) the likeliest class beside the given one.
    mixture, scanned: the probabilities that were asked, and what `scan` made of them. flows: pairs of classes
    between which the errors go one way.
    """

    quality: np.ndarray
    other: np.ndarray
    mixture: Mixture
    scanned: Scan
    flows: int


def rank(
    labels: np.ndarray,
    pred_probs: np.ndarray,
    votes: Votes | None = None,
    progress: Progress | None = None,
    scanned: Scan | None = None,
) -> Ranking:
    """Rank the labelled rows by how far their given label is to be believed.

    labels: (N,) codes, -1 = none. pred_probs: (N, K) out-of-sample, K >= 2, may be a memory map. votes: of
    all N rows, no row among its own; None where no row's neighbours are known. scanned: what `scan` made of
    pred_probs, where that has been read already.
    """
    progress = progress or Progress()
    mixture = mix(labels, pred_probs, votes)
    if scanned is None or mixture.votes is not None:
        scanned = scan(labels, mixture, progress.part(0, 0.5))
    weights, flows = flow_weights(scanned.joint, _ALONE if mixture.votes is None else _WITH_VOTES)
    quality, other = np.empty(len(scanned.rows)), np.empty(len(scanned.rows), np.int32)
    for part in blocks(len(quality), mixture.shape[1] * 12):
        given = scanned.labels[part]
        line = np.arange(len(given))
        likely = mixture[scanned.rows[part]] * weights[given]
        total = likely.sum(axis=1)
        quality[part] = np.divide(likely[line, given], total, out=np.zeros_like(total), where=total > 0)
        likely[line, given] = -1
        other[part] = likely.argmax(axis=1)
        progress.report(0.5 + 0.5 * part.stop / len(quality), "ranking rows")
    return Ranking(quality, other, mixture, scanned, flows)


def mix(labels: np.ndarray, pred_probs: np.ndarray, votes: Votes | None) -> Mixture:
    """The mixture that foretells the given labels best: of least log loss on labelled rows.

    Both views are out-of-sample, so the model's and the neighbours' errors weigh alike. Where there are more
    than 20,000 labelled rows a seeded sample decides.
    """
    if votes is None:
        return Mixture(pred_probs)
    rows, seed = np.flatnonzero(labels >= 0), None
    if len(rows) > CHOSEN_ON:
        seed = SEED
        rows = np.sort(np.random.default_rng(seed).choice(rows, CHOSEN_ON, replace=False))
    some = votes.rows(rows)
    voted = (some.labels >= 0).any(axis=1)
    if not voted.any():
        return Mixture(pred_probs)
    rows, some = rows[voted], some.rows(np.flatnonzero(voted))
    given = np.asarray(labels)[rows]
    by_model = np.asarray(pred_probs[rows])[np.arange(len(rows)), given].astype(np.float64)
    best = (np.inf, 0.0, SHARPNESS[0])
    for sharpness in SHARPNESS:
        weights = some.weights(sharpness)
        for_given = (weights * (some.labels == given[:, None])).sum(axis=1) / weights.sum(axis=1)
        for share in SHARES.tolist():
            mixed = (1 - share) * by_model + share * for_given
            loss = float(-np.log(np.maximum(mixed, _LEAST)).mean())
            best = min(best, (loss, share, sharpness))
    return Mixture(pred_probs, votes, round(best[1], 2), best[2], seed)


def flow_weights(joint: np.ndarray, errors: float) -> tuple[np.ndarray, int]:
    """(K, K) by [given, true]: how much likelier than any other error it is that a true label was given so,
    1 where nothing is known; and how many flows are known.

    joint: (K, K) estimated rows by [given, true]. A flow is what one class has lost to another beyond what
    came back and beyond `errors` standard errors of the difference. What is left of the off-diagonal counts
    is taken to be spread evenly: a model that mixes up two classes does so both ways, which says nothing of
    the labels.
    """
    off = joint - np.diag(joint.diagonal())
    flow = np.maximum(off - off.T - errors * np.sqrt(off + off.T), 0)
    rest = max(float(off.sum() - flow.sum()), 0.5)  # half an error where there is none
    even = rest / max(float(joint.sum()), 1.0) / max(len(joint) - 1, 1)
    truly = joint.sum(axis=0)
    return 1 + flow / np.where(truly > 0, truly, 1) / even, int(np.count_nonzero(flow))
