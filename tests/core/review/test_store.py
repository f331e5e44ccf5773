from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from core.review import fold as folding
from core.review.decisions import Action, Decision, Standing
from core.review.fold import fold
from core.review.store import Receipt, Store

ROOT = Path(__file__).parents[3]


@pytest.fixture
def url(store_url: str) -> str:
    return store_url


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    made = Store(url)
    yield made
    made.close()


def keep(row_id: str, op_id: str, annotator: str = "ann", dataset: str = "d") -> Decision:
    return Decision(dataset, row_id, Action.KEEP, annotator, "cat", op_id, shown='{"queue": "x"}')


def undo(of: Decision, op_id: str, **changes: str) -> Decision:
    return replace(of, **{"action": Action.UNDO, "op_id": op_id, "undoes": of.op_id, **changes})


def refusals(receipts: list[Receipt]) -> list[str]:
    return [r.refused for r in receipts]


def test_record__gives_seq_and_time_and_stores_every_field(store: Store) -> None:
    decision = Decision("d", "r1", Action.RELABEL, "ann", "cat", "op1", label="dog", shown="s")
    receipt, second = store.record([decision, keep("r2", "op2")])
    assert (receipt.seq, second.seq, receipt.refused) == (1, 2, "")
    assert receipt.decided_at.endswith("+00:00")
    assert store.events("d")[0] == replace(decision, seq=1, decided_at=receipt.decided_at)
    assert store.record([]) == []


def test_record__same_operation_twice_is_stored_once(store: Store) -> None:
    first = store.record([keep("r1", "op1")])
    assert store.record([keep("r1", "op1"), keep("r2", "op2")])[0] == first[0]
    assert store.record([keep("r3", "op3"), keep("r3", "op3")])[0].seq == 3
    assert [e.op_id for e in store.events("d")] == ["op1", "op2", "op3"]


def test_record__same_operation_with_other_content_is_refused(store: Store) -> None:
    store.record([keep("r1", "op1")])
    receipts = store.record(
        [keep("r2", "op1"), keep("r2", "op2"), replace(keep("r2", "op2"), given_label="")]
    )
    assert [bool(r) for r in refusals(receipts)] == [True, False, True]
    assert [(e.op_id, e.row_id) for e in store.events("d")] == [("op1", "r1"), ("op2", "r2")]


def test_record__undo_falls_back_to_the_decision_before(store: Store) -> None:
    first, second = keep("r1", "op1"), replace(keep("r1", "op2"), action=Action.EXCLUDE)
    store.record([first, second])
    assert store.in_force("d")["r1"].action is Action.EXCLUDE
    store.record([undo(second, "op3")])
    assert store.in_force("d")["r1"].op_id == "op1"
    store.record([undo(first, "op4")])
    assert store.in_force("d") == {}
    assert len(store.events("d")) == 4


def test_record__undo_in_the_same_batch(store: Store) -> None:
    decision = keep("r1", "op1")
    assert refusals(store.record([decision, undo(decision, "op2")])) == ["", ""]
    assert store.in_force("d") == {}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"annotator": "bob"}, "only the annotator"),
        ({"row_id": "r2"}, "another row"),
        ({"dataset": "other"}, "another row"),
        ({"undoes": "op9"}, "no such decision"),
        ({"undoes": ""}, "no such decision"),
        ({}, "undone already"),
    ],
)
def test_record__undo_of_anything_but_ones_own_is_refused(
    store: Store, change: dict[str, str], sentence: str
) -> None:
    decision = keep("r1", "op1")
    store.record([decision, undo(decision, "op2")])
    receipts = store.record([undo(decision, "op3", **change), keep("r3", "op4")])
    assert sentence in receipts[0].refused
    assert receipts[1].refused == ""
    assert [e.op_id for e in store.events("d")] == ["op1", "op2", "op4"]


def test_in_force__as_of_an_earlier_event(store: Store) -> None:
    first, second = keep("r1", "op1"), keep("r2", "op2")
    store.record([first, second, undo(first, "op3"), replace(keep("r2", "op4"), action=Action.EXCLUDE)])
    assert store.in_force("d", as_of=0) == {}
    assert list(store.in_force("d", as_of=1)) == ["r1"]
    assert {r: d.op_id for r, d in store.in_force("d", as_of=2).items()} == {"r1": "op1", "r2": "op2"}
    assert {r: d.op_id for r, d in store.in_force("d", as_of=3).items()} == {"r2": "op2"}
    assert {r: d.op_id for r, d in store.in_force("d").items()} == {"r2": "op4"}
    assert store.last_seq("d") == 4


