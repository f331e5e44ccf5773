"""Every route of ours refuses whoever may not call it. A route that is added is tested with no line here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.desk import Desk
from core.review.people import People, Role
from core.server import routes
from core.session_token import Session, mint_download, mint_media, mint_session
from core.team import Team
from tests.core.test_server import HOST, SAME, desk, op  # noqa: F401 - a fixture

ROUTES = [
    (route.path, next(iter((route.methods or set()) - {"HEAD"})))
    for route in routes(None, SimpleNamespace())  # type: ignore[arg-type]
]
IN_ADDRESS = {"/labelmend/media/{dataset}": mint_media, "/labelmend/exports/{dataset}/{file}": mint_download}
"""Routes that a browser opens without headers: the token is in their address."""
LEAST = {"GET": Role.VIEWER, "POST": Role.ANNOTATOR}
BODIES: dict[str, Any] = {
    "/labelmend/decisions": {"decisions": [op()]},
    "/labelmend/release": {"ds": "animals"},
}
PEOPLE = {role: f"{role.word}@example.org" for role in Role}

every_route = pytest.mark.parametrize(("path", "method"), ROUTES, ids=[p.split("/", 2)[2] for p, _ in ROUTES])
Call = Callable[..., Any]


def least(path: str, method: str) -> Role:
    return Role.OWNER if "exports" in path else LEAST[method]


def mint(path: str, person: str, key: bytes, dataset: str = "animals") -> str:
    """A token of the kind that the route wants."""
    if path in IN_ADDRESS:
        return IN_ADDRESS[path](key, dataset, person)
    return mint_session(key, Session(person, "s1"))


@pytest.fixture
def team(desk: Desk) -> Team:  # noqa: F811
    """Roles by the log, as with sign-in; one person of each."""
    people = People(desk.store, Role.NOBODY, frozenset({"first@example.org"}))
    for role, person in PEOPLE.items():
        people.give("first@example.org", person, role)
    return Team(desk, people)


@pytest.fixture
def call(team: Team, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    """Calls a route as somebody: a good request, but for what the test changes. Nothing is stored by it."""
    app = Starlette(routes=routes(team.desk.workspace, team))
    client = TestClient(app, base_url=HOST, raise_server_exceptions=False)
    secret = team.desk.workspace.secret()
    (team.desk.workspace.exports("animals") / "f.csv").write_bytes(b"id\n")

    def called(
        path: str,
        method: str,
        person: str,
        *,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        without: tuple[str, ...] = (),
        cookies: dict[str, str] | None = None,
    ) -> Any:
        token = mint(path, person, secret) if token is None else token
        sent = {**SAME, **(headers or {})}
        query = {"ds": "animals", "row": "a"}
        if path in IN_ADDRESS:
            query["token"] = token
        elif token:
            sent["X-Labelmend-Token"] = token
        url = path.format(dataset="animals", file="f.csv")
        body = BODIES.get(path, {}) if method == "POST" else None
        kept = {name: value for name, value in sent.items() if name not in without}
        client.cookies = cookies or {}
        return client.request(method, url, params=query, json=body, headers=kept)

    yield called


def refused(answer: Any, status: int) -> bool:
    """Whether the answer is this refusal: one sentence, kept by nobody, and nothing else."""
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["error"]
    assert answer.headers["cache-control"] == "no-store"
    return True


@every_route
def test_route__answers_whoever_may_call(call: Call, path: str, method: str) -> None:
    # Without this a refusal for another reason would pass for the right one. 400: the body is a stand-in.
    assert call(path, method, PEOPLE[least(path, method)]).status_code in (200, 400)
    assert call(path, method, PEOPLE[Role.OWNER]).status_code in (200, 400)


@every_route
def test_route__refuses_a_lesser_role(call: Call, team: Team, path: str, method: str) -> None:
    before = team.store.events("animals")
    for role in Role:
        if role < least(path, method):
            assert refused(call(path, method, PEOPLE[role]), 403), role
    for stranger in ("", "nobody-knows@example.org", "OWNER@example.org"):
        assert refused(call(path, method, stranger), 403), stranger
    assert team.store.events("animals") == before == []


@every_route
def test_route__refuses_what_is_no_token(
    call: Call, team: Team, path: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, secret = PEOPLE[Role.OWNER], team.desk.workspace.secret()
    own = mint(path, owner, secret)
    kinds = {mint(other, owner, secret) for other in ("/labelmend/items", *IN_ADDRESS)}
    with monkeypatch.context() as past:
        past.setattr(time, "time", lambda: 1_000_000.0)
        expired = mint(path, owner, secret)
    forged = mint(path, owner, b"another key")
    for token in ("", "made up", own[:-1], own + "x", expired, forged, *(kinds - {own})):
        assert refused(call(path, method, owner, token=token), 401), token
    assert len(kinds - {own}) == 2
    assert team.store.events("animals") == []


@every_route
def test_route__a_cookie_is_no_token(call: Call, path: str, method: str) -> None:
    cookies = {"_streamlit_user": "x", "_streamlit_xsrf": "x", "X-Labelmend-Token": "x"}
    assert refused(call(path, method, PEOPLE[Role.OWNER], token="", cookies=cookies), 401)


@every_route
def test_route__refuses_other_sites(call: Call, team: Team, path: str, method: str) -> None:
    owner = PEOPLE[Role.OWNER]
    for headers in (
        {"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Host": "rebound.test"},
    ):
        assert refused(call(path, method, owner, headers=headers), 403), headers
    if method == "POST":
        assert refused(call(path, method, owner, without=("Origin", "Sec-Fetch-Site")), 403)
    assert team.store.events("animals") == []


@every_route
def test_route__a_role_taken_away_is_gone_at_once(call: Call, team: Team, path: str, method: str) -> None:
    person = PEOPLE[least(path, method)]
    token = call(path, method, person).request  # a token that was good a moment ago
    sent = token.headers.get("X-Labelmend-Token") or token.url.params["token"]
    team.people.give("first@example.org", person, Role(least(path, method) - 1))
    assert refused(call(path, method, person, token=sent), 403)


@every_route
def test_route__other_methods(call: Call, path: str, method: str) -> None:
    for other in {"GET", "POST", "PUT", "DELETE", "PATCH"} - {method}:
        assert call(path, other, PEOPLE[Role.OWNER]).status_code == 405


@pytest.mark.parametrize("path", IN_ADDRESS)
def test_link__of_another_data_set(call: Call, team: Team, path: str) -> None:
    owner = PEOPLE[Role.OWNER]
    other = mint(path, owner, team.desk.workspace.secret(), "other")
    assert refused(call(path, "GET", owner, token=other), 401)
