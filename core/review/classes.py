"""The classes to choose from, changed in the course of work: added, renamed, merged.

A change is one CLASS event, taken back by an UNDO. History is never rewritten: the data and the decisions
keep the names of their day, and a name is resolved when it is read.
"""

from __future__ import annotations

import json
import threading
import unicodedata
import uuid
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from core.dataset import Dataset
from core.errors import refuse
from core.review.decisions import Action, Decision, Standing, live
from core.review.tail import Tail
from core.targets import number_of

if TYPE_CHECKING:
    from core.review.store import Store

LONGEST_NAME = 200
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
_JOINERS = "\u200c\u200d"
"""Characters that cannot be seen but belong to the spelling of many languages, and to emoji."""
CLASS_ACTIONS = (Action.CLASS, Action.UNDO)


@dataclass(frozen=True, eq=False)
class ClassList:
    """The classes now.

    names: to choose from; a renamed class in its old place, an added one at the end.
    """

    names: tuple[str, ...]
    _now: Mapping[str, str]
    _by: Mapping[str, Decision]
    _seqs: tuple[int, ...]
    _origins: tuple[Mapping[str, str], ...]

    def resolve(self, name: str, seq: int = 0) -> str:
        """What the class is called now that was called `name` when event `seq` was stored.

        seq 0: as the data call it. A name that no change concerns is itself.
        """
        origin = self.origin(name, seq)
        return self._now.get(origin, origin)

    def meaning(self, name: str, seq: int = 0) -> str:
        """What two answers share that mean one class; `resolve`."""
        return self.resolve(name, seq)

    def origin(self, name: str, seq: int | None = None) -> str:
        """The name under which that class came: in the data, by addition, or out of several by a merge.

        seq: as for `resolve`; None: it is called `name` now.
        """
        at = len(self._seqs) if seq is None else bisect_right(self._seqs, seq)
        return self._origins[at - 1].get(name, name) if at else name

    def changed_by(self, name: str) -> Decision | None:
        """The last change that gave the class of the data called `name` another name; None where none did."""
        return self._by.get(name)

    def why_not(self, change: Mapping[str, Any]) -> str:
        """Why a change {"add": name}, {"rename": old, "to": new} or {"merge": [names], "to": name} cannot be
        made now, in a sentence; "" where it can.
        """
        old, new = _parts(change)
        if new is None or old is None:
            return "A class is added, renamed or merged; this is none of them."
        gone = [name for name in old if name not in self.names]
        if gone:
            return f"There is no class {gone[0]!r} now. Reload the page."
        if "merge" not in change:
            return self._why_not_called(new, old)
        if len(set(old) | {new}) < 2 or (new not in self.names and len(set(old)) < 2):
            return "A merge needs two classes or more."
        return "" if new in self.names else self._why_not_called(new, old)

    def _why_not_called(self, new: str, old: Sequence[str]) -> str:
        """Why a class cannot be called `new`, where it is one of `old` now (none: it is added)."""
        if fault := _fault(new):
            return fault
        if new in self.names:
            if old:
                return f"There is a class {new!r} already. To make them one is a merge."
            return f"There is a class {new!r} already."
        alike = [n for n in self.names if _plain(n) == _plain(new) and n not in old]
        if alike:
            return f"{new!r} differs from the class {alike[0]!r} only in case or spaces."
        meant = self.resolve(new)
        if meant != new and meant not in old:
            return f"{new!r} was the name of the class {meant!r}, and the data still use it."
        return ""


def class_list(classes: Sequence[str], events: Iterable[Decision] = ()) -> ClassList:
    """The classes after the changes among `events` (store order; other events are ignored).

    classes: those of the data. A change is understood by the names of its day and applied to the classes
    that they meant, so that undoing one leaves those after it in force.
    """
    state = _State(classes)
    steps: dict[str, _Step] = {}
    known: list[Decision] = []
    seqs: list[int] = []
    origins: list[dict[str, str]] = []
    ours: set[str | None] = set()
    for event in events:
        if event.action is Action.CLASS and (step := _Step.of(event, state)) is not None:
            steps[event.op_id] = step
            state.apply(step)
        elif event.action is not Action.UNDO or event.undoes not in ours:
            continue
        ours.add(event.op_id)
        known.append(event)
        if event.action is Action.UNDO:
            standing = live(known)
            state = _State(classes)
            for op_id, step in steps.items():
                if op_id in standing:
                    state.apply(step)
        seqs.append(event.seq)
        origins.append(dict(state.origins))
    return ClassList(tuple(state.names), state.now, state.by, tuple(seqs), tuple(origins))


