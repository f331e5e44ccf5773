"""What bench_evidence asks of real noisy sets with full truth: estimates beside truth, rows to be read."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from core.evidence import remaining, stopping
from core.methods.out_of_sample import deal_folds, out_of_sample
from tests.benchmarks.bench_ranking import CROWD, Known, corrected, sets
from tests.benchmarks.evidence_effects import foretold
from tests.benchmarks.evidence_promises import RECALLS, certified
from tests.benchmarks.label_noise import people_of_cifar
from tests.benchmarks.reviews import Reviews, missed, never_outside, reviewed, share
from tests.conftest import SHARED

RUNS, SEED = 1000, 0
DECISIONS = (200, 500, 1000)
RECALL = 0.9
AXES = 64
"""Principal components that a model of CIFAR-10N by other people is trained on, for time's sake."""


@dataclass(frozen=True, eq=False)
class Ranked:
    """name; wrong: (N,) bool; ours, theirs: (N,) label quality scores, our default and cleanlab's."""

    name: str
    wrong: np.ndarray
    ours: np.ndarray
    theirs: np.ndarray


def ranked_sets() -> Iterator[Ranked]:
    """The sets of bench_ranking; CIFAR-10N by one person, and with a wrong label where anybody gave one; the
    texts of crowd AG News with no label wrong, in the order in which the noisy labels rank them.
    """
    known = sets()
    for data in known:
        yield _scored(data)
    vectors = known[0].embeddings - known[0].embeddings.mean(axis=0)
    _, axes = np.linalg.eigh(vectors.T @ vectors)
    few = np.ascontiguousarray(vectors @ axes[:, -AXES:])
    for name, given, true in people_of_cifar():
        probs = out_of_sample(few, given, int(true.max()) + 1, deal_folds(given, np.arange(len(given))))
        yield _scored(Known(name, given, given != true, probs.pred_probs, known[0].embeddings))
    crowd = _scored(next(data for data in known if data.name == CROWD))
    yield Ranked("AG News, right labels", np.zeros_like(crowd.wrong), crowd.ours, crowd.theirs)


def _scored(data: Known) -> Ranked:
    from cleanlab.rank import get_label_quality_scores

    theirs = get_label_quality_scores(data.given, data.probs, method="self_confidence")
    return Ranked(data.name, data.wrong, corrected(data), theirs)


