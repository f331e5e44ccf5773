"""The standings of a data set's rows, held small: an hour of a team's decisions must not show in the memory.

A row's events lie in the fold as bytes, a quarter of what they take as objects, and become `Decision`s when
somebody asks for the row. Who asks for all rows is given the fold's own mapping; the fold goes on with a copy
only if that is still held when the next event arrives.
"""

from __future__ import annotations

import marshal
import operator
import re
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from core.review.decisions import VERDICTS, Action, Decision, Standing, in_force, standing

_ACTIONS = tuple(Action)
_NUMBERS = {action: i for i, action in enumerate(_ACTIONS)}
_NO_VERDICT, _DISAGREED = 254, 255
_NEEDS_REVIEW = _NUMBERS[Action.NEEDS_REVIEW]
_Fields = tuple[Any, ...]
_VARYING = re.compile(r'(?<="rank": )\d+|(?<="score": )[0-9.]+|(?<="shown_at": ")[^"\\]+(?=")')
_HOLE = "\0"
_ANNOTATOR = 3
"""Where in the fields of an event its annotator is."""


class Fold:
    """The standings of one data set's rows, kept up to date as events arrive in store order."""

    def __init__(self, events: Iterable[Decision] = ()) -> None:
        self.seq = 0
        self._packing = _Packing()
        self._rows: dict[str, bytes] = {}
        """Packed rows with a verdict; the one with the latest event is the last. Shared with `_shown`."""
        self._without: dict[str, bytes] = {}
        """The same of the rows whose events leave no verdict."""
        self._disagreed = 0
        """How many of `_rows` are not settled."""
        self._touched: dict[str, list[str]] = {}
        """op_id of each event about many rows -> these rows; the UNDO of such an event is one too."""
        self._shown: Callable[[], Standings | None] = lambda: None
        """The last standings given out, while anybody holds them."""
        self.add(events)

    def add(self, events: Iterable[Decision]) -> None:
        """Take in what was stored since."""
        new: dict[str, list[Decision]] = {}
        for event in events:
            for row_id, decision in self._placed(event):
                new[row_id] = [*new.pop(row_id, ()), decision]
            self.seq = event.seq
        if new and self._shown() is not None:
            self._rows = dict(self._rows)  # what is held stays as it was
        for row_id, decisions in new.items():
            self._append(row_id, decisions)

    def _placed(self, event: Decision) -> list[tuple[str, Decision]]:
        """An event as it stands on each row that it is about."""
        if event.action is Action.UNDO and event.undoes in self._touched:
            rows = self._touched[event.op_id] = self._touched[event.undoes or ""]
            return [(row_id, event) for row_id in rows]
        expanded = event.expanded() if event.row_id or event.action in VERDICTS else []
        if not event.row_id:
            self._touched[event.op_id] = [decision.row_id for decision in expanded]
        return [(decision.row_id, decision) for decision in expanded]

    def _append(self, row_id: str, decisions: Sequence[Decision]) -> None:
        before = self._rows.pop(row_id, None)
        if before is not None:
            self._disagreed -= before[0] == _DISAGREED
        else:
            before = self._without.pop(row_id, None)
        packed = self._packing.packed(row_id, decisions, before)
        if packed[0] == _NO_VERDICT:
            self._without[row_id] = packed
        else:
            self._rows[row_id] = packed
            self._disagreed += packed[0] == _DISAGREED

    def __len__(self) -> int:
        """How many rows have a verdict."""
        return len(self._rows)

    @property
    def settled(self) -> int:
        """How many rows have a decision in force."""
        return len(self) - self._disagreed

    def answered(self, row_ids: Iterable[str]) -> list[bool]:
        """For each row whether somebody gave an answer that stands: any verdict but "needs review"."""
        found = (self._rows.get(row_id) for row_id in row_ids)
        return [packed is not None and packed[0] != _NEEDS_REVIEW for packed in found]

    def has_event_of(self, row_id: str, annotator: str) -> bool:
        """Whether any event of a row, undone or not, is this annotator's."""
        packed = self._packed(row_id)
        return packed is not None and bool(self._packing.rows_of(annotator, {row_id: packed}))

    def get(self, row_id: str) -> Standing | None:
        """What is said of one row; None where nothing is."""
        return standing(self.events(row_id))

    def events(self, row_id: str) -> list[Decision]:
        """Every event of one row in the order of storing, undone ones and UNDOs included."""
        packed = self._packed(row_id)
        return [] if packed is None else self._packing.events(row_id, packed)

    def _packed(self, row_id: str) -> bytes | None:
        return self._rows.get(row_id) or self._without.get(row_id)

    def standings(self) -> Standings:
        """What is said of each row with a verdict. Does not change while it is read."""
        shown = self._shown()
        if shown is None or shown.packed is not self._rows:
            shown = Standings(self._rows, self._packing)
            self._shown = weakref.ref(shown)
        return shown

    def past(self, as_of: int) -> Standings:
        """The standings after event `as_of`, in no order."""
        then = dict(self._rows)
        for rows in (self._rows, self._without):
            for row_id in reversed(rows):
                events = self._packing.events(row_id, rows[row_id])
                if events[-1].seq <= as_of:
                    break
                packed = self._packing.packed(row_id, [e for e in events if e.seq <= as_of])
                if packed[0] != _NO_VERDICT:
                    then[row_id] = packed
                else:
                    then.pop(row_id, None)
        return Standings(then, self._packing)


