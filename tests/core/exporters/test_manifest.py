"""The manifest of an image folder."""

from __future__ import annotations

from pathlib import Path

from core.exporters.manifest import MANIFEST
from core.progress import Progress
from core.review.decisions import Action

from .conftest import load, plan


def test_write__path_label_split_and_decisions(tmp_path: Path) -> None:
    for name in ("train/cat/a, b.png", "train/dog/b.png", "test/cat/c.png", "test/dog/d.png"):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\x89PNG")
    loaded = load(tmp_path / "images", "image_folder")
    corrections = plan(loaded, {2: "dog", 3: Action.EXCLUDE}, add=("given_label", "decision"))
    MANIFEST.write(corrections, tmp_path / "out", Progress())
    assert (tmp_path / "out").read_text() == (
        "path,label,split,given_label,decision\n"
        "test/cat/c.png,cat,test,cat,\n"
        "test/dog/d.png,dog,test,dog,\n"
        '"train/cat/a, b.png",dog,train,cat,relabel\n'
    )
