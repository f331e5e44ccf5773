from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from core import trail
from core.review.assignments import assignment_event
from core.review.decisions import Action, Decision
from core.review.judgements import pair_event
from core.review.people import WORKSPACE
from core.review.plan import Plan, plan_event
from core.review.store import Store
from core.trail import Wanted, count_events, page_of_events, touched, write_trail


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = Store(store_url)
    yield opened
    opened.close()


def say(store: Store, *events: Decision) -> None:
    receipts = store.record(events)
    assert [r.refused for r in receipts] == [""] * len(events)


def keep(row: str, who: str = "ann", op_id: str = "") -> Decision:
    return Decision("pets", row, Action.KEEP, who, "cat", op_id or f"{who}-{row}")


def undo(of: str, row: str, op_id: str, who: str = "ann") -> Decision:
    return Decision("pets", row, Action.UNDO, who, "cat" if row else "", op_id, undoes=of)


def bulk(store: Store, rows: list[str], who: str = "bob", op_id: str = "bulk") -> None:
    event = Decision("pets", "", Action.RELABEL, who, "", op_id, label="dog")
    assert store.record_bulk(event, [(row, "cat", "dog") for row in rows]).refused == ""


def ops(store: Store, wanted: Wanted = Wanted(), **kwargs: int) -> list[str]:  # noqa: B008
    return [e.event.op_id for e in page_of_events(store, "pets", wanted, **kwargs)]


def test_page_of_events__newest_first_in_pages(store: Store) -> None:
    say(store, *(keep(f"r{i}", op_id=f"op{i}") for i in range(5)))
    assert ops(store, size=2) == ["op4", "op3"]
    assert ops(store, page=3, size=2) == ["op0"]
    assert count_events(store, "pets", Wanted()) == 5


def test_page_of_events__holds_the_workspace_and_no_other_data_set(store: Store) -> None:
    role = Decision(WORKSPACE, "bob", Action.ROLE, "eve", "", "role", detail='{"role": "adjudicator"}')
    other = Decision("cars", "r1", Action.KEEP, "ann", "cat", "other")
    say(store, keep("r1"), role, other)
    assert ops(store) == ["role", "ann-r1"]
    assert page_of_events(store, "pets", Wanted())[0].words == "bob is adjudicator now"


def test_page_of_events__says_what_is_undone_and_what_an_undo_names(store: Store) -> None:
    say(store, keep("r1"), undo("ann-r1", "r1", "u"))
    taken, kept = page_of_events(store, "pets", Wanted())
    assert (kept.undone, kept.words) == (True, "kept")
    assert (taken.undone, taken.words) == (False, "undid: kept")
    say(store, undo("u", "r1", "redo"))
    back, taken, kept = page_of_events(store, "pets", Wanted())
    assert [e.undone for e in (back, taken, kept)] == [False, True, False]
    assert back.words == "brought back: kept"
    say(store, undo("ann-r1", "r1", "again"))
    assert [e.undone for e in page_of_events(store, "pets", Wanted())] == [False, False, True, True]


def test_page_of_events__a_bulk_decision_is_one_line_with_its_rows(store: Store) -> None:
    bulk(store, ["r1", "r2", "r3"])
    (entry,) = page_of_events(store, "pets", Wanted())
    assert entry.words == "3 rows changed to dog"
    assert entry.members == [["r1", "cat", "dog"], ["r2", "cat", "dog"], ["r3", "cat", "dog"]]


def test_wanted__person_and_action(store: Store) -> None:
    say(store, keep("r1"), keep("r2", "bob"), Decision("pets", "r1", Action.EXCLUDE, "bob", "cat", "x"))
    assert ops(store, Wanted(person="bob")) == ["x", "bob-r2"]
    assert ops(store, Wanted(person="bob", actions=(Action.KEEP,))) == ["bob-r2"]
    assert count_events(store, "pets", Wanted(person="bob")) == 2


def test_wanted__row_finds_bulk_decisions_their_undo_and_assignments(store: Store) -> None:
    say(store, keep("r9"))
    bulk(store, ["r1", "r2"])
    say(
        store, undo("bulk", "", "u", "bob"), assignment_event("pets", "eve", {"r1": ("ann",), "R2": ("bob",)})
    )
    assert len(ops(store, Wanted(row="r1"))) == 3
    assert ops(store, Wanted(row="r2")) == ["u", "bulk"]
    assert len(ops(store, Wanted(row="R2"))) == 1
    assert ops(store, Wanted(row="r")) == []
    assert ops(store, Wanted(row="bob")) == []


def test_wanted__row_ids_are_matched_as_they_are(store: Store) -> None:
    strange = ['a"b', "50%", "x_y", "\\", "Zoë"]
    say(
        store,
        *(assignment_event("pets", "eve", {row: ("ann",)}) for row in strange),
        keep("xzy"),
        keep("50x"),
    )
    assert [count_events(store, "pets", Wanted(row=row)) for row in strange] == [1] * 5


def test_wanted__since_and_until_bound_the_day(store: Store) -> None:
    say(store, keep("r1"))
    at = store.events("pets")[0].decided_at
    assert ops(store, Wanted(since=at)) == ["ann-r1"]
    assert ops(store, Wanted(until=at)) == []
    assert ops(store, Wanted(since="2020-01-01", until="2021-01-01")) == []


