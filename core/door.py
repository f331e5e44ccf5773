"""Who may reach the server at all. Without sign-in: this machine only, unless somebody said otherwise."""

from __future__ import annotations

import ipaddress
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from core.errors import refuse
from core.settings import Settings

if TYPE_CHECKING:  # the command line asks for the rules only, and starts light
    from starlette.types import ASGIApp, Receive, Scope, Send

MUST_BE = {
    "server.enableCORS": True,
    "server.enableXsrfProtection": True,
    "client.showErrorDetails": "none",
    "server.trustedUserHeaders": {},
}
"""Streamlit's options that keep other sites, forged names and our stack traces out."""
SHORTEST_SECRET = 32
_UPLOADS = "/_stcore/upload_file/"
_PAGES_KNOWN = 10_000
_PROVIDER = ("client_id", "client_secret", "server_metadata_url")
_OPEN = (
    "set LABELMEND_SIGN_IN=oidc (README, For a team), "
    "or let everybody who reaches it be an owner: --let-anyone-on-the-network-in"
)
_REFUSAL = (
    "Labelmend asks for no sign-in here, so it answers this machine only.\n"
    "Open it as http://localhost. To let a team in, see README, For a team.\n"
)


def is_this_machine(host: str) -> bool:
    """Whether a host name or address is the loopback. Other names count as the network."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host.lower().rstrip(".") == "localhost"
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def check_address(settings: Settings, address: str | None) -> None:
    """Raises InputError where a network would be served to which nobody signs in.

    address: what the server is told to listen on; None or "" is every address of the machine.
    """
    if settings.signs_in or settings.open_to_network or is_this_machine(address or ""):
        return
    raise refuse(f"{address or 'every address'} can be reached from the network, without sign-in", mend=_OPEN)


def check_options(option: Callable[[str], Any]) -> None:
    """Raises InputError where one of Streamlit's protections is off. option: its value by its name."""
    for name, value in MUST_BE.items():
        found = option(name)
        if found != value:
            raise refuse(
                f"Streamlit's option {name} is {found!r}",
                expected=repr(value),
                mend="start it by labelmend app, without that option",
            )


def check_sign_in(settings: Settings, auth: Mapping[str, Any]) -> None:
    """Raises InputError where people are to sign in and could not, or not safely.

    auth: the [auth] section of Streamlit's secrets.toml.
    """
    if not settings.signs_in:
        return
    where = {"file": "secrets.toml, [auth]"}
    if not auth:
        raise refuse("not found, but LABELMEND_SIGN_IN is oidc", mend="see README, For a team", **where)
    if len(str(auth.get("cookie_secret", ""))) < SHORTEST_SECRET:
        raise refuse(
            "cookie_secret is missing or short: who guesses it can sign in as anybody",
            expected=f"{SHORTEST_SECRET} random characters or more",
            mend='python -c "import secrets; print(secrets.token_urlsafe(32))"',
            **where,
        )
    uri = urlsplit(str(auth.get("redirect_uri", "")))
    secure = uri.scheme == "https" or (uri.scheme == "http" and is_this_machine(uri.hostname or ""))
    if not secure or not uri.path.endswith("/oauth2callback"):
        expected = "https://<host>/oauth2callback (http on this machine only)"
        raise refuse(f"redirect_uri is {uri.geturl()!r}", expected=expected, **where)
    if not any(_is_provider(section) for section in (auth, *auth.values())):
        raise refuse("no identity provider", expected=", ".join(_PROVIDER), **where)


def _is_provider(section: object) -> bool:
    return isinstance(section, Mapping) and all(section.get(key) for key in _PROVIDER)


class Door:
    """ASGI middleware that answers this machine only, however the server was started.

    It looks at the address that a connection came in on, and at the name that the browser asked for: another
    site's name that was made to point here (DNS rebinding) is not ours.
    """

    def __init__(self, app: ASGIApp, shut: Callable[[], bool]) -> None:
        """shut: whether only this machine is let in."""
        self.app = app
        self._shut = shut

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may enter; refuse the rest with a sentence."""
        if scope["type"] == "lifespan" or not self._shut() or _is_local(scope):
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            from starlette.responses import PlainTextResponse

            await PlainTextResponse(_REFUSAL, 403)(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1008})


class Uploaders:
    """Whose the open pages are. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._people: OrderedDict[str, str] = OrderedDict()

    def let(self, session_id: str, person: str) -> None:
        """Note whose page a session of Streamlit's is."""
        with self._lock:
            self._people[session_id] = person
            self._people.move_to_end(session_id)
            while len(self._people) > _PAGES_KNOWN:
                self._people.popitem(last=False)

    def person(self, session_id: str) -> str:
        """Whose page it is; "" for one that is nobody's."""
        with self._lock:
            return self._people.get(session_id, "")


uploaders = Uploaders()
"""Of this process, as the sessions and the uploaded files of Streamlit are."""


class Uploads:
    """ASGI middleware that takes files only from the pages of those who may load data.

    Streamlit takes them from every open page: whoever sees the sign-in page could fill the server's memory.
    """

    def __init__(self, app: ASGIApp, may: Callable[[str], bool]) -> None:
        """may: whether the page of this Streamlit session may send a file. Called in a thread."""
        self.app = app
        self._may = may

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on but a file that may not be sent."""
        _, uploads, rest = scope.get("path", "").partition(_UPLOADS)
        if uploads and scope["type"] == "http" and scope["method"] not in ("OPTIONS", "DELETE"):
            from starlette.concurrency import run_in_threadpool
            from starlette.responses import PlainTextResponse

            if not await run_in_threadpool(self._may, rest.partition("/")[0]):
                refusal = PlainTextResponse("Your role cannot load data. Ask a data lead.\n", 403)
                await refusal(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _is_local(scope: Scope) -> bool:
    host, port = scope.get("server") or ("", None)
    came_in = port is None or is_this_machine(host)  # no port: a socket in this machine's file system
    asked = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
    try:
        name = urlsplit(f"//{asked}").hostname or ""
    except ValueError:
        return False
    return came_in and is_this_machine(name)
