from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from core.review.claims import Claims
from core.review.decisions import Action, Decision
from tests.browser.conftest import opened_context
from tests.browser.serving import Server, measurements, messages, pictures
from tests.browser.watching import open_review, row, wait_until

pytestmark = pytest.mark.browser
Own = Callable[..., str]


def open_grid(page: Page, server: Server, name: str, **params: str) -> None:
    open_review(page, server.url, name, **params)
    page.keyboard.press("g")
    page.locator(".field .cell").first.wait_for()


def ids(cells: Locator) -> list[str]:
    return cells.evaluate_all("cells => cells.map((cell) => cell.dataset.rowId)")


def tiles(page: Page) -> Locator:
    return page.locator(".field .cell")


def selected(page: Page) -> list[str]:
    return ids(page.locator(".field .cell[aria-selected=true]"))


def focused(page: Page) -> str:
    (found,) = ids(page.locator(".field .cell[tabindex='0']"))
    return found


def in_force(server: Server, name: str) -> dict[str, tuple[str, str | None]]:
    return {r: (str(d.action), d.label) for r, d in server.store().in_force(name).items()}


def test_grid__selected_by_keys_decided_as_one_event_undone_and_redone(
    page: Page, server: Server, own: Own
) -> None:
    name = own(pictures)
    open_grid(page, server, name)
    shown = ids(tiles(page))
    assert 24 <= len(shown) <= 60
    expect(page.locator(".gridbar .place")).to_have_text(f"1 to {len(shown)} of 116 rows")
    columns = int(page.locator(".field").evaluate("f => f.style.getPropertyValue('--columns')"))
    for key in ("x", "Shift+ArrowRight", "Shift+ArrowDown", "Shift+ArrowUp", "ArrowRight", "ArrowDown", " "):
        page.keyboard.press(key)
    # two by Shift+arrow, then the one below the third
    chosen = [shown[0], shown[1], shown[2 + columns]]
    assert selected(page) == chosen
    expect(page.locator(".chosen")).to_have_text("3 selected")

    page.keyboard.press("w")
    expect(page.locator(".field .cell[data-action=relabel]")).to_have_count(3)
    (event,) = server.store().events(name)
    assert (event.row_id, event.action, [m[0] for m in event.details["members"]]) == (
        "",
        Action.RELABEL,
        chosen,
    )
    words = page.locator(f".cell[data-row-id='{chosen[0]}'] .state")
    expect(words).to_have_text(f"Changed to {event.details['members'][0][2]}")
    before = in_force(server, name)
    assert list(before) == chosen

    page.keyboard.press("z")
    expect(page.locator(".field .cell[data-action=relabel]")).to_have_count(0)
    expect(page.locator(".notice").last).to_contain_text("Undone: 3 rows")
    assert in_force(server, name) == {}
    page.keyboard.press("Shift+Z")
    expect(page.locator(".field .cell[data-action=relabel]")).to_have_count(3)
    assert in_force(server, name) == before


def test_grid__selected_by_mouse_and_given_a_class_by_its_number(
    page: Page, server: Server, own: Own
) -> None:
    name = own(pictures)
    open_grid(page, server, name)
    shown = ids(tiles(page))
    tiles(page).nth(2).click()
    tiles(page).nth(5).click(modifiers=["Shift"])
    tiles(page).nth(4).click()  # no longer
    assert selected(page) == [shown[2], shown[3], shown[5]]
    chip = page.locator(".chips button").nth(2)
    label = chip.locator("span").inner_text()
    page.keyboard.press("3")
    wait_until(lambda: in_force(server, name))
    given_labels = {t: int(t[-3:]) % 10 for t in (shown[2], shown[3], shown[5])}
    names = ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")
    changed = [t for t, code in given_labels.items() if names[code] != label]
    assert in_force(server, name) == {t: ("relabel", label) for t in changed}

    page.keyboard.press("Control+a")
    assert selected(page) == shown
    page.get_by_role("button", name="Select none").click()
    assert selected(page) == []
    expect(page.locator(".chosen")).to_contain_text("None selected")


def test_grid__other_keys_do_nothing_to_the_row_behind_it(page: Page, server: Server, own: Own) -> None:
    name = own(measurements)
    open_grid(page, server, name)
    before = row(page)
    for key in ("j", "k", "u", "f", "m", "t", "c", "r", "l", "v", "Control+q", "Alt+w"):
        page.keyboard.press(key)
    page.wait_for_timeout(300)
    assert row(page) == before
    assert server.store().events(name) == []
    expect(page.locator(".field")).to_be_visible()


