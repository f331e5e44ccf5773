"""Decisions as files, and applied to a copy of the data."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.decision_files import apply_decisions, read_decisions, write_decisions
from core.errors import InputError
from core.review.decisions import Action, Decision
from core.review.fold import fold

ONE = Decision(
    "pets", "r1", Action.RELABEL, "ann", "cat", "op1", "dog", None, "why", "2026-01-02T03:04:05Z", 7
)
TWO = Decision("pets", "r2", Action.UNDO, "bob", "", "op2", None, "op1", "", "2026-01-02T03:04:06Z", 8)

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
FILLED = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=8)


_DETAILS = {
    Action.PAIR: '{"rows": [["a", "b", "same"]]}',
    Action.VOTE: '{"round": "x", "row": "a", "shown": ["cat", "dog"], "chose": "first"}',
}


@st.composite
def decisions(draw) -> Decision:
    action = draw(st.sampled_from(Action))
    return Decision(
        dataset=draw(TEXT),
        row_id=draw(FILLED),
        action=action,
        annotator=draw(TEXT),
        given_label=draw(TEXT),
        op_id=draw(FILLED),
        label=draw(FILLED) if action is Action.RELABEL else None,
        undoes=draw(FILLED) if action is Action.UNDO else None,
        shown=draw(TEXT),
        decided_at=draw(TEXT),
        seq=draw(st.integers(0, 2**60)),
        detail=_DETAILS.get(action, ""),
    )


@pytest.mark.parametrize("name", ["d.jsonl", "d.csv"])
@settings(max_examples=40, deadline=None)
@given(many=st.lists(decisions(), max_size=5, unique_by=lambda d: d.op_id))
def test_read_decisions__gives_what_was_written(tmp_path_factory, name: str, many: list[Decision]) -> None:
    path = tmp_path_factory.mktemp("d") / name
    assert write_decisions(many, path) == len(many)
    assert read_decisions(path) == many


def test_write_decisions__one_a_line_with_every_field(tmp_path: Path) -> None:
    write_decisions([ONE], tmp_path / "d.jsonl")
    assert json.loads((tmp_path / "d.jsonl").read_text()) == {
        "dataset": "pets", "row_id": "r1", "action": "relabel", "annotator": "ann", "given_label": "cat",
        "op_id": "op1", "label": "dog", "undoes": None, "shown": "why",
        "decided_at": "2026-01-02T03:04:05Z", "seq": 7, "detail": "", "based_on": None, "final": False,
    }  # fmt: skip


def test_write_decisions__failure_leaves_the_old_file(tmp_path: Path) -> None:
    def failing():
        yield ONE
        raise OSError("gone")

    (tmp_path / "d.jsonl").write_text("old")
    with pytest.raises(OSError, match="gone"):
        write_decisions(failing(), tmp_path / "d.jsonl")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("d.jsonl", "old")]


def test_read_decisions__a_decision_on_many_rows(tmp_path: Path) -> None:
    one = Decision("pets", "", Action.RELABEL, "ann", "", "op9", based_on=3, final=True)
    many = one.bulk([("r1", "cat", "dog"), ("r2", "", "dog")])
    for name in ("d.jsonl", "d.csv"):
        write_decisions([many], tmp_path / name)
        assert read_decisions(tmp_path / name) == [many]
    assert {r: d.label for r, d in fold([many]).items()} == {"r1": "dog", "r2": "dog"}
    (tmp_path / "d.jsonl").write_text(json.dumps({"row_id": "", "action": "keep", "given_label": ""}))
    with pytest.raises(InputError, match="needs detail with members"):
        read_decisions(tmp_path / "d.jsonl")


def test_read_decisions__by_hand_with_what_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text('\ufeff{"row_id": "r1", "action": "keep", "given_label": ""}\n\n')
    assert read_decisions(path) == [Decision("", "r1", Action.KEEP, "", "", "d.jsonl:1")]


def test_read_decisions__sent_twice_counts_once(tmp_path: Path) -> None:
    write_decisions([ONE, TWO, ONE], tmp_path / "d.jsonl")
    assert read_decisions(tmp_path / "d.jsonl") == [ONE, TWO]
    write_decisions([ONE, replace(ONE, label="cow")], tmp_path / "d.jsonl")
    with pytest.raises(InputError, match=r"d\.jsonl, row 2: op_id 'op1' stands for two different decisions"):
        read_decisions(tmp_path / "d.jsonl")


GOOD: dict[str, Any] = {"row_id": "r", "action": "relabel", "given_label": "cat", "label": "dog"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("3", "not a JSON object"),
        (json.dumps({**GOOD, "colour": "red"}), "unknown field 'colour'; the fields are dataset, row_id"),
        (json.dumps({**GOOD, "row_id": 3}), "row_id is 3, not text"),
        (json.dumps({"row_id": "r", "action": "keep"}), "given_label is missing"),
        (json.dumps({**GOOD, "action": "burn"}), "action is 'burn', not one of keep, relabel, exclude"),
        (json.dumps({**GOOD, "label": None}), "a relabel needs a label, and nothing else has one"),
        (json.dumps({**GOOD, "action": "keep"}), "a relabel needs a label, and nothing else has one"),
        (json.dumps({**GOOD, "undoes": "op"}), "an undo needs undoes, and nothing else has it"),
        (json.dumps({**GOOD, "seq": "x"}), "seq or based_on is no whole number: 'x'"),
    ],
)
def test_read_decisions__names_the_line(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text(json.dumps(GOOD) + "\n" + line + "\n")
    with pytest.raises(InputError) as caught:
        read_decisions(path)
    assert str(caught.value).startswith(f"d.jsonl, row 2: {said}")


def test_read_decisions__names_every_line(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text("3\n" * 25)
    with pytest.raises(InputError) as caught:
        read_decisions(path)
    assert len(caught.value.problems) == 21
    assert "and 5 more lines" in str(caught.value)


def test_read_decisions__unreadable(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        read_decisions(tmp_path / "d.jsonl")
    (tmp_path / "d.jsonl").write_bytes(b"\xff\xfe{")
    with pytest.raises(InputError, match="not readable"):
        read_decisions(tmp_path / "d.jsonl")
    (tmp_path / "d.csv").write_text("row_id,action,given_label\nr,keep,cat,more\n")
    with pytest.raises(InputError, match="unknown field 'more cells than the header'"):
        read_decisions(tmp_path / "d.csv")


DATA = b"id,text,label\na,one,cat\nb,two,dog\nc,three,cat\nd,four,dog\n"


def patch(path: Path, *changes: tuple[str, str, str | None]) -> Path:
    """A decisions file of (row id, given label, new label or None to exclude)."""
    made = [
        Decision("x", row, Action.RELABEL if new else Action.EXCLUDE, "ann", given, f"op{row}", new)
        for row, given, new in changes
    ]
    write_decisions(made, path)
    return path


def test_apply__to_a_reordered_and_larger_copy(tmp_path: Path) -> None:
    data = tmp_path / "copy.csv"
    data.write_bytes(
        b'label,id,text\r\ndog,b,two\r\ncat,"e",five\r\ndog,d,four\r\n"cat",a,one\r\ncat,c,3\r\n'
    )
    decided = patch(tmp_path / "d.jsonl", ("a", "cat", "dog"), ("d", "dog", None))
    said = apply_decisions(decided, data, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == (
        b'label,id,text\r\ndog,b,two\r\ncat,"e",five\r\n"dog",a,one\r\ncat,c,3\r\n'
    )
    assert said.startswith("out.csv: 4 rows, 1 label changed; 1 excluded row left out;")


def test_apply__check_writes_nothing_and_says_what_would_change(tmp_path: Path) -> None:
    data = tmp_path / "t.csv"
    data.write_bytes(DATA)
    decided = patch(tmp_path / "d.jsonl", ("a", "cat", "dog"), ("b", "cat", "dog"), ("c", "cat", None))
    said = apply_decisions(decided, data, tmp_path / "out.csv", check=True)
    assert said == (
        "Would change 1 label and exclude 1 row of 4; policy: Agreed only; 1 decision in the data already; "
        "0 decisions that cannot be applied. Nothing was written"
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["d.jsonl", "t.csv"]


@pytest.mark.parametrize("check", [True, False])
def test_apply__conflicts_are_all_named(tmp_path: Path, check: bool) -> None:
    data = tmp_path / "t.csv"
    data.write_bytes(DATA)
    decided = patch(tmp_path / "d.jsonl", ("gone", "cat", "dog"), ("b", "cow", "cat"), ("a", "cat", "dog"))
    with pytest.raises(InputError) as caught:
        apply_decisions(decided, data, tmp_path / "out.csv", check=check)
    said = str(caught.value)
    assert "the row with id 'gone' is no longer in the data" in said
    assert "row 2, column label: the given label is 'dog', but it was 'cow'" in said
    assert ("Would change 1 label and" in said) is check
    assert not (tmp_path / "out.csv").exists()


def test_apply__twice_changes_nothing_more(tmp_path: Path) -> None:
    data = tmp_path / "t.csv"
    data.write_bytes(DATA)
    decided = patch(tmp_path / "d.jsonl", ("a", "cat", "dog"), ("c", "cat", None))
    apply_decisions(decided, data, tmp_path / "once.csv")
    said = apply_decisions(decided, tmp_path / "once.csv", tmp_path / "twice.csv")
    assert (tmp_path / "twice.csv").read_bytes() == (tmp_path / "once.csv").read_bytes()
    assert "2 decisions in the data already" in said


def test_apply__a_class_that_the_copy_lacks(tmp_path: Path) -> None:
    data = tmp_path / "t.csv"
    data.write_bytes(DATA)
    decided = patch(tmp_path / "d.jsonl", ("a", "cat", "cow"))
    apply_decisions(decided, data, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == DATA.replace(b"one,cat", b"one,cow")


def test_apply__undone_decisions_are_not_applied(tmp_path: Path) -> None:
    data = tmp_path / "t.csv"
    data.write_bytes(DATA)
    one = Decision("x", "a", Action.RELABEL, "ann", "cat", "op1", "dog")
    write_decisions(
        [one, Decision("x", "a", Action.UNDO, "ann", "cat", "op2", undoes="op1")], tmp_path / "d.csv"
    )
    apply_decisions(tmp_path / "d.csv", data, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == DATA
