from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pandas as pd
import pytest

from core import known_hashes as known_hashes_module
from core.known_hashes import known_hashes
from core.preflight.image_files import hash_images
from core.progress import Cancelled, Progress


def test_hash_images__only_files_inside(tmp_path: Path) -> None:
    root = tmp_path / "images"
    (root / "a").mkdir(parents=True)
    (root / "a" / "ok.png").write_bytes(b"picture")
    (tmp_path / "secret.png").write_bytes(b"secret")
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    paths = ["a/ok.png", "./a/../a/ok.png", "../secret.png", "link.png", str(tmp_path / "secret.png"),
             "http://x.invalid/a.png", "a", "missing.png", "ok\x00.png", "/dev/zero", "", None]  # fmt: skip
    column = pd.Series(paths, dtype="str", name="path")
    with known_hashes(None) as known:
        hashes, problems = hash_images(root, column, "t.csv", known, Progress())
    digest = hashlib.sha256(b"picture").hexdigest()
    assert hashes.tolist() == [digest, digest, *[""] * 10]
    assert {p.severity for p in problems} == {"warning"} and {p.column for p in problems} == {"path"}
    assert sum(p.count for p in problems) == 10
    assert {(p.row, p.count) for p in problems} == {(3, 3), (4, 4), (6, 1), (11, 2)}


def test_hash_images__goes_on_where_it_was_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(600):
        file = tmp_path / f"{number}.png"
        file.write_bytes(str(number).encode())
        os.utime(file, (1_700_000_000, 1_700_000_000))
    read: list[Path] = []
    digest = known_hashes_module.file_sha256
    monkeypatch.setattr(known_hashes_module, "file_sha256", lambda p, _=None: read.append(p) or digest(p))
    paths = pd.Series([f"{i}.png" for i in range(600)], dtype="str", name="path")
    progress = Progress(lambda fraction, _: progress.cancel() if fraction > 0.3 else None)
    with pytest.raises(Cancelled), known_hashes(tmp_path / "h.db") as known:
        hash_images(tmp_path, paths, "t.csv", known, progress)
    assert 200 <= len(read) < 600
    with known_hashes(tmp_path / "h.db") as known:
        hashes, problems = hash_images(tmp_path, paths, "t.csv", known, Progress())
    assert hashes.tolist() == [hashlib.sha256(str(i).encode()).hexdigest() for i in range(600)]
    assert len(read) == len(set(read)) == 600 and problems == []
