"""One person's view of a queue: which rows wait for them, and what they may know of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.review import items
from core.review.assignments import Assigned
from core.review.classes import ClassList, in_todays_names
from core.review.decisions import Action, Decision, Standing
from core.review.queue import Filters
from core.review.remarks import remarks

if TYPE_CHECKING:
    from core.review.claims import Claim
    from core.review.plan import Drawn, Plan
    from core.review.store import Peek

_LETTERS = "ABCDEFGHIJ"
_AT_ONCE = 1024


@dataclass(frozen=True, eq=False)
class Look:
    """One person's view of a queue at one moment.

    held: the rows in others' hands. assigned: which rows are given to whom. gold: positions of the gold rows,
    of which this person is told nothing that others said; empty for those who may know them.
    seen: seq of an event that `standings` holds for sure; later ones are what happened meanwhile.
    """

    name: str
    person: str
    filters: Filters
    board: items.Board
    classes: ClassList
    plan: Plan
    drawn: Drawn
    seen: int
    standings: Peek
    assigned: Assigned
    held: Mapping[str, Claim]
    decides: bool
    adjudicates: bool
    sees_all: bool
    gold: frozenset[int] = frozenset()

    def row(self, position: int) -> tuple[str, Standing | None]:
        row_id = str(self.board.dataset.row_ids[position])
        standing = self.standings.get(row_id)
        if standing is not None and position in self.gold:
            standing = standing.own(self.person)
        return row_id, standing

    def waits(self, position: int) -> bool:
        """Whether a row waits for this person's verdict."""
        row_id, standing = self.row(position)
        if self.filters.gate:
            return standing is None
        if self.filters.state == "disagreed":
            return standing is not None and standing.disagreed and self.adjudicates
        if position in self.gold:
            return standing is None
        if self.person not in self.assigned.get(row_id, (self.person,)):
            return False
        if self.filters.state == "needs_review" and standing is not None:
            settled = standing.settled
            return settled is not None and settled.action is Action.NEEDS_REVIEW
        if standing is None:
            return True
        return self.plan.due(standing, self.person, int(self.drawn.looks[position]))

    def own(self, position: int) -> bool:
        """Whether this person has decided the row."""
        if not self.standings.has_event_of(str(self.board.dataset.row_ids[position]), self.person):
            return False  # most rows are others', and a standing takes ten times as long
        _, standing = self.row(position)
        if standing is None:
            return False
        said = (*standing.opinions, *([standing.final] if standing.final else []))
        return any(d.annotator == self.person for d in said)

    def belongs(self, position: int) -> bool:
        """Whether a row is shown in passing: it waits for them, is theirs, or decided rows are asked for."""
        if not self.decides:
            return True
        browsing = self.filters.state not in ("", "undecided")
        return self.own(position) or browsing or self.waits(position)

    def free(self, position: int) -> bool:
        return str(self.board.dataset.row_ids[position]) not in self.held

    def in_turn(self, positions: np.ndarray, rank: int) -> bool:
        """Whether a place is one's own to see: gold that is unanswered comes behind a row of one's own only,
        so that everybody gets the same share of it however many work on one queue.
        """
        if int(positions[rank]) not in self.gold or self.own(int(positions[rank])):
            return True
        before = int(positions[rank - 1]) if rank else -1
        return before >= 0 and (self.own(before) or (self.free(before) and self.waits(before)))

    def first_waiting(self, positions: np.ndarray, at: int) -> int:
        """Rank of the first row from `at` on that waits and is free; the queue's length where none is."""
        browsing = self.filters.state not in ("", "undecided", "disagreed", "needs_review")
        for start in range(at, len(positions), _AT_ONCE):
            for rank in self._open(positions[start : start + _AT_ONCE]):
                position = int(positions[start + rank])
                waits = browsing or (self.free(position) and self.waits(position))
                if waits and self.in_turn(positions, start + rank):
                    return start + rank
        return len(positions)

    def _open(self, positions: np.ndarray) -> list[int]:
        """Places of the rows that may wait for this person. Of a queue, a hundred thousand may be done."""
        if self.filters.state not in ("", "undecided") or self.plan.changes:
            return list(range(len(positions)))
        answered = self.standings.answered(self.board.dataset.row_ids[positions].tolist())
        enough = np.array(answered, bool) & (self.drawn.looks[positions] <= 1)
        return np.flatnonzero(~enough | np.isin(positions, list(self.gold))).tolist()

    def shown(self, positions: np.ndarray, at: int, n: int, asked: int) -> tuple[list[int], int]:
        """(at most n ranks from `at` on that are this person's to see, the rank after the last one)."""
        ranks: list[int] = []
        rank = at
        while rank < len(positions) and len(ranks) < n:
            position = int(positions[rank])
            seen = self.own(position) or (self.free(position) and self.belongs(position))
            if position == asked or (seen and self.in_turn(positions, rank)):
                ranks.append(rank)
            rank += 1
        return ranks, rank

    def mine(self, position: int, lent: Mapping[str, Claim]) -> bool:
        """Whether nobody else took the row in the moment before it was lent."""
        claim = lent.get(str(self.board.dataset.row_ids[position]))
        return claim is None or claim.annotator == self.person or self.own(position)

    def item(self, position: int, lent: Mapping[str, Claim]) -> dict[str, Any]:
        """The row as the surface shows it to this person."""
        row_id, standing = self.row(position)
        events = self.standings.history(row_id)
        opinions = self._opinions(standing)
        item = items.item(self.board, position, self.decision(standing))
        item = in_todays_names(item, self.board.dataset, self.classes)
        claim = lent.get(row_id)
        others = claim is not None and claim.annotator != self.person
        alone = not self.sees_all or position in self.gold
        second = standing is not None and not self.own(position) and standing.final is None
        return item | {
            "seen": self.seen,
            "waits": self.waits(position),
            "blind": not self.sees_all,
            "held": {"by": claim.annotator, "until": claim.expires_at} if others and claim else None,
            "second_look": second and self.waits(position) and self.filters.state != "disagreed",
            "opinions": opinions,
            **self._unnamed(remarks(events, self.person, alone=alone), standing, opinions),
        }

    def decision(self, standing: Standing | None) -> Decision | None:
        """What is shown as the row's decision: the final word, one's own, or what is settled."""
        if standing is None:
            return None
        own = [d for d in standing.opinions if d.annotator == self.person]
        if standing.final is not None and (self.sees_all or standing.final.annotator == self.person):
            return standing.final
        if own:
            return own[-1]
        return standing.settled if self.sees_all else None

    def _opinions(self, standing: Standing | None) -> list[dict[str, Any]]:
        """Both sides of a disagreement, for who may end it; names only once it is ended."""
        if standing is None or not self.adjudicates or len(standing.opinions) < 2:
            return []
        named = standing.final is not None
        return [
            {
                "who": _LETTERS[i],
                "action": str(d.action),
                "label": d.label,
                "annotator": d.annotator if named else None,
            }
            for i, d in enumerate(standing.opinions[: len(_LETTERS)])
        ]

    def _unnamed(
        self, said: dict[str, Any], standing: Standing | None, opinions: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """Remarks under the letters of an open disagreement, which a name beside a note would give away."""
        if standing is None or not opinions or standing.final is not None:
            return said
        letters = {d.annotator: _LETTERS[i] for i, d in enumerate(standing.opinions[: len(_LETTERS)])}
        notes = [
            {**note, "annotator": letters.get(note["annotator"], note["annotator"])} for note in said["notes"]
        ]
        return {**said, "notes": notes}
