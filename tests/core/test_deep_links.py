from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from core.deep_links import DeepLinks

HTML = {"Accept": "text/html"}


async def _page(_: Request) -> Response:
    return HTMLResponse("<html><head><title>x</title></head></html>")


def client() -> TestClient:
    app = Starlette(routes=[Route("/{page:path}", _page)], middleware=[Middleware(DeepLinks)])
    return TestClient(app, follow_redirects=False)


@pytest.mark.parametrize(
    ("link", "leads_to"),
    [
        ("/overview", "./"),
        ("/overview?ds=pets&q=a%2Fb", "./?ds=pets&q=a%2Fb"),
        ("/overview/?ds=pets", "../?ds=pets"),
    ],
)
def test_deep_links__overview_is_the_first_page(link: str, leads_to: str) -> None:
    answer = client().get(link, headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (307, leads_to)


def test_deep_links__other_pages_learn_where_the_server_is() -> None:
    answer = client().get("/review?ds=pets", headers=HTML)
    assert answer.status_code == 200
    assert answer.text.startswith("<html><head><script>window.__streamlit = {BACKEND_BASE_URL")
    assert int(answer.headers["content-length"]) == len(answer.content)


def test_deep_links__what_is_no_page_passes_through() -> None:
    assert client().get("/overview", headers={"Accept": "*/*"}).text == client().get("/x").text
    assert client().post("/overview", headers=HTML).status_code == 405
