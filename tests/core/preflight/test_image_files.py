from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd

from core.preflight.image_files import hash_images
from core.progress import Progress


def test_hash_images__only_files_inside(tmp_path: Path) -> None:
    root = tmp_path / "images"
    (root / "a").mkdir(parents=True)
    (root / "a" / "ok.png").write_bytes(b"picture")
    (tmp_path / "secret.png").write_bytes(b"secret")
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    paths = ["a/ok.png", "./a/../a/ok.png", "../secret.png", "link.png", str(tmp_path / "secret.png"),
             "http://x.invalid/a.png", "a", "missing.png", "ok\x00.png", "/dev/zero", "", None]  # fmt: skip
    hashes, problems = hash_images(root, pd.Series(paths, dtype="str", name="path"), "t.csv", Progress())
    digest = hashlib.sha256(b"picture").hexdigest()
    assert hashes.tolist() == [digest, digest, *[""] * 10]
    assert {p.severity for p in problems} == {"warning"} and {p.column for p in problems} == {"path"}
    assert sum(p.count for p in problems) == 10
    assert {(p.row, p.count) for p in problems} == {(3, 3), (4, 4), (6, 1), (11, 2)}
