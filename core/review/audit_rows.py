"""Rows drawn at random among those of a queue, so that what a review finds says something of all rows.

One permutation of the rows, drawn by their ids, is never drawn again. A queue mixes its own order with that
one: at each place a coin, seeded too, says which of the two comes next, and the row is the first of it that
has no place yet. So a drawn row is a uniform draw from those that come after, whatever the ranking is worth.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from core.review.chance import unit_interval
from core.review.fixes import GATE
from core.review.gold import GOLD
from core.review.look import Look
from core.review.queue import Filters

DRAWN, RANKED, PICKED = "audit", "ranked", "picked"
"""Where a decision's row came from: drawn at random, from the queue's own order, or looked up."""
_MARKED = (DRAWN, RANKED, GOLD)
_BLOCK = 4096


@dataclass(frozen=True, eq=False)
class Dealt:
    """A queue as it is worked through. positions: (M,). tag: changes when they do. drawn: (M,) bool, which of
    them were drawn at random; those are shown without a suggestion.
    """

    positions: np.ndarray
    tag: str
    drawn: np.ndarray

    def blinded(self, look: Look) -> Look:
        """A look that hides what models and checks say of the rows drawn at random."""
        if not self.drawn.any():
            return look
        board = look.board
        hidden = np.zeros(len(board.dataset), dtype=bool) if board.hidden is None else board.hidden.copy()
        hidden[self.positions[self.drawn]] = True
        return replace(look, board=replace(board, hidden=hidden))

    def draws(self, position: int) -> bool:
        """Whether a row's place in the queue was drawn at random."""
        return bool((self.positions[self.drawn] == position).any())


def draws(filters: Filters) -> bool:
    """Whether random rows belong into a queue: it leaves no row of the data set out but by its score."""
    return set(filters.narrowing) <= {"cut"}


def mixed(ranked: np.ndarray, order: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """(positions, drawn): a queue with random rows among it, and which of its places hold one.

    ranked: (M,) positions in the queue's order. order: (N,) the permutation of all positions. share: of the
    places, in [0, 1). The queue ends where `ranked` does.
    """
    if share <= 0 or not len(ranked):
        return ranked, np.zeros(len(ranked), dtype=bool)
    placed = np.zeros(len(order), dtype=bool)
    left = len(ranked)
    in_ranked = np.zeros(len(order), dtype=bool)
    in_ranked[ranked] = True
    rest, lot = iter(ranked.tolist()), iter(order.tolist())
    positions: list[int] = []
    drawn: list[bool] = []
    for coin in _coins(share):
        if not left:
            break
        position = next((p for p in (lot if coin else rest) if not placed[p]), None)
        if position is None:
            break  # every row has its place
        placed[position] = True
        left -= int(in_ranked[position])
        positions.append(position)
        drawn.append(coin)
    return np.array(positions, dtype=np.int64), np.array(drawn, dtype=bool)


def _coins(share: float) -> Iterator[bool]:
    """Tosses without end, the same every time."""
    start = 0
    while True:
        yield from (unit_interval([str(i) for i in range(start, start + _BLOCK)], 0, "slot") < share).tolist()
        start += _BLOCK


def mark(secret: bytes, dataset: str, row_id: str, source: str, gate: str = "") -> str:
    """What a browser sends back with a decision, by which the server knows where the row came from.

    source: DRAWN, RANKED or GOLD. It does not tell the annotator: the marks of all kinds look alike. gate:
    the id of the spot check whose queue it is; the mark begins with it, as the address of that queue does.
    """
    if gate:
        return f"{gate}:{_mark(secret, dataset, row_id, f'gate {gate}')}"
    return _mark(secret, dataset, row_id, source)


def source_of(secret: bytes, dataset: str, row_id: str, told: object) -> str:
    """The source that a mark was made with, PICKED where the server has not made it for this row."""
    known = told if isinstance(told, str) and told.isascii() else ""
    for source in _MARKED:
        if hmac.compare_digest(known, _mark(secret, dataset, row_id, source)):
            return source
    return PICKED


def origin_of(secret: bytes, dataset: str, row_id: str, told: object) -> dict[str, str]:
    """What is kept of where a decision's row came from: its source, and of which spot check it is a row."""
    gate, colon, _ = told.partition(":") if isinstance(told, str) and told.isascii() else ("", "", "")
    if colon and hmac.compare_digest(str(told), mark(secret, dataset, row_id, RANKED, gate or colon)):
        return {"source": GATE, "gate": gate}
    return {"source": source_of(secret, dataset, row_id, told)}


def _mark(secret: bytes, dataset: str, row_id: str, source: str) -> str:
    message = "\0".join(("audit row 1", source, dataset, row_id)).encode("utf-8", "surrogatepass")
    return hmac.new(secret, message, hashlib.sha256).hexdigest()[:24]
