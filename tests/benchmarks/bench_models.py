"""`python -m tests.benchmarks.bench_models`: do corrected accuracies and gains of retraining keep their word?

Benchmark: four models (recorded, logistic, 10 nearest rows, nearest class mean; all out of fold) on real sets
with full truth. The order of reading is drawn 1,000 times; at several depths, how often the interval of an
accuracy holds the true one, the largest mean error over models, and the interval's half-width. Beside it what
reading the last model's flags alone would hand that model.

Retraining: crowd AG News and CIFAR-10N, 800 frozen rows drawn at random, the 800 worst of the others by
self-confidence set right by the truth, the app's logistic model; five draws of the frozen rows. And the same
number of wrong edits of right labels, of which none may count as a gain. Needs the data of ../shared.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd

from core.evidence.benchmark import FLAGGED, REST, Z, counted, inclusion, prefix
from core.evidence.impact import Effect, FitPredict, Impact, impact
from core.methods.neighbours import nearest
from core.methods.out_of_sample import deal_folds, out_of_sample, predict_classes
from core.progress import Progress
from tests.benchmarks.bench_ranking import CROWD, Known, known
from tests.benchmarks.machine import describe
from tests.conftest import SHARED

DRAWS, DEPTHS = 1000, (300, 800, 1500)
LEAST_COVERAGE, MOST_BIAS = 0.93, 0.001
FROZEN, REVIEWED, SPLITS = 800, 800, 5


def truth_of(folder: str, column: str) -> np.ndarray:
    """(N,) codes of the clean labels."""
    names = pd.read_csv(SHARED / folder / "classes.csv", dtype="str")["name"]
    clean = pd.read_csv(SHARED / folder / "truth.csv")[column]
    return pd.Categorical(clean, categories=names).codes.astype(np.int64)


def predictions(data: Known) -> np.ndarray:
    """(4, N) codes that no model's training saw the row's own label for."""
    classes = data.probs.shape[1]
    folds = deal_folds(data.given, np.arange(len(data.given)))
    logistic = out_of_sample(data.embeddings, data.given, classes, folds).pred_probs.argmax(axis=1)
    near, _ = nearest(data.embeddings, np.arange(len(data.given)), 10)
    votes = np.zeros((len(data.given), classes))
    for column in near.T:
        votes[np.arange(len(votes)), data.given[column]] += 1
    means = np.empty(len(data.given), np.int64)
    for fold in range(int(folds.max()) + 1):
        held, train = folds == fold, folds != fold
        x, y = data.embeddings[train], data.given[train]
        centres = np.stack([x[y == k].mean(axis=0) for k in range(classes)])
        means[held] = ((data.embeddings[held][:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
    return np.stack([data.probs.argmax(axis=1), logistic, votes.argmax(axis=1), means])


def benchmark(data: Known, truth: np.ndarray) -> bool:
    """Prints one set's figures; whether they are as they should be."""
    predicted = predictions(data)
    exact = (predicted == truth).mean(axis=1)
    before = (predicted == data.given).mean(axis=1)
    pi = inclusion(predicted, data.given, FLAGGED, REST)
    doubted = (pi == FLAGGED).mean()
    print(f"\n{data.name}: {len(truth):,} rows, {data.wrong.mean():.1%} wrong, {doubted:.1%} doubted")
    print(
        "  given   ",
        " ".join(f"{a:.3f}" for a in before),
        "\n  truth   ",
        " ".join(f"{a:.3f}" for a in exact),
    )
    all_read = np.ones(len(truth))
    own, _ = counted(predicted, data.given, truth, predicted[-1] != data.given, all_read)
    off = ", ".join(f"{100 * e:+.1f}" for e in own.mean(axis=1) - exact)
    print(f"  reading the last model's flags alone, as if they were all there is: off by {off} points")
    fine = True
    rng = np.random.default_rng(0)
    for depth in DEPTHS:
        errors, covered, half = np.zeros(len(predicted)), 0.0, 0.0
        for _ in range(DRAWS):
            u = rng.random(len(truth))
            decided = np.zeros(len(truth), bool)
            decided[np.argsort(u / pi)[:depth]] = True
            read = prefix(u, pi, decided)
            each, se = counted(predicted, data.given, truth, read.reviewed, read.pi)
            after = each.mean(axis=1)
            errors += (after - exact) / DRAWS
            covered += float((np.abs(after - exact) <= Z * se).mean()) / DRAWS
            half += Z * float(se.mean()) / DRAWS
        bias = float(np.abs(errors).max())
        noise = 3 * half / Z / DRAWS**0.5  # three standard errors of the mean error itself
        fine &= covered >= LEAST_COVERAGE and bias <= max(MOST_BIAS, noise)
        print(f"  {depth:>5} read: coverage {covered:.3f}, bias {100 * bias:.2f}, ± {100 * half:.1f} points")
    return fine


def trained(data: Known, rows: np.ndarray, test: np.ndarray) -> FitPredict:
    """The app's logistic model on the embeddings."""

    def fit_predict(at: np.ndarray, labels: np.ndarray, progress: Progress) -> np.ndarray:
        return predict_classes(data.embeddings[rows[at]], labels, data.embeddings[test], "logistic", progress)

    return fit_predict


def retrained(data: Known, truth: np.ndarray, seed: int, spoil: bool) -> Impact:
    """One measurement. spoil: right labels get wrong ones, as many as a review would have corrected."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(truth))
    test, rows = order[:FROZEN], order[FROZEN:]
    given = data.given[rows]
    score = data.probs[rows, given]
    worst = np.argsort(score)[:REVIEWED]
    taught = given.copy()
    taught[worst] = truth[rows][worst]
    if spoil:
        count = int((taught != given).sum())
        taught = given.copy()
        right = rng.permutation(np.flatnonzero(given == truth[rows]))[:count]
        taught[right] = (taught[right] + rng.integers(1, data.probs.shape[1], count)) % data.probs.shape[1]
    return impact(trained(data, rows, test), given, taught, truth[test], Progress())


def main(argv: list[str] | None = None) -> int:
    if not SHARED.is_dir():
        print("the data of ../shared is not here: not measured")
        return 0
    print(describe())
    cifar = known(SHARED / "cifar10n", "CIFAR-10N", "labels.csv", "is_error")
    news = known(SHARED / "text_agnews_human", CROWD, "data.csv", "is_error")
    both = ((cifar, truth_of("cifar10n", "clean")), (news, truth_of("text_agnews_human", "clean")))
    fine = True
    for data, truth in both:
        fine &= benchmark(data, truth)
    for data, truth in both:
        for spoil in (False, True):
            started = time.perf_counter()
            found = [retrained(data, truth, seed, spoil) for seed in range(SPLITS)]
            improved = sum(one.effect is Effect.IMPROVED for one in found)
            fine &= not (spoil and improved)
            gains = ", ".join(f"{100 * one.gain.mean:+.1f}" for one in found)
            control = 100 * np.mean([one.control_gain.mean for one in found])
            half = 100 * np.mean([one.gain.high - one.gain.mean for one in found])
            print(f"\n{data.name}, {found[0].edits} {'wrong edits' if spoil else 'corrections'}:")
            print(f"  gain {gains} points (each ± {half:.1f}), as many random edits {control:+.1f}")
            seconds = (time.perf_counter() - started) / SPLITS
            print(f"  improved in {improved} of {SPLITS}; {seconds:.0f} s each")
    print("\nas it should be" if fine else "\nNOT as it should be")
    return int(not fine)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
