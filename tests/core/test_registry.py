from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.registry import collect


@dataclass(frozen=True)
class Thing:
    name: str


def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, files: dict[str, str]):
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    for file, text in files.items():
        (folder / file).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    __import__(name)
    return sys.modules[name]


HEAD = "from tests.core.test_registry import Thing\n"


def test_collect__finds_one_a_file_in_name_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = collect(
        package(
            tmp_path,
            monkeypatch,
            "things_ok",
            {
                "b.py": HEAD + "T = Thing('b')",
                "a.py": HEAD + "T = Thing('a')",
                "_base.py": "raise RuntimeError",
            },
        ),
        Thing,
    )
    assert found == {"a": Thing("a"), "b": Thing("b")}
    assert list(found) == ["a", "b"]


def test_collect__refuses_one_name_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    twice = package(
        tmp_path,
        monkeypatch,
        "things_twice",
        {"a.py": HEAD + "T = Thing('x')", "b.py": HEAD + "T = Thing('x')"},
    )
    with pytest.raises(ValueError, match=r"things_twice\.a and things_twice\.b both define 'x'"):
        collect(twice, Thing)
