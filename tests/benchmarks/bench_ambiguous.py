"""`python -m tests.benchmarks.bench_ambiguous`: do people differ on the rows that are called ambiguous?

On CIFAR-10N, where three people labelled each row, the share of flagged rows on which they are not of one
mind, beside that share of all rows that the label check leaves alone, and the share of wrong labels; on crowd
AG News only the latter, since one answer a row is known. 95% Wilson intervals. By settings of `near_equal`;
its default is the lowest at which the share is still that of the highest. Needs the data of ../shared.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

from core.checks.ambiguous import CHECK, best_two, run
from core.checks.label_issues import CHECK as LABELS
from core.checks.label_issues import run as label_issues
from core.dataset import Dataset
from core.methods.confident_learning import scan
from core.methods.intervals import wilson
from core.predictions import Predictions
from core.progress import Progress
from tests.benchmarks.bench_ranking import CROWD, Known, known
from tests.benchmarks.machine import describe
from tests.conftest import SHARED, make_dataset

STEPS = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2)


def opened(data: Known) -> tuple[Dataset, Predictions]:
    """The set as the checks take it."""
    names = tuple(f"class {k}" for k in range(data.probs.shape[1]))
    dataset = make_dataset(data.given.tolist(), names)
    return dataset, Predictions("recorded", data.probs, data.embeddings)


def differ() -> np.ndarray:
    """(N,) bool: the three people who labelled the row of CIFAR-10N did not all say the same."""
    people = pd.read_csv(SHARED / "cifar10n" / "annotators.csv")[[f"annotator_{k}" for k in (1, 2, 3)]]
    return (people.nunique(axis=1) > 1).to_numpy()


def share(of: np.ndarray, rows: np.ndarray) -> str:
    """A share among some rows with its interval."""
    hits, there = int(of[rows].sum()), int(rows.sum())
    low, high = wilson(np.array(hits), np.array(max(there, 1)))
    return f"{hits / max(there, 1):.3f} ({low:.3f} to {high:.3f})"


def at_thresholds(data: Known) -> np.ndarray:
    """(N,) bool: both of the two likeliest classes reach the thresholds of confident learning."""
    two = best_two(data.probs, np.arange(len(data.given)))
    thresholds = scan(data.given, data.probs).thresholds
    return (two.p_first >= thresholds[two.first]) & (two.p_second >= thresholds[two.second])


def main() -> int:
    if not SHARED.is_dir():
        print("the data of ../shared is not here: not measured")
        return 0
    print(describe())
    for data, disagreement in (
        (known(SHARED / "cifar10n", "CIFAR-10N", "labels.csv", "is_error"), differ()),
        (known(SHARED / "text_agnews_human", CROWD, "data.csv", "is_error"), None),
    ):
        dataset, predictions = opened(data)
        defaults = {setting.name: setting.default for setting in LABELS.settings}
        called_wrong = label_issues(dataset, predictions, defaults, Progress()).table["flagged"].to_numpy()
        print(f"\n| {data.name}, near_equal | rows | people differ | label wrong |\n|---|---|---|---|")
        lines = [("not flagged by the label check", ~called_wrong), ("flagged by it", called_wrong)]
        for step in STEPS:
            found = run(dataset, predictions, {"near_equal": step}, Progress()).table["flagged"].to_numpy()
            default = " (default)" if step == CHECK.settings[0].default else ""
            lines.append((f"{step}{default}", found))
        lines.append(("both classes at their thresholds", at_thresholds(data)))
        for name, rows in lines:
            people = "" if disagreement is None else share(disagreement, rows)
            print(f"| {name} | {rows.sum():,} | {people} | {share(data.wrong, rows)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
