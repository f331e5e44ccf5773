"""One contract over every embedder: shapes, repeatable, cancelled, blind to labels, clear refusals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core.baseline import embedders
from core.dataset import Columns, Dataset
from core.errors import InputError
from core.models._base import Embedder
from core.progress import Cancelled, Progress

ROWS = 40


def dataset_of(kind: str, root: Path) -> Dataset:
    """40 rows of one kind, two classes."""
    names = [f"{i:02}.png" for i in range(ROWS)]
    table = pd.DataFrame(
        {
            "words": [f"a {'cat' if i % 2 else 'dog'} sat on mat {i % 5}, été 猫" for i in range(ROWS)],
            "path": names,
            "height": [str(i % 7) for i in range(ROWS)],
            "colour": ["red" if i % 3 else "" for i in range(ROWS)],
        },
        index=pd.Index([f"r{i}" for i in range(ROWS)], dtype="str"),
        dtype="str",
    )
    hashes = None
    if kind == "image":
        hashes = np.array(["0" * 64] * ROWS)
        for i, name in enumerate(names):
            values = np.random.default_rng(i).integers(0, 255, (20, 30, 3), dtype=np.uint8)
            Image.fromarray(values).save(root / name)
    content = {"text": ("words",), "image": ("path",), "tabular": ("height", "colour")}[kind]
    columns = Columns(content=content, kind=kind)  # type: ignore[arg-type]
    labels = np.array([0, 1] * (ROWS // 2), dtype=np.int32)
    return Dataset("d", table, columns, ("dog", "cat"), ("dog", "cat"), labels, root, hashes)


@pytest.fixture(params=embedders().values(), ids=list(embedders()))
def embedder(request: pytest.FixtureRequest) -> Embedder:
    return request.param


def test_embedders__are_found() -> None:
    assert list(embedders()) == ["image_pixels", "tabular_columns", "text_characters", "text_tfidf"]


def test_fit_transform__gives_finite_float32_rows(embedder: Embedder, tmp_path: Path) -> None:
    values = embedder.fit_transform(dataset_of(embedder.kind, tmp_path), 0, Progress()).values
    assert values.dtype == np.float32
    assert values.ndim == 2
    assert values.shape[0] == ROWS
    assert values.shape[1] >= 1
    assert np.isfinite(values).all()
    assert values.std(axis=0).max() > 0


def test_fit_transform__is_the_same_again(embedder: Embedder, tmp_path: Path) -> None:
    dataset = dataset_of(embedder.kind, tmp_path)
    first = embedder.fit_transform(dataset, 3, Progress()).values
    assert np.array_equal(first, embedder.fit_transform(dataset, 3, Progress()).values)


def test_fit_transform__reads_no_label(embedder: Embedder, tmp_path: Path) -> None:
    dataset = dataset_of(embedder.kind, tmp_path)
    other = replace(dataset, labels=1 - dataset.labels)
    first = embedder.fit_transform(dataset, 0, Progress()).values
    assert np.array_equal(first, embedder.fit_transform(other, 0, Progress()).values)


def test_fit_transform__stops_when_cancelled(embedder: Embedder, tmp_path: Path) -> None:
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        embedder.fit_transform(dataset_of(embedder.kind, tmp_path), 0, progress)


def test_fit_transform__refuses_content_that_says_nothing(embedder: Embedder, tmp_path: Path) -> None:
    dataset = dataset_of(embedder.kind, tmp_path)
    empty = replace(dataset, table=dataset.table.assign(**dict.fromkeys(dataset.columns.content, "")))
    with pytest.raises(InputError, match=r"every text is empty|no picture can be read|no column tells"):
        embedder.fit_transform(empty, 0, Progress())


def test_image_pixels__unreadable_pictures_are_told_and_get_the_mean(tmp_path: Path) -> None:
    dataset = dataset_of("image", tmp_path)
    (tmp_path / "05.png").write_bytes(b"no picture")
    (tmp_path / "07.png").unlink()
    features = embedders()["image_pixels"].fit_transform(dataset, 0, Progress())
    assert np.abs(features.values[[5, 7]]).max() == 0
    assert np.abs(features.values[[4, 6]]).max() > 0
    assert [(p.row, p.count, p.column) for p in features.remarks] == [(6, 2, "path")]


def test_image_pixels__reads_nothing_outside_its_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    dataset = dataset_of("image", tmp_path / "in")
    Image.new("RGB", (32, 32), "red").save(tmp_path / "secret.png")
    paths = ["../secret.png", *dataset.table["path"].tolist()[1:]]
    outside = replace(dataset, table=dataset.table.assign(path=paths))
    features = embedders()["image_pixels"].fit_transform(outside, 0, Progress())
    assert np.abs(features.values[0]).max() == 0
    assert features.remarks[0].row == 1


def test_tabular_columns__leaves_identifiers_out_and_says_so(tmp_path: Path) -> None:
    dataset = dataset_of("tabular", tmp_path)
    table = dataset.table.assign(
        number=[str(1000 + i) for i in range(ROWS)], code=[f"user-{i * 7}" for i in range(ROWS)]
    )
    columns = replace(dataset.columns, content=("height", "number", "code", "colour"))
    features = embedders()["tabular_columns"].fit_transform(
        replace(dataset, table=table, columns=columns), 0, Progress()
    )
    assert [p.column for p in features.remarks] == ["number, code"]
    # height; colour: one value and a flag where it is missing
    assert features.values.shape == (ROWS, 3)
    assert np.allclose(features.values[:, 0].mean(), 0, atol=1e-6)
    assert features.values[:3, 1:].tolist() == [[0, 1], [1, 0], [1, 0]]


def test_text__long_texts_are_told(tmp_path: Path) -> None:
    dataset = dataset_of("text", tmp_path)
    texts = ["cat " * 5_001, *dataset.table["words"].tolist()[1:]]
    features = embedders()["text_tfidf"].fit_transform(
        replace(dataset, table=dataset.table.assign(words=texts)), 0, Progress()
    )
    assert [(p.severity, p.row, p.count) for p in features.remarks] == [("notice", 1, 1)]
