"""`python -m tests.benchmarks.bench_team`: 30 annotators at human pace and 3 browsers, one queue, 2 cores.

Everybody is signed in, and asked for their role at each request. Targets, on SQLite and on PostgreSQL: a
decision is acknowledged in 150 ms at the 95th percentile; in the browsers, key press to next row in 100 ms;
the server's memory grows by less than 10 %; no decision is lost, none is stored otherwise than it was made.
--minutes: how long each database is worked with. --faster 4: the crowd decides four times as fast, so that
15 minutes hold the decisions of an hour; what is printed says so. Beside it, Label Studio under the same 30
annotators, where LABELMEND_LABEL_STUDIO names the bin folder of an install (see label_studio.py).
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw
from playwright.sync_api import Page, sync_playwright

from core.dataset import Columns, Dataset
from core.identity import people_of
from core.predictions import Predictions
from core.review.people import Role
from core.workspace import Workspace
from tests.benchmarks.bench_review import spread
from tests.benchmarks.label_studio import measure as measure_label_studio
from tests.benchmarks.machine import describe
from tests.browser.conftest import chromium_path
from tests.browser.serving import Server, probabilities, save, table
from tests.browser.signing_in import OWNER, Guarded, address, entering, provider
from tests.browser.watching import open_review, seen, stored, wait_saved
from tests.postgres import Postgres, binaries
from tests.soak.annotators import CALM, Annotator, Habits
from tests.soak.proof import Replay, in_order
from tests.soak.proof import stored as stored_as_sent
from tests.soak.run import crowd

PEOPLE, BROWSERS = 30, ("ann", "bob", "cy")
A_SECOND = 2
"""Keys, in each browser."""
KEYS = ("w", "q", "w", "e", "2", "n", "w", "x", "1", "9")
CORES = 2
WARM_UP_S = 20
ACKNOWLEDGED_MS, NEXT_ROW_MS, GROWS = 150, 100, 1.10
DATASET = "pictures"
CLASSES = ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")
FILES = 500


def many_pictures(workspace: Workspace, n: int) -> Dataset:
    """n rows over FILES different pictures with a number on them, 10 classes, half of the labels wrong."""
    rng = np.random.default_rng(0)
    folder = workspace.root / DATASET
    folder.mkdir()
    for i in range(FILES):
        image = Image.fromarray(rng.integers(60, 200, (12, 12, 3), dtype=np.uint8)).resize((240, 200), 0)
        ImageDraw.Draw(image).text((20, 20), str(i), fill="white", font_size=60)
        image.save(folder / f"{i}.png")
    labels = (np.arange(n) % len(CLASSES)).astype(np.int32)
    paths = pd.array([f"{i % FILES}.png" for i in range(n)], dtype="str")
    ids = [f"img-{i:06d}" for i in range(n)]
    hashes = np.array([f"{i % FILES:064x}" for i in range(n)])
    dataset = Dataset(
        DATASET,
        table(ids, labels, CLASSES, path=paths),
        Columns("id", "label", None, ("path",), "image"),
        CLASSES,
        CLASSES,
        labels,
        media_root=folder,
        media_hash=hashes,
    )
    wrong = np.arange(n) % 2 == 1
    save(workspace, dataset, Predictions("test", probabilities(labels, len(CLASSES), wrong, rng)))
    return dataset


class Memory:
    """The server's resident memory, read twice a second by a thread."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self._read: list[float] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stopped.wait(0.5):
            lines = self._status.read_text().splitlines()
            self._read += [int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")]

    def stop(self) -> tuple[float, float, float]:
        """MB at the start, in the middle and at the end: medians of a tenth of the time each."""
        self._stopped.set()
        self._thread.join()
        part = max(1, len(self._read) // 10)
        middle = (len(self._read) - part) // 2
        parts = (self._read[:part], self._read[middle : middle + part], self._read[-part:])
        return tuple(statistics.median(some) for some in parts)  # type: ignore[return-value]


class Crowd:
    """The simulated annotators, in a thread with an event loop of its own."""

    def __init__(self, people: Sequence[Annotator]) -> None:
        self.people = people
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=[self._all()])
        self._thread.start()

    async def _all(self) -> None:
        await asyncio.gather(*(one.run() for one in self.people))

    def stop(self) -> None:
        """Have everybody send what is left and go."""
        for one in self.people:
            self._loop.call_soon_threadsafe(one.stop)
        self._thread.join()
        self._loop.close()


def team(
    root: Path, identity: str, database: str, rows: int, habits: Habits
) -> tuple[Server, list[Annotator]]:
    """A team install with 30 annotators in its log beside those of the browsers."""
    server = Guarded(root, identity, database)
    people = people_of(server.workspace)
    names = [address(f"annotator{i:02d}") for i in range(PEOPLE)]
    for name in names:
        people.give(OWNER, name, Role.ANNOTATOR)
    people.store.close()
    data = many_pictures(server.workspace, rows)
    return server, crowd(server, data, dict.fromkeys(names, habits), seed=0)


def press(pages: Sequence[Page], seconds: float) -> None:
    """Keys in every browser in turn, A_SECOND in each; a late one is not made up for."""
    start, step = time.perf_counter(), 1 / (A_SECOND * len(pages))
    for i in range(int(seconds / step)):
        time.sleep(max(0.0, start + i * step - time.perf_counter()))
        turn, page = divmod(i, len(pages))
        pages[page].keyboard.press(KEYS[(turn + page) % len(KEYS)])


@contextmanager
def browsers(server: Server) -> Iterator[list[Page]]:
    """A Chromium for each of BROWSERS, signed in and at the first row."""
    with sync_playwright() as playwright, ExitStack() as stack:
        pages = []
        for name in BROWSERS:
            browser = playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
            stack.callback(browser.close)
            pages.append(stack.enter_context(entering(browser, server))(name))
            open_review(pages[-1], server.url, DATASET)
        yield pages


def work(name: str, server: Server, people: list[Annotator], seconds: float) -> bool:
    """One database. Prints what was measured; returns whether the targets are met."""
    server.start()
    try:
        with browsers(server) as pages:
            group = Crowd(people)
            press(pages, WARM_UP_S)
            warm = [len(seen(page)) for page in pages]
            begun, memory = time.monotonic(), Memory(server.pid)
            press(pages, seconds)
            took = time.monotonic() - begun
            megabytes = memory.stop()
            group.stop()
            for page in pages:
                wait_saved(page)
            pressed = [seen(page) for page in pages]
    finally:
        server.stop()
    print(f"{name}: {PEOPLE} annotators and {len(pressed)} browsers, {took / 60:.1f} min", flush=True)
    acknowledged = [op.took * 1000 for one in people for op in one.ops if op.took and op.made > begun]
    median, p95 = spread(acknowledged)
    print(f"  {len(acknowledged):,} decisions acknowledged: {median:.0f} ms median, {p95:.0f} ms p95")
    fetched = spread([1000 * took for one in people for took in one.fetches])
    print(f"  24 rows fetched: {fetched[0]:.0f} ms median, {fetched[1]:.0f} ms p95")
    shown = [p.ms for one, n in zip(pressed, warm, strict=True) for p in one[n:] if p.ms is not None]
    key, key95 = spread(shown)
    print(f"  {len(shown):,} keys in browsers, to the next row: {key:.0f} ms median, {key95:.0f} ms p95")
    growth = megabytes[2] / megabytes[0]
    sizes = ", ".join(f"{mb:.0f}" for mb in megabytes)
    print(f"  server memory at the start, in the middle, at the end: {sizes} MB ({growth - 1:+.1%})")
    wrong = [*people[0].room.wrong, *_wrong(server, people, [[p for p in one if p.row] for one in pressed])]
    for line in wrong[:10]:
        print(f"  WRONG: {line}")
    print(f"  {len(wrong)} lost or wrong", flush=True)
    return p95 < ACKNOWLEDGED_MS and key95 < NEXT_ROW_MS and growth < GROWS and not wrong


def _wrong(server: Server, people: Sequence[Annotator], pressed: Sequence[Sequence]) -> list[str]:
    """What of the crowd's and of the browsers' decisions is not in the log as it was made."""
    store = server.store()
    events = store.events(DATASET)
    store.close()
    replay = Replay(events)
    wrong = [line for one in people for line in (*stored_as_sent(replay, one), *in_order(replay, one))]
    for name, presses in zip(BROWSERS, pressed, strict=True):
        found = [stored(e) for e in events if e.annotator == address(name)]
        made = [p.expected() for p in presses]
        wrong += [f"{name}: pressed {a}, stored {b}" for a, b in zip(made, found, strict=False) if a != b]
        if len(made) != len(found):
            wrong.append(f"{name}: {len(made)} keys pressed, {len(found)} decisions stored")
    both = sum(len(one.ops) for one in people) + sum(len(presses) for presses in pressed)
    return wrong if both == len(events) else [*wrong, f"{both} decisions made, {len(events)} stored"]


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.5, help="on each database")
    parser.add_argument("--only", choices=("SQLite", "PostgreSQL"), help="leave the other one out")
    parser.add_argument("--faster", type=float, default=1, help="than people, this many times")
    given = parser.parse_args(argv)
    seconds, slowest, quickest = 60 * given.minutes, CALM.pace[1] / given.faster, CALM.pace[0] / given.faster
    habits = replace(CALM, pace=(quickest, slowest))
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # the local identity provider's requests
    # The server, the databases and the browsers inherit it.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    print(f"{describe()}; {CORES} cores used by everything together")
    print(f"each annotator decides every {quickest:g} to {slowest:g} s")
    rows = int((seconds + 60) * (PEOPLE * given.faster / 1.5 + A_SECOND * len(BROWSERS))) + 2000
    postgres = None if binaries() is None or given.only == "SQLite" else Postgres()
    if postgres is not None:
        postgres.start()
    met = []
    try:
        with tempfile.TemporaryDirectory() as folder, provider() as identity:
            urls = {"SQLite": "", **({} if postgres is None else {"PostgreSQL": postgres.database()})}
            for name, url in urls.items():
                if given.only not in (None, name):
                    continue
                root = Path(folder) / name
                root.mkdir()
                met.append(work(name, *team(root, identity, url, rows, habits), seconds))
    finally:
        if postgres is not None:
            postgres.stop()
    if postgres is None and given.only != "SQLite":
        print("PostgreSQL: no server on this machine, not measured")
    measure_label_studio(PEOPLE, habits.pace, seconds)
    return int(not all(met))


if __name__ == "__main__":
    sys.exit(main())
