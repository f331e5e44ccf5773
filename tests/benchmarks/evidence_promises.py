"""Simulated reviews for bench_evidence: whether intervals, stop rule and spot check keep their promise."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from core.evidence import gate, remaining, stopping
from core.evidence.log import ReviewLog
from core.evidence.state import by_group
from tests.benchmarks.reviews import (
    LIMIT,
    Reviews,
    differences,
    missed,
    never_outside,
    path,
    reviewed,
    share,
    simulated,
    suspected,
)

RUNS, SEED = 1000, 0
PREVALENCE = (0.0, 0.005, 0.03, 0.1, 0.4)
DECISIONS = {50: 50, 1_000: 1_000, 10_000: 2_000, 100_000: 2_000}
"""Rows of the data set: decisions of a review."""
DETECTORS = {"good": 0.9, "useless": 0.5}
WIDTHS = 100
"""Reviews of which the width is measured."""


def coverage() -> bool:
    """Intervals of the wrong labels, at every decision; whether all hold as often as promised."""
    started, met, taken, differ = time.perf_counter(), True, 0, 0
    lines: list[str] = []
    print(
        f"\nIntervals of all wrong labels: share of {RUNS:,} reviews in which the truth was never outside, at"
    )
    print(f"any decision (95% Wilson interval); seed {SEED}. Promised: 0.95.\n")
    print(f"| rows, decisions, ranking | {' | '.join(f'{p:.1%} wrong' for p in PREVALENCE)} |")
    print(f"|---|{'---|' * len(PREVALENCE)}", flush=True)
    for rows, decisions in DECISIONS.items():
        for detector, auc in DETECTORS.items():
            held, wide = [], []
            for prevalence in PREVALENCE:
                inside, widths = [], np.zeros((0, 2))
                for reviews in simulated(rows, prevalence, auc, decisions, RUNS, SEED):
                    inside.append(never_outside(reviews))
                    if not len(widths):
                        ends = (decisions // 5, decisions)
                        widths = np.array([_widths(reviews, run, ends) for run in range(WIDTHS)])
                        every = np.arange(1, decisions + 1) if rows == 50 else np.arange(25, decisions, 75)
                        looks = differences(reviews, 20 if rows == 50 else 2, every)
                        taken, differ = taken + looks[0], differ + looks[1]
                good = int(np.concatenate(inside).sum())
                met &= not missed(RUNS - good, RUNS)
                held.append(share(good, RUNS))
                wide.append(" / ".join(f"{w:.1%}" for w in widths.mean(axis=0)))
            name = f"{rows:,}, {decisions:,}, {detector}"
            print(f"| {name} | {' | '.join(held)} |", flush=True)
            lines.append(f"| {name} | {' | '.join(wide)} |")
    print(f"\nMean width of the interval in % of all rows after a fifth / all decisions ({WIDTHS} reviews)\n")
    print(f"| rows, decisions, ranking | {' | '.join(f'{p:.1%} wrong' for p in PREVALENCE)} |")
    print(f"|---|{'---|' * len(PREVALENCE)}")
    print("\n".join(lines))
    print(
        f"\nThe interval searched in full at {taken:,} looks says the same of the truth at all but {differ}."
    )
    met &= _groups() and not differ
    print(f"{time.perf_counter() - started:.0f} s; promise kept: {met}")
    return met


def _widths(reviews: Reviews, run: int, ends: tuple[int, int]) -> list[float]:
    wide = []
    for end in ends:
        found = remaining.remaining(reviews.rows, reviews.wrong[run, :end], reviews.audit[run, :end])
        wide.append((found.high - found.low) / reviews.rows)
    return wide


GROUPS = {"A": (0.5, 0.01), "B": (0.25, 0.05), "C": (0.15, 0.1), "D": (0.07, 0.0), "E": (0.03, 0.3)}
"""Class: share of the rows, share of them wrong."""


def _groups() -> bool:
    """Intervals of each class in one review of all rows; whether each holds as often as promised."""
    rows, decisions, at_once, met = 10_000, 2_000, 100, True
    rng = np.random.default_rng(SEED)
    sizes, rates = np.array(list(GROUPS.values())).T
    inside: list[np.ndarray] = []
    shown = differ = 0
    for _ in range(RUNS // at_once):
        classes = rng.choice(len(GROUPS), (at_once, rows), p=sizes)
        truth = rng.random((at_once, rows)) < rates[classes]
        reviews = reviewed(truth, suspected(truth, 0.9, decisions, rng), decisions, rng)
        for run in range(at_once):
            masks = {name: classes[run] == code for code, name in enumerate(GROUPS)}
            log = log_of(reviews.row[run], reviews.wrong[run], reviews.audit[run])
            held, ends = [], {}
            for name, mask in masks.items():
                part = log.of(mask)
                won = path(int(mask.sum()), part.wrong, part.drawn, int(truth[run, mask].sum()))
                held.append((won < LIMIT).all())
                ends[name] = won[-1] < LIMIT
            inside.append(np.array(held))
            if run < 10:
                for line in by_group(masks, log).itertuples():
                    true = truth[run, masks[line.group]].sum()
                    shown += 1
                    differ += (line.low <= true <= line.high) != ends[line.group]
    held_by = np.array(inside).sum(axis=0)
    print(f"\nOf each class in one review of {rows:,} rows, {decisions:,} decisions, {RUNS:,} reviews\n")
    print("| class: share of rows, wrong | never outside |\n|---|---|")
    for (name, (size, rate)), good in zip(GROUPS.items(), held_by.tolist(), strict=True):
        print(f"| {name}: {size:.0%}, {rate:.0%} | {share(good, RUNS)} |")
        met &= not missed(RUNS - good, RUNS)
    together = int(np.array(inside).all(axis=1).sum())
    print(f"| all five at once (not promised) | {share(together, RUNS)} |")
    print(f"\nThe page's own table holds the same at all but {differ} of {shown} ends.")
    return met and not differ


def log_of(
    row: np.ndarray, wrong: np.ndarray, drawn: np.ndarray, score: np.ndarray | None = None
) -> ReviewLog:
    """A review as the app keeps it."""
    scores = np.full(len(row), np.nan) if score is None else score
    return ReviewLog(row, wrong, np.zeros(len(row), dtype=bool), drawn, scores, np.zeros(0))


RECALLS = (0.8, 0.9, 0.95)
SETTINGS = {
    "3% of 10,000, good": (10_000, 0.03, 0.9),
    "10% of 5,000, good": (5_000, 0.1, 0.9),
    "40% of 2,000, good": (2_000, 0.4, 0.9),
    "10% of 1,000, good": (1_000, 0.1, 0.9),
    "10% of 5,000, useless": (5_000, 0.1, 0.5),
}


def certified(
    made: stopping.Plan, ranking: np.ndarray, wrong: np.ndarray, orders: Iterator[np.ndarray]
) -> np.ndarray:
    """(runs, 2): the recall down to the depth that the plan asks for, and all rows read for it, probes
    included, for each random order. ranking: (N,) rows; wrong: (N,) bool.
    """
    ranks = np.empty(len(ranking), dtype=np.int64)
    ranks[ranking] = np.arange(len(ranking))
    verdicts = dict(enumerate(wrong.tolist()))
    lines = []
    for order in orders:
        state = stopping.progress(made, ranks, order, verdicts)
        read = np.zeros(len(ranking), dtype=bool)
        read[order[: state.probed]] = True
        listed = np.ones_like(read) if state.depth is None else ranks < state.depth
        lines.append((wrong[listed].sum() / max(wrong.sum(), 1), (read | listed).sum()))
    return np.array(lines)


def stop() -> bool:
    """The stop rule on simulated sets; whether it ends below the recall at most as often as promised."""
    met = True
    print(
        f"\nStop rule: share of {RUNS:,} reviews that end below the recall (95% Wilson interval); median rows"
    )
    print(f"read, probes included; seed {SEED}. Promised: at most 0.05.\n")
    print(f"| wrong labels, ranking | {' | '.join(f'recall {r:.0%}: below; rows' for r in RECALLS)} |")
    print(f"|---|{'---|' * len(RECALLS)}")
    for name, (rows, prevalence, auc) in SETTINGS.items():
        cells = []
        for recall in RECALLS:
            rng, lines = np.random.default_rng(SEED), []
            for _ in range(RUNS):
                truth = rng.random((1, rows)) < prevalence
                ranking = suspected(truth, auc, rows, rng)[0]
                order = rng.permutation(rows)
                lines.append(certified(stopping.plan(recall), ranking, truth[0], iter([order]))[0])
            reached, read = np.array(lines).T
            below = int((reached < recall - 1e-12).sum())
            met &= not missed(below, RUNS)
            cells.append(f"{share(below, RUNS)}; {np.median(read):,.0f}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    print(f"promise kept: {met}")
    return met


BATCHES, PROMISES = (60, 200, 1_000, 5_000), (0.02, 0.05)
GATE_RUNS = 2000


def spot_checks() -> bool:
    """The gate of a batch; whether a batch one over the limit is accepted at most as often as promised."""
    met, limits = True, []
    print(
        f"\nSpot check: share of {GATE_RUNS:,} batches accepted that have one wrong fix too many (95% Wilson"
    )
    print(f"interval), seed {SEED}, promised: at most 0.05; then accepted / median checks of good batches.\n")
    print(
        "| rows, promise | accepted, one over | none wrong | promise / 4 | promise / 2 | 30% wrong: refused |"
    )
    print("|---|---|---|---|---|---|")
    rng = np.random.default_rng(SEED)
    for batch in BATCHES:
        for promise in PROMISES:
            bad = int(np.floor(promise * batch + 1e-9)) + 1
            words = [_spot(batch, bad, promise, rng).word for _ in range(GATE_RUNS)]
            accepted = sum(word is gate.Word.ACCEPT for word in words)
            met &= not missed(accepted, GATE_RUNS)
            limits.append(accepted)
            cells = [share(accepted, GATE_RUNS)]
            for part in (0, 0.25, 0.5):
                found = [_spot(batch, round(part * promise * batch), promise, rng) for _ in range(500)]
                taken = np.mean([f.word is gate.Word.ACCEPT for f in found])
                cells.append(f"{taken:.1%} / {np.median([f.rows for f in found]):.0f}")
            found = [_spot(batch, round(0.3 * batch), promise, rng) for _ in range(500)]
            refused = np.mean([f.word is gate.Word.REFUSE for f in found])
            cells.append(f"{refused:.1%} / {np.median([f.rows for f in found]):.0f}")
            print(f"| {batch:,}, {promise:.0%} | {' | '.join(cells)} |", flush=True)
    tries = 0
    for _ in range(GATE_RUNS):  # the same bad batch, three times at falling alpha
        alphas = [gate.retry_alpha(n) for n in range(3)]
        tries += any(_spot(1000, 51, 0.05, rng, alpha).word is gate.Word.ACCEPT for alpha in alphas)
    print(f"\nOne over the limit of 1,000 rows accepted in any of three tries: {share(tries, GATE_RUNS)}")
    met &= not missed(tries, GATE_RUNS, 0.1)
    print(f"promise kept: {met}")
    return met


def _spot(
    batch: int, wrong: int, promise: float, rng: np.random.Generator, alpha: float = gate.ALPHA
) -> gate.Verdict:
    answers = rng.permutation(np.arange(batch) < wrong)
    return gate.spot_check(batch, answers.tolist(), promise, alpha)
