"""Files that appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.files import staged


def test_staged__renames_all_at_the_end(tmp_path: Path) -> None:
    with staged(tmp_path / "a", tmp_path / "b") as (one, two):
        one.write_text("1")
        two.write_text("2")
        assert not (tmp_path / "a").exists()
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"a": "1", "b": "2"}


def test_staged__failure_leaves_the_old_files_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with pytest.raises(OSError, match="full"), staged(tmp_path / "a", tmp_path / "b") as (one, _):
        one.write_text("1")
        raise OSError("full")
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"a": "old"}
