"""`python -m tests.benchmarks.bench_scale [ROWSxWIDTHxCLASSES ...]`: every check at growing sizes.

By default 10000x384x20, 100000x384x20 and 1000000x64x10. A row is a text of twelve words, a label, a split, a
source, out-of-sample probabilities and an embedding; arrays lie in files and are mapped. Embeddings have one
direction for each of 500 subjects and noise in all dimensions, so that nearest rows are neither trivial nor
arbitrary; 5 % of the labels are wrong. Each size is audited by a process of its own, its libraries loaded,
whose peak memory counts what it allocates for itself (RssAnon): all checks as the app runs them, what Datalab
looks for by default, and check by check, which --once leaves out. --save FILE: what was measured, as JSON,
laid over what the file has of other sizes. --plot FILE: the growth of each check as a picture (PNG), or as a
page (HTML); with --from FILE it is drawn from what was saved, and nothing is measured.
Targets: 100,000 x 384 with 20 classes under 3 minutes and 4 GB; 1,000,000 x 64 with 10 classes under 20
minutes and 8 GB; a search of all texts under a second. Beside it cleanlab's Datalab with its default issue
types, at up to 100,000 rows, where LABELMEND_DATALAB names the Python of an environment with
`cleanlab[datalab]`; target: a third of its time, at 10,000 rows a third of its memory too, no fewer of the
wrong labels flagged.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks import growth
from tests.benchmarks.machine import describe

SIZES = ("10000x384x20", "100000x384x20", "1000000x64x10")
TARGETS = {(100_000, 384, 20): (180, 4000), (1_000_000, 64, 10): (1200, 8000)}
SEARCH_S = 1.0
SUBJECTS, WORDS, WRONG = 500, 5000, 0.05
_AT_ONCE = 50_000
DATALAB = ("label_issues", "near_duplicates", "out_of_distribution")
SAME = "Datalab's set"
"""These checks, and whether the order or the sizes of the classes tell anything."""
_PEER_ROWS = 100_000
_PEER = """
import sys, time, threading, json
import numpy as np
peak = [0.0]
def watch():
    while True:
        peak[0] = max(peak[0], int(open("/proc/self/status").read().split("RssAnon:")[1].split()[0]) / 1024)
        time.sleep(0.02)
