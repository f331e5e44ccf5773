from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, sync_playwright

from tests.browser.serving import Server, measurements, messages, pictures


def chromium_path() -> str | None:
    """A Chromium on this machine; None leaves it to Playwright's own."""
    named = os.environ.get("LABELMEND_CHROMIUM")
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    return named or next((path for path in found if path), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        try:
            # A container's user namespaces are often closed to Chromium's sandbox.
            opened = playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
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
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 720}, **options})  # type: ignore[arg-type]
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    yield context
    context.close()
    assert errors == []


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with opened_context(browser) as opened:
        yield opened


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
