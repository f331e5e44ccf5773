from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.dataset import Dataset
from core.errors import InputError
from core.evidence.validated import validated
from core.evidence.validation import Choice, Outcome
from core.issues import Result
from core.review.votes import Pair, fault, rounds_of
from core.votes_files import FIELDS, read_votes, write_votes
from tests.conftest import make_dataset

PETS = make_dataset([0, 1, 0, 1])
RESULT = Result(pd.DataFrame({"suggestion": pd.Categorical(["dog", None, "dog", "cat"])}), {}, {})


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def study(shared_data: Path, name: str) -> tuple[Path, Dataset]:
    """The votes of a published set, and its rows as a data set."""
    folder = shared_data / "label_errors" / name
    labels = pd.read_csv(folder / "labels.csv", dtype="str")
    classes = pd.read_csv(folder / "classes.csv", dtype="str")
    codes = pd.Categorical(labels["label"], categories=classes["label"]).codes
    dataset = make_dataset(np.asarray(codes).tolist(), tuple(classes["name"]), name)
    table = dataset.table.set_axis(pd.Index(labels["id"], dtype="str"))
    return folder / "verdicts.csv", replace(dataset, table=table)


@pytest.mark.parametrize(
    ("name", "rows", "checked", "errors", "rate"),
    [("mnist", 10_000, 100, 15, 0.0015), ("20news", 7532, 93, 82, 82 / 7532)],
)
def test_read_votes__the_published_votes_come_to_the_published_counts(
    shared_data: Path, name: str, rows: int, checked: int, errors: int, rate: float
) -> None:
    path, dataset = study(shared_data, name)
    event = read_votes(path, dataset).event(name, "lea")
    assert fault(event.details) == ""
    found = validated(rounds_of([event])[event.op_id], len(dataset))
    assert (found.study.rows, found.study.checked, found.study.errors) == (rows, checked, errors)
    assert found.study.rate == (rate, rate, rate)
    said = pd.read_csv(path)["outcome"].value_counts()
    names = {
        "not_an_error": Outcome.RIGHT,
        "both": Outcome.MULTI_LABEL,
        "non_agreement": Outcome.NON_AGREEMENT,
    }
    expected = {names.get(word, word): many for word, many in said.items()}
    assert {str(one): many for one, many in found.counts.items() if many} == {
        str(one): many for one, many in expected.items()
    }


def test_read_votes__the_published_json(tmp_path: Path) -> None:
    record = {
        "id": "r0", "url": "https://x", "given_original_label": 0, "given_original_label_name": "cat",
        "our_guessed_label": 1, "our_guessed_label_name": "dog",
        "mturk": {"given": 1, "guessed": 3, "neither": 1, "both": 0},
    }  # fmt: skip
    for name, text in (("v.json", json.dumps([record])), ("v.jsonl", json.dumps(record))):
        found = read_votes(written(tmp_path / name, text), PETS)
        assert found.rows == {"r0": Pair("cat", "dog")}
        assert sorted(found.votes) == [
            ("r0", "", "given", 1), ("r0", "", "neither", 1), ("r0", "", "suggested", 3)
        ]  # fmt: skip


def test_read_votes__one_choice_a_record(tmp_path: Path) -> None:
    text = "row_id,annotator,choice\nr0,ann,Given\nr0,bob,suggested\nr3,ann,neither\nr2,ann,\n"
    found = read_votes(written(tmp_path / "v.csv", text), PETS, RESULT)
    assert found.rows == {"r0": Pair("cat", "dog"), "r3": Pair("dog", "cat")}
    assert found.votes == (
        ("r0", "ann", "given", 1), ("r0", "bob", "suggested", 1), ("r3", "ann", "neither", 1)
    )  # fmt: skip
    text = "row_id,choice\nr0,both\nr0,both\nr0,given\n"
    event = read_votes(written(tmp_path / "w.csv", text), PETS, RESULT).event("pets", "lea")
    [of] = rounds_of([event]).values()
    assert of.counts("r0") == {Choice.BOTH: 2, Choice.GIVEN: 1}


