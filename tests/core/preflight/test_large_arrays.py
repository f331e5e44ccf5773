"""Predictions that are larger than memory should be: mapped, checked and stored piece by piece."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.preflight import large_arrays
from core.preflight.large_arrays import chunks, each_chunk
from core.preflight.probabilities import as_float_matrix, check_pred_probs

SIZE = 208 << 20
K = 1024
MOST = 64 << 20
"""Of memory that may be taken while an array of SIZE bytes is read, checked, hashed and stored."""

IMPORT = """
import json, sys, tracemalloc
from pathlib import Path
import numpy as np
from core.dataset import Columns
from core.loading import Plan, prepare, read_table
from core.settings import Settings
from core.workspace import Workspace

folder = Path(sys.argv[1])
raw = read_table(folder / "labels.npy")
tracemalloc.start()
prepared = prepare(raw, Plan("x", Columns(label="label"), pred_probs=folder / "probs.npy"))
assert prepared.ok, prepared.problems
name = Workspace(Settings(folder / "w", (folder,), "", "")).save(prepared)
peak = tracemalloc.get_traced_memory()[1]
stored = np.load(folder / "w" / "datasets" / name / "pred_probs.npy", mmap_mode="r")
rows = [stored[i].sum(dtype=np.float64) for i in (0, len(stored) - 1)]
print(json.dumps({"peak": peak, "dtype": str(stored.dtype), "shape": stored.shape, "sums": rows}))
"""


def write(folder: Path, dtype: str, scale: float) -> int:
    """SIZE bytes of probabilities that sum to `scale`, the label's the highest; the number of rows."""
    rows = SIZE // (K * np.dtype(dtype).itemsize)
    labels = np.arange(rows) % K
    np.save(folder / "labels.npy", labels)
    out = np.lib.format.open_memmap(folder / "probs.npy", "w+", np.dtype(dtype), (rows, K))
    for start in range(0, rows, 4_096):
        part = np.full((min(4_096, rows - start), K), scale / 2_048, dtype=dtype)
        part[np.arange(len(part)), labels[start : start + len(part)]] = scale * 1_025 / 2_048
        out[start : start + len(part)] = part
    out.flush()
    return rows


@pytest.mark.parametrize(
    ("dtype", "scale", "stored"),
    [
        ("<f2", 1, "float32"),
        ("<f4", 1, "float32"),
        ("<f8", 1, "float64"),
        ("<f4", 0.984375, "float32"),  # sums that have to be mended
    ],
)
def test_import__never_holds_large_predictions_in_memory(
    tmp_path: Path, dtype: str, scale: float, stored: str
) -> None:
    rows = write(tmp_path, dtype, scale)
    assert (tmp_path / "probs.npy").stat().st_size > 200_000_000
    try:
        out = subprocess.run(
            [sys.executable, "-c", IMPORT, str(tmp_path)], capture_output=True, text=True, check=True
        )
    finally:
        (tmp_path / "probs.npy").unlink()
        (tmp_path / "w" / "datasets" / "x" / "pred_probs.npy").unlink(missing_ok=True)
    found = json.loads(out.stdout)
    assert found["peak"] < MOST
    assert (found["dtype"], found["shape"]) == (stored, [rows, K])
    assert np.allclose(found["sums"], 1, atol=1e-5)


@pytest.mark.parametrize("most", [0, 1 << 20])
def test_each_chunk__the_same_on_disk_and_in_memory(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(large_arrays, "MOST_IN_MEMORY", most)
    monkeypatch.setattr(large_arrays, "CHUNK", 12)
    values = np.arange(21, dtype=np.float16).reshape(7, 3)
    out = each_chunk(values, lambda chunk: chunk[:, [2, 0]] + 1, 2, np.dtype(np.float64))
    assert isinstance(out, np.memmap) == (most == 0)
    assert out.dtype == np.float64
    assert out.tolist() == [[3, 1], [6, 4], [9, 7], [12, 10], [15, 13], [18, 16], [21, 19]]
    assert [(start, len(rows)) for start, rows in chunks(values)] == [(0, 2), (2, 2), (4, 2), (6, 1)]


def doubled(values: np.ndarray) -> np.ndarray:
    return np.repeat(values, 2, axis=0)[::2]


@pytest.mark.parametrize("view", [np.asfortranarray, doubled, np.asarray])
def test_as_float_matrix__any_layout_gives_the_same_values(view: Callable[[np.ndarray], np.ndarray]) -> None:
    values = np.array([[0.25, 0.75], [0.5, 0.5], [1, 0]], dtype=np.float32)
    found, problems = as_float_matrix(view(values), "p.npy", "pred_probs")
    assert found.tolist() == values.tolist() and found.flags.c_contiguous and problems == []
    assert check_pred_probs(found, "p.npy")[0].tolist() == values.tolist()
