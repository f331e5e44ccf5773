from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from core import known_hashes as module
from core.known_hashes import known_hashes
from core.progress import Progress

LONG_AGO = 1_700_000_000


def written(path: Path, content: bytes, changed: int = LONG_AGO) -> Path:
    path.write_bytes(content)
    os.utime(path, (changed, changed))
    return path


def counting(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    read: list[str] = []

    def digest(path: Path, progress: Progress | None = None) -> str:
        read.append(path.name)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    monkeypatch.setattr(module, "file_sha256", digest)
    return read


def test_sha256__reads_a_file_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = counting(monkeypatch)
    file = written(tmp_path / "a", b"one")
    for _ in range(2):
        with known_hashes(tmp_path / "h.db") as known:
            assert known.sha256(file) == hashlib.sha256(b"one").hexdigest()
    assert read == ["a"]
    written(file, b"two", LONG_AGO + 1)
    with known_hashes(tmp_path / "h.db") as known:
        assert known.sha256(file) == hashlib.sha256(b"two").hexdigest()
    replaced = written(tmp_path / "b", b"six", LONG_AGO + 1)
    replaced.rename(file)  # same path, size and time: the file's number tells
    with known_hashes(tmp_path / "h.db") as known:
        assert known.sha256(file) == hashlib.sha256(b"six").hexdigest()


def test_sha256__a_file_that_has_just_changed_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = counting(monkeypatch)
    file = tmp_path / "a"
    file.write_bytes(b"one")
    with known_hashes(None) as known:
        assert known.sha256(file) == known.sha256(file)
    assert read == ["a", "a"]


def test_known_hashes__kept_though_the_work_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = counting(monkeypatch)
    file = written(tmp_path / "a", b"one")
    with pytest.raises(RuntimeError), known_hashes(tmp_path / "h.db") as known:
        known.sha256(file)
        raise RuntimeError
    with known_hashes(tmp_path / "h.db") as known:
        known.sha256(file)
    assert read == ["a"]


def test_sha256__odd_names(tmp_path: Path) -> None:
    file = written(tmp_path / os.fsdecode(b"\xff'; DROP TABLE hashes; --"), b"one")
    with known_hashes(None) as known:
        assert known.sha256(file) == known.sha256(file) == hashlib.sha256(b"one").hexdigest()


def test_known_hashes__a_damaged_file_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "h.db").write_bytes(b"no database at all" * 100)
    with known_hashes(tmp_path / "h.db") as known:
        file = written(tmp_path / "a", b"one")
        assert known.sha256(file) == hashlib.sha256(b"one").hexdigest()


def test_known_hashes__a_file_that_cannot_be_opened_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "h.db").mkdir()
    with pytest.raises(OSError, match="unable to open database file"), known_hashes(tmp_path / "h.db"):
        pass