def reviews_of(data: Ranked) -> Iterator[tuple[Reviews, np.ndarray]]:
    """(reviews, order): RUNS reviews by our ranking, in parts. order: (R, N) the random order of the rows, in
    which the reviews count them.
    """
    rng, rows, at_once = np.random.default_rng(SEED), len(data.wrong), 250
    ranking = np.argsort(data.ours, kind="stable")
    for _ in range(RUNS // at_once):
        order = np.array([rng.permutation(rows) for _ in range(at_once)])
        place = np.empty_like(order)
        np.put_along_axis(place, order, np.arange(rows)[None], axis=1)
        yield reviewed(data.wrong[order], place[:, ranking], max(DECISIONS), rng), order


def estimates(data: Ranked) -> tuple[str, bool]:
    """A line of the table of estimates; whether the intervals hold."""
    inside = 0
    found: dict[int, list[tuple[float, int, int]]] = {n: [] for n in DECISIONS}
    held, miss = [], []
    for reviews, order in reviews_of(data):
        inside += int(never_outside(reviews).sum())
        for run in range(len(reviews)):
            for n in DECISIONS:
                made = remaining.remaining(reviews.rows, reviews.wrong[run, :n], reviews.audit[run, :n])
                best = np.nan if made.estimate is None else made.estimate
                found[n].append((best, made.low, made.high))
        some = slice(0, 50)
        got = foretold(reviews.row[some, :500], data.wrong[order[some]], data.ours[order[some]])
        held.append(got[0])
        miss.append(got[1])
    cells = []
    for n in DECISIONS:
        best, low, high = np.array(found[n]).T
        least, middle, most = np.nanquantile(best, [0.05, 0.5, 0.95])
        ends = f"{low.mean():,.0f} to {high.mean():,.0f}"
        cells.append(f"{middle:,.0f} ({least:,.0f} to {most:,.0f}); {ends}")
    ahead = f"{np.concatenate(miss).mean():.1f}; {np.concatenate(held).mean():.2f}"
    truth = f"{data.wrong.sum():,} of {len(data.wrong):,}"
    line = f"| {data.name} | {truth} | {' | '.join(cells)} | {share(inside, RUNS)} | {ahead} |"
    return line, not missed(RUNS - inside, RUNS)


def rows_until(wrong: np.ndarray, ranking: np.ndarray, times: np.ndarray | None = None) -> float:
    """The share of rows, in the order of the ranking, down to which RECALL of the wrong labels lies. times:
    (N,) how often each row was drawn.
    """
    weight = np.ones(len(wrong)) if times is None else times
    hits = np.cumsum((wrong * weight)[ranking])
    end = int(np.searchsorted(hits, math.ceil(RECALL * hits[-1] - 1e-9)))
    return float(weight[ranking][: end + 1].sum() / weight.sum())


def effort(data: Ranked) -> tuple[str, bool]:
    """A line of the table of effort; whether the stop rule reaches the recall as often as promised."""
    rng, rows = np.random.default_rng(SEED), len(data.wrong)
    orders = [rng.permutation(rows) for _ in range(RUNS)]
    cells = []
    for score in (data.ours, data.theirs):
        ranking = np.argsort(score, kind="stable")
        draws = [rows_until(data.wrong, ranking, _times(rows, rng)) for _ in range(RUNS)]
        low, high = np.quantile(draws, [0.025, 0.975]) * rows
        cells.append(f"{rows_until(data.wrong, ranking) * rows:,.0f} ({low:,.0f} to {high:,.0f})")
    low, middle, high = np.quantile([rows_until(data.wrong, o) for o in orders], [0.025, 0.5, 0.975]) * rows
    cells.append(f"{middle:,.0f} ({low:,.0f} to {high:,.0f})")
    met, ranking = True, np.argsort(data.ours, kind="stable")
    for recall in RECALLS:
        reached, read = certified(stopping.plan(recall), ranking, data.wrong, iter(orders)).T
        below = int((reached < recall - 1e-12).sum())
        met &= not missed(below, RUNS)
        if recall == RECALL:
            low, middle, high = np.quantile(read, [0.025, 0.5, 0.975])
            cells.append(f"{middle:,.0f} ({low:,.0f} to {high:,.0f})")
        cells.append(share(below, RUNS))
    return f"| {data.name} | {rows:,} | {' | '.join(cells)} |", met


def _times(rows: int, rng: np.random.Generator) -> np.ndarray:
    return np.bincount(rng.integers(0, rows, rows), minlength=rows).astype(float)


def real_sets() -> bool:
    """Both tables; whether every promise is kept."""
    if not SHARED.exists():
        print("the data of ../shared is not here: not measured")
        return True
    met, lines = True, []
    print(
        f"\nReal noisy sets with full truth, {RUNS:,} reviews in random orders, seed {SEED}: median estimate"
    )
    print("of all wrong labels (5 to 95% of reviews); mean 95% interval. Last: in the next 50 rows after 500")
    print(f"decisions, mean miss and how often the 90% range holds ({RUNS // 5} reviews).\n")
    columns = " | ".join(f"after {n:,} decisions" for n in DECISIONS)
    print(f"| set | wrong | {columns} | never outside | next 50 |")
    print(f"|---|---|{'---|' * len(DECISIONS)}---|---|")
    for data in ranked_sets():
        line, held = estimates(data)
        print(line, flush=True)
        met &= held
        if data.wrong.any():
            line, held = effort(data)
            lines.append(line)
            met &= held
    print("\nRows read until 90% of the wrong labels are found: sorted by score (95% bootstrap interval),")
    print(f"in random order and by the stop rule with its probes (median, 2.5 to 97.5% of {RUNS:,} orders);")
    print("then how often the stop rule for 80, 90, 95% ends below its recall. Promised: at most 0.05.\n")
    print("| set | rows | ours | self-confidence | random | below 80% | 90%: rows | below 90% | below 95% |")
    print("|---|---|---|---|---|---|---|---|---|")
    print("\n".join(lines))
    print(f"promise kept: {met}")
    return met
