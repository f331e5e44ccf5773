from __future__ import annotations

import io
import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core import large_pictures
from core.decoding import MediaError, Picture
from core.large_pictures import is_cut, rendered, tile


def shown(made: Picture) -> Image.Image:
    return Image.open(io.BytesIO(made.data))


def photo(folder: Path, size: tuple[int, int] = (3300, 1000)) -> Path:
    """Red grows from left to right, green from above to below."""
    values = np.zeros((size[1], size[0], 3), dtype=np.uint8)
    values[..., 0] = np.linspace(0, 255, size[0])
    values[..., 1] = np.linspace(0, 255, size[1])[:, None]
    Image.fromarray(values).save(folder / "x.png")
    return folder / "x.png"


@pytest.mark.parametrize("place", [(0, 0, 0), (0, 6, 1), (0, 2, 1), (1, 0, 0), (1, 3, 0)])
def test_tile__shows_its_part_of_the_picture_at_its_level(
    tmp_path: Path, place: tuple[int, int, int]
) -> None:
    path = photo(tmp_path)
    level, x, y = place
    side, step = 512 * 2**level, 2**level
    part = np.asarray(Image.open(path), dtype=float)[y * side :: step, x * side :: step][:512, :512]
    made = np.asarray(shown(tile(path, "d", tmp_path / "cache", *place)), dtype=float)
    assert made.shape == part.shape
    assert np.abs(made - part).mean() < 2


def test_tile__levels_end_where_the_preview_shows_as_much(tmp_path: Path) -> None:
    tile(photo(tmp_path), "d", tmp_path / "cache", 0, 0, 0)
    names = {f.name for f in (tmp_path / "cache" / "tiles" / "d").iterdir()}
    whole = {f"0-{x}-{y}.jpg" for x in range(7) for y in range(2)}
    assert names == whole | {f"1-{x}-0.jpg" for x in range(4)}


@pytest.mark.parametrize("place", [(0, 7, 0), (0, 0, 2), (2, 0, 0), (9, 9, 9)])
def test_tile__outside_the_picture_is_refused(tmp_path: Path, place: tuple[int, int, int]) -> None:
    with pytest.raises(MediaError, match="has no tile"):
        tile(photo(tmp_path), "d", tmp_path / "cache", *place)


def test_tile__is_cut_once_however_many_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, cache, jobs = photo(tmp_path), tmp_path / "cache", []
    decode = large_pictures._decode
    monkeypatch.setattr(large_pictures, "_decode", lambda *a: (jobs.append(a), decode(*a))[1])
    threads = [threading.Thread(target=tile, args=(path, "", cache, 0, x, 0)) for x in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(jobs) == 1
    assert is_cut(path, "", cache)
    os.utime(path, ns=(1, 1))  # without a digest, a changed file is another picture
    assert not is_cut(path, "", cache)


def test_tile__those_looked_at_longest_ago_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_pictures, "KEPT", 2)
    path, cache = photo(tmp_path, (1700, 100)), tmp_path / "cache"
    for i, digest in enumerate("ab"):
        tile(path, digest, cache, 0, 0, 0)
        os.utime(cache / "tiles" / digest, (i, i))
    tile(path, "a", cache, 0, 0, 0)
    tile(path, "c", cache, 0, 0, 0)
    assert sorted(f.name for f in (cache / "tiles").iterdir()) == ["a", "c"]


def test_failure__says_why_and_leaves_nothing(tmp_path: Path) -> None:
    path = photo(tmp_path)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(MediaError, match=r"^The picture cannot be read: "):
        tile(path, "d", tmp_path / "cache", 0, 0, 0)
    assert list((tmp_path / "cache" / "tiles").iterdir()) == []
    with pytest.raises(MediaError, match="not a picture of a known format"):
        rendered(Path(__file__), 100)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not keep the limit")
def test_failure__a_picture_that_needs_too_much_memory_ends_its_process_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_pictures, "MEMORY", 256 << 20)
    # 16 bits a pixel are stretched as floating point numbers, 8 bytes a pixel and more than one copy.
    Image.new("I;16", (5000, 5000)).save(tmp_path / "x.png", compress_level=1)
    with pytest.raises(MediaError, match="needs more memory than it may use"):
        rendered(tmp_path / "x.png", 160)


def test_failure__one_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_pictures, "SECONDS", 0.01)
    with pytest.raises(MediaError, match="takes more than"):
        rendered(photo(tmp_path), 100)


def test_rendered__transparent_stays_transparent(tmp_path: Path) -> None:
    Image.new("RGBA", (2000, 10), (255, 0, 0, 0)).save(tmp_path / "x.png")
    made = rendered(tmp_path / "x.png", 100)
    assert (made.media_type, shown(made).getpixel((0, 0))[3]) == ("image/png", 0)
    assert tile(tmp_path / "x.png", "d", tmp_path / "cache", 0, 0, 0).media_type == "image/png"