def test_grid__pages_keep_the_selection_and_escape_goes_to_the_row(
    page: Page, server: Server, own: Own
) -> None:
    name = own(pictures)
    open_grid(page, server, name)
    first = ids(tiles(page))
    page.keyboard.press("x")
    page.keyboard.press("PageDown")
    expect(page.locator(".gridbar .place")).to_contain_text(f"{len(first) + 1} to")
    second = ids(tiles(page))
    assert not set(first) & set(second)
    page.keyboard.press("x")
    expect(page.locator(".chosen")).to_have_text("2 selected")
    page.keyboard.press("e")
    wait_until(lambda: len(in_force(server, name)) == 2)
    assert in_force(server, name) == {first[0]: ("exclude", None), second[0]: ("exclude", None)}
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    expect(page.locator(".field")).to_be_hidden()
    wait_until(lambda: row(page) == second[1])
    expect(page.locator(".position")).to_have_text(f"{len(first) + 2} of 116")
    page.keyboard.press("g")
    expect(tiles(page).first).to_be_visible()
    assert focused(page) == second[1]
    page.keyboard.press("PageUp")
    expect(page.locator(".gridbar .place")).to_contain_text("1 to")
    page.keyboard.press("Enter")
    wait_until(lambda: row(page) == first[1])


def test_grid__rows_like_one(page: Page, server: Server, own: Own) -> None:
    name = own(pictures)
    open_grid(page, server, name)
    page.keyboard.press("ArrowRight")
    one = focused(page)
    queue = ids(tiles(page))
    page.keyboard.press("Shift+V")
    expect(page.locator(".gridbar .place")).to_contain_text("rows most like it")
    alike = ids(tiles(page))
    assert alike[0] == one
    assert not set(alike) <= set(queue)
    # the embeddings stand together by class
    assert sum(int(i[-3:]) % 10 == int(one[-3:]) % 10 for i in alike[:10]) >= 8
    page.keyboard.press("x")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("n")
    wait_until(lambda: len(in_force(server, name)) == 2)
    assert in_force(server, name) == dict.fromkeys(alike[:2], ("needs_review", None))
    page.keyboard.press("Escape")
    expect(page.locator(".gridbar .place")).to_contain_text("of 116 rows")
    assert focused(page) == one
    page.keyboard.press("Escape")
    wait_until(lambda: row(page) == one)


def test_grid__what_others_decided_or_hold_is_left_alone_and_told(
    page: Page, server: Server, own: Own
) -> None:
    name = own(pictures)
    open_grid(page, server, name)
    decided, held, free, *_ = ids(tiles(page))
    given = ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")
    store = server.store()
    label = given[int(decided[-3:]) % 10]
    store.record([Decision(name, decided, Action.EXCLUDE, "bob", label, f"bob-{name}")])
    Claims(store.database).release(name, "ann")
    Claims(store.database).take(name, "bob", [held])
    page.keyboard.press("x")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("w")
    notice = page.locator(".notice").last
    expect(notice).to_contain_text(
        "1 row changed. 1 already decided: left alone. 1 held by others: left alone."
    )
    expect(page.locator(f".cell[data-row-id='{held}'] .state")).to_have_text("Held by bob")
    expect(page.locator(f".cell[data-row-id='{decided}'] .state")).to_have_text("Excluded")
    assert {r: d.annotator for r, d in store.in_force(name).items()} == {decided: "bob", free: "ann"}


def test_apply_to_all__counts_add_up_and_decided_rows_stay(page: Page, server: Server, own: Own) -> None:
    name = own(pictures)
    open_review(page, server.url, name)
    first = row(page)
    page.keyboard.press("q")
    page.keyboard.press("a")
    dialog = page.get_by_role("dialog", name="Apply to all 116 matching rows")
    expect(dialog.locator(".preview")).to_contain_text("1 already decided: left alone.")
    expect(dialog.locator(".examples .cell")).to_have_count(24)
    button = dialog.get_by_role("button", name="Change 115 rows")
    expect(button).to_be_enabled()
    dialog.get_by_label("What to do").select_option(label="Exclude the rows")
    expect(dialog.get_by_role("button", name="Exclude 115 rows")).to_be_enabled()
    dialog.get_by_label("What to do").select_option(label="boot")
    preview = dialog.locator(".preview")
    expect(preview).to_contain_text("already labelled boot: left alone.")
    words = preview.inner_text()
    change = int(words.split("Change ")[1].split()[0])
    same = int(words.split("left alone. ")[1].split()[0])
    assert change + same == 115
    dialog.get_by_label("What to do").select_option(label="Change to the suggested label")
    button.click()
    expect(dialog).to_be_hidden()
    expect(page.locator(".notice").last).to_contain_text("115 rows changed. 1 already decided: left alone.")
    found = in_force(server, name)
    assert len(found) == 116
    assert found.pop(first or "") == ("keep", None)
    assert {action for action, _ in found.values()} == {"relabel"}
    page.locator(".notice").get_by_role("button", name="Undo").click()
    expect(page.locator(".notice").last).to_contain_text("Undone: 115 rows")
    wait_until(lambda: in_force(server, name) == {first: ("keep", None)})
    page.keyboard.press("z")
    wait_until(lambda: in_force(server, name) == {})


