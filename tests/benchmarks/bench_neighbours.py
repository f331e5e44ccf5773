"""`python -m tests.benchmarks.bench_neighbours [--rows N] [--only SET] [--libraries FOLDER]`: nearest rows.

Seconds, peak memory and recall@10 (on 1,000 rows, seed 0, 95% interval) of our own search and of each library
that is installed, or lies in the folder named: the 30 nearest rows of every row, with all threads, each in a
process of its own, embeddings from a memory map, the library's import included. A library's search is widened
(8, 16, 32 ... cells or candidates) until its recall is 0.97 on 1,000 other rows. Then an audit of the same
rows with every check.

pictures: 10,000 of CIFAR-10 and crops of them; gradients, colours and pixels, 384 dimensions. texts: 31,000
and passages of them; TF-IDF by an SVD, 384. patches: of 8 by 8 pixels of the pictures, 64. directions: at
random, in which cells can help least. Targets: recall 0.97 at 100,000 rows and 0.95 at 1,000,000, directions
left out; an audit of 100,000 x 384 with 20 classes in 3 minutes and 4 GB, of 1,000,000 x 64 with 10 classes
in 20 minutes and 8 GB. Needs the data of ../shared.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from core.methods.inverted_file import nearest_in_cells
from core.methods.neighbours import nearest, unit_rows
from core.methods.recall import AT, measured, sampled
from core.models._reduce import reduced
from core.models.image_pixels import _described
from core.models.text_tfidf import Words
from core.progress import Progress
from tests.benchmarks.machine import describe
from tests.conftest import SHARED, make_dataset

K, WANTED, LONGEST_S = 30, 0.97, 540
SETS = {
    "pictures": (100_000, 384),
    "texts": (100_000, 384),
    "patches": (1_000_000, 64),
    "directions": (1_000_000, 64),
}
RECALL = {100_000: 0.97, 1_000_000: 0.95}
AUDIT = {100_000: (20, 180.0, 4000.0), 1_000_000: (10, 1200.0, 8000.0)}  # classes, seconds, MB


def photographs() -> np.ndarray:
    """(10,000, 32, 32, 3) uint8."""
    from PIL import Image

    folder = SHARED / "cifar10n"
    paths = pd.read_csv(folder / "labels.csv")["path"]
    return np.stack([np.asarray(Image.open(folder / path).convert("RGB")) for path in paths])


def pictures(rows: int, width: int) -> np.ndarray:
    """The photographs, then crops of 18 to 28 pixels a side, half of them mirrored."""
    from PIL import Image

    rng = np.random.default_rng(0)
    whole = photographs()
    pixels = np.empty((rows, 32, 32, 3), np.uint8)
    pixels[: len(whole)] = whole[:rows]
    for row in range(len(whole), rows):
        side = int(rng.integers(18, 29))
        y, x = rng.integers(0, 33 - side, 2)
        crop = whole[row % len(whole)][y : y + side, x : x + side]
        crop = crop[:, ::-1] if rng.random() < 0.5 else crop
        pixels[row] = np.asarray(Image.fromarray(crop).resize((32, 32), Image.Resampling.BILINEAR))
    values, _ = _described(pixels, Progress())
    return reduced(values - values.mean(axis=0), width, 0, Progress())


def passages(rows: int) -> list[str]:
    """All texts, then passages of 8 to 30 words from random places."""
    rng = np.random.default_rng(0)
    folders = ("text_agnews_human", "text_banking77_injected", "multilabel_goemotions")
    texts = [t for f in folders for t in pd.read_csv(SHARED / f / "data.csv")["text"].astype(str)]
    texts += pd.read_parquet(SHARED / "label_errors/20news/texts.parquet")["text"].astype(str).tolist()
    words = [text.split() for text in texts]
    long = [w for w in words if len(w) >= 16]
    weight = np.minimum([len(w) for w in long], 400).astype(float)
    texts = texts[:rows]
    for i in rng.choice(len(long), rows - len(texts), p=weight / weight.sum()).tolist():
        count = int(rng.integers(8, 31))
        start = int(rng.integers(0, max(1, len(long[i]) - count)))
        texts.append(" ".join(long[i][start : start + count]))
    return texts


def texts(rows: int, width: int) -> np.ndarray:
    """Passages as the TF-IDF of their words."""
    terms = Words(2).fit_transform(passages(rows)).astype(np.float32).tocsr()
    return reduced(terms, width, 0, Progress())


def patches(rows: int, width: int) -> np.ndarray:
    """8 by 8 pixels from random places, mean brightness taken off."""
    rng = np.random.default_rng(0)
    whole = photographs()
    y, x = rng.integers(0, 25, (2, rows))
    values = np.empty((rows, 192), np.float32)
    side = np.arange(8)
    for start in range(0, rows, 20_000):
        part = np.arange(start, min(start + 20_000, rows))
        lines, columns = y[part, None] + side, x[part, None] + side
        cut = whole[part[:, None, None] % len(whole), lines[:, :, None], columns[:, None, :]]
        values[part] = cut.reshape(len(part), -1) / np.float32(255)
    return reduced(values - values.mean(axis=1, keepdims=True), width, 0, Progress())


def directions(rows: int, width: int) -> np.ndarray:
    """Every direction alike."""
    return np.random.default_rng(0).standard_normal((rows, width), dtype=np.float32)


MADE: dict[str, Callable[[int, int], np.ndarray]] = {
    "pictures": pictures,
    "texts": texts,
    "patches": patches,
    "directions": directions,
}
Found = tuple[np.ndarray, np.ndarray]


def own(embeddings: np.ndarray) -> Found:
    """core.methods.inverted_file."""
    return nearest_in_cells(embeddings, K)[:2]


def faiss(embeddings: np.ndarray) -> Found:
    """IVF-Flat with as many cells as ours."""
    import faiss as library

    unit = unit_rows(embeddings, np.arange(len(embeddings)))
    lists = round(np.sqrt(8 * len(unit)))
    index = library.IndexIVFFlat(
        library.IndexFlatIP(unit.shape[1]), unit.shape[1], lists, library.METRIC_INNER_PRODUCT
    )
    index.train(unit[np.random.default_rng(0).choice(len(unit), min(len(unit), 64 * lists), replace=False)])
    index.add(unit)

    def search(rows: np.ndarray, wide: int) -> Found:
        index.nprobe = wide
        likeness, found = index.search(rows, K + 1)
        return found, 1 - likeness

    return _widened(unit, search)


def hnswlib(embeddings: np.ndarray) -> Found:
    """M 16, ef_construction 100."""
    import hnswlib as library

    unit = unit_rows(embeddings, np.arange(len(embeddings)))
    index = library.Index(space="ip", dim=unit.shape[1])
    index.init_index(max_elements=len(unit), M=16, ef_construction=100, random_seed=0)
    index.add_items(unit)

    def search(rows: np.ndarray, wide: int) -> Found:
        index.set_ef(max(wide, K + 1))
        found, distances = index.knn_query(rows, K + 1)
        return found.astype(np.int64), distances

    return _widened(unit, search)


def usearch(embeddings: np.ndarray) -> Found:
    """Its defaults, float32."""
    from usearch.index import Index

    unit = unit_rows(embeddings, np.arange(len(embeddings)))
    index = Index(ndim=unit.shape[1], metric="ip", dtype="f32")
    index.add(np.arange(len(unit)), unit)

    def search(rows: np.ndarray, wide: int) -> Found:
        index.expansion_search = max(wide, K + 1)
        found = index.search(rows, K + 1)
        return found.keys.astype(np.int64), found.distances

    return _widened(unit, search)


def _widened(unit: np.ndarray, search: Callable[[np.ndarray, int], Found]) -> Found:
    """All rows, with the width at which the sample has the recall that is wanted."""
    asked = sampled(len(unit), 1)
    _, exact = nearest(unit, asked, AT)
    for wide in (8, 16, 32, 64, 128, 256, 512):
        _, distances = search(unit[asked], wide)
        if (distances[:, 1 : AT + 1] <= exact[:, -1:] + 1e-6).mean() >= WANTED:
            break
    found, distances = search(unit, wide)
    return found[:, 1:], distances[:, 1:]  # the first is the row itself, or its copy


ENGINES: dict[str, Callable[[np.ndarray], Found]] = {
    "own": own,
    "faiss": faiss,
    "hnswlib": hnswlib,
    "usearch": usearch,
}


def peak_mb() -> float:
    """Most memory that this process has held, files that are mapped included. Not getrusage: what is told
    there after a fork is the parent's."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024


