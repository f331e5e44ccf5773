"""A column for each annotator: given labels, what is said of them, and what stays out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.label_forms.form import LabelForm
from core.label_forms.guess import guess_form
from core.label_forms.reading import read_form
from core.loading import Plan, guess_columns, prepare, read_table
from core.review.decisions import Action
from tests.core.label_forms.forms import WIDE, export, labels, load, notices, records, table

HEADER = "id,text,ann_a,ann_b,ann_c\n"


def made(tmp_path: Path, rows: str, header: str = HEADER) -> Path:
    path = tmp_path / "in.csv"
    path.write_text(header + rows)
    return path


def test_wide__the_given_label_is_what_most_say(tmp_path: Path) -> None:
    path = made(tmp_path, "1,x,cat,cat,dog\n2,y,cat,dog,\n3,z,,,dog\n4,w,,,\n5,v,owl,owl,cat\n")
    prepared = load(path, WIDE)
    assert labels(prepared) == ["cat", "", "dog", "", "owl"]
    assert prepared.dataset is not None
    assert prepared.dataset.table.columns.tolist() == [
        "id", "text", "ann_a", "ann_b", "ann_c", "label", "share of label", "lead of label",
    ]  # fmt: skip
    assert prepared.dataset.table["share of label"].fillna(-1).tolist() == [0.6667, -1, 1, -1, 0.6667]
    assert prepared.dataset.table["lead of label"].fillna(-1).tolist() == [0.3333, 0, 1, -1, 0.3333]
    assert prepared.dataset.columns.content == ("text",)
    said = notices(prepared)
    assert "several annotators: the given label is what most of them say (3 rows)" in said
    assert "row 2, column label: annotators tie: read as unlabelled, so that nobody is preferred." in said
    assert "how far annotators agree is not told. Too few double-read rows (3 of 100)" in said


def test_wide__a_class_that_is_no_given_label_is_a_class(tmp_path: Path) -> None:
    prepared = load(made(tmp_path, "1,x,cat,cat,owl\n2,y,dog,dog,\n3,z,dog,cat,dog\n"), WIDE)
    assert prepared.dataset is not None and prepared.dataset.classes == ("cat", "dog", "owl")
    assert "1 of 3 classes have no row: 'owl'" in notices(prepared)


def test_wide__agreement_is_told(tmp_path: Path) -> None:
    rows = "".join(f"{i},t {i},{'ab'[i % 2]},{'ab'[i % 2]},{'ab'[i % 10 == 0]}\n" for i in range(200))
    path = made(tmp_path, rows)
    assert "annotators agree: Krippendorff's alpha is 0.14, 95% interval" in notices(load(path, WIDE))


def test_wide__dawid_skene_weighs_annotators(tmp_path: Path) -> None:
    # a and b are right; c, d and e follow each other's coin.
    rng = np.random.default_rng(0)
    true, coin = rng.integers(0, 2, 300), rng.integers(0, 2, 300)
    rows = [
        f"{i},t,{'xy'[t]},{'xy'[t]},{'xy'[c]},{'xy'[t]},{'xy'[c]}"
        for i, (t, c) in enumerate(zip(true, coin, strict=True))
    ]
    path = made(tmp_path, "\n".join(rows) + "\n", "id,text,ann_a,ann_b,ann_c,ann_d,ann_e\n")
    columns = ("ann_a", "ann_b", "ann_c", "ann_d", "ann_e")
    prepared = load(path, LabelForm("wide", columns, method="dawid_skene"))
    assert labels(prepared) == ["xy"[t] for t in true]
    assert "the given label is what Dawid-Skene makes of their answers (300 rows)" in notices(prepared)
    other = "y" if labels(prepared)[0] == "x" else "x"
    export(prepared, {0: other, 1: Action.EXCLUDE}, tmp_path / "out.csv")
    assert len(records(tmp_path / "out.csv")) == 299


def test_wide__a_row_that_nobody_answered_is_refused_with_the_way_out(tmp_path: Path) -> None:
    prepared = load(made(tmp_path, "1,x,cat,cat,dog\n2,y,,,\n3,z,dog,dog,\n"), WIDE)
    with pytest.raises(InputError, match=r"in\.csv, row 2: nobody has chosen a label.*export as CSV"):
        export(prepared, {1: "cat"}, tmp_path / "out.csv")
    assert [p.name for p in tmp_path.iterdir()] == ["in.csv"]


def test_wide__numbers_with_gaps_are_whole_numbers(tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": ["a", "b", "c"], "ann_1": [0, 1, 2], "ann_2": [0.0, np.nan, 2.0]})
    frame.to_parquet(tmp_path / "in.parquet")
    prepared = load(tmp_path / "in.parquet", LabelForm("wide", ("ann_1", "ann_2")))
    assert labels(prepared) == ["0", "1", "2"]
    export(prepared, {0: "2"}, tmp_path / "out.parquet")
    after = pd.read_parquet(tmp_path / "out.parquet")
    assert after["ann_1"].tolist() == [2, 1, 2] and after["ann_2"].fillna(-1).tolist() == [2.0, -1, 2.0]
    assert after.dtypes.tolist() == frame.dtypes.tolist()


def test_wide__words_for_no_answer_are_told(tmp_path: Path) -> None:
    prepared = load(made(tmp_path, "1,x,cat,NA,dog\n2,y,cat,cat,NA\n3,z,dog,dog,\n"), WIDE)
    assert labels(prepared) == ["", "cat", "dog"]
    assert "read as no answer: NA" in notices(prepared)
    export(prepared, {0: "dog"}, tmp_path / "out.csv")
    assert records(tmp_path / "out.csv")[0]["ann_b"] == "NA"


def test_wide__a_given_label_that_is_there_stays_the_label(tmp_path: Path) -> None:
    path = made(tmp_path, "1,x,cat,cat,dog,dog\n2,y,cat,dog,dog,cat\n", "id,text,label,ann_a,ann_b,ann_c\n")
    raw = read_table(path)
    assert guess_form(raw) is None
    columns = guess_columns(raw)
    assert columns.label == "label" and prepare(raw, Plan("set", columns)).source.format == "csv"


def test_wide__another_column_chosen_as_label_is_written_alone(tmp_path: Path) -> None:
    path = made(
        tmp_path, "1,x,cat,cat,dog,pet\n2,y,cat,dog,dog,pet\n3,z,dog,dog,cat,zoo\n", HEADER[:-1] + ",kind\n"
    )
    columns = guess_columns(read_form(read_table(path), WIDE))
    prepared = load(path, WIDE, columns=replace(columns, label="kind"))
    export(prepared, {0: "zoo"}, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == path.read_text().replace("dog,pet", "dog,zoo", 1)


def test_wide__cells_are_made_safe_for_spreadsheets_once(tmp_path: Path) -> None:
    path = made(tmp_path, "1,=x,=a,=a,b\n2,y,b,=a,\n3,z,b,b,=a\n")
    export(load(path, WIDE), {0: "b", 1: "=a"}, tmp_path / "out.csv", spreadsheet_safe=True)
    assert (tmp_path / "out.csv").read_text() == HEADER + "1,'=x,b,b,b\n2,y,'=a,'=a,\n3,z,b,b,'=a\n"


def test_wide__one_annotator_s_column_can_be_the_label(tmp_path: Path) -> None:
    path = made(tmp_path, "1,x,cat,cat,dog\n2,y,cat,dog,dog\n3,z,dog,dog,cat\n")
    columns = guess_columns(read_form(read_table(path), WIDE))
    prepared = load(path, WIDE, columns=replace(columns, label="ann_b"))
    export(prepared, {0: "dog"}, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == path.read_text().replace("cat,cat,dog", "cat,dog,dog")


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (LabelForm("wide", ("ann_a", "nobody")), "there is no column 'nobody'"),
        (LabelForm("wide", ("ann_a",)), "one annotator's column only"),
        (LabelForm("wide", ("ann_a", "ann_a")), "a column is named twice"),
        (LabelForm("wide", ("ann_a", "ann_b"), method="coin"), "no way of agreeing called 'coin'"),
    ],
)
def test_wide__what_cannot_be_is_refused_in_words(tmp_path: Path, form: LabelForm, said: str) -> None:
    with pytest.raises(InputError, match=said):
        load(made(tmp_path, "1,x,cat,cat,dog\n2,y,cat,dog,dog\n"), form)


CELL = st.sampled_from(["", "cat", "dog", 'o"wl', "a,b", " cat"])


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(CELL, CELL, CELL), min_size=3, max_size=12), st.data())
def test_wide__only_the_answers_of_decided_rows_differ(tmp_path: Path, answers, data) -> None:  # type: ignore[no-untyped-def]
    known = sorted({a for row in answers for a in row if a.strip()})
    if len(known) < 2:
        return
    rows = [{"id": f"r{i}", "ann_a": a, "ann_b": b, "ann_c": c} for i, (a, b, c) in enumerate(answers)]
    path = table(tmp_path / "in.csv", "csv", rows)
    raw = read_form(read_table(path), WIDE)
    prepared = prepare(raw, Plan("set", guess_columns(raw)))
    if not prepared.ok:  # no row has a label
        return
    given_labels = labels(prepared)
    able = [i for i, row in enumerate(answers) if any(a.strip() for a in row)]
    chosen = {i: data.draw(st.sampled_from(known)) for i in data.draw(st.sets(st.sampled_from(able)))}
    export(prepared, dict(chosen), tmp_path / "out.csv")
    after = records(tmp_path / "out.csv")
    for i, (row, now) in enumerate(zip(rows, after, strict=True)):
        for name, cell in row.items():
            goes = name != "id" and bool(cell.strip()) and given_labels[i] in ("", cell)
            assert now[name] == (chosen[i] if i in chosen and goes else cell)


def test_wide__cifar10n(shared_data: Path, tmp_path: Path) -> None:
    raw = read_table(shared_data / "cifar10n" / "annotators.csv")
    form = guess_form(raw)
    assert form == LabelForm("wide", ("annotator_1", "annotator_2", "annotator_3"))
    prepared = load(raw.source.path, form)
    majority = pd.read_csv(shared_data / "cifar10n" / "labels.csv", dtype=str)["label"]
    mine = np.array(labels(prepared))
    # Where all three differ the set's makers drew one; here such a row has no label.
    assert (mine == "").sum() == 625
    assert (mine[mine != ""] == majority[mine != ""]).all()
    assert "Krippendorff's alpha is 0.68" in notices(prepared)
    export(prepared, {0: "cat", 9: "cat"}, tmp_path / "out.csv")
    old, new = raw.source.path.read_bytes().split(b"\n"), (tmp_path / "out.csv").read_bytes().split(b"\n")
    assert [i for i in range(len(old)) if old[i] != new[i]] == [1, 10]
    assert (old[1], new[1]) == (
        b"0,frog,198,25,deer,385,40,frog,197,21",
        b"0,cat,198,25,deer,385,40,cat,197,21",
    )
