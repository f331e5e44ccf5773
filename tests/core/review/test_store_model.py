"""The store against a model of it in plain dictionaries, through any order of what people and crashes do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from core.review import decisions
from core.review.claims import HELD_S, Claims
from core.review.decisions import Action, Decision
from core.review.fold import fold
from core.review.store import Receipt, Store
from tests.postgres import Postgres

ROWS = ("r0", "r1", "r2")
PEOPLE = ("ann", "bob")
VERDICTS = (Action.KEEP, Action.RELABEL, Action.EXCLUDE, Action.NEEDS_REVIEW)


@dataclass
class Said:
    """What the model knows of one stored event. rows: row id -> (action, label)."""

    op_id: str
    who: str
    rows: dict[str, tuple[str, str | None]]
    final: bool = False
    of: str | None = None  # for an undo: what it takes back
    back: bool = False  # taken back now


@dataclass
class Model:
    said: list[Said] = field(default_factory=list)

    def find(self, op_id: str | None) -> Said | None:
        return next((s for s in self.said if s.op_id == op_id), None)

    def undo(self, op_id: str, of: str, who: str) -> str:
        """Store an undo where it is allowed; the beginning of the refusal where it is not."""
        target = self.find(of)
        if target is None or (target.of is not None and self.find(target.of).of is not None):  # type: ignore[union-attr]
            return "there is no such decision"
        if target.who != who:
            return "only the annotator"
        if target.back:
            return "it is undone already"
        target.back = True
        if target.of is not None:  # a redo: what the undo took back stands again
            self.find(target.of).back = False  # type: ignore[union-attr]
        self.said.append(Said(op_id, who, dict.fromkeys(target.rows, ("undo", None)), of=of))
        return ""

    def opinions(self, row: str) -> dict[str, Said]:
        """The last standing verdict of each annotator, in the order of deciding."""
        found: dict[str, Said] = {}
        for said in self.said:
            if said.of is None and not said.back and not said.final and row in said.rows:
                found.pop(said.who, None)
                found[said.who] = said
        return found

    def final(self, row: str) -> Said | None:
        words = [s for s in self.said if s.final and not s.back and row in s.rows]
        return words[-1] if words else None

    def decided(self, row: str) -> bool:
        return bool(self.opinions(row)) or self.final(row) is not None

    def settled(self, row: str) -> str | None:
        """op_id of the verdict in force, None where there is none."""
        word = self.final(row)
        if word is not None:
            return word.op_id
        every = list(self.opinions(row).values())
        votes = [s for s in every if s.rows[row][0] != "needs_review"] or every
        return votes[-1].op_id if votes and len({s.rows[row] for s in votes}) == 1 else None


class Life(RuleBasedStateMachine):
    """Two annotators, three rows, one database; the store is reopened and doubled at will."""

    new_url: Callable[[], str]

    @initialize()
    def start(self) -> None:
        self.now = 1000.0
        self.url = type(self).new_url()
        self.stores = [Store(self.url), Store(self.url)]
        self.model = Model()
        self.holders: dict[str, tuple[str, float]] = {}
        self.sent: list[tuple[Decision, Receipt]] = []
        self.count = 0

    def _op(self) -> str:
        self.count += 1
        return f"op{self.count}"

    def _record(self, which: int, event: Decision) -> Receipt:
        (receipt,) = self.stores[which].record([event])
        self.sent.append((event, receipt))
        return receipt

    @rule(
        which=st.integers(0, 1),
        who=st.sampled_from(PEOPLE),
        row=st.sampled_from(ROWS),
        action=st.sampled_from(VERDICTS),
        final=st.booleans(),
        saw=st.integers(0, 3),
    )
    def decide(self, which: int, who: str, row: str, action: Action, final: bool, saw: int) -> None:
        label = "dog" if action is Action.RELABEL else None
        seen = max(0, len(self.model.said) - saw)
        op_id = self._op()
        receipt = self._record(
            which, Decision("d", row, action, who, "cat", op_id, label, based_on=seen, final=final)
        )
        standing = [*self.model.opinions(row).values(), *filter(None, [self.model.final(row)])]
        order = {s.op_id: i + 1 for i, s in enumerate(self.model.said)}
        others = [s.op_id for s in standing if s.who != who and order[s.op_id] > seen]
        assert (receipt.meanwhile.op_id if receipt.meanwhile else None) == (others[-1] if others else None)
        self.model.said.append(Said(op_id, who, {row: (str(action), label)}, final))
        assert receipt.seq == len(self.model.said)

    @rule(which=st.integers(0, 1), who=st.sampled_from(PEOPLE), held=st.sampled_from(((), ("r1",))))
    def decide_many(self, which: int, who: str, held: tuple[str, ...]) -> None:
        op_id = self._op()
        event = Decision("d", "", Action.RELABEL, who, "", op_id)
        receipt = self.stores[which].record_bulk(event, [(row, "cat", "dog") for row in ROWS], held)
        free = [row for row in ROWS if not self.model.decided(row) and row not in held]
        if free:
            self.model.said.append(Said(op_id, who, dict.fromkeys(free, ("relabel", "dog"))))
            assert (receipt.seq, receipt.refused) == (len(self.model.said), "")
            assert receipt.left == tuple(row for row in ROWS if row not in free)
        else:
            assert receipt.refused

    @rule(which=st.integers(0, 1), who=st.sampled_from(PEOPLE), of=st.integers(0, 30))
    def undo(self, which: int, who: str, of: int) -> None:
        target = self.model.said[of % len(self.model.said)] if self.model.said else None
        op_id = self._op()
        row = next(iter(target.rows)) if target and len(target.rows) == 1 and not self._many(target) else ""
        undoes = target.op_id if target else "nothing"
        receipt = self._record(which, Decision("d", row, Action.UNDO, who, "", op_id, undoes=undoes))
        assert receipt.refused.startswith(self.model.undo(op_id, undoes, who) or "")
        assert bool(receipt.refused) == (self.model.find(op_id) is None)

    def _many(self, said: Said) -> bool:
        """Whether an event was sent without a row: a bulk decision, or what leads back to one."""
        if said.of is not None:
            return self._many(self.model.find(said.of))  # type: ignore[arg-type]
        return said.op_id not in {event.op_id for event, _ in self.sent}

    @rule(which=st.integers(0, 1), of=st.integers(0, 30))
    def send_again(self, which: int, of: int) -> None:
        """The answer was lost on the way: the browser sends the same again, later, to any server."""
        if self.sent:
            event, first = self.sent[of % len(self.sent)]
            (again,) = self.stores[which].record([event])
            if first.refused:
                assert (
                    again.refused or self.model.undo(event.op_id, event.undoes or "", event.annotator) == ""
                )
            else:
                assert (again.seq, again.decided_at, again.refused) == (first.seq, first.decided_at, "")

    @rule(which=st.integers(0, 1), of=st.integers(0, 30))
    def other_content_under_an_op_id_is_refused(self, which: int, of: int) -> None:
        if self.model.said:
            op_id = self.model.said[of % len(self.model.said)].op_id
            event = Decision("d", "r9", Action.KEEP, "eve", "cow", op_id)
            assert self.stores[which].record([event])[0].refused

    @rule(which=st.integers(0, 1))
    def crash(self, which: int) -> None:
        self.stores[which].close()
        self.stores[which] = Store(self.url)

    @rule(
        who=st.sampled_from(PEOPLE), which=st.integers(0, 1), rows=st.sets(st.sampled_from(ROWS), min_size=1)
    )
    def claim(self, who: str, which: int, rows: set[str]) -> None:
        taken = Claims(self.stores[which].database, lambda: self.now).take("d", who, sorted(rows))
        for row in rows:
            holder, until = self.holders.get(row, (who, 0.0))
            if holder == who or until <= self.now:
                self.holders[row] = (who, self.now + HELD_S)
            assert taken[row].annotator == self.holders[row][0]

    @rule(seconds=st.sampled_from((1, HELD_S - 1, HELD_S)))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @invariant()
    def both_stores_say_what_the_model_says(self) -> None:
        for store in getattr(self, "stores", ()):
            events = store.events("d")
            assert [(e.op_id, e.seq) for e in events] == [
                (s.op_id, i) for i, s in enumerate(self.model.said, 1)
            ]
            standings = store.standings("d")
            assert {r: [d.op_id for d in s.opinions] for r, s in standings.items()} == {
                row: [s.op_id for s in self.model.opinions(row).values()]
                for row in ROWS
                if self.model.decided(row)
            }
            settled = {row: op for row in ROWS if (op := self.model.settled(row)) is not None}
            assert {r: d.op_id for r, d in store.in_force("d").items()} == settled
            assert fold(events) == store.in_force("d")
            held = Claims(store.database, lambda: self.now).held("d")
            expected = {r: who for r, (who, until) in self.holders.items() if until > self.now}
            assert {r: c.annotator for r, c in held.items()} == expected

    def teardown(self) -> None:
        for store in getattr(self, "stores", ()):
            store.close()


def lives(
    url: Callable[[], str], examples: int, phases: Sequence[Phase] = tuple(Phase), derandomize: bool = False
) -> None:
    machine = type("Lives", (Life,), {"new_url": staticmethod(url)})
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=25,
            deadline=None,
            phases=phases,
            derandomize=derandomize,
            suppress_health_check=checks,
        ),
    )


def test_store__is_what_the_model_says_on_sqlite(tmp_path: Path) -> None:
    numbers = iter(range(10_000))
    lives(lambda: f"sqlite:///{tmp_path / f'{next(numbers)}.db'}", examples=30)


def test_store__is_what_the_model_says_on_postgresql(postgres: Postgres) -> None:
    lives(postgres.database, examples=4)


def test_model__sees_a_store_that_forgets_a_redo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test of the test: a store in which an undone undo stays in force is found out."""

    def forgetful(events: Iterable[Decision]) -> set[str]:
        events = list(events)
        return {e.op_id for e in events} - {e.undoes for e in events}

    monkeypatch.setattr(decisions, "live", forgetful)
    numbers = iter(range(10_000))
    with pytest.raises(AssertionError):
        lives(
            lambda: f"sqlite:///{tmp_path / f'{next(numbers)}.db'}",
            examples=100,
            phases=[Phase.generate],
            derandomize=True,
        )
