"""Spot checks inside a batch of suggested labels: opened by an event, answered in the ordinary review.

A GATE event freezes the batch: its rows, the given label of each and the fix that is suggested for it. Which
rows are drawn, and in which order, follows from the event's id. An answer of a check is a verdict whose
`shown` names the check, which only the server can write there (core.review.audit_rows.mark).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from core.evidence.gate import Verdict, Word, spot_check
from core.review.chance import random_order
from core.review.classes import ClassList
from core.review.decisions import Action, Decision, live, standing
from core.review.fixes import gate_of

if TYPE_CHECKING:
    from core.review.store import Peek

SEED = 0
Fix = tuple[str, str]
"""(the label that the data give, the label that is suggested instead)."""


@dataclass(frozen=True, eq=False)
class Gate:
    """One spot check. id: op_id of its event. name: of the batch, for people. batch: row id -> Fix.

    filters: the queue that the batch was taken from, as query parameters. promise: at most this share of the
    batch may be wrong, accepted in error with probability at most alpha. tries: checks of these rows before
    it that did not accept. replaces: those of them that were not over. replaced: a later check has done so
    with this one. rule: op_id of the rule that it gates, "" for none. seq, at: of its event.
    """

    id: str
    name: str
    batch: Mapping[str, Fix]
    filters: Mapping[str, str]
    promise: float
    alpha: float
    tries: int = 0
    replaces: tuple[str, ...] = ()
    rule: str = ""
    by: str = ""
    seq: int = 0
    at: str = ""
    replaced: bool = False

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The rows of the batch as they are drawn."""
        rows = list(self.batch)
        return tuple(rows[i] for i in random_order(rows, SEED, f"gate {self.id}").tolist())


def gate_event(dataset: str, by: str, gate: Gate) -> Decision:
    """The event that opens a check."""
    detail = {
        "name": gate.name,
        "promise": gate.promise,
        "alpha": gate.alpha,
        "tries": gate.tries,
        "replaces": list(gate.replaces),
        "rule": gate.rule,
        "filters": dict(gate.filters),
        "batch": [[row_id, given, fix] for row_id, (given, fix) in gate.batch.items()],
    }
    return Decision(dataset, "", Action.GATE, by, "", gate.id, detail=json.dumps(detail))


def gates_of(events: Iterable[Decision]) -> dict[str, Gate]:
    """The checks after these events by id, in the order of opening; other events are ignored."""
    found: dict[str, Gate] = {}
    for event in events:
        if event.action is Action.GATE:
            detail = event.details
            found[event.op_id] = Gate(
                event.op_id,
                detail["name"],
                {row_id: (given, fix) for row_id, given, fix in detail["batch"]},
                detail["filters"],
                detail["promise"],
                detail["alpha"],
                detail["tries"],
                tuple(detail["replaces"]),
                detail["rule"],
                event.annotator,
                event.seq,
                event.decided_at,
            )
            for other in detail["replaces"]:
                if other in found:
                    found[other] = replace(found[other], replaced=True)
    return found


@dataclass(frozen=True)
class Checked:
    """What a check says now. more: checks that are enough if none of them is wrong; 0 when it is over.
    wrong: ids of the rows among those checked whose fix is wrong.
    """

    verdict: Verdict
    more: int = 0
    wrong: tuple[str, ...] = ()


def checked(gate: Gate, rows: Peek, classes: ClassList) -> Checked:
    """Replay the answers that stand, in the order of the draw, up to the first row without one.

    A row that was decided and not in this check has left the batch. A fix is right where every answer to the
    row in this check is the label that was suggested. classes: as they are called now.
    """
    answers: list[bool | None] = []
    drawn: list[str] = []

    def stream() -> Iterator[bool | None]:
        for row_id in gate.order:
            answer = _answer(gate, rows.history(row_id), row_id, classes)
            if answer == "none":
                return
            drawn.append(row_id)
            answers.append(None if answer == "elsewhere" else answer == "wrong")
            yield answers[-1]

    verdict = spot_check(len(gate.batch), stream(), gate.promise, gate.alpha)
    wrong = tuple(row_id for row_id, answer in zip(drawn, answers, strict=True) if answer)
    more = 0
    if verdict.word is Word.OPEN:
        rest = [*answers, *[False] * (len(gate.batch) - len(answers))]
        more = spot_check(len(gate.batch), rest, gate.promise, gate.alpha).rows - verdict.rows
    return Checked(verdict, more, wrong)


def _answer(gate: Gate, events: list[Decision], row_id: str, classes: ClassList) -> str:
    """What is said of a row's fix: "right", "wrong"; "elsewhere" decided; "none"."""
    if not events:
        return "none"
    found = standing(events)
    if found is None:
        return "none"
    standing_ids = live(events)
    last = {e.annotator: e for e in events if e.op_id in standing_ids and gate_of(e.shown) == gate.id}
    if not last:
        return "elsewhere"
    wanted = classes.meaning(gate.batch[row_id][1], gate.seq)
    return "right" if all(_label(e, classes) == wanted for e in last.values()) else "wrong"


def _label(answer: Decision, classes: ClassList) -> str | None:
    """The label that an answer gives a row, None where it gives none."""
    if answer.action is Action.RELABEL:
        return classes.meaning(answer.label or "", answer.seq)
    return classes.meaning(answer.given_label, answer.seq) if answer.action is Action.KEEP else None


@dataclass(frozen=True)
class Rule:
    """A named way to fix labels: rows of a queue that get one label, and what speaks for it.

    id: op_id of its event. filters: the queue, as query parameters. given, fix: class names, from and to.
    evidence, guideline: sentences.
    """

    name: str
    filters: Mapping[str, str]
    given: str
    fix: str
    evidence: str
    guideline: str
    by: str = ""
    id: str = ""


def rule_event(dataset: str, by: str, rule: Rule) -> Decision:
    """The event that saves a rule; its UNDO removes it."""
    detail = {name: getattr(rule, name) for name in ("name", "given", "fix", "evidence", "guideline")}
    detail["filters"] = dict(rule.filters)
    return Decision(dataset, "", Action.RULE, by, "", uuid.uuid4().hex, detail=json.dumps(detail))


def rules_of(events: Iterable[Decision]) -> tuple[Rule, ...]:
    """The rules that stand after these events, in the order of saving; other events are ignored."""
    events = list(events)
    there = live(events)
    saved = [e for e in events if e.action is Action.RULE and e.op_id in there]
    return tuple(Rule(**e.details, by=e.annotator, id=e.op_id) for e in saved)


def in_words(event: Decision) -> str:
    """What a GATE or RULE event says."""
    detail = event.details
    if event.action is Action.RULE:
        return f"rule saved: {detail['name']}"
    return f"spot check opened: {detail['name']}, {len(detail['batch']):,} fixes"
