"""COCO's results format as predictions for the annotations of a COCO data set."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.another_model import read_further, read_model
from core.dataset import Columns
from core.errors import InputError
from core.loading import Plan, Prepared, guess_columns, prepare, read_table
from core.preflight import coco_results
from core.preflight.coco_results import is_results, overlaps
from core.preflight.labels import ClassList
from core.preflight.model_outputs import Asked

DATA: dict[str, Any] = {
    "categories": [{"id": 3, "name": "cat"}, {"id": 7, "name": "dog"}, {"id": 9, "name": "cow"}],
    "images": [{"id": i, "file_name": f"{i}.png"} for i in (1, 2, 5, 6)],
    "annotations": [
        {"id": 10, "image_id": 2, "category_id": 7},
        {"id": 11, "image_id": 1, "category_id": 3},
        {"id": 12, "image_id": 5, "category_id": 3},
    ],
}
BOXES: dict[str, Any] = {
    **DATA,
    "annotations": [
        {"id": 10, "image_id": 2, "category_id": 7, "bbox": [0, 0, 10, 10]},
        {"id": 11, "image_id": 2, "category_id": 3, "bbox": [20, 0, 10, 10]},
        {"id": 12, "image_id": 1, "category_id": 3, "bbox": [0, 0, 8, 8]},
    ],
}


def result(image: Any, category: Any, score: Any, *box: float) -> dict[str, Any]:
    return {
        "image_id": image,
        "category_id": category,
        "score": score,
        **({"bbox": list(box)} if box else {}),
    }


def load(tmp_path: Path, results: Any, data: dict[str, Any] = DATA, **columns: Any) -> Prepared:
    (tmp_path / "instances.json").write_text(json.dumps(data))
    path = tmp_path / "results.json"
    path.write_text(results if isinstance(results, str) else json.dumps(results))
    raw = read_table(tmp_path / "instances.json")
    said = replace(guess_columns(raw), **columns)
    return prepare(raw, Plan("x", said, pred_probs=path))


def probs(prepared: Prepared) -> list[list[float]]:
    assert prepared.ok, prepared.problems
    values = prepared.predictions.pred_probs
    assert values is not None
    return [[round(float(v), 4) for v in row] for row in values]


def said(prepared: Prepared, severity: str) -> list[str]:
    return [str(p) for p in prepared.problems if p.severity == severity and p.file == "results.json"]


FULL = [
    result(5, 3, 0.5), result(5, 7, 0.25), result(5, 9, 0.25),
    result(1, 9, 0.125), result(1, 3, 0.875),
    result(2, 7, 1.0),
]  # fmt: skip


def test_pictures__several_classes_a_picture_by_category_id(tmp_path: Path) -> None:
    prepared = load(tmp_path, FULL)
    assert prepared.dataset is not None and prepared.dataset.classes == ("cat", "dog", "cow")
    assert prepared.dataset.row_ids.tolist() == ["10", "11", "12"]
    assert probs(prepared) == [[0, 1, 0], [0.875, 0, 0.125], [0.5, 0.25, 0.25]]
    assert prepared.by_order == () and prepared.predictions.model == "results"


def test_pictures__one_class_and_its_score(tmp_path: Path) -> None:
    prepared = load(tmp_path, [result("1", 3, 0.75), result(5, 9, 0.5), result(2, 7, 1)])
    assert probs(prepared) == [[0, 1, 0], [0.75, 0.125, 0.125], [0.25, 0.25, 0.5]]
    assert "only the likeliest class and its score" in said(prepared, "warning")[0]


def test_pictures__every_annotation_of_a_picture_gets_its_scores(tmp_path: Path) -> None:
    data = {**DATA, "annotations": [*DATA["annotations"], {"id": 13, "image_id": 5, "category_id": 7}]}
    assert probs(load(tmp_path, FULL, data))[2:] == [[0.5, 0.25, 0.25]] * 2


def test_pictures__results_of_others_are_left_out_and_told(tmp_path: Path) -> None:
    prepared = load(tmp_path, [result(6, 3, 0.5), *FULL, result(99, 3, 0.5)])
    assert probs(prepared)[0] == [0, 1, 0]
    assert said(prepared, "notice")[0] == (
        "results.json, row 1, column image_id: results of pictures without a row in the data, such as "
        "image_id 6, are left out (2 rows)."
    )


def test_pictures__independent_columns_where_rows_have_several_labels(tmp_path: Path) -> None:
    annotations = [
        {"id": i, "image_id": i, "kinds": kinds} for i, kinds in ((1, "cat|dog"), (2, "dog"), (5, "cat"))
    ]
    results = [result(1, 3, 0.75), result(1, 7, 0.5), result(2, 9, 0.25), result(5, 3, 0.875)]
    prepared = load(tmp_path, results, {**DATA, "annotations": annotations}, label="kinds", delimiter="|")
    assert prepared.dataset is not None and prepared.dataset.names == ("cat", "cow", "dog")
    assert probs(prepared) == [[0.75, 0, 0.5], [0, 0.25, 0], [0.875, 0, 0]]
    assert "classes that a row does not name count as 0" in said(prepared, "warning")[0]


def test_boxes__each_detection_counts_for_the_box_that_it_overlaps_most(tmp_path: Path) -> None:
    results = [
        result(2, 3, 0.75, 21, 0, 10, 10),
        result(2, 9, 0.5, 0, 0, 10, 9),
        result(2, 7, 0.875, 0, 0, 10, 4.9),  # overlaps by less than half
        result(1, 3, 0.1, 0, 0, 8, 8),  # less than one of three classes has at least
        result(1, 7, 0.9, 100, 100, 8, 8),
        result(6, 7, 0.9, 0, 0, 8, 8),
    ]
    prepared = load(tmp_path, results, BOXES)
    assert probs(prepared) == [[0.25, 0.25, 0.5], [0.75, 0.125, 0.125], [0.3333, 0.3333, 0.3333]]
    assert "A detector's score is no probability of a class" in " ".join(said(prepared, "warning"))


def test_boxes__scores_of_one_box_that_sum_to_one(tmp_path: Path) -> None:
    results = [
        result(2, 7, 0.75, 0, 0, 10, 10), result(2, 9, 0.25, 0, 0, 10, 10),
        result(2, 3, 1, 20, 0, 10, 10),
        result(1, 3, 0.5, 0, 0, 8, 8), result(1, 7, 0.5, 0, 0, 8, 8),
    ]  # fmt: skip
    assert probs(load(tmp_path, results, BOXES)) == [[0, 0.75, 0.25], [1, 0, 0], [0.5, 0.5, 0]]


def test_boxes__several_classes_on_one_box_else_the_best_one_counts(tmp_path: Path) -> None:
    results = [
        result(2, 7, 0.75, 0, 0, 10, 10), result(2, 9, 0.875, 0, 0, 10, 10), result(2, 9, 0.5, 0, 0, 10, 10),
        result(2, 3, 1, 20, 0, 10, 10), result(1, 3, 0.5, 0, 0, 8, 8),
    ]  # fmt: skip
    prepared = load(tmp_path, results, BOXES)
    assert probs(prepared)[0] == [0.0625, 0.0625, 0.875]
    assert said(prepared, "warning")[0] == (
        "results.json, row 2: several classes on one box: the one with the highest score counts."
    )


def test_boxes__that_overlap_each_other_have_each_its_own_detection(tmp_path: Path) -> None:
    annotations = [
        {"id": 10, "image_id": 2, "category_id": 7, "bbox": [0, 0, 10, 10]},
        {"id": 11, "image_id": 2, "category_id": 3, "bbox": [2, 0, 10, 10]},
    ]
    results = [result(2, 3, 0.5, 0, 0, 10, 10), result(2, 7, 0.75, 2, 0, 10, 10)]
    prepared = load(tmp_path, results, {**DATA, "annotations": annotations})
    assert probs(prepared) == [[0.5, 0.25, 0.25], [0.125, 0.75, 0.125]]


def test_boxes__without_a_detection_have_every_class_alike_and_are_told(tmp_path: Path) -> None:
    prepared = load(tmp_path, [result(2, 3, 0.75, 20, 0, 10, 10), result(5, 3, 1, 0, 0, 1, 1)], BOXES)
    assert probs(prepared) == [[0.3333] * 3, [0.75, 0.125, 0.125], [0.3333] * 3]
    assert said(prepared, "warning")[0] == (
        "results.json: no detection overlaps the box '10' of the data by half (IoU 0.5) (2 rows). Mend: "
        "every class is as likely for these; the check of boxes says which of them look spurious."
    )


def test_boxes__detections_none_of_which_meets_a_box_are_refused(tmp_path: Path) -> None:
    prepared = load(tmp_path, [result(2, 3, 0.75, 70, 0, 10, 10)], BOXES)
    assert said(prepared, "error") == [
        "results.json: no detection overlaps the box '10' of the data by half (IoU 0.5) (3 rows). "
        "Mend: keep detections of low score too, or score the annotated boxes themselves."
    ]


def test_boxes__all_detections_are_kept(tmp_path: Path) -> None:
    results = [
        result(2, 3, 0.75, 20, 0, 10, 10), result(2, 7, 0.5, 50, 50, 4, 5), result(6, 9, 0.9, 0, 0, 8, 8),
        result(99, 9, 0.9, 0, 0, 8, 8),
    ]  # fmt: skip
    prepared = load(tmp_path, results, BOXES)
    kept = prepared.predictions.detections
    assert kept is not None and [str(t) for t in kept.dtypes] == ["category"] * 2 + ["float32"] * 5
    assert kept.astype(object).to_numpy().tolist() == [
        ["2.png", "cat", 0.75, 20, 0, 10, 10],
        ["2.png", "dog", 0.5, 50, 50, 4, 5],
        ["6.png", "cow", np.float32(0.9), 0, 0, 8, 8],  # a picture without an annotation
    ]


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ([*FULL, result(1, 4, 0.5)], "row 7: category_id 4 is no category of the data. Expected: 3, 7, 9"),
        ([*FULL, result(1, "3", 0.5)], "row 7: category_id '3' is no category of the data"),
        ([*FULL, result(1, 9, 0.125)], "row 7: image_id 1 has a second score for 'cow'"),
        ([*FULL, result("1", 9, 0.125)], "row 7: image_id 1 has a second score for 'cow'"),
        ([result(True, 3, 0.5), *FULL], "row 1, column image_id: image_id is True"),
        ([*FULL, result(1, False, 0.5)], "row 7, column category_id: category_id is False"),
        ([*FULL, {"category_id": 3, "score": 1}], "row 7, column image_id: image_id is missing"),
        ([*FULL, {"image_id": 1.0, "category_id": 3, "score": 1}], "row 7, column image_id: image_id is 1.0"),
        ([*FULL, result(None, 3, 0.5)], "row 7, column image_id: image_id is None"),
        ([*FULL, {"image_id": 1, "category_id": 3}], "row 7, column score: the score 'None' is no number"),
        ([*FULL, result(1, 7, float("nan"))], "row 7, column score: the score 'nan' is no number"),
        ([*FULL, result(1, 7, True)], "row 7, column score: the score 'True' is no number"),
        ([*FULL, result(1, 7, 10**400)], "row 7, column score: the score '1000"),
        ([*FULL, result(1, 7, -0.5)], "row 7, column score: the score -0.5. Expected: from 0 to 1"),
        ([*FULL, [1, 3, 0.5]], "row 7: entry 7 is a list"),
        ([*FULL, result(1, 7, 0.5, 1, 2, 3, 4)], "row 7, column bbox: some results have a bbox"),
        ([result(1, 7, 0.5, 1, 2, 3)], "row 1, column bbox: the bbox is [1, 2, 3]"),
        ([result(1, 7, 0.5, 1, 2, float("inf"), 4)], "row 1, column bbox: the bbox is [1, 2, inf, 4]"),
        ([{**result(1, 7, 0.5), "segmentation": {}}], "row 1: masks and key points are not supported yet"),
        ([result(99, 3, 0.5)], "row 1: all results are of pictures without a row in the data"),
        (FULL[:5], "row 1: no row for the id '10' of the data"),
        ([*FULL[:2], *FULL[3:]], "row 1, column score: no number for the class 'cow'"),
        ([*FULL[:5], result(2, 7, 0.25)], "row 6, column score: no number for the class 'cow'"),
        (json.dumps(FULL)[:-1] + "," + "[" * 100_000, "not valid JSON: nested too deeply"),
        (json.dumps(FULL)[:-9], "not valid JSON"),
    ],
)  # fmt: skip
def test_read__refused_in_words(tmp_path: Path, results: Any, message: str) -> None:
    prepared = load(tmp_path, results)
    assert message in " ".join(said(prepared, "error"))


def test_read__a_score_that_the_likeliest_class_cannot_have(tmp_path: Path) -> None:
    prepared = load(tmp_path, [result(1, 3, 0.75), result(2, 7, 0.25), result(5, 9, 0.5)])
    assert said(prepared, "error")[0].startswith(
        "results.json, row 2: a score of 0.25 for the likeliest class. Expected: from 0.333"
    )


def test_read__json_in_one_piece_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coco_results, "MOST_BYTES", 100)
    assert "bytes in one piece" in said(load(tmp_path, FULL), "error")[0]


def test_read__data_without_categories(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("id,text,label\na,one,cat\nb,two,dog\n")
    (tmp_path / "results.json").write_text(json.dumps(FULL))
    raw = read_table(tmp_path / "in.csv")
    prepared = prepare(raw, Plan("x", guess_columns(raw), pred_probs=tmp_path / "results.json"))
    assert said(prepared, "error") == [
        "results.json: COCO results, which say classes by number, but the data has no COCO categories. "
        "Mend: load the COCO annotations as the data."
    ]


def test_read_further__beside_a_data_set_that_is_there(tmp_path: Path) -> None:
    prepared = load(tmp_path, FULL)
    assert prepared.dataset is not None
    ((found, _),) = read_further(prepared.dataset, tmp_path / "results.json", prepared.source)
    assert found.pred_probs is not None and found.pred_probs.tolist() == probs(prepared)
    with pytest.raises(InputError, match="the data has no COCO categories"):
        read_model(prepared.dataset, tmp_path / "results.json")


def test_is_results__by_its_bytes() -> None:
    assert is_results(json.dumps(FULL).encode()) and is_results(
        b"\xef\xbb\xbf [\n" + json.dumps(FULL)[1:].encode()
    )
    assert is_results(json.dumps(FULL * 1_000).encode()[:5_000])
    assert not is_results(json.dumps(DATA).encode())
    assert not is_results(b'[{"image_id": 1, "label": "cat", "score": 1}]')
    assert not is_results(b"[[0.25, 0.75]]") and not is_results(b"image_id,category_id,score\n")


sides = st.tuples(*[st.floats(-50, 50)] * 2, *[st.floats(0.5, 50)] * 2)


@given(st.lists(sides, min_size=1, max_size=5), st.lists(sides, min_size=1, max_size=5))
def test_overlaps__symmetric_and_1_for_the_same_box(one: list, other: list) -> None:
    a, b = np.array(one), np.array(other)
    shared = overlaps(a, b)
    assert ((shared >= 0) & (shared <= 1 + 1e-9)).all()
    np.testing.assert_allclose(shared, overlaps(b, a).T, atol=1e-12)
    np.testing.assert_allclose(np.diag(overlaps(a, a)), 1, atol=1e-6)


def test_overlaps__known_values() -> None:
    boxes = np.array([[0, 0, 10, 10], [5, 5, 0, 9], [np.nan, 0, 1, 1]])
    others = np.array([[5, 0, 10, 10], [20, 20, 1, 1], [0, 0, 10, 10]])
    assert overlaps(boxes, others).round(4).tolist() == [[0.3333, 0, 1], [0, 0, 0], [0, 0, 0]]


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 10),
    st.floats(),
    st.just(10**400),
    st.text(max_size=3),
    st.just([1]),
)
RESULTS = st.lists(
    st.fixed_dictionaries(
        {
            "image_id": st.one_of(st.sampled_from([1, 2, 5, 99]), ODD),
            "category_id": st.one_of(st.sampled_from([3, 7, 9]), ODD),
        },
        optional={
            "score": st.one_of(st.floats(0, 1), ODD),
            "bbox": st.lists(st.one_of(st.floats(0, 20), ODD), max_size=5),
        },
    ),
    min_size=1,
    max_size=8,
)


@given(RESULTS)
def test_read__whatever_is_in_it_is_read_or_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, results: list[dict[str, Any]]
) -> None:
    path = tmp_path_factory.mktemp("r") / "results.json"
    path.write_text(json.dumps(results))
    boxes = {"x": [0.0, 20, np.nan], "y": [0.0, 0, 0], "w": [10.0, 10, 8], "h": [10.0, 10, 8]}
    frame = pd.DataFrame({"image_id": [2, 2, 1], **boxes})
    names = ("cat", "dog", "cow")
    layout = {"categories": [["cat", 3], ["dog", 7], ["cow", 9]]}
    ids = pd.Index(["10", "11", "12"], dtype="str")
    asked = Asked(Columns(), frame, ids, lambda: (names, ClassList(names, names)), "coco", layout)
    try:
        found = coco_results.read(path, asked)
    except InputError as error:
        assert all(str(p).startswith("results.json") for p in error.problems)
        return
    assert found.values.shape[1] == 3 and np.isfinite(found.values).all()
    assert found.names == names and found.ids is not None and set(found.ids) <= set(ids)
