"""Archives and picture layouts from the command line: in, and out again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

from core.cli import main
from core.settings import Settings
from core.workspace import Workspace

from .image_layouts import coco, put, tarred


def pictures(folder: Path, *names: str) -> Path:
    for i, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (i * 20, 0, 0)).save(folder / name)
    return folder


def audit(path: Path, workspace: Path) -> None:
    assert main(["audit", str(path), "--no-model", "--workspace", str(workspace)]) == 0


def test_audit__zipped_image_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = pictures(tmp_path / "d", "cat/1.png", "cat/2.png", "dog/3.png", "dog/4.png")
    shutil.make_archive(str(tmp_path / "pets"), "zip", folder)
    audit(tmp_path / "pets.zip", tmp_path / "w")
    assert "pets: 4 rows, 2 classes" in capsys.readouterr().out
    project = Workspace(Settings(tmp_path / "w", (tmp_path,), "", "ann")).open("pets")
    assert project.dataset.media_hash is not None and (project.dataset.media_hash != "").all()
    assert (
        main(["export", "pets", "--out", str(tmp_path / "out.csv"), "--workspace", str(tmp_path / "w")]) == 0
    )
    assert (tmp_path / "out.csv").read_text().splitlines()[:2] == ["path,label", "cat/1.png,cat"]


def test_audit__refused_archive_leaves_no_data_set(
    tmp_path: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = shared_data / "hostile" / "archives" / "zip_slip.zip"
    assert main(["audit", str(path), "--no-model", "--workspace", str(tmp_path / "w")]) == 1
    assert "zip_slip.zip" in capsys.readouterr().err
    assert Workspace(Settings(tmp_path / "w", (tmp_path,), "", "ann")).names() == []
    assert list((tmp_path / "w" / "unpacked").iterdir()) == []


def test_export__coco_and_webdataset_without_decisions(tmp_path: Path) -> None:
    boxes = coco(pictures(tmp_path / "c", "0.png", "1.png", "2.png") / "boxes.json", ["cat", "dog", "cat"])
    data = pictures(tmp_path / "t", "1.png", "2.png")
    files: dict[str, str | bytes] = {}
    for i, label in ((1, "cat"), (2, "dog")):
        files |= {f"{i}.png": (data / f"{i}.png").read_bytes(), f"{i}.cls": label}
    shard = tarred(tmp_path / "shard.tar", files)
    for path in (boxes, shard):
        audit(path, tmp_path / "w")
        out = tmp_path / f"out{path.suffix}"
        assert main(["export", path.stem, "--out", str(out), "--workspace", str(tmp_path / "w")]) == 0
        assert out.read_bytes() == path.read_bytes()
    workspace = Workspace(Settings(tmp_path / "w", (tmp_path,), "", "ann"))
    hashes = workspace.open("shard").dataset.media_hash
    assert hashes is not None and (hashes != "").all()


def test_audit__a_damaged_zip_is_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = put(tmp_path / "d", {"cat/1.png": b"x" * 5000, "dog/2.png": b"y" * 5000})
    shutil.make_archive(str(tmp_path / "pets"), "zip", folder)
    data = bytearray((tmp_path / "pets.zip").read_bytes())
    data[data.index(b"1.png") + 10] ^= 0xFF
    (tmp_path / "pets.zip").write_bytes(data)
    assert main(["audit", str(tmp_path / "pets.zip"), "--no-model", "--workspace", str(tmp_path / "w")]) == 1
    assert "pets.zip: the archive is damaged" in capsys.readouterr().err
