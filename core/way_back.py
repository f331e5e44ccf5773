"""Whoever opens a link and has to sign in first arrives at that link afterwards, not at the first page."""

from __future__ import annotations

import re
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote, unquote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "labelmend_wanted"
_LASTS_S = 900
_LONGEST = 2000
# One of our pages with its query: never another host, whatever somebody put into the cookie.
_PAGE = re.compile(r"/[a-z_]*(\?[\x21-\x5b\x5d-\x7e]*)?")


class WayBack:
    """ASGI middleware: a cookie notes which page was opened, and the return from sign-in leads there."""

    def __init__(self, app: ASGIApp, wanted: Callable[[], bool]) -> None:
        """wanted: whether people sign in here."""
        self.app = app
        self._wanted = wanted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything through; set, use or clear the cookie where that is due."""
        if scope["type"] != "http" or scope["method"] != "GET" or not self._wanted():
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        path, page = scope["path"], ""
        if path in ("/oauth2callback", "/auth/logout"):
            page = _noted(headers.get(b"cookie", b"").decode("latin-1"))
            cookie = _cookie("", 0)
        elif b"text/html" in headers.get(b"accept", b"") and (here := _address(scope)):
            cookie = _cookie(here, _LASTS_S)
        else:
            await self.app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent = list(message["headers"])
                if page and path == "/oauth2callback" and (b"location", b"/") in sent:
                    sent = [(k, page.encode()) if k == b"location" else (k, v) for k, v in sent]
                message = {**message, "headers": [*sent, (b"set-cookie", cookie.encode())]}
            await send(message)

        await self.app(scope, receive, answer)


def _address(scope: Scope) -> str:
    """The page that is asked for, with its query; "" for the first page as such, and for what is no page."""
    query = scope["query_string"].decode("latin-1")
    address = scope["path"] + (f"?{query}" if query else "")
    return address if address != "/" and len(address) <= _LONGEST and _PAGE.fullmatch(address) else ""


def _noted(header: str) -> str:
    """The page that the cookie names; "" where it names none of ours."""
    try:
        morsel = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    page = unquote(morsel.value) if morsel else ""
    return page if _PAGE.fullmatch(page) else ""


def _cookie(value: str, seconds: int) -> str:
    return f"{COOKIE}={quote(value, safe='')}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Lax"
