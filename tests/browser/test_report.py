"""The report as a browser shows and prints it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from core.html_report import html_report
from core.predictions import Predictions
from tests.browser.conftest import opened_context
from tests.core.evidence import reviews
from tests.core.reviewed import project_of, record_of

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    data = reviews.dataset()
    probs = np.full((len(data), 2), 0.1, np.float32)
    probs[np.arange(len(data)), (data.labels + (np.arange(len(data)) < reviews.WRONG)) % 2] = 0.9
    record = record_of(project_of(data, folder, Predictions("m", probs)), reviews.verdicts(data, 200), folder)
    path = folder / "report.html"
    path.write_text(html_report(record, folder), encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_report__on_the_screen(browser: Browser, report: Path, scheme: str, width: int) -> None:
    with opened_context(browser, viewport={"width": width, "height": 900}, color_scheme=scheme) as context:
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.goto(report.as_uri())
        assert said == []  # nothing that its own policy forbids
        assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
        expect(page.locator("figure svg")).to_have_count(2)
        expect(page.locator("details dl").first).to_be_hidden()
        page.locator("details summary").first.click()
        expect(page.locator("details dl").first).to_be_visible()
        rules = {"runOnly": ["color-contrast", "svg-img-alt", "heading-order"]}
        assert [v["id"] for v in Axe().run(page, None, rules)["violations"]] == []


def test_report__on_paper_is_a4_with_open_panels_and_whole_figures(browser: Browser, report: Path) -> None:
    with opened_context(browser, viewport={"width": 680, "height": 1000}) as context:
        page = context.new_page()
        page.goto(report.as_uri())
        page.emulate_media(media="print")
        for panel in page.locator("details dl").all():
            expect(panel).to_be_visible()
            assert panel.evaluate("node => node.getBoundingClientRect().height") > 50
        for part in page.locator("figure, details, dl.short").all():
            assert part.evaluate("node => getComputedStyle(node).breakInside") == "avoid"
        made = page.pdf(prefer_css_page_size=True)
    sizes = set(re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", made))
    assert {(round(float(w)), round(float(h))) for w, h in sizes} == {(595, 842)}