def measure(engine: str, file: Path) -> None:
    """One search, in this process: JSON on stdout."""
    embeddings = np.load(file, mmap_mode="r")
    started = time.perf_counter()
    rows, distances = ENGINES[engine](embeddings)
    seconds = time.perf_counter() - started
    peak = peak_mb()
    reached = measured(embeddings, rows, distances)
    print(json.dumps([seconds, peak, reached.value, reached.low, reached.high]))


def audited(name: str, file: Path, classes: int) -> None:
    """An audit with every check, in this process: JSON on stdout. Labels: the likeliest class, 8% another."""
    from dataclasses import replace

    from core.audit import run_audit
    from core.dataset import Columns
    from core.predictions import Predictions

    embeddings = np.load(file, mmap_mode="r")
    rng = np.random.default_rng(0)
    n = len(embeddings)
    likely = np.asarray(embeddings @ rng.normal(size=(embeddings.shape[1], classes)).astype(np.float32))
    likely = np.exp(3 * (likely - likely.max(axis=1, keepdims=True)) / likely.std())
    probs = file.with_name("probs.npy")
    np.save(probs, (likely / likely.sum(axis=1, keepdims=True)).astype(np.float32))
    labels = likely.argmax(axis=1).astype(np.int32)
    labels = np.where(rng.random(n) < 0.08, rng.integers(0, classes, n), labels).astype(np.int32)
    dataset = make_dataset([0] * 2, tuple(f"class {i}" for i in range(classes)))
    table = pd.DataFrame({"id": pd.array([f"r{i}" for i in range(n)], dtype="str")})
    table["text"] = pd.array(passages(n) if name == "texts" else table["id"], dtype="str")
    table.index = pd.Index(table["id"], dtype="str", name=None)
    columns = Columns(id="id", content=("text",), kind="text" if name == "texts" else "none")
    dataset = replace(dataset, table=table, columns=columns, labels=labels)
    del likely
    predictions = Predictions("m", np.load(probs, mmap_mode="r"), embeddings)
    with tempfile.TemporaryDirectory() as cache:
        started = time.perf_counter()
        audit = run_audit(dataset, predictions, Path(cache))
        seconds = time.perf_counter() - started
    each = {check: result.summary["seconds"] for check, result in audit.results.items()}
    print(json.dumps([seconds, peak_mb(), each]))


