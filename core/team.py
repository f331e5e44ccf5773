"""A desk that several people share: what each may see and do, and which rows are whose.

The pages and the routes go through one Team a process; what the processes of an install must share is in
the database.
"""

from __future__ import annotations

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
from core.gold_turns import GoldTurns, Turn, own_only, unseen
from core.identity import people_of
from core.pulse import pulse
from core.review import items
from core.review.assignments import Assigned, assigned
from core.review.audit_rows import DRAWN, RANKED, Dealt, draws, mark, mixed
from core.review.chance import random_order
from core.review.changes import Change
from core.review.decisions import VERDICTS, Action, Decision, Standing
from core.review.gold import GOLD
from core.review.look import Look
from core.review.orders import RANDOM_SEED
from core.review.people import Role
from core.review.plan import Drawn, Plan, draw, plan_in_force
from core.review.queue import Filters, tag_of
from core.review.tail import Tail
from core.steps import steps
from core.told import truly_shown
from core.workspace import Workspace

if TYPE_CHECKING:
    from core.review.claims import Claim, Claims
    from core.review.people import People
    from core.review.store import Receipt, Store


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

    @cached_property
    def _gold(self) -> GoldTurns:
        return GoldTurns(self.store)

    def gold(self, name: str, person: str = "") -> frozenset[str]:
        """Ids of the gold rows; of a person, those that they must not know for such."""
        found = self._gold.of(name)
        knows = bool(found and person) and self.role(person) >= Role.ADJUDICATOR
        return frozenset() if knows else found

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
        return self._known(name, person, self.store.standings(name, as_of))

    def _known(self, name: str, person: str, standings: Mapping[str, Standing]) -> Mapping[str, Standing]:
        if not self.sees_all(name, person):
            return own_only(standings, person)
        return unseen(standings, self.gold(name, person), person)

    def queue(
        self, name: str, person: str, filters: Filters, as_of: int | None = None
    ) -> tuple[np.ndarray, str]:
        """(positions in order, tag) of a queue, its states being those that the person may know."""
        positions, tag = self._queue(name, person, filters, as_of)
        if gold := self.gold(name, person):
            due = self._gold.due(self.desk.project(name).dataset, gold, person, as_of)
            positions = positions[~np.isin(positions, due)]
        return positions, tag

    def _queue(self, name: str, person: str, filters: Filters, as_of: int | None) -> tuple[np.ndarray, str]:
        knows = self.sees_all(name, person) and not self.gold(name, person)
        blind = "" if not filters.state or knows else person
        standings = self.visible(name, person, as_of) if blind else None
        if filters.change:
            self.require_all(person, name, *Change.parse(filters.change).others)
        positions, tag = self.desk.queue(name, filters, as_of, standings, blind)
        if filters.sug and (hidden := self.hidden(name, person)).any():
            positions = positions[~hidden[positions]]  # its place in this queue would tell the suggestion
        return positions, tag

    def dealt(self, name: str, person: str, filters: Filters, as_of: int | None = None) -> Dealt:
        """The queue as it is worked through: with the plan's random rows in it. An audit is all random.
        Who must not know of gold has gold rows in it too.
        """
        plan, gold = self.plan(name), self.gold(name, person)
        found = self._dealt(name, person, filters, as_of, plan.audit)
        if not gold:
            return found
        dataset, mine = self.desk.project(name).dataset, Turn(person, plan, self._assigned.of(name))
        return self._gold.dealt(found, dataset, gold, mine, self._drawn(name, plan).looks, filters, as_of)

    def _dealt(self, name: str, person: str, filters: Filters, as_of: int | None, share: float) -> Dealt:
        positions, tag = self._queue(name, person, filters, as_of)
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
        return self._known(name, person, self.store.standings_of(name, row_ids))

    def history(self, name: str, person: str, row_id: str) -> list[Decision]:
        """The events of one row that a person may know, in the order of storing."""
        events = self.store.history(name, row_id)
        alone = not self.sees_all(name, person) or row_id in self.gold(name, person)
        return [e for e in events if e.annotator == person] if alone else events

    def hidden(self, name: str, person: str) -> np.ndarray:
        """(N,) bool: rows whose suggestion this person does not see."""
        return self._hidden(name, self._drawn(name, self.plan(name)), person)

    def _hidden(self, name: str, drawn: Drawn, person: str) -> np.ndarray:
        if self.role(person) >= Role.ADJUDICATOR:
            return np.zeros_like(drawn.hidden)
        hidden = drawn.hidden.copy()
        hidden[list(self._gold_at(name, person))] = True
        return hidden

    def _gold_at(self, name: str, person: str) -> frozenset[int]:
        """Positions of the gold rows that a person must not know for such."""
        gold = self.gold(name, person)
        found = self.desk.project(name).dataset.positions(gold) if gold else np.zeros(0, dtype=np.int64)
        return frozenset(found[found >= 0].tolist())

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
                "mark": mark(secret, name, look.row(p)[0], _source(dealt, look, rank), filters.gate),
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
        # Gold rows are everybody's: nobody holds one.
        lends = [p for p in positions if p not in look.gold and look.waits(p)]
        waiting = {p: str(look.board.dataset.row_ids[p]) for p in lends}
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
        seen, hidden = standings.seq, self._hidden(name, drawn, person) | filters.blind
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
            self._gold_at(name, person),
        )

    def record(self, person: str, events: Sequence[Decision]) -> list[Receipt]:
        """Store a person's events; a receipt for each, in their order. Raises NotPermitted."""
        for event in events:
            self.people.require(person, Role(max(_LEAST.get(event.action, 2), 3 if event.final else 2)))
        sees = {name: self.sees_all(name, person) for name in {e.dataset for e in events}}
        receipts = self.desk.record(truly_shown(self, [replace(e, annotator=person) for e in events], sees))
        for name in {e.dataset for e, r in zip(events, receipts, strict=True) if not r.refused}:
            done = [e.row_id for e in events if e.dataset == name and e.action in VERDICTS]
            self.claims.renew(name, person, done)
            if not sees[name]:
                receipts = [replace(r, meanwhile=_unnamed(r.meanwhile)) for r in receipts]
            if gold := self.gold(name, person):
                pairs = zip(receipts, events, strict=True)
                receipts = [replace(r, meanwhile=None) if e.row_id in gold else r for r, e in pairs]
        return receipts

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
        """What a person can undo and redo, the last STEPS of each, the first to go at the end.

        undone: the steps that were taken back, each with the op_id of the UNDO that did it, and of what it
        `undoes`.
        """
        return steps(self.store, person, name)


_LEAST = {Action.CLASS: 3, Action.ASSIGN: 3, Action.PLAN: 4, Action.ROLE: 4, Action.LOCK: 4}
_LEAST |= {Action.GATE: 4, Action.FREEZE: 4, Action.RULE: 3, Action.GOLD: 4}
"""The role that an event needs where it is more than an annotator's."""


def _sees_all(plan: Plan, role: Role) -> bool:
    return not plan.blinds or role >= Role.ADJUDICATOR


def _source(dealt: Dealt, look: Look, rank: int) -> str:
    if int(dealt.positions[rank]) in look.gold:
        return GOLD
    return DRAWN if dealt.drawn[rank] else RANKED


def _unnamed(decision: Decision | None) -> Decision | None:
    """That somebody decided, and nothing else: what a blind annotator may know."""
    return None if decision is None else replace(decision, annotator="", label=None, action=Action.NOTE)


@cache
def shared_team(workspace: Workspace) -> Team:
    """The team of a workspace; the pages and the routes of a process use one object."""
    return Team(shared_desk(workspace))
