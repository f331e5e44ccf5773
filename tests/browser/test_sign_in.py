"""Sign-in with an identity provider in a real browser, and what each role may do on pages and routes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from oidc_provider_mock import User, run_server_in_thread
from playwright.sync_api import Browser, BrowserContext, Page, expect

from core.identity import people_of
from core.review.decisions import Action
from core.review.people import People, Role
from core.workspace import Workspace
from tests.browser.conftest import opened_context
from tests.browser.serving import Server, pictures

LEA, ANA, VIC, EVE = (f"{name}@example.org" for name in ("lea", "ana", "vic", "eve"))
CLAIMS = {
    "lea": {"email": "Lea@example.org", "email_verified": True, "name": "Lea"},
    "ana": {"email": ANA, "email_verified": True},
    "vic": {"email": VIC, "email_verified": True},
    "eve": {"email": EVE, "email_verified": True},
    # Somebody who typed the owner's address into a profile, under a subject that looks like it too.
    LEA: {"email": LEA, "email_verified": False},
}
PAGES = ("", "load", "issues", "review", "team", "evidence", "export")
SECRETS = """
[auth]
redirect_uri = "{url}/oauth2callback"
cookie_secret = "test-test-test-test-test-test-test"
client_id = "labelmend"
client_secret = "secret"
server_metadata_url = "{provider}/.well-known/openid-configuration"
"""


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """The address of an identity provider that knows CLAIMS."""
    users = [User(sub=sub, claims=claims) for sub, claims in CLAIMS.items()]
    with run_server_in_thread(user_claims=users) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture(scope="module")
def guarded(provider: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that wants a sign-in. lea is an owner by setting; ana and vic have roles, eve has none."""
    root = tmp_path_factory.mktemp("guarded")
    server = Server(root)
    pictures(server.workspace, n=24)
    secrets = root / "secrets.toml"
    secrets.write_text(SECRETS.format(url=server.url, provider=provider))
    server.environ = {"LABELMEND_SIGN_IN": "oidc", "LABELMEND_OWNERS": "LEA@example.org"}
    server.options = [f"--secrets.files={secrets}"]
    people = people_of(signing(server))
    people.give(LEA, ANA, Role.ANNOTATOR)
    people.give(LEA, VIC, Role.VIEWER)
    people.store.close()
    server.start()
    yield server
    server.stop()


def signing(server: Server) -> Workspace:
    settings = server.workspace.settings
    return Workspace(replace(settings, sign_in="oidc", owners=(LEA,)))


@pytest.fixture
def people(guarded: Server) -> People:
    return people_of(signing(guarded))


SignIn = Callable[[str], Page]


@pytest.fixture
def sign_in(browser: Browser, guarded: Server) -> Iterator[SignIn]:
    """Opens a profile of its own and signs in as a subject of the provider; the page shows the Overview."""
    opened: list[Any] = []

    def signed(subject: str) -> Page:
        manager = opened_context(browser)
        context: BrowserContext = manager.__enter__()
        opened.append(manager)
        page = context.new_page()
        page.goto(guarded.url)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name=subject, exact=True).click()
        expect(page.get_by_text("You are ").first).to_be_visible(timeout=20_000)
        return page

    yield signed
    for manager in opened:
        manager.__exit__(None, None, None)


def menu(page: Page) -> list[str]:
    """The pages in the sidebar."""
    links = page.get_by_test_id("stSidebar").get_by_role("link")
    links.filter(has_text="Evidence").wait_for()
    return [text.split("\n")[-1].strip() for text in links.all_inner_texts()]


def token_of(page: Page, server: Server) -> str:
    """The token that the Review page's requests carry."""
    with page.expect_request("**/labelmend/items*") as request:
        page.goto(f"{server.url}/review?ds=pictures")
    return request.value.headers["x-labelmend-token"]


def call(page: Page, method: str, path: str, token: str, body: object = None) -> dict[str, Any]:
    """What a route answers to this page: status and JSON."""
    return page.evaluate(
        """async ([method, path, token, body]) => {
            const headers = {"X-Labelmend-Token": token, "Content-Type": "application/json"};
            const answer = await fetch(path, {method, headers, body: body && JSON.stringify(body)});
            return {status: answer.status, body: await answer.json()};
        }""",
        [method, path, token, body],
    )


