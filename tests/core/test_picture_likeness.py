"""Rows like an uploaded picture."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw

from core import asked_pictures, picture_likeness
from core.asked_pictures import asked_file, asked_picture, keep_picture
from core.dataset import Columns, Dataset
from core.desk import Desk
from core.errors import InputError
from core.likeness import nearest_to
from core.loading import Prepared
from core.models._base import Embedder, Features
from core.models._pictures import ImageModel, image_features
from core.picture_likeness import place, placed, placed_by
from core.predictions import Predictions
from core.pretrained import Offer
from core.progress import Cancelled, Progress
from core.review.about import About
from core.review.queue import Filters
from core.settings import Settings
from core.source import Source
from core.workspace import Workspace

COUNT = 40


def drawn(seed: int, side: int = 96) -> Image.Image:
    """Some shapes on a ground, none of them alike."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (side, side), tuple(rng.integers(0, 256, 3).tolist()))
    draw = ImageDraw.Draw(image)
    for _ in range(6):
        x, y = rng.integers(0, side, 2).tolist()
        w, h = rng.integers(side // 8, side // 2, 2).tolist()
        colour = tuple(rng.integers(0, 256, 3).tolist())
        (draw.ellipse if rng.random() < 0.5 else draw.rectangle)((x, y, x + w, y + h), fill=colour)
    return image


def encoded(image: Image.Image, form: str = "PNG", **how: object) -> io.BytesIO:
    out = io.BytesIO()
    image.save(out, form, **how)  # type: ignore[arg-type]
    return out


def pictures(folder: Path) -> Dataset:
    """COUNT pictures, cats and dogs by turns."""
    folder.mkdir()
    for row in range(COUNT):
        drawn(row).save(folder / f"{row}.png")
    names = [f"{row}.png" for row in range(COUNT)]
    table = pd.DataFrame(
        {"path": names, "label": ["cat", "dog"] * (COUNT // 2)},
        index=pd.Index([f"r{row}" for row in range(COUNT)], dtype="str"),
        dtype="str",
    )
    labels = np.array([0, 1] * (COUNT // 2), dtype=np.int32)
    columns = Columns(label="label", content=("path",), kind="image")
    return Dataset("shapes", table, columns, ("cat", "dog"), ("cat", "dog"), labels, media_root=folder)


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Desk]:
    def desk(embeddings: np.ndarray | None = None) -> Desk:
        workspace = Workspace(Settings(tmp_path / "ws", (tmp_path,), "", "ann"))
        dataset = pictures(tmp_path / "pictures")
        source = Source(tmp_path / "shapes.csv", "csv", "0" * 64, 1)
        workspace.save(Prepared(dataset, Predictions("m", None, embeddings), source, ()))
        return Desk(workspace, lambda project: {})

    return desk


def asked(desk: Desk, content: io.BytesIO) -> str:
    """The address's value of an upload that was compared."""
    name = keep_picture(desk.workspace.cache_dir, "q.png", content)
    place(desk.workspace, desk.project("shapes"), name, Progress())
    return str(About(picture=name))


def near(desk: Desk, about: str, **more: str) -> list[int]:
    return desk.queue("shapes", Filters(about=about, sort="near", **more))[0].tolist()


CHANGES: dict[str, Callable[[Image.Image], io.BytesIO]] = {
    "copy": encoded,
    "jpeg": lambda image: encoded(image, "JPEG", quality=30),
    "webp": lambda image: encoded(image, "WEBP", quality=60),
    "cropped": lambda image: encoded(image.crop((3, 4, 92, 93))),
    "cropped, jpeg": lambda image: encoded(image.crop((4, 3, 93, 92)), "JPEG", quality=50),
    "half": lambda image: encoded(image.resize((48, 48))),
    "larger": lambda image: encoded(image.resize((1500, 1500))),
}


def test_queue__a_copy_of_a_rows_picture_finds_that_row_first(made: Callable[..., Desk]) -> None:
    desk = made()
    for how, change in CHANGES.items():
        for row in (0, 7, 31):
            found = near(desk, asked(desk, change(drawn(row))))
            assert found[0] == row, how
            assert sorted(found) == list(range(COUNT))


def test_queue__of_one_class_holds_the_nearest_of_it(made: Callable[..., Desk]) -> None:
    desk = made()
    about = asked(desk, encoded(drawn(8)))
    everything = near(desk, about)
    assert near(desk, about, given="dog") == [row for row in everything if row % 2]
    assert near(desk, about, given="none") == []


def test_every_likeness__looks_among_one_class(
    made: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With few rows wanted, a class that lies farther off still has as many."""
    monkeypatch.setattr("core.likeness.LIKE_ROWS", 5)
    side = np.repeat([0, 1], COUNT // 2)  # the first half lies on one side: rows by turns are cats and dogs
    rng = np.random.default_rng(0)
    desk = made((np.eye(2, 6)[side] + rng.normal(0, 0.05, (COUNT, 6))).astype(np.float32))
    filters = Filters(like="r0", given="dog", sort="near")
    found = desk.queue("shapes", filters)[0].tolist()
    assert len(found) == 5 and all(row % 2 and row < COUNT // 2 for row in found)
    about = asked(desk, encoded(drawn(8)))
    assert len(near(desk, about)) == 5
    assert len(near(desk, about, given="dog")) == 5


def test_place__the_pictures_are_read_once(
    made: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = made()
    first = asked(desk, encoded(drawn(3)))

    def never(*_: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(picture_likeness, "placed_features", never)
    assert near(desk, asked(desk, encoded(drawn(9))))[0] == 9
    assert near(desk, first)[0] == 3
    project = desk.project("shapes")
    found = placed(desk.workspace, project, first.removeprefix("picture:"))
    assert found is not None and found.space == "pixels"


def test_place__tells_progress_and_stops(made: Callable[..., Desk]) -> None:
    desk = made()
    name = keep_picture(desk.workspace.cache_dir, "q.png", encoded(drawn(1)))
    said: list[str] = []
    place(desk.workspace, desk.project("shapes"), name, Progress(lambda _, m: said.append(m)))
    assert any("reading pictures" in m for m in said)
    other = keep_picture(desk.workspace.cache_dir, "q.png", encoded(drawn(2)))
    stop = Progress()
    stop.cancel()
    with pytest.raises(Cancelled):
        place(desk.workspace, desk.project("shapes"), other, stop)
    with pytest.raises(InputError, match="have not been compared with the uploaded one"):
        near(desk, f"picture:{other}")


def test_queue__a_picture_that_is_gone_is_told(made: Callable[..., Desk]) -> None:
    desk = made()
    about = asked(desk, encoded(drawn(3)))
    for file in asked_file(desk.workspace.cache_dir, about.removeprefix("picture:")).parent.iterdir():
        file.unlink()
    with pytest.raises(InputError, match=r"is not kept any more .* upload it again"):
        desk.queue("shapes", Filters(about=about))
    with pytest.raises(InputError, match="is not kept any more"):
        place(desk.workspace, desk.project("shapes"), "0" * 32, Progress())


def test_place__rows_without_pictures(tmp_path: Path) -> None:
    from tests.core.test_likeness import desk as texts

    desk = texts(tmp_path, ["a", "b"])
    name = keep_picture(desk.workspace.cache_dir, "q.png", encoded(drawn(1)))
    with pytest.raises(InputError, match="these rows have none"):
        desk.queue("pets", Filters(about=f"picture:{name}"))


def test_queue__pictures_that_cannot_be_read_are_left_out(made: Callable[..., Desk], tmp_path: Path) -> None:
    desk = made()
    (tmp_path / "pictures" / "5.png").write_bytes(b"no picture")
    found = near(desk, asked(desk, encoded(drawn(6))))
    assert found[0] == 6 and 5 not in found and len(found) == COUNT - 1


# What is kept of an upload


def bomb(side: int) -> io.BytesIO:
    """A small PNG that says it is side x side pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + head + body + chunk(b"IEND", b""))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (io.BytesIO(b""), "not a picture of a known format"),
        (io.BytesIO(b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"), "not a picture"),
        (io.BytesIO(encoded(drawn(0)).getvalue()[:300]), "cannot be read"),
        (bomb(13_000), "megapixels"),
        (bomb(60_000), "too large"),
        (io.BytesIO(b"\x89PNG\r\n\x1a\n" + os.urandom(100)), "not a picture|cannot be read"),
    ],
    ids=["empty", "svg", "cut", "bomb", "huge bomb", "noise"],
)
def test_keep_picture__refuses_and_keeps_nothing(tmp_path: Path, content: io.BytesIO, why: str) -> None:
    with pytest.raises(InputError, match=why) as told:
        keep_picture(tmp_path, "odd.png", content)
    assert told.value.problems[0].file == "odd.png"
    assert list((tmp_path / "asked_pictures").iterdir()) == []


def test_keep_picture__too_many_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked_pictures, "MOST_BYTES", 1 << 20)
    with pytest.raises(InputError, match="too many bytes"):
        keep_picture(tmp_path, "q.png", io.BytesIO(bytes((1 << 20) + 1)))
    assert list((tmp_path / "asked_pictures").iterdir()) == []


def test_keep_picture__is_encoded_anew_and_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exif = Image.Exif()
    exif[0x010E] = "where I live"
    content = encoded(drawn(0, 2000), "JPEG", exif=exif)
    name = keep_picture(tmp_path, "q.jpg", content)
    assert name == keep_picture(tmp_path, "other.jpg", content)
    shown = asked_picture(tmp_path, name)
    assert shown is not None
    again = Image.open(io.BytesIO(shown.data))
    assert max(again.size) == 1024 and not again.getexif()
    monkeypatch.setattr(asked_pictures, "KEPT", 2)
    names = [keep_picture(tmp_path, "q.png", encoded(drawn(seed))) for seed in (1, 2)]
    assert asked_picture(tmp_path, name) is None
    os.utime(asked_file(tmp_path, names[0]).parent, (9e9, 9e9))
    third = keep_picture(tmp_path, "q.png", encoded(drawn(3)))
    assert asked_picture(tmp_path, names[1]) is None
    assert asked_picture(tmp_path, names[0]) is not None and asked_picture(tmp_path, third) is not None
    assert not [f for f in (tmp_path / "asked_pictures").iterdir() if f.name.startswith(".")]


# By the model of the embeddings


def network(seed: int, unit: bool = True) -> Embedder:
    """A model that looks at each picture alone."""
    weights = np.random.default_rng(seed).normal(size=(3 * 16 * 16, 24)).astype(np.float32)

    def run(batch: np.ndarray) -> np.ndarray:
        values = np.tanh(batch.reshape(len(batch), -1) @ weights / 10)
        return values / np.linalg.norm(values, axis=1, keepdims=True) if unit else values

    def load() -> ImageModel:
        return ImageModel(16, 16, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), 1.0, run)

    def features(load: Callable[[], ImageModel], dataset: Dataset, _: int, progress: Progress) -> Features:
        return image_features(dataset, load, "net", progress)

    return Embedder("image_net", "the network", "image", 1, partial(features, load))


def test_placed_by__is_where_the_model_puts_the_picture(tmp_path: Path) -> None:
    dataset = pictures(tmp_path / "pictures")
    rows = network(0).fit_transform(dataset, 0, Progress()).values
    # As a file may have it: half precision, another factor, and a mean that was not taken off.
    theirs = (3 * rows + np.random.default_rng(1).normal(size=24)).astype(np.float16)
    (tmp_path / "q.png").write_bytes(encoded(drawn(12)).getvalue())
    vector = placed_by(network(0), dataset, theirs, tmp_path / "q.png", Progress())
    assert vector is not None
    np.testing.assert_allclose(vector, theirs[12], atol=0.02)
    assert nearest_to(theirs, vector, np.arange(COUNT), 3)[0] == 12
    assert placed_by(network(1), dataset, theirs, tmp_path / "q.png", Progress()) is None
    assert placed_by(network(0), dataset, theirs[:, :20], tmp_path / "q.png", Progress()) is None
    assert placed_by(network(0), dataset, theirs * 0, tmp_path / "q.png", Progress()) is None
    shuffled = theirs[np.random.default_rng(0).permutation(COUNT)]
    assert placed_by(network(0), dataset, shuffled, tmp_path / "q.png", Progress()) is None


def test_place__by_the_embeddings_where_their_model_is_here(
    made: Callable[..., Desk], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = pictures(tmp_path / "first")
    desk = made(network(0).fit_transform(dataset, 0, Progress()).values)
    monkeypatch.setattr(picture_likeness, "offered", lambda kind: [Offer(s, "a network") for s in ("b", "a")])
    known = {"a": network(0), "b": network(1)}
    monkeypatch.setattr(picture_likeness, "chosen_embedder", lambda dataset, spec, progress: known[spec])
    about = asked(desk, encoded(drawn(12), "JPEG", quality=60))
    found = placed(desk.workspace, desk.project("shapes"), about.removeprefix("picture:"))
    assert found is not None and (found.space, found.model) == ("embeddings", "the network")
    assert near(desk, about)[0] == 12
    known["a"] = network(2)
    about = asked(desk, encoded(drawn(13)))
    found = placed(desk.workspace, desk.project("shapes"), about.removeprefix("picture:"))
    assert found is not None and found.space == "pixels"
    assert near(desk, about)[0] == 13
