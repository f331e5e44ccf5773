"""What the annotator sees of a row: the checks, the picture, the text, the fields."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from axe_core_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from core.dataset import Columns, Dataset
from core.predictions import Predictions
from core.workspace import Workspace
from tests.browser.conftest import opened_context
from tests.browser.serving import Server, probabilities, save, table
from tests.browser.watching import open_review, row

pytestmark = pytest.mark.browser


def test_findings__are_folded_and_stay_open(page: Page, server: Server) -> None:
    open_review(page, server.url, "pictures")
    lines = page.locator(".findings li")
    summary = page.locator(".findings summary")
    expect(summary).to_have_text("Flagged by 2 of 8 checks")
    expect(lines.first).to_be_hidden()
    page.keyboard.press("i")
    expect(lines).to_have_count(8)
    expect(lines.first).to_have_text(
        "Label errors: flagged, score 0.50, suggests coat. The model gives coat 84% and dress <1%; "
        "of the 26 nearest rows 4 are coat and 19 dress."
    )
    page.keyboard.press("j")
    expect(lines.first).to_be_visible()
    expect(lines.first).to_contain_text("Label errors: flagged")
    page.keyboard.press("i")
    expect(lines.first).to_be_hidden()


def test_fields__beside_what_is_usual_for_the_given_label(page: Page, server: Server) -> None:
    open_review(page, server.url, "measurements", row="0", cut="1.0")
    expect(page.locator(".fields thead th")).to_have_text(["Field", "Value", "Usual for low"])
    first = page.locator(".fields tbody tr").first
    expect(first.locator("th")).to_have_text("sulphates")
    expect(first.locator(".usual")).to_contain_text(" to ")


HEBREW = "שלום עולם. החולצה קטנה מדי."
ODD = "null \x00 bell \x07 escape \x1b[31m override \u202egnp.exe\u202c joiner \u200d end"
TEXTS = (
    f"First a paragraph in English (brackets).\n{HEBREW}\nThen English again: refund, Refund and REFUND.",
    f"{ODD} refund",
    "refund " + "x" * 30_000,
    "start " * 400 + "refund at the end",
    "price is $5 (five) [sic] a+b a.b refund",
    "<mark>refund</mark> <b onclick=alert(1)>bold</b>",
)


def writings(workspace: Workspace, name: str) -> None:
    """Texts in two directions, with control characters, a very long word and markup; a Hebrew class."""
    classes = ("חולצה", "abc\u202edef", "plain")
    labels = (np.arange(len(TEXTS)) % 3).astype(np.int32)
    ids = [f"t-{i}" for i in range(len(TEXTS))]
    frame = table(ids, labels, classes, text=pd.array(TEXTS, dtype="str"))
    dataset = Dataset(name, frame, Columns("id", "label", None, ("text",), "text"), classes, classes, labels)
    probs = probabilities(labels, 3, np.ones(len(TEXTS), dtype=bool), np.random.default_rng(0))
    probs[1] = [0.02, 0.03, 0.95]  # the worst row of all
    save(workspace, dataset, Predictions("test", probs))


def marks(page: Page, kind: str) -> list[str]:
    return page.locator(f".prose mark.{kind}").all_text_contents()


def test_text__filter_and_find_are_marked_and_stay_for_the_next_row(
    page: Page, server: Server, own: Callable[..., str]
) -> None:
    open_review(page, server.url, own(writings), cut="1.0", q="refund", row="t-0", sort="row")
    assert marks(page, "filter") == ["refund", "Refund", "REFUND"]
    page.keyboard.press("s")
    page.keyboard.type("paragraph")
    assert marks(page, "found") == ["paragraph"]
    page.keyboard.press("Control+a")
    page.keyboard.type("f")
    assert marks(page, "found") == ["F", "f", "f", "F"]
    assert marks(page, "filter") == []  # a part of each is what is found
    expect(page.locator(".where")).to_have_text("4 found")
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".where")).to_have_text("4 of 4")
    expect(page.locator("mark.current")).to_have_count(1)
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    assert row(page) == "t-1"
    assert marks(page, "found") == ["f"]
    page.keyboard.press("s")
    page.keyboard.press("Delete")
    assert marks(page, "found") == []
    assert marks(page, "filter") == ["refund"]


def test_text__what_is_sought_is_no_pattern_and_no_markup(
    page: Page, server: Server, own: Callable[..., str]
) -> None:
    open_review(page, server.url, own(writings), cut="1.0", row="t-4", sort="row")
    page.keyboard.press("s")
    for typed, found in (
        ("a.b", ["a.b"]),
        ("(five) [", ["(five) ["]),
        ("$5", ["$5"]),
        ("\\", []),
        ("a+", ["a+"]),
    ):
        page.locator(".find").fill(typed)
        assert marks(page, "found") == found
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    assert page.locator(".prose").text_content() == TEXTS[5]
    page.locator(".find").fill("<b")
    assert marks(page, "found") == ["<b"]
    assert page.locator(".prose b").count() == 0


def test_text__a_match_below_the_fold_is_scrolled_to(
    page: Page, server: Server, own: Callable[..., str]
) -> None:
    open_review(page, server.url, own(writings), cut="1.0", row="t-3", sort="row", q="refund")
    expect(page.locator("mark.filter")).to_be_in_viewport()
    assert page.locator(".stage").evaluate("(stage) => stage.scrollTop") > 100
    assert page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollTop") == 0


def test_text__each_paragraph_runs_in_its_own_direction(
    page: Page, server: Server, own: Callable[..., str]
) -> None:
    open_review(page, server.url, own(writings), cut="1.0", row="t-0", sort="row")
    sides = page.locator(".prose").evaluate(
        """(prose) => {
          const text = prose.firstChild, box = prose.getBoundingClientRect();
          const lines = text.data.split('\\n');
          let at = 0;
          return lines.map((line) => {
            const range = document.createRange();
            range.setStart(text, at);
            range.setEnd(text, at + line.length);
            at += line.length + 1;
            const { left, right } = range.getBoundingClientRect();
            return left - box.left < box.right - right ? 'left' : 'right';
          });
        }"""
    )
    assert sides == ["left", "right", "left"]


def test_text__control_characters_and_long_words_are_harmless(
    page: Page, server: Server, own: Callable[..., str]
) -> None:
    open_review(page, server.url, own(writings), cut="1.0", row="t-1", sort="row")
    assert page.locator(".prose").text_content() == TEXTS[1]
    expect(page.locator(".given .label")).to_have_text("abc\u202edef")
    # In a sentence it turns nothing round.
    expect(page.locator(".why")).to_contain_text("and abc\ufffddef ")
    page.keyboard.press("j")
    assert row(page) == "t-2"
    over = page.locator(".stage").evaluate("(stage) => stage.scrollWidth - stage.clientWidth")
    assert over == 0


SQUARE = 100


def squares(size: tuple[int, int]) -> Image.Image:
    """A picture of squares whose red says their column and green their row."""
    columns, rows = size[0] // SQUARE, size[1] // SQUARE
    values = np.zeros((rows, columns, 3), dtype=np.uint8)
    values[..., 0] = np.arange(columns) * 2
    values[..., 1] = np.arange(rows)[:, None] * 2
    return Image.fromarray(values).resize(size, Image.Resampling.NEAREST)


def photos(workspace: Workspace, name: str, files: dict[str, tuple[Image.Image, dict[str, object]]]) -> None:
    """A data set of picture files, one a row: the picture, and how it is saved."""
    folder = workspace.root / name
    folder.mkdir()
    for file, (picture, options) in files.items():
        picture.save(folder / file, quality=92, **options)
    labels = (np.arange(len(files)) % 2).astype(np.int32)
    ids = [f"big-{i}" for i in range(len(files))]
    frame = table(ids, labels, ("a", "b"), path=pd.array(list(files), dtype="str"))
    columns = Columns("id", "label", None, ("path",), "image")
    dataset = Dataset(name, frame, columns, ("a", "b"), ("a", "b"), labels, media_root=folder)
    wrong = np.ones(len(files), dtype=bool)
    save(workspace, dataset, Predictions("test", probabilities(labels, 2, wrong, np.random.default_rng(0))))


def large(workspace: Workspace, name: str = "large") -> None:
    """A picture of 108 megapixels, and a small one."""
    photos(workspace, name, {"0.jpg": (squares((12_000, 9_000)), {}), "1.jpg": (squares((300, 200)), {})})


def mixed(workspace: Workspace, name: str) -> None:
    """A small picture, one that is larger than its preview, and the same lying on its side in its file."""
    picture = squares((3000, 2000))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = picture.transpose(Image.Transpose.ROTATE_90)
    files = {"0.jpg": (squares((300, 200)), {}), "1.jpg": (picture, {}), "2.jpg": (turned, {"exif": exif})}
    photos(workspace, name, files)


def colour(page: Page, x: float, y: float) -> tuple[int, int, int]:
    """What the stage shows at a point, from its upper left corner."""
    shot = Image.open(io.BytesIO(page.locator(".stage").screenshot())).convert("RGB")
    return shot.getpixel((int(x), int(y)))


def memory(server: Server) -> int:
    """The most memory that the server's process has held, in MB."""
    status = Path(f"/proc/{server._process.pid}/status").read_text()  # type: ignore[union-attr]
    return next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


