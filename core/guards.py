"""Who may call a route: the checks that every route of ours makes, and the answers to what they refuse.

Streamlit guards none of these routes. Every data route wants the token that a page minted, in a header that
another site cannot set; where the browser says which site calls, it must be this one; and the role is looked
up in the log at each request, so that a role taken away is gone at once.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from core.desk import QueueChanged
from core.errors import InputError, StoreUnavailable
from core.limits import WRITES, Overload
from core.review.people import NotPermitted, Role
from core.session_token import Session, TokenError, read_session
from core.team import Team

TOKEN_HEADER = "x-labelmend-token"
MAX_BODY = 1 << 20
SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}
FRESH = {**SAFE, "Cache-Control": "no-store"}

Answer = Callable[[Team, Request], Awaitable[Response]]


class Refused(Exception):
    """A request that is not answered: HTTP status and one sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def handler(team: Team, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    """The route's function: what was refused becomes JSON with one sentence."""

    async def handle(request: Request) -> Response:
        try:
            return await answer(team, request)
        except Refused as error:
            return refusal(error.status, str(error))
        except Overload as error:
            return refusal(error.status, str(error), {"Retry-After": str(error.retry_after)})
        except TokenError as error:
            return refusal(401, str(error))
        except NotPermitted as error:
            return refusal(403, str(error))
        except InputError as error:
            return refusal(400, str(error))
        except QueueChanged:
            return refusal(409, "The analysis has changed since this queue was made. Reload the page.")
        except StoreUnavailable as error:
            return refusal(503, str(error))
        except ClientDisconnect:
            return refusal(408, "The request broke off.")  # nobody reads it; it is no error of ours

    return handle


def refusal(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The answer to a request that is refused."""
    return JSONResponse({"error": sentence}, status, {**FRESH, **(headers or {})})


def fresh(body: Any) -> JSONResponse:
    """An answer that nobody keeps."""
    return JSONResponse(body, headers=FRESH)


def same_origin(request: Request, *, required: bool) -> None:
    """Raises Refused where the browser says that another site calls.

    required: refuse too where the browser says nothing (a browser always says it for a POST).
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None and site != "same-origin":
        raise Refused(403, "This request comes from another site.")
    if origin is not None and urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower():
        raise Refused(403, "This request comes from another site.")
    if required and site is None and origin is None:
        raise Refused(403, "This request does not say which site it comes from.")


async def reads(team: Team, request: Request) -> Session:
    """The session of whoever may read. Raises Refused, TokenError, NotPermitted."""
    same_origin(request, required=False)
    return await _permitted(team, session_of(team, request), Role.VIEWER)


async def writes(team: Team, request: Request) -> Session:
    """The session of whoever may decide. Raises Refused, TokenError, Overload, NotPermitted."""
    same_origin(request, required=True)
    session = session_of(team, request)
    WRITES.take(session)
    return await _permitted(team, session, Role.ANNOTATOR)


def session_of(team: Team, request: Request) -> Session:
    """The session of the request's token header. Raises TokenError."""
    return read_session(team.desk.workspace.secret(), request.headers.get(TOKEN_HEADER))


async def _permitted(team: Team, session: Session, least: Role) -> Session:
    # In a thread: a database that is slow to answer must not hold up every other request.
    await run_in_threadpool(lambda: team.people.require(session.annotator, least))
    return session


async def body_of(request: Request) -> Any:
    """The request's JSON, read up to MAX_BODY bytes."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise Refused(415, "What is sent must be JSON.")
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_BODY:
            raise Refused(413, f"At most {MAX_BODY:,} bytes can be sent at once.")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "This is not JSON.") from error


def dataset_of(params: Mapping[str, str]) -> str:
    name = params.get("ds", "")
    if not name:
        raise Refused(400, "The data set is named by ds.")
    return name


def whole(params: Mapping[str, str], name: str) -> int | None:
    text = params.get(name)
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise Refused(400, f"{name} is a whole number.")
    return int(text)
