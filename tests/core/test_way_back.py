from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from core.way_back import COOKIE, WayBack

HTML = {"Accept": "text/html"}


async def _page(_: Request) -> Response:
    return HTMLResponse("<p>page</p>")


async def _back(_: Request) -> Response:
    return RedirectResponse("/", 302)


def client(on: bool = True) -> TestClient:
    routes = [Route("/oauth2callback", _back), Route("/auth/logout", _back), Route("/{page:path}", _page)]
    app = Starlette(routes=routes, middleware=[Middleware(WayBack, wanted=lambda: on)])
    return TestClient(app, follow_redirects=False)


def arrival(browser: Any) -> str:
    return browser.get("/oauth2callback?code=x&state=y").headers["location"]


@pytest.mark.parametrize(
    "link", ["/review?ds=pictures&row=img%2D1", "/issues", "/?ds=a", "/issues?given=T%C3%A9l%C3%A9&q=a+b"]
)
def test_way_back__leads_to_the_link_that_was_opened(link: str) -> None:
    browser = client()
    browser.get(link, headers=HTML)
    assert arrival(browser) == link
    assert arrival(browser) == "/"  # once


def test_way_back__first_page_parts_of_pages_and_routes_are_no_links() -> None:
    browser = client()
    browser.get("/", headers=HTML)
    browser.get("/review?ds=a")  # no page: a script, a picture
    browser.get("/labelmend/media/a?token=secret", headers=HTML)
    browser.get("/_stcore/health", headers=HTML)
    browser.get("/review?q=" + "x" * 3000, headers=HTML)
    assert arrival(browser) == "/"


@pytest.mark.parametrize(
    "planted",
    [
        "https://evil.test/",
        "//evil.test/",
        "/\\evil.test",
        "/%5Cevil.test",
        "%2F%2Fevil.test",
        "/review?a\r\nSet-Cookie: x=1",
        "/review%0d%0aX: 1",
        "javascript:alert(1)",
        "/a/../../b",
    ],
)
def test_way_back__a_planted_cookie_leads_nowhere_else(planted: str) -> None:
    from urllib.parse import quote

    for value in (planted, quote(planted, safe="")):
        if value.isprintable():
            answer = client().get("/oauth2callback", headers={"Cookie": f"{COOKIE}={value}"})
            assert answer.headers["location"] == "/"


def test_way_back__signing_out_forgets_it() -> None:
    browser = client()
    browser.get("/review?ds=a", headers=HTML)
    assert browser.get("/auth/logout").headers["location"] == "/"
    assert arrival(browser) == "/"


def test_way_back__without_sign_in_nothing_is_noted() -> None:
    answer = client(on=False).get("/review?ds=a", headers=HTML)
    assert "set-cookie" not in answer.headers
    noted = client().get("/review?ds=a", headers=HTML).headers["set-cookie"]
    assert noted == f"{COOKIE}=%2Freview%3Fds%3Da; Max-Age=900; Path=/; HttpOnly; SameSite=Lax"