def test_in_force__keeps_data_sets_apart(store: Store) -> None:
    store.record([keep("r1", "op1"), keep("r1", "op2", dataset="e"), keep("r2", "op3", dataset="e")])
    assert list(store.in_force("d")) == ["r1"]
    assert (store.settled("d"), store.settled("e"), store.settled("none")) == (1, 2, 0)
    assert store.settled_rows("e") == ["r1", "r2"]
    assert store.last_seq("none") == 0
    assert [e.seq for e in store.events("e", after_seq=2)] == [3]


def test_in_force__sees_what_another_process_stored(store: Store, url: str) -> None:
    store.record([keep("r1", "op1")])
    before = store.in_force("d")
    other = Store(url)
    other.record([keep("r2", "op2"), undo(keep("r1", "op1"), "op3")])
    other.close()
    assert list(before) == ["r1"]
    assert list(store.in_force("d")) == ["r2"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=strategies.lists(
        strategies.lists(
            strategies.tuples(strategies.sampled_from("abc"), strategies.booleans()), max_size=4
        ),
        max_size=8,
    )
)
def test_in_force__incremental_equals_the_whole_fold(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[tuple[str, bool]]]
) -> None:
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('fold') / 'd.db'}")
    stored: list[Decision] = []
    for batch in batches:
        for row_id, is_undo in batch:
            mine = [d for d in stored if d.row_id == row_id and d.action is not Action.UNDO]
            op_id = f"op{len(stored)}"
            stored.append(undo(mine[-1], op_id) if is_undo and mine else keep(row_id, op_id))
        store.record(stored[-len(batch) :] if batch else [])
        events = store.events("d")
        assert store.in_force("d") == fold(events)
        middle = len(events) // 2
        assert store.in_force("d", as_of=middle) == fold(events[:middle])
    store.close()


def test_record__threads_lose_nothing(store: Store) -> None:
    def work(name: str) -> None:
        for i in range(25):
            store.record([keep(f"r{i}", f"{name}-{i}", annotator=name)])

    threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [e.seq for e in store.events("d")] == list(range(1, 201))


WRITER = """
import sys
from core.review.decisions import Action, Decision
from core.review.store import Store
url, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = Store(url)
for i in range(count):
    decision = Decision("d", f"r{i % 50}", Action.KEEP, name, "cat", f"{name}-{i}")
    for receipt in store.record([decision]):
        print(receipt.op_id, receipt.seq, flush=True)
"""


