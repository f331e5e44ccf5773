"""The built-in baseline: label errors found beside supplied embeddings, and the time of a whole audit.

python -m tests.benchmarks.bench_baseline [found | text ROWS | images ROWS]
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from core.baseline import SEED, _groups, _trust, embedders
from core.cli import main as labelmend
from core.dataset import Columns, Dataset, Kind
from core.loading import Plan, prepare, read_table
from core.methods.confident_learning import label_quality, scan
from core.methods.out_of_sample import deal_folds, out_of_sample
from core.progress import Progress
from tests.conftest import SHARED

SETS: dict[str, tuple[str, Kind, str, str]] = {
    "text_agnews_human": ("data.csv", "text", "text", "is_error"),
    "text_banking77_injected": ("data.csv", "text", "text", "is_injected_error"),
    "cifar10n": ("labels.csv", "image", "path", "is_error"),
}


def found(only: str = "") -> None:
    """Average precision of label errors by the normalized margin, for each kind of features."""
    print("| data | features | accuracy | calibration error | average precision | of embeddings' | s |")
    print("|---|---|---|---|---|---|---|")
    for name, (file, kind, column, truth) in SETS.items():
        if only not in name:
            continue
        raw = read_table(SHARED / name / file)
        dataset = prepare(raw, Plan(name, Columns("id", "label", None, (column,), kind))).dataset
        assert dataset is not None
        wrong = pd.read_csv(SHARED / name / "truth.csv")[truth].astype(str).eq("True").to_numpy()
        supplied = np.load(SHARED / name / "embeddings.npy").astype(np.float32)
        best = _line(dataset, wrong, "supplied embeddings", supplied, 0.0, None)
        for embedder in embedders().values():
            if embedder.kind == kind:
                started = time.perf_counter()
                values = embedder.fit_transform(dataset, SEED, Progress()).values
                _line(dataset, wrong, embedder.title, values, started, best)


def _line(
    dataset: Dataset, wrong: np.ndarray, title: str, values: np.ndarray, started: float, best: float | None
) -> float:
    from sklearn.metrics import average_precision_score

    begun = started or time.perf_counter()
    folds = deal_folds(dataset.labels, _groups(dataset, None), seed=SEED)
    made = out_of_sample(values, dataset.labels, len(dataset.classes), folds)
    seconds = time.perf_counter() - begun
    quality = label_quality(scan(dataset.labels, made.pred_probs), "normalized_margin", made.pred_probs)
    precision = float(average_precision_score(wrong, -quality))
    trust = _trust(made, dataset.labels)
    share = "" if best is None else f"{precision / best:.2f}"
    print(
        f"| {dataset.name} | {title} | {trust.accuracy:.3f} | {trust.calibration_error:.3f} | "
        f"{precision:.3f} | {share} | {seconds:.1f} |",
        flush=True,
    )
    return precision


def text(rows: int) -> None:
    """`labelmend audit` of short texts in 4 classes: words of AG News drawn anew for each row."""
    source = pd.read_csv(SHARED / "text_agnews_human" / "data.csv")
    random = np.random.default_rng(0)
    picked = random.integers(0, len(source), rows)
    words = [t.split() for t in source["text"]]
    said = [" ".join(random.choice(words[i], min(len(words[i]), 30))) for i in picked]
    frame = pd.DataFrame({"text": said, "label": source["label"].to_numpy()[picked]})
    with tempfile.TemporaryDirectory() as folder:
        frame.to_csv(Path(folder) / "news.csv", index=False)
        _audit(Path(folder) / "news.csv", folder)


def images(rows: int) -> None:
    """`labelmend audit` of the small pictures of cifar10n."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "cifar"
        place.mkdir()
        (place / "images").symlink_to(SHARED / "cifar10n" / "images")
        frame = pd.read_csv(SHARED / "cifar10n" / "labels.csv").head(rows)
        for path, label in zip(frame["path"], frame["label"], strict=True):
            (place / "classes" / label).mkdir(parents=True, exist_ok=True)
            (place / "classes" / label / Path(path).name).write_bytes(
                (SHARED / "cifar10n" / path).read_bytes()
            )
        _audit(place / "classes", folder)


def _audit(data: Path, folder: str) -> None:
    started = time.perf_counter()
    labelmend(["audit", str(data), "--workspace", str(Path(folder) / "w")])
    print(f"labelmend audit: {time.perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    what, *rest = sys.argv[1:] or ["found"]
    if what == "found":
        found(*rest)
    elif what == "text":
        text(int(rest[0]) if rest else 120_000)
    else:
        images(int(rest[0]) if rest else 10_000)
