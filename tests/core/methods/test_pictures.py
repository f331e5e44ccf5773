from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter

from core.baseline import groups_of
from core.checks.near_duplicates import CHECK, run
from core.dataset import Columns, Dataset
from core.methods import pictures
from core.methods.duplicates import Matches
from core.methods.pictures import DISTANCE, alike_pictures
from core.predictions import Predictions
from core.progress import Cancelled, Progress
from core.source import file_sha256
from tests.conftest import make_dataset


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    pictures._kept.clear()


def scene(seed: int, width: int = 160, height: int = 120) -> Image.Image:
    """Soft coloured blobs, as a photograph has them, of its own for each seed."""
    noise = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    image = Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)
    return image.filter(ImageFilter.GaussianBlur(2))


def dataset_of(folder: Path, names: Sequence[str]) -> Dataset:
    dataset = make_dataset([i % 2 for i in range(len(names))])
    table = dataset.table.assign(path=pd.array(list(names), dtype="str"))
    hashes = np.array([file_sha256(folder / name) for name in names])
    columns = Columns("id", "label", None, ("path",), "image")
    return replace(dataset, table=table, columns=columns, media_root=folder, media_hash=hashes)


def copies(folder: Path) -> Dataset:
    """Rows 0 to 4 are one picture in several encodings and sizes, 5 another one, 6 and 7 are one colour each,
    8 is no picture."""
    first = scene(1)
    first.save(folder / "a.png")
    first.save(folder / "a30.jpg", quality=30)
    first.resize((80, 60)).save(folder / "half.jpg", quality=75)
    first.resize((320, 240)).save(folder / "double.webp")
    first.point(lambda v: int(v * 0.8 + 20)).save(folder / "pale.png")
    scene(2).save(folder / "b.png")
    Image.new("RGB", (160, 120), "white").save(folder / "white.png")
    Image.new("RGB", (160, 120), "black").save(folder / "black.png")
    (folder / "broken.png").write_bytes(b"no picture")
    names = ("a.png", "a30.jpg", "half.jpg", "double.webp", "pale.png", "b.png", "white.png", "black.png")
    return dataset_of(folder, (*names, "broken.png"))


def pairs(found: Matches) -> set[tuple[int, int]]:
    return set(zip(found.others.tolist(), found.rows.tolist(), strict=True))


def test_alike_pictures__copies_in_other_encodings_and_sizes(tmp_path: Path) -> None:
    found = alike_pictures(copies(tmp_path), np.arange(9), DISTANCE, Progress())
    assert {row for pair in pairs(found) for row in pair} == {0, 1, 2, 3, 4}
    assert {(0, row) for row in (1, 2, 3, 4)} <= pairs(found)
    assert (found.distance <= DISTANCE).all()


def test_alike_pictures__only_the_rows_that_are_asked_for(tmp_path: Path) -> None:
    dataset = copies(tmp_path)
    assert pairs(alike_pictures(dataset, np.array([1, 4, 5]), DISTANCE, Progress())) == {(1, 4)}
    assert (0, 1) in pairs(alike_pictures(dataset, np.arange(9), DISTANCE, Progress()))


def test_alike_pictures__unlike_pictures_are_not_merged(tmp_path: Path) -> None:
    for i in range(60):
        scene(i, 40, 30).save(tmp_path / f"{i}.png")
    dataset = dataset_of(tmp_path, [f"{i}.png" for i in range(60)])
    assert len(alike_pictures(dataset, np.arange(60), DISTANCE, Progress())) == 0


def test_alike_pictures__are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = copies(tmp_path)
    first = alike_pictures(dataset, np.arange(9), DISTANCE, Progress())
    monkeypatch.setattr(pictures, "measure", None)
    assert pairs(alike_pictures(dataset, np.arange(9), DISTANCE, Progress())) == pairs(first)
    with pytest.raises(TypeError):
        alike_pictures(replace(dataset, media_hash=dataset.media_hash[::-1]), np.arange(9), 0.1, Progress())


def test_alike_pictures__can_be_cancelled_at_each(tmp_path: Path) -> None:
    progress = Progress(lambda fraction, _: progress.cancel() if fraction > 0.2 else None)
    with pytest.raises(Cancelled):
        alike_pictures(copies(tmp_path), np.arange(9), DISTANCE, progress)
    assert pictures._kept == {}


def test_groups__nearly_equal_pictures_are_never_apart(tmp_path: Path) -> None:
    assert groups_of(copies(tmp_path), None).tolist() == [0, 0, 0, 0, 0, 5, 6, 7, 8]


def test_check__says_which_pictures_look_the_same(tmp_path: Path) -> None:
    params = {setting.name: setting.default for setting in CHECK.settings}
    result = run(copies(tmp_path), Predictions(), params, Progress())
    assert result.table["group"].tolist() == [0, 0, 0, 0, 0, -1, -1, -1, -1]
    assert result.table["reason"].iloc[5] == ""
    assert result.table["reason"].iloc[1].startswith("Looks the same (difference ")
    assert result.summary["estimator"] == "equal content, or pictures made small correlated to at least 0.99"
