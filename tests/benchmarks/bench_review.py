"""`python -m tests.benchmarks.bench_review`: the review surface in Chromium, key press to next row.

Targets: median under 30 ms, 95th percentile under 100 ms; at 10 and 25 presses a second no decision is
stored against another row than the one shown, and none is lost.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from core.review.decisions import Action, Decision
from core.review.store import Store
from tests.benchmarks.machine import describe
from tests.browser.conftest import chromium_path
from tests.browser.serving import Server, pictures
from tests.browser.watching import open_review, press_at, seen, stored, wait_saved

PRESSES = 100
RATES = (2, 10, 25)
MEDIAN_MS, P95_MS = 30, 100
KEYS = ["w", "q", "w", "e", "2", "n", "w", "x", "1", "9"]


def spread(times: Sequence[float]) -> tuple[float, float]:
    """(median, 95th percentile)."""
    ordered = sorted(times)
    return statistics.median(ordered), ordered[int(0.95 * (len(ordered) - 1))]


def keys(browser: Browser, server: Server, rate: int) -> bool:
    """Press at one rate on a data set of its own. Returns whether the targets are met."""
    name = f"pictures-{rate}"
    pictures(server.workspace, name=name)
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    posts: list[float] = []
    page.on(
        "requestfinished",
        lambda r: posts.append(r.timing["responseEnd"]) if r.url.endswith("/labelmend/decisions") else None,
    )
    open_review(page, server.url, name)
    page.wait_for_timeout(1500)
    press_at(page, (KEYS * PRESSES)[: PRESSES if rate > 5 else 30], rate)
    wait_saved(page)
    pressed = seen(page)
    page.close()
    with_store = server.store()
    decided = [stored(e) for e in with_store.events(name)]
    with_store.close()
    wrong = sum(a != b for a, b in zip(decided, (p.expected() for p in pressed), strict=False))
    lost = len(pressed) - len(decided)
    median, p95 = spread([p.ms for p in pressed if p.ms is not None])
    post, post95 = spread(posts)
    print(
        f"{rate:>2}/s, {len(pressed)} presses: key to next row {median:.0f} ms median, {p95:.0f} ms p95; "
        f"POST {post:.0f} / {post95:.0f} ms in {len(posts)} requests; {wrong} wrong, {lost} lost",
        flush=True,
    )
    return median < MEDIAN_MS and p95 < P95_MS and wrong == lost == 0


def one_decision(folder: Path) -> None:
    """Storing one decision, on the disk when it returns."""
    store = Store(f"sqlite:///{folder / 'bench.db'}")
    times = []
    for i in range(500):
        start = time.perf_counter()
        store.record([Decision("d", str(i), Action.KEEP, "ann", "cat", f"op{i}")])
        times.append(1000 * (time.perf_counter() - start))
    store.close()
    median, p95 = spread(times)
    print(f"store one decision, synchronous=FULL: {median:.2f} ms median, {p95:.2f} ms p95", flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 1 where a target is missed."""
    print(describe())
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        one_decision(Path(folder))
        server = Server(Path(folder) / "workspace")
        server.start()
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        try:
            met = [keys(browser, server, rate) for rate in RATES]
        finally:
            browser.close()
            server.stop()
    return int(not all(met))


if __name__ == "__main__":
    sys.exit(main())