def test_apply_to_all__above_a_thousand_rows_the_number_is_typed(
    page: Page, server: Server, own: Own
) -> None:
    name = own(measurements, n=1200)
    open_grid(page, server, name, cut="1")
    page.keyboard.press("a")
    dialog = page.get_by_role("dialog", name="Apply to all 1,200 matching rows")
    dialog.get_by_label("What to do").select_option(label="Keep the given label")
    button = dialog.get_by_role("button", name="Keep 1,200 rows")
    expect(button).to_be_disabled()
    typed = dialog.get_by_label("Type 1,200 to confirm")
    typed.fill("1200x")
    expect(button).to_be_disabled()
    typed.fill("1,200")
    button.click()
    expect(page.locator(".notice").last).to_contain_text("1,200 rows kept.")
    assert len(in_force(server, name)) == 1200
    expect(page.locator(".field .cell[data-action=keep]").first).to_be_visible()


# The first request is stored, but its answer is lost; those after it are lost before they arrive. In the page
# itself: a request that is made the moment after Playwright's route is set has been seen to pass it by.
CUT = """() => {
  const real = window.fetch;
  window.cut = { asked: 0, mend: () => { window.fetch = real; } };
  window.fetch = async (url, options) => {
    if (!String(url).includes('/labelmend/bulk')) return real(url, options);
    if (++window.cut.asked === 1) await (await real(url, options)).text();
    throw new TypeError('Failed to fetch');
  };
}"""


def test_grid__without_a_connection_nothing_is_lost_or_stored_twice(
    page: Page, server: Server, own: Own
) -> None:
    name = own(measurements)
    open_grid(page, server, name)
    chosen = ids(tiles(page))[:2]
    page.keyboard.press("x")
    page.keyboard.press("Shift+ArrowRight")
    page.evaluate(CUT)
    page.keyboard.press("e")
    again = page.get_by_role("button", name="Try again")
    expect(page.locator(".notice").last).to_contain_text(
        "These rows are not saved. The server cannot be reached."
    )
    assert len(server.store().events(name)) == 1  # it was stored, and nobody here knows
    again.click()
    wait_until(lambda: page.evaluate("window.cut.asked") == 2)
    expect(again).to_be_visible()
    page.evaluate("window.cut.mend()")
    again.click()
    expect(page.locator(".notice").last).to_contain_text("2 rows excluded.")
    assert len(server.store().events(name)) == 1
    assert in_force(server, name) == dict.fromkeys(chosen, ("exclude", None))


def test_grid__markup_in_texts_and_labels_is_text(page: Page, server: Server, own: Own) -> None:
    name = own(messages)
    title = page.title
    open_grid(page, server, name, cut="1")
    before = title()
    expect(tiles(page).first).to_contain_text("<img src=x onerror")
    page.keyboard.press("Control+a")
    page.keyboard.press("a")
    expect(page.locator(".examples .cell").first).to_be_visible()
    expect(page.locator(".pairs")).to_contain_text("<b>bold</b>")
    assert page.locator(".grid img, .grid script, .dialog img, .dialog script").count() == 0
    page.wait_for_timeout(200)
    assert title() == before


def faults(page: Page) -> list[tuple[str, list[str]]]:
    """What axe finds in the surface: rule, and the elements that break it."""
    rules = ["color-contrast", "aria-required-children", "button-name", "image-alt", "label", "select-name"]
    found = Axe().run(page, ["[data-testid=stBidiComponentIsolated]"], {"runOnly": rules})
    return [(v["id"], [n["html"] for n in v["nodes"]]) for v in found["violations"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_grid__reads_well(browser: Browser, server: Server, scheme: str) -> None:
    with opened_context(browser, color_scheme=scheme) as context:
        for name in ("pictures", "messages", "measurements"):
            page = context.new_page()
            open_grid(page, server, name)
            page.keyboard.press("x")
            assert faults(page) == []
            assert page.evaluate("document.documentElement.scrollHeight <= window.innerHeight")
            page.keyboard.press("a")
            page.locator(".examples .cell").first.wait_for()
            assert faults(page) == []


def test_issues__apply_to_all_in_its_dialog(page: Page, server: Server, own: Own) -> None:
    name = own(measurements, n=84)
    page.goto(f"{server.url}/issues?ds={name}")
    page.get_by_role("button", name="Apply to all 21").click()
    dialog = page.get_by_role("dialog")
    go = dialog.get_by_role("button", name="Change 21 rows", exact=True)
    expect(go).to_be_visible(timeout=20_000)
    what = dialog.get_by_role("combobox", name="What to do")
    what.fill("exclude")
    what.press("Enter")
    dialog.get_by_role("button", name="Exclude 21 rows", exact=True).click()
    expect(dialog).to_be_hidden(timeout=20_000)
    expect(page.get_by_text("Your last step: 21 rows excluded.")).to_be_visible(timeout=20_000)
    assert set(in_force(server, name).values()) == {("exclude", None)}
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Your last step")).to_be_hidden(timeout=20_000)
    assert in_force(server, name) == {}
