"""Folders of pictures and masks; what other formats keep."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.corrections import ExportOptions, correct
from core.exporting import write_export
from core.loading import read_table
from core.reading import formats
from core.review.classes import class_list
from core.review.decisions import Action, Decision
from core.review.policy import Outcomes

from ..image_layouts import put, yolo
from ..mask_sets import loaded, mask_folder, write_png

MASK = np.zeros((4, 4), np.uint8)


def claimed(folder: Path) -> list[str]:
    return [name for name, format in formats().items() if format.sniff(folder, b"")]


def test_read__columns_and_rows(tmp_path: Path) -> None:
    raw = read_table(mask_folder(tmp_path / "set", 3))
    assert raw.frame.iloc[1].to_dict() == {
        "path": "images/001.png",
        "mask": "masks/001.png",
        "predicted_mask": "predictions/001.png",
        "mask_confidence": "confidences/001.png",
    }
    assert raw.problems == ()


@pytest.mark.parametrize("layout", ["{0}/images/a.png|{0}/labels/a.png", "images/{0}/a.jpg|masks/{0}/a.png"])
def test_read__splits(tmp_path: Path, layout: str) -> None:
    for split in ("train", "val"):
        for name in layout.format(split).split("|"):
            write_png(tmp_path / name, MASK)
    assert claimed(tmp_path) == ["mask_folder"]
    raw = read_table(tmp_path)
    assert raw.frame["split"].tolist() == ["train", "val"]
    assert list(raw.frame.columns) == ["path", "mask", "split"] and (raw.frame["mask"] != "").all()


def test_read__what_belongs_to_no_row_is_told_and_a_row_may_lack_its_mask(tmp_path: Path) -> None:
    root = mask_folder(tmp_path / "set", 4)
    (root / "masks" / "002.png").unlink()
    write_png(root / "masks" / "009.png", MASK)
    raw = read_table(root)
    assert raw.frame["mask"].tolist() == ["masks/000.png", "masks/001.png", "", "masks/003.png"]
    assert [p.found for p in raw.problems] == [
        "picture or mask that belongs to no row, left out: 'masks/009.png'"
    ]


def test_sniff__leaves_other_layouts_alone(tmp_path: Path) -> None:
    assert claimed(yolo(tmp_path / "yolo", ["cat", "dog"])) == ["yolo"]
    classes = put(tmp_path / "classes", {"images/1.png": b"\x89PNG", "masks/2.png": b"\x89PNG"})
    assert claimed(classes) == ["image_folder"]
    colours = tmp_path / "colours"
    for name in ("images", "masks"):  # a class called masks, of photographs
        (colours / name).mkdir(parents=True)
        Image.new("RGB", (4, 4)).save(colours / name / "1.png")
    assert claimed(colours) == ["image_folder"]
    listed = mask_folder(tmp_path / "listed", 2)
    (listed / "metadata.csv").write_text("file_name,label\nimages/000.png,cat\n")
    assert claimed(listed) == ["image_folder"]
    assert claimed(mask_folder(tmp_path / "set", 2)) == ["mask_folder"]


def test_sniff__a_link_out_of_the_folder_is_no_mask(tmp_path: Path) -> None:
    write_png(tmp_path / "secret.png", MASK)
    write_png(tmp_path / "set" / "images" / "a.png", MASK)
    (tmp_path / "set" / "masks").mkdir()
    (tmp_path / "set" / "masks" / "a.png").symlink_to(tmp_path / "secret.png")
    assert "mask_folder" not in claimed(tmp_path / "set")


def test_export__excluded_rows_go_and_masks_stay(tmp_path: Path) -> None:
    root = mask_folder(tmp_path / "set", 3)
    dataset, source = loaded(root), read_table(root).source
    gone = Decision("masks", "images/001.png", Action.EXCLUDE, "ann", "", "op1", None, "", "")
    outcomes = Outcomes({"images/001.png": gone}, class_list(dataset.classes, []))
    made = correct(dataset, source, outcomes, ExportOptions())
    out = tmp_path / "out.csv"
    write_export(made, out)
    assert out.read_text().splitlines() == [
        "path,mask,predicted_mask,mask_confidence",
        "images/000.png,masks/000.png,predictions/000.png,confidences/000.png",
        "images/002.png,masks/002.png,predictions/002.png,confidences/002.png",
    ]
