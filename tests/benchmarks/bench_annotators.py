"""`python -m tests.benchmarks.bench_annotators`: do the annotators' answers find more errors than the model?

On CIFAR-10N, where three people labelled each row and every label is known to be right or wrong: average
precision of the scores of "Annotators differ" and of "Label errors", with the 95% bootstrap interval of the
difference (1,000 draws of rows, seed 0), and precision and recall of the rows that each flags; then the time
beside cleanlab's for the same numbers. Needs the data of ../shared.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd

from core.annotator_votes import vote_codes
from core.checks import annotator_votes, label_issues
from core.issues import Check
from core.methods.consensus import crowdlab
from core.predictions import Predictions
from core.progress import Progress
from tests.benchmarks.bench_ranking import DRAWS, SEED, known
from tests.benchmarks.machine import describe
from tests.conftest import SHARED, make_dataset

PEOPLE = ("annotator_1", "annotator_2", "annotator_3")


def main() -> int:
    if not SHARED.is_dir():
        print("the data of ../shared is not here: not measured")
        return 0
    from sklearn.metrics import average_precision_score

    print(describe())
    folder = SHARED / "cifar10n"
    data = known(folder, "CIFAR-10N", "labels.csv", "is_error")
    names = tuple(pd.read_csv(folder / "classes.csv")["name"])
    dataset = make_dataset(data.given.tolist(), names)
    answers = pd.read_csv(folder / "annotators.csv", dtype="str").set_index(dataset.row_ids)
    table = dataset.table.assign(**{name: answers[name] for name in PEOPLE})
    dataset = replace(dataset, table=table, annotators=PEOPLE)
    every = Predictions("recorded", data.probs, data.embeddings)
    tried: list[tuple[str, Check, Predictions, dict[str, str]]] = [
        ("label errors", label_issues.CHECK, every, {}),
        ("annotators differ, CROWDLAB", annotator_votes.CHECK, every, {}),
        (
            "annotators differ, Dawid-Skene",
            annotator_votes.CHECK,
            every,
            {"consensus": "dawid_skene"},
        ),
        ("annotators differ, majority", annotator_votes.CHECK, every, {"consensus": "majority"}),
    ]
    rng, wrong = np.random.default_rng(SEED), data.wrong
    draws = [rng.integers(0, len(wrong), len(wrong)) for _ in range(DRAWS)]
    first: np.ndarray | None = None
    print("\n| | average precision | difference | flagged | precision | recall |\n|---|---|---|---|---|---|")
    for name, check, predictions, chosen in tried:
        defaults = {setting.name: setting.default for setting in check.settings}
        found = check.run(dataset, predictions, defaults | chosen, Progress()).table
        worst, flagged = -found["score"].to_numpy(), found["flagged"].to_numpy()
        drawn = np.array([average_precision_score(wrong[d], worst[d]) for d in draws])
        apart = ""
        if first is not None:
            low, high = np.quantile(drawn - first, [0.025, 0.975])
            apart = f"{(drawn - first).mean():+.3f} ({low:+.3f} to {high:+.3f})"
        first = drawn if first is None else first
        right = int((flagged & wrong).sum())
        shares = f"{right / max(int(flagged.sum()), 1):.2f} | {right / int(wrong.sum()):.2f}"
        print(
            f"| {name} | {average_precision_score(wrong, worst):.3f} | {apart} | {int(flagged.sum()):,} | "
            f"{shares} |"
        )
    _times(vote_codes(dataset)[0], data.probs)
    return 0


def _times(votes: np.ndarray, probs: np.ndarray) -> None:
    from cleanlab.multiannotator import get_label_quality_multiannotator

    started = time.perf_counter()
    ours = crowdlab(votes, probs, probs.shape[1])
    between = time.perf_counter()
    theirs = get_label_quality_multiannotator(votes.astype(float), probs, verbose=False)["label_quality"]
    ended = time.perf_counter()
    same = (ours.labels == theirs["consensus_label"].to_numpy()).mean()
    quality = np.corrcoef(ours.confidence, theirs["consensus_quality_score"])[0, 1]
    print(
        f"\nCROWDLAB of {len(votes):,} rows: {between - started:.2f} s, cleanlab {ended - between:.2f} s; "
        f"same labels {same:.2%}, correlation of quality {quality:.6f}"
    )


if __name__ == "__main__":
    sys.exit(main())
