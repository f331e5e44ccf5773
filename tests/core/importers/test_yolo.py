from __future__ import annotations

import math
import shutil
from pathlib import Path

import pytest

from core.errors import InputError
from core.importers._yolo_names import yaml_names
from core.importers.yolo import boxes, label_file
from core.loading import Plan, guess_columns, prepare
from core.reading import formats, read_table

from ..image_layouts import put

SMALL = {
    "data.yaml": 'train: images\nnc: 2\nnames:\n  0: cat\n  1: "dog"\n',
    "images/a.png": b"picture a",
    "images/b.png": b"picture b",
    "images/c.png": b"picture c",
    "labels/a.txt": "1 0.5 0.50 0.1 0.2\r\n\r\n0 0.1 0.1 0.1 0.1\r\n",
    "labels/b.txt": "0 .5 .5 .5 .5",
    "labels/gone.txt": "0 .5 .5 .5 .5",
}


def said(raw) -> list[tuple[str, str, int]]:
    return [(p.severity, p.found, p.count) for p in raw.problems]


def test_read__one_row_for_each_box(tmp_path: Path) -> None:
    raw = read_table(put(tmp_path / "d", SMALL))
    assert raw.frame.to_dict("list") == {
        "box": ["images/a.png 0.5 0.50 0.1 0.2", "images/a.png 0.1 0.1 0.1 0.1", "images/b.png .5 .5 .5 .5"],
        "path": ["images/a.png", "images/a.png", "images/b.png"],
        "label": ["dog", "cat", "cat"],
        "x": [0.5, 0.1, 0.5],
        "y": [0.5, 0.1, 0.5],
        "w": [0.1, 0.1, 0.5],
        "h": [0.2, 0.1, 0.5],
    }
    assert said(raw) == [
        ("notice", "1 of 3 images have no label file and no row: 'images/c.png'", 1),
        ("warning", "label file without a picture, left out: 'labels/gone.txt'", 1),
    ]
    prepared = prepare(raw, Plan("d", guess_columns(raw)))
    assert prepared.ok and prepared.dataset is not None and prepared.dataset.media_hash is not None
    assert prepared.dataset.classes == ("cat", "dog") and (prepared.dataset.media_hash != "").all()
    assert prepared.dataset.row_ids[0] == "images/a.png 0.5 0.50 0.1 0.2"


def test_read__a_change_of_labels_or_names_is_another_source(tmp_path: Path) -> None:
    first = read_table(put(tmp_path / "d", SMALL)).source.sha256
    second = read_table(put(tmp_path / "d", {"labels/b.txt": "1 .5 .5 .5 .5"})).source.sha256
    third = read_table(put(tmp_path / "d", {"data.yaml": "names: [cow, dog]"})).source.sha256
    assert len({first, second, third}) == 3


def test_read__two_pictures_of_one_label_file(tmp_path: Path) -> None:
    folder = put(tmp_path / "d", {**SMALL, "images/a.jpg": b"another"})
    with pytest.raises(
        InputError, match=r"'images/a\.jpg' and 'images/a\.png' share the label file 'labels/a\.txt'.*rename"
    ):
        read_table(folder)


def test_read__ids_do_not_hang_on_lines(tmp_path: Path) -> None:
    before = read_table(put(tmp_path / "d", SMALL)).frame.set_index("box")["label"].to_dict()
    put(tmp_path / "d", {"labels/a.txt": "0 0.1 0.1 0.1 0.1\n0 0.9 0.9 0.1 0.1\n1 0.5 0.50 0.1 0.2\n"})
    after = read_table(tmp_path / "d").frame.set_index("box")["label"].to_dict()
    assert before.items() <= after.items() and len(after) == 4


@pytest.mark.parametrize(
    ("image", "label"),
    [
        ("images/train/a.jpg", "labels/train/a.txt"),
        ("train/images/a.b.jpg", "train/labels/a.b.txt"),
        ("images/images/a.jpg", "images/labels/a.txt"),
        ("other/a.jpg", None),
        ("images", None),
    ],
)
def test_label_file__beside_the_pictures(image: str, label: str | None) -> None:
    assert label_file(image) == label


@pytest.mark.parametrize(
    "layout", ["images/train/a.png labels/train/a.txt", "train/images/a.png train/labels/a.txt"]
)
def test_read__splits(tmp_path: Path, layout: str) -> None:
    image, label = layout.split()
    files = {
        image: b"x",
        label: "0 1 1 1 1",
        image.replace("train", "val"): b"x",
        label.replace("train", "val"): "0 1 1 1 1",
    }
    raw = read_table(put(tmp_path / "d", files))
    assert raw.frame["split"].tolist() == ["train", "val"] and guess_columns(raw).split == "split"
    assert raw.problems[0].found == "no data.yaml and no classes.txt: classes are called by their numbers"
    assert raw.frame["label"].tolist() == ["0", "0"]


