from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import InputError
from core.importers.npy_labels import read
from core.progress import Progress
from core.source import RawTable


def saved(tmp_path: Path, array: np.ndarray) -> RawTable:
    np.save(tmp_path / "y.npy", array)
    return read(tmp_path / "y.npy", Progress())


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([2, 0, 1], dtype=">i2"), [2, 0, 1]),
        (np.array([[2], [0]]), [2, 0]),
        (np.array([2.0, 0.0]), [2, 0]),
        (np.array([0.5, 1.25]), [0.5, 1.25]),
        (np.array(["cat", "né"]), ["cat", "né"]),
        (np.array(["cat", "né"]).astype(">U3"), ["cat", "né"]),
        (np.char.encode(np.array(["cat", "né"]), "utf-8"), ["cat", "né"]),
    ],
)
def test_read__labels(tmp_path: Path, array: np.ndarray, expected: list[object]) -> None:
    assert saved(tmp_path, array).frame.to_dict("list") == {"label": expected}


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([1.0, np.nan]), "row 2: nan is no label"),
        (np.eye(3), r"shape \(3, 3\)"),
        (np.array(3), r"shape \(\)"),
        (np.array([1j]), "type complex128"),
        (np.array([b"\xff"]), "not UTF-8"),
        (np.array([{"a": 1}], dtype=object), "pickled objects"),
    ],
)
def test_read__refused(tmp_path: Path, array: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        saved(tmp_path, array)


def test_read__cut_off(tmp_path: Path) -> None:
    np.save(tmp_path / "y.npy", np.arange(100))
    (tmp_path / "y.npy").write_bytes((tmp_path / "y.npy").read_bytes()[:300])
    with pytest.raises(InputError, match=r"y\.npy: damaged or cut off"):
        read(tmp_path / "y.npy", Progress())


@pytest.mark.parametrize("point", [0x110000, 0xFFFFFFFF, 0xD800])
def test_read__numbers_that_are_no_characters(tmp_path: Path, point: int) -> None:
    path = tmp_path / "t.npy"
    np.save(path, np.array(["cat", "dog"]))
    path.write_bytes(path.read_bytes()[:-4] + np.uint32(point).tobytes())
    with pytest.raises(InputError, match="numbers that are no characters"):
        read(path, Progress())
