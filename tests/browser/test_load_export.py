"""The whole job in the browser: a file in, problems named, reviewed, a corrected file out."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.serving import Server

pytestmark = pytest.mark.browser
N = 80


def write_fruit(folder: Path, wrong: tuple[int, ...] = (4, 31)) -> tuple[Path, Path]:
    """80 messages in CRLF with quoted cells, rows `wrong` mislabelled, and probabilities that say so."""
    true = np.arange(N) % 2
    given = true.copy()
    given[list(wrong)] = 1 - given[list(wrong)]
    names = ["apple", "pear"]
    lines = [f'm{i:02},"Message {i}, about ""{names[true[i]]}""",{names[given[i]]}\r\n' for i in range(N)]
    (folder / "fruit.csv").write_bytes("".join(["id,text,label\r\n", *lines]).encode())
    p_pear = np.where(true == 1, 0.92, 0.06) + np.linspace(0, 0.02, N)
    np.save(folder / "probs.npy", np.column_stack([1 - p_pear, p_pear]))
    return folder / "fruit.csv", folder / "probs.npy"


def upload(page: Page, label: str, file: Path) -> None:
    page.get_by_label(label).locator("xpath=ancestor-or-self::*[@data-testid='stFileUploader']").locator(
        "input"
    ).set_input_files(file)
    page.wait_for_timeout(300)


def confirm_order(page: Page) -> None:
    """Say that the predictions' rows are in the order of the data."""
    page.get_by_text("Row 1 of probs.npy is row 1 of fruit.csv").click()


def problems(page: Page) -> str:
    """The text of the list of problems."""
    return page.locator(".st-key-problems").inner_text()


def wait_until(true: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_journey__from_an_uploaded_file_to_a_corrected_one(
    fresh_server: Callable[..., Server], page: Page, tmp_path: Path
) -> None:
    data, probs = write_fruit(tmp_path)
    server = fresh_server()
    page.goto(f"{server.url}/load")
    upload(page, "CSV, Excel, JSON", data)
    expect(page.get_by_text("fruit.csv: 80 rows, 3 columns")).to_be_visible()
    upload(page, "Predictions (.npy", probs)
    expect(page.get_by_text("Nothing to mend", exact=False).first).to_be_visible()
    expect(page.get_by_role("button", name="Analyse 80 rows", exact=True)).to_be_disabled()
    confirm_order(page)
    page.get_by_role("button", name="Analyse 80 rows", exact=True).click()
    expect(page.get_by_text("2 of 80 labels look wrong")).to_be_visible(timeout=30_000)

    page.get_by_role("button", name="Review the 2").click()
    surface = page.get_by_role("region", name="Review surface")
    expect(surface).to_be_visible()
    page.locator(".surface[data-row-id]").wait_for()  # keys before the first row is there decide nothing
    page.locator(".surface").focus()
    page.keyboard.press("w")
    page.keyboard.press("w")
    with closing(server.store()) as store:
        wait_until(lambda: len(store.in_force("fruit")) == 2)

    page.goto(f"{server.url}/export?ds=fruit")
    expect(page.get_by_text("2 of 240 cells change.")).to_be_visible()
    page.get_by_role("button", name="Write 2 changes").click()
    expect(page.get_by_text("Checked: 238 cells identical, 2 changed, 0 unexpected.")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download fruit.corrected.csv").click()
    before = data.read_bytes().splitlines(True)
    after = Path(download.value.path()).read_bytes().splitlines(True)
    changed = {i: (b, a) for i, (b, a) in enumerate(zip(before, after, strict=True)) if b != a}
    assert changed == {
        5: (b'm04,"Message 4, about ""apple""",pear\r\n', b'm04,"Message 4, about ""apple""",apple\r\n'),
        32: (b'm31,"Message 31, about ""pear""",apple\r\n', b'm31,"Message 31, about ""pear""",pear\r\n'),
    }


def test_export__without_decisions_is_identical(
    fresh_server: Callable[..., Server], page: Page, tmp_path: Path
) -> None:
    data, probs = write_fruit(tmp_path)
    server = fresh_server()
    page.goto(f"{server.url}/load")
    upload(page, "CSV, Excel, JSON", data)
    upload(page, "Predictions (.npy", probs)
    confirm_order(page)
    page.get_by_role("button", name="Analyse 80 rows", exact=True).click()
    expect(page.get_by_text("look wrong")).to_be_visible(timeout=30_000)
    page.goto(f"{server.url}/export?ds=fruit")
    expect(page.get_by_text("Nothing changed yet. The export equals your file.")).to_be_visible()
    page.get_by_role("button", name="Write").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download fruit.corrected.csv").click()
    assert Path(download.value.path()).read_bytes() == data.read_bytes()


def test_preflight__names_every_problem_and_stores_nothing(
    fresh_server: Callable[..., Server], page: Page, tmp_path: Path
) -> None:
    data, probs = write_fruit(tmp_path)
    text = data.read_bytes().replace(b",pear\r\n", b",pear \r\n", 1).replace(b",apple\r\n", b",\r\n", 1)
    data.write_bytes(text)
    values = np.load(probs)
    values[11, 1] = 1.7
    np.save(probs, values)
    server = fresh_server()
    page.goto(f"{server.url}/load")
    upload(page, "CSV, Excel, JSON", data)
    upload(page, "Predictions (.npy", probs)
    expect(page.get_by_text("Nothing is stored yet")).to_be_visible()
    said = problems(page)
    assert "probs.npy, row 12" in said
    assert "1.7" in said
    assert "fruit.csv, row 1, column label" in said
    expect(page.get_by_role("button", name="Analyse 80 rows", exact=True)).to_be_disabled()
    assert server.workspace.names() == []


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.csv", b"", "empty"),
        ("page.csv", b"<!DOCTYPE html><html><body>404</body></html>", "HTML"),
        ("evil.csv", b"id,text,label\n1,<img src=x onerror=\"document.title='pwned'\">,a\n", "1 row"),
    ],
)
def test_load__bad_file_gets_a_plain_word(
    server: Server, page: Page, tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(content)
    page.goto(f"{server.url}/load")
    upload(page, "CSV, Excel, JSON", tmp_path / name)
    assert words in problems(page)
    assert "pwned" not in page.title()
    assert "Traceback" not in page.content()
