"""Pictures as they enter a pretrained network."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import InputError
from core.models._pictures import ImageModel, _as_seen, image_features
from core.progress import Cancelled, Progress
from tests.core.models.test_contract import ROWS, dataset_of


def model(run, height: int = 4, width: int = 4, crop: float = 1.0) -> ImageModel:
    return ImageModel(height, width, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), crop, run)


def mean_colours(pictures: np.ndarray) -> np.ndarray:
    return pictures.mean(axis=(2, 3))


def saved(tmp_path: Path, pixels: np.ndarray) -> Path:
    Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def test_as_seen__is_channels_first_and_normalised(tmp_path: Path) -> None:
    file = saved(tmp_path, np.full((8, 8, 3), (255, 51, 0)))
    seen = _as_seen(file, replace(model(mean_colours), mean=(0.5, 0.5, 0.5), std=(0.5, 0.25, 1.0)))
    assert seen.shape == (3, 4, 4)
    assert seen.dtype == np.float32
    assert seen[:, 0, 0].tolist() == pytest.approx([1.0, -1.2, -0.5])


def test_as_seen__looks_at_the_middle(tmp_path: Path) -> None:
    """20 x 8 with a white middle: the longer side is cut, then half of what is left."""
    pixels = np.zeros((8, 20, 3))
    pixels[2:6, 8:12] = 255
    assert _as_seen(saved(tmp_path, pixels), model(mean_colours, crop=0.5)).min() == 1
    assert _as_seen(saved(tmp_path, pixels), model(mean_colours)).mean() == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("shape", [(1, 60_000), (60_000, 1), (1, 1)])
def test_as_seen__a_sliver_takes_no_more_memory_than_a_square(shape: tuple[int, int], tmp_path: Path) -> None:
    seen = _as_seen(saved(tmp_path, np.full((*shape, 3), 255)), model(mean_colours, 224, 224, 0.875))
    assert seen.shape == (3, 224, 224)
    assert seen.min() == 1


def test_as_seen__transparent_parts_are_white(tmp_path: Path) -> None:
    Image.new("RGBA", (8, 8), (255, 0, 0, 0)).save(tmp_path / "a.png")
    assert _as_seen(tmp_path / "a.png", model(mean_colours)).min() == 1


def test_image_features__batches_are_small_and_rows_keep_their_place(tmp_path: Path) -> None:
    sizes: list[int] = []

    def run(pictures: np.ndarray) -> np.ndarray:
        sizes.append(len(pictures))
        return mean_colours(pictures)

    dataset = dataset_of("image", tmp_path)
    found = image_features(dataset, lambda: model(run, 20, 30), "mine", Progress()).values
    assert sizes == [16, 16, 8]
    paths = [tmp_path / name for name in dataset.table["path"]]
    alone = np.stack([np.asarray(Image.open(p), np.float32).mean(axis=(0, 1)) / 255 for p in paths])
    assert found.shape == (ROWS, 3)
    assert np.allclose(found, alone - alone.mean(axis=0), atol=1e-5)


def test_image_features__unreadable_pictures_are_told_and_get_the_mean(tmp_path: Path) -> None:
    dataset = dataset_of("image", tmp_path)
    (tmp_path / "05.png").write_bytes(b"no picture")
    (tmp_path / "07.png").unlink()
    found = image_features(dataset, lambda: model(mean_colours), "mine", Progress())
    assert np.abs(found.values[[5, 7]]).max() == 0
    assert np.abs(found.values[[4, 6]]).max() > 0
    assert [(p.severity, p.row, p.count, p.column) for p in found.remarks] == [("warning", 6, 2, "path")]


def test_image_features__nothing_outside_the_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    dataset = dataset_of("image", tmp_path / "in")
    Image.new("RGB", (32, 32), "red").save(tmp_path / "secret.png")
    table = dataset.table.assign(path=["../secret.png", *dataset.table["path"].tolist()[1:]])
    found = image_features(replace(dataset, table=table), lambda: model(mean_colours), "mine", Progress())
    assert np.abs(found.values[0]).max() == 0


def test_image_features__a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    dataset = dataset_of("image", tmp_path)
    for name in dataset.table["path"]:
        (tmp_path / name).unlink()
    with pytest.raises(InputError, match="no picture can be read"):
        image_features(dataset, lambda: model(mean_colours), "mine", Progress())
    with pytest.raises(InputError, match="no folder of images"):
        image_features(replace(dataset, media_root=None), lambda: model(mean_colours), "mine", Progress())


def test_image_features__cancel_is_answered_within_two_seconds(tmp_path: Path) -> None:
    progress, ended = Progress(), threading.Event()

    def run(pictures: np.ndarray) -> np.ndarray:
        progress.cancel()
        ended.wait(30)
        return mean_colours(pictures)

    started = time.monotonic()
    with pytest.raises(Cancelled):
        image_features(dataset_of("image", tmp_path), lambda: model(run), "mine", progress)
    assert time.monotonic() - started < 2
    ended.set()
