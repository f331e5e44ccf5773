"""`python -m tests.benchmarks.bench_study`: the label-errors study, beside the paper's figures.

For the test sets in ../shared (MNIST and 20 Newsgroups) everything is computed here: how many rows confident
learning flags from the published probabilities, whether the rows that people checked are the lowest by
normalized margin, and how many labels our protocol finds wrong from the five recorded votes a row, read as
`labelmend validation --votes` reads them. The other eight sets are not in the folder: their terms are the
paper's and are marked so. Then the two averages over all ten. Targets: errors, shares and averages equal to
the paper's. Of flagged rows our count stands beside the paper's, without a target.
Source: Northcutt, Athalye and Mueller, 2021, arXiv 2103.14749, table 1. Needs the data of ../shared.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from core.dataset import Dataset
from core.evidence.validated import Validated, agreement_in_words, validated
from core.methods.confident_learning import estimate_errors, label_quality, scan
from core.methods.label_filters import lowest
from core.review.votes import rounds_of
from core.votes_files import read_votes
from tests.benchmarks.machine import describe
from tests.conftest import SHARED, make_dataset

FOLDER = SHARED / "label_errors"
RATE, HITS = 0.033, 0.51
"""The averages in the paper's abstract and text: errors of all labels, and errors of those flagged."""


@dataclass(frozen=True)
class Row:
    """A line of the paper's table. share: of all labels, in percent, as printed there."""

    name: str
    size: int
    flagged: int
    checked: int
    errors: int
    share: float

    @property
    def hits(self) -> float:
        """Errors among the rows that people checked."""
        return self.errors / self.checked

    @property
    def rate(self) -> float:
        """Errors of all rows: those checked, or their share of the flagged ones where not all were."""
        return self.hits * self.flagged / self.size


PAPER = (
    Row("MNIST", 10_000, 100, 100, 15, 0.15),
    Row("CIFAR-10", 10_000, 275, 275, 54, 0.54),
    Row("CIFAR-100", 10_000, 2235, 2235, 585, 5.85),
    Row("Caltech-256", 29_780, 2360, 2360, 458, 1.54),
    Row("ImageNet", 50_000, 5440, 5440, 2916, 5.83),
    Row("QuickDraw", 50_426_266, 6_825_383, 2500, 1870, 10.12),
    Row("20news", 7532, 93, 93, 82, 1.09),
    Row("IMDB", 25_000, 1310, 1310, 725, 2.90),
    Row("Amazon", 9_996_437, 533_249, 1000, 732, 3.90),
    Row("AudioSet", 20_371, 307, 307, 275, 1.35),
)
HERE = {"MNIST": "mnist", "20news": "20news"}


@dataclass(frozen=True, eq=False)
class Computed:
    """What was computed of a set. count: rows that confident learning flags; lowest: whether the checked rows
    are those with the lowest normalized margins; found: what the votes come to.
    """

    count: int
    lowest: bool
    found: Validated


def dataset_of(folder: Path) -> Dataset:
    """The labels of a published set; rows are known by their ids, contents are not needed."""
    classes = pd.read_csv(folder / "classes.csv", dtype="str")
    labels = pd.read_csv(folder / "labels.csv", dtype="str")
    codes = pd.Categorical(labels["label"], categories=classes["label"]).codes.astype(np.int64)
    made = make_dataset(codes.tolist(), tuple(classes["name"]), folder.name)
    return replace(made, table=made.table.set_axis(pd.Index(labels["id"], dtype="str")))


def compute(folder: Path) -> Computed:
    """The study of one set, from its probabilities and its recorded votes."""
    dataset, probs = dataset_of(folder), np.load(folder / "pred_probs.npy")
    scanned = scan(dataset.labels, probs)
    recorded = read_votes(folder / "verdicts.csv", dataset)
    event = recorded.event(dataset.name, "study")
    checked = np.sort(dataset.positions(recorded.rows))
    margins = label_quality(scanned, "normalized_margin", probs)
    same = np.array_equal(np.sort(lowest(margins, len(checked), stable=True)), checked)
    found = validated(rounds_of([event])[event.op_id], len(dataset))
    return Computed(round(estimate_errors(scanned)), same, found)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 1 where a target is missed."""
    print(describe())
    if not FOLDER.exists():
        print("the data of ../shared is not here: not measured")
        return 0
    started = time.perf_counter()
    computed = {name: compute(FOLDER / folder) for name, folder in HERE.items()}
    met = [table(computed), averages(computed)]
    details(computed)
    print(f"\n{time.perf_counter() - started:.0f} s; equal to the paper: table {met[0]}, averages {met[1]}")
    return int(not all(met))


def table(computed: dict[str, Computed]) -> bool:
    """Each set's counts beside the paper's; whether they are equal."""
    print("\nFlagged, errors, share of the labels: ours / the paper's")
    print("| set | rows | flagged | checked | errors | share | terms |")
    print("|---|---|---|---|---|---|---|")
    met = True
    for row in PAPER:
        ours = line(row, computed)
        equal = ours == replace(row, share=ours.share) and round(ours.rate * 100, 2) == row.share
        met &= equal
        errors = f"{ours.errors:,}" if row.name in computed else "–"
        flagged = f"{computed[row.name].count:,}" if row.name in computed else "–"
        counts = f"{ours.size:,} | {flagged} / {ours.flagged:,} | {ours.checked:,}"
        where = "computed here" if row.name in computed else "taken from the paper"
        shares = f"{ours.rate:.2%} / {row.share:.2f}%"
        print(f"| {row.name} | {counts} | {errors} / {row.errors:,} | {shares} | {where} |")
    return met


def line(row: Row, computed: dict[str, Computed]) -> Row:
    """The set's line with what was computed of it, else the paper's."""
    if row.name not in computed:
        return row
    study = computed[row.name].found.study
    return Row(row.name, study.rows, study.flagged, study.checked, study.errors, row.share)


def averages(computed: dict[str, Computed]) -> bool:
    """The averages over the ten sets; whether they round to the paper's."""
    lines = [line(row, computed) for row in PAPER]
    rate, hits = (float(np.mean([getattr(one, what) for one in lines])) for what in ("rate", "hits"))
    taken = len(PAPER) - len(computed)
    print(
        f"\nAverage of the ten sets: {rate:.2%} of the labels are wrong (paper: {RATE:.1%}); {hits:.1%} of "
        f"those checked are wrong (paper: {HITS:.0%}). {taken} of 10 terms are taken from the paper."
    )
    # The paper cuts 51.5% down to 51%.
    return round(rate, 3) == RATE and int(hits * 100) == round(HITS * 100)


def details(computed: dict[str, Computed]) -> None:
    """What the table has no column for."""
    for name, one in computed.items():
        study = one.found.study
        same = "are" if one.lowest else "are not"
        print(
            f"\n{name}: the calibrated confident joint counts {one.count:,} errors, {study.flagged:,} rows "
            f"were flagged in the study. The rows that people checked {same} the lowest by normalized margin."
        )
        print("Outcomes: " + ", ".join(f"{what} {rows:,}" for what, rows in one.found.counts.items()))
        print(agreement_in_words(one.found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