def apart(libraries: str, *arguments: str) -> list[object] | None:
    """What a process of its own has measured; None where it took too long or failed, which it has said."""
    there = os.pathsep.join(p for p in (str(Path.cwd()), libraries) if p)
    command = [sys.executable, "-m", "tests.benchmarks.bench_neighbours", *arguments]
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": there},
            timeout=LONGEST_S * 2,
            check=True,
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
        print(f"| {' '.join(arguments[:2])} | {error} |")
        return None
    return list(json.loads(done.stdout.splitlines()[-1]))


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 1 where a target is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000, help="at most, of each set")
    parser.add_argument("--only", choices=list(SETS))
    parser.add_argument("--libraries", default="", help="a folder with faiss, hnswlib or usearch")
    parser.add_argument("--skip-audit", action="store_true")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--audit", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args(argv)
    if given.measure:
        measure(given.measure[0], Path(given.measure[1]))
        return 0
    if given.audit:
        audited(given.audit[0], Path(given.audit[1]), int(given.audit[2]))
        return 0
    print(describe())
    if not SHARED.exists():
        print("the data of ../shared is not here: not measured")
        return 0
    sys.path.extend([given.libraries] if given.libraries else [])
    engines = [name for name in ENGINES if name == "own" or importlib.util.find_spec(name)]
    met = True
    for name in [given.only] if given.only else SETS:
        met &= compared(name, given.rows, engines, given.libraries, not given.skip_audit)
    return int(not met)


def compared(name: str, most: int, engines: list[str], libraries: str, with_audit: bool) -> bool:
    """The table of one set; whether its targets are met."""
    full, width = SETS[name]
    rows, met = min(full, most), True
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "embeddings.npy"
        np.save(file, MADE[name](rows, width))
        print(
            f"\n| {name}: {rows:,} x {width}, {K} nearest | seconds | peak MB | recall@{AT} (95% interval) |"
        )
        print("|---|---|---|---|", flush=True)
        for engine in engines:
            found = apart(libraries, "--measure", engine, str(file))
            if found is None:
                met &= engine != "own"
                continue
            seconds, peak, value, low, high = found
            print(
                f"| {engine} | {seconds:.1f} | {peak:,.0f} | {value:.3f} ({low:.3f} to {high:.3f}) |",
                flush=True,
            )
            if engine == "own" and name != "directions":
                met &= value >= RECALL[full]
        if with_audit and name != "directions":
            classes, longest, largest = AUDIT[full]
            found = apart("", "--audit", name, str(file), str(classes))
            if found is None:
                return False
            seconds, peak, each = found
            said = ", ".join(f"{check} {took:.1f}" for check, took in each.items())
            print(f"all checks, {classes} classes: {seconds:.1f} s ({said}); peak {peak:,.0f} MB", flush=True)
            met &= seconds < longest and peak < largest
    return met


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
