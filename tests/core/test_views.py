from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import InputError
from core.review.queue import Filters
from core.settings import Settings
from core.views import MOST, View, remove_view, save_view, saved_views
from core.workspace import Workspace


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return Workspace(Settings(tmp_path, (tmp_path,), "", "ann"))


def names(space: Workspace, dataset: str = "pets") -> list[str]:
    return [view.name for view in saved_views(space, dataset)]


def test_save_view__is_there_for_everybody_and_replaced_by_name(space: Workspace) -> None:
    wanted = Filters(given="cat", where="shop=b", cut=0.4)
    save_view(space, "pets", "  Cats of\nshop b ", wanted, "ann")
    save_view(space, "pets", "another", Filters(q="x"), "bob")
    other = Workspace(space.settings)
    kept = saved_views(other, "pets")
    assert [view.name for view in kept] == ["another", "Cats of shop b"]
    assert Filters.from_query(kept[1].query) == wanted
    save_view(other, "pets", "CATS of shop b", Filters(given="dog"), "cy")
    assert saved_views(space, "pets")[1] == View("CATS of shop b", {"given": "dog"}, "cy")
    assert names(space, "others") == []
    remove_view(space, "pets", "cats of shop b")
    remove_view(space, "pets", "never there")
    assert names(space) == ["another"]


@pytest.mark.parametrize("name", ["", "  \n", "x" * 61])
def test_save_view__needs_a_name(space: Workspace, name: str) -> None:
    with pytest.raises(InputError, match="name"):
        save_view(space, "pets", name, Filters(), "ann")


@pytest.mark.parametrize("name", ["../../x", "a/b", "\x00", "..", "\ud800", "💾"])
def test_save_view__a_name_never_leaves_the_folder(space: Workspace, name: str) -> None:
    before = {p for p in space.root.rglob("*") if "views" not in p.parts}
    save_view(space, "../pets", name, Filters(), "ann")
    assert {p for p in space.root.rglob("*") if "views" not in p.parts} == before
    assert len(saved_views(space, "../pets")) == 1


def test_saved_views__what_cannot_be_read_is_left_out(space: Workspace) -> None:
    save_view(space, "pets", "good", Filters(given="cat"), "ann")
    folder = next((space.root / "views").iterdir())
    (folder / "a.json").write_text("{")
    (folder / "b.json").write_text('{"name": "old", "query": {"sort": "gone"}, "by": "ann"}')
    (folder / "c.json").write_text("[]")
    assert names(space) == ["good"]


def test_save_view__there_is_an_end(space: Workspace) -> None:
    for number in range(MOST):
        save_view(space, "pets", str(number), Filters(), "ann")
    save_view(space, "pets", "7", Filters(q="x"), "ann")
    with pytest.raises(InputError, match="already"):
        save_view(space, "pets", "one more", Filters(), "ann")