class NumberList(ClassList):
    """Where labels are numbers there are no classes to choose from, and no class changes."""

    def __init__(self) -> None:
        super().__init__((), {}, {}, (), ())

    def meaning(self, name: str, seq: int = 0) -> str:
        """One text for all ways to write a number: 415, 415.0 and 4.15e2 are one answer."""
        return name if number_of(name) is None else str(Decimal(name).normalize())

    def why_not(self, change: Mapping[str, Any]) -> str:
        return "The labels of this data set are numbers, so that there are no classes to change."


def classes_of(dataset: Dataset, events: Iterable[Decision] = ()) -> ClassList:
    """The classes of a data set after the changes among `events`; none where its labels are numbers."""
    return class_list(dataset.classes, events) if dataset.targets is None else NumberList()


def class_names(dataset: Dataset, events: Iterable[Decision]) -> tuple[str, ...]:
    """The classes to choose from for a data set, after the changes among `events`."""
    return classes_of(dataset, events).names


def change_event(
    dataset: str, by: str, current: ClassList, change: Mapping[str, Any], given: int = 0, decided: int = 0
) -> Decision:
    """The event that makes a change. given, decided: how many rows it concerns, for the record.

    Raises InputError where the change cannot be made now.
    """
    if reason := current.why_not(change):
        raise refuse(reason.rstrip("."))
    detail = {**change, "given": given, "decided": decided}
    return Decision(
        dataset, "", Action.CLASS, by, "", uuid.uuid4().hex, shown=in_words(change), detail=json.dumps(detail)
    )


def in_words(change: Mapping[str, Any]) -> str:
    """A change as a person reads it."""
    old, new = _parts(change)
    if not old:
        return f"class {new} added"
    if "rename" in change:
        return f"class {old[0]} renamed to {new}"
    return f"classes {', '.join(old)} merged into {new}"


def in_todays_names(item: dict[str, Any], dataset: Dataset, current: ClassList) -> dict[str, Any]:
    """An item of the review surface with its classes as they are called now.

    given stays the name in the data, which a decision is about; given_name is what it is called now.
    Classes that a merge made one are shown once, with their probabilities added up.
    """
    if dataset.targets is not None or current.names == dataset.classes:
        return {**item, "given_name": item["given"]}
    given = None if item["given"] is None else current.resolve(item["given"])
    suggestion = None if item["suggestion"] is None else current.resolve(item["suggestion"])
    classes: dict[str, float | None] = {}
    for name, p in item["classes"]:
        now = current.resolve(name)
        classes[now] = p if classes.get(now) is None or p is None else round(classes[now] + p, 4)  # type: ignore[operator]
    place = {name: code for code, name in enumerate(current.names)}
    likely = dict.fromkeys(place[current.resolve(dataset.classes[code])] for code in item["likely"])
    same = suggestion is not None and suggestion == given
    content = item["content"]
    if "words" in content:
        words = [[word, tag and current.resolve(tag)] for word, tag in content["words"]]
        content = {**content, "words": words}
    return {
        **item,
        "content": content,
        "given_name": given,
        "suggestion": None if same else suggestion,
        "classes": list(classes.items()),
        "likely": list(likely),
    }


@dataclass(frozen=True)
class Use:
    """How many rows a class has. given: labelled so in the data. decided: relabelled to it by a decision."""

    given: int = 0
    decided: int = 0


def usage(dataset: Dataset, standings: Mapping[str, Standing], current: ClassList) -> dict[str, Use]:
    """How many rows each class of the list has, by the names of now, in the order of the list."""
    if dataset.targets is not None:
        return {}
    given: Counter[str] = Counter()
    found = np.bincount(dataset.labels[dataset.labels >= 0], minlength=len(dataset.classes))
    for name, count in zip(dataset.classes, found.tolist(), strict=True):
        given[current.resolve(name)] += count
    decided: Counter[str] = Counter()
    for standing in standings.values():
        verdicts = standing.opinions if standing.settled is None else (standing.settled,)
        decided.update({current.resolve(d.label, d.seq) for d in verdicts if d.label is not None})
    return {name: Use(given[name], decided[name]) for name in current.names}


