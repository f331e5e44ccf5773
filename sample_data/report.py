"""What cleanlab finds of the planted rows, from the files as they are written."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sample_data import SAMPLES, Sample


@dataclass(frozen=True, eq=False)
class Loaded:
    """One sample's files. given, true: (N,) int codes into classes.csv, true -1 where no class is right."""

    table: pd.DataFrame
    truth: pd.DataFrame
    given: np.ndarray
    true: np.ndarray
    pred_probs: np.ndarray
    embeddings: np.ndarray


def load(sample: Sample) -> Loaded:
    """Read a sample's files. Raises ValueError when a label is not in classes.csv."""
    table = _read_table(sample)
    truth = pd.read_csv(sample.truth, dtype=str, keep_default_na=False)
    tokens = pd.Index(pd.read_csv(sample.classes, dtype=str)["label"])
    labels = table[sample.label_column].astype(str)
    given = tokens.get_indexer(pd.Index(labels))
    if (given < 0).any():
        raise ValueError(f"{sample.path}: labels not in classes.csv: {set(labels[given < 0])}")
    true = given.copy()
    rows = pd.Index(table[sample.id_column]).get_indexer(pd.Index(truth["id"]))
    true[rows] = tokens.get_indexer(pd.Index(truth["true_label"]))
    return Loaded(table, truth, given, true, np.load(sample.pred_probs), np.load(sample.embeddings))


def report() -> str:
    """A Markdown report: accuracy, label errors found, near-duplicates, out-of-class rows, versions."""
    loaded = {sample.name: load(sample) for sample in SAMPLES}
    lines = [
        "| sample | rows | classes | wrong labels | out-of-sample accuracy "
        "| cleanlab's default: flagged, right | calibrated count: flagged, right | right in worst 20 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [_label_line(key, data) for key, data in loaded.items()]
    return "\n".join([*lines, "", *_message_lines(loaded["messages"]), "", _versions()])


def _label_line(key: str, data: Loaded) -> str:
    from cleanlab.count import num_label_issues
    from cleanlab.filter import find_label_issues

    wrong = data.given != data.true
    default = find_label_issues(data.given, data.pred_probs)
    count = num_label_issues(data.given, data.pred_probs, estimation_method="off_diagonal_calibrated")
    right = wrong[np.argsort(_margin(data.given, data.pred_probs), kind="stable")]
    known = data.true >= 0
    accuracy = (data.pred_probs.argmax(axis=1) == data.true)[known].mean()
    cells = (
        key,
        len(wrong),
        data.pred_probs.shape[1],
        wrong.sum(),
        f"{accuracy:.3f}",
        f"{default.sum()}, {(default & wrong).sum()}",
        f"{count}, {right[:count].sum()}",
        right[:20].sum(),
    )
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _margin(given: np.ndarray, pred_probs: np.ndarray) -> np.ndarray:
    """(N,) the given label's probability less the best other one's, -1 (worst) to 1."""
    rows = np.arange(len(given))
    others = pred_probs.copy()
    others[rows, given] = -1
    return pred_probs[rows, given] - others.max(axis=1)


def _message_lines(data: Loaded) -> list[str]:
    from cleanlab.outlier import OutOfDistribution
    from sklearn.metrics import roc_auc_score

    ids = pd.Index(data.table["id"])
    copies = data.truth[data.truth["planted"] == "near_duplicate"]
    vectors = data.embeddings.astype(np.float32)
    similar = vectors @ vectors.T
    np.fill_diagonal(similar, -1)
    nearest = similar.argmax(axis=1)[ids.get_indexer(pd.Index(copies["id"]))]
    found = (nearest == ids.get_indexer(pd.Index(copies["duplicate_of"]))).sum()
    outside = data.true < 0
    score = OutOfDistribution().fit_score(features=vectors, verbose=False)
    return [
        f"- messages: of {len(copies)} near-duplicates, {found} have their original as nearest neighbour.",
        f"- messages: cleanlab's out-of-distribution score ranks the {outside.sum()} out-of-class rows worst "
        f"with an AUROC of {roc_auc_score(outside, -score):.2f}.",
    ]


def _versions() -> str:
    from importlib.metadata import version

    packages = ("cleanlab", "numpy", "pandas", "scikit-learn")
    return "Measured with " + ", ".join(f"{name} {version(name)}" for name in packages) + "."


def _read_table(sample: Sample) -> pd.DataFrame:
    if sample.path.suffix == ".csv":
        return pd.read_csv(sample.path, dtype=str, keep_default_na=False)
    if sample.path.suffix == ".jsonl":
        lines = sample.path.read_text("utf-8").splitlines()
        return pd.DataFrame([json.loads(line) for line in lines])
    return pd.read_parquet(sample.path)