def test_wanted__only_hides_what_others_think_and_shows_how_the_work_goes(store: Store) -> None:
    plan = plan_event("pets", "eve", Plan(share=0.5))
    note = Decision("pets", "r1", Action.NOTE, "bob", "cat", "n", detail='{"text": "a dog!"}')
    say(store, keep("r1"), keep("r1", "bob"), note, undo("bob-r1", "r1", "u", "bob"), plan)
    assert ops(store, Wanted(only="ann")) == [plan.op_id, "ann-r1"]
    assert count_events(store, "pets", Wanted(only="ann", person="bob")) == 0


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (Decision("p", "r", Action.RELABEL, "a", "cat", "o", label="dog"), "changed to dog"),
        (Decision("p", "r", Action.KEEP, "a", "cat", "o", final=True), "final word: kept"),
        (
            Decision("p", "", Action.RELABEL, "a", "", "o", detail='{"members": [["r", "x", "y"]]}'),
            "1 row changed, each to its own class",
        ),
        (Decision("p", "r", Action.NOTE, "a", "", "o", detail='{"text": "<b>hm"}'), "noted: <b>hm"),
        (Decision("p", "r", Action.TAG, "a", "", "o", detail='{"tags": ["odd", "big"]}'), "tagged: odd, big"),
        (Decision("p", "r", Action.TAG, "a", "", "o", detail='{"tags": []}'), "untagged"),
        (assignment_event("p", "a", {"r": ("bob",), "s": ("ann", "bob")}), "2 rows given to ann, bob"),
        (assignment_event("p", "a", {"r": ()}), "1 row given to everybody"),
        (Decision("p", "", Action.CLASS, "a", "", "o", detail='{"rename": "cat", "to": "kitten"}'),
         "class list: rename cat, to kitten"),
    ],
)  # fmt: skip
def test_in_words(event: Decision, words: str) -> None:
    assert trail.in_words(event) == words


def test_touched__an_undo_and_a_redo_of_many_rows_touch_them_all(store: Store) -> None:
    bulk(store, ["r1", "r2"])
    say(store, undo("bulk", "", "u", "bob"), undo("u", "", "redo", "bob"), keep("r3"))
    events = store.events("pets")
    assert touched(store, events[1:2]) == ["r1", "r2"]
    assert touched(store, events[2:3]) == ["r1", "r2"]
    assert touched(store, events[3:]) == ["r3"]
    assert touched(store, [assignment_event("pets", "eve", {"r1": ("ann",)})]) == []


def test_last_active_and_decision_times__bulk_is_no_pace(store: Store) -> None:
    say(store, keep("r1"), keep("r2"))
    bulk(store, ["r3"], "ann")
    events = store.events("pets")
    assert trail.decision_times(store, "pets", "ann") == [e.decided_at for e in events[:2]]
    assert trail.decision_times(store, "pets", "ann", last=1) == [events[1].decided_at]
    assert trail.last_active(store, "pets") == {"ann": events[-1].decided_at}
    assert trail.names_in_log(store, "pets") == ["ann"]


def test_write_trail__json_lines_hold_every_field_in_order(store: Store, tmp_path: Path) -> None:
    say(store, keep("r1"))
    bulk(store, ["r2", "r3"])
    out = tmp_path / "trail.jsonl"
    assert write_trail(store, "pets", Wanted(), out) == 2
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert lines == [json.loads(json.dumps(asdict(e))) for e in store.events("pets")]


def test_write_trail__csv_has_a_line_for_each_row_and_no_formulas(store: Store, tmp_path: Path) -> None:
    say(store, keep("=1+1", op_id="k"), assignment_event("pets", "eve", {"r5": ("ann", "bob")}, "all"))
    bulk(store, ["r2", "r3"])
    out = tmp_path / "trail.csv"
    assert write_trail(store, "pets", Wanted(), out) == 4
    with out.open(encoding="utf-8", newline="") as handle:
        lines = list(csv.DictReader(handle))
    assert [line["row_id"] for line in lines] == ["'=1+1", "r5", "r2", "r3"]
    assert [line["op_id"] for line in lines[2:]] == ["bulk", "bulk"]
    assert json.loads(lines[1]["detail"]) == {"queue": "all", "people": ["ann", "bob"]}
    assert write_trail(store, "pets", Wanted(person="ann"), out) == 1


def test_page_of_events__judged_pairs_are_found_by_either_row(store: Store) -> None:
    pairs = [("r1", "r2", "same"), ("r3", "r4", "different")]
    say(store, pair_event("pets", "ann", "rows", pairs, judge='r9", "same"]', op_id="pair"))
    say(store, pair_event("pets", "ann", "classes", [("r1", "r7", "same")], op_id="classes"))
    for row in ("r1", "r2", "r3", "r4"):
        assert ops(store, Wanted(row=row)) == ["pair"]
    for row in ("r9", "r7", "same", "r"):
        assert ops(store, Wanted(row=row)) == []
    [entry] = page_of_events(store, "pets", Wanted(row="r1"))
    assert entry.words.endswith("1 the same, 1 not the same")
    assert ops(store, Wanted(only="bob")) == []  # what others think of pairs is an answer too


def test_page_of_events__a_lock_is_known_to_everybody(store: Store) -> None:
    say(store, Decision("pets", "", Action.LOCK, "eve", "", "lock", detail='{"splits": ["test"]}'))
    [entry] = page_of_events(store, "pets", Wanted(only="bob"))
    assert entry.words == "locked splits: test"
