"""A team for the browser tests: a server that wants a sign-in, a provider, people in their own profiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from oidc_provider_mock import User, run_server_in_thread
from playwright.sync_api import Browser, Page, expect

from core.identity import people_of
from core.review.people import Role
from core.review.plan import Plan, plan_event
from core.review.store import Store
from core.workspace import Workspace
from tests.browser.conftest import opened_context
from tests.browser.serving import Server

OWNER = "lea@example.org"
ROLES = {"ann": Role.ANNOTATOR, "bob": Role.ANNOTATOR, "cy": Role.ANNOTATOR, "eve": Role.ADJUDICATOR}
SECRETS = """
[auth]
redirect_uri = "{url}/oauth2callback"
cookie_secret = "test-test-test-test-test-test-test"
client_id = "labelmend"
client_secret = "secret"
server_metadata_url = "{provider}/.well-known/openid-configuration"
"""


def address(name: str) -> str:
    """Under what a person decides."""
    return f"{name}@example.org"


class Guarded(Server):
    """A server with sign-in, for the people of ROLES. database: SQLAlchemy URL, "" for SQLite."""

    def __init__(self, root: Path, provider: str, database: str = "") -> None:
        super().__init__(root)
        settings = replace(self.workspace.settings, sign_in="oidc", owners=(OWNER,), database_url=database)
        self.workspace = Workspace(settings)
        secrets = root / "secrets.toml"
        secrets.write_text(SECRETS.format(url=self.url, provider=provider))
        self.options = [f"--secrets.files={secrets}"]
        self.environ = {"LABELMEND_SIGN_IN": "oidc", "LABELMEND_OWNERS": OWNER}
        if database:
            self.environ["LABELMEND_DATABASE_URL"] = database
        people = people_of(self.workspace)
        for name, role in ROLES.items():
            people.give(OWNER, address(name), role)
        people.store.close()

    def plan(self, dataset: str, plan: Plan) -> None:
        """Put a review plan in force."""
        store = self.store()
        store.record([plan_event(dataset, OWNER, plan)])
        store.close()


@contextmanager
def provider() -> Iterator[str]:
    """The address of an identity provider that knows the people of ROLES."""
    claims = {name: {"email": address(name), "email_verified": True} for name in ROLES}
    with run_server_in_thread(user_claims=[User(sub=n, claims=c) for n, c in claims.items()]) as server:
        yield f"http://localhost:{server.server_port}"


Enter = Callable[..., Page]


@contextmanager
def entering(browser: Browser, server: Server) -> Iterator[Enter]:
    """Gives a function that opens a profile and signs in there as a person of ROLES."""
    with ExitStack() as stack:

        def enter(name: str, **options: object) -> Page:
            page = stack.enter_context(opened_context(browser, **options)).new_page()
            page.goto(server.url)
            page.get_by_role("button", name="Sign in").click()
            page.get_by_role("button", name=name, exact=True).click()
            expect(page.get_by_text("You are ").first).to_be_visible(timeout=30_000)
            return page

        yield enter


def the_log(server: Server, dataset: str) -> list:
    """Every event of a data set."""
    store: Store = server.store()
    try:
        return store.events(dataset)
    finally:
        store.close()
