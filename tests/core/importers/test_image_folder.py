from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.errors import InputError
from core.importers.image_folder import read
from core.progress import Progress


def make(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"picture")
    return root


def test_read__class_folders(tmp_path: Path) -> None:
    root = make(tmp_path / "d", "dog/2.JPG", "cat/b/1.png", "cat/0.png", "top.png")
    make(root, "cat/.DS_Store", "cat/Thumbs.db", ".hidden/x.png", "cat/notes.txt")
    raw = read(root, Progress())
    assert raw.frame.to_dict("list") == {
        "path": ["cat/0.png", "cat/b/1.png", "dog/2.JPG", "top.png"],
        "label": ["cat", "cat", "dog", ""],
    }
    assert raw.source.layout == {"classes": ["cat", "dog"], "splits": False}
    assert raw.source.size == 4
    assert [(p.severity, p.found) for p in raw.problems] == [
        ("notice", "file that is no image, left out: 'cat/notes.txt'")
    ]


def test_read__split_folders(tmp_path: Path) -> None:
    root = make(tmp_path / "d", "train/cat/1.png", "test/dog/2.png")
    (root / "train" / "cow").mkdir()
    raw = read(root, Progress())
    assert raw.frame.to_dict("list") == {
        "path": ["test/dog/2.png", "train/cat/1.png"],
        "label": ["dog", "cat"],
        "split": ["test", "train"],
    }
    assert raw.source.layout == {"classes": ["cat", "cow", "dog"], "splits": True}


def test_read__train_beside_other_classes_is_a_class(tmp_path: Path) -> None:
    raw = read(make(tmp_path / "d", "train/1.png", "bus/2.png"), Progress())
    assert raw.frame["label"].tolist() == ["bus", "train"] and "split" not in raw.frame


def test_read__links_never_lead_out(tmp_path: Path) -> None:
    secret = make(tmp_path / "out", "secret.png") / "secret.png"
    root = make(tmp_path / "d", "a/real.png")
    (root / "a" / "outside.png").symlink_to(secret)
    (root / "a" / "within.png").symlink_to("real.png")
    (root / "a" / "loop").symlink_to(root)
    (root / "out").symlink_to(secret.parent)
    raw = read(root, Progress())
    assert raw.frame["path"].tolist() == ["a/real.png", "a/within.png"]
    (problem,) = raw.problems
    assert (problem.severity, problem.count) == ("warning", 3)
    assert "'a/loop', 'a/outside.png', 'out'" in problem.found


def test_read__pipes_are_left_out(tmp_path: Path) -> None:
    root = make(tmp_path / "d", "a/real.png")
    os.mkfifo(root / "a" / "pipe.png")
    raw = read(root, Progress())
    assert raw.frame["path"].tolist() == ["a/real.png"]
    assert raw.problems[0].found == "device or pipe, left out: 'a/pipe.png'"


def test_read__name_that_is_no_text(tmp_path: Path) -> None:
    root = make(tmp_path / "d", "a/real.png")
    try:
        (root / "a" / os.fsdecode(b"\xff.png")).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    raw = read(root, Progress())
    assert len(raw.frame) == 1 and "not UTF-8" in raw.problems[0].found


def test_read__no_images(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no images in this folder"):
        read(tmp_path, Progress())
