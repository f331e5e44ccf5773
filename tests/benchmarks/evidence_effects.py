"""What bench_evidence asks of retraining, corrected test sets, anchoring, yield and annotators who err."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from core.evidence import benchmark, errors_expected, impact, people, remaining
from core.progress import Progress
from tests.benchmarks.reviews import missed, reviewed, share

SEED = 0
RUNS = {"retraining": 400, "models": 2000, "anchoring": 1000, "yield": 400, "annotators": 1000}
TRAIN, TEST, FRESH = 600, 800, 20_000
CLASSES, DIMENSIONS = 3, 8


def blobs(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """(features, P(class)) of classes that overlap: some rows fit two of them."""
    centres = np.eye(CLASSES, DIMENSIONS) * 2.2
    x = centres[rng.integers(0, CLASSES, rows)] + rng.normal(size=(rows, DIMENSIONS))
    close = np.exp(-0.5 * ((x[:, None] - centres[None]) ** 2).sum(axis=2))
    return x, close / close.sum(axis=1, keepdims=True)


def drawn(chances: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n,) a class for each row, by its chances."""
    return (rng.random((len(chances), 1)) > chances.cumsum(axis=1)[:, :-1]).sum(axis=1)


def ridge(train: np.ndarray, test: np.ndarray) -> impact.FitPredict:
    """A model on products of the features, which trains in a millisecond and learns what it is told."""

    def wide(x: np.ndarray) -> np.ndarray:
        i, j = np.triu_indices(x.shape[1])
        return np.column_stack([np.ones(len(x)), x, x[:, i] * x[:, j]])

    known, asked = wide(train), wide(test)

    def fit_predict(rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
        x = known[rows]
        weights = np.linalg.solve(x.T @ x + np.eye(x.shape[1]), x.T @ np.eye(CLASSES)[labels])
        return (asked @ weights).argmax(axis=1)

    return fit_predict


def spoilt(labels: np.ndarray, chances: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One label in twenty made wrong, of any row."""
    rows = rng.choice(len(labels), len(labels) // 20, replace=False)
    found = labels.copy()
    found[rows] = (found[rows] + rng.integers(1, CLASSES, len(rows))) % CLASSES
    return found


def settled(labels: np.ndarray, chances: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows that fit two classes get another label that is as right as the first."""
    unsure = chances.max(axis=1) < 0.75
    return np.where(unsure, drawn(chances, rng), labels)


def mended(rate: float) -> Callable[..., np.ndarray]:
    """For the power: labels of which this share of one class was wrong, all put right."""

    def given(labels: np.ndarray, chances: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return np.where((labels == 0) & (rng.random(len(labels)) < rate), 1, labels)

    return given


def retraining() -> bool:
    """How often retraining on labels that are no better is called an improvement."""
    runs, met = RUNS["retraining"], True
    print(f"\nRetraining: {TRAIN} rows, {TEST} verified, {impact.SEEDS} trainings an arm; true gain on")
    print(f"{FRESH:,} fresh rows; {runs} runs, seed {SEED}. Promised without a true gain: at most 0.05.\n")
    print(
        "| edits | rows edited | mean true gain | runs without a true gain | of these 'improved' | of all |"
    )
    print("|---|---|---|---|---|---|")
    nulls = {"clean set, 5% made wrong": spoilt, "clean set, other labels as right": settled}
    power = {f"{rate:.0%} of a class put right": mended(rate) for rate in (0.15, 0.4)}
    for name, edit in (nulls | power).items():
        rng, gains, improved, edits = np.random.default_rng(SEED), [], [], []
        for _ in range(runs if name in nulls else 100):
            (x, p), (xt, pt), (xf, pf) = (blobs(rng, n) for n in (TRAIN, TEST, FRESH))
            labels, zt, zf = drawn(p, rng), drawn(pt, rng), drawn(pf, rng)
            other = edit(labels, p, rng)
            given, corrected = (labels, other) if name in nulls else (other, labels)
            found = impact.impact(ridge(x, xt), given, corrected, zt, Progress())
            gains.append(impact.impact(ridge(x, xf), given, corrected, zf, Progress(), 3).gain.mean)
            improved.append(found.effect is impact.Effect.IMPROVED)
            edits.append(found.edits)
        null, called = np.array(gains) <= 0, np.array(improved)
        false, of = int((null & called).sum()), int(null.sum())
        if name in nulls:
            met &= not missed(false, of)
        said = share(false, of) if of else "none"
        total = share(int(called.sum()), len(called))
        print(
            f"| {name} | {np.mean(edits):.0f} | {np.mean(gains):+.2%} | {of} | {said} | {total} |", flush=True
        )
    print(f"promise kept: {met}")
    return met


def models() -> bool:
    """Two equally good models on a test set with wrong labels where their mistakes lie."""
    rows, right, runs, met = 3000, 0.85, RUNS["models"], True
    print(
        f"\nTwo equal models, {rows:,} test rows, flagged rows reviewed with probability 0.5, the rest 0.1;"
    )
    print(
        f"{runs} runs, seed {SEED}. Promised: a winner in at most 0.05, intervals hold 0.95 (limit 0.93).\n"
    )
    print("| wrong labels | reviewed | called a winner | error of the mean, points | this set | new rows |")
    print("|---|---|---|---|---|---|")
    for noise in (0.05, 0.1, 0.2):
        rng, wins, bias, here, anew, read = np.random.default_rng(SEED), 0, [], [], [], []
        for _ in range(runs):
            truth = rng.integers(0, 5, rows)
            near = (truth + 1) % 5
            given = np.where(rng.random(rows) < noise, near, truth)
            predicted = np.where(rng.random((2, rows)) < right, truth, near)
            pi = benchmark.inclusion(predicted, given, 0.5, 0.1)
            seen = rng.random(rows) < pi
            found = benchmark.corrected(predicted, given, truth, seen, pi)
            exact = (predicted == truth).mean(axis=1)
            wins += bool(found.best.max() >= 0.975)
            bias.append((found.after - exact).mean() * 100)
            here.append(np.abs(found.after - exact) <= 1.96 * found.se)
            anew.append((found.low <= right) & (right <= found.high))
            read.append(seen.mean())
        held = [np.mean(here), np.mean(anew)]
        error = 1.96 * np.std(bias) / np.sqrt(runs)
        met &= not missed(wins, runs) and min(held) >= 0.93 and abs(np.mean(bias)) <= 0.1
        line = f"{np.mean(read):.0%} | {share(wins, runs)} | {np.mean(bias):+.2f} ± {error:.2f}"
        print(f"| {noise:.0%} | {line} | {held[0]:.3f} | {held[1]:.3f} |", flush=True)
    print(f"promise kept: {met}")
    return met


def anchored() -> bool:
    """How often a gap is seen where there is none, watched after every decision; and where there is one."""
    runs, decisions, hidden, met, differ = RUNS["anchoring"], 1000, 0.2, True, 0
    limit = np.log(1 / people.ALPHA)
    print(f"\nAnchoring, watched after each of {decisions:,} decisions, {hidden:.0%} hidden; {runs:,} runs,")
    print(f"seed {SEED}. Promised: the interval leaves the true gap in at most 0.05, at any decision.\n")
    print(
        "| suggestion taken unaided | gap | true gap ever outside | 0 ever outside | half width at the end |"
    )
    print("|---|---|---|---|---|")
    for base, gap in ((0.4, 0.0), (0.1, 0.0), (0.9, 0.0), (0.4, 0.08), (0.4, 0.15), (0.4, 0.25)):
        rng, outside, called, half = np.random.default_rng(SEED), 0, 0, []
        for run in range(runs):
            shown = rng.random(decisions) >= hidden
            took = rng.random(decisions) < base + gap * shown
            said = np.minimum(np.cumsum(shown), np.cumsum(~shown)) >= people.LEAST_SHOWN
            against = people.gap_wins(shown, took, hidden, 0.0)
            called += bool((said & (against >= limit)).any())
            outside += bool((said & (people.gap_wins(shown, took, hidden, gap) >= limit)).any())
            if run >= 50:
                continue
            end = people.anchoring(shown, took, hidden)
            assert end is not None
            half.append((end.high - end.low) / 2)
            differ += (end.low <= 0 <= end.high) != (against[-1] < limit)
        met &= not missed(outside, runs)
        ever = f"{share(outside, runs)} | {share(called, runs)}"
        print(f"| {base:.0%} | {gap:.0%} | {ever} | {np.mean(half):.3f} |", flush=True)
    print(f"\nThe interval itself says the same of 0 at all but {differ} of 300 ends. promise kept: {met}")
    return met and not differ


def yields() -> bool:
    """What the next 50 ranked rows yield, foretold after some decisions of a simulated review."""
    runs, rows, met = RUNS["yield"], 5000, True
    print(f"\nWrong labels in the next 50 rows of the ranking, {rows:,} rows; {runs} runs, seed {SEED}.")
    print(
        "Promised: the range holds 0.90 (limit 0.88) and the mean miss is at most 4, from 200 decisions on.\n"
    )
    print("| wrong labels | decisions | range holds | mean miss, of 50 | mean width |\n|---|---|---|---|---|")
    for prevalence in (0.03, 0.1, 0.4):
        rng = np.random.default_rng(SEED)
        truth = rng.random((runs, rows)) < prevalence
        doubt = rng.normal(size=(runs, rows)) + 1.81 * truth
        score = 1 / (1 + np.exp(1.5 * doubt - 2))  # over-confident, as scores are
        reviews = reviewed(truth, np.argsort(score, axis=1), 1000, rng)
        for decisions in (50, 200, 1000):
            held, miss, width = foretold(reviews.row[:, :decisions], truth, score)
            if decisions >= 200:
                met &= held.mean() >= 0.88 and miss.mean() <= 4
            line = f"{share(int(held.sum()), runs)} | {miss.mean():.1f} | {width.mean():.0f}"
            print(f"| {prevalence:.0%} | {decisions:,} | {line} |", flush=True)
    print(f"promise kept: {met}")
    return bool(met)


def foretold(
    row: np.ndarray, truth: np.ndarray, score: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(R,) whether the range held, |foretold - found|, width, of the next 50 unread rows after row (R, T)."""
    held, miss, width = [], [], []
    for read, wrong, quality in zip(row, truth, score, strict=True):
        unread = np.ones(len(wrong), dtype=bool)
        unread[read] = False
        order = np.argsort(quality, kind="stable")
        ahead = order[unread[order]][:50]
        curve = errors_expected.learned(quality[read], wrong[read])
        found, came = errors_expected.next_yield(curve, quality[ahead]), wrong[ahead].sum()
        held.append(found.low <= came <= found.high)
        miss.append(abs(found.expected - came))
        width.append(found.high - found.low)
    return np.array(held), np.array(miss), np.array(width)


def annotators() -> bool:
    """The interval read through the errors of annotators whom gold rows measure, and the one that is not."""
    runs, rows, audits, gold, met = RUNS["annotators"], 5000, 600, 200, True
    print(f"\nAnnotators who err: {rows:,} rows, {audits} random rows read, {gold} gold rows of each kind;")
    print(f"{runs} runs, seed {SEED}. Promised of the corrected interval: it holds 0.95.\n")
    print("| wrong labels | false alarms, misses | corrected holds | as they said | widths, % of rows |")
    print("|---|---|---|---|---|")
    for prevalence, e0, e1 in ((0.0, 0.02, 0.1), (0.03, 0.02, 0.1), (0.1, 0.05, 0.2), (0.4, 0.02, 0.05)):
        rng, inside, plain, wide = np.random.default_rng(SEED), 0, 0, []
        for _ in range(runs):
            truth = rng.random(rows) < prevalence
            said = np.where(truth, rng.random(rows) >= e1, rng.random(rows) < e0)[:audits]
            every = np.ones(audits, dtype=bool)
            alarms, misses = rng.binomial(gold, e0), rng.binomial(gold, e1)
            found = remaining.corrected(rows, said, every, (alarms, gold), (misses, gold))
            taken = remaining.remaining(rows, said, every)
            assert found is not None
            inside += found[0] <= truth.sum() <= found[1]
            plain += taken.low <= truth.sum() <= taken.high
            wide.append(((found[1] - found[0]) / rows, (taken.high - taken.low) / rows))
        met &= not missed(runs - inside, runs)
        widths = " / ".join(f"{w:.1%}" for w in np.mean(wide, axis=0))
        rates = f"{e0:.0%}, {e1:.0%}"
        line = f"{share(inside, runs)} | {share(plain, runs)} | {widths}"
        print(f"| {prevalence:.0%} | {rates} | {line} |", flush=True)
    print(f"promise kept: {met}")
    return met
