"""What must be true of the log after a run, whatever was killed: replayed here without the app's own fold."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from core.review.decisions import VERDICTS, Action, Decision, Standing
from tests.soak.annotators import Annotator, Op

NO_ROW_LEFT = "Every one of these rows is decided or held already."
_SENT = ("dataset", "row_id", "action", "given_label", "label", "undoes", "detail", "based_on")
"""What is stored as it was sent. The server adds to `shown` what it knows itself."""


class Replay:
    """The log as one list, asked the slow and plain way."""

    def __init__(self, events: Sequence[Decision]) -> None:
        self.events = events
        self.by_id = {e.op_id: e for e in events}
        self._undos: defaultdict[str, list[str]] = defaultdict(list)
        self.rows: defaultdict[str, list[tuple[Decision, Action, str | None]]] = defaultdict(list)
        """row -> (event, action, label) of every verdict on it, in the order of the log."""
        for event in events:
            if event.undoes:
                self._undos[event.undoes].append(event.op_id)
            if event.action in VERDICTS and event.row_id:
                self.rows[event.row_id].append((event, event.action, event.label))
            elif event.action in VERDICTS:
                for row, _, label in json.loads(event.detail)["members"]:
                    self.rows[row].append((event, event.action, label))

    def alive(self, op_id: str, before: int | None = None) -> bool:
        """Whether an event is in force: no UNDO in force names it. before: as it was before that seq."""
        undos = (self.by_id[u] for u in self._undos[op_id])
        return not any(self.alive(u.op_id, before) for u in undos if before is None or u.seq < before)

    def undone_after(self, op_id: str, seq: int) -> bool:
        return any(self.by_id[u].seq > seq for u in self._undos[op_id])

    def opinions(self, row: str) -> dict[str, tuple[str, Action, str | None]]:
        """annotator -> (op_id, action, label) of their last verdict in force."""
        found: dict[str, tuple[str, Action, str | None]] = {}
        for event, action, label in self.rows[row]:
            if self.alive(event.op_id):
                found[event.annotator] = event.op_id, action, label
        return found


def proven(
    events: Sequence[Decision], standings: Mapping[str, Standing], annotators: Sequence[Annotator]
) -> list[str]:
    """What is wrong with the log and the standings that the app makes of it; [] where nothing is."""
    replay = Replay(events)
    return [
        *_once(events, annotators),
        *(wrong for one in annotators for wrong in stored(replay, one)),
        *(wrong for one in annotators for wrong in in_order(replay, one)),
        *_folded(replay, standings),
        *_told(replay, annotators),
        *_never_overruled(replay),
    ]


def _once(events: Sequence[Decision], annotators: Sequence[Annotator]) -> list[str]:
    """Every event is in the log once, and somebody made it."""
    made = {op.op_id for one in annotators for op in one.ops}
    twice = [f"{op_id} is stored {n} times" for op_id, n in Counter(e.op_id for e in events).items() if n > 1]
    strangers = [f"{e.op_id} is stored and nobody made it" for e in events if e.op_id not in made]
    seqs = [e.seq for e in events]
    gaps = [] if seqs == [*range(1, len(seqs) + 1)] else ["the log's numbers have gaps or are out of order"]
    return twice + strangers + gaps


def stored(replay: Replay, annotator: Annotator) -> list[str]:
    """Every acknowledged event is in the log as it was sent, under the number that was told."""
    wrong = []
    for op in annotator.ops:
        if not op.receipts:
            wrong.append(f"{annotator.name}: {op.op_id} was never acknowledged")
        event = replay.by_id.get(op.op_id)
        for receipt in op.receipts:
            if "error" in receipt:
                if event is not None or not (op.many and receipt["error"] == NO_ROW_LEFT):
                    wrong.append(f"{annotator.name}: {op.op_id} was refused: {receipt['error']}")
            elif event is None:
                wrong.append(f"{annotator.name}: {op.op_id} was acknowledged and is lost")
            elif (receipt["op_id"], receipt["seq"], receipt["decided_at"]) != (
                event.op_id,
                event.seq,
                event.decided_at,
            ):
                wrong.append(f"{annotator.name}: {op.op_id} was acknowledged as {receipt}, and is {event}")
        if event is not None and (annotator.name, _as_sent(op)) != (event.annotator, _as_stored(op, event)):
            wrong.append(f"{annotator.name}: {op.op_id} was sent as {_as_sent(op)}, and is {event}")
    return wrong


def _as_sent(op: Op) -> object:
    if op.many:
        changed = next((r["change"] for r in op.receipts if "error" not in r), None)
        return op.body["ds"], op.body["action"], changed, True
    empty = {"detail": "", "row_id": "", "given_label": ""}
    return *(op.body.get(name, empty.get(name)) for name in _SENT), json.loads(op.body["shown"])


def _as_stored(op: Op, event: Decision) -> object:
    if op.many:
        members = {row for row, *_ in event.details["members"]}
        return event.dataset, event.action, len(members), members <= set(op.body["rows"])
    shown, sent = json.loads(event.shown), json.loads(op.body["shown"])
    return *(getattr(event, name) for name in _SENT), {name: shown.get(name) for name in sent}


def in_order(replay: Replay, annotator: Annotator) -> list[str]:
    """An annotator's events are in the log in the order in which they made them."""
    seqs = [replay.by_id[op.op_id].seq for op in annotator.ops if op.op_id in replay.by_id]
    return [] if seqs == sorted(seqs) else [f"{annotator.name}: events are stored out of order"]