class Standings(Mapping[str, Standing]):
    """What is said of each row with a verdict, read from its bytes when it is asked for."""

    def __init__(self, packed: Mapping[str, bytes], packing: _Packing) -> None:
        self.packed, self._packing = packed, packing

    def __getitem__(self, row_id: str) -> Standing:
        found = standing(self._packing.events(row_id, self.packed[row_id]))
        assert found is not None  # rows without a verdict are not among `packed`
        return found

    def __iter__(self) -> Iterator[str]:
        yield from self.packed  # a generator holds these standings, and so what they show, while it runs

    def __len__(self) -> int:
        return len(self.packed)

    def __contains__(self, row_id: object) -> bool:
        return row_id in self.packed

    def of(self, annotator: str) -> dict[str, Standing]:
        """What is said of the rows that an annotator has decided or remarked on."""
        rows = self._packing.rows_of(annotator, self.packed)
        return {row_id: self[row_id] for row_id in rows}

    def with_own(self, row_ids: Iterable[str], annotator: str) -> Standings:
        """The same, but that of these rows nothing is said but what this annotator said."""
        packed = dict(self.packed)
        for row_id in row_ids:
            if (before := packed.pop(row_id, None)) is not None:
                own = [e for e in self._packing.events(row_id, before) if e.annotator == annotator]
                made = self._packing.packed(row_id, own)
                if made[0] != _NO_VERDICT:
                    packed[row_id] = made
        return Standings(packed, self._packing)

    def actions(self) -> dict[str, Action | None]:
        """The action in force on each row; None where annotators differ. Reads no event."""
        by_number = [_ACTIONS[n] if n < len(_ACTIONS) else None for n in range(256)]
        return {row_id: by_number[packed[0]] for row_id, packed in self.packed.items()}


def actions(standings: Mapping[str, Standing]) -> dict[str, Action | None]:
    """The action in force on each row with a verdict; None where annotators differ."""
    if isinstance(standings, Standings):
        return standings.actions()
    return {row_id: s.settled.action if s.settled else None for row_id, s in standings.items()}


def fold(events: Iterable[Decision]) -> dict[str, Decision]:
    """The decision in force for each settled row id, from events in store order."""
    return in_force(Fold(events).standings())


