"""`python -m tests.benchmarks.bench_images [FILES]`: JPEG files of 500x375, from a zip to thumbnails.

Target: 10,000 files in under 60 s, unpacking, import, hashing and thumbnails together (with fewer files, the
share of it); and a second import of the same zip without unpacking.
"""

from __future__ import annotations

import io
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from core.loading import Plan, guess_columns, prepare
from core.media import thumbnail
from core.reading import read_table
from core.settings import Settings
from core.workspace import Workspace
from tests.benchmarks.machine import describe

FILES = 10_000
TARGET_S = 60.0
CLASSES = 10


def make_zip(path: Path, count: int) -> None:
    """Blurred noise, of about the size and the detail of a photograph; every file differs."""
    rng = np.random.default_rng(0)
    bases = []
    for _ in range(20):
        noise = Image.fromarray(rng.integers(0, 256, (375, 500, 3), dtype=np.uint8))
        bases.append(noise.filter(ImageFilter.GaussianBlur(1.5)))
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(count):
            image = bases[i % len(bases)].copy()
            image.paste((i % 256, i // 256 % 256, 0), (0, 0, 60, 60))
            out = io.BytesIO()
            image.save(out, "JPEG", quality=88)
            archive.writestr(f"class{i % CLASSES}/{i:05}.jpg", out.getvalue())


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 1 where the target is missed."""
    count = int(argv[0]) if argv else FILES
    print(describe())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_zip(folder / "photos.zip", count)
        print(
            f"{count:,} JPEG files of 500x375, {(folder / 'photos.zip').stat().st_size / 1e6:.0f} MB zipped"
        )
        workspace = Workspace(Settings(folder / "w", (folder,), "", "ann"))
        marks, cpu = [time.perf_counter()], time.process_time()
        raw = read_table(folder / "photos.zip", unpack_to=workspace.unpacked)
        marks.append(time.perf_counter())
        prepared = prepare(raw, Plan("photos", guess_columns(raw)))
        workspace.save(prepared)
        marks.append(time.perf_counter())
        dataset = workspace.open("photos").dataset
        with ThreadPoolExecutor(2) as pool:
            made = list(pool.map(lambda p: thumbnail(dataset, p, workspace.cache_dir), range(len(dataset))))
        marks.append(time.perf_counter())
        cpu = time.process_time() - cpu
        read_table(folder / "photos.zip", unpack_to=workspace.unpacked)
        marks.append(time.perf_counter())
    steps = [b - a for a, b in pairwise(marks)]
    names = ("unpacked and read", "checked, hashed and stored", "thumbnails", "the same zip again")
    for step, seconds in zip(names, steps, strict=True):
        print(f"  {step:<28} {seconds:6.1f} s")
    total, target = sum(steps[:3]), TARGET_S * count / FILES
    print(f"  {'together':<28} {total:6.1f} s (target {target:.0f} s; {cpu:.1f} s of processor time)")
    return int(total > target or len(made) != count)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
