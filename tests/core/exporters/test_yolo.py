from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from core.errors import InputError
from core.export_check import verify_export
from core.exporting import write_export
from core.review.decisions import Action

from ..image_layouts import put
from .conftest import load, plan

LABELS: dict[str, str | bytes] = {
    "labels/train/a.txt": "1  0.5 0.50 0.1 0.2\r\n\r\n 0 0.1 0.1 0.1 0.1\r\n",
    "labels/train/b.txt": "10 .5 .5 .5 .5",
    "labels/val/c.txt": "",
    "labels/val/d.txt": "0 .5 .5 .5 .5\n",
}
NAMES = ["cat", "dog", *"abcdefgh", "cow"]
SMALL = {"classes.txt": "\n".join(NAMES), **LABELS}
SMALL |= {n.replace("labels", "images").replace(".txt", ".png"): b"x" for n in LABELS}


def unzipped(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_write__no_decisions_is_the_identity(tmp_path: Path) -> None:
    corrections = plan(load(put(tmp_path / "d", SMALL), "yolo"))
    summary = write_export(corrections, tmp_path / "out.zip")
    assert summary.format == "yolo" and unzipped(summary.path) == LABELS
    assert verify_export(corrections, summary).ok
    again = write_export(corrections, tmp_path / "again.zip")
    assert again.sha256 == summary.sha256


def test_write__only_the_class_numbers(tmp_path: Path) -> None:
    corrections = plan(load(put(tmp_path / "d", SMALL), "yolo"), {0: "cow", 2: "cat", 3: "dog"})
    summary = write_export(corrections, tmp_path / "out.zip")
    assert unzipped(summary.path) == {
        "labels/train/a.txt": "10  0.5 0.50 0.1 0.2\r\n\r\n 0 0.1 0.1 0.1 0.1\r\n",
        "labels/train/b.txt": "0 .5 .5 .5 .5",
        "labels/val/c.txt": "",
        "labels/val/d.txt": "1 .5 .5 .5 .5\n",
    }
    checked = verify_export(corrections, summary)
    assert (checked.changed, checked.unexpected) == (3, 0)


def test_write__lines_of_excluded_boxes_go(tmp_path: Path) -> None:
    corrections = plan(load(put(tmp_path / "d", SMALL), "yolo"), {0: Action.EXCLUDE, 2: Action.EXCLUDE})
    summary = write_export(corrections, tmp_path / "out.zip")
    assert unzipped(summary.path) == {
        **LABELS, "labels/train/a.txt": "\r\n 0 0.1 0.1 0.1 0.1\r\n", "labels/train/b.txt": ""
    }  # fmt: skip
    assert verify_export(corrections, summary).ok


def test_write__files_of_one_split(tmp_path: Path) -> None:
    loaded = load(put(tmp_path / "d", SMALL), "yolo", split="split")
    corrections = plan(loaded, {3: "dog"}, splits=("val",))
    summary = write_export(corrections, tmp_path / "out.zip")
    assert unzipped(summary.path) == {"labels/val/c.txt": "", "labels/val/d.txt": "1 .5 .5 .5 .5\n"}
    assert verify_export(corrections, summary).ok


def test_write__class_without_a_number(tmp_path: Path) -> None:
    files = {**SMALL, "labels/val/d.txt": "11 .5 .5 .5 .5\n"}
    loaded = load(put(tmp_path / "d", files), "yolo")
    summary = write_export(plan(loaded, {0: "11"}), tmp_path / "out.zip")
    assert unzipped(summary.path)["labels/train/a.txt"].startswith("11  0.5")
    dataset, source = loaded
    source.layout["classes"].remove("cow")  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="row 1: the class 'cow' has no number"):
        write_export(plan((dataset, source), {0: "cow"}), tmp_path / "no.zip")
    assert not (tmp_path / "no.zip").exists()


def test_write__changed_source_is_refused(tmp_path: Path) -> None:
    loaded = load(put(tmp_path / "d", SMALL), "yolo")
    put(tmp_path / "d", {"labels/train/b.txt": "9 .5 .5 .5 .5"})
    with pytest.raises(InputError, match="the source has changed"):
        write_export(plan(loaded, {0: "cat"}), tmp_path / "out.zip")