def test_read__more_than_boxes_and_unknown_numbers(tmp_path: Path) -> None:
    lines = "0 .1 .1 .2 .2 .3 .3\n2 .5 .5 .5 .5 0.9\n"
    raw = read_table(put(tmp_path / "d", {**SMALL, "labels/a.txt": lines}))
    assert raw.frame["label"].tolist() == ["cat", "2", "cat"]
    assert [math.isnan(x) for x in raw.frame["x"]] == [True, False, False]
    assert [(s, c) for s, found, c in said(raw) if "more than a box" in found] == [("notice", 1)]
    assert [(s, c) for s, found, c in said(raw) if "beyond the 2 names" in found] == [("warning", 1)]


@pytest.mark.parametrize(
    "line",
    ["cat .1 .1 .1 .1", "0 .1 .1 .1", "0 .1 .1 .1 x", "-1 .1 .1 .1 .1", "0 nan .1 .1 .1", "0 inf .1 .1 .1"],
)
def test_read__line_that_is_no_box(tmp_path: Path, line: str) -> None:
    root = put(tmp_path / "d", {**SMALL, "labels/a.txt": "0 .1 .1 .1 .1\n\n" + line})
    with pytest.raises(InputError, match=r"labels/a\.txt, row 2: .* is no box\. Expected: a class number"):
        read_table(root)


def test_read__links_never_lead_out(tmp_path: Path) -> None:
    put(tmp_path, {"secret.txt": "0 .7 .7 .7 .7"})
    root = put(tmp_path / "d", SMALL)
    (root / "labels" / "c.txt").symlink_to(tmp_path / "secret.txt")
    assert "images/c.png" not in read_table(root).frame["path"].tolist()


def test_boxes__spans_of_lines_and_class_numbers() -> None:
    data = b" 1 .1 .1 .1 .1\r\n\n\t12 1 1 1 1"
    found = list(boxes(data, "a.txt"))
    assert [data[b.start : b.stop] for b in found] == [b"1", b"12"]
    assert [data[b.line_start : b.line_stop] for b in found] == [b" 1 .1 .1 .1 .1\r\n", b"\t12 1 1 1 1"]


@pytest.mark.parametrize(
    "text",
    [
        "names: [cat, 'a, b', it's]",
        "path: x\nnames: [cat, \"a, b\", 'it''s'] # three\nnc: 3\n",
        "names:\n- cat\n- 'a, b'\n- it's\nnc: 3\n",
        'names:\n  # comment\n  0: cat\n  1: "a, b"\n\n  2: it\'s # x\ntrain: y\n',
        "names: {0: cat, 2: it's, 1: 'a, b'}",
        "names: [cat,\n  'a, b',\n  it's,\n]\n",
    ],
)
def test_yaml_names__the_ways_they_are_written(text: str) -> None:
    assert yaml_names(text, "data.yaml") == ["cat", "a, b", "it's"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nc: 2", "there is no key 'names'"),
        ("names: *other", "names are not understood"),
        ("names: !!python/object:os.system [x]", "names are not understood"),
        ("names: [cat", "names are not understood"),
        ("names: [cat] dog", "names are not understood"),
        ("names: {1: cat, 2: dog}", "are not 0, 1, 2"),
        ("names: [[cat]]", "names are not understood"),
        ("names:\n  0: cat\n  1:\n", "names are not understood"),
    ],
)
def test_yaml_names__refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        yaml_names(text, "data.yaml")


def test_read__one_class_name_twice(tmp_path: Path) -> None:
    files = {**SMALL, "data.yaml": "names: [cat, cat]"}
    with pytest.raises(InputError, match=r"data\.yaml: the class 'cat' is there twice"):
        read_table(put(tmp_path / "d", files))


def test_sniff__one_format_a_folder(tmp_path: Path) -> None:
    yolo = put(tmp_path / "yolo", SMALL)
    splits = put(tmp_path / "splits", {"train/images/a.png": b"x", "train/labels/a.txt": ""})
    coco = put(tmp_path / "coco", {"a.json": '{"images": [{"id": 1, "file_name": "a.png"}]}', "a.png": b"x"})
    classes = put(tmp_path / "classes", {"images/a.png": b"x", "dogs/b.png": b"x"})
    found = {
        path.name: [f.name for f in formats().values() if f.sniff(path, b"")]
        for path in (yolo, splits, coco, classes)
    }
    assert found == {"yolo": ["yolo"], "splits": ["yolo"], "coco": ["coco"], "classes": ["image_folder"]}


def test_read_table__zipped(tmp_path: Path) -> None:
    shutil.make_archive(str(tmp_path / "set"), "zip", put(tmp_path / "d", SMALL))
    raw = read_table(tmp_path / "set.zip", unpack_to=tmp_path / "w")
    assert raw.source.format == "yolo" and raw.frame["label"].tolist() == ["dog", "cat", "cat"]
