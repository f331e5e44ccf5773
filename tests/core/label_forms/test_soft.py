"""Soft labels: which class leads, what is said of close calls, and one-hot cells back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import InputError
from core.label_forms.form import LabelForm
from core.review.decisions import Action
from tests.core.label_forms.forms import SOFT, export, labels, load, notices, records, table


def cells(tmp_path: Path, *values: Any, format: str = "jsonl") -> Path:
    rows = [{"id": f"r{i}", "votes": value} for i, value in enumerate(values)]
    return table(tmp_path / f"in.{format}", format, rows)


def written(tmp_path: Path, path: Path, choices: dict[int, Any], form: LabelForm = SOFT) -> list[Any]:
    out = tmp_path / f"out{path.suffix}"
    export(load(path, form), choices, out)
    return [json.loads(r["votes"]) if r["votes"] else None for r in records(out)]


def test_soft__the_largest_share_is_the_given_label(tmp_path: Path) -> None:
    path = cells(
        tmp_path, {"cat": 3, "dog": 2}, {"cat": 1, "dog": 9}, {"cat": 2, "dog": 2}, {"cat": 21, "dog": 20}
    )
    prepared = load(path, SOFT)
    assert labels(prepared) == ["cat", "dog", "", "cat"]
    assert prepared.dataset is not None and prepared.dataset.classes == ("cat", "dog")
    assert prepared.dataset.table["share of label"].fillna(0).tolist() == [0.6, 0.9, 0, 0.5122]
    assert prepared.dataset.table["lead of label"].tolist() == [0.2, 0.8, 0, 0.0244]
    said = notices(prepared)
    assert "soft labels over 2 classes: the given label is that of the largest share" in said
    assert "row 3, column label: the largest shares tie: read as unlabelled" in said
    assert "row 4, column label: the two largest shares differ by less than 0.1: ambiguous rather" in said


def test_soft__votes_stay_as_many(tmp_path: Path) -> None:
    path = cells(tmp_path, {"cat": 3, "dog": 2}, {"dog": 1}, {"cat": 2, "dog": 2}, {"owl": 1, "cat": 4})
    got = written(tmp_path, path, {0: "dog", 1: "owl", 2: "cat"})
    assert got == [{"cat": 0, "dog": 5}, {"dog": 0, "owl": 1}, {"cat": 4, "dog": 0}, {"owl": 1, "cat": 4}]


def test_soft__lists_have_numbers_as_classes_and_a_list_names_them(tmp_path: Path) -> None:
    path = cells(tmp_path, [0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6], [0.6, 0.2, 0.2])
    (tmp_path / "classes.txt").write_text("cat\ndog\nowl\n")
    prepared = load(path, SOFT, classes=tmp_path / "classes.txt")
    assert labels(prepared) == ["cat", "dog", "owl", "cat"]
    export(prepared, {0: "owl"}, tmp_path / "out.jsonl")
    assert json.loads(records(tmp_path / "out.jsonl")[0]["votes"]) == [0.0, 0.0, 1.0]


def test_soft__scored_labels_keep_their_shape(tmp_path: Path) -> None:
    one = [{"label": "cat", "score": 0.75}, {"label": "dog", "score": 0.25}]
    path = cells(tmp_path, one, one[::-1], None)
    prepared = load(path, SOFT)
    assert labels(prepared) == ["cat", "cat", ""]
    got = written(tmp_path, path, {0: "dog", 2: "cat"})
    assert got == [
        [{"label": "cat", "score": 0.0}, {"label": "dog", "score": 1.0}],
        one[::-1],
        [{"label": "cat", "score": 1.0}, {"label": "dog", "score": 0.0}],
    ]


def test_soft__text_cells_of_csv_keep_their_quotes(tmp_path: Path) -> None:
    path = cells(
        tmp_path,
        {"cat": 0.75, "dog": 0.25},
        {"cat": 0.0, "dog": 1.0},
        {"cat": 0.75, "dog": 0.25},
        format="csv",
    )
    export(load(path, SOFT), {0: "dog"}, tmp_path / "out.csv")
    before = path.read_bytes().split(b"\r\n")
    after = (tmp_path / "out.csv").read_bytes().split(b"\r\n")
    assert (
        after[1] == b'r0,"{""cat"": 0.0, ""dog"": 1.0}"' and after[:1] + after[2:] == before[:1] + before[2:]
    )


@pytest.mark.parametrize(
    "kind", [pa.list_(pa.float32()), pa.list_(pa.int64(), 2), pa.large_list(pa.float64())]
)
def test_soft__parquet_lists_keep_their_type(tmp_path: Path, kind: pa.DataType) -> None:
    values = pa.array([[3, 1], [0, 4], [1, 0]], kind)
    made = pa.table({"id": ["a", "b", "c"], "votes": values})
    pq.write_table(made, tmp_path / "in.parquet")
    export(load(tmp_path / "in.parquet", SOFT), {0: "1"}, tmp_path / "out.parquet")
    after = pq.read_table(tmp_path / "out.parquet")
    assert after.schema.field("votes").type == kind
    assert after["votes"].to_pylist() == [[0, 4], [0, 4], [1, 0]]


def test_soft__parquet_structs_keep_their_type(tmp_path: Path) -> None:
    rows = [{"id": c, "votes": {"cat": 0.9, "dog": 0.1}} for c in "ab"] + [
        {"id": "c", "votes": {"cat": 0.2, "dog": 0.8}}
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "in.parquet")
    export(load(tmp_path / "in.parquet", SOFT), {0: "dog", 2: Action.EXCLUDE}, tmp_path / "out.parquet")
    assert pq.read_table(tmp_path / "out.parquet")["votes"].to_pylist() == [
        {"cat": 0.0, "dog": 1.0},
        {"cat": 0.9, "dog": 0.1},
    ]


def test_soft__a_column_for_each_class(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("id,votes_cat,votes_dog,votes_owl\na,3,2,\nb,0,1,4\nc,,,\nd,2,2,1\n")
    form = LabelForm("soft", ("votes_cat", "votes_dog", "votes_owl"))
    prepared = load(path, form)
    assert labels(prepared) == ["cat", "owl", "", ""]
    export(prepared, {0: "dog", 2: "owl", 3: Action.KEEP}, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == (
        "id,votes_cat,votes_dog,votes_owl\na,0,5,\nb,0,1,4\nc,,,1\nd,2,2,1\n"
    )


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (({"cat": -1, "dog": 2}, {"cat": 1, "dog": 2}), r"row 1, column votes: a negative share of 'cat'"),
        (({"cat": 1, "dog": 2}, ["x"]), r"row 2, column votes: found"),
        (({"cat": 1}, {"cat": 2}), "shares of one class only"),
        (("cat", "dog"), "the first cell holds no shares"),
        (([0.5, 0.5], [0.1, 0.2, 0.7]), "row 2, column votes: 3 numbers, but the rows before have 2"),
    ],
)
def test_soft__what_cannot_be_is_refused_in_words(tmp_path: Path, values: tuple[Any, ...], said: str) -> None:
    with pytest.raises(InputError, match=said):
        load(cells(tmp_path, *values), SOFT)


def test_soft__words_among_columns_of_shares_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("id,p_cat,p_dog\na,0.5,0.5\nb,0.1,much\n")
    with pytest.raises(InputError, match="row 2, column p_dog: 'much' is no number"):
        load(path, LabelForm("soft", ("p_cat", "p_dog")))
