"""Wrong numbers: our check beside cleanlab's regression module, on the same out-of-fold predictions.

    python -m tests.benchmarks.bench_regression [--seeds 10] [--rows 5000] [--learning 0]

Into labels that are numbers, errors of one kind at a time are put: a slipped unit (times or over ten), a lost
sign, two rows' numbers swapped, a number drawn between the least and the largest one. Predictions are those
of our baseline, boosted trees of the absolute error in five folds, trained on the labels with the errors in
them. Average precision is the mean over the seeds, with its 95% t-interval; differences are paired by seed.
Then time and memory at --rows rows, each in a process of its own. --learning N: N seeds of cleanlab's
CleanLearning too, which trains such trees itself, again and again, and takes minutes a run. Target: on the
mean over all lines no lower than either of cleanlab's scores, and no slower than outre.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from core.methods.numbers_out_of_sample import numbers_out_of_sample
from core.methods.out_of_sample import deal_folds
from core.methods.regression import judge
from tests.benchmarks.bench_confident_learning import _peak_mb
from tests.benchmarks.bench_ranking import precision
from tests.benchmarks.machine import describe

RATE = 0.05
SYNTHETIC_ROWS = 1000
OURS, OUTRE, RESIDUAL, LEARNING = "ours", "cleanlab outre", "cleanlab residual", "cleanlab CleanLearning"


@dataclass(frozen=True, eq=False)
class Numbers:
    """features: (N, D) float32; right: (N,) numbers as they are."""

    name: str
    features: np.ndarray
    right: np.ndarray


def sets(seed: int) -> Iterator[Numbers]:
    """Real numbers that come with scikit-learn, and made ones, which are drawn anew for each seed."""
    from sklearn.datasets import load_breast_cancer, load_diabetes, make_friedman1

    diabetes = load_diabetes()
    yield Numbers("diabetes, 442 rows", diabetes.data.astype(np.float32), diabetes.target)
    cells = load_breast_cancer()
    largest = list(cells.feature_names).index("worst area")
    yield Numbers("cell areas, 569 rows", cells.data[:, :10].astype(np.float32), cells.data[:, largest])
    rng = np.random.default_rng(seed)
    x, exact = make_friedman1(SYNTHETIC_ROWS, random_state=seed)
    tails = rng.standard_t(2, SYNTHETIC_ROWS)
    yield Numbers("friedman1, heavy tails", x.astype(np.float32), exact + tails)
    spread = rng.normal(size=SYNTHETIC_ROWS) * 0.2 * np.abs(exact)
    yield Numbers("friedman1, spread grows", x.astype(np.float32), exact + spread)
    ratios = np.exp(exact / 4 + rng.normal(size=SYNTHETIC_ROWS) * 0.2)
    yield Numbers("friedman1, as prices", x.astype(np.float32), ratios)


def injected(right: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    """The numbers with RATE of them changed."""
    given = right.copy()
    rows = rng.choice(len(right), round(RATE * len(right) / 2) * 2, replace=False)
    if kind == "unit":
        given[rows] *= np.where(rng.random(len(rows)) < 0.5, 10, 0.1)
    elif kind == "sign":
        given[rows] *= -1
    elif kind == "swap":
        given[rows] = right[rows.reshape(-1, 2)[:, ::-1].ravel()]
    elif kind == "uniform":
        given[rows] = rng.uniform(right.min(), right.max(), len(rows))
    elif kind != NONE:
        raise ValueError(f"no kind called {kind!r}")
    return given


KINDS, NONE = ("unit", "sign", "swap", "uniform"), "none"


def scores(given: np.ndarray, predicted: np.ndarray) -> dict[str, np.ndarray]:
    """(N,) of each method that reads predictions; lower = more likely wrong."""
    from cleanlab.regression.rank import get_label_quality_scores

    return {
        OURS: judge(given, predicted).score,
        OUTRE: get_label_quality_scores(given, predicted, method="outre"),
        # exp(-|residual|) is 0 for all that is far off; the residual itself has no such ties.
        RESIDUAL: -np.abs(predicted - given),
    }


def learned(data: Numbers, given: np.ndarray, seed: int) -> np.ndarray:
    """(N,) CleanLearning's label quality, with trees like our baseline's."""
    from cleanlab.regression.learn import CleanLearning
    from sklearn.ensemble import HistGradientBoostingRegressor

    trees = HistGradientBoostingRegressor(
        loss="absolute_error", max_iter=200, max_leaf_nodes=15, early_stopping=False, random_state=0
    )
    found = CleanLearning(trees, seed=seed).find_label_issues(data.features.astype(float), given)
    return found["label_quality"].to_numpy()


def measured(seeds: int, learning: int) -> dict[tuple[str, str], dict[str, list[float]]]:
    """For each set and kind: the average precision of each method by seed; and what ours flags."""
    found: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for seed in range(seeds):
        for data in sets(seed):
            for number, kind in enumerate((*KINDS, NONE)):
                given = injected(data.right, kind, np.random.default_rng([seed, number]))
                wrong = given != data.right
                folds = deal_folds(np.zeros(len(given), np.int64), np.arange(len(given)), seed=seed)
                predicted = numbers_out_of_sample(data.features, given, folds, trees=True)
                line = found[data.name, kind]
                flagged = judge(given, predicted).flagged()
                line["flagged"].append(float(flagged.sum()))
                line["right"].append(float((flagged & wrong).sum()))
                line["wrong"].append(float(wrong.sum()))
                line["rows"].append(float(len(wrong)))
                if kind == NONE:
                    continue
                for name, score in scores(given, predicted).items():
                    line[name].append(precision(wrong, score))
                if seed < learning:
                    started = time.perf_counter()
                    line[LEARNING].append(precision(wrong, learned(data, given, seed)))
                    line["learning took"].append(time.perf_counter() - started)
        print(f"seed {seed} done", file=sys.stderr, flush=True)
    return found


def with_interval(values: Sequence[float], form: str = ".2f") -> str:
    """ "0.81 (0.78 to 0.84)": mean and 95% t-interval."""
    from scipy import stats

    mean, n = float(np.mean(values)), len(values)
    if n < 3:
        return f"{mean:{form}}"
    half = float(stats.t.ppf(0.975, n - 1) * np.std(values, ddof=1) / np.sqrt(n))
    return f"{mean:{form}} ({mean - half:{form}} to {mean + half:{form}})"


def table(found: dict[tuple[str, str], dict[str, list[float]]]) -> bool:
    """Print it; whether ours is on the mean no lower than either of cleanlab's scores."""
    print(f"| data | errors | {OURS} | {OUTRE} | {RESIDUAL} | ours less the better of these |")
    print("|---|---|---|---|---|---|")
    flags = found
    found = {key: line for key, line in found.items() if key[1] != NONE}
    for (name, kind), line in found.items():
        better = max((OUTRE, RESIDUAL), key=lambda who: np.mean(line[who]))
        gains = np.array(line[OURS]) - np.array(line[better])
        cells = [with_interval(line[who]) for who in (OURS, OUTRE, RESIDUAL)]
        print(f"| {name} | {kind} | {' | '.join(cells)} | {with_interval(gains, '+.2f')} |")
    every = list(found.values())
    means = {who: np.mean([np.mean(line[who]) for line in every]) for who in (OURS, OUTRE, RESIDUAL)}
    print(f"| mean | | {' | '.join(f'{mean:.3f}' for mean in means.values())} | |")
    for (name, kind), line in found.items():
        if line[LEARNING]:
            seeds, ours = len(line[LEARNING]), np.mean(line[OURS][: len(line[LEARNING])])
            theirs, took = np.mean(line[LEARNING]), np.mean(line["learning took"])
            print(
                f"{LEARNING}, {name}, {kind}: {theirs:.2f}, ours {ours:.2f}; {seeds} seeds, {took:.0f} s each"
            )
    print(f"\n| mean over the kinds of error | {OURS} | {OUTRE} | {RESIDUAL} |\n|---|---|---|---|")
    for name in dict.fromkeys(name for name, _ in found):
        own = [line for (what, _), line in found.items() if what == name]
        cells = [
            with_interval(np.mean([line[who] for line in own], axis=0)) for who in (OURS, OUTRE, RESIDUAL)
        ]
        print(f"| {name} | {' | '.join(cells)} |")
    print("\n| flagged by our check | of the rows | of them wrong | of the wrong |\n|---|---|---|---|")
    for kind in (*KINDS, NONE):
        lines = [line for (_, what), line in flags.items() if what == kind]
        counts = [sum(sum(line[k]) for line in lines) for k in ("flagged", "right", "wrong", "rows")]
        flagged, right, wrong, rows = counts
        said = f"{right / max(flagged, 1):.2f} | {right / wrong:.2f}" if wrong else " | "
        print(f"| {kind} | {flagged / rows:.1%} | {said} |")
    return bool(means[OURS] >= max(means[OUTRE], means[RESIDUAL]))


