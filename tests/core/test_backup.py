"""Backup and restore of the decision store, on both databases and between them."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from core import backup
from core.backup import restore, write_backup
from core.cli import main
from core.decision_files import write_decisions, write_decisions_of
from core.errors import InputError
from core.review.database import Database
from core.review.decisions import Action, Decision
from core.review.store import Store
from tests.postgres import Postgres

ROOT = Path(__file__).parents[2]
HOSTILE = "Robert'); DROP TABLE decisions;-- \u202e <b>\n\r\t \U0001f600 \\u0041 \x7f :rows %s"


def events() -> list[Decision]:
    """One of each kind, with hostile texts, and something that was taken back."""
    verdict = Decision(
        "d", "r1", Action.RELABEL, "ann", "cat", "op1", "dog", shown='{"find": "x"}', based_on=0
    )
    return [
        verdict,
        Decision("d", "r1", Action.UNDO, "ann", "cat", "op2", undoes="op1"),
        Decision("d", "", Action.RELABEL, "bob", "", "op3").bulk([("r2", "cat", "dog"), ("r3", "", "dog")]),
        Decision("d", "r1", Action.KEEP, "eve", "cat", "op4", final=True, based_on=3),
        Decision("d", "r1", Action.NOTE, HOSTILE, HOSTILE, "op5", detail=json.dumps({"text": HOSTILE})),
        Decision("", "bob", Action.ROLE, "eve", "", "op6", detail='{"role": "viewer"}'),
        Decision("e", "r1", Action.RELABEL, "ann", HOSTILE, "op7", HOSTILE, shown=HOSTILE, based_on=2**60),
        Decision("d", "", Action.CLASS, "eve", "", "op8", detail='{"add": "fish"}', shown="class fish added"),
    ]


def logged(store: Store) -> list[Decision]:
    return [event for name in ("", "d", "e") for event in store.events(name)]


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    made = Store(store_url)
    yield made
    made.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Store]:
    """An empty store, where the database does not matter."""
    made = Store(f"sqlite:///{tmp_path / 'fresh.db'}")
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A second, empty store on either database."""
    url = f"sqlite:///{tmp_path / 'other.db'}"
    made = Store(url if request.param == "sqlite" else request.getfixturevalue("postgres").database())
    yield made
    made.close()


def test_restore__the_log_is_equal_event_for_event(store: Store, other: Store, tmp_path: Path) -> None:
    store.record(events()[:4])
    store.record(events()[4:])
    file = tmp_path / "b.jsonl"
    assert write_backup(store.database, file) == 8
    assert restore(file, other.database) == 8
    assert logged(other) == logged(store)
    assert [e.seq for e in other.events("d")] == [1, 2, 3, 4, 5, 8]
    assert other.standings("d") == store.standings("d")
    # It goes on where it was, and knows what it was told before.
    assert [r.seq for r in other.record([events()[0], replace(events()[0], op_id="new")])] == [1, 9]
    again = tmp_path / "again.jsonl"
    write_backup(store.database, again)
    assert again.read_bytes().splitlines()[1:-1] == file.read_bytes().splitlines()[1:-1]


