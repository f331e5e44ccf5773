"""`python -m tests.benchmarks.bench_spans`: how right the check of span labels is on planted errors.

By its thresholds, and beside the check of label errors and cleanlab. The templates
(tests/core/token_samples.py) hold words of two meanings and names that stand once; they are easier than real
text all the same. The model is a logistic regression on the words around a token, trained out of sample on
the labels with the errors in them.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from core.checks import label_issues, span_labels
from core.issues import Check
from core.predictions import Predictions
from core.progress import Progress
from tests.benchmarks.machine import describe
from tests.core.token_samples import ERRORS, Sample, sample, trained

SHARES = (0.02, 0.05, 0.15)
SEEDS = (1, 2, 3)
SENTENCES = 800
SWEEPS = {
    "times": (3, 5, 8, 12),
    "share": (0.5, 0.6, 0.7, 0.8, 0.9),
    "rare": (0, 0.02, 0.05, 0.1, 1),
    "confident": (0.5, 0.6, 0.7, 0.8, 0.9),
}
KIND_OF = dict.fromkeys(("times", "share", "rare"), span_labels.ELSEWHERE) | {
    "confident": span_labels.BOUNDARY
}


def found(check: Check, one: Sample, probs: np.ndarray | None, **params: Any) -> dict[str, np.ndarray]:
    """flagged, code of the suggestion, kind (-1 where the check has none), each (N,)."""
    chosen = {setting.name: setting.default for setting in check.settings} | params
    table = check.run(one.dataset, Predictions("model", probs), chosen, Progress()).table
    kind = table["kind"].to_numpy() if "kind" in table else np.full(len(table), -1)
    return {
        "flagged": table["flagged"].to_numpy(),
        "new": table["suggestion"].cat.codes.to_numpy(),
        "kind": kind,
    }


def share_of(part: np.ndarray, whole: np.ndarray) -> str:
    return f"{(part & whole).sum() / whole.sum():.2f}" if whole.any() else "-"


def line(name: str, cells: list[str]) -> None:
    print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def main(arguments: Sequence[str] = ()) -> int:
    """Print the tables; no target is set. arguments: none are read."""
    print(describe())
    sets = [(share, sample(SENTENCES, share, seed, names=300)) for share in SHARES for seed in SEEDS]
    models = [trained(one.dataset) for _, one in sets]
    tokens = sum(len(one.truth) for _, one in sets) // len(SEEDS)
    print(f"\n{tokens:,} tokens at each of the shares of spans with an error, seeds {SEEDS}\n")
    print(
        "| setting (all else by default) | "
        + " | ".join(f"{s:.0%}: flagged, precision" for s in SHARES)
        + " |"
    )
    print("|---" * (len(SHARES) + 1) + "|")
    for setting, values in SWEEPS.items():
        for value in values:
            cells = []
            for share in SHARES:
                flagged = right = 0
                for (s, one), probs in zip(sets, models, strict=True):
                    if s == share:
                        got = found(span_labels.CHECK, one, probs, **{setting: value})
                        mine = got["flagged"] & (got["kind"] == KIND_OF[setting])
                        flagged, right = flagged + int(mine.sum()), right + int((mine & one.wrong).sum())
                cells.append(f"{flagged}, {right / max(flagged, 1):.2f}")
            line(f"{setting} {value}", cells)
    print(
        "\n| by default | precision | recall | suggestion right | "
        + " | ".join(ERRORS)
        + " | tokens a second |"
    )
    print("|---" * (len(ERRORS) + 5) + "|")
    checks = [
        ("span_labels, no model", span_labels.CHECK, False),
        ("span_labels, model", span_labels.CHECK, True),
        ("label_issues", label_issues.CHECK, True),
    ]
    for share in SHARES:
        mine = [(one, probs) for (s, one), probs in zip(sets, models, strict=True) if s == share]
        for name, check, with_model in checks:
            start = time.perf_counter()
            got = [found(check, one, probs if with_model else None) for one, probs in mine]
            took = time.perf_counter() - start
            report(f"{name}, {share:.0%}", got, [one for one, _ in mine], took)
        start = time.perf_counter()
        theirs = [cleanlab_flags(one, probs) for one, probs in mine]
        report(f"cleanlab, {share:.0%}", theirs, [one for one, _ in mine], time.perf_counter() - start)
        ours = [found(label_issues.CHECK, one, probs)["flagged"] for one, probs in mine]
        both = sum(int((a & b["flagged"]).sum()) for a, b in zip(ours, theirs, strict=True))
        counts = sum(int(a.sum()) for a in ours), sum(int(b["flagged"].sum()) for b in theirs)
        print(f"<!-- label_issues flags {counts[0]}, cleanlab {counts[1]}, both {both} -->")
    return 0


def report(name: str, got: list[dict[str, np.ndarray]], sets: list[Sample], took: float) -> None:
    flagged, new = (np.concatenate([g[k] for g in got]) for k in ("flagged", "new"))
    wrong, truth, error = (
        np.concatenate([getattr(one, k) for one in sets]) for k in ("wrong", "truth", "error")
    )
    cells = [share_of(wrong, flagged), share_of(flagged, wrong), share_of(new == truth, flagged & wrong)]
    cells += [share_of(flagged, error == which) for which in range(len(ERRORS))]
    line(name, [*cells, f"{len(truth) / took:,.0f}"])


def cleanlab_flags(one: Sample, probs: np.ndarray) -> dict[str, np.ndarray]:
    """What cleanlab.token_classification.filter.find_label_issues flags."""
    from cleanlab.token_classification.filter import find_label_issues

    sentences = one.dataset.sentences
    assert sentences is not None
    cuts = sentences.starts[1:-1]
    labels = [part.tolist() for part in np.split(one.dataset.labels, cuts)]
    issues = find_label_issues(labels, np.split(probs, cuts), n_jobs=1)
    flagged = np.zeros(len(one.truth), dtype=bool)
    flagged[[sentences.starts[i] + j for i, j in issues]] = True
    return {"flagged": flagged, "new": probs.argmax(axis=1), "kind": np.full(len(one.truth), -1)}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
