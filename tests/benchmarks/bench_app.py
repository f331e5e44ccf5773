"""How long a person waits for the app, and what it takes of the machine.

    python -m tests.benchmarks.bench_app

Each wait is measured in Chromium, from the command or the click to the moment when the page shows what
was asked for. Medians of several runs; the first run of each fills the caches and is not counted.
"""

from __future__ import annotations

import csv
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.benchmarks.machine import describe
from tests.browser.conftest import chromium_path

ROOT = Path(__file__).parents[2]
RUNS = 5
ROWS = 1_000_000
PORT = 8791


@contextmanager
def app(workspace: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`labelmend app` as a person starts it, in a process group of its own."""
    command = [sys.executable, "-c", "from core.cli import main; main()", "app"]
    options = ["--workspace", str(workspace), "--port", str(PORT)]
    process = subprocess.Popen(
        [*command, *options],
        cwd=ROOT,
        env={**os.environ, "LABELMEND_ANNOTATOR": "ann"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def open_when_up(page: Page, path: str) -> None:
    """Open the address as soon as the server answers."""
    url = f"http://127.0.0.1:{PORT}"
    while True:
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=1).close()
            break
        except OSError:
            time.sleep(0.02)
    page.goto(url + path)


def usable(page: Page, text: str) -> None:
    """Wait until the page shows the text and its main button."""
    page.get_by_text(text).first.wait_for()


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def memory_mb(process: subprocess.Popen[bytes]) -> float:
    """Resident memory of the server, mapped files included."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def private_mb(process: subprocess.Popen[bytes]) -> float:
    """Memory that the server alone holds: without the file pages that the system can drop."""
    rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    return sum(int(rollup.split(f"{k}:")[1].split()[0]) for k in ("Private_Dirty", "Shared_Dirty")) / 1024


def say(what: str, values: list[float], goal: str) -> None:
    spread = f"{min(values):.2f} to {max(values):.2f}"
    print(
        f"{what:<58} {statistics.median(values):>6.2f} s  ({spread}, {len(values)} runs; goal {goal})",
        flush=True,
    )


def first_paint(browser: Browser, workspace: Path) -> None:
    """From the command to a usable Overview, and from page to page."""
    starts: list[float] = []
    for _ in range(RUNS + 1):
        page = browser.new_context().new_page()
        begun = time.perf_counter()
        with app(workspace) as process:
            open_when_up(page, "/")
            usable(page, "labels look wrong")
            page.get_by_role("button", name="Review the").first.wait_for()
            starts.append(time.perf_counter() - begun)
            if len(starts) == RUNS + 1:
                changes = page_changes(page)
                used = memory_mb(process)
        page.context.close()
    say("`labelmend app` to a usable Overview", starts[1:], "5 s")
    for name, values in changes.items():
        say(f"page change to {name}", values[1:], "1.5 s")
    print(f"{'memory of the server, sample data':<58} {used:>6.0f} MB")


def page_changes(page: Page) -> dict[str, list[float]]:
    marks = {
        "Issues": "rows match",
        "Evidence": "How each number",
        "Export": "The export equals",
        "Overview": "look wrong",
    }
    changes: dict[str, list[float]] = {name: [] for name in marks}
    for _ in range(RUNS + 1):
        for name, mark in marks.items():
            link = page.get_by_test_id("stSidebar").get_by_role("link", name=name)
            changes[name].append(seconds(lambda link=link, mark=mark: (link.click(), usable(page, mark))))
    return changes


def write_million(folder: Path) -> None:
    """A CSV of a million texts of 200 characters with 10 classes, and probabilities with 5 % wrong labels."""
    rng = np.random.default_rng(0)
    words = np.array([f"word{i:04d}" for i in range(3000)])
    bodies = [" ".join(words[rng.integers(0, 3000, 25)])[:190] for _ in range(5000)]
    labels = rng.integers(0, 10, ROWS)
    with (folder / "million.csv").open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["id", "text", "label"])
        for i, label in enumerate(labels.tolist()):
            writer.writerow([f"r{i}", f"{i:08d} {bodies[i % 5000]}", f"class {label}"])
    favoured = np.where(rng.random(ROWS) < 0.05, (labels + 1) % 10, labels)
    probs = rng.random((ROWS, 10), dtype=np.float32)
    probs[np.arange(ROWS), favoured] += 4
    np.save(folder / "probs.npy", probs / probs.sum(axis=1, keepdims=True))


