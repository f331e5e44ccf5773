"""Places and nearest rows over shards against those of one machine, to the last bit."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.methods import neighbours, projection
from core.methods.neighbours import nearest
from core.methods.projection import principal
from core.progress import Progress
from core.sharded import vectors
from core.sharded.run import Asked, run_shards
from core.sharded.runners import InTurn
from tests.core.sharded.shards import folder, read_arrays, write_shards

BOTH = ("places", "neighbours")


@settings(max_examples=25)
@given(st.integers(0, 70), st.sampled_from([np.float16, np.float32, np.float64]), st.data())
def test_vectors__are_those_of_one_machine(n: int, dtype: type, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, n), max_size=4)))
    k, width = data.draw(st.integers(1, 80)), data.draw(st.integers(1, 9))
    embeddings = np.random.default_rng(n).integers(-2, 3, (n, width)).astype(dtype)  # ties, and rows of zeros
    with tempfile.TemporaryDirectory() as where:
        source, out = folder(Path(where) / "in"), folder(Path(where) / "out")
        write_shards(source, cuts, embeddings=embeddings)
        run_shards(source, out, Asked(BOTH, k=k), InTurn(), Progress())
        rows, distances = read_arrays(out, "neighbours"), read_arrays(out, "distances")
        places = read_arrays(out, "places")
    expected, how = nearest(embeddings, np.arange(n), k)
    assert (rows.dtype, distances.dtype) == (np.int64, np.float32)
    assert np.array_equal(rows, expected) and np.array_equal(distances, how)
    assert np.array_equal(places, principal(embeddings))


def test_vectors__many_blocks_and_stretches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, value in (
        (neighbours, "QUERIES", 64), (neighbours, "_REFERENCES", 100), (neighbours, "_LONG_BYTES", 1),
        (vectors, "QUERIES", 64), (vectors, "_MOST_QUERIES", 128), (vectors, "_STRETCHES", 3),
        (projection, "ROWS_AT_ONCE", 50), (vectors, "ROWS_AT_ONCE", 50), (projection, "_AXES_ROWS", 300),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, value)
    embeddings = np.random.default_rng(0).normal(size=(1000, 48)).astype(np.float32)
    write_shards(folder(tmp_path / "in"), [0, 1, 333, 333, 901, 1000], embeddings=embeddings)
    run_shards(folder(tmp_path / "in"), folder(tmp_path / "out"), Asked(BOTH, k=12), InTurn(), Progress())
    expected, how = nearest(embeddings, np.arange(1000), 12)
    assert np.array_equal(read_arrays(folder(tmp_path / "out"), "neighbours"), expected)
    assert np.array_equal(read_arrays(folder(tmp_path / "out"), "distances"), how)
    assert np.array_equal(read_arrays(folder(tmp_path / "out"), "places"), principal(embeddings))
    assert len(vectors._asking(1000)) == 8


def test_places__new_rows_on_the_map_of_an_earlier_run(tmp_path: Path) -> None:
    embeddings = np.random.default_rng(0).normal(size=(300, 5)).astype(np.float32)
    write_shards(folder(tmp_path / "in"), [100], embeddings=embeddings)
    run_shards(folder(tmp_path / "in"), folder(tmp_path / "out"), Asked(("places",)), InTurn(), Progress())
    known = read_arrays(folder(tmp_path / "out"), "places")
    write_shards(folder(tmp_path / "new"), [3], embeddings=embeddings[40:50])
    asked = Asked(("places",), axes=str(tmp_path / "out"))
    run_shards(folder(tmp_path / "new"), folder(tmp_path / "out2"), asked, InTurn(), Progress())
    np.testing.assert_allclose(read_arrays(folder(tmp_path / "out2"), "places"), known[40:50], atol=1e-6)
    write_shards(folder(tmp_path / "wide"), [3], embeddings=np.ones((9, 6), np.float32))
    with pytest.raises(InputError, match=r"axes\.npz: centre is \(5,\).*Expected: \(6,\)"):
        run_shards(folder(tmp_path / "wide"), folder(tmp_path / "out3"), asked, InTurn(), Progress())
    none = Asked(("places",), axes=str(tmp_path))
    with pytest.raises(InputError, match=r"axes\.npz: no axes of an earlier run"):
        run_shards(folder(tmp_path / "new"), folder(tmp_path / "out3"), none, InTurn(), Progress())


@pytest.mark.parametrize("steps", [("places",), ("neighbours",)])
def test_vectors__a_value_that_is_not_finite_names_shard_and_row(tmp_path: Path, steps: tuple[str]) -> None:
    embeddings = np.ones((30, 4), np.float32)
    embeddings[17, 2] = np.nan
    write_shards(folder(tmp_path / "in"), [9, 15], embeddings=embeddings)
    with pytest.raises(InputError, match=r"embeddings-00002\.npy, row 3: an embedding that is not finite"):
        run_shards(folder(tmp_path / "in"), folder(tmp_path / "out"), Asked(steps), InTurn(), Progress())
