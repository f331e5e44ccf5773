from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import InputError
from core.importers import coco
from core.loading import Plan, guess_columns, prepare
from core.reading import formats, read_table

SMALL: dict[str, Any] = {
    "info": {"description": "small"},
    "categories": [{"id": 3, "name": "cat"}, {"id": 7, "name": "dog"}, {"id": 9, "name": "cow"}],
    "images": [
        {"id": 1, "file_name": "a.png", "split": "train"},
        {"id": 2, "file_name": "b.png", "split": "test"},
        {"id": 5, "file_name": "c.png", "split": "test"},
    ],
    "annotations": [
        {
            "id": 10,
            "image_id": 2,
            "category_id": 7,
            "bbox": [1, 2.5, 3, 4],
            "iscrowd": 0,
            "segmentation": [[1, 2]],
        },
        {"id": 11, "image_id": 1, "category_id": 3, "bbox": [5, 6, 0, 8], "iscrowd": 1},
    ],
}


def put(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


def test_read__one_row_for_each_annotation(tmp_path: Path) -> None:
    raw = read_table(put(tmp_path / "instances.json", SMALL))
    assert raw.frame.to_dict("list") == {
        "id": [10, 11],
        "image_id": [2, 1],
        "path": ["b.png", "a.png"],
        "label": ["dog", "cat"],
        "x": [1.0, 5.0],
        "y": [2.5, 6.0],
        "w": [3.0, 0.0],
        "h": [4.0, 8.0],
        "split": ["test", "train"],
        "iscrowd": [0, 1],
    }
    assert raw.source.layout["categories"] == [["cat", 3], ["dog", 7], ["cow", 9]]
    assert [(p.severity, p.found, p.row) for p in raw.problems] == [
        ("warning", "annotation: its box has no width or no height", 2),
        ("notice", "1 of 3 images have no annotation and no row: 'c.png'", None),
    ]
    columns = guess_columns(raw)
    assert (columns.id, columns.label, columns.split) == ("id", "label", "split")
    assert (columns.content, columns.kind) == (("path",), "image")


def test_read__classes_in_the_order_of_the_file(tmp_path: Path) -> None:
    raw = read_table(put(tmp_path / "instances.json", SMALL))
    prepared = prepare(raw, Plan("x", guess_columns(raw)))
    assert prepared.ok and prepared.dataset is not None
    assert prepared.dataset.classes == ("cat", "dog", "cow")
    assert prepared.dataset.row_ids.tolist() == ["10", "11"]


def test_read__without_boxes(tmp_path: Path) -> None:
    annotations = [{"id": "x1", "image_id": 1, "category_id": 3, "caption": "a cat"}]
    raw = read_table(put(tmp_path / "a.json", {**SMALL, "annotations": annotations}))
    assert raw.frame.drop(columns="split").to_dict("list") == {
        "id": ["x1"], "image_id": [1], "path": ["a.png"], "label": ["cat"], "caption": ["a cat"]
    }  # fmt: skip


def test_read__what_does_not_fit_is_told(tmp_path: Path) -> None:
    annotations = [
        {"id": 1, "image_id": 99, "category_id": 3, "bbox": [1, 2, 3, 4]},
        {"id": 2, "image_id": 1, "category_id": 99, "bbox": [1, 2, 3]},
        {"id": 3, "image_id": 1, "category_id": "3", "bbox": [1, 2, 3, 4]},
    ]
    raw = read_table(put(tmp_path / "a.json", {**SMALL, "annotations": annotations}))
    assert raw.frame["label"].isna().tolist() == [False, True, True]
    assert raw.frame["path"].isna().tolist() == [True, False, False]
    assert raw.frame["x"].isna().tolist() == [False, True, False]
    assert [(p.found, p.row, p.count) for p in raw.problems if p.severity == "warning"] == [
        ("annotation: its image_id is not among the images", 1, 1),
        ("annotation: its category_id is not among the categories: no label", 2, 2),
        ("annotation: its bbox is not four numbers", 2, 1),
    ]


def test_read__categories_of_one_name(tmp_path: Path) -> None:
    categories = [{"id": 3, "name": "cat"}, {"id": 7, "name": "cat"}]
    raw = read_table(put(tmp_path / "a.json", {**SMALL, "categories": categories}))
    assert raw.frame["label"].tolist() == ["cat (7)", "cat (3)"]
    assert "categories with one name and several ids, told apart: 'cat'" in raw.problems[0].found


@pytest.mark.parametrize(
    "box", [[1, 2, float("nan"), 4], [1, 2, float("inf"), 4], [1, 2, 10**400, 4], [1, 2, True, 4]]
)
def test_read__numbers_that_are_no_box(tmp_path: Path, box: list[Any]) -> None:
    annotations = [{"id": 1, "image_id": 1, "category_id": 3, "bbox": box}]
    raw = read_table(put(tmp_path / "a.json", {**SMALL, "annotations": annotations}))
    assert raw.frame[["x", "y", "w", "h"]].isna().all(axis=None)
    assert "annotation: its bbox is not four numbers" in [p.found for p in raw.problems]


def test_read__ids_that_only_some_annotations_have(tmp_path: Path) -> None:
    annotations = [{"image_id": 1, "category_id": 3}, {"id": 5, "image_id": 1, "category_id": 3}]
    raw = read_table(put(tmp_path / "a.json", {**SMALL, "annotations": annotations}))
    assert raw.frame["id"].fillna(0).tolist() == [0, 5]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"categories": [{"id": i, "name": n} for i, n in ((1, "cat"), (2, "cat"), (3, "cat (1)"))]},
            r"column categories: two categories that would both be called 'cat \(1\)'",
        ),
        ({"categories": [{"id": 3, "name": "\ud800"}]}, "half of a surrogate pair"),
        ({"categories": None}, "there is no list 'categories'"),
        ({"annotations": [1]}, "entry 1 of 'annotations' is a int"),
        (
            {"images": [{"id": 1, "file_name": "a"}, {"id": 1, "file_name": "b"}]},
            "id 1 is there twice in 'images'",
        ),
        ({"categories": [{"id": 1}]}, "entry 1 of 'categories' has no id or no name"),
    ],
)
def test_read__refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_table(put(tmp_path / "a.json", {**SMALL, **change}))
    assert caught.value.problems[0].file == "a.json"


