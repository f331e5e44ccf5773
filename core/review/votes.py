"""Votes on suggestions: a round asks several people which of two labels fits a row; no vote changes a label.

A round and every vote in it are VOTE events, taken back by an UNDO. The detail of a round holds "rows", each
as [row id, given label, suggested label] in the order of asking, which stay as they are whatever a later
analysis suggests; and "recorded", votes given elsewhere, each as [row id, who or "", choice, how many]. The
detail of a vote holds "round", "row", "shown" (the two labels as they stood on the screen) and "chose".
Source of the protocol: core.evidence.validation.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from core.evidence.validation import READERS, Choice, first_is_given
from core.review.chance import unit_interval
from core.review.decisions import Action, Decision, live

if TYPE_CHECKING:
    from core.review.store import Store

SEED = 0
MOST_READERS = 99
FIRST, SECOND = "first", "second"
CHOSE = (FIRST, SECOND, str(Choice.BOTH), str(Choice.NEITHER))
"""What a vote can choose: the label that stood first, that below it, both or neither."""
_LARGEST = 1_000_000


@dataclass(frozen=True, slots=True)
class Pair:
    """What a row is asked about: its given and its suggested label when the round was opened."""

    given: str
    suggested: str


@dataclass(frozen=True, slots=True)
class Vote:
    """What one voter says of a row, or `times` voters without a name. recorded: it was given elsewhere.

    event: of the vote, or of the round that brought it.
    """

    voter: str
    choice: Choice
    event: Decision
    recorded: bool = False
    times: int = 1


@dataclass(frozen=True, eq=False)
class Round:
    """Rows that are voted on.

    event: that opened it; its op_id is the round's id. rows: row id -> what is asked, in the order of asking.
    flagged: how many rows with a suggestion the rows were drawn from. readers: votes that each row needs.
    queue: how those were chosen, in words. votes: row id -> the last vote of each voter, in order of voting.
    """

    event: Decision
    rows: Mapping[str, Pair]
    flagged: int
    readers: int
    queue: str
    votes: Mapping[str, tuple[Vote, ...]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The op_id of the event that opened it."""
        return self.event.op_id

    @property
    def recorded(self) -> bool:
        """Whether its votes were given elsewhere."""
        return bool(_detail(self.event.detail).get("recorded"))

    def counts(self, row_id: str) -> dict[Choice, int]:
        """How many votes each choice has on a row; choices without a vote are left out."""
        found = dict.fromkeys(Choice, 0)
        for vote in self.votes.get(row_id, ()):
            found[vote.choice] += vote.times
        return {choice: many for choice, many in found.items() if many}

    def waiting(self, voter: str) -> list[str]:
        """The rows that wait for this voter, in the order of asking: those with too few votes and none of
        theirs. Nobody is asked in a round of recorded votes."""
        return [] if self.recorded else [r for r in self.rows if self._waits(self.votes.get(r, ()), voter)]

    def _waits(self, votes: Sequence[Vote], voter: str) -> bool:
        return sum(v.times for v in votes) < self.readers and all(v.voter != voter for v in votes)

    def of(self, voter: str) -> list[tuple[str, Vote]]:
        """A voter's votes that were given here, the last one at the end, each with its row id."""
        found = [
            (r, v) for r, votes in self.votes.items() for v in votes if v.voter == voter and not v.recorded
        ]
        return sorted(found, key=lambda one: one[1].event.seq)

    def shown(self, row_ids: Sequence[str], voter: str) -> list[tuple[str, str]]:
        """The two labels of each row in the order in which this voter sees them, drawn for row and voter."""
        purpose = f"validation {self.id} {voter}"
        first = first_is_given(unit_interval(list(row_ids), SEED, purpose)).tolist()
        pairs = [self.rows[row_id] for row_id in row_ids]
        return [
            (p.given, p.suggested) if given else (p.suggested, p.given)
            for p, given in zip(pairs, first, strict=True)
        ]


