from __future__ import annotations

import csv
import io
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core import large_pictures
from core.dataset import Columns, Dataset
from core.decoding import MediaError, Picture, upright
from core.media import (
    media_path,
    picture,
    picture_size,
    placeholder,
    shown_digest,
    takes_seconds,
    thumbnail,
    tile,
    tile_side,
)

pytestmark = pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
HOSTILE = Path(__file__).parents[3] / "shared" / "data" / "hostile"
needs_hostile = pytest.mark.skipif(not HOSTILE.is_dir(), reason="the hostile files are not here")


def images(root: Path, *paths: str | None, digests: list[str] | None = None) -> Dataset:
    ids = pd.Index([str(i) for i in range(len(paths))], dtype="str")
    table = pd.DataFrame({"path": pd.array(paths, dtype="str")}, index=ids)
    return Dataset(
        "pictures",
        table,
        Columns(content=("path",), kind="image"),
        ("a",),
        ("a",),
        np.zeros(len(paths), dtype=np.int32),
        media_root=root,
        media_hash=None if digests is None else np.array(digests),
    )


def decoded(made: Picture) -> Image.Image:
    image = Image.open(io.BytesIO(made.data))
    image.load()
    assert image.format == {"image/png": "PNG", "image/jpeg": "JPEG"}[made.media_type]
    return image


def saved(tmp_path: Path, image: Image.Image, name: str = "x.png", **options: object) -> Dataset:
    image.save(tmp_path / name, **options)
    return images(tmp_path, name)


def test_picture__small_one_keeps_every_pixel(tmp_path: Path) -> None:
    values = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
    shown = decoded(picture(saved(tmp_path, Image.fromarray(values)), 0))
    assert (np.asarray(shown) == values).all()


def test_picture__large_one_is_made_smaller(tmp_path: Path) -> None:
    dataset = saved(tmp_path, Image.new("RGB", (4000, 1000), "red"), "x.jpg")
    assert decoded(picture(dataset, 0)).size == (1600, 400)
    assert decoded(picture(dataset, 0, "thumb")).size == (160, 40)
    assert picture_size(dataset, 0) == (4000, 1000)


def test_picture__sixteen_bits_keep_their_gradient(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65_535, 256).astype(np.uint16).reshape(1, 256)
    shown = np.asarray(decoded(picture(saved(tmp_path, Image.fromarray(ramp)), 0)))[0]
    assert (shown[0], shown[-1]) == (0, 255)
    assert len(np.unique(shown)) > 250


def test_picture__float_range_is_stretched(tmp_path: Path) -> None:
    values = np.array([[-1.0, 0.0, 1.0]], dtype=np.float32)
    shown = np.asarray(decoded(picture(saved(tmp_path, Image.fromarray(values), "x.tiff"), 0)))
    assert shown.tolist() == [[0, 127, 255]]


TURNS = (
    None,
    Image.Transpose.FLIP_LEFT_RIGHT,
    Image.Transpose.ROTATE_180,
    Image.Transpose.FLIP_TOP_BOTTOM,
    Image.Transpose.TRANSPOSE,
    Image.Transpose.ROTATE_90,
    Image.Transpose.TRANSVERSE,
    Image.Transpose.ROTATE_270,
)
"""What a camera did to the picture before it wrote EXIF orientation 1, 2, ... 8."""


@pytest.mark.parametrize("orientation", range(1, 9))
def test_picture__is_turned_upright(tmp_path: Path, orientation: int) -> None:
    taken = Image.new("RGB", (30, 10), "white")
    taken.putpixel((0, 0), (255, 0, 0))
    taken.putpixel((29, 0), (0, 255, 0))
    turn = TURNS[orientation - 1]
    exif = Image.Exif()
    exif[0x0112] = orientation
    dataset = saved(tmp_path, taken if turn is None else taken.transpose(turn), "x.png", exif=exif)
    shown = decoded(picture(dataset, 0))
    assert picture_size(dataset, 0) == shown.size == (30, 10)
    assert (shown.getpixel((0, 0)), shown.getpixel((29, 0))) == ((255, 0, 0), (0, 255, 0))


