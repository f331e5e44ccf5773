"""Masks over pictures: the coloured PNG, its route and who may see which layer."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.decoding import MediaError
from core.desk import Desk
from core.mask_overlay import COLOURS, DIFFERS, LAYERS, overlay, shown
from core.masks import VOID
from core.review.people import People, Role
from core.server import routes
from core.session_token import mint_media
from core.settings import Settings
from core.team import Team
from core.workspace import Workspace

from .mask_sets import SIDE, loaded, mask_folder, prepared, scene, write_png


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


def test_overlay__colours_void_and_differences(tmp_path: Path) -> None:
    root = mask_folder(tmp_path / "set", 3)
    mask = scene(1)
    mask[0] = VOID
    mask[39, :5] = 0  # predicted pavement
    write_png(root / "masks" / "001.png", mask)
    dataset = loaded(root)
    given, said, differ = (pixels(overlay(dataset, 1, layer).data) for layer in LAYERS)
    assert given.shape == (SIDE, SIDE, 4)
    assert (given[0, :, 3] == 0).all() and (given[1:, :, 3] == 255).all()
    assert tuple(given[39, 2, :3]) == rgb(COLOURS[0]) and tuple(said[39, 2, :3]) == rgb(COLOURS[1])
    assert np.argwhere(differ[..., 3]).tolist() == [[39, x] for x in range(5)]
    assert tuple(differ[39, 2, :3]) == rgb(DIFFERS)


def test_overlay__large_masks_are_made_small(tmp_path: Path) -> None:
    root = mask_folder(tmp_path / "set", 2)
    write_png(root / "masks" / "001.png", np.ones((4500, 10), np.uint8))
    made = pixels(overlay(loaded(root), 1, "given").data)
    assert max(made.shape) <= 2048 * 2 and (made[..., :3] == rgb(COLOURS[1])).all()


def test_overlay__what_cannot_be_shown_is_said(tmp_path: Path) -> None:
    root = mask_folder(tmp_path / "set", 4)
    (root / "masks" / "001.png").write_bytes(b"x")
    with pytest.raises(MediaError, match="not a picture"):
        overlay(loaded(root), 1, "given")


def test_shown__a_hidden_row_says_nothing_of_the_model(tmp_path: Path) -> None:
    root = mask_folder(tmp_path / "set", 2)
    write_png(root / "masks" / "001.png", np.zeros((SIDE, SIDE), np.uint8))
    write_png(root / "predictions" / "001.png", np.full((SIDE, SIDE), 2, np.uint8))
    dataset = loaded(root)
    told, hidden = shown(dataset, 1, False), shown(dataset, 1, True)
    assert told is not None and hidden is not None
    assert told["layers"] == list(LAYERS) and hidden["layers"] == ["given"]
    assert [name for name, _ in told["legend"]] == ["road", "car"]
    assert [name for name, _ in hidden["legend"]] == ["road", "pavement", "car"]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    workspace = Workspace(Settings(tmp_path / "ws", (tmp_path,), "", "ann"))
    workspace.save(prepared(mask_folder(tmp_path / "set", 3)))
    made = Desk(workspace, lambda project: {})
    yield made
    made.store.close()


@pytest.fixture
def team(desk: Desk) -> Team:
    return Team(desk, People(desk.store, Role.OWNER))


def ask(desk: Desk, team: Team, **params: str) -> Any:
    client = TestClient(
        Starlette(routes=routes(desk.workspace, team)),
        base_url="http://localhost:8501",
        raise_server_exceptions=False,
    )
    token = mint_media(desk.workspace.secret(), "masks", "ann")
    query = {"row": "images/001.png", "token": token, "size": "mask", **params}
    return client.get("/labelmend/media/masks", params=query)


@pytest.mark.parametrize("layer", LAYERS)
def test_media__serves_each_layer_as_a_clear_png(desk: Desk, team: Team, layer: str) -> None:
    answer = ask(desk, team, layer=layer)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert pixels(answer.content).shape == (SIDE, SIDE, 4)


def test_media__guards(desk: Desk, team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(desk, team, layer="secret").status_code == 400
    assert ask(desk, team, token="made up").status_code == 401
    assert ask(desk, team, row="images/009.png").status_code == 404
    monkeypatch.setattr(team, "hidden", lambda name, person: np.array([False, True, False]))
    assert [ask(desk, team, layer=layer).status_code for layer in LAYERS] == [200, 403, 403]
