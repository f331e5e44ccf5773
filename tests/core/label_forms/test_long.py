"""A record for each answer: items, their annotators, and the same records back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.label_forms import long as long_form
from core.label_forms.form import LabelForm
from core.label_forms.reading import read_form
from core.loading import Plan, guess_columns, prepare, read_table
from core.review.decisions import Action
from tests.core.label_forms.forms import LONG, export, labels, load, notices, records, table

RECORDS = (
    "item,text,worker,answer,seconds\n"
    "a,one,w1,cat,3\n"
    "b,two,w1,dog,4\n"
    "a,one,w2,cat,5\n"
    "\n"
    "c,three,w2,cat,6\n"
    'a,one,w3,"dog",7\n'
    "c,three,w1,dog,8\n"
    "b,two,w1,cat,9\n"
)


def made(tmp_path: Path, content: str = RECORDS) -> Path:
    path = tmp_path / "in.csv"
    path.write_text(content)
    return path


def test_long__one_row_for_each_item(tmp_path: Path) -> None:
    prepared = load(made(tmp_path), LONG)
    dataset = prepared.dataset
    assert dataset is not None and dataset.row_ids.tolist() == ["a", "b", "c"]
    assert dataset.table.columns.tolist() == [
        "item", "text", "answer by w1", "answer by w2", "answer by w3", "answer by w1 (2)",
        "answer", "share of answer", "lead of answer",
    ]  # fmt: skip
    assert labels(prepared) == ["cat", "", ""]
    assert dataset.table["answer by w1"].tolist() == ["cat", "dog", "dog"]
    assert dataset.table["answer by w1 (2)"].fillna("").tolist() == ["", "cat", ""]
    assert dataset.table["share of answer"].fillna(0).tolist() == [0.6667, 0, 0]
    assert dataset.table["lead of answer"].tolist() == [0.3333, 0, 0]
    assert dataset.columns.content == ("text",)
    said = notices(prepared)
    assert "a record for each answer: 7 records about 3 rows" in said
    assert "columns that differ between the answers to a row are not shown: seconds" in said
    assert "annotators tie: read as unlabelled, so that nobody is preferred (2 rows)" in said


def test_long__the_records_of_the_given_label_change(tmp_path: Path) -> None:
    path = made(tmp_path)
    export(load(path, LONG), {0: "dog", 1: "cat"}, tmp_path / "out.csv")
    wanted = RECORDS.replace("w1,cat,3", "w1,dog,3").replace("w2,cat,5", "w2,dog,5")
    assert (tmp_path / "out.csv").read_text() == wanted.replace("w1,dog,4", "w1,cat,4")


def test_long__annotators_that_go_with_an_excluded_item_leave_the_others_alone(tmp_path: Path) -> None:
    path = made(tmp_path)
    export(load(path, LONG), {0: Action.EXCLUDE, 2: "dog"}, tmp_path / "out.csv")
    kept = [line for line in RECORDS.splitlines() if not line.startswith("a,")]
    assert (tmp_path / "out.csv").read_text().splitlines() == [
        x.replace("w2,cat,6", "w2,dog,6") for x in kept
    ]


def test_long__many_annotators_become_first_second_and_third_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long_form, "MOST_ANNOTATORS", 2)
    path = made(tmp_path)
    prepared = load(path, LONG)
    assert prepared.dataset is not None
    assert [c for c in prepared.dataset.table if c.startswith("answer,")] == [
        "answer, answer 1", "answer, answer 2", "answer, answer 3",
    ]  # fmt: skip
    assert labels(prepared) == ["cat", "", ""]
    export(prepared, {0: Action.EXCLUDE, 2: "cat"}, tmp_path / "out.csv")
    assert [r["answer"] for r in records(tmp_path / "out.csv")] == ["dog", "cat", "cat", "cat"]


def test_long__dawid_skene_knows_people_where_columns_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long_form, "MOST_ANNOTATORS", 2)
    rng = np.random.default_rng(1)
    rows = []
    for i in range(120):
        true = int(rng.integers(0, 2))
        said = {"a": true, "b": true, "bot1": 0, "bot2": 0, "bot3": 0}
        rows += [{"item": f"i{i}", "worker": who, "answer": "xy"[code]} for who, code in said.items()]
    path = table(tmp_path / "in.csv", "csv", rows)
    prepared = load(path, replace(LONG, method="dawid_skene"))
    assert labels(prepared) == [rows[5 * i]["answer"] for i in range(120)]


def test_long__a_column_that_is_not_in_the_file_is_not_written_to(tmp_path: Path) -> None:
    path = made(tmp_path)
    columns = guess_columns(read_form(read_table(path), LONG))
    prepared = load(path, LONG, columns=replace(columns, label="answer by w1"))
    with pytest.raises(
        InputError, match="column answer by w1: the column of labels was made of the file's answers"
    ):
        export(prepared, {0: "dog"}, tmp_path / "out.csv")
    prepared = load(path, LONG, columns=replace(columns, label="text"), classes=None)
    export(prepared, {0: "two"}, tmp_path / "out.csv")
    assert [r["text"] for r in records(tmp_path / "out.csv") if r["item"] == "a"] == ["two"] * 3


@pytest.mark.parametrize(
    ("content", "form", "said"),
    [
        (RECORDS.replace("b,two,w1,dog", ",two,w1,dog"), LONG, r"row 2, column item: no id"),
        (RECORDS, LabelForm("long", ("answer",), "item", "nobody"), "there is no column 'nobody'"),
        (RECORDS, LabelForm("long", ("answer",), "item", "item"), "a column is named twice"),
        (RECORDS, LabelForm("long", ("answer", "text"), "item", "worker"), "one column of labels"),
    ],
)
def test_long__what_cannot_be_is_refused_in_words(
    tmp_path: Path, content: str, form: LabelForm, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        load(made(tmp_path, content), form)


def test_long__one_item_with_most_of_a_million_answers_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long_form, "MOST_ANSWERS", 50)
    rows = [{"item": str(max(0, i - 20)), "worker": "w", "answer": "ab"[i % 2]} for i in range(40)]
    with pytest.raises(InputError, match="20 items with room for 21 answers each"):
        load(table(tmp_path / "in.csv", "csv", rows), LONG)


def test_long__a_later_version_of_an_export_is_read_alike(tmp_path: Path) -> None:
    prepared = load(made(tmp_path), LONG)
    export(prepared, {1: "dog", 2: "cat"}, tmp_path / "out.csv")
    again = load(tmp_path / "out.csv", LONG)
    assert labels(again) == ["cat", "dog", "cat"]
    assert again.dataset is not None and prepared.dataset is not None
    assert again.dataset.row_ids.tolist() == prepared.dataset.row_ids.tolist()


RECORD = st.fixed_dictionaries(
    {
        "item": st.sampled_from(["a", "b", "c", "d"]),
        "worker": st.sampled_from(["", "w1", "w2", "é,w"]),
        "answer": st.sampled_from(["cat", "dog", 'o"wl', ""]),
        "n": st.sampled_from(["", "1", "2"]),
    }
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(RECORD, min_size=3, max_size=14), st.sampled_from(["csv", "jsonl"]), st.data())
def test_long__only_the_answers_of_decided_items_differ(
    tmp_path: Path, rows: list[dict[str, Any]], format: str, data: st.DataObject
) -> None:
    known = sorted({r["answer"] for r in rows if r["answer"]})
    path = table(tmp_path / f"in.{format}", format, rows)
    raw = read_form(read_table(path), LONG)
    prepared = prepare(raw, Plan("set", guess_columns(raw)))
    if not prepared.ok or prepared.dataset is None:
        return
    ids, given_labels = prepared.dataset.row_ids.tolist(), labels(prepared)
    answered = [i for i, item in enumerate(ids) if any(r["item"] == item and r["answer"] for r in rows)]
    gone = data.draw(st.sets(st.sampled_from(range(len(ids))), max_size=len(ids) - 1))
    chosen = {i: data.draw(st.sampled_from(known)) for i in answered if data.draw(st.booleans())}
    choices = {**chosen, **dict.fromkeys(gone, Action.EXCLUDE)}
    export(prepared, choices, tmp_path / f"out.{format}")
    wanted = []
    for row in rows:
        i = ids.index(row["item"])
        goes = i in chosen and bool(row["answer"]) and given_labels[i] in ("", row["answer"])
        if i not in gone:
            wanted.append({**row, "answer": chosen[i] if goes else row["answer"]})
    assert records(tmp_path / f"out.{format}") == wanted


def test_long__cifar10n(shared_data: Path, tmp_path: Path) -> None:
    wide = pd.read_csv(shared_data / "cifar10n" / "annotators.csv", dtype=str)
    parts = [
        pd.DataFrame({"id": wide["id"], "worker": wide[f"worker_{k}"], "label": wide[f"annotator_{k}"]})
        for k in (1, 2, 3)
    ]
    pd.concat(parts).to_csv(tmp_path / "in.csv", index=False)
    prepared = load(tmp_path / "in.csv", LabelForm("long", ("label",), "id", "worker"))
    assert prepared.dataset is not None and len(prepared.dataset) == 10_000
    given_labels = np.array(labels(prepared))
    assert (given_labels == "").sum() == 625
    truth = pd.read_csv(shared_data / "cifar10n" / "truth.csv", dtype=str)["clean"].to_numpy()
    wrong = np.flatnonzero((given_labels != truth) & (given_labels != ""))[:200]
    export(prepared, {int(i): truth[i] for i in wrong}, tmp_path / "out.csv")
    again = np.array(labels(load(tmp_path / "out.csv", LabelForm("long", ("label",), "id", "worker"))))
    assert (again[wrong] == truth[wrong]).all()
    others = np.setdiff1d(np.arange(10_000), wrong)
    assert (again[others] == given_labels[others]).all()
