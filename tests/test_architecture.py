"""Imports run one way. Seen to fail: see the planted cases at the end."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

ABOVE_THE_DATA = ("core.cache", "core.review", "core.workspace", "core.audit", "core.server", "core.cli")
# folder -> top-level names (or prefixes of project modules) that its files must not import
FORBIDDEN = {
    "core/methods": ("core.cache", "core.review", "core.workspace", "core.issues", "core.checks"),
    "core/preflight": ABOVE_THE_DATA,
    "core": ("streamlit", "pages", "app"),
    "pages": ("sqlalchemy", "cleanlab", "sklearn", "starlette"),
    "core/checks": ABOVE_THE_DATA,
    "core/importers": ABOVE_THE_DATA,
    "core/exporters": ("core.cache", "core.workspace", "core.audit", "core.server", "core.cli"),
    "core/review": ("core.cli",),
}
# the ground floor: what these modules may import from the project
GROUND = {
    "core/errors.py": (),
    "core/progress.py": (),
    "core/multilabel.py": (),
    "core/flags.py": (),
    "core/boxes.py": (),
    "core/masks.py": (),
    "core/sentences.py": (),
    "core/targets.py": ("core.errors",),
    "core/dataset.py": (
        "core.errors",
        "core.multilabel",
        "core.flags",
        "core.boxes",
        "core.masks",
        "core.sentences",
        "core.targets",
    ),
    "core/predictions.py": ("core.errors",),
    "core/issues.py": ("core.dataset", "core.predictions", "core.progress"),
}


def imports(source: str) -> set[str]:
    """Every module that a file imports, at any depth, relative imports included as written."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            found.add(module)
            found.update(f"{module}.{alias.name}" for alias in node.names)
    return found


def violations(source: str, forbidden: tuple[str, ...]) -> list[str]:
    return sorted(m for m in imports(source) if any(m == f or m.startswith(f + ".") for f in forbidden))


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_folder__imports_nothing_forbidden(folder: str) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    found = {str(f.relative_to(ROOT)): violations(f.read_text(), FORBIDDEN[folder]) for f in files}
    assert {name: bad for name, bad in found.items() if bad} == {}


@pytest.mark.parametrize("name", GROUND)
def test_ground_floor__imports_only_what_lies_below(name: str) -> None:
    project = {m for m in imports((ROOT / name).read_text()) if m.startswith("core")}
    allowed = GROUND[name]
    assert {m for m in project if not any(m == a or m.startswith(a + ".") for a in allowed)} == set()


def test_no_star_or_relative_imports() -> None:
    for folder in ("core", "pages"):
        for file in (ROOT / folder).rglob("*.py"):
            bad = {m for m in imports(file.read_text()) if m.startswith(".") or m.endswith(".*")}
            assert bad == set(), file


def test_files__stay_readable() -> None:
    lengths = {
        f: len(f.read_text().splitlines()) for d in ("core", "pages") for f in (ROOT / d).rglob("*.py")
    }
    assert {f.name: n for f, n in lengths.items() if n > 400} == {}
    scripts = {f.name: n for f, n in lengths.items() if f.parent == ROOT / "pages" and n > 120}
    assert scripts == {}


@pytest.mark.parametrize(
    ("folder", "planted"),
    [
        ("core", "import streamlit as st"),
        ("core", "def late():\n    from streamlit.runtime import exists"),
        ("pages", "from sklearn.cluster import KMeans"),
        ("core/checks", "from core.review.store import Store"),
        ("core/checks", "from core import cache"),
    ],
)
def test_rule__sees_a_planted_import(folder: str, planted: str) -> None:
    assert violations(planted, FORBIDDEN[folder])