def test_restore__in_several_parts(store: Store, fresh: Store, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(backup, "_AT_ONCE", 3)
    store.record(events())
    assert write_backup(store.database, tmp_path / "b") == 8
    assert restore(tmp_path / "b", fresh.database) == 8
    assert logged(fresh) == logged(store)


def test_restore__an_empty_store(fresh: Store, tmp_path: Path) -> None:
    assert write_backup(fresh.database, tmp_path / "b") == 0
    assert restore(tmp_path / "b", fresh.database) == 0


def test_restore__never_into_a_store_with_events(store: Store, tmp_path: Path) -> None:
    store.record(events())
    before = logged(store)
    write_backup(store.database, tmp_path / "b")
    with pytest.raises(InputError, match="the store has 8 events, and a restore never adds to them"):
        restore(tmp_path / "b", store.database)
    assert logged(store) == before


@pytest.mark.parametrize(
    "damage", ["cut line", "cut footer", "byte", "swapped", "dropped", "footer only", "empty"]
)
def test_restore__a_damaged_file_is_refused(fresh: Store, tmp_path: Path, damage: str) -> None:
    source = Store(f"sqlite:///{tmp_path / 's.db'}")
    source.record(events())
    file = tmp_path / "b.jsonl"
    write_backup(source.database, file)
    lines = file.read_bytes().splitlines(keepends=True)
    broken = {
        "cut line": b"".join(lines)[:-90],
        "cut footer": b"".join(lines[:-1]),
        "byte": b"".join(lines).replace(b'"cat"', b'"cot"', 1),
        "swapped": b"".join([lines[0], lines[2], lines[1], *lines[3:]]),
        "dropped": b"".join([*lines[:3], *lines[4:]]),
        "footer only": lines[0],
        "empty": lines[0][: len(lines[0]) // 2],
    }
    file.write_bytes(broken[damage])
    with pytest.raises(InputError, match="the backup is damaged or cut off"):
        restore(file, fresh.database)
    assert logged(fresh) == []


def signed(file: Path, *lines: dict[str, object]) -> None:
    """A backup with a right footer, whatever its lines say."""
    import hashlib

    raw = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    footer = {"events": len(lines) - 1, "sha256": hashlib.sha256(raw).hexdigest()}
    file.write_bytes(raw + json.dumps(footer).encode() + b"\n")


FIRST = {
    "seq": 1, "op_id": "op1", "dataset": "d", "row_id": "r1", "action": "keep", "annotator": "ann",
    "given_label": "cat", "label": None, "undoes": None, "shown": "", "decided_at": "2026-01-01",
}  # fmt: skip


def test_restore__a_backup_of_an_earlier_version(fresh: Store, tmp_path: Path) -> None:
    signed(tmp_path / "b", {"labelmend_backup": 1}, FIRST)
    assert restore(tmp_path / "b", fresh.database) == 1
    expected = Decision("d", "r1", Action.KEEP, "ann", "cat", "op1", decided_at="2026-01-01", seq=1)
    assert fresh.events("d") == [expected]


@pytest.mark.parametrize(
    "lines",
    [
        [{"labelmend_backup": 2}, FIRST],
        [{"labelmend_backup": 1}, {**FIRST, "colour": "red"}],
        [{"labelmend_backup": 1}, {**FIRST, "action": "sing"}],
    ],
)
def test_restore__a_backup_of_a_later_version(
    fresh: Store, tmp_path: Path, lines: list[dict[str, object]]
) -> None:
    signed(tmp_path / "b", *lines)
    with pytest.raises(InputError, match="made by another version of Labelmend"):
        restore(tmp_path / "b", fresh.database)
    assert logged(fresh) == []


def test_restore__what_the_database_cannot_hold(other: Store, tmp_path: Path) -> None:
    good = {**FIRST, "seq": 2, "op_id": "good"}
    signed(tmp_path / "b", {"labelmend_backup": 1}, good, {**FIRST, "seq": 3, "op_id": "x" * 65})
    with pytest.raises(InputError, match="row 3: op_id has 65 characters, more than 64"):
        restore(tmp_path / "b", other.database)
    signed(tmp_path / "b", {"labelmend_backup": 1}, good, {**FIRST, "seq": 3, "annotator": "\ud800"})
    with pytest.raises(InputError, match="row 3: annotator has half of a character"):
        restore(tmp_path / "b", other.database)
    signed(tmp_path / "b", {"labelmend_backup": 1}, good, {**FIRST, "seq": 3, "annotator": "a\x00b"})
    if other.database.dialect == "postgresql":
        with pytest.raises(InputError, match="annotator has a NUL character, which PostgreSQL cannot keep"):
            restore(tmp_path / "b", other.database)
        assert logged(other) == []
    else:
        assert restore(tmp_path / "b", other.database) == 2


def test_write_backup__while_others_write(store: Store, fresh: Store, tmp_path: Path) -> None:
    """What was stored before is in it, and the log in it has no gap."""
    store.record(events())
    stop = threading.Event()

    def decide() -> None:
        number = 0
        while not stop.is_set():
            store.record([Decision("d", f"w{number}", Action.KEEP, "cyd", "cat", f"w{number}")])
            number += 1

    writer = threading.Thread(target=decide)
    writer.start()
    try:
        time.sleep(0.05)
        before = store.last_seq("d")
        count = write_backup(store.database, tmp_path / "b")
    finally:
        stop.set()
        writer.join()
    restore(tmp_path / "b", fresh.database)
    assert count >= before
    assert [e.seq for e in sorted(logged(fresh), key=lambda e: e.seq)] == list(range(1, count + 1))
    assert logged(fresh) == [e for e in logged(store) if e.seq <= count]


def test_write_backup__never_over_a_file_that_is_none(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'labelmend.db'}"
    store = Store(url)
    store.record(events())
    with pytest.raises(InputError, match="there is a file of that name, and it is no backup"):
        write_backup(store.database, tmp_path / "labelmend.db")
    assert len(logged(store)) == 8
    for _ in range(2):
        assert write_backup(store.database, tmp_path / "b") == 8


KILLED = """
import sys
from pathlib import Path
from core import backup
from core.review.database import Database

backup._AT_ONCE = 10
database = Database(sys.argv[2])
add = database.add_rows

def slowly(connection, table, rows):
    add(connection, table, rows)
    print("part", flush=True)
    sys.stdin.readline()

database.add_rows = slowly
backup.restore(Path(sys.argv[1]), database)
"""


def test_restore__killed_in_the_middle_leaves_nothing(store_url: str, tmp_path: Path) -> None:
    source = Store(f"sqlite:///{tmp_path / 's.db'}")
    source.record([Decision("d", f"r{i}", Action.KEEP, "ann", "cat", f"op{i}") for i in range(50)])
    write_backup(source.database, tmp_path / "b")
    Store(store_url).close()
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path / "b"), store_url],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    for _ in range(3):
        assert process.stdout.readline() == "part\n"
        process.stdin.write("\n")
        process.stdin.flush()
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()
    database = Database(store_url)
    with database.reading() as connection:
        assert connection.scalar(text("SELECT count(*) FROM decisions")) == 0
    assert restore(tmp_path / "b", database) == 50
    database.close()