def writer(url: str, name: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, url, name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def test_record__two_processes_from_an_empty_file(url: str) -> None:
    writers = [writer(url, name, 60) for name in ("a", "b")]
    lines = [line for w in writers for line in w.communicate(timeout=60)[0].splitlines()]
    assert [w.returncode for w in writers] == [0, 0]
    store = Store(url)
    assert {f"{e.op_id} {e.seq}" for e in store.events("d")} == set(lines)
    assert [e.seq for e in store.events("d")] == list(range(1, 121))
    store.close()


def test_record__kill_in_mid_write_loses_nothing_acknowledged(url: str) -> None:
    acknowledged: set[str] = set()
    for life in range(5):
        process = writer(url, f"life{life}", 100_000)
        assert process.stdout is not None
        for _ in range(40 + 17 * life):
            acknowledged.add(process.stdout.readline().split()[0])
        os.kill(process.pid, signal.SIGKILL)
        # The last line may be cut off by the kill; a whole one counts as acknowledged.
        rest = process.stdout.read()
        acknowledged |= {line.split()[0] for line in rest.splitlines(keepends=True) if line.endswith("\n")}
        process.wait()
    store = Store(url)
    stored = [e.op_id for e in store.events("d")]
    store.close()
    assert len(acknowledged) >= 370
    assert acknowledged <= set(stored)
    # At most one decision a life was stored without its acknowledgement arriving.
    assert len(stored) - len(acknowledged) <= 5


def test_record__redo_is_the_undo_of_an_undo(store: Store) -> None:
    decision = keep("r1", "op1")
    back = undo(decision, "op2")
    store.record([decision, back])
    assert store.in_force("d") == {}
    assert refusals(store.record([undo(back, "op3")])) == [""]
    assert store.in_force("d")["r1"].op_id == "op1"
    assert refusals(store.record([undo(back, "op4")])) == ["it is undone already"]
    assert refusals(store.record([undo(undo(back, "op3"), "op5")])) == ["there is no such decision to undo"]
    assert refusals(store.record([undo(decision, "op6"), undo(undo(decision, "op6"), "op7")])) == ["", ""]
    assert store.in_force("d")["r1"].op_id == "op1"
    assert refusals(store.record([undo(decision, "op8")])) == [""]
    assert store.in_force("d") == {}


def test_record__two_annotators_who_differ_are_a_disagreement_until_a_final_word(store: Store) -> None:
    first, second = keep("r1", "op1"), replace(keep("r1", "op2", "bob"), action=Action.EXCLUDE)
    store.record([first, second])
    assert store.in_force("d") == {}
    found = store.standings("d")["r1"]
    assert ([d.op_id for d in found.opinions], found.disagreed) == (["op1", "op2"], True)
    word = replace(keep("r1", "op3", "eve"), final=True)
    store.record([word])
    assert store.in_force("d")["r1"].op_id == "op3"
    store.record([replace(keep("r1", "op4", "bob"), label="dog", action=Action.RELABEL)])
    assert store.in_force("d")["r1"].op_id == "op3"
    store.record([undo(word, "op5")])
    assert store.standings("d")["r1"].disagreed
    assert store.standings("d", as_of=3)["r1"].settled is not None
    assert store.standings_of("d", ["r1", "r2"])["r1"].disagreed


def test_record__needs_review_abstains_beside_another_opinion(store: Store) -> None:
    store.record([replace(keep("r1", "op1"), action=Action.NEEDS_REVIEW)])
    assert store.in_force("d")["r1"].action is Action.NEEDS_REVIEW
    store.record([keep("r1", "op2", "bob")])
    assert store.in_force("d")["r1"].op_id == "op2"


def test_record__tells_of_a_verdict_that_came_after_what_was_seen(store: Store) -> None:
    store.record([keep("r1", "op1", "bob"), keep("r2", "op2", "bob")])
    told = store.record(
        [
            replace(keep("r1", "op3"), based_on=0),
            replace(keep("r2", "op4"), based_on=2),
            replace(keep("r3", "op5"), based_on=0),
        ]
    )
    assert [r.meanwhile and r.meanwhile.op_id for r in told] == ["op1", None, None]
    assert [d.op_id for d in store.standings("d")["r1"].opinions] == ["op1", "op3"]


def test_record__a_redo_is_told_of_who_decided_while_it_was_undone(store: Store) -> None:
    undo = partial(Decision, "d", "r1", Action.UNDO, "ann", "cat")
    store.record([keep("r1", "op1"), undo("u1", undoes="op1")])
    again = undo("u2", undoes="u1")
    store.record([keep("r1", "op2", "bob"), keep("r2", "op3", "bob")])
    told = [store.record([again])[0] for _ in range(2)]  # the first answer is lost
    assert [r.meanwhile and r.meanwhile.op_id for r in told] == ["op2", "op2"]
    (receipt,) = store.record([undo("u3", undoes="op1")])
    assert receipt.meanwhile is None


def test_peek__a_decided_row_never_seems_free_while_an_event_is_taken_in(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.record([keep("r1", "op1")])
    peek, genuine = store.peek("d"), folding._state
    found: list[Standing | None] = []

    def slow(standing: Standing | None) -> int:
        monkeypatch.setattr(folding, "_state", genuine)
        looking.start()
        looking.join(0.2)
        return genuine(standing)

    looking = threading.Thread(target=lambda: found.append(peek.get("r1")))
    monkeypatch.setattr(folding, "_state", slow)
    store.record([keep("r1", "op2", "bob")])
    assert store.last_seq("d") == 2
    looking.join()
    assert [s and [d.op_id for d in s.opinions] for s in found] == [["op1", "op2"]]
    assert [e.op_id for e in peek.history("r1")] == ["op1", "op2"]


def bulk(op_id: str, annotator: str = "ann") -> Decision:
    return Decision("d", "", Action.RELABEL, annotator, "", op_id)


def test_record_bulk__is_one_event_undone_and_redone_in_one(store: Store) -> None:
    store.record([keep("r2", "op1", "bob")])
    members = [("r1", "cat", "dog"), ("r2", "cat", "dog"), ("r3", "cow", "dog"), ("r4", "cow", "dog")]
    receipt = store.record_bulk(bulk("op2"), members, held=["r4"])
    assert (receipt.seq, receipt.left) == (2, ("r2", "r4"))
    found = store.in_force("d")
    assert {r: (d.given_label, d.label, d.op_id) for r, d in found.items() if r != "r2"} == {
        "r1": ("cat", "dog", "op2"),
        "r3": ("cow", "dog", "op2"),
    }
    assert store.record_bulk(bulk("op2"), members) == receipt
    back = undo(bulk("op2"), "op3")
    assert refusals(store.record([back])) == [""]
    assert list(store.in_force("d")) == ["r2"]
    assert refusals(store.record([undo(back, "op4")])) == [""]
    assert list(store.in_force("d")) == ["r2", "r1", "r3"]
    assert len(store.events("d")) == 4
    assert fold(store.events("d")) == store.in_force("d")
    assert list(store.in_force("d", as_of=3)) == ["r2"]
    assert "decided or held" in store.record_bulk(bulk("op5"), members[:2]).refused


def test_store__sqlite_is_durable(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'd.db'}")
    with store.database.reading() as own:
        assert own.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert own.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert own.exec_driver_sql("PRAGMA busy_timeout").scalar() == 30_000
    store.close()
