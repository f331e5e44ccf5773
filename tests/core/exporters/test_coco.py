from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.corrections import correct
from core.errors import InputError
from core.export_check import verify_export
from core.exporting import write_export
from core.review.classes import class_list
from core.review.decisions import Action
from core.review.policy import Outcomes

from .conftest import decide, load, plan

SMALL = (
    b'\xef\xbb\xbf{"info": {"annotations": [{"id": 0, "category_id": 3}]},\n'
    b' "annotations" : [\n'
    b'  {"id": 10, "image_id": 2, "category_id" : 7 , "bbox": [1, 2.50, 3, 4], "note": "caf\xc3\xa9"},\n'
    b'  {"segmentation": [{"category_id": 9}], "category_id": 3, "image_id": 1, "id": 11, "bbox": [5]},\n'
    b'  {"id": 12, "image_id": 1, "bbox": [5, 6, 7, 8]}\n'
    b" ],\n"
    b' "categories": [{"id": 3, "name": "cat"}, {"id": 7, "name": "caf\\u00e9"} ],\n'
    b' "images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "b.png"}]}\n\n'
)


@pytest.fixture
def small(written: Callable[[str, bytes], Path]) -> Path:
    return written("small.json", SMALL)


def test_write__no_decisions_is_the_identity(small: Path, tmp_path: Path) -> None:
    summary = write_export(plan(load(small, "coco")), tmp_path / "out.json")
    assert summary.format == "coco" and summary.path.read_bytes() == SMALL


def test_write__only_the_category_of_the_corrected_annotation(small: Path, tmp_path: Path) -> None:
    corrections = plan(load(small, "coco"), {0: "cat"})
    summary = write_export(corrections, tmp_path / "out.json")
    assert summary.path.read_bytes() == SMALL.replace(b'"category_id" : 7 ,', b'"category_id" : 3 ,')
    checked = verify_export(corrections, summary)
    assert (checked.changed, checked.unexpected) == (1, 0)


def test_write__annotation_without_a_category_gets_one(small: Path, tmp_path: Path) -> None:
    summary = write_export(plan(load(small, "coco"), {2: "café"}), tmp_path / "out.json")
    assert summary.path.read_bytes() == SMALL.replace(
        b'1, "bbox": [5, 6, 7, 8]}\n', b'1, "bbox": [5, 6, 7, 8], "category_id": 7}\n'
    )


def test_write__excluded_annotation_is_removed(small: Path, tmp_path: Path) -> None:
    corrections = plan(load(small, "coco"), {1: Action.EXCLUDE})
    summary = write_export(corrections, tmp_path / "out.json")
    line = SMALL.split(b"\n")[3] + b"\n"
    assert summary.path.read_bytes() == SMALL.replace(line, b"")
    assert verify_export(corrections, summary).ok


def test_write__new_class_becomes_a_category(small: Path, tmp_path: Path) -> None:
    loaded = load(small, "coco")
    decided = decide(loaded[0], 1, "cöw")
    classes = class_list((*loaded[0].classes, "cöw"))
    corrections = correct(*loaded, Outcomes({decided.row_id: decided}, classes))
    write_export(corrections, tmp_path / "out.json")
    found = (tmp_path / "out.json").read_bytes()
    assert found == SMALL.replace(b'"category_id": 3, "image_id"', b'"category_id": 8, "image_id"').replace(
        b'"caf\\u00e9"} ]', b'"caf\\u00e9"}, {"id": 8, "name": "c\xc3\xb6w"} ]'
    )
    assert json.loads(found.decode("utf-8-sig"))["annotations"][1]["category_id"] == 8


def test_write__first_category_of_a_file_without_any(
    written: Callable[[str, bytes], Path], tmp_path: Path
) -> None:
    source = (
        b'{"annotations": [{"id": 1, "image_id": 1, "category_id": null}], "categories": [ ],\n'
        b' "images": [{"id": 1, "file_name": "a.png"}]}'
    )
    dataset, where = load(written("a.json", source), "coco")
    decided = decide(dataset, 0, "cat")
    corrections = correct(dataset, where, Outcomes({decided.row_id: decided}, class_list(("cat",))))
    summary = write_export(corrections, tmp_path / "out.json")
    assert summary.path.read_bytes() == source.replace(b"null", b"1").replace(
        b"[ ]", b'[{"id": 1, "name": "cat"} ]'
    )
    assert verify_export(corrections, summary).ok


def test_write__marks_and_added_members(small: Path, tmp_path: Path) -> None:
    corrections = plan(load(small, "coco"), {0: "cat", 1: Action.EXCLUDE}, excluded="mark", add=("decision",))
    summary = write_export(corrections, tmp_path / "out.json")
    records = json.loads(summary.path.read_text("utf-8-sig"))["annotations"]
    assert [(r["decision"], r["excluded"]) for r in records] == [
        ("relabel", False),
        ("exclude", True),
        (None, False),
    ]
    assert verify_export(corrections, summary).ok


def test_write__wrong_row_is_never_written(small: Path, tmp_path: Path) -> None:
    dataset, source = load(small, "coco")
    dataset.table["label"] = dataset.table["label"].replace({"café": "cat", "cat": "café"})
    with pytest.raises(InputError, match="the source has 'café' where the data set has 'cat'"):
        write_export(plan((dataset, source), {0: "cat"}), tmp_path / "out.json")
    assert not (tmp_path / "out.json").exists()


def test_write__other_sources_cannot_become_coco(
    written: Callable[[str, bytes], Path], tmp_path: Path
) -> None:
    loaded = load(written("a.csv", b"id,label\n1,x\n"))
    with pytest.raises(InputError, match="COCO annotations \\(JSON\\) can only be written from such a file"):
        write_export(plan(loaded), tmp_path / "out.json", "coco")


def test_write__real_boxes(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "detection_bccd" / "instances.json"
    loaded = load(path, "coco")
    chosen = np.random.default_rng(0).choice(len(loaded[0]), 300, replace=False).tolist()
    choices: dict[int, str | Action] = dict.fromkeys(chosen[:100], Action.EXCLUDE)
    choices |= dict.fromkeys(chosen[100:], "WBC")
    corrections = plan(loaded, choices)
    summary = write_export(corrections, tmp_path / "out.json")
    assert verify_export(corrections, summary).examples == ()
    before, after = json.loads(path.read_text()), json.loads(summary.path.read_text())
    for position in chosen[100:]:
        before["annotations"][position]["category_id"] = 2
    before["annotations"] = [a for p, a in enumerate(before["annotations"]) if p not in set(chosen[:100])]
    assert after == before
    assert write_export(plan(loaded), tmp_path / "same.json").path.read_bytes() == path.read_bytes()
