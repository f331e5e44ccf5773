"""What people and recorded verdicts say of pairs: two rows, or two classes, are the same or not.

A judgement is a PAIR event, taken back by an UNDO. Its detail holds "rows" or "classes", each pair as [one,
other, verdict], and for verdicts recorded elsewhere "judge", who gave them.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from core.review.decisions import Action, Decision, live
from core.review.tail import Tail

if TYPE_CHECKING:
    from core.review.store import Store

Verdict = Literal["same", "different"]
Of = Literal["rows", "classes"]
Pair = tuple[str, str]

SAME: Verdict = "same"
DIFFERENT: Verdict = "different"
_ABOUT: tuple[Of, ...] = ("rows", "classes")


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one judge says of a pair. recorded: the verdict was given elsewhere and brought in by `event`."""

    verdict: Verdict
    judge: str
    recorded: bool
    event: Decision


@dataclass(frozen=True)
class Judged:
    """What is said of one pair: the last verdict of each judge, in the order of judging. Never empty.

    A person's word goes before recorded ones. Where those that count differ, the pair is the same: nothing
    is cleared while somebody says that it should not be.
    """

    opinions: tuple[Opinion, ...]

    @property
    def counting(self) -> tuple[Opinion, ...]:
        """The opinions that make the verdict: people's, else recorded ones."""
        return tuple(o for o in self.opinions if not o.recorded) or self.opinions

    @property
    def verdict(self) -> Verdict:
        return SAME if any(o.verdict == SAME for o in self.counting) else DIFFERENT


@dataclass(frozen=True, eq=False)
class Judgements:
    """The pairs of a data set that are judged; both names of a pair in sorted order."""

    rows: Mapping[Pair, Judged] = field(default_factory=dict)
    classes: Mapping[Pair, Judged] = field(default_factory=dict)

    def of_rows(self, one: str, other: str) -> Judged | None:
        """What is said of two rows; None where nothing is."""
        return self.rows.get(pair_of(one, other))

    def of_classes(self, one: str, other: str) -> Judged | None:
        """What is said of two classes; None where nothing is."""
        return self.classes.get(pair_of(one, other))


NO_JUDGEMENTS = Judgements()


def pair_of(one: str, other: str) -> Pair:
    """A pair in the one order that it is kept under."""
    return (one, other) if one <= other else (other, one)


def pair_event(
    dataset: str, by: str, of: Of, pairs: Sequence[tuple[str, str, Verdict]], judge: str = "", op_id: str = ""
) -> Decision:
    """The event that says this of these pairs. judge: who gave the verdicts, where `by` only brings them."""
    detail: dict[str, Any] = {of: [list(pair) for pair in pairs]}
    if judge:
        detail["judge"] = judge
    return Decision(dataset, "", Action.PAIR, by, "", op_id or uuid.uuid4().hex, detail=json.dumps(detail))


def fault(detail: Mapping[str, Any]) -> str:
    """What is wrong with the detail of a PAIR event, in a sentence; "" where nothing is."""
    named = [of for of in _ABOUT if of in detail]
    if len(named) != 1 or not isinstance(detail[named[0]], list) or not detail[named[0]]:
        return "A judgement names pairs of rows, or pairs of classes."
    if not isinstance(detail.get("judge", ""), str):
        return "The judge of a pair is a name."
    for pair in detail[named[0]]:
        texts = isinstance(pair, list) and len(pair) == 3 and all(isinstance(part, str) for part in pair)
        if not texts or pair[2] not in (SAME, DIFFERENT):
            return f"A pair is two names and {SAME} or {DIFFERENT}, not {pair!r}."
        if pair[0] == pair[1]:
            return f"A pair is of two; both are {pair[0]!r}."
    return ""


def judgements(events: Iterable[Decision]) -> Judgements:
    """What is said of each pair after these events (store order; other events are ignored)."""
    events = list(events)
    standing = live(events)
    found: dict[Of, dict[Pair, dict[tuple[bool, str], Opinion]]] = {of: {} for of in _ABOUT}
    for event in events:
        if event.action is not Action.PAIR or event.op_id not in standing:
            continue
        detail = event.details
        recorded = "judge" in detail
        judge = detail["judge"] if recorded else event.annotator
        for of in _ABOUT:
            for one, other, verdict in detail.get(of, ()):
                of_pair = found[of].setdefault(pair_of(one, other), {})
                of_pair.pop((recorded, judge), None)
                of_pair[recorded, judge] = Opinion(verdict, judge, recorded, event)
    if not any(found.values()):
        return NO_JUDGEMENTS
    said = {of: {pair: Judged(tuple(o.values())) for pair, o in pairs.items()} for of, pairs in found.items()}
    return Judgements(said["rows"], said["classes"])


def in_words(event: Decision) -> str:
    """What a PAIR event says, as a person reads it."""
    detail = event.details
    of: Of = "rows" if "rows" in detail else "classes"
    by = f", as {detail['judge']} says" if "judge" in detail else ""
    pairs = detail.get(of, ())
    noun = "row" if of == "rows" else "class"
    if len(pairs) == 1:
        [(one, other, verdict)] = pairs
        said = "the same" if verdict == SAME else "not the same"
        return f"{noun} {one} and {noun} {other} are {said}{by}"
    counts = Counter(verdict for *_, verdict in pairs)
    return f"{len(pairs):,} pairs of {of}{by}: {counts[SAME]:,} the same, {counts[DIFFERENT]:,} not the same"


def pair_log(store: Store) -> Tail[Judgements]:
    """The judgements of a store's data sets now, by their names."""
    return Tail(store, Action.PAIR, judgements)