def test_read_votes__where_both_labels_are_the_same_a_vote_counts_once(tmp_path: Path) -> None:
    text = "id,given,guessed,votes_given,votes_guessed,votes_neither,votes_both\nr0,cat,cat,4,4,1,0\n"
    found = read_votes(written(tmp_path / "v.csv", text), PETS)
    assert sorted(found.votes) == [("r0", "", "given", 4), ("r0", "", "neither", 1)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("row_id,choice\nr9,given\n", "v.csv, row 1, column row_id: row 'r9' is not in the data set"),
        ("row_id,choice\nr0,maybe\n", "v.csv, row 1, column choice: 'maybe' is no choice. Expected: one"),
        ("row_id,choice\n,given\n", "row 1, column row_id: it names no row"),
        ("row_id,choice\nr1,given\n", "column suggested: the suggested label of row 'r1' is not known"),
        ("row_id,given,choice\nr0,dog,given\n", "column given: row 'r0' was labelled 'dog' when it was"),
        ("row_id,suggested,choice\nr0,cow,given\n", "column suggested: 'cow' is no class of the data set"),
        ("row_id,annotator,choice\nr0,ann,given\nr0,ann,both\n", "row 2: ann votes on row 'r0' in record 1"),
        ("row_id,votes_given\nr0,3\nr0,2\n", "row 2: votes are counted on row 'r0' in record 1 already"),
        ("row_id,votes_given\nr0,x\n", "row 1, column votes_given: 'x' is no number of votes"),
        ("row_id,votes_given\nr0,-1\n", "column votes_given: '-1' is no number of votes"),
        ("row_id,choice,votes_given\nr0,given,3\n", "column choice: it has a choice, and counts"),
        ("row_id,choice\nr0,\n", "v.csv: there is no vote in it"),
        ("a,b\n1,2\n", "v.csv: there is no column row_id"),
        ("", "v.csv: there is no column row_id"),
    ],
)  # fmt: skip
def test_read_votes__names_file_row_and_column(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(InputError) as error:
        read_votes(written(tmp_path / "v.csv", text), PETS, RESULT)
    assert why in str(error.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[", "v.json: not JSON"),
        ("[1]", "v.json, row 1: not an object"),
        ("{", "row 1: not JSON"),
        ('[{"id": "r0", "mturk": {"guess": 3}}]', "row 1, column mturk: 'guess' is no choice"),
        ('[{"id": "r0", "mturk": {"given": 1.5}}]', "row 1, column mturk: 1.5 is no number of votes"),
        ('[{"id": ["r0"], "choice": "given"}]', "row 1, column id: id is list, not a text"),
        ('[{"id": "\\ud800", "choice": "given"}]', "row 1, column id: it holds half a character"),
    ],
)
def test_read_votes__what_is_no_such_json(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(InputError) as error:
        read_votes(written(tmp_path / "v.json", text), PETS, RESULT)
    assert why in str(error.value)
    with pytest.raises(InputError, match="there is no such file"):
        read_votes(tmp_path / "none.csv", PETS)


@pytest.mark.parametrize("name", ["votes.csv", "votes.jsonl"])
def test_write_votes__are_read_back(tmp_path: Path, name: str) -> None:
    text = "row_id,annotator,choice\nr0,=ann,given\nr0,,both\nr0,,both\nr3,bob,neither\n"
    recorded = read_votes(written(tmp_path / "v.csv", text), PETS, RESULT)
    event = recorded.event("pets", "lea")
    [of] = rounds_of([event]).values()
    out = tmp_path / name
    assert write_votes(of, out) == 3
    again = read_votes(out, PETS)
    assert again.rows == recorded.rows
    [same] = rounds_of([again.event("pets", "lea")]).values()
    assert {row: same.counts(row) for row in same.rows} == {row: of.counts(row) for row in of.rows}
    assert {v.voter for votes in same.votes.values() for v in votes} == {"=ann", "", "bob"}
    if name.endswith("csv"):
        with out.open(encoding="utf-8", newline="") as file:
            lines = list(csv.reader(file))
        assert tuple(lines[0]) == FIELDS and lines[1][3] == "'=ann"


def test_event__flagged_rows_are_at_least_those_voted_on(tmp_path: Path) -> None:
    found = read_votes(written(tmp_path / "v.csv", "row_id,choice\nr0,both\n"), PETS, RESULT)
    assert found.event("pets", "lea", flagged=9).details["flagged"] == 9
    with pytest.raises(InputError, match="at least the 1 voted on"):
        found.event("pets", "lea", flagged=0)


CELL = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 9),
    st.floats(),
    st.text(max_size=4),
    st.lists(st.integers(), max_size=1),
    st.sampled_from(["r0", "r2", "given", "cat", "dog", "\ud800", "\0", "5"]),
    st.dictionaries(st.sampled_from(["given", "guessed", "both", "x"]), st.integers(-1, 5), max_size=2),
)
NAMES = ("row_id", "id", "given", "suggested", "annotator", "choice", "votes", "votes_given", "mturk")
LINE = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, CELL))


@settings(max_examples=60, deadline=None)
@given(st.lists(LINE, max_size=4))
def test_read_votes__any_records(tmp_path_factory: pytest.TempPathFactory, entries: list[dict]) -> None:
    path = tmp_path_factory.mktemp("v") / "v.json"
    path.write_text(json.dumps(entries), encoding="utf-8")
    try:
        found = read_votes(path, PETS, RESULT)
    except InputError:
        return
    event = found.event("pets", "lea")
    assert found.votes and fault(event.details) == ""
    [of] = rounds_of([event]).values()
    assert sum(sum(of.counts(row).values()) for row in of.rows) == sum(many for *_, many in found.votes)