class _Packing:
    """Rows of events as bytes and back. Texts that many events share are kept once, as a number.

    A packed row is one byte that says how it stands (the number of the action in force, _DISAGREED or
    _NO_VERDICT), and then its events. The bytes are made and read in this process only: marshal is no
    format for files.
    """

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._numbers: dict[str, int] = {}

    def packed(self, row_id: str, events: Sequence[Decision], before: bytes | None = None) -> bytes:
        """A row's events as bytes. before: the bytes of its earlier events, where there are any."""
        earlier: tuple[_Fields, ...] = () if before is None else marshal.loads(before[1:])
        state = _state(standing([*(self._event(row_id, fields) for fields in earlier), *events]))
        return bytes([state]) + marshal.dumps(earlier + tuple(self._fields(event) for event in events))

    def events(self, row_id: str, packed: bytes) -> list[Decision]:
        """The events of a packed row."""
        return [self._event(row_id, fields) for fields in marshal.loads(packed[1:])]

    def rows_of(self, annotator: str, rows: Mapping[str, bytes]) -> list[str]:
        """The packed rows that have an event of this annotator."""
        number = self._numbers.get(annotator)
        found = ((row_id, marshal.loads(packed[1:])) for row_id, packed in rows.items())
        return [row_id for row_id, events in found if any(fields[_ANNOTATOR] == number for fields in events)]

    def _fields(self, event: Decision) -> _Fields:
        template, values = _emptied(event.shown)
        return (
            self._number(event.dataset),
            bool(event.row_id),
            _NUMBERS[event.action],
            self._number(event.annotator),
            self._number(event.given_label),
            _id_packed(event.op_id),
            None if event.label is None else self._number(event.label),
            event.undoes and _id_packed(event.undoes),
            self._number(template),
            values,
            _time_packed(event.decided_at),
            event.seq,
            event.detail,
            event.based_on,
            event.final,
        )

    def _event(self, row_id: str, fields: _Fields) -> Decision:
        dataset, of_one_row, action, annotator, given, op_id, label, undoes, shown, values, at, *rest = fields
        texts = self._texts
        return Decision(
            texts[dataset],
            row_id if of_one_row else "",
            _ACTIONS[action],
            texts[annotator],
            texts[given],
            _id_read(op_id),
            None if label is None else texts[label],
            undoes and _id_read(undoes),
            _filled(texts[shown], values),
            _time_read(at),
            *rest,
        )

    def _number(self, text: str) -> int:
        number = self._numbers.setdefault(text, len(self._texts))
        if number == len(self._texts):
            self._texts.append(text)
        return number


def _emptied(shown: str) -> tuple[str, tuple[Any, ...]]:
    """(what was on the screen with holes where it differs at every decision, what was in the holes).

    Most of an event's bytes are this text, and without these values it is the same for many events.
    """
    if _HOLE in shown:
        return shown, ()
    return _VARYING.sub(_HOLE, shown), tuple(map(_value_packed, _VARYING.findall(shown)))


def _filled(template: str, values: tuple[Any, ...]) -> str:
    """What `_emptied` was given."""
    if not values:
        return template
    parts = template.split(_HOLE)
    return "".join(map(operator.add, parts, (*map(_value_read, values), "")))


def _value_packed(text: str) -> str | int | float:
    """A whole number, or a time as browsers write it, in 8 bytes; another text as it is."""
    if text.isascii() and text.isdigit() and str(number := int(text)) == text and number < 2**31:
        return number
    packed = _time_packed(text.removesuffix("Z") + "+00:00")
    return packed if isinstance(packed, float) and text.endswith("Z") else text


def _value_read(value: str | float) -> str:
    """What `_value_packed` was given."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) else _time_read(value).removesuffix("+00:00") + "Z"


def _state(found: Standing | None) -> int:
    if found is None:
        return _NO_VERDICT
    return _DISAGREED if found.settled is None else _NUMBERS[found.settled.action]


def _id_packed(op_id: str) -> str | bytes:
    """The 16 bytes of an id that is 32 hexadecimal digits, as ours are; another one as it is."""
    try:
        packed = bytes.fromhex(op_id)
    except ValueError:
        return op_id
    return packed if packed.hex() == op_id and packed else op_id


def _id_read(packed: str | bytes) -> str:
    return packed if isinstance(packed, str) else packed.hex()


def _time_packed(at: str) -> str | float:
    """A time as the store writes it as seconds since 1970; another text as it is."""
    try:
        packed = datetime.fromisoformat(at).timestamp()
    except (ValueError, OverflowError, OSError):
        return at
    return packed if _time_read(packed) == at else at


def _time_read(packed: str | float) -> str:
    """What `_time_packed` was given."""
    if isinstance(packed, str):
        return packed
    return datetime.fromtimestamp(packed, UTC).isoformat(timespec="milliseconds")
