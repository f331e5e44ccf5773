from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter

from core.audit import run_audit
from core.checks.image_quality import CHECK, run
from core.checks.near_duplicates import run as near_duplicates
from core.dataset import Columns, Dataset
from core.issues import Result
from core.methods import pictures
from core.predictions import Predictions
from core.progress import Cancelled, Progress
from core.source import file_sha256
from sample_data import SAMPLES
from tests.conftest import make_dataset

DEFAULTS = {setting.name: setting.default for setting in CHECK.settings}
COLUMNS = [
    "unreadable",
    "dark",
    "bright",
    "blurry",
    "low_information",
    "odd_size",
    "odd_aspect_ratio",
    "grayscale",
]
USUAL = 30


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    pictures._kept.clear()


def noise(width: int, height: int, seed: int, low: int = 0, high: int = 256) -> Image.Image:
    return Image.fromarray(
        np.random.default_rng(seed).integers(low, high, (height, width, 3), dtype=np.uint8)
    )


def dataset_of(folder: Path | None, names: Sequence[str], hashed: bool = False) -> Dataset:
    dataset = make_dataset([0] * len(names))
    table = dataset.table.assign(path=pd.array(list(names), dtype="str"))
    hashes = np.array([file_sha256(folder / name) for name in names]) if hashed and folder else None
    columns = Columns("id", "label", None, ("path",), "image")
    return replace(dataset, table=table, columns=columns, media_root=folder, media_hash=hashes)


def usual(folder: Path) -> list[str]:
    """The names of 30 pictures without a fault."""
    for i in range(USUAL):
        noise(48, 36, i).save(folder / f"{i}.png")
    return [f"{i}.png" for i in range(USUAL)]


def audit(dataset: Dataset, **params: float) -> Result:
    return run(dataset, Predictions(), DEFAULTS | params, Progress())