def test_restore__a_decisions_file(store: Store, other: Store, tmp_path: Path) -> None:
    store.record(events())
    file = tmp_path / "d.jsonl"
    assert write_decisions_of(store, "d", file, everything=True) == "d.jsonl: 6 events"
    assert restore(file, other.database) == 6
    assert other.events("d") == store.events("d")


def test_restore__the_decisions_in_force(store: Store, fresh: Store, tmp_path: Path) -> None:
    store.record(events())
    differ = [
        Decision("d", "r9", a, who, "cat", f"9{who}")
        for a, who in ((Action.KEEP, "a"), (Action.EXCLUDE, "b"))
    ]
    store.record(differ)
    file = tmp_path / "d.csv"
    assert write_decisions_of(store, "d", file) == (
        "d.csv: 3 events in force; 1 row on which annotators differ left out"
    )
    assert restore(file, fresh.database) == 3
    assert fresh.in_force("d") == {r: d for r, d in store.in_force("d").items() if r != "r9"}


def test_restore__a_decisions_file_made_by_hand(fresh: Store, tmp_path: Path) -> None:
    file = tmp_path / "d.jsonl"
    file.write_text('{"dataset": "d", "row_id": "r1", "action": "keep", "given_label": "cat"}\n' * 2)
    assert restore(file, fresh.database) == 2
    assert [(e.seq, e.op_id, len(e.decided_at)) for e in fresh.events("d")] == [
        (1, "d.jsonl:1", 29), (2, "d.jsonl:2", 29),
    ]  # fmt: skip


def test_restore__a_decisions_file_that_names_no_data_set(fresh: Store, tmp_path: Path) -> None:
    file = tmp_path / "d.jsonl"
    one = Decision("d", "r1", Action.KEEP, "ann", "cat", "op1")
    write_decisions([one, replace(one, dataset="", op_id="op2")], file)
    with pytest.raises(InputError, match="row 2: the decision names no data set"):
        restore(file, fresh.database)
    assert logged(fresh) == []
    with pytest.raises(InputError, match="there is no such file"):
        restore(tmp_path / "nowhere", fresh.database)


def test_cli__backup_from_one_database_and_restore_into_the_other(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(f"sqlite:///{tmp_path / 's.db'}")
    store.record(events())
    monkeypatch.setenv("LABELMEND_WORKSPACE", str(tmp_path / "w"))
    monkeypatch.setenv("LABELMEND_DATABASE_URL", f"sqlite:///{tmp_path / 's.db'}")
    assert main(["backup", str(tmp_path / "b")]) == 0
    assert capsys.readouterr().out == "b: 8 events. Data sets and exports are not in it: they are files\n"
    url = postgres.database()
    monkeypatch.setenv("LABELMEND_DATABASE_URL", url)
    assert main(["restore", str(tmp_path / "b")]) == 0
    assert capsys.readouterr().out == "8 events restored from b\n"
    other = Store(url)
    assert logged(other) == logged(store)
    other.close()
    assert main(["restore", str(tmp_path / "b")]) == 1
    assert capsys.readouterr().err.startswith("labelmend: the store has 8 events")