def decision(op_id: str, row: str = "img-000") -> dict[str, Any]:
    made = {"op_id": op_id, "dataset": "pictures", "row_id": row, "action": "keep", "given_label": "t-shirt"}
    return {"decisions": [made]}


@pytest.mark.parametrize("name", PAGES)
def test_not_signed_in__every_page_is_the_sign_in_page(page: Page, guarded: Server, name: str) -> None:
    page.goto(f"{guarded.url}/{name}?ds=pictures")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible(timeout=20_000)
    shown = page.get_by_test_id("stApp").inner_text()
    assert "pictures" not in shown
    assert page.get_by_test_id("stSidebar").count() == 0
    assert page.locator("img[src*=labelmend]").count() == 0


def test_owner__sees_every_page_and_signs_out(sign_in: SignIn, guarded: Server) -> None:
    page = sign_in("lea")
    assert {"Overview", "Load data", "Issues", "Review", "Evidence", "Export"} <= set(menu(page))
    page.goto(f"{guarded.url}/export?ds=pictures")
    expect(page.get_by_role("button", name="Write 0 changes")).to_be_visible()
    page.get_by_text("You are lea").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="End session").click()  # the provider's page
    expect(page.get_by_role("button", name="Sign in")).to_be_visible(timeout=20_000)
    page.goto(f"{guarded.url}/export?ds=pictures")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible(timeout=20_000)


def test_annotator__reviews_under_the_verified_address_and_cannot_export(
    sign_in: SignIn, guarded: Server
) -> None:
    page = sign_in("ana")
    assert "Review" in menu(page)
    assert not {"Load data", "Export"} & set(menu(page))
    for name, do in (("export", "export"), ("load", "load data")):
        page.goto(f"{guarded.url}/{name}?ds=pictures")
        said = f"Your role can review but not {do}. Ask a data lead."
        expect(page.get_by_text(said)).to_be_visible(timeout=20_000)
        assert page.get_by_test_id("stMain").get_by_role("button").count() == 0
    token = token_of(page, guarded)
    answer = call(page, "POST", "/labelmend/decisions", token, decision("ana-1"))
    assert (answer["status"], "error" in answer["body"]["receipts"][0]) == (200, False)
    store = guarded.store()
    stored = [e.annotator for e in store.events("pictures", actions=[Action.KEEP]) if e.op_id == "ana-1"]
    store.close()
    assert stored == [ANA]


def test_viewer__looks_and_decides_nothing(sign_in: SignIn, guarded: Server) -> None:
    page = sign_in("vic")
    assert set(menu(page)) == {"Overview", "Issues", "Explore", "Splits", "Evidence"}
    expect(page.get_by_role("button", name="Review the")).to_have_count(0)
    page.goto(f"{guarded.url}/review?ds=pictures")
    expect(page.get_by_text("Your role can look but not review. Ask a data lead.")).to_be_visible(
        timeout=20_000
    )
    page.goto(f"{guarded.url}/issues?ds=pictures")
    expect(page.get_by_text("Id img-")).to_be_visible(timeout=20_000)
    expect(page.get_by_role("button", name="Review it")).to_have_count(0)


def test_role__given_and_taken_takes_effect_at_once(sign_in: SignIn, guarded: Server, people: People) -> None:
    page = sign_in("ana")
    token = token_of(page, guarded)
    people.give(LEA, ANA, Role.VIEWER)
    try:
        refused = call(page, "POST", "/labelmend/decisions", token, decision("ana-2"))
        assert (refused["status"], refused["body"]["error"]) == (
            403,
            "Your role is viewer; this needs annotator. Ask an owner.",
        )
        assert call(page, "GET", "/labelmend/items?ds=pictures", token)["status"] == 200
        people.give(LEA, ANA, Role.NOBODY)
        assert call(page, "GET", "/labelmend/items?ds=pictures", token)["status"] == 403
        page.reload()
        expect(page.get_by_text("You have no role here yet")).to_be_visible(timeout=20_000)
    finally:
        people.give(LEA, ANA, Role.ANNOTATOR)
    page.get_by_role("button", name="Look again").click()
    expect(page.get_by_text("Flagged because")).to_be_visible(timeout=20_000)


