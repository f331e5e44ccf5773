"""The routes of the review surface: items out, decisions in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from core.gates import said_to_checker
from core.guards import Refused, body_of, dataset_of, fresh, reads, whole, writes
from core.review.decisions import VERDICTS, Action, Decision
from core.review.queue import Filters
from core.team import Team

if TYPE_CHECKING:
    from core.review.store import Receipt

MAX_BATCH = 500
MAX_ITEMS = 50
_MAX_FIELD = 4000
_TEXTS = frozenset(
    {"op_id", "dataset", "row_id", "action", "label", "given_label", "undoes", "shown", "detail"}
)
_FIELDS = _TEXTS | {"based_on", "final"}
_BY_ROUTE = VERDICTS | {Action.UNDO, Action.NOTE, Action.TAG, Action.CLASS, Action.VOTE}
"""What the surface may send; roles, plans and assignments are made by the pages."""


async def decisions(team: Team, request: Request) -> Response:
    """Store what an annotator decided. The annotator is the token's, never the body's."""
    session = await writes(team, request)
    events = _parse(await body_of(request), session.annotator)
    receipts = await run_in_threadpool(team.record, session.annotator, events)
    over = await run_in_threadpool(said_to_checker, team, events)
    return fresh({"receipts": [_receipt(r) for r in receipts], **({"over": over} if over else {})})


def _receipt(receipt: Receipt) -> dict[str, Any]:
    if receipt.refused:
        return {"op_id": receipt.op_id, "error": receipt.refused}
    told = {"op_id": receipt.op_id, "seq": receipt.seq, "decided_at": receipt.decided_at}
    other = receipt.meanwhile
    if other is None:
        return told
    named = other.annotator or None
    action = str(other.action) if named else None
    return {**told, "meanwhile": {"annotator": named, "action": action, "label": other.label}}


async def items(team: Team, request: Request) -> Response:
    """Rows of a queue, lent to the annotator."""
    session = await reads(team, request)
    params = request.query_params
    found = await run_in_threadpool(
        team.page,
        session.annotator,
        dataset_of(params),
        Filters.from_query(params),
        as_of=whole(params, "as_of"),
        tag=params.get("tag", ""),
        at=whole(params, "at"),
        row=params.get("row", ""),
        undecided=params.get("undecided") == "1",
        n=min(whole(params, "n") or 12, MAX_ITEMS),
    )
    return fresh(found)


async def neighbours(team: Team, request: Request) -> Response:
    """The rows most like one row."""
    session = await reads(team, request)
    params = request.query_params
    filters, row = Filters.from_query(params), params.get("row", "")
    return fresh(
        await run_in_threadpool(team.neighbours, session.annotator, dataset_of(params), filters, row)
    )


async def text(team: Team, request: Request) -> Response:
    """The whole text of one row."""
    await reads(team, request)
    params = request.query_params
    found = await run_in_threadpool(team.desk.text, dataset_of(params), params.get("row", ""))
    return fresh({"text": found})


async def timeline(team: Team, request: Request) -> Response:
    """What the annotator can undo and redo."""
    session = await reads(team, request)
    name = dataset_of(request.query_params)
    return fresh(await run_in_threadpool(team.timeline, session.annotator, name))


async def pulse(team: Team, request: Request) -> Response:
    """What others did since."""
    session = await reads(team, request)
    params = request.query_params
    since, told = whole(params, "since") or 0, whole(params, "told")
    return fresh(await run_in_threadpool(team.pulse, session.annotator, dataset_of(params), since, told))


async def release(team: Team, request: Request) -> Response:
    """Give back the rows that the annotator holds."""
    session = await writes(team, request)
    body = await body_of(request)
    name = body.get("ds") if isinstance(body, dict) else None
    if not isinstance(name, str):
        raise Refused(400, 'Expected {"ds": the data set}.')
    await run_in_threadpool(team.claims.release, name, session.annotator)
    return fresh({})


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
    based_on, final = given.pop("based_on", None), given.pop("final", False)
    if not isinstance(final, bool) or not (based_on is None or (type(based_on) is int and based_on >= 0)):
        raise Refused(400, "final is true or false, and based_on is a whole number.")
    for name in ("op_id", "dataset", "action"):
        if not given.get(name):
            raise Refused(400, f"A decision needs {name}.")
    for name, text in given.items():
        longest = 64 if name in ("op_id", "undoes") else _MAX_FIELD
        if not isinstance(text, str) or len(text) > longest or "\0" in text:
            raise Refused(400, f"{name} is not a text of acceptable length.")
    action = given.pop("action")
    if action not in _BY_ROUTE:
        raise Refused(400, "action is one of " + ", ".join(sorted(_BY_ROUTE)) + ".")
    if action in VERDICTS | {Action.NOTE, Action.TAG} and not given.get("row_id"):
        raise Refused(400, "A decision needs row_id.")
    values = {"given_label": "", "row_id": "", **given}
    return Decision(**values, action=Action(action), annotator=annotator, based_on=based_on, final=final)