FAULTS: dict[str, tuple[Callable[[], Image.Image], str]] = {
    "dark": (lambda: noise(48, 36, 1, 0, 60), "Dark: 99% of its pixels have at most 21% of full brightness."),
    "bright": (
        lambda: noise(48, 36, 1, 246),
        "Bright: 95% of its pixels have at least 97% of full brightness",
    ),
    "blurry": (
        lambda: noise(48, 36, 1).filter(ImageFilter.GaussianBlur(4)),
        "Blurry: made small it has edges of ",
    ),
    "low_information": (
        lambda: Image.new("RGB", (48, 36), (200, 90, 0)),
        "shows little: 1.6 bits of information",
    ),
    "odd_size": (lambda: noise(480, 360, 1), "Odd size: 480 x 360 pixels, where a side of 42 is usual."),
    "odd_aspect_ratio": (lambda: noise(120, 12, 1), "Odd shape: 120 x 12 pixels."),
    "grayscale": (lambda: noise(48, 36, 1).convert("L"), "Grayscale, where most pictures have colour."),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_run__each_kind_is_found_and_told(tmp_path: Path, kind: str) -> None:
    make, said = FAULTS[kind]
    names = usual(tmp_path)
    make().save(tmp_path / "odd.png")
    result = audit(dataset_of(tmp_path, [*names, "odd.png"]))
    assert list(result.table.columns[4:]) == COLUMNS
    assert result.table["flagged"].tolist() == [False] * USUAL + [True]
    assert said in result.table["reason"].iloc[-1]
    assert result.table[kind].idxmin() == f"r{USUAL}" and result.table["score"].iloc[-1] < 0.5
    assert (result.table["score"].iloc[:-1] == 1).all()


def test_run__what_cannot_be_opened(tmp_path: Path) -> None:
    names = usual(tmp_path)
    whole = (tmp_path / "0.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.jpg").write_bytes(b"no picture")
    (tmp_path / "empty.jpg").write_bytes(b"")
    outside = tmp_path.parent / "outside.png"
    noise(48, 36, 1).save(outside)
    odd = ["cut.png", "text.jpg", "empty.jpg", "missing.png", "../outside.png", str(outside), ""]
    result = audit(dataset_of(tmp_path, [*names, *odd]), usual=1.0)
    assert np.flatnonzero(result.table["flagged"]).tolist() == list(range(USUAL, USUAL + 7))
    assert (result.table["unreadable"].iloc[USUAL:] == 0).all() and (
        result.table["score"].iloc[USUAL:] == 0
    ).all()
    reasons = result.table["reason"].iloc[USUAL:].tolist()
    assert reasons[0].startswith("The picture cannot be read: ")
    assert reasons[1:3] == ["The file is not a picture of a known format."] * 2
    assert reasons[3:6] == ["The picture's path is missing or leads outside the data folder."] * 3
    assert reasons[6] == "The row names no picture."


def test_run__a_picture_too_large_to_decode_is_no_fault(tmp_path: Path) -> None:
    names = usual(tmp_path)
    Image.new("1", (9000, 9000)).save(tmp_path / "large.png")
    result = audit(dataset_of(tmp_path, [*names, "large.png"]), odd_size=0.0)
    assert result.summary["flagged"] == 0
    assert result.summary["note"] == "Too many pixels to be looked at here: 1 of the pictures."
    assert (
        audit(dataset_of(tmp_path, [*names, "large.png"]))
        .table["reason"]
        .iloc[-1]
        .startswith("Odd size: 9,000")
    )


def test_run__all_grey_is_no_fault_and_many_small_ones_are_told_once(tmp_path: Path) -> None:
    for i in range(40):
        noise(48 if i % 3 else 12, 36 if i % 3 else 9, i).convert("L").save(tmp_path / f"{i}.png")
    result = audit(dataset_of(tmp_path, [f"{i}.png" for i in range(40)]))
    kinds = result.figures["kinds"].set_index("kind")
    assert kinds.loc["grayscale among colour", "rows"] == 0
    assert result.summary["flagged"] == 0


def test_run__copies_of_a_file_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = usual(tmp_path)
    Image.new("RGB", (48, 36)).save(tmp_path / "black.png")
    dataset = dataset_of(tmp_path, [*names, "black.png", "black.png"], hashed=True)
    read: list[Path] = []
    opened = pictures.upright
    monkeypatch.setattr(pictures, "upright", lambda path, *a: read.append(path) or opened(path, *a))
    result = audit(dataset)
    assert len(read) == USUAL + 1
    assert result.table["flagged"].tolist() == [False] * USUAL + [True, True]
    settings = {"shared_text": 0.8, "picture_distance": 0.01, "embedding_ratio": 0.13}
    near_duplicates(dataset, Predictions(), settings, Progress())
    assert len(read) == USUAL + 1  # the duplicates take what was read here


def test_run__cancel_is_answered_while_pictures_are_read(tmp_path: Path) -> None:
    progress = Progress(lambda fraction, message: progress.cancel() if fraction > 0.3 else None)
    with pytest.raises(Cancelled):
        run(dataset_of(tmp_path, usual(tmp_path)), Predictions(), DEFAULTS, progress)


def test_run__no_folder_and_no_rows(tmp_path: Path) -> None:
    result = audit(dataset_of(None, ["a.png"]))
    assert result.summary["flagged"] == 0 and result.summary["note"].startswith("No folder of pictures")
    assert audit(dataset_of(tmp_path, [])).summary["flagged"] == 0


def test_audit__texts_are_not_told_of_it(tmp_path: Path) -> None:
    found = run_audit(make_dataset([0, 1]), Predictions(), tmp_path, ["image_quality"])
    assert found.results == {} and found.missed == {}
    assert found.skipped == {"image_quality": ["images"]}


def test_run__sample_of_digits_has_none() -> None:
    sample = next(s for s in SAMPLES if s.kind == "image")
    frame = pd.read_csv(sample.path)
    result = audit(dataset_of(sample.folder, frame[sample.content_columns[0]].tolist()[::4]))
    assert result.summary["flagged"] == 0 and result.summary["note"] == ""


@pytest.mark.parametrize(("name", "radius", "least"), [("cifar10n", 2, 0.8), ("detection_bccd", 10, 0.95)])
def test_run__blurred_copies_of_real_pictures(
    shared_data: Path, tmp_path: Path, name: str, radius: int, least: float
) -> None:
    files = sorted((shared_data / name / "images").iterdir())[:: 50 if name == "cifar10n" else 8]
    for i, file in enumerate(files):
        with Image.open(file) as image:
            image.convert("RGB").filter(ImageFilter.GaussianBlur(radius)).save(tmp_path / f"{i}.png")
    sharp = audit(dataset_of(shared_data / name / "images", [file.name for file in files]))
    blurred = audit(dataset_of(tmp_path, [f"{i}.png" for i in range(len(files))]))
    count = {r: r.figures["kinds"].set_index("kind").loc["blurry", "rows"] for r in (sharp, blurred)}
    assert count[sharp] == 0
    assert count[blurred] >= least * len(files)
