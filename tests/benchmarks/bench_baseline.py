"""The built-in baseline: label errors found beside supplied embeddings, and the time of a whole audit.

python -m tests.benchmarks.bench_baseline [found | text ROWS | images ROWS]

Targets for an audit with a baseline: 120,000 texts in 4 classes in under 4 minutes, 10,000 small pictures in
under 3 (with fewer rows, the share of it); what is printed tells how long Cancel may have to wait.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from core.baseline import SEED, _trust, groups_of
from core.cli import main as labelmend
from core.dataset import Columns, Dataset, Kind
from core.features import choices, chosen_embedder
from core.loading import Plan, prepare, read_table
from core.methods.confident_learning import label_quality, scan
from core.methods.out_of_sample import deal_folds, out_of_sample
from core.progress import Progress
from tests.benchmarks.machine import describe
from tests.conftest import SHARED

TEXTS, TEXTS_S = 120_000, 240
IMAGES, IMAGES_S = 10_000, 180

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
        for choice in choices(dataset):  # with the pretrained models of packages that are installed
            embedder = chosen_embedder(dataset, choice.spec)
            started = time.perf_counter()
            values = embedder.fit_transform(dataset, SEED, Progress()).values
            _line(dataset, wrong, embedder.title, values, started, best)


def _line(
    dataset: Dataset, wrong: np.ndarray, title: str, values: np.ndarray, started: float, best: float | None
) -> float:
    from sklearn.metrics import average_precision_score

    begun = started or time.perf_counter()
    folds = deal_folds(dataset.labels, groups_of(dataset, None), seed=SEED)
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


def text(rows: int) -> float:
    """`labelmend audit` of short texts in 4 classes: words of AG News drawn anew for each row."""
    source = pd.read_csv(SHARED / "text_agnews_human" / "data.csv")
    random = np.random.default_rng(0)
    picked = random.integers(0, len(source), rows)
    words = [t.split() for t in source["text"]]
    said = [" ".join(random.choice(words[i], min(len(words[i]), 30))) for i in picked]
    frame = pd.DataFrame({"text": said, "label": source["label"].to_numpy()[picked]})
    with tempfile.TemporaryDirectory() as folder:
        frame.to_csv(Path(folder) / "news.csv", index=False)
        return _audit(Path(folder) / "news.csv", folder)


def images(rows: int) -> float:
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
        return _audit(place / "classes", folder)


def _audit(data: Path, folder: str) -> float:
    """Seconds; and, printed, the longest time between two looks at Cancel."""
    looks: list[float] = []
    plain = Progress.report

    def watched(progress: Progress, fraction: float, message: str = "") -> None:
        looks.append(time.perf_counter())
        plain(progress, fraction, message)

    Progress.report = watched  # type: ignore[method-assign]
    started = time.perf_counter()
    try:
        labelmend(["audit", str(data), "--workspace", str(Path(folder) / "w")])
    finally:
        Progress.report = plain  # type: ignore[method-assign]
    took = time.perf_counter() - started
    longest = max(b - a for a, b in pairwise([started, *looks, started + took]))
    print(f"labelmend audit: {took:.0f} s; Cancel answers within {longest:.1f} s", flush=True)
    return took


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 1 where a target is missed."""
    what, *rest = argv or ["all"]
    print(describe())
    if what in ("all", "found"):
        found(*rest)
    slow = False
    if what in ("all", "text"):
        rows = int(rest[0]) if rest else TEXTS
        slow |= text(rows) > TEXTS_S * rows / TEXTS
    if what in ("all", "images"):
        rows = int(rest[0]) if rest else IMAGES
        slow |= images(rows) > IMAGES_S * rows / IMAGES
    return int(slow)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
