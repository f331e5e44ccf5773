"""Several people's answers to one question: none is lost on the way in, and none changes but as decided."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.reading import read_table
from core.review.decisions import Action
from tests.core.exporters.tool_files import export, load, made
from tests.core.importers.samples import annotation, lines, listed, old_record, record, task, vote


def test_read__two_answers_of_one_person_and_of_nobody(tmp_path: Path) -> None:
    people = [("pos", 1), ("neg", 1), ("mix", None), ("pos", None), ("pos", "1 (2)")]
    path = made(tmp_path, listed([task(1, [annotation([name], by) for name, by in people]), task(2, [])]))
    frame = read_table(path).frame
    assert {name: frame[name][0] for name in frame.columns if name.startswith("sentiment")} == {
        "sentiment": "pos",
        "sentiment by 1": "pos",
        "sentiment by 1 (2)": "neg",
        "sentiment by unknown": "mix",
        "sentiment by unknown (2)": "pos",
        "sentiment by 1 (2) (2)": "pos",
    }
    got = json.loads(export(path, {0: "mix"}))
    assert [one["result"][0]["value"]["choices"] for one in got[0]["annotations"]] == [
        ["mix"], ["neg"], ["mix"], ["mix"], ["mix"]
    ]  # fmt: skip


PEOPLE = ["pos", "neg", "mix"]


def told(tool: str, votes: list[list[str]]) -> bytes:
    if tool == "label_studio":
        return listed(
            [task(i, [annotation([v], by) for by, v in enumerate(vs)]) for i, vs in enumerate(votes)]
        )
    make: Any = record if tool == "argilla" else old_record
    return listed([make(i, *vs) for i, vs in enumerate(votes)])


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(["label_studio", "argilla", "argilla 1"]),
    st.lists(st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=4), min_size=1, max_size=4),
    st.data(),
)
def test_export__other_answers_stay_byte_for_byte(tmp_path_factory, tool: str, votes, data) -> None:
    """The file with the new label in the places of the given one, and in no other."""
    votes = [*votes, PEOPLE[:1], PEOPLE[1:2], PEOPLE[2:]]
    path = made(tmp_path_factory.mktemp("h"), told(tool, votes))
    dataset = load(path).dataset
    assert dataset is not None
    chosen = data.draw(st.dictionaries(st.integers(0, len(votes) - 1), st.sampled_from(PEOPLE)))
    wanted = []
    for row, given_ones in enumerate(votes):
        most = [v for v in PEOPLE if given_ones.count(v) == max(map(given_ones.count, given_ones))]
        new = chosen.get(row)
        wanted.append([new if new and (v == most[0] or len(most) > 1) else v for v in given_ones])
    assert export(path, chosen) == told(tool, wanted)


@pytest.mark.parametrize(
    ("records", "key"),
    [
        ([task(i, [annotation(["pos"])]) for i in range(60)] + [{**task(60, []), "data": [1]}], "data"),
        ([record(i, "pos") for i in range(60)] + [{**record(60, "pos"), "fields": "text"}], "fields"),
        ([record(i, "pos") for i in range(60)] + [{**record(60, "pos"), "metadata": [1]}], "metadata"),
    ],
)
def test_read__a_record_behind_those_that_tell_the_tool(tmp_path: Path, records: list, key: str) -> None:
    with pytest.raises(InputError, match=rf"in\.json, row 61: '{key}' is a (list|str), not an object"):
        read_table(made(tmp_path, listed(records)))


def test_label_errors__lines(tmp_path: Path) -> None:
    source = lines([vote(1, "a", 0, "b", 1), vote(2, "b", 1, "a", 0)])
    path = made(tmp_path, source, "in.jsonl")
    assert export(path, {}) == source
    assert export(path, {0: "b"}) == lines([vote(1, "b", 1, "b", 1), vote(2, "b", 1, "a", 0)])


def test_lines__all_records_left_out(tmp_path: Path) -> None:
    path = made(tmp_path, lines([record(1, "a"), record(2, "b")]), "in.jsonl")
    assert export(path, {0: Action.EXCLUDE, 1: Action.EXCLUDE}).strip() == b""


def test_argilla__columns_are_added_where_there_is_no_metadata(tmp_path: Path) -> None:
    records = [record(1, "a"), {**record(2, "b"), "metadata": None}, record(3, "b")]
    del records[2]["metadata"]
    got = json.loads(export(made(tmp_path, listed(records)), {0: "b"}, add=("decision",)))
    assert [one["metadata"]["decision"] for one in got] == ["relabel", None, None]
    assert {**got[1], "metadata": None} == records[1]


@pytest.mark.parametrize("missing", [{"metadata": {}}, {"metadata": None}, {"metadata": {"stars": None}}, {}])
def test_argilla__first_label_of_a_row_in_its_metadata(tmp_path: Path, missing: dict[str, Any]) -> None:
    bare = {"id": "3", "fields": {"text": "three"}, "responses": {}, **missing}
    records = [{**record(i), "responses": {}, "metadata": {"stars": i}} for i in (1, 2)]
    path = made(tmp_path, listed([*records, bare]))
    assert load(path, "stars").dataset is not None
    got = json.loads(export(path, {2: "2"}, label="stars"))
    assert got == [*records, {**bare, "metadata": {"stars": 2}}]
