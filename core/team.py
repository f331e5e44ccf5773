"""A desk that several people share: what each may see and do, and which rows are whose.

The pages and the routes go through one Team a process; what the processes of an install must share is in
the database.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from core.dataset import Dataset
from core.desk import Desk, QueueChanged, shared_desk
from core.errors import refuse
from core.evidence.live import Live
from core.evidence.reading import Reading
from core.identity import people_of
from core.pulse import pulse
from core.review import items
from core.review.assignments import Assigned, assigned
from core.review.audit_rows import Dealt, draws, mark, mixed, origin_of
from core.review.chance import random_order
from core.review.changes import Change
from core.review.decisions import UNDOABLE, VERDICTS, Action, Decision, Standing, told_by_browser
from core.review.fold import Standings
from core.review.look import Look
from core.review.orders import RANDOM_SEED
from core.review.people import Role
from core.review.plan import Drawn, Plan, draw, plan_in_force
from core.review.queue import Filters, tag_of
from core.review.tail import Tail
from core.workspace import Workspace

if TYPE_CHECKING:
    from core.issues import Result
    from core.review.claims import Claim, Claims
    from core.review.people import People
    from core.review.store import Receipt, Store

_STEPS = 200
"""Steps that are told at once for undo and redo; those before are told when these are used up."""


class Team:
    """Safe to share between threads. Every method that acts for somebody checks their role itself."""

    def __init__(self, desk: Desk, people: People | None = None) -> None:
        """people: who may do what; None: as the settings say."""
        self.desk = desk
        self._people = people
        self._draws: dict[str, tuple[Plan, Dataset, Drawn]] = {}
        self._mixed: dict[str, tuple[tuple[Any, ...], Dealt]] = {}

    @property
    def store(self) -> Store:
        """The log of everything that was decided."""
        return self.desk.store

    @cached_property
    def people(self) -> People:
        """The roles."""
        return self._people or people_of(self.desk.workspace, self.store)

    @cached_property
    def claims(self) -> Claims:
        """Who holds which row."""
        from core.review.claims import Claims

        return Claims(self.store.database)

    @cached_property
    def _live(self) -> Live:
        return Live(self.reading)

    def reading(self, name: str) -> Reading:
        """A data set as the evidence reads it, now."""
        project = self.desk.project(name)
        return Reading(project, self.desk.results(project), self.store)

    @cached_property
    def _plans(self) -> Tail[Plan]:
        return Tail(self.store, Action.PLAN, plan_in_force)

    @cached_property
    def _assigned(self) -> Tail[Assigned]:
        """Which rows are given to whom."""
        return Tail(self.store, Action.ASSIGN, assigned)

    def role(self, person: str) -> Role:
        """What a person may do now."""
        return self.people.role(person)

    def plan(self, name: str) -> Plan:
        """How this data set is reviewed."""
        return self._plans.of(name)

    def in_others_hands(self, name: str, person: str) -> frozenset[str]:
        """The rows that are lent to somebody else, or given to others and not to this person."""
        lent = {row_id for row_id, claim in self.claims.held(name).items() if claim.annotator != person}
        given = self._assigned.of(name)
        return frozenset(lent.union(row_id for row_id, people in given.items() if person not in people))

    def sees_all(self, name: str, person: str) -> bool:
        """Whether a person may know what others decided on this data set."""
        return _sees_all(self.plan(name), self.role(person))

    def require_all(self, person: str, *names: str) -> None:
        """Raises InputError where a person may not know what others decided on one of these data sets."""
        if not all(self.sees_all(name, person) for name in names):
            raise refuse("what others decided is not shown in a blind review", mend="ask a data lead")

    def visible(self, name: str, person: str, as_of: int | None = None) -> Mapping[str, Standing]:
        """The standings that a person may know: in a blind review their own opinions only."""
        standings = self.store.standings(name, as_of)
        return standings if self.sees_all(name, person) else _own(standings, person)

    def queue(
        self, name: str, person: str, filters: Filters, as_of: int | None = None
    ) -> tuple[np.ndarray, str]:
        """(positions in order, tag) of a queue, its states being those that the person may know."""
        blind = "" if not filters.state or self.sees_all(name, person) else person
        standings = self.visible(name, person, as_of) if blind else None
        if filters.change:
            self.require_all(person, name, *Change.parse(filters.change).others)
        positions, tag = self.desk.queue(name, filters, as_of, standings, blind)
        if filters.sug and (hidden := self.hidden(name, person)).any():
            positions = positions[~hidden[positions]]  # its place in this queue would tell the suggestion
        return positions, tag

    def dealt(self, name: str, person: str, filters: Filters, as_of: int | None = None) -> Dealt:
        """The queue as it is worked through: with the plan's random rows in it. An audit is all random."""
        positions, tag = self.queue(name, person, filters, as_of)
        share = self.plan(name).audit
        random = filters.sort == "random"
        if filters.blind or not draws(filters) or not len(positions) or not (share or random):
            return Dealt(positions, tag, np.zeros(len(positions), dtype=bool))
        dataset = self.desk.project(name).dataset
        key = (dataset, tag, share, filters.sort)
        known = self._mixed.get(name)
        if known is None or known[0] != key:
            if random:
                found = positions, np.ones(len(positions), dtype=bool)
            else:
                found = mixed(positions, random_order(dataset.row_ids, RANDOM_SEED), share)
            known = self._mixed[name] = key, Dealt(found[0], tag_of(found[0]), found[1])
        return known[1]

    def board(self, name: str, person: str, filters: Filters) -> items.Board:
        """What the items of a queue are made from, without what this person is not shown."""
        hidden = self.hidden(name, person) | filters.blind
        return replace(self.desk.board(name, filters, person), hidden=hidden)

    def standings_of(self, name: str, person: str, row_ids: Iterable[str]) -> Mapping[str, Standing]:
        """The standings of these rows that a person may know."""
        standings = self.store.standings_of(name, row_ids)
        return standings if self.sees_all(name, person) else _own(standings, person)

    def history(self, name: str, person: str, row_id: str) -> list[Decision]:
        """The events of one row that a person may know, in the order of storing."""
        events = self.store.history(name, row_id)
        return events if self.sees_all(name, person) else [e for e in events if e.annotator == person]

    def hidden(self, name: str, person: str) -> np.ndarray:
        """(N,) bool: rows whose suggestion this person does not see."""
        return self._hidden(self._drawn(name, self.plan(name)), self.role(person))

    def _hidden(self, drawn: Drawn, role: Role) -> np.ndarray:
        return np.zeros_like(drawn.hidden) if role >= Role.ADJUDICATOR else drawn.hidden

    def _drawn(self, name: str, plan: Plan) -> Drawn:
        """What the plan chose, drawn once for each plan and data set."""
        dataset = self.desk.project(name).dataset
        known = self._draws.get(name)
        if known is None or known[:2] != (plan, dataset):
            known = self._draws[name] = (plan, dataset, draw(plan, dataset))
        return known[2]

    def page(
        self,
        person: str,
        name: str,
        filters: Filters,
        *,
        as_of: int | None = None,
        tag: str = "",
        at: int | None = None,
        row: str = "",
        undecided: bool = False,
        n: int = 12,
    ) -> dict[str, Any]:
        """At most n items of a queue for a person, from rank `at` on (0 is first), lent to them.

        Without `at` it starts at `row`, or where that is not in the queue, at the first row that waits for
        them. undecided: start at the first such row from `at` on. Ranks from `at` to before `until` that
        have no item are others': held, finished or assigned. Raises QueueChanged when `tag` is not the
        queue's.
        """
        as_of = self.store.last_seq(name) if as_of is None else as_of
        dealt = self.dealt(name, person, filters, as_of)
        positions = dealt.positions
        if tag and tag != dealt.tag:
            raise QueueChanged
        look = dealt.blinded(self.look(name, person, filters))
        asked = int(look.board.dataset.positions([row])[0]) if row else -1
        alone = None
        if at is None:
            rank = np.flatnonzero(positions == asked)
            if asked >= 0 and not len(rank):
                alone = asked
            at = int(rank[0]) if len(rank) else look.first_waiting(positions, 0)
        elif undecided:
            at = look.first_waiting(positions, at)
        ranks, until = look.shown(positions, at, n, asked)
        chosen = [int(positions[r]) for r in ranks]
        look, lent, gone = self._lend(look, [*chosen, *([] if alone is None else [alone])])
        secret = self.desk.workspace.secret()
        made = [
            {
                "rank": rank,
                "mark": mark(secret, name, look.row(p)[0], bool(dealt.drawn[rank]), filters.gate),
                **look.item(p, lent),
            }
            for rank, p in zip(ranks, chosen, strict=True)
            if p == asked or (p not in gone and look.mine(p, lent))
        ]
        return {
            "total": len(positions),
            "as_of": as_of,
            "tag": dealt.tag,
            "at": at,
            "until": until,
            "items": made,
            "alone": None if alone is None else look.item(alone, lent),
        }

    def _lend(self, look: Look, positions: Sequence[int]) -> tuple[Look, Mapping[str, Claim], frozenset[int]]:
        """Lend what waits for the person. Returns the look as it is then, the claims on these rows, others'
        included, and the rows that somebody else decided in the moment before they were lent.
        """
        if not look.decides:
            return look, {}, frozenset()
        waiting = {p: str(look.board.dataset.row_ids[p]) for p in positions if look.waits(p)}
        lent = {**look.held, **self.claims.take(look.name, look.person, list(waiting.values()))}
        # Who decided a row gives it back only then: of a row that was free to lend, the log knows by now.
        look = replace(look, seen=self.store.last_seq(look.name))
        gone = frozenset(p for p in waiting if not look.waits(p) and not look.own(p))
        if gone:
            self.claims.renew(look.name, look.person, [waiting[p] for p in gone])
        return look, lent, gone

    def look(self, name: str, person: str, filters: Filters) -> Look:
        """What a person sees of a queue now, from one reading of the plan, of the claims and of the log."""
        role, plan = self.role(person), self.plan(name)
        # Before the log: a row that was given back between the two was decided, and the log has it.
        held = {} if role < Role.ANNOTATOR else self.claims.held(name)
        standings, drawn = self.store.peek(name), self._drawn(name, plan)
        seen, hidden = standings.seq, self._hidden(drawn, role) | filters.blind
        return Look(
            name,
            person,
            filters,
            replace(self.desk.board(name, filters, person), hidden=hidden),
            self.desk.classes(name, seen),
            plan,
            drawn,
            seen,
            standings,
            self._assigned.of(name, seen),
            {row_id: claim for row_id, claim in held.items() if claim.annotator != person},
            role >= Role.ANNOTATOR,
            role >= Role.ADJUDICATOR,
            _sees_all(plan, role),
        )

    def record(self, person: str, events: Sequence[Decision]) -> list[Receipt]:
        """Store a person's events; a receipt for each, in their order. Raises NotPermitted."""
        for event in events:
            self.people.require(person, Role(max(_LEAST.get(event.action, 2), 3 if event.final else 2)))
        sees = {name: self.sees_all(name, person) for name in {e.dataset for e in events}}
        receipts = self.desk.record(self._truly_shown([replace(e, annotator=person) for e in events], sees))
        for name in {e.dataset for e, r in zip(events, receipts, strict=True) if not r.refused}:
            done = [e.row_id for e in events if e.dataset == name and e.action in VERDICTS]
            self.claims.renew(name, person, done)
            if not sees[name]:
                receipts = [replace(r, meanwhile=_unnamed(r.meanwhile)) for r in receipts]
        return receipts

    def _truly_shown(self, events: Sequence[Decision], sees: Mapping[str, bool]) -> list[Decision]:
        """The events with what the server knows of what was on the screen, whatever the browser says.

        sees: data set -> whether the person may know what others decided there.
        """
        there, secret = self.desk.workspace.names(), self.desk.workspace.secret()
        results = cache(lambda name: self.desk.results(self.desk.project(name)))  # read once for them all
        found = []
        for event in events:
            if event.action in VERDICTS and event.dataset in there:
                known: dict[str, Any] = {"blind": not sees[event.dataset]}
                told = told_by_browser(event)
                if event.row_id:
                    mark_sent = told.pop("mark", None)
                    known |= origin_of(secret, event.dataset, event.row_id, mark_sent)
                    known |= self._scored(event, results(event.dataset).get(str(told.get("find", ""))))
                event = replace(event, shown=json.dumps({**told, **known}))
            found.append(event)
        return found

    def _scored(self, event: Decision, result: Result | None) -> dict[str, float]:
        """The label quality score by which the row was ranked, 0 = worst; empty where there is none."""
        position = int(self.desk.project(event.dataset).dataset.positions([event.row_id])[0])
        if result is None or position < 0:
            return {}
        return {"score": round(float(result.cells["score"][position]), 3)}

    def neighbours(self, person: str, name: str, filters: Filters, row: str) -> dict[str, Any]:
        """As Desk.neighbours, without what a hidden suggestion would be told by."""
        found = self.desk.neighbours(name, filters, row, person)
        position = int(self.desk.project(name).dataset.positions([row])[0])
        hidden = self.hidden(name, person) | filters.blind
        if position >= 0 and (hidden[position] or self.dealt(name, person, filters).draws(position)):
            return {**found, "suggested": [], "why": []}
        return found

    def pulse(self, person: str, name: str, since: int, told: int | None = None) -> dict[str, Any]:
        """What happened since event `since`; see core.pulse.pulse."""
        self.desk.project(name)
        return pulse(self.store, self._live, person, name, self.sees_all(name, person), since, told)

    def timeline(self, person: str, name: str) -> dict[str, Any]:
        """What a person can undo and redo, the last _STEPS of each, the first to go at the end.

        undone: the steps that were taken back, each with the op_id of the UNDO that did it, and of what it
        `undoes`.
        """
        from core.review.timeline import timeline

        last = 4 * _STEPS
        while True:
            events = self.store.events(name, annotator=person, last=last)
            found, known = timeline(events, UNDOABLE), {e.op_id: e for e in events}
            whole = all(e.undoes is None or e.undoes in known for e in events)
            if len(events) < last or (whole and len(found.done) >= _STEPS):
                break
            last *= 4  # much was undone: what is left lies further back
        undone = [
            {**_step(known[u.undoes or ""]), "op_id": u.op_id, "undoes": u.undoes} for u in found.undone
        ]
        return {"done": [_step(e) for e in found.done][-_STEPS:], "undone": undone[-_STEPS:]}


