from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.evidence.live import EVERY_S, MOST_S, STEP, Live, brief
from core.evidence.reading import Reading
from core.review.store import Store
from tests.core.evidence.reviews import dataset, reading, verdicts


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(f"sqlite:///{tmp_path / 'decisions.db'}")
    yield made
    made.close()


class Beside:
    """Work that is begun and done when the test says so, and a clock that stands."""

    def __init__(self, store: Store) -> None:
        self.store, self.work, self.now, self.reads = store, [], 100.0, 0  # type: ignore[var-annotated]
        self.spent, self.each = 0.0, 0.0
        self.live = Live(self.read, self.begin, lambda: self.now, lambda: self.spent)

    def read(self, name: str) -> Reading:
        self.reads += 1
        self.spent += self.each
        return reading(self.store)

    def begin(self, work: Callable[[], None]) -> None:
        self.work.append(work)

    def done(self) -> None:
        while self.work:
            self.work.pop()()

    def told(self, blind: bool = False) -> dict | None:  # type: ignore[type-arg]
        return self.live.told("pets", self.store.last_seq("pets"), blind)


def decide(store: Store, upto: int) -> None:
    """The first `upto` decisions; those that are stored are acknowledged again."""
    assert not [r for r in store.record(verdicts(dataset(), upto)) if r.refused]


def test_told__computes_nothing_and_tells_what_is_known(store: Store) -> None:
    beside = Beside(store)
    assert beside.told() is None and beside.reads == 0 and len(beside.work) == 1
    assert beside.told() is None and len(beside.work) == 1  # one at a time
    beside.done()
    first = beside.told()
    assert first is not None and first["version"] == 1 and not beside.work
    decide(store, 60)
    beside.now += EVERY_S - 1
    assert beside.told() is first and not beside.work  # too soon
    beside.now += 2
    assert beside.told() is first and len(beside.work) == 1  # told what is known; newer comes
    beside.done()
    second = beside.told()
    assert second is not None and second["version"] == 61
    assert second["left"] != first["left"] and beside.reads == 2


@pytest.mark.parametrize(("took", "rest"), [(0.01, EVERY_S), (0.5, 10.0), (9.0, MOST_S)])
def test_told__rests_twenty_times_as_long_as_it_took(store: Store, took: float, rest: float) -> None:
    beside = Beside(store)
    beside.each = 100.0  # the first run says nothing of the next
    beside.told()
    beside.done()
    beside.each = took
    decide(store, 5)
    beside.now += EVERY_S + 0.1
    beside.told()
    beside.done()
    assert beside.reads == 2
    decide(store, 10)
    for wait, works in ((rest - 0.1, 0), (0.2, 1)):
        beside.now += wait
        beside.told()
        assert len(beside.work) == works


def test_told__blind_annotators_learn_in_steps(store: Store) -> None:
    beside = Beside(store)

    def told_at(upto: int) -> tuple[int, int]:
        decide(store, upto)
        beside.now += 1000
        beside.told()
        beside.done()
        blind, whole = beside.told(blind=True), beside.told()
        assert whole is not None
        return (0 if blind is None else blind["version"]), whole["version"]

    assert told_at(STEP - 1) == (0, STEP)
    assert told_at(STEP) == (STEP + 1, STEP + 1)
    assert told_at(STEP + 7) == (STEP + 1, STEP + 8)
    assert told_at(2 * STEP - 1) == (STEP + 1, 2 * STEP)
    assert told_at(2 * STEP + 1) == (2 * STEP + 2, 2 * STEP + 2)


def test_told__tries_again_after_a_failure(store: Store) -> None:
    beside = Beside(store)
    read, beside.live._read = beside.live._read, lambda name: 1 / 0  # type: ignore[assignment,return-value]
    beside.told()
    with pytest.raises(ZeroDivisionError):
        beside.done()
    beside.live._read = read
    beside.now += EVERY_S + 1
    beside.told()
    beside.done()
    assert beside.told() is not None


def test_brief__has_what_the_line_shows(store: Store) -> None:
    before = brief(reading(store))
    assert (before["pictures"], before["stop"]) == ([], "")
    assert before["left"] == "Wrong labels left: not known, no random row read yet"
    after = brief(reading(store, 200))
    assert after["left"].endswith(" wrong labels left (95%)") and " in the next 50 by score" in after["next"]
    assert len(after["said"]) >= 4
    wide, narrow = after["pictures"]
    assert wide["words"] == narrow["words"] and wide["words"].startswith("After 200 rows: ")
    assert (wide["width"], narrow["width"]) == (640, 300)
