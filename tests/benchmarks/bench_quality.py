"""The three checks of quality: seconds and memory, and beside cleanvision where that is installed.

    python -m tests.benchmarks.bench_quality [--rows 1000000] [--repeat 3]

Texts of 200 characters and a table of 20 columns have so many rows; pictures (JPEG, 500x375) a hundredth of
it, 10,000 at most. Pictures are looked at for quality and for duplicates, as cleanvision looks for both. Each
run is a process of its own, so that its peak memory is its own; what it had before the check is taken off.
Target: 10,000 pictures in under 6 s (with fewer, the share of it).
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

from core.dataset import Columns, Dataset, Kind
from core.predictions import Predictions
from core.progress import Progress
from core.source import file_sha256

ROWS, PICTURES, PICTURES_S = 1_000_000, 10_000, 6.0
COLUMNS = 20
OURS: dict[str, tuple[str, ...]] = {
    "texts": ("text_quality",),
    "pictures": ("image_quality", "near_duplicates"),
    "table": ("table_quality",),
}


def main(argv: list[str] | None = None) -> int:
    """Measure and print; 1 where the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--run", nargs=3, metavar=("WHAT", "ROWS", "FOLDER"), help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.run:
        print(json.dumps(_run(args.run[0], int(args.run[1]), Path(args.run[2]))))
        return 0
    from tests.benchmarks.machine import describe

    print(describe())
    pictures = max(20, min(PICTURES, args.rows // 100))
    print(f"{'what':<24} {'rows':>10} {'s':>8} {'MB':>7}  flagged; median of {args.repeat}")
    seconds = 0.0
    with tempfile.TemporaryDirectory() as name:
        (folder := Path(name, "pictures")).mkdir()
        _make_pictures(folder, pictures)
        _texts(args.rows).to_parquet(Path(name, "texts.parquet"))
        _table(args.rows).to_parquet(Path(name, "table.parquet"))
        for what in ("texts", "table", "pictures", "cleanvision"):
            if what == "cleanvision" and find_spec("cleanvision") is None:
                print("cleanvision is not installed, and was not measured")
                continue
            rows = pictures if what in ("pictures", "cleanvision") else args.rows
            found = _measure(what, rows, name, args.repeat)
            seconds = found if what == "pictures" else seconds
    target = PICTURES_S * pictures / PICTURES
    print(f"pictures: target {target:.1f} s, {'met' if seconds <= target else 'MISSED'}")
    return int(seconds > target)


def _measure(what: str, rows: int, folder: str, repeat: int) -> float:
    command = [sys.executable, "-m", "tests.benchmarks.bench_quality", "--run", what, str(rows), folder]
    runs = [
        json.loads(
            subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1]
        )
        for _ in range(repeat)
    ]
    seconds, memory = (statistics.median(run[key] for run in runs) for key in ("seconds", "mb"))
    print(f"{what:<24} {rows:>10,} {seconds:>8.2f} {memory:>7.0f}  {runs[0]['flagged']}")
    return seconds


def _run(what: str, rows: int, folder: Path) -> dict[str, object]:
    if what == "cleanvision":
        return _cleanvision(folder / "pictures")
    from core.audit import checks

    if what == "pictures":
        dataset = _pictures(rows, folder / "pictures")
    else:
        frame = pd.read_parquet(folder / f"{what}.parquet")
        dataset = _dataset(frame, "text" if what == "texts" else "tabular", tuple(frame))
    chosen = [checks()[name] for name in OURS[what]]
    before, started = _peak_mb(), time.perf_counter()
    flagged = {}
    for check in chosen:
        params = {setting.name: setting.default for setting in check.settings}
        flagged[check.name] = check.run(dataset, Predictions(), params, Progress()).summary["flagged"]
    return {"seconds": time.perf_counter() - started, "mb": _peak_mb() - before, "flagged": str(flagged)}


def _cleanvision(folder: Path) -> dict[str, object]:
    from cleanvision import Imagelab

    before, started = _peak_mb(), time.perf_counter()
    lab = Imagelab(data_path=str(folder))
    lab.find_issues()
    seconds = time.perf_counter() - started
    return {
        "seconds": seconds,
        "mb": _peak_mb() - before,
        "flagged": str(int(lab.issue_summary["num_images"].sum())),
    }


def _dataset(frame: pd.DataFrame, kind: Kind, content: tuple[str, ...], root: Path | None = None) -> Dataset:
    frame.index = pd.Index(np.arange(len(frame)).astype(str), dtype="str")
    labels = (np.arange(len(frame)) % 4).astype(np.int32)
    classes = ("a", "b", "c", "d")
    return Dataset("bench", frame, Columns(content=content, kind=kind), classes, classes, labels, root)


def _texts(rows: int) -> pd.DataFrame:
    """Sentences of 200 characters, one in ten thousand with a fault."""
    rng = np.random.default_rng(0)
    words = np.array(["".join(rng.choice(list("aeioulnrst"), rng.integers(2, 10))) for _ in range(5000)])
    lines = [" ".join(words[rng.integers(0, len(words), 40)])[:200] for _ in range(20_000)]
    cells = [f"{lines[i % len(lines)][:190]} no {i:,}" for i in range(rows)]
    cells[::10_000] = ["cafÃ© at 81.2.69.142, ask ann@shop.de"] * len(cells[::10_000])
    return pd.DataFrame({"text": pd.array(cells, dtype="str")})


def _table(rows: int) -> pd.DataFrame:
    """Fifteen columns of numbers and five of words, one cell in a hundred thousand missing or far away."""
    rng = np.random.default_rng(0)
    body: dict[str, object] = {f"n{i}": rng.normal(100, 10, rows) for i in range(COLUMNS - 5)}
    for name in list(body)[:5]:
        body[name][::100_000] *= 1000  # type: ignore[index]
        body[name][5::100_000] = np.nan  # type: ignore[index]
    for i in range(5):
        body[f"w{i}"] = pd.array(rng.choice(["red", "green", "blue", "white"], rows), dtype="str")
    return pd.DataFrame(body)


def _pictures(rows: int, folder: Path) -> Dataset:
    names = [f"{i:05}.jpg" for i in range(rows)]
    made = _dataset(pd.DataFrame({"path": pd.array(names, dtype="str")}), "image", ("path",), folder)
    hashes = np.array([file_sha256(folder / name) for name in names])  # loading has made them
    return replace(made, media_hash=hashes)


def _make_pictures(folder: Path, count: int) -> None:
    """Blurred noise, of about the size and the detail of a photograph; every file differs."""
    from PIL import Image, ImageFilter

    rng = np.random.default_rng(0)
    bases = []
    for _ in range(20):
        noise = Image.fromarray(rng.integers(0, 256, (375, 500, 3), dtype=np.uint8))
        bases.append(noise.filter(ImageFilter.GaussianBlur(1.5)))
    for i in range(count):
        image = bases[i % len(bases)].copy()
        image.paste((i % 256, i // 256 % 256, 0), (0, 0, 60, 60))
        out = io.BytesIO()
        image.save(out, "JPEG", quality=88)
        (folder / f"{i:05}.jpg").write_bytes(out.getvalue())


def _peak_mb() -> float:
    """Peak resident memory of this process so far."""
    line = next(row for row in Path("/proc/self/status").read_text().splitlines() if row.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    sys.exit(main())
