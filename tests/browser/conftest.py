from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    BrowserType,
    Error,
    Page,
    ViewportSize,
    WebError,
    sync_playwright,
)

from tests.browser.serving import Server, measurements, messages, pictures

T = TypeVar("T", Browser, BrowserContext)
VIEWPORT: ViewportSize = {"width": 1280, "height": 720}


def chromium_path() -> str | None:
    """A Chromium on this machine; None leaves it to Playwright's own."""
    named = os.environ.get("LABELMEND_CHROMIUM")
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    return named or next((path for path in found if path), None)


# A container's user namespaces are often closed to Chromium's sandbox; there is no GPU to ask for.
OPTIONS = ["--no-sandbox", "--disable-gpu"]


@pytest.fixture(scope="session")
def chromium() -> Iterator[BrowserType]:
    with sync_playwright() as playwright:
        yield playwright.chromium


@pytest.fixture(scope="session")
def browser(chromium: BrowserType) -> Iterator[Browser]:
    with launched(lambda: chromium.launch(executable_path=chromium_path(), args=OPTIONS)) as opened:
        yield opened


@pytest.fixture(scope="session")
def profile(chromium: BrowserType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """A profile that keeps the app's scripts, compiled, from test to test: it spares a third of the work."""
    folder = tmp_path_factory.mktemp("profile")
    with launched(
        lambda: chromium.launch_persistent_context(
            folder, executable_path=chromium_path(), args=OPTIONS, viewport=VIEWPORT
        )
    ) as opened:
        yield opened


@contextmanager
def launched(launch: Callable[[], T]) -> Iterator[T]:
    try:
        opened = launch()
    except Error as error:
        pytest.fail(f"no Chromium: set LABELMEND_CHROMIUM or run `playwright install chromium`\n{error}")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for tests that leave it running, with three data sets."""
    started = Server(tmp_path_factory.mktemp("workspace"))
    for make in (pictures, messages, measurements):
        make(started.workspace)
    started.start()
    yield started
    started.stop()


@pytest.fixture
def own(server: Server) -> Callable[..., str]:
    """Puts a data set of the test's own into the running server's workspace and returns its name."""

    def make(dataset: Callable[..., None], **options: int) -> str:
        name = f"{dataset.__name__}-{uuid.uuid4().hex[:8]}"
        dataset(server.workspace, name=name, **options)
        return name

    return make


@contextmanager
def opened_context(browser: Browser, **options: object) -> Iterator[BrowserContext]:
    """A fresh browser profile. What its pages report as errors fails the test that opened it."""
    context = browser.new_context(**{"viewport": VIEWPORT, **options})  # type: ignore[arg-type]
    with without_errors(context):
        yield context
        context.close()


@contextmanager
def without_errors(context: BrowserContext) -> Iterator[None]:
    errors: list[str] = []

    def note(error: WebError) -> None:
        errors.append(str(error.error))

    context.on("weberror", note)
    yield
    context.remove_listener("weberror", note)
    assert errors == []


@pytest.fixture
def context(profile: BrowserContext) -> Iterator[BrowserContext]:
    """The kept profile, without what the test before left in it: pages, cookies, what pages stored."""
    blank, *_ = profile.pages
    with without_errors(profile):
        yield profile
        for left in profile.pages[1:]:
            left.close()
    profile.set_offline(False)
    devtools = profile.new_cdp_session(blank)
    devtools.send("Storage.clearDataForOrigin", {"origin": "*", "storageTypes": "all"})
    devtools.detach()
    profile.clear_cookies()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def fresh_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Makes a server of one's own, to be killed or filled at will."""
    made: list[Server] = []

    def make(*datasets: Callable) -> Server:
        one = Server(tmp_path / f"workspace{len(made)}")
        made.append(one)
        for dataset in datasets:
            dataset(one.workspace)
        one.start()
        return one

    yield make
    for one in made:
        one.stop()
