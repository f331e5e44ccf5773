"""The app's own HTTP routes, on the port that Streamlit serves: decisions in, items and pictures out.

Streamlit guards none of these. Every data route wants the token that a page minted, in a header that
another site cannot set; and where the browser says which site calls, it must be this one. The annotator
comes from the token, never from the request's body.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from core.desk import Desk, QueueChanged, shared_desk
from core.errors import InputError
from core.media import SIZES, MediaError, picture, placeholder, thumbnail
from core.paths import inside
from core.review.decisions import Action, Decision
from core.review.queue import Filters
from core.session_token import Session, TokenError, check_download, check_media, read_session
from core.workspace import Workspace

if TYPE_CHECKING:
    from core.review.store import Receipt

TOKEN_HEADER = "x-labelmend-token"
MAX_BODY = 1 << 20
MAX_BATCH = 500
MAX_ITEMS = 50
_MAX_FIELD = 4000
_FIELDS = frozenset({"op_id", "dataset", "row_id", "action", "label", "given_label", "undoes", "shown"})
_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}
_FRESH = {**_SAFE, "Cache-Control": "no-store"}


Answer = Callable[[Desk, Request], Awaitable[Response]]


class Refused(Exception):
    """A request that is not answered: HTTP status and one sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def routes(workspace: Workspace, desk: Desk | None = None) -> list[Route]:
    """Every route of ours. desk: for tests; by default the workspace's own."""
    shared = desk or shared_desk(workspace)
    return [
        Route("/labelmend/decisions", _handler(shared, _decisions), methods=["POST"]),
        Route("/labelmend/items", _handler(shared, _items), methods=["GET"]),
        Route("/labelmend/neighbours", _handler(shared, _neighbours), methods=["GET"]),
        Route("/labelmend/text", _handler(shared, _text), methods=["GET"]),
        Route("/labelmend/media/{dataset}", _handler(shared, _media), methods=["GET"]),
        Route("/labelmend/exports/{dataset}/{file}", _handler(shared, _export), methods=["GET"]),
    ]


def _handler(desk: Desk, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    """The route's function: what was refused becomes JSON with one sentence."""

    async def handle(request: Request) -> Response:
        try:
            return await answer(desk, request)
        except Refused as error:
            return _error(error.status, str(error))
        except TokenError as error:
            return _error(401, str(error))
        except InputError as error:
            return _error(400, str(error))
        except QueueChanged:
            return _error(409, "The analysis has changed since this queue was made. Reload the page.")

    return handle


def _error(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"error": sentence}, status, _FRESH)


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


def signed_in(desk: Desk, request: Request) -> Session:
    """The session of the request's token header. Raises TokenError."""
    return read_session(desk.workspace.secret(), request.headers.get(TOKEN_HEADER))


async def _decisions(desk: Desk, request: Request) -> Response:
    same_origin(request, required=True)
    session = signed_in(desk, request)
    decisions = _parse(await _body(request), session.annotator)

    receipts = await run_in_threadpool(desk.record, decisions)
    return JSONResponse({"receipts": [_receipt(r) for r in receipts]}, headers=_FRESH)


def _receipt(receipt: Receipt) -> dict[str, Any]:
    if receipt.refused:
        return {"op_id": receipt.op_id, "error": receipt.refused}
    return {"op_id": receipt.op_id, "seq": receipt.seq, "decided_at": receipt.decided_at}


async def _items(desk: Desk, request: Request) -> Response:
    same_origin(request, required=False)
    signed_in(desk, request)
    params = request.query_params
    found = await run_in_threadpool(
        desk.page,
        _dataset(params),
        Filters.from_query(params),
        as_of=_whole(params, "as_of"),
        tag=params.get("tag", ""),
        at=_whole(params, "at"),
        row=params.get("row", ""),
        undecided=params.get("undecided") == "1",
        n=min(_whole(params, "n") or 12, MAX_ITEMS),
    )
    return JSONResponse(found, headers=_FRESH)


async def _neighbours(desk: Desk, request: Request) -> Response:
    same_origin(request, required=False)
    signed_in(desk, request)
    params = request.query_params
    filters = Filters.from_query(params)
    found = await run_in_threadpool(desk.neighbours, _dataset(params), filters, params.get("row", ""))
    return JSONResponse(found, headers=_FRESH)