threading.Thread(target=watch, daemon=True).start()
from cleanlab import Datalab
load = lambda name: np.load(sys.argv[1] + "/" + name + ".npy")
labels = load("labels")
started = time.perf_counter()
lab = Datalab({"label": labels}, label_name="label", verbosity=0)
lab.find_issues(features=load("embeddings"), pred_probs=load("pred_probs"))
seconds = time.perf_counter() - started
flagged = lab.get_issues("label")["is_label_issue"].to_numpy()
print(json.dumps({"seconds": seconds, "peak": peak[0], "flagged": np.flatnonzero(flagged).tolist()}))
"""


def make(folder: Path, n: int, width: int, classes: int) -> np.ndarray:
    """Write the arrays and the table of one size. Returns (N,) bool: the label is wrong."""
    import pandas as pd

    rng = np.random.default_rng(0)
    subject = rng.integers(0, SUBJECTS, n)
    truth = (subject % classes).astype(np.int32)
    wrong = rng.random(n) < WRONG
    labels = np.where(wrong, (truth + rng.integers(1, classes, n)) % classes, truth).astype(np.int32)
    directions = rng.normal(size=(SUBJECTS, width)).astype(np.float32)
    files = {
        name: np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.float32, (n, columns))
        for name, columns in (("embeddings", width), ("pred_probs", classes))
    }
    for start in range(0, n, _AT_ONCE):
        rows = np.arange(start, min(start + _AT_ONCE, n))
        noise = rng.normal(size=(len(rows), width)).astype(np.float32)
        files["embeddings"][rows] = directions[subject[rows]] + 0.8 * noise
        logits = rng.normal(size=(len(rows), classes)).astype(np.float32)
        logits[np.arange(len(rows)), truth[rows]] += 4
        raised = np.exp(logits)
        files["pred_probs"][rows] = raised / raised.sum(axis=1, keepdims=True)
    for array in files.values():
        array.flush()
    np.save(folder / "labels.npy", labels)
    words = np.array([f"word{i}" for i in range(WORDS)], dtype=object)
    picked = (subject[:, None] * 7 + rng.integers(0, 300, (n, 12))) % WORDS
    table = pd.DataFrame(
        {
            "id": [f"row-{i:07d}" for i in range(n)],
            "text": [" ".join(line) for line in words[picked]],
            "label": np.array([f"class {i}" for i in range(classes)], dtype=object)[labels],
            "split": np.where(rng.random(n) < 0.8, "train", "test"),
            "source": np.array(["shop a", "shop b", "shop c"], dtype=object)[rng.integers(0, 3, n)],
        },
        dtype="str",
    )
    table.to_parquet(folder / "table.parquet", index=False)
    return wrong


def audit(folder: Path, classes: int, each: bool) -> None:
    """Audit what `make` wrote; one line of JSON on stdout for the whole, then one for each check."""
    import pandas as pd

    from core.audit import checks, run_audit
    from core.dataset import Columns, Dataset
    from core.methods.class_structure import imbalance, order_of_nearest
    from core.neighbour_graph import forget, graph, keep_in
    from core.predictions import Predictions
    from core.progress import Progress
    from core.review.queue import Filters, select

    peak = [0.0]
    threading.Thread(target=_watch, args=(peak,), daemon=True).start()
    table = pd.read_parquet(folder / "table.parquet").astype("str")
    table.index = pd.Index(table["id"], dtype="str", name=None)
    names = tuple(f"class {i}" for i in range(classes))
    labels = np.load(folder / "labels.npy", mmap_mode="r")
    dataset = Dataset(
        "scale", table, Columns("id", "label", "split", ("text",), "text"), names, names, labels
    )
    arrays = [np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("pred_probs", "embeddings")]
    few = replace(dataset, table=table.iloc[:300], labels=np.array(labels[:300]))
    run_audit(few, Predictions("test", *(np.array(array[:300]) for array in arrays)), folder / "cache of few")
    runs: list[tuple[str, Sequence[str] | None]] = [("all checks", None), (SAME, DATALAB)]
    runs += [(name, [name]) for name in checks()] if each else []
    for name, chosen in runs:
        cache, predictions = folder / f"cache {name}", Predictions("test", *arrays)
        peak[0], started = 0.0, time.perf_counter()
        found = run_audit(dataset, predictions, cache, chosen)
        if name == SAME:
            keep_in(predictions, cache)
            order_of_nearest(graph(predictions, Progress()).rows)
            forget(predictions)
            imbalance(np.bincount(labels, minlength=classes), names)
        took = time.perf_counter() - started
        if found.results:
            flags = found.results.get("label_issues")
            flagged = [] if flags is None else np.flatnonzero(flags.table["flagged"].to_numpy()).tolist()
            seconds = {check: result.summary["seconds"] for check, result in found.results.items()}
            told = {"name": name, "seconds": took, "peak": peak[0]}
            print(json.dumps({**told, "flagged": flagged, "checks": seconds}), flush=True)
    for wanted in ("word123 word4", "/word1\\d+ .*word2/"):
        started = time.perf_counter()
        select(dataset, {}, {}, Filters(q=wanted))
        took = time.perf_counter() - started
        told = {"name": f"search {wanted}", "seconds": took, "peak": peak[0], "flagged": [], "checks": {}}
        print(json.dumps(told), flush=True)


def _watch(peak: list[float]) -> None:
    while True:
        status = Path("/proc/self/status").read_text()
        peak[0] = max(peak[0], int(status.split("RssAnon:")[1].split()[0]) / 1024)
        time.sleep(0.02)


def measured(size: str, each: bool) -> tuple[list[dict[str, Any]], bool]:
    """(a line for the table for each run, whether the targets were kept) of one size; prints as it goes."""
    n, width, classes = (int(part) for part in size.split("x"))
    lines, fine = [], True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wrong = make(folder, n, width, classes)
        print(f"\n{n:,} rows x {width}, {classes} classes", flush=True)
        command = [sys.executable, "-m", "tests.benchmarks.bench_scale", "audit", name, str(classes)]
        with subprocess.Popen(
            [*command, str(int(each))], stdout=subprocess.PIPE, text=True, env={**os.environ}
        ) as process:
            assert process.stdout is not None
            for text in process.stdout:
                told = json.loads(text)
                lines.append({"rows": n, "size": size, **told})
                print(f"  {told['name']:22} {told['seconds']:8.1f} s {told['peak']:8.0f} MB", flush=True)
        if process.returncode or not lines:
            raise SystemExit(f"the audit of {size} ended with {process.returncode}")
        whole = lines[0]
        seconds, megabytes = TARGETS.get((n, width, classes), (np.inf, np.inf))
        fine = whole["seconds"] < seconds and whole["peak"] < megabytes
        fine &= all(line["seconds"] < SEARCH_S for line in lines if line["name"].startswith("search"))
        peer = os.environ.get("LABELMEND_DATALAB")
        if peer and n <= _PEER_ROWS:
            ours = next(line for line in lines if line["name"] == SAME)
            fine &= _beside_datalab(peer, folder, ours, wrong, n)
    return lines, fine


def _beside_datalab(peer: str, folder: Path, ours: dict[str, Any], wrong: np.ndarray, n: int) -> bool:
    """Print both; whether ours is as fast and small as wanted and finds no fewer wrong labels."""
    made = subprocess.run([peer, "-c", _PEER, str(folder)], capture_output=True, text=True)
    if made.returncode:
        raise SystemExit(made.stderr[-2000:])
    theirs = json.loads(made.stdout.splitlines()[-1])
    recall = [float(wrong[told["flagged"]].sum() / wrong.sum()) for told in (ours, theirs)]
    ratio, less = theirs["seconds"] / ours["seconds"], theirs["peak"] / ours["peak"]
    print(
        f"  {'Datalab, its defaults':22} {theirs['seconds']:8.1f} s {theirs['peak']:8.0f} MB: "
        f"{ratio:.1f} times as long as our {SAME}, {less:.1f} times the memory; wrong labels flagged: "
        f"ours {recall[0]:.1%}, Datalab {recall[1]:.1%}",
        flush=True,
    )
    return ratio >= 3 and (n > 10_000 or less >= 3) and recall[0] >= recall[1]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 1 where a target is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sizes", nargs="*", default=SIZES)
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--save", type=Path)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--from", dest="saved", type=Path)
    options = parser.parse_args(argv)
    if options.saved and not options.plot:
        parser.error("--from needs --plot")
    if options.saved:
        growth.draw(growth.read(options.saved), options.plot)
        return 0
    print(describe())
    found = [measured(size, not options.once) for size in options.sizes]
    lines = [line for own, _ in found for line in own]
    if options.save:
        growth.save(lines, options.save)
    if options.plot:
        growth.draw(lines, options.plot)
    return int(not all(fine for _, fine in found))


if __name__ == "__main__":
    if sys.argv[1:2] == ["audit"]:
        audit(Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "1")
    else:
        sys.exit(main())
