"""Lets an address below the root (`/review?row=14`) open without Streamlit's search for its server.

The first page has no address of its own for Streamlit, which calls `/overview` a page that is not there.
"""

from __future__ import annotations

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Streamlit's page asks for its server below the address that was opened first (`/review/_stcore/health`),
# which is a failed request and a console error on every shared link. It reads this object before it searches.
_SCRIPT = b"<script>window.__streamlit = {BACKEND_BASE_URL: new URL('/', location.href).href}</script>"


_FIRST = "/overview"


class DeepLinks:
    """ASGI middleware that tells Streamlit's page where its server is; /overview leads to the first page."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything through; put one script into the head of HTML pages."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        # An unencoded body is the only one that can be written into.
        headers = [(k, v) for k, v in scope["headers"] if k != b"accept-encoding"]
        wants_page = any(k == b"accept" and b"text/html" in v for k, v in headers)
        if not wants_page:
            await self.app(scope, receive, send)
            return
        if scope["path"] in (_FIRST, f"{_FIRST}/"):
            query = scope["query_string"].decode("latin-1")
            up = "./" if scope["path"] == _FIRST else "../"
            await RedirectResponse(up + (f"?{query}" if query else ""))(scope, receive, send)
            return
        await self.app({**scope, "headers": headers}, receive, _Page(send))


class _Page:
    """Holds an HTML response back until it is whole, then sends it with the script."""

    def __init__(self, send: Send) -> None:
        self.send = send
        self.start: Message | None = None
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            kind = dict(message["headers"]).get(b"content-type", b"")
            if kind.startswith(b"text/html"):
                self.start = message
                return
        elif message["type"] == "http.response.body" and self.start is not None:
            self.body += message.get("body", b"")
            if message.get("more_body"):
                return
            body = self.body.replace(b"<head>", b"<head>" + _SCRIPT, 1)
            headers = [(k, v) for k, v in self.start["headers"] if k != b"content-length"]
            headers.append((b"content-length", str(len(body)).encode()))
            await self.send({**self.start, "headers": headers})
            await self.send({"type": "http.response.body", "body": body})
            return
        await self.send(message)
