"""What a table looks like is proposed, and plain tables are left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.label_forms.form import LabelForm
from core.label_forms.guess import guess_form, sentence
from core.loading import read_table


def table(tmp_path: Path, header: str, *rows: str, times: int = 10) -> Path:
    path = tmp_path / "in.csv"
    lines = [row.replace("#", str(i)) for i in range(times) for row in rows]
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


@pytest.mark.parametrize(
    ("header", "rows", "columns"),
    [
        (
            "id,text,annotator_1,annotator_2",
            ["#,some text,cat,dog", "#,other,dog,"],
            ("annotator_1", "annotator_2"),
        ),
        ("text,label_bob,label_eve", ["some text #,1,2", "other #,2,2"], ("label_bob", "label_eve")),
        ("text,bob_label,eve_label", ["some text #,1,2", "other #,2,1"], ("bob_label", "eve_label")),
        ("ann a,ann b,worker a,worker b", ["x,y,#,7", "y,x,#,8"], ("ann a", "ann b")),
        ("rater1,rater2,rater3", ["x,y,", ",x,y", "y,,x"], ("rater1", "rater2", "rater3")),
    ],
)
def test_guess__columns_of_annotators(
    tmp_path: Path, header: str, rows: list[str], columns: tuple[str, ...]
) -> None:
    form = guess_form(read_table(table(tmp_path, header, *rows)))
    assert form == LabelForm("wide", columns)
    assert sentence(form) == f"columns {', '.join(columns)} look like the labels of one annotator each"


@pytest.mark.parametrize(
    ("header", "rows", "form"),
    [
        (
            "id,text,worker_id,label",
            ["#,a text,w1,cat", "#,a text,w2,dog"],
            LabelForm("long", ("label",), "id", "worker_id"),
        ),
        (
            "row,item,annotator,answer",
            ["#,#,a,cat", "1#,#,b,cat"],
            LabelForm("long", ("answer",), "item", "annotator"),
        ),
    ],
)
def test_guess__a_record_for_each_answer(
    tmp_path: Path, header: str, rows: list[str], form: LabelForm
) -> None:
    found = guess_form(read_table(table(tmp_path, header, *rows)))
    assert found == form
    assert "looks like who labelled it: a record for each answer" in sentence(form)


@pytest.mark.parametrize(
    ("header", "rows", "columns"),
    [
        ("id,soft_label", ['#,"{""cat"": 0.5, ""dog"": 0.5}"'], ("soft_label",)),
        ("id,label", ['#,"[0.2, 0.8]"', '#,"[0.9, 0.1]"'], ("label",)),
        ("id,votes_cat,votes_dog", ["#,3,2", "#,0,5"], ("votes_cat", "votes_dog")),
        ("id,share cat,share dog", ["#,0.25,0.75"], ("share cat", "share dog")),
    ],
)
def test_guess__soft_labels(tmp_path: Path, header: str, rows: list[str], columns: tuple[str, ...]) -> None:
    assert guess_form(read_table(table(tmp_path, header, *rows))) == LabelForm("soft", columns)


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        ("id,text,label", ["#,some text,cat", "1#,other,dog"]),
        ("id,text,label,label_old", ["#,some text,cat,cat", "1#,other,dog,cat"]),  # a label is there
        ("id,label", ["#,cat", "#,dog"]),  # ids repeat, but nobody is named
        ("id,user,label", ["#,u,cat", "1#,v,dog"]),  # no id repeats
        ("id,user,label", ["1,u,cat", "1,u,dog"]),  # one person, one item, many records
        ("id,label_text,label_id", ["#,cat,0", "#1,dog,1"]),  # other values
        ("id,score_a,score_b", ["#,0.25,0.5", "#,0.5,0.125"]),  # no names of annotators
        ("id,ann_a,ann_b", ["#,text number # a,text number # b"]),  # as many values as rows
        ("id,pred_probs,label", ['#,"[0.1, 0.9]",cat', '1#,"[0.9, 0.1]",dog']),  # a model's
        ("id,labels", ['#,"[1, 2]"', '#1,"[3]"']),  # lists of labels
    ],
)
def test_guess__a_plain_table_is_none_of_them(tmp_path: Path, header: str, rows: list[str]) -> None:
    assert guess_form(read_table(table(tmp_path, header, *rows))) is None
