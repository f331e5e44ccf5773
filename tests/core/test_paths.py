from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.paths import Within, inside


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """pictures/ with files, folders and links, within and out of it; reached by a link itself."""
    top = tmp_path_factory.mktemp("paths")
    real = top / "real"
    (real / "a" / "b").mkdir(parents=True)
    for name in ("ok.png", "a/ok.png", "a/b/ok.png", "a/od:d.png"):
        (real / name).write_bytes(b"x")
    (top / "secret.png").write_bytes(b"secret")
    (top / "outside").mkdir()
    (top / "outside" / "ok.png").write_bytes(b"secret")
    (real / "out.png").symlink_to(top / "secret.png")
    (real / "in.png").symlink_to(real / "a" / "ok.png")
    (real / "a" / "outside").symlink_to(top / "outside")
    (real / "a" / "again").symlink_to(real / "a" / "b")
    (real / "a" / "loop").symlink_to(real / "a" / "loop")
    (top / "pictures").symlink_to(real)
    return top / "pictures"


PARTS = st.sampled_from(
    ["a", "b", "ok.png", "out.png", "in.png", "outside", "again", "loop", "od:d.png", "..", ".", "", "real",
     "secret.png", "missing", "C:", "\0", "~", "pictures"]
)  # fmt: skip


@given(st.lists(PARTS, max_size=5), st.sampled_from(["/", "//", "\\"]))
def test_within__is_inside_for_any_path(root: Path, parts: list[str], between: str) -> None:
    within, relative = Within(root), between.join(parts)
    assert within.file(relative) == within.file(relative) == inside(root, relative)


def test_within__files_and_links_of_one_folder(root: Path) -> None:
    within, real = Within(root), root.resolve()
    found = [
        within.file(p) for p in ("a/ok.png", "a/again/ok.png", "in.png", "out.png", "a/outside/ok.png", "a/b")
    ]
    assert found == [real / "a/ok.png", real / "a/b/ok.png", real / "a/ok.png", None, None, None]


def test_within__a_file_that_became_a_link_is_looked_at_again(root: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "in" / "x").write_bytes(b"x")
    within = Within(tmp_path / "in")
    assert within.file("x") == (tmp_path / "in" / "x").resolve()
    (tmp_path / "in" / "x").unlink()
    (tmp_path / "in" / "x").symlink_to(tmp_path / "secret")
    assert within.file("x") is None