def round_event(
    dataset: str,
    by: str,
    rows: Mapping[str, Pair],
    *,
    readers: int = READERS,
    flagged: int | None = None,
    queue: str = "",
    recorded: Sequence[tuple[str, str, str, int]] = (),
) -> Decision:
    """The event that opens a round. flagged: how many rows these were drawn from; None: they are all.

    recorded: (row id, who or "", Choice, how many) of votes given elsewhere.
    """
    detail: dict[str, Any] = {
        "rows": [[row_id, pair.given, pair.suggested] for row_id, pair in rows.items()],
        "flagged": len(rows) if flagged is None else flagged,
        "readers": readers,
        "queue": queue,
    }
    if recorded:
        detail["recorded"] = [list(vote) for vote in recorded]
    return Decision(dataset, "", Action.VOTE, by, "", uuid.uuid4().hex, detail=json.dumps(detail))


def vote_event(
    dataset: str, by: str, round_id: str, row_id: str, shown: tuple[str, str], chose: str, op_id: str = ""
) -> Decision:
    """The event of one vote. shown: the two labels as they stood on the screen; chose: one of CHOSE."""
    detail = {"round": round_id, "row": row_id, "shown": list(shown), "chose": chose}
    return Decision(dataset, "", Action.VOTE, by, "", op_id or uuid.uuid4().hex, detail=json.dumps(detail))


def rounds_of(events: Iterable[Decision]) -> dict[str, Round]:
    """The rounds after these events (store order; others are ignored), by id, in the order of opening."""
    return _Fold(events).rounds()


class _Fold:
    """The rounds of one data set as their events arrive in store order; no event may be undone by another one
    of those that are added.
    """

    def __init__(self, events: Iterable[Decision] = ()) -> None:
        events = [e for e in events if e.action in (Action.VOTE, Action.UNDO)]
        standing = live(events)
        self._opened: dict[str, Round] = {}
        self._votes: dict[str, dict[str, tuple[Vote, ...]]] = {}
        self.add(e for e in events if e.action is Action.VOTE and e.op_id in standing)

    def add(self, events: Iterable[Decision]) -> None:
        """Take in votes and rounds."""
        for event in events:
            detail = _detail(event.detail)
            if "rows" in detail:
                self._opened[event.op_id] = _opened(event, detail)
                self._votes[event.op_id] = _recorded(event, detail)
                continue
            of = self._opened.get(detail["round"])
            pair = None if of is None else of.rows.get(detail["row"])
            if pair is not None:
                votes, row, who = self._votes[detail["round"]], detail["row"], event.annotator
                others = tuple(v for v in votes.get(row, ()) if v.recorded or v.voter != who)
                votes[row] = (*others, Vote(who, _choice(pair, detail), event))

    def rounds(self) -> dict[str, Round]:
        """The rounds as they are now; later events do not change them."""
        return {
            name: Round(of.event, of.rows, of.flagged, of.readers, of.queue, dict(self._votes[name]))
            for name, of in self._opened.items()
        }


def _opened(event: Decision, detail: Mapping[str, Any]) -> Round:
    rows = {row_id: Pair(given, suggested) for row_id, given, suggested in detail["rows"]}
    return Round(event, rows, detail["flagged"], detail["readers"], detail["queue"])


def _recorded(event: Decision, detail: Mapping[str, Any]) -> dict[str, tuple[Vote, ...]]:
    found: dict[str, dict[tuple[bool, str], Vote]] = {}
    for row_id, who, choice, times in detail.get("recorded", ()):
        # Votes without a name are counted together, by choice.
        key, of_row = (bool(who), who or choice), found.setdefault(row_id, {})
        before = 0 if who or key not in of_row else of_row[key].times
        of_row[key] = Vote(who, Choice(choice), event, True, before + times)
    return {row_id: tuple(votes.values()) for row_id, votes in found.items()}


def _choice(pair: Pair, detail: Mapping[str, Any]) -> Choice:
    chose = detail["chose"]
    if chose not in (FIRST, SECOND):
        return Choice(chose)
    label = detail["shown"][0 if chose == FIRST else 1]
    return Choice.GIVEN if label == pair.given else Choice.SUGGESTED


def fault(detail: Mapping[str, Any]) -> str:
    """What is wrong with the detail of a VOTE event, in a sentence; "" where nothing is."""
    if "rows" in detail:
        return _fault_of_round(detail)
    if not all(isinstance(detail.get(name), str) for name in ("round", "row")):
        return "A vote names its round and its row."
    shown = detail.get("shown")
    if not isinstance(shown, list) or len(shown) != 2 or not all(isinstance(s, str) for s in shown):
        return "A vote names the two labels that were shown."
    chose = detail.get("chose")
    return "" if chose in CHOSE else f"A vote chooses one of {', '.join(CHOSE)}, not {chose!r}."