def million_rows(browser: Browser, folder: Path) -> None:
    """The Issues page on a million rows whose audit is cached."""
    workspace = folder / "million"
    write_million(folder)
    command = [sys.executable, "-c", "import sys; from core.cli import main; sys.exit(main())", "audit"]
    options = [
        "--pred-probs",
        str(folder / "probs.npy"),
        "--workspace",
        str(workspace),
        "--checks",
        "label_issues",
    ]
    audit = [*command, str(folder / "million.csv"), *options]
    taken = seconds(lambda: subprocess.run(audit, cwd=ROOT, check=True, capture_output=True))
    print(f"{'`labelmend audit` of 1,000,000 texts, import included':<58} {taken:>6.2f} s")
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    with app(workspace) as process:
        open_when_up(page, "/load")  # the server is up before the clock starts
        usable(page, "Choose a file")
        opens, filters = [], []
        for _ in range(RUNS + 1):
            opens.append(
                seconds(lambda: (page.goto(f"http://127.0.0.1:{PORT}/issues?ds=million"), table_shown(page)))
            )
        for turn in range(RUNS + 1):
            filters.append(seconds(lambda turn=turn: change_filter(page, f"class {turn}")))
        searches = [seconds(lambda: search(page, "word0042"))]
        say("Issues page of 1,000,000 rows", opens[1:], "3 s")
        print(f"{'  the first time':<58} {opens[0]:>6.2f} s")
        say("filter change on 1,000,000 rows", filters[1:], "0.7 s")
        say("text search over 1,000,000 rows", searches, "none")
        print(f"{'memory of the server, all':<58} {memory_mb(process):>6.0f} MB  (goal 1,500 MB)")
        print(f"{'memory of the server, its own':<58} {private_mb(process):>6.0f} MB")
    page.context.close()


def table_shown(page: Page) -> None:
    page.get_by_text("rows match").wait_for()
    page.get_by_test_id("stDataFrame").first.wait_for()


def change_filter(page: Page, name: str) -> None:
    before = page.get_by_text("rows match").locator("..").inner_text()
    page.get_by_role("combobox", name="Given label").click()
    page.get_by_role("option", name=f"{name} ·").click()
    expect(page.get_by_text("rows match").locator("..")).not_to_have_text(before)


def search(page: Page, text: str) -> None:
    before = page.get_by_text("rows match").locator("..").inner_text()
    page.get_by_label("Search", exact=True).fill(text)
    page.keyboard.press("Enter")
    expect(page.get_by_text("rows match").locator("..")).not_to_have_text(before, timeout=20_000)


def environment_size() -> None:
    """A fresh environment as `make install` makes it, in a copy of the checkout."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "checkout"
        shutil.copytree(
            ROOT, copy, ignore=shutil.ignore_patterns(".venv", ".workspace", ".git", "__pycache__")
        )
        taken = seconds(
            lambda: subprocess.run(["make", "install"], cwd=copy, check=True, capture_output=True)
        )
        size = sum(
            f.stat().st_size for f in (copy / ".venv").rglob("*") if f.is_file() and not f.is_symlink()
        )
    print(f"{'the environment of `make app`':<58} {size / 1e6:>6.0f} MB  (goal 700 MB)")
    print(f"{'  its installation':<58} {taken:>6.0f} s")


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; beside each figure its goal."""
    print(describe())
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        first_paint(browser, Path(folder) / "samples")
        million_rows(browser, Path(folder))
        browser.close()
    environment_size()
    return 0


if __name__ == "__main__":
    sys.exit(main())