def sharp_and_right(page: Page, size: tuple[int, int]) -> None:
    """At 100% the tiles show what the picture has there, in the middle and beside it."""
    page.keyboard.press("f")
    expect(page.locator(".sized")).to_have_text(f"{size[0]} × {size[1]} · 100%", timeout=60_000)
    tiles = page.locator(".sharp img").evaluate_all("(all) => all.map((i) => i.naturalWidth)")
    assert 2 <= len(tiles) <= 12
    width, height = page.locator(".stage").evaluate("(s) => [s.clientWidth, s.clientHeight]")
    for dx, dy in ((0, 0), (-300, -200), (200, 100)):
        near = colour(page, width / 2 + dx + SQUARE / 2, height / 2 + dy + SQUARE / 2)
        expected = ((size[0] // 2 + dx) // SQUARE * 2, (size[1] // 2 + dy) // SQUARE * 2, 0)
        assert np.abs(np.subtract(near, expected)).max() <= 4


def test_large_picture__preview_at_once_then_tiles_at_full_size(
    page: Page, fresh_server: Callable[..., Server]
) -> None:
    server = fresh_server(large)
    open_review(page, server.url, "large", row="big-1", cut="1.0", sort="row")
    before = memory(server)
    page.keyboard.press("k")
    expect(page.locator(".sized")).to_have_text(re.compile("^12000 × 9000 · [0-9]+%$"))
    expect(page.locator(".stage > img")).to_have_js_property("naturalWidth", 1600)
    sharp_and_right(page, (12_000, 9_000))
    assert memory(server) - before < 150


def test_large_picture__upright_whatever_way_it_lies_in_its_file(
    page: Page, server: Server, own: Callable[..., str]
) -> None:
    open_review(page, server.url, own(mixed), cut="1.0", sort="row", row="big-2")
    sharp_and_right(page, (3000, 2000))


def test_large_picture__the_zoom_stays_and_passing_by_cuts_no_tiles(
    page: Page, server: Server, own: Callable[..., str]
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "size=tile" in request.url else None)
    open_review(page, server.url, own(mixed), cut="1.0", sort="row")
    sized = page.locator(".sized")
    expect(sized).to_have_text(re.compile("^300 × 200 · "))
    page.keyboard.press("f")
    page.keyboard.press("+")
    expect(sized).to_have_text("300 × 200 · 125%")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.wait_for_timeout(400)
    assert asked == []
    page.keyboard.press("j")
    expect(sized).to_have_text("3000 × 2000 · 125%")
    first = len(asked)
    assert first >= 2
    page.mouse.move(300, 300)
    page.mouse.down()
    page.mouse.move(-500, -200, steps=4)
    page.mouse.up()
    expect(sized).to_have_text("3000 × 2000 · 125%")
    assert len(asked) > first
    assert len(set(asked)) == len(asked)
    for _ in range(7):
        page.keyboard.press("-")  # less than the preview shows
    expect(page.locator(".sharp img")).to_have_count(0)


def test_large_picture__tiles_that_fail_leave_the_preview(
    page: Page, server: Server, own: Callable[..., str]
) -> None:
    page.route(re.compile("size=tile"), lambda route: route.fulfill(status=422, json={"error": "no"}))
    open_review(page, server.url, own(mixed), cut="1.0", sort="row", row="big-1")
    page.keyboard.press("f")
    expect(page.locator(".sized")).to_have_text("3000 × 2000 · 100% · could not be sharpened")
    expect(page.locator(".stage > img")).to_be_visible()
    expect(page.locator(".sharp img")).to_have_count(0)


def test_light__by_keys_and_sliders_stays_and_is_said(page: Page, server: Server) -> None:
    open_review(page, server.url, "pictures")
    sized = page.locator(".sized")
    picture = page.locator(".stage img").first
    before = colour(page, 300, 300)
    page.keyboard.press("b")
    page.keyboard.press("b")
    page.keyboard.press("Shift+H")
    expect(sized).to_have_text(re.compile("· brightness 140% · contrast 80%$"))
    expect(picture).to_have_css("filter", "brightness(1.4) contrast(0.8)")
    assert colour(page, 300, 300) != before
    page.keyboard.press("j")
    expect(page.locator(".stage img").first).to_have_css("filter", "brightness(1.4) contrast(0.8)")
    page.keyboard.press("Shift+B")
    page.keyboard.press("h")
    page.keyboard.press("h")
    expect(sized).to_have_text(re.compile("· brightness 120% · contrast 120%$"))
    page.keyboard.press("0")
    expect(sized).not_to_have_text(re.compile("brightness|contrast"))
    page.get_by_role("button", name="Light").click()
    page.get_by_label("Contrast").fill("160")
    page.keyboard.press("ArrowLeft")  # moves the slider, not the queue
    expect(sized).to_have_text(re.compile("· contrast 140%$"))
    page.get_by_role("button", name="As it is").click()
    page.get_by_role("button", name="Light").click()
    shown = row(page)
    page.keyboard.press("k")
    assert row(page) != shown


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast__of_marks_light_and_findings(
    browser: Browser, server: Server, own: Callable[..., str], scheme: str
) -> None:
    name = own(writings)
    with opened_context(browser, viewport={"width": 1280, "height": 720}, color_scheme=scheme) as context:
        page = context.new_page()
        open_review(page, server.url, name, cut="1.0", q="refund", row="t-0", sort="row")
        page.keyboard.press("s")
        page.keyboard.type("again")
        page.keyboard.press("Enter")
        page.keyboard.press("Escape")
        page.keyboard.press("i")
        assert contrast_errors(page) == []
        open_review(page, server.url, "pictures")
        page.get_by_role("button", name="Light").click()
        assert contrast_errors(page) == []
        tools = page.locator(".tools").bounding_box()
        last = page.get_by_role("button", name="Copy link").bounding_box()
        assert tools is not None
        assert last is not None
        assert last["x"] + last["width"] <= tools["x"] + tools["width"]


def contrast_errors(page: Page) -> list[str]:
    """What axe says of the surface's colours; the help overlay too."""
    page.locator(".surface").focus()
    found = []
    for key in ("", "?"):
        if key:
            page.keyboard.press(key)
        report = Axe().run(
            page, ["[data-testid=stBidiComponentIsolated]"], {"runOnly": ["color-contrast", "label"]}
        )
        found += [node["html"] for violation in report["violations"] for node in violation["nodes"]]
    page.keyboard.press("Escape")
    return found
