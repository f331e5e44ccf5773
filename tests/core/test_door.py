from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from core.door import (
    MUST_BE,
    Door,
    Uploaders,
    Uploads,
    check_address,
    check_options,
    check_sign_in,
    is_this_machine,
)
from core.errors import InputError
from core.settings import Settings

ROOT = Path(__file__).parents[2]
LOCAL = Settings(ROOT, (), "", "")
OIDC = Settings(ROOT, (), "", "", sign_in="oidc")
OPEN = Settings(ROOT, (), "", "", open_to_network=True)
AUTH = {
    "redirect_uri": "https://labels.example.org/oauth2callback",
    "cookie_secret": "k" * 32,
    "client_id": "labelmend",
    "client_secret": "s",
    "server_metadata_url": "https://id.example.org/.well-known/openid-configuration",
}


@pytest.mark.parametrize(
    ("host", "this"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("LocalHost.", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.7", False),
        ("::ffff:10.0.0.7", False),
        ("", False),
        ("localhost.evil.test", False),
        ("127.0.0.1.evil.test", False),
        ("labels.example.org", False),
    ],
)
def test_is_this_machine(host: str, this: bool) -> None:
    assert is_this_machine(host) is this


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "10.0.0.7", "labels.example.org", "", None])
def test_check_address__network_needs_sign_in_or_so_many_words(address: str | None) -> None:
    with pytest.raises(InputError, match=r"from the network, without sign-in.*let-anyone-on-the-network-in"):
        check_address(LOCAL, address)
    for settings in (OIDC, OPEN):
        check_address(settings, address)
    check_address(LOCAL, "127.0.0.1")


@pytest.mark.parametrize(
    ("name", "value"), [(n, v) for n in MUST_BE for v in (False, "full", {"X": "email"})]
)
def test_check_options__protections_stay_on(name: str, value: Any) -> None:
    check_options(MUST_BE.__getitem__)
    with pytest.raises(InputError, match=name):
        check_options({**MUST_BE, name: value}.__getitem__)


