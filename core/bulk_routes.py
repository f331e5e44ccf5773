"""The routes of the grid: tiles out, one verdict on many rows in."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from core import bulk
from core.guards import Refused, body_of, dataset_of, fresh, reads, whole, writes
from core.review.decisions import VERDICTS, Action
from core.review.queue import Filters
from core.team import Team
from core.tiles import queue_tiles, similar_tiles, tiles

MOST_TILES = 60
_USUAL_TILES = 24
_LONGEST = 4000
_FIELDS = frozenset(
    {"op_id", "ds", "filters", "rows", "action", "label", "suggestion", "as_of", "seen", "preview", "expect"}
)


async def queue(team: Team, request: Request) -> Response:
    """A slice of a queue as tiles."""
    session = await reads(team, request)
    params = request.query_params
    found = await run_in_threadpool(
        queue_tiles,
        team,
        session.annotator,
        dataset_of(params),
        Filters.from_query(params),
        as_of=whole(params, "as_of"),
        tag=params.get("tag", ""),
        at=whole(params, "at"),
        row=params.get("row", ""),
        n=_n(request),
    )
    return fresh(found)


async def similar(team: Team, request: Request) -> Response:
    """A row and those most like it as tiles, nearest first."""
    session = await reads(team, request)
    params = request.query_params
    name, filters, row = dataset_of(params), Filters.from_query(params), params.get("row", "")
    found = await run_in_threadpool(similar_tiles, team, session.annotator, name, filters, row, n=_n(request))
    return fresh({"tiles": found})


async def on_many(team: Team, request: Request) -> Response:
    """What one verdict on many rows would come to (preview), or that verdict stored as one event."""
    session = await writes(team, request)
    body = await body_of(request)
    wish = _wish(body)
    if body.get("preview"):
        return fresh(await run_in_threadpool(_preview, team, session.annotator, wish))
    op_id = body.get("op_id")
    if not isinstance(op_id, str) or not 0 < len(op_id) <= 64:
        raise Refused(400, "A change needs op_id, a text of at most 64 characters.")
    outcome = await run_in_threadpool(
        bulk.apply,
        team,
        session.annotator,
        wish,
        op_id,
        seen=_number(body, "seen"),
        expect=_number(body, "expect"),
    )
    receipt = outcome.receipt
    told = {"op_id": op_id, **asdict(outcome.counts), "since": outcome.since}
    if receipt.refused:
        return fresh({**told, "error": receipt.refused})
    return fresh({**told, "seq": receipt.seq, "decided_at": receipt.decided_at})


def _preview(team: Team, person: str, wish: bulk.Wish) -> dict[str, Any]:
    found = bulk.preview(team, person, wish)
    return {
        **asdict(found.counts),
        "pairs": found.pairs,
        "examples": tiles(team, person, wish.dataset, wish.filters, found.examples),
        "as_of": found.as_of,
        "seen": found.seen,
    }


def _wish(body: Any) -> bulk.Wish:
    if not isinstance(body, dict) or not body.keys() <= _FIELDS:
        raise Refused(400, "A change of many rows has the fields " + ", ".join(sorted(_FIELDS)) + ".")
    action, label, rows = body.get("action"), body.get("label"), body.get("rows")
    if not isinstance(action, str) or action not in set(VERDICTS):
        raise Refused(400, "action is one of " + ", ".join(sorted(VERDICTS)) + ".")
    if (action == Action.RELABEL) != (_is_text(label) or body.get("suggestion") is True):
        raise Refused(400, "To relabel, and only then, give label: a class, or suggestion: true.")
    if label is not None and (not _is_text(label) or "suggestion" in body):
        raise Refused(400, "label is the name of a class; suggestion: true stands instead of it.")
    if rows is not None and not (isinstance(rows, list) and all(_is_text(row) for row in rows)):
        raise Refused(400, "rows is a list of row ids; without it, every row of the queue is meant.")
    filters = body.get("filters", {})
    if not isinstance(filters, dict) or not all(_is_text(text) for pair in filters.items() for text in pair):
        raise Refused(400, "filters are names and values, as in the address of the queue.")
    return bulk.Wish(
        dataset_of({"ds": body["ds"]} if _is_text(body.get("ds")) else {}),
        Filters.from_query(filters),
        Action(action),
        label,
        None if rows is None else tuple(rows),
        _number(body, "as_of"),
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST


def _number(body: dict[str, Any], name: str) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 10**15:
        raise Refused(400, f"{name} is a whole number.")
    return value


def _n(request: Request) -> int:
    return max(1, min(whole(request.query_params, "n") or _USUAL_TILES, MOST_TILES))
