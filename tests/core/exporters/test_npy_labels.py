"""Arrays of labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import InputError
from core.exporters.npy_labels import NPY_LABELS
from core.progress import Progress
from core.review.decisions import Action

from .conftest import load, plan


def export(path: Path, choices: dict[int, str | Action] | None = None, **options: object) -> np.ndarray:
    out = path.parent / "out"
    NPY_LABELS.write(plan(load(path, "npy"), choices, **options), out, Progress())
    return np.load(out)


@pytest.mark.parametrize(
    "labels",
    [
        np.array([3, 0, 3, 10], dtype=">i2"),
        np.array([3.0, 0.0, 3.0, 10.0], dtype=np.float32),
        np.array([[3], [0], [3], [10]], dtype=np.int64),
        np.array([True, False, True, True]),
        np.array(["cat", "dög", "cat", "cat"]),
        np.array(["cat", "dog", "cat", "cat"]).astype("S"),
    ],
)
def test_write__keeps_type_and_shape(tmp_path: Path, labels: np.ndarray) -> None:
    path = tmp_path / "t.npy"
    np.save(path, labels)
    export(path)
    assert (tmp_path / "out").read_bytes() == path.read_bytes()
    dataset, _ = load(path, "npy")
    other = dataset.classes[int(dataset.labels[1])]
    got = export(path, {0: other, 3: Action.EXCLUDE})
    assert got.dtype == labels.dtype
    assert got.tolist() == labels[[1, 1, 2]].tolist()


def test_write__strings_are_widened(tmp_path: Path) -> None:
    path = tmp_path / "t.npy"
    np.save(path, np.array(["a", "bcd"]))
    from dataclasses import replace

    dataset, source = load(path, "npy")
    dataset = replace(dataset, classes=("a", "longer"), tokens=("a", "longer"), labels=np.array([0, 1]))
    NPY_LABELS.write(plan((dataset, source), {0: "longer"}), tmp_path / "out", Progress())
    assert np.load(tmp_path / "out").tolist() == ["longer", "bcd"]


def test_write__large_integers_are_exact(tmp_path: Path) -> None:
    path = tmp_path / "t.npy"
    np.save(path, np.array([2**63 - 1, 2**63 - 3]))
    assert export(path, {1: str(2**63 - 1)}).tolist() == [2**63 - 1] * 2


def test_write__from_csv_writes_class_codes(written) -> None:
    path = written("t.csv", b"text,label\na,cat\nb,\nc,dog\nd,dog\n")
    out = path.parent / "out"
    NPY_LABELS.write(plan(load(path), {0: "dog", 3: Action.EXCLUDE}), out, Progress())
    got = np.load(out)
    assert (got.dtype, got.tolist()) == (np.int64, [1, -1, 1])


def test_write__has_no_room_for_columns(tmp_path: Path) -> None:
    np.save(tmp_path / "t.npy", np.array([0, 1]))
    with pytest.raises(InputError, match="no room for added columns"):
        export(tmp_path / "t.npy", excluded="mark")


def test_write__wrong_row_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.npy"
    np.save(path, np.array([0, 1]))
    loaded = load(path, "npy")
    np.save(path, np.array([1, 0]))
    with pytest.raises(InputError, match="row 1, column label: the source has '1'"):
        NPY_LABELS.write(plan(loaded, {0: "1"}), tmp_path / "out", Progress())
