"""A whole run: what it leaves, what it leaves when it is stopped, and where it may write."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.errors import InputError
from core.progress import Cancelled, Progress
from core.sharded.embed import SEED
from core.sharded.run import STEPS, SUMMARY, Asked, run_shards
from core.sharded.runners import InTurn, Local
from core.sharded.store import Store
from tests.core.sharded.shards import folder, made_up, read_arrays, read_tables, same_files, write_shards
from tests.core.sharded.slow_model import embed

MODEL = "text_callable:tests.core.sharded.slow_model:embed"


def small(source: Store, embeddings: bool = True) -> None:
    labels, probs = made_up(60, 3, 0)
    values = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32) if embeddings else None
    write_shards(source, [20, 20, 41], labels, probs, values, [f"text {i % 50}" for i in range(60)])


def test_run__leaves_results_and_nothing_else(tmp_path: Path) -> None:
    small(folder(tmp_path / "in"))
    summary = run_shards(folder(tmp_path / "in"), folder(tmp_path / "out"), Asked(), InTurn(), Progress())
    out = folder(tmp_path / "out")
    each = [f"{what}-0000{i}" for what in ("copies", "places", "scores") for i in range(4)]
    names = [f"{n}.npy" if n.startswith("places") else f"{n}.parquet" for n in each]
    assert out.names() == sorted([*names, "axes.npz", "classes.parquet", "joint.parquet", SUMMARY])
    assert json.loads(out.read(SUMMARY)) == summary
    assert list(summary["steps"]) == ["labels", "copies", "places"]
    assert summary["shards"][2] == {"name": "00002", "rows": 21, "start": 20}


def test_run__another_one_replaces_it_and_takes_away_what_it_does_not_make(tmp_path: Path) -> None:
    small(folder(tmp_path / "in"))
    out = folder(tmp_path / "out")
    run_shards(folder(tmp_path / "in"), out, Asked(), InTurn(), Progress())
    out.within("work-0123456789abcdef").make()  # left by one whose machine was switched off
    run_shards(folder(tmp_path / "in"), out, Asked(("copies",)), InTurn(), Progress())
    assert out.names() == [*(f"copies-0000{i}.parquet" for i in range(4)), SUMMARY]


@pytest.mark.parametrize("message", ["checking", "reading", "finding the cut", "writing scores"])
@pytest.mark.parametrize("runner", [InTurn(), Local(2, processes=False)])
def test_run__cancelled_leaves_what_was_there(tmp_path: Path, message: str, runner: InTurn | Local) -> None:
    small(folder(tmp_path / "in"))
    out = folder(tmp_path / "out")
    run_shards(folder(tmp_path / "in"), out, Asked(("copies",)), InTurn(), Progress())
    before = {name: out.read(name) for name in out.names()}
    progress = Progress(lambda _, said: progress.cancel() if said.startswith(message) else None)
    with pytest.raises(Cancelled), runner:
        run_shards(folder(tmp_path / "in"), out, Asked(("labels",)), runner, progress)
    assert {name: out.read(name) for name in out.names()} == before


def test_run__stopped_while_results_are_moved_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(folder(tmp_path / "in"))
    out, move, moved = folder(tmp_path / "out"), Store.move, list[str]()

    def interrupted(store: Store, name: str, to: Store) -> None:
        moved.append(name)
        if len(moved) == 5:
            raise KeyboardInterrupt
        move(store, name, to)

    monkeypatch.setattr(Store, "move", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_shards(folder(tmp_path / "in"), out, Asked(("copies",)), InTurn(), Progress())
    assert list(json.loads(out.read(SUMMARY))) == ["unfinished"]
    assert not any(name.startswith("work-") for name in out.names())
    monkeypatch.setattr(Store, "move", move)
    run_shards(folder(tmp_path / "in"), out, Asked(("copies",)), InTurn(), Progress())
    assert "steps" in json.loads(out.read(SUMMARY))


def test_run__writes_nowhere_but_into_a_folder_of_its_own(tmp_path: Path) -> None:
    small(folder(tmp_path / "in"))
    source = folder(tmp_path / "in")
    with pytest.raises(InputError, match="--out is the folder of the shards"):
        run_shards(source, source, Asked(), InTurn(), Progress())
    write_shards(folder(tmp_path / "other"), [], embeddings=np.ones((3, 2), np.float32))
    with pytest.raises(InputError, match="the folder has files that no run has made"):
        run_shards(source, folder(tmp_path / "other"), Asked(), InTurn(), Progress())


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Asked(("labels", "colours")), "no step called 'colours'. Expected: features or labels"),
        (Asked(("neighbours",)), "the step neighbours needs embeddings-*.npy, or --features"),
        (Asked(("features",)), "the step features needs a content column, and --features NAME:WEIGHTS"),
        (Asked(("copies",), features=MODEL), "--features without the step features"),
        (Asked(features="text_tfidf"), "text_tfidf cannot be made shard by shard: it learns from all rows"),
        (Asked(features="text_callable:no.such:thing"), "no function no.such:thing"),
    ],
)
def test_run__steps_that_cannot_be_done(tmp_path: Path, asked: Asked, said: str) -> None:
    small(folder(tmp_path / "in"), embeddings=False)
    with pytest.raises(InputError) as error:
        run_shards(folder(tmp_path / "in"), folder(tmp_path / "out"), asked, InTurn(), Progress())
    assert said in str(error.value)
    assert folder(tmp_path / "out").names() == []


def test_features__of_every_shard_and_read_by_the_steps_after(tmp_path: Path) -> None:
    texts = [*(f"text {i}" for i in range(40)), *[""] * 5, None, "x"]
    write_shards(folder(tmp_path / "in"), [20, 20, 40, 43], contents=texts)
    asked = Asked(("neighbours", "features"), features=MODEL, k=3)
    summary = run_shards(folder(tmp_path / "in"), folder(tmp_path / "out"), asked, InTurn(), Progress())
    assert list(summary["steps"]) == ["features", "neighbours"] and SEED == 0
    made = read_arrays(folder(tmp_path / "out"), "embeddings")
    assert np.array_equal(made, embed([text or "" for text in texts]))
    beside = folder(tmp_path / "beside")
    write_shards(beside, [20, 20, 40, 43], embeddings=made)
    run_shards(beside, folder(tmp_path / "two"), Asked(("neighbours",), k=3), InTurn(), Progress())
    for what in ("neighbours", "distances"):
        one, two = (read_arrays(folder(tmp_path / name), what) for name in ("out", "two"))
        assert np.array_equal(one, two)


def test_run__in_memory_through_fsspec_as_in_folders(tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    fsspec.filesystem("memory").store.clear()
    small(folder(tmp_path / "in"))
    small(Store.at("memory://data/in"))
    asked = Asked(STEPS, features=MODEL, k=4)
    run_shards(folder(tmp_path / "in"), folder(tmp_path / "out"), asked, InTurn(), Progress())
    for runner in (InTurn(), Local(2, processes=False)):  # the memory of other processes is another one
        with runner:
            run_shards(Store.at("memory://data/in"), Store.at("memory://data/out"), asked, runner, Progress())
        same_files(folder(tmp_path / "out"), Store.at("memory://data/out"))
    stored = fsspec.filesystem("memory").find("/data/out")
    assert not any("work-" in name for name in stored)
    assert len(read_tables(Store.at("memory://data/out"), "scores")["row_id"]) == 60


def test_store__a_url_that_nothing_knows() -> None:
    pytest.importorskip("fsspec")
    with pytest.raises(InputError, match="nosuch://here cannot be opened"):
        run_shards(Store.at("nosuch://here"), Store.at("memory://out"), Asked(), InTurn(), Progress())


def test_store__without_fsspec_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(InputError, match=r"pip install 'labelmend\[dask\]'"):
        run_shards(Store.at("memory://in"), Store.at("memory://out"), Asked(), InTurn(), Progress())