_LEAST = {Action.CLASS: 3, Action.ASSIGN: 3, Action.PLAN: 4, Action.ROLE: 4, Action.LOCK: 4}
_LEAST |= {Action.GATE: 4, Action.FREEZE: 4, Action.RULE: 3}
"""The role that an event needs where it is more than an annotator's."""


def _sees_all(plan: Plan, role: Role) -> bool:
    return not plan.blinds or role >= Role.ADJUDICATOR


def _own(standings: Mapping[str, Standing], person: str) -> dict[str, Standing]:
    found: dict[str, Standing] = {}
    if isinstance(standings, Standings):
        standings = standings.of(person)
    for row_id, standing in standings.items():
        own = [d for d in standing.opinions if d.annotator == person]
        if standing.final is not None and standing.final.annotator == person:
            own.append(standing.final)
        if own:
            found[row_id] = Standing((own[-1],), None, own[-1])
    return found


def _unnamed(decision: Decision | None) -> Decision | None:
    """That somebody decided, and nothing else: what a blind annotator may know."""
    return None if decision is None else replace(decision, annotator="", label=None, action=Action.NOTE)


def _step(event: Decision) -> dict[str, Any]:
    members = event.details.get("members") if not event.row_id else None
    return {
        "op_id": event.op_id,
        "action": str(event.action),
        "label": event.label,
        "row_id": event.row_id,
        "given_label": event.given_label,
        "n": 1 if members is None else len(members),
    }


@cache
def shared_team(workspace: Workspace) -> Team:
    """The team of a workspace; the pages and the routes of a process use one object."""
    return Team(shared_desk(workspace))
