"""Rows as small cards: a slice of a queue for the grid, and the rows most like one row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from core.desk import QueueChanged
from core.errors import refuse
from core.review import items
from core.review.look import Look
from core.review.queue import Filters
from core.team import Team

TEXT_LIMIT = 280
FIELDS = 6


def queue_tiles(
    team: Team,
    person: str,
    name: str,
    filters: Filters,
    *,
    as_of: int | None = None,
    tag: str = "",
    at: int | None = None,
    row: str = "",
    n: int = 24,
) -> dict[str, Any]:
    """n tiles of a queue from rank `at` on (0 is first), decided and held rows included.

    Without `at`: those among which `row` is, the queue being cut into lots of n from its beginning.
    Nothing is lent by this. Raises QueueChanged when `tag` is not the queue's.
    """
    as_of = team.store.last_seq(name) if as_of is None else as_of
    dealt = team.dealt(name, person, filters, as_of)
    positions = dealt.positions
    if tag and tag != dealt.tag:
        raise QueueChanged
    if at is None:
        asked = team.desk.project(name).dataset.positions([row])[0]
        rank = np.flatnonzero(positions == asked)
        at = int(rank[0]) // n * n if asked >= 0 and len(rank) else 0
    look = dealt.blinded(team.look(name, person, filters))
    shown = [_tile(look, p) for p in positions[at : at + n].tolist()]
    for i, tile in enumerate(shown):
        tile["rank"] = at + i
    return {"total": len(positions), "as_of": as_of, "tag": dealt.tag, "at": at, "tiles": shown}


def similar_tiles(
    team: Team, person: str, name: str, filters: Filters, row: str, n: int = 24
) -> list[dict[str, Any]]:
    """Tiles of a row and the n - 1 rows nearest to it by their embeddings, nearest first.

    They are looked for in the whole data set, in the queue or not. distance: 1 - cosine, 0 is alike.
    Raises InputError for a row that is not there, or without embeddings.
    """
    from core.methods.neighbours import nearest

    project = team.desk.project(name)
    position = int(project.dataset.positions([row])[0])
    if position < 0:
        raise refuse(f"row {row!r} is not in this project")
    embeddings = project.predictions.embeddings
    if embeddings is None:
        raise refuse("this data set has no embeddings", mend="load it with them to find rows that are alike")
    found, distance = nearest(embeddings, np.array([position]), n - 1)
    near = [(int(p), float(d)) for p, d in zip(found[0], distance[0], strict=True) if p >= 0]
    shown = tiles(team, person, name, filters, [position, *(p for p, _ in near)])
    for tile, (_, away) in zip(shown, [(position, 0.0), *near], strict=True):
        tile["distance"] = round(away, 3)
    return shown


def tiles(
    team: Team, person: str, name: str, filters: Filters, positions: Iterable[int]
) -> list[dict[str, Any]]:
    """The rows at these positions as tiles, as far as this person may know them."""
    look = team.look(name, person, filters)
    return [_tile(look, p) for p in positions]


def _tile(look: Look, position: int) -> dict[str, Any]:
    """given, suggestion: as the classes are called now. disagreed: annotators differ, nobody has ended it.
    held: in whose hands the row is, or None.
    """
    row_id, standing = look.row(position)
    decision, claim = look.decision(standing), look.held.get(row_id)
    given, suggestion = (
        items.given_label(look.board.dataset, position),
        items.suggestion_of(look.board, position),
    )
    return {
        "row_id": row_id,
        "number": position + 1,
        "given": None if given is None else look.classes.resolve(given),
        "suggestion": None if suggestion is None else look.classes.resolve(suggestion),
        "decision": None if decision is None else items.decision_view(decision),
        "disagreed": look.sees_all and standing is not None and standing.disagreed,
        "held": None if claim is None else claim.annotator,
        **_content(look.board, position),
    }


def _content(board: items.Board, position: int) -> dict[str, Any]:
    """A thumbnail's address, the beginning of a text, or the most telling fields."""
    kind = board.dataset.columns.kind
    if kind == "image":
        return {"thumb": board.link(position, "thumb"), "full": board.link(position, "full")}
    if kind == "tabular":
        fields = items.content(board, position)["fields"][:FIELDS]
        return {"fields": [[field["name"], field["value"]] for field in fields]}
    text = items.row_text(board.dataset, position)
    return {"text": text[:TEXT_LIMIT] + ("…" if len(text) > TEXT_LIMIT else "")}