def test_read__ids_that_occur_twice_stop_the_import(tmp_path: Path) -> None:
    annotations = [{**SMALL["annotations"][0]}, {**SMALL["annotations"][0]}]
    raw = read_table(put(tmp_path / "a.json", {**SMALL, "annotations": annotations}))
    prepared = prepare(raw, Plan("x", guess_columns(raw)))
    assert not prepared.ok and "ids that occur more than once: '10'" in prepared.problems[0].found


@pytest.mark.parametrize(
    ("file", "images"),
    [
        ("instances.json", "images"),
        ("instances.json", "."),
        ("instances.json", "images/val2017"),
        ("instances.json", "val"),
        ("annotations/instances.json", "images"),
    ],
)
def test_read__folder_and_where_its_pictures_are(tmp_path: Path, file: str, images: str) -> None:
    root = tmp_path / "set"
    put(root / file, SMALL)
    for name in "abc":
        (root / images).mkdir(parents=True, exist_ok=True)
        (root / images / f"{name}.png").write_bytes(b"picture")
    raw = read_table(root)
    assert raw.source.path == root / file and raw.media_root == root / images
    prepared = prepare(raw, Plan("x", guess_columns(raw)))
    assert prepared.dataset is not None and prepared.dataset.media_hash is not None
    assert (prepared.dataset.media_hash != "").all()


def test_read__names_that_lead_out_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"secret")
    images = [{"id": 1, "file_name": "../secret.png"}, {"id": 2, "file_name": "/etc/passwd"}]
    raw = read_table(put(tmp_path / "set" / "a.json", {**SMALL, "images": images}))
    prepared = prepare(raw, Plan("x", guess_columns(raw)))
    assert prepared.dataset is not None and prepared.dataset.media_hash is not None
    assert prepared.dataset.media_hash.tolist() == ["", ""]


def test_read__several_files_in_one_folder(tmp_path: Path) -> None:
    put(tmp_path / "d" / "train.json", SMALL)
    put(tmp_path / "d" / "val.json", SMALL)
    with pytest.raises(InputError, match=r"2 COCO files: train\.json, val\.json"):
        read_table(tmp_path / "d")


@pytest.mark.parametrize("order", [list(SMALL), list(SMALL)[::-1]])
@pytest.mark.parametrize("name", ["a.json", "a.csv", "a"])
def test_sniff__by_the_bytes_alone(tmp_path: Path, order: list[str], name: str) -> None:
    path = put(tmp_path / name, {key: SMALL[key] for key in order})
    assert [f.name for f in formats().values() if f.sniff(path, path.read_bytes())] == ["coco"]


@pytest.mark.parametrize(
    "value",
    [
        [{"images": [{"file_name": "a"}]}],
        {"images": [{"src": "a"}], "data": [{"text": "x"}]},
        {"data": [{"text": "images"}]},
        {"annotations": []},
    ],
)
def test_sniff__other_json_is_none(tmp_path: Path, value: Any) -> None:
    path = put(tmp_path / "a.json", value)
    assert not coco.sniff(path, path.read_bytes())


def test_read__real_boxes(shared_data: Path) -> None:
    raw = read_table(shared_data / "detection_bccd" / "instances.json")
    prepared = prepare(raw, Plan("bccd", guess_columns(raw)))
    assert prepared.ok and prepared.dataset is not None and prepared.dataset.media_hash is not None
    assert len(prepared.dataset) == 4_888 and prepared.dataset.classes == ("RBC", "WBC", "Platelets")
    assert (prepared.dataset.media_hash != "").all()
    degenerate = [p for p in prepared.problems if "no width or no height" in p.found]
    assert [p.count for p in degenerate] == [2]