class ClassLog:
    """The class lists of a store's data sets. Safe to share between threads."""

    def __init__(self, store: Store) -> None:
        self._tail = Tail(store, Action.CLASS, lambda events: events)
        self._lock = threading.Lock()
        self._made: dict[str, tuple[tuple[Decision, ...], tuple[str, ...], ClassList]] = {}

    def of(self, dataset: Dataset, last: int | None = None) -> ClassList:
        """The classes of a data set now. last: seq of its latest event, where that was asked a moment ago."""
        events = self._tail.of(dataset.name, last)
        with self._lock:
            made = self._made.get(dataset.name)
            if made is None or made[0] is not events or made[1] != dataset.classes:
                made = (events, dataset.classes, classes_of(dataset, events))
                self._made[dataset.name] = made
            return made[2]


@dataclass(frozen=True)
class _Step:
    """A change in names that other changes leave alone: each class is meant by its origin.

    target: the class that takes the others in; None where `name` is new.
    """

    event: Decision
    sources: tuple[str, ...]
    target: str | None
    name: str

    @classmethod
    def of(cls, event: Decision, state: _State) -> _Step | None:
        old, new = _parts(event.details)
        if old is None or new is None:
            return None
        target = state.origins.get(new, new) if new in state.names else None
        return cls(event, tuple(state.origins.get(name, name) for name in old), target, new)


class _State:
    """The class list while changes are applied to it.

    now: every name that a change took away -> the name now. origins: name now -> the name it came under,
    where these differ. by: every name of `now` -> the last change.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self.names = list(classes)
        self.now: dict[str, str] = {}
        self.origins: dict[str, str] = {}
        self.by: dict[str, Decision] = {}

    def apply(self, step: _Step) -> None:
        target = step.name if step.target is None else self.now.get(step.target, step.target)
        sources = dict.fromkeys(self.now.get(s, s) for s in step.sources)
        sources.pop(target, None)
        if step.sources:
            self._rename(list(sources), target, step.event)
        elif target not in self.names and self.now.get(target, target) == target:
            self.names.append(target)

    def _rename(self, sources: list[str], target: str, event: Decision) -> None:
        """Sources become the target; one that another class has taken meanwhile makes them one."""
        for name in [*(n for n, now in self.now.items() if now in sources), *sources]:
            self.now[name] = target
            self.by[name] = event
        there = [name for name in sources if name in self.names]
        came = [self.origins.pop(name, name) for name in sources]
        if target not in self.names and there:
            self.names[self.names.index(there[0])] = target
            if len(came) == 1 and came[0] != target:
                self.origins[target] = came[0]
        self.names = [name for name in self.names if name not in sources]


def _parts(change: Mapping[str, Any]) -> tuple[list[str] | None, str | None]:
    """(the classes that go, the name that comes) of a change; None for what is missing or no text."""
    old: Any = []
    if "add" in change:
        new = change["add"]
    else:
        new = change.get("to")
        old = [change["rename"]] if "rename" in change else change.get("merge")
    valid = isinstance(old, list) and all(isinstance(name, str) for name in old)
    return (old if valid and (old or "add" in change) else None), (new if isinstance(new, str) else None)


def _plain(name: str) -> str:
    """What two names share that differ only in case or spaces."""
    letters = (c for c in unicodedata.normalize("NFKC", name).casefold() if unicodedata.category(c) != "Cf")
    return "".join("".join(letters).split())


def _fault(name: str) -> str:
    """What is wrong with a name for a class; "" where nothing is."""
    if not name.strip():
        return "A class needs a name."
    if name != " ".join(name.split()):
        return f"The name {name!r} begins or ends with a space, or has two in a row."
    if len(name) > LONGEST_NAME:
        return f"A name has at most {LONGEST_NAME} characters; this has {len(name):,}."
    if any(unicodedata.category(c) in _UNSEEN and c not in _JOINERS for c in name):
        return f"The name {name!r} has a character that cannot be seen."
    return ""
