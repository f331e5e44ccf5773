"""Predictions in Label Studio's files: of the data's own file, and of a file beside the data."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.errors import Problem
from core.loading import Plan, Prepared, guess_columns, prepare, read_table
from core.multilabel import LIST
from core.settings import Settings
from core.workspace import Workspace
from tests.core.exporters.tool_files import export, made
from tests.core.importers.samples import annotation, choice, listed, task


def said(*results: dict, model: object = "m1", score: object = None) -> dict:
    """One prediction of Label Studio."""
    return {"id": 9, "model_version": model, "score": score, "result": list(results)}


def scored(label: str, score: object) -> dict:
    return {**choice([label]), "score": score}


def tasks(*predictions: list[dict], labels: str = "pn") -> list[dict]:
    """Tasks of ids 11, 12, ... labelled pos and neg in turn, with these predictions."""
    names = {"p": "pos", "n": "neg"}
    return [
        {**task(11 + i, [annotation([names[labels[i % len(labels)]]])]), "predictions": found}
        for i, found in enumerate(predictions)
    ]


def load(tmp_path: Path, records: list[dict], predictions: Path | None = None, **columns: Any) -> Prepared:
    raw = read_table(made(tmp_path, listed(records)))
    said_columns = replace(guess_columns(raw), **columns)
    return prepare(raw, Plan("set", said_columns, pred_probs=predictions))


def probs(prepared: Prepared) -> list[list[float]]:
    assert prepared.ok, prepared.problems
    values = prepared.predictions.pred_probs
    assert values is not None
    return [[round(float(v), 6) for v in row] for row in values]


def found(problems: Any, severity: str) -> list[str]:
    return [str(p) for p in problems if p.severity == severity]


BOTH = tasks(
    [said(choice(["neg"]), score=0.75), said(choice(["neg"]), model="m2")],
    [said(choice(["neg"]), score=0.875)],
    [said(choice(["pos"]), score=0.5), said(choice(["pos"]), model="m2")],
)


def test_own__a_class_and_its_score_are_the_predictions_in_use(tmp_path: Path) -> None:
    prepared = load(tmp_path, BOTH)
    assert prepared.dataset is not None and prepared.dataset.classes == ("neg", "pos")
    assert prepared.predictions.model == "m1"
    assert probs(prepared) == [[0.75, 0.25], [0.875, 0.125], [0.5, 0.5]]
    assert "the predictions of m1 in this file are used; they have to be out-of-sample" in [
        p.found for p in prepared.problems
    ]
    assert prepared.by_order == ()


def test_own__a_model_that_leaves_rows_out_is_told_and_not_used(tmp_path: Path) -> None:
    prepared = load(tmp_path, BOTH)
    assert prepared.others == ()
    assert found(prepared.problems, "warning") == [
        "in.json, model m2, row 2: left out, since: no row for the id '12' of the data. "
        "Mend: predict these rows too, or leave them out of the data."
    ]


def test_own__several_models_lie_side_by_side(tmp_path: Path) -> None:
    records = [json.loads(json.dumps(one)) for one in BOTH]
    records[1]["predictions"].insert(0, said(choice(["pos"]), model="m2"))
    records[1]["predictions"].pop()
    prepared = load(tmp_path, records)
    assert prepared.predictions.model == "m2" and probs(prepared) == [[1, 0], [0, 1], [0, 1]]
    records[1]["predictions"].append(said(choice(["neg"]), score=0.875))
    prepared = load(tmp_path, records)
    assert prepared.predictions.model == "m1"
    ((other, problems),) = prepared.others
    assert other.model == "m2" and other.pred_probs is not None
    assert other.pred_probs.tolist() == [[1, 0], [0, 1], [0, 1]]
    assert any(p.found.startswith("hard labels") for p in problems)
    assert [p.found for p in prepared.problems if "side" in p.found or "beside" in p.found] == [
        "2 models (m1, m2): m1 is in use at first, the others are kept beside it"
    ]
    assert {p.file for p in prepared.model_problems} == {"in.json, model m1"}


def test_own__each_score_of_several_classes(tmp_path: Path) -> None:
    records = tasks(
        [said(scored("pos", 0.75), scored("neg", 0.25), score=0.125)],
        [said(scored("neg", 1))],
        [said(scored("neg", 0.0), scored("pos", 1.0))],
    )
    prepared = load(tmp_path, records)
    assert probs(prepared) == [[0.25, 0.75], [1, 0], [0, 1]]


def test_own__classes_left_out_of_a_sum_below_one(tmp_path: Path) -> None:
    records = tasks([said(scored("pos", 0.75), scored("neg", 0.25))], [said(scored("neg", 0.5))])
    prepared = load(tmp_path, records)
    assert prepared.ok and prepared.predictions.pred_probs is None
    assert found(prepared.problems, "warning")[:1] == [
        "in.json, model m1, row 2, column sentiment: left out, since: no number for the class 'pos', and the "
        "others sum to 0.5. Mend: write a number for each class in every row."
    ]


def test_own__several_labels_a_row_are_independent_columns(tmp_path: Path) -> None:
    records = [
        {**task(1, [annotation(["a", "b"])]), "predictions": [said(choice(["a", "c"]), score=0.5)]},
        {**task(2, [annotation(["c"])]), "predictions": [said(choice([]))]},
        {**task(3, [annotation(["b"])]), "predictions": [said(choice(["c"]), score=0.9)]},
    ]
    prepared = load(tmp_path, records)
    assert prepared.dataset is not None and prepared.dataset.sets is not None
    assert prepared.dataset.names == ("a", "b", "c")
    assert probs(prepared) == [[1, 0, 1], [0, 0, 0], [0, 0, 1]]
    records[0]["predictions"] = [said(scored("a", 0.75), scored("c", 0.5))]
    records[2]["predictions"] = [said(scored("c", 0.25))]
    prepared = load(tmp_path, records)
    assert probs(prepared) == [[0.75, 0, 0.5], [0, 0, 0], [0, 0, 0.25]]
    assert "classes that a row does not name count as 0" in " ".join(found(prepared.problems, "warning"))


def test_own__ratings_are_classes(tmp_path: Path) -> None:
    rating = {"from_name": "stars", "to_name": "text", "type": "rating", "value": {"rating": 4}}
    records = [
        {**task(i, [annotation(["x"])], stars=stars), "predictions": [said(rating)]}
        for i, stars in enumerate(["4", "2", "4"])
    ]
    prepared = load(tmp_path, records, label="stars")
    assert prepared.dataset is not None and prepared.dataset.classes == ("2", "4")
    assert probs(prepared) == [[0, 1]] * 3


def test_own__nothing_changes_in_an_export_without_decisions(tmp_path: Path) -> None:
    source = listed(BOTH)
    path = made(tmp_path, source)
    assert export(path, {}) == source
    got = json.loads(export(path, {0: "neg"}))
    assert [one["predictions"] for one in got] == [one["predictions"] for one in BOTH]
    assert got[0]["annotations"][0]["result"][0]["value"]["choices"] == ["neg"]


def test_own__every_choice_of_a_prediction_is_shown(tmp_path: Path) -> None:
    raw = read_table(made(tmp_path, listed(tasks([said(scored("pos", 0.75), scored("neg", 0.25))]))))
    assert raw.frame["sentiment predicted by m1"].tolist() == ['["pos", "neg"]']


def beside(tmp_path: Path, records: list[dict]) -> Path:
    return made(tmp_path, listed(records), "preds.json")


BARE = tasks([], [], [])


def test_beside__by_task_id_in_any_order_with_more_tasks(tmp_path: Path) -> None:
    records = [*reversed(BOTH), {**task(99, []), "predictions": []}]
    prepared = load(tmp_path, BARE, beside(tmp_path, records))
    assert prepared.predictions.model == "m1" and prepared.by_order == ()
    assert probs(prepared) == [[0.75, 0.25], [0.875, 0.125], [0.5, 0.5]]
    assert [p.file for p in prepared.problems if p.severity == "warning"] == ["preds.json, model m2"]


def test_beside__by_the_id_within_the_data_for_a_table(tmp_path: Path) -> None:
    table = made(tmp_path, b"id,text,label\na,one,pos\nb,two,neg\nc,three,pos\n", "in.csv")
    records = [
        {"id": i, "data": {"id": key, "text": text}, "predictions": [said(choice([label]), score=0.75)]}
        for i, (key, text, label) in enumerate(
            [("c", "three", "pos"), ("b", "two", "pos"), ("a", "one", "neg")]
        )
    ]
    raw = read_table(table)
    prepared = prepare(raw, Plan("x", guess_columns(raw), pred_probs=beside(tmp_path, records)))
    assert probs(prepared) == [[0.75, 0.25], [0.25, 0.75], [0.25, 0.75]]
    assert prepared.predictions.model == "m1" and prepared.by_order == ()


def test_beside__by_content_for_a_table_without_ids(tmp_path: Path) -> None:
    table = made(tmp_path, b"text,label\none of these,pos\ntwo of those,neg\nthree of them,pos\n", "in.csv")
    texts = [("three of them", "pos"), ("one of these", "neg"), ("two of those", "neg")]
    records = [
        {"id": i, "data": {"text": text}, "predictions": [said(choice([label]))]}
        for i, (text, label) in enumerate(texts)
    ]
    raw = read_table(table)
    columns = guess_columns(raw)
    assert columns.id is None and columns.content == ("text",)
    prepared = prepare(raw, Plan("x", columns, pred_probs=beside(tmp_path, records)))
    assert probs(prepared) == [[1, 0], [1, 0], [0, 1]] and prepared.by_order == ()


def test_beside__by_order_is_said_to_be_confirmed(tmp_path: Path) -> None:
    table = made(tmp_path, b"id,text,label\na,one,pos\nb,two,neg\n", "in.csv")
    records = [{"data": {"t": "?"}, "predictions": [said(choice(["pos"]))]}] * 2
    raw = read_table(table)
    prepared = prepare(raw, Plan("x", guess_columns(raw), pred_probs=beside(tmp_path, records)))
    assert probs(prepared) == [[0, 1], [0, 1]] and prepared.by_order == ("preds.json",)


NEG, POS = choice(["neg"]), choice(["pos"])
IN = "row 2, column sentiment: "


def broken(*predictions: dict) -> list[dict]:
    return tasks([said(POS, score=0.5)], list(predictions), [said(POS, score=0.5)])


@pytest.mark.parametrize(
    ("records", "message"),
    [
        (broken(said(NEG, score=float("nan"))), IN + "the score 'nan' is no number"),
        (broken(said(NEG, score=10**400)), IN + "the score '1000"),
        (broken(said(NEG, score=True)), IN + "the score 'True' is no number"),
        (broken(said(NEG, score="0.9")), IN + "the score '0.9' is no number"),
        (broken(said(NEG, score=1.5)), "row 2: a score of 1.5 for the likeliest class"),
        (broken(said(NEG, score=0.25)), "row 2: a score of 0.25 for the likeliest class"),
        (broken(said(NEG)), IN + "a class without a score beside others"),
        (broken(), "preds.json, row 2: no row for the id '12' of the data"),
        (broken(said(choice(["cow"]), score=0.9)), IN + "the predicted label 'cow' is no class"),
        (broken(said(choice(["neg", "pos"]), score=0.9)), IN + "a class without a score"),
        (
            broken(said(NEG, score=0.9), said(NEG, score=0.75)),
            IN + "several different predictions of one model",
        ),
        (
            broken(said(scored("neg", 0.5), scored("neg", 0.5))),
            IN + "the class 'neg' is predicted twice",
        ),
        (
            broken(said({**choice([]), "value": {"taxonomy": [["a", "b"]]}})),
            IN + "a prediction that is no class but [['a', 'b']]. "
            "Expected: choices or a rating; a taxonomy is not supported yet",
        ),
        (tasks([], []), "preds.json: no prediction of classes of whole records in this file"),
        ([{**one, "id": 1} for one in broken(said(NEG, score=0.5))], "the id '1' is there more than once"),
    ],
)  # fmt: skip
def test_beside__refused_in_words(tmp_path: Path, records: list[dict], message: str) -> None:
    classes = made(tmp_path, b"neg\npos\n", "classes.txt")
    raw = read_table(made(tmp_path, listed(BARE)))
    plan = Plan("x", guess_columns(raw), classes=classes, pred_probs=beside(tmp_path, records))
    assert message in " ".join(found(prepare(raw, plan).problems, "error"))


def test_beside__models_that_answer_other_questions(tmp_path: Path) -> None:
    records = tasks([said(choice(["a"], "topic"), choice(["b"], "tone"))], [], [])
    prepared = load(tmp_path, BARE, beside(tmp_path, records))
    assert found(prepared.problems, "error") == [
        "preds.json: models answer 'topic', 'tone', but the labels are those of 'sentiment'. "
        "Mend: choose the column of labels that the models predict."
    ]


def test_beside__the_question_of_the_labels_is_read(tmp_path: Path) -> None:
    records = tasks(*([said(choice(["x"], "topic"), NEG, score=0.75)] for _ in range(3)))
    prepared = load(tmp_path, BARE, beside(tmp_path, records))
    assert probs(prepared) == [[0.75, 0.25]] * 3


def test_beside__lists_where_rows_have_several_labels(tmp_path: Path) -> None:
    data = [task(1, [annotation(["a", "b"])]), task(2, [annotation(["b"])])]
    guess = [{**one, "predictions": [said(choice(["b"]))]} for one in data]
    prepared = load(tmp_path, data, beside(tmp_path, guess), delimiter=LIST)
    assert probs(prepared) == [[0, 1], [0, 1]]


def test_store__both_models_and_what_was_said_of_each(tmp_path: Path) -> None:
    from core.cli_models import store
    from core.model_store import models

    records = tasks(*([said(NEG, score=0.75), said(POS, model="m/2")] for _ in "ab"))
    workspace = Workspace(Settings(tmp_path / "w", (tmp_path,), "", ""))
    name = store(workspace, load(tmp_path, records), in_order=False)
    there = models(workspace, name)
    assert [(m.name, m.in_use, m.fits) for m in there] == [("m1", True, True), ("m/2", False, True)]
    assert {p.file for m in there for p in m.problems} == {"in.json, model m1", "in.json, model m|2"}
    assert all(isinstance(p, Problem) for m in there for p in m.problems)


def test_own__what_is_no_probability_never_keeps_the_data_out(tmp_path: Path) -> None:
    records = [
        {**task(1, [annotation(["a", "b"])]), "predictions": [said(scored("a", 1.5), scored("b", 0.5))]},
        {**task(2, [annotation(["b"])]), "predictions": [said(scored("b", 0.5))]},
    ]
    prepared = load(tmp_path, records)
    assert prepared.ok and prepared.predictions.pred_probs is None
    assert any("model m1, row 1, column 1: left out, since: 1.5 is not a probability" in p
               for p in found(prepared.problems, "warning"))  # fmt: skip
    records = tasks(*([said(scored("pos", 0.75), scored("neg", 0.75)), said(POS, model="m2")] for _ in "ab"))
    prepared = load(tmp_path, records)
    assert prepared.predictions.model == "m2" and probs(prepared) == [[0, 1], [0, 1]]
    assert any("model m1" in p and "left out, since: " in p for p in found(prepared.problems, "warning"))