def _fault_of_round(detail: Mapping[str, Any]) -> str:
    rows = detail["rows"]
    if not isinstance(rows, list) or not rows or not all(_texts(row, 3) for row in rows):
        return "The rows of a round are a row id, a given and a suggested label each."
    known = {row[0] for row in rows}
    flagged, readers = detail.get("flagged"), detail.get("readers")
    if type(flagged) is not int or flagged < len(rows) or len(known) < len(rows):
        return "A round has each of its rows once, out of at least as many flagged ones."
    if type(readers) is not int or not 1 <= readers <= MOST_READERS:
        return f"A round has 1 to {MOST_READERS} votes a row."
    if not isinstance(detail.get("queue"), str):
        return "A round says in words how its rows were chosen."
    for vote in detail.get("recorded", ()):
        if not isinstance(vote, list) or len(vote) != 4 or not _texts(vote[:3], 3) or vote[0] not in known:
            return "A recorded vote is a row of its round, who voted, and what."
        if vote[2] not in set(Choice) or type(vote[3]) is not int or not 0 < vote[3] < _LARGEST:
            return f"A recorded vote is a number of votes for {', '.join(Choice)}, not {vote[2:]!r}."
    return ""


def _texts(values: Any, many: int) -> bool:
    return isinstance(values, list) and len(values) == many and all(isinstance(v, str) for v in values)


def misfit(rounds: Mapping[str, Round], event: Decision) -> str:
    """Why a vote from a browser does not fit the rounds as they are now; "" where it does."""
    try:
        detail = event.details
    except ValueError:
        detail = None
    if event.row_id or not isinstance(detail, dict) or "rows" in detail:
        return "A vote is on one row of a round."
    if reason := fault(detail):
        return reason
    of = rounds.get(detail["round"])
    pair = None if of is None or of.recorded else of.rows.get(detail["row"])
    if pair is None:
        return "The round of this vote is not there any more. Reload the page."
    if sorted(detail["shown"]) != sorted((pair.given, pair.suggested)):
        return f"Row {detail['row']} is asked about other labels now. Reload the page."
    return ""


def in_words(event: Decision) -> str:
    """What a VOTE event says, but not which label was chosen: the next voter must not know."""
    detail = event.details
    if "rows" not in detail:
        return f"voted on row {detail['row']}"
    many = len(detail["rows"])
    rows = f"{many:,} {'row' if many == 1 else 'rows'}"
    if detail.get("recorded"):
        return f"recorded votes on {rows}: {detail['queue']}"
    return f"validation of {rows}, {detail['readers']} votes each: {detail['queue']}"


class RoundLog:
    """The rounds of a store's data sets as of their latest event. Safe to share between threads.

    A vote is added to what is known; only an undo has all events read on from the beginning.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[int, tuple[Decision, ...], _Fold, dict[str, Round]]] = {}

    def of(self, dataset: str) -> Mapping[str, Round]:
        """By id, in the order of opening; the same object until there is another vote, round or undo."""
        last = self._store.last_seq(dataset)
        with self._lock:
            seq, events, fold, rounds = self._seen.get(dataset) or (0, (), _Fold(), {})
            if last > seq:
                new = self._store.events(dataset, seq, actions=(Action.VOTE, Action.UNDO))
                known = {event.op_id for event in events}
                ours = []
                for event in new:
                    if event.action is Action.VOTE or event.undoes in known:
                        known.add(event.op_id)
                        ours.append(event)
                if ours:
                    events = (*events, *ours)
                    if any(event.action is Action.UNDO for event in ours):
                        fold = _Fold(events)
                    else:
                        fold.add(ours)
                    rounds = fold.rounds()
                self._seen[dataset] = max([last, *(e.seq for e in new)]), events, fold, rounds
            return rounds


@lru_cache(maxsize=1 << 16)
def _detail(text: str) -> Mapping[str, Any]:
    """The detail of an event, which every undo would have read again."""
    return json.loads(text)