@pytest.mark.parametrize(
    ("auth", "sentence"),
    [
        ({}, "not found"),
        ({**AUTH, "cookie_secret": "k" * 31}, "who guesses it can sign in as anybody"),
        ({k: v for k, v in AUTH.items() if k != "cookie_secret"}, "cookie_secret is missing"),
        ({**AUTH, "redirect_uri": "http://labels.example.org/oauth2callback"}, "redirect_uri is 'http:"),
        ({**AUTH, "redirect_uri": "https://labels.example.org/"}, "redirect_uri is 'https:"),
        ({k: v for k, v in AUTH.items() if k != "redirect_uri"}, "redirect_uri is ''"),
        ({**AUTH, "client_secret": ""}, "no identity provider"),
        ({k: AUTH[k] for k in ("redirect_uri", "cookie_secret")}, "no identity provider"),
    ],
)
def test_check_sign_in__refuses_what_is_not_safe(auth: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        check_sign_in(OIDC, auth)
    check_sign_in(LOCAL, auth)


def test_check_sign_in__one_provider_or_several_with_names() -> None:
    check_sign_in(OIDC, AUTH)
    check_sign_in(OIDC, {**AUTH, "redirect_uri": "http://localhost:8501/oauth2callback"})
    shared = {k: AUTH[k] for k in ("redirect_uri", "cookie_secret")}
    named = {k: v for k, v in AUTH.items() if k not in shared}
    check_sign_in(OIDC, {**shared, "okta": named, "google": named})


# --- the middleware ---------------------------------------------------------------------------------


def client(came_in_on: str, shut: bool = True) -> TestClient:
    """Requests that reach the server on one of its addresses, whatever name they ask for."""

    async def hello(_: object) -> PlainTextResponse:
        return PlainTextResponse("hello")

    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close()

    routes = [Route("/", hello), WebSocketRoute("/s", socket)]
    app = Starlette(routes=routes, middleware=[Middleware(Door, shut=lambda: shut)])
    return TestClient(app, base_url=f"http://{came_in_on}:8501")


@pytest.mark.parametrize(
    ("came_in_on", "asked", "status"),
    [
        ("127.0.0.1", "127.0.0.1:8501", 200),
        ("127.0.0.1", "localhost:8501", 200),
        ("127.0.0.1", "[::1]:8501", 200),
        ("127.0.0.1", "evil.test:8501", 403),  # a name of another site that was made to point here
        ("127.0.0.1", "localhost@evil.test", 403),
        ("127.0.0.1", "[", 403),
        ("127.0.0.1", "", 403),
        ("10.0.0.7", "10.0.0.7:8501", 403),
        ("10.0.0.7", "localhost:8501", 403),  # a header proves nothing
    ],
)
def test_door__this_machine_only(came_in_on: str, asked: str, status: int) -> None:
    answer = client(came_in_on).get("/", headers={"Host": asked})
    assert answer.status_code == status
    assert client(came_in_on, shut=False).get("/", headers={"Host": asked}).status_code == 200
    if status == 403:
        assert "this machine only" in answer.text
        with (
            pytest.raises(WebSocketDisconnect),
            client(came_in_on).websocket_connect("/s", headers={"Host": asked}),
        ):
            pass


# --- files that are sent ----------------------------------------------------------------------------


def test_uploads__only_from_the_page_of_somebody_who_may() -> None:
    async def taken(_: object) -> PlainTextResponse:
        return PlainTextResponse("taken")

    known = Uploaders()
    known.let("s1", "lea")
    known.let("s2", "ana")
    routes = [Route("/{path:path}", taken, methods=["GET", "PUT", "DELETE"])]
    may = Middleware(Uploads, may=lambda session_id: known.person(session_id) == "lea")
    browser = TestClient(Starlette(routes=routes, middleware=[may]))

    def status(path: str) -> int:
        return browser.put(path, content=b"x" * 10).status_code

    assert status("/_stcore/upload_file/s1/f") == 200
    assert [status(f"/_stcore/upload_file/{s}/f") for s in ("s2", "s3", "", "s1x")] == [403] * 4
    assert status("/base/_stcore/upload_file/s2/f") == 403
    assert browser.get("/issues").status_code == 200


def test_uploaders__forgets_the_pages_opened_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.door._PAGES_KNOWN", 2)
    known = Uploaders()
    for name in ("s1", "s2", "s1", "s3"):
        known.let(name, "lea")
    assert [known.person(name) for name in ("s1", "s2", "s3")] == ["lea", "", "lea"]


# --- how it is started ------------------------------------------------------------------------------


def start(tmp_path: Path, *command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a Python command that is expected to refuse, far from any secrets.toml."""
    env = {**os.environ, "LABELMEND_WORKSPACE": str(tmp_path / "w"), "HOME": str(tmp_path), **environ}
    env["PYTHONPATH"] = str(ROOT)
    whole = [sys.executable, *command]
    return subprocess.run(whole, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60)


def test_labelmend_app__refuses_the_network(tmp_path: Path) -> None:
    code = "from core.cli import main; raise SystemExit(main(['app', '--host', '0.0.0.0', '--port', '0']))"
    env = {**os.environ, "LABELMEND_WORKSPACE": str(tmp_path / "w")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("labelmend: 0.0.0.0 can be reached from the network, without sign-in.")
    assert not (tmp_path / "w" / "datasets").exists()


@pytest.mark.parametrize(
    ("options", "environ", "sentence"),
    [
        (["--server.address=0.0.0.0"], {}, "labelmend: 0.0.0.0 can be reached from the network"),
        (["--server.address="], {}, "labelmend: every address can be reached from the network"),
        (["--server.enableXsrfProtection=false"], {}, "option server.enableXsrfProtection is False"),
        ([], {"LABELMEND_SIGN_IN": "oidc"}, "[auth]: not found, but LABELMEND_SIGN_IN is oidc"),
        ([], {"LABELMEND_SIGN_IN": "yes"}, "labelmend: LABELMEND_SIGN_IN is 'yes'"),
    ],
)
def test_streamlit_run__refuses_the_same(
    tmp_path: Path, options: list[str], environ: dict[str, str], sentence: str
) -> None:
    done = start(tmp_path, "-m", "streamlit", "run", str(ROOT / "app.py"), *options, **environ)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