def _folded(replay: Replay, standings: Mapping[str, Standing]) -> list[str]:
    """What the app makes of the log is what a plain replay makes of it."""
    wrong = []
    for row in {*replay.rows, *standings}:
        plain, found = replay.opinions(row), standings.get(row)
        app = {} if found is None else {d.annotator: (d.op_id, d.action, d.label) for d in found.opinions}
        if app != plain:
            wrong.append(f"row {row}: the app says {app}, the log {plain}")
            continue
        votes = {answer[1:] for answer in plain.values() if answer[1] is not Action.NEEDS_REVIEW}
        agreed = len(votes or {answer[1:] for answer in plain.values()}) == 1
        if found is not None and found.disagreed == agreed:
            wrong.append(f"row {row}: settled by {found.settled}, the answers being {plain}")
    return wrong


def _told(replay: Replay, annotators: Sequence[Annotator]) -> list[str]:
    """Whoever decided a row that another had decided had seen it, or was told in the answer."""
    wrong = []
    for one in annotators:
        for op in one.ops:
            event = replay.by_id.get(op.op_id)
            redone = event is not None and _redone(replay, event)
            if event is None or not event.row_id or not (event.action in VERDICTS or redone):
                continue
            known = redone.seq if redone else event.based_on or 0
            others = [
                other
                for other, *_ in replay.rows[event.row_id]
                if other.annotator != event.annotator
                and known < other.seq < event.seq
                and replay.alive(other.op_id, event.seq)
                and not replay.undone_after(other.op_id, event.seq)
            ]
            if others and not any(r.get("meanwhile") for r in op.receipts):
                wrong.append(f"{one.name} was not told that {others[-1].annotator} decided {event.row_id}")
    return wrong


def _redone(replay: Replay, event: Decision) -> Decision | None:
    """The UNDO that an event takes back; None for anything but a redo."""
    of = replay.by_id.get(event.undoes or "")
    return of if of is not None and of.action is Action.UNDO else None


def _never_overruled(replay: Replay) -> list[str]:
    """One verdict on many rows leaves alone what anybody has decided."""
    wrong = []
    for row, verdicts in replay.rows.items():
        for event, *_ in verdicts:
            earlier = (e for e, *_ in verdicts if e.seq < event.seq)
            if not event.row_id and any(replay.alive(e.op_id, event.seq) for e in earlier):
                wrong.append(f"row {row} was decided, and changed with many by {event.op_id}")
    return wrong


def lent_twice(replay: Replay, annotators: Sequence[Annotator]) -> list[str]:
    """Rows that two annotators both decided though each had them lent: no loan may overlap another's."""
    polite = {op.op_id for one in annotators for op in one.ops if op.polite and not op.many}
    # Who takes a verdict back leaves the row waiting for somebody else.
    lent = polite - {e.undoes for e in replay.events}
    wrong = []
    for row, verdicts in replay.rows.items():
        deciders: set[str] = set()
        both: set[str] = set()
        for event, action, _ in verdicts:
            if action is Action.NEEDS_REVIEW:
                deciders.discard(event.annotator)  # what they had decided before waits again, too
            elif event.op_id in lent:
                deciders.add(event.annotator)
            both |= deciders if len(deciders) > 1 else set()
        if both:
            told = "; ".join(
                f"{e.seq} {e.annotator} {action}{'' if e.op_id in polite else ' (rude)'}, knew {e.based_on}"
                for e, action, _ in verdicts
            )
            wrong.append(f"row {row} was lent to {' and to '.join(sorted(both))}: {told}")
    return wrong