def cost(rows: int) -> bool:
    """Print time and memory of each; whether ours is no slower than outre."""
    print(f"\n| {rows:,} rows | s | MB for itself |\n|---|---|---|")
    seconds = {}
    for who in RUNS:
        command = [sys.executable, "-m", "tests.benchmarks.bench_regression", "--run", who, str(rows)]
        told = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        seconds[who] = told["seconds"]
        print(f"| {who} | {told['seconds']:.2f} | {told['megabytes']:,.0f} |", flush=True)
    return seconds[OURS] <= seconds[OUTRE]


def _run(who: str, rows: int) -> dict[str, float]:
    rng = np.random.default_rng(0)
    predicted = rng.lognormal(5, 0.5, rows)
    given = predicted * np.exp(rng.normal(size=rows) * 0.1)
    given[: rows // 20] *= 10
    work = RUNS[who](given, predicted)
    RUNS[who](given[:200], predicted[:200])()  # libraries are loaded
    before, started = _peak_mb(), time.perf_counter()
    work()
    return {"seconds": time.perf_counter() - started, "megabytes": _peak_mb() - before}


def _check(given: np.ndarray, predicted: np.ndarray) -> Callable[[], object]:
    """The whole check: reasons, suggestions and the issue table too."""
    import pandas as pd

    from core.checks.target_errors import CHECK
    from core.dataset import Columns, Dataset
    from core.predictions import Predictions
    from core.progress import Progress
    from core.targets import Targets

    texts = [f"{value:.2f}" for value in given]
    codes, names = pd.factorize(pd.array(texts, dtype="str"))
    frame = pd.DataFrame({"label": pd.array(texts, dtype="str")})
    frame.index = pd.Index([f"r{i}" for i in range(len(given))], dtype="str")
    classes = tuple(str(name) for name in names)
    columns = Columns(None, "label", content=(), kind="table")
    dataset = Dataset("numbers", frame, columns, classes, classes, codes.astype(np.int32), targets=Targets(2))
    params = {setting.name: setting.default for setting in CHECK.settings}
    return lambda: CHECK.run(dataset, Predictions("m", predicted=predicted), params, Progress())


def _cleanlabs(method: str) -> Callable[[np.ndarray, np.ndarray], Callable[[], object]]:
    def prepare(given: np.ndarray, predicted: np.ndarray) -> Callable[[], object]:
        from cleanlab.regression.rank import get_label_quality_scores

        return lambda: get_label_quality_scores(given, predicted, method=method)

    return prepare


RUNS: dict[str, Callable[[np.ndarray, np.ndarray], Callable[[], object]]] = {
    OURS: lambda given, predicted: lambda: judge(given, predicted).score,
    "ours, the whole check": _check,
    OUTRE: _cleanlabs("outre"),
    RESIDUAL: _cleanlabs("residual"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--learning", type=int, default=0)
    parser.add_argument("--run", nargs=2, metavar=("WHO", "ROWS"), help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.run:
        print(json.dumps(_run(options.run[0], int(options.run[1]))))
        return 0
    print(describe())
    fine = [table(measured(options.seeds, options.learning)), cost(options.rows)]
    return int(not all(fine))


if __name__ == "__main__":
    sys.exit(main())