def test_link__opened_before_the_sign_in_is_where_it_leads(browser: Browser, guarded: Server) -> None:
    with opened_context(browser) as context:
        page = context.new_page()
        page.goto(f"{guarded.url}/issues?ds=pictures&q=img")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="vic", exact=True).click()
        expect(page.get_by_role("heading", name="Issues")).to_be_visible(timeout=20_000)
        assert page.url == f"{guarded.url}/issues?ds=pictures&q=img"


def upload_address(page: Page, server: Server) -> str:
    """Where the Load page sends the file that is chosen on it."""
    page.goto(f"{server.url}/load")
    file = {"name": "a.csv", "mimeType": "text/csv", "buffer": b"id,label\n1,a\n"}
    with page.expect_request("**/_stcore/upload_file/**") as request:
        page.locator("input[type=file]").first.set_input_files(file)  # type: ignore[arg-type]
    return request.value.url


def send_a_file(page: Page, address: str) -> int:
    """Send a file to the address; the status."""
    return page.evaluate(
        """async (address) => {
            const body = new FormData();
            body.append("file", new Blob(["id,label"]), "x.csv");
            const token = document.cookie.match(/_streamlit_xsrf=([^;]+)/)[1];
            const sent = await fetch(address, {method: "PUT", body, headers: {"X-Xsrftoken": token}});
            return sent.status;
        }""",
        address,
    )


def test_upload__from_owners_only(sign_in: SignIn, guarded: Server, people: People) -> None:
    page = sign_in("lea")
    address = upload_address(page, guarded)
    assert send_a_file(page, address) == 204
    session_id = address.split("/upload_file/")[1].split("/")[0]
    assert send_a_file(page, address.replace(session_id, "another")) == 403
    # A role that is taken away while the page is open.
    people.give(LEA, VIC, Role.OWNER)
    other = sign_in("vic")
    address = upload_address(other, guarded)
    people.give(LEA, VIC, Role.VIEWER)
    assert send_a_file(other, address) == 403


def test_no_role__is_told_whom_to_ask(sign_in: SignIn, people: People) -> None:
    page = sign_in("eve")
    expect(page.get_by_text("You are signed in as eve@example.org")).to_be_visible()
    expect(page.get_by_text("Ask an owner to give you one: lea@example.org")).to_be_visible()
    assert page.get_by_test_id("stSidebar").count() == 0


def test_people_tab__an_owner_gives_a_role(sign_in: SignIn, guarded: Server, people: People) -> None:
    waiting = sign_in("eve")
    expect(waiting.get_by_text("You have no role here yet")).to_be_visible()
    page = sign_in("lea")
    page.goto(f"{guarded.url}/team?ds=pictures&tab=people")
    who = page.get_by_role("combobox", name="Who")
    who.click()
    who.fill(" Eve@Example.org")
    who.press("Enter")
    expect(page.get_by_role("button", name=re.compile("Make Eve"))).to_be_visible()  # the page is drawn anew
    role = page.get_by_role("combobox", name="Role")
    role.fill("viewer")
    role.press("Enter")
    page.get_by_role("button", name=re.compile("Make Eve.* a viewer")).click()
    expect(page.get_by_text("is a viewer now")).to_be_visible()
    assert people.role(EVE) is Role.VIEWER
    waiting.get_by_role("button", name="Look again").click()
    expect(waiting.get_by_text("You are eve")).to_be_visible(timeout=20_000)
    people.give(LEA, EVE, Role.NOBODY)


def test_unverified_address__inherits_no_role(sign_in: SignIn, provider: str) -> None:
    page = sign_in(LEA)
    expect(page.get_by_text(f"You are signed in as {provider}#{LEA}")).to_be_visible()
    expect(page.get_by_text("You have no role here yet")).to_be_visible()
