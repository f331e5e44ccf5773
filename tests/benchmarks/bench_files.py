"""`python -m tests.benchmarks.bench_files [ROWS]`: a large CSV in and out, each in a process of its own.

Targets for 1,000,000 rows of 200 characters of text: imported in under 60 s with a peak memory under 1 GB,
exported with corrections in under 30 s as a stream. One row in a hundred is decided.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.benchmarks.machine import describe

ROWS = 1_000_000
CLASSES = tuple(f"class {i}" for i in range(10))
IMPORT_S, EXPORT_S, PEAK_MB = 60.0, 30.0, 1000.0
DECIDED = 100
"""Every so many rows one is decided."""


def make_csv(path: Path, rows: int) -> None:
    """Columns id, text, label; texts of 200 characters, all different."""
    words = np.random.default_rng(0).choice([f"word{i}" for i in range(2000)], (1000, 40))
    bases = [" ".join(line)[:188] for line in words]
    with path.open("w", encoding="utf-8", newline="") as out:
        out.write("id,text,label\n")
        for i in range(rows):
            out.write(f"{i:08},{bases[i % 1000]} {i:011},{CLASSES[i % 10]}\n")


def import_it(path: Path, root: Path) -> None:
    """What `labelmend audit` and the Load page do up to the stored data set."""
    from core.dataset import Columns
    from core.loading import Plan, prepare, read_table

    columns = Columns("id", "label", None, ("text",), "text")
    workspace = _workspace(root)
    raw = read_table(path, keep_in=workspace.kept)
    prepared = prepare(raw, Plan("big", columns), keep_in=workspace.kept)
    assert prepared.ok, prepared.problems
    workspace.save(prepared)


def export_it(root: Path, out: Path) -> None:
    """Write the corrected file of a stored data set."""
    from core.corrections import correct
    from core.exporting import write_export
    from core.review.classes import class_list
    from core.review.decisions import Action, Decision
    from core.review.policy import Outcomes

    project = _workspace(root).open("big")
    dataset = project.dataset
    decisions = {}
    for i in range(0, len(dataset), DECIDED):
        row, given = str(dataset.row_ids[i]), dataset.classes[dataset.labels[i]]
        other = CLASSES[(int(dataset.labels[i]) + 1) % 10]
        decisions[row] = Decision("big", row, Action.RELABEL, "ann", given, f"op{i}", other)
    outcomes = Outcomes(decisions, class_list(dataset.classes))
    summary = write_export(correct(dataset, project.source, outcomes), out)
    assert summary.cells_changed == len(decisions)


def _workspace(root: Path):  # type: ignore[no-untyped-def]
    from core.settings import Settings
    from core.workspace import Workspace

    return Workspace(Settings(root, (root.parent,), "", "ann"))


def measured(*argv: str) -> tuple[float, float]:
    """(seconds, peak MB of memory) of this module in a process of its own; reading its libraries counts."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "tests.benchmarks.bench_files", *argv]
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    return time.perf_counter() - started, float(told.stdout.split()[-1])


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 1 where a target is missed."""
    rows = int(argv[0]) if argv else ROWS
    print(describe())
    with tempfile.TemporaryDirectory() as name:
        data, root, out = Path(name) / "big.csv", Path(name) / "w", Path(name) / "out.csv"
        make_csv(data, rows)
        print(f"{rows:,} rows, {data.stat().st_size / 1e6:.0f} MB of CSV")
        took, peak = measured("import", str(data), str(root))
        print(f"  import: {took:.1f} s, peak memory {peak:.0f} MB", flush=True)
        written, held = measured("export", str(root), str(out))
        print(f"  export: {written:.1f} s, peak memory {held:.0f} MB")
        with data.open("rb") as before, out.open("rb") as after:
            differ = sum(a != b for a, b in zip(before, after, strict=True))
        print(f"  {differ:,} lines differ, {rows // DECIDED:,} decided")
    fine = took < IMPORT_S and written < EXPORT_S and peak < PEAK_MB and differ == rows // DECIDED
    return int(rows == ROWS and not fine)


if __name__ == "__main__":
    what, *rest = sys.argv[1:] or [""]
    if what == "import":
        import_it(Path(rest[0]), Path(rest[1]))
    elif what == "export":
        export_it(Path(rest[0]), Path(rest[1]))
    else:
        sys.exit(main(sys.argv[1:]))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