def test_picture__carries_no_metadata(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    dataset = saved(tmp_path, Image.new("RGB", (900, 900), "red"), "x.jpg", exif=exif, comment="secret")
    made = picture(dataset, 0)
    assert b"taken at home" not in made.data
    assert b"secret" not in made.data
    assert made.media_type == "image/jpeg"


def test_picture__shows_the_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    dataset = saved(tmp_path, frames[0], "x.gif", save_all=True, append_images=frames[1:])
    assert decoded(picture(dataset, 0)).convert("RGB").getpixel((0, 0)) == (255, 0, 0)


def test_picture__keeps_transparency(tmp_path: Path) -> None:
    shown = decoded(picture(saved(tmp_path, Image.new("RGBA", (4, 4), (255, 0, 0, 0))), 0))
    assert shown.getpixel((0, 0)) == (255, 0, 0, 0)
    palette = Image.new("P", (4, 4), 0)
    shown = decoded(picture(saved(tmp_path, palette, "p.png", transparency=0), 0))
    assert shown.mode == "RGBA"
    assert shown.getpixel((0, 0))[3] == 0


def test_picture__too_many_pixels_are_never_decoded(tmp_path: Path) -> None:
    side = int(large_pictures.MAX_PIXELS**0.5) + 1
    Image.new("1", (side, side)).save(tmp_path / "x.png")
    with pytest.raises(MediaError, match=r"^The picture has 160 megapixels; 160 is the limit\.$"):
        picture(images(tmp_path, "x.png"), 0, "thumb")
    tracemalloc.start()
    with pytest.raises(MediaError, match="64 is the limit"):
        upright(tmp_path / "x.png", 64_000_000)
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_picture__one_too_large_for_the_server_is_decoded_beside_it(tmp_path: Path) -> None:
    dataset = saved(tmp_path, Image.new("L", (9000, 8000), 77), "x.png")
    shown = decoded(picture(dataset, 0))
    assert (shown.size, shown.getpixel((5, 5))) == ((1600, 1422), 77)
    assert takes_seconds(dataset, 0, "full", tmp_path)
    assert takes_seconds(dataset, 0, "thumb", tmp_path)
    known = images(tmp_path, "x.png", digests=["cd" * 32])
    thumbnail(known, 0, tmp_path)
    assert not takes_seconds(known, 0, "thumb", tmp_path)


def test_tile__of_what_a_preview_does_not_show(tmp_path: Path) -> None:
    dataset = saved(tmp_path, Image.new("RGB", (2000, 700), "red"), "x.jpg")
    assert tile_side(picture_size(dataset, 0)) == 512
    assert takes_seconds(dataset, 0, "tile", tmp_path)
    assert decoded(tile(dataset, 0, tmp_path, 0, 3, 1)).size == (2000 - 3 * 512, 700 - 512)
    assert not takes_seconds(dataset, 0, "tile", tmp_path)
    sizes = (None, (1600, 1600), (1601, 1), (20_000, 20_000))
    assert [tile_side(size) for size in sizes] == [None, None, 512, None]


def test_picture__refuses_formats_that_run_programs(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n")
    with pytest.raises(MediaError, match="not a picture"):
        picture(images(tmp_path, "x.png"), 0)


@pytest.mark.parametrize("path", ["../secret.png", "link.png", "/etc/passwd", "", None, "missing.png", "."])
def test_media_path__stays_inside(tmp_path: Path, path: str | None) -> None:
    root = tmp_path / "root"
    root.mkdir()
    Image.new("L", (2, 2)).save(tmp_path / "secret.png")
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(MediaError):
        media_path(images(root, path), 0)
    assert picture_size(images(root, path), 0) is None


def test_media_path__text_has_no_pictures(tmp_path: Path) -> None:
    table = pd.DataFrame({"text": ["x.png"]}, index=pd.Index(["0"], dtype="str"))
    columns = Columns(content=("text",), kind="text")
    dataset = Dataset("t", table, columns, ("a",), ("a",), np.zeros(1, dtype=np.int32), media_root=tmp_path)
    with pytest.raises(MediaError, match="no pictures"):
        media_path(dataset, 0)


def test_thumbnail__is_kept_by_content(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    Image.new("RGB", (300, 300), "red").save(tmp_path / "x.png")
    dataset = images(tmp_path, "x.png", digests=["ab" * 32])
    first = thumbnail(dataset, 0, cache)
    assert decoded(first).size == (160, 160)
    (tmp_path / "x.png").unlink()
    assert thumbnail(dataset, 0, cache) == first
    assert [p.name for p in cache.rglob("*") if p.is_file()] == ["ab" * 32 + "-160.png"]
    with pytest.raises(MediaError):
        thumbnail(images(tmp_path, "x.png", digests=[""]), 0, cache)


def test_placeholder__is_a_picture() -> None:
    assert decoded(placeholder()).size == (160, 160)


def hostile_images() -> list[tuple[str, str]]:
    if not HOSTILE.is_dir():
        return []
    with (HOSTILE / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["kind"] == "image"]
    return [(r["path"].removeprefix("images/"), r["outcome"]) for r in rows]


@needs_hostile
@pytest.mark.parametrize(("name", "outcome"), hostile_images())
def test_picture__hostile_files(name: str, outcome: str) -> None:
    dataset = images(HOSTILE / "images", name)
    for size in ("thumb", "full"):
        try:
            assert decoded(picture(dataset, 0, size)).width >= 1
            assert "load" in outcome
        except MediaError as error:
            assert outcome != "load"
            assert str(HOSTILE) not in str(error)


@needs_hostile
@pytest.mark.parametrize("name", ["exif_orientation_3.jpg", "exif_orientation_6.jpg", "cmyk.jpg"])
def test_picture__looks_like_the_plain_one(name: str) -> None:
    shown, plain = (
        np.asarray(decoded(picture(images(HOSTILE / "images", n), 0)).convert("RGB"), dtype=float)
        for n in (name, "ok.jpg")
    )
    assert shown.shape == plain.shape
    assert np.abs(shown - plain).mean() < 6


@needs_hostile
def test_media_path__hostile_paths() -> None:
    with (HOSTILE / "paths" / "image_paths.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    dataset = images(HOSTILE / "images", *(r["path"] for r in rows))
    shown = []
    for position, row in enumerate(rows):
        try:
            shown.append((row["id"], media_path(dataset, position).name))
        except MediaError:
            continue
    assert shown == [("ok", "ok.jpg"), ("dot_prefix", "ok.jpg"), ("inside_dotdot", "ok.jpg")]


def boxed(dataset: Dataset, *values: float) -> Dataset:
    table = dataset.table.assign(**dict(zip("xywh", values, strict=True)))
    return replace(dataset, table=table)


def test_thumbnail__of_a_box_is_its_part_of_the_upright_picture_with_the_box_drawn(tmp_path: Path) -> None:
    image = Image.new("RGB", (400, 200), "black")
    image.paste((250, 0, 0), (300, 100, 340, 120))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees: shown 200 wide, 400 high
    dataset = saved(tmp_path, image, "x.jpg", quality=95, exif=exif)
    box = boxed(dataset, 80, 300, 20, 40)  # where the red part is shown
    shown = decoded(thumbnail(box, 0, tmp_path / "cache")).convert("RGB")
    assert max(shown.size) == 160
    middle = shown.getpixel((shown.width // 2, shown.height // 2))
    assert middle[0] > 200 and max(middle[1:]) < 60  # type: ignore[index,arg-type]
    colours = np.asarray(shown).reshape(-1, 3).astype(int)
    assert (np.abs(colours - (11, 92, 173)).max(axis=1) < 60).sum() > 100  # the line
    assert (colours.min(axis=1) > 200).sum() > 100  # its halo
    assert (colours.max(axis=1) < 40).sum() > 1000  # what lies around


@pytest.mark.parametrize(
    "box", [(-50, -50, 10, 10), (0, 0, 1e8, 1e8), (399, 199, 0.01, 0.01), (5, 5, 0, 0), (9, 9, -5, 5)]
)
def test_thumbnail__of_an_odd_box_is_still_a_picture(tmp_path: Path, box: tuple[float, ...]) -> None:
    dataset = boxed(saved(tmp_path, Image.new("L", (400, 200), 90)), *box)
    assert max(decoded(thumbnail(dataset, 0, tmp_path / "cache")).size) == 160


def test_shown_digest__another_box_another_thumbnail(tmp_path: Path) -> None:
    dataset = images(tmp_path, "x.png", digests=["a" * 64])
    kept = {shown_digest(d, 0) for d in (dataset, boxed(dataset, 0, 0, 5, 5), boxed(dataset, 0, 0, 5, 6))}
    assert len(kept) == 3 and shown_digest(dataset, 0) == "a" * 64