async def _text(desk: Desk, request: Request) -> Response:
    same_origin(request, required=False)
    signed_in(desk, request)
    params = request.query_params
    text = await run_in_threadpool(desk.text, _dataset(params), params.get("row", ""))
    return JSONResponse({"text": text}, headers=_FRESH)


async def _media(desk: Desk, request: Request) -> Response:
    """A row's picture. An <img> sends no header, so that its token is in the address."""
    same_origin(request, required=False)
    name, params = request.path_params["dataset"], request.query_params
    check_media(desk.workspace.secret(), params.get("token"), name)
    size = params.get("size", "full")
    if size not in SIZES:
        raise Refused(400, f"size is one of {', '.join(SIZES)}.")
    return await run_in_threadpool(_picture, desk, name, params.get("row", ""), size)


def _picture(desk: Desk, name: str, row: str, size: str) -> Response:
    dataset = desk.project(name).dataset
    position = int(dataset.positions([row])[0])
    if position < 0:
        raise Refused(404, f"Row {row} is not in this project.")
    try:
        if size == "thumb":
            made = thumbnail(dataset, position, desk.workspace.cache_dir)
        else:
            made = picture(dataset, position, size)
    except MediaError as error:
        if size == "thumb":  # a list keeps its shape; the large view says what is wrong
            return _shown(placeholder().data, "image/png", "no-store")
        return _error(422, str(error))
    # The address holds the file's digest and a token, so that it means these bytes for good.
    return _shown(made.data, made.media_type, "private, max-age=86400, immutable")


async def _export(desk: Desk, request: Request) -> Response:
    """A corrected file, streamed from the disk."""
    same_origin(request, required=False)
    name, file = request.path_params["dataset"], request.path_params["file"]
    check_download(desk.workspace.secret(), request.query_params.get("token"), name)
    path = inside(desk.workspace.exports(name), file)
    if path is None or not path.is_file():
        raise Refused(404, "There is no such export. Write it on the Export page.")
    return FileResponse(path, filename=path.name, media_type="application/octet-stream", headers=_FRESH)


def _shown(data: bytes, media_type: str, caching: str) -> Response:
    return Response(data, media_type=media_type, headers={**_SAFE, "Cache-Control": caching})


async def _body(request: Request) -> Any:
    """The request's JSON, read up to MAX_BODY bytes."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise Refused(415, "Decisions are sent as JSON.")
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_BODY:
            raise Refused(413, f"At most {MAX_BODY:,} bytes can be sent at once.")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "This is not JSON.") from error


def _parse(body: Any, annotator: str) -> list[Decision]:
    """The decisions of {"decisions": [...]}, all by the annotator of the token."""
    found = body.get("decisions") if isinstance(body, dict) else None
    if not isinstance(found, list) or not 0 < len(found) <= MAX_BATCH:
        raise Refused(400, f'Expected {{"decisions": [...]}} with 1 to {MAX_BATCH} decisions.')
    return [_decision(value, annotator) for value in found]


def _decision(value: Any, annotator: str) -> Decision:
    if not isinstance(value, dict) or not value.keys() <= _FIELDS:
        raise Refused(400, "A decision has the fields " + ", ".join(sorted(_FIELDS)) + ".")
    given = {k: v for k, v in value.items() if v is not None}
    for name in ("op_id", "dataset", "row_id", "action"):
        if not given.get(name):
            raise Refused(400, f"A decision needs {name}.")
    for name, text in given.items():
        if not isinstance(text, str) or len(text) > (64 if name in ("op_id", "undoes") else _MAX_FIELD):
            raise Refused(400, f"{name} is not a text of acceptable length.")
    try:
        action = Action(given.pop("action"))
    except ValueError as error:
        raise Refused(400, "action is one of " + ", ".join(Action) + ".") from error
    return Decision(**{"given_label": "", **given}, action=action, annotator=annotator)


def _dataset(params: Mapping[str, str]) -> str:
    name = params.get("ds", "")
    if not name:
        raise Refused(400, "The data set is named by ds.")
    return name


def _whole(params: Mapping[str, str], name: str) -> int | None:
    text = params.get(name)
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise Refused(400, f"{name} is a whole number.")
    return int(text)
