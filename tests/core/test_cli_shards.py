"""`labelmend shards` from outside: results, messages, Ctrl+C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from core.methods.confident_learning import scan
from core.methods.label_filters import DEFAULT_FILTER, flag
from core.sharded.run import SUMMARY
from tests.core.sharded.shards import folder, made_up, read_tables, write_shards
from tests.core.test_cli import labelmend

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    labels, probs = made_up(60, 3, 0)
    write_shards(folder(tmp_path / "in"), [20, 20], labels, probs, contents=[f"t{i % 50}" for i in range(60)])
    return tmp_path / "in"


def test_shards__writes_scores_and_says_what_it_did(shards: Path, tmp_path: Path) -> None:
    out = labelmend("shards", shards, "--out", tmp_path / "out", "--workers", 1, workspace=tmp_path / "w")
    assert out.returncode == 0, out.stderr
    labels, probs = made_up(60, 3, 0)
    flagged = int(flag(scan(labels, probs), probs, DEFAULT_FILTER).sum())
    first, *steps = out.stdout.splitlines()
    assert first.startswith(f"{tmp_path / 'out'}: 60 rows, 3 shards, ")
    assert [line.split(" (")[0] for line in steps] == [f"  labels: {flagged} flagged", "  copies: 10 flagged"]
    assert sum(read_tables(folder(tmp_path / "out"), "scores")["flagged"]) == flagged
    assert json.loads((tmp_path / "out" / SUMMARY).read_text())["steps"]["labels"]["flagged"] == flagged
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--workers", "0"], "--workers 0. Expected: 1 or more"),
        (["--neighbours", "0"], "--neighbours 0. Expected: 1 or more"),
        (
            ["--scheduler", "tcp://127.0.0.1:9", "--workers", "2"],
            "--workers and --threads are for this machine",
        ),
        (["--steps", "colours", "--workers", "1"], "no step called 'colours'"),
        (["--id-column", "key", "--workers", "1"], "part-00000.parquet: no column of row ids"),
    ],
)
def test_shards__refuses_in_words(shards: Path, tmp_path: Path, more: list[str], said: str) -> None:
    out = labelmend("shards", shards, "--out", tmp_path / "out", *more, workspace=tmp_path / "w")
    assert out.returncode == 1 and said in out.stderr and "Traceback" not in out.stderr
    assert folder(tmp_path / "out").names() == []


@pytest.mark.parametrize("runner", [["--workers", "2"], ["--workers", "2", "--threads"], ["--workers", "1"]])
def test_shards__interrupted_leaves_nothing(tmp_path: Path, runner: list[str]) -> None:
    write_shards(folder(tmp_path / "in"), list(range(50, 2000, 50)), contents=[f"t{i}" for i in range(2000)])
    command = [sys.executable, "-c", "import sys; from core.cli import main; sys.exit(main())", "shards"]
    command += [str(tmp_path / "in"), "--out", str(tmp_path / "out"), *runner]
    command += ["--steps", "features", "--features", "text_callable:tests.core.sharded.slow_model:embed"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a background job ignores it
    ) as run:
        deadline = time.monotonic() + 60
        while not list((tmp_path / "out").glob("work-*/embeddings-*.npy")):
            assert run.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        os.killpg(run.pid, signal.SIGINT)  # as a terminal sends it: to every process
        _, said = run.communicate(timeout=60)
    assert run.returncode == 1
    assert said.strip() == "labelmend: stopped; nothing was half-written"
    assert list((tmp_path / "out").iterdir()) == []


def test_shards__on_a_dask_scheduler(shards: Path, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    embeddings = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    for number, (a, b) in enumerate([(0, 20), (20, 20), (20, 60)]):
        np.save(shards / f"embeddings-0000{number}.npy", embeddings[a:b])
    with distributed.LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=":0") as cluster:
        more = ["--steps", "labels,copies,places,neighbours", "--neighbours", 3]
        there = ["--out", tmp_path / "two", "--scheduler", cluster.scheduler_address]
        out = labelmend("shards", shards, *there, *more, workspace=tmp_path / "w")
    assert out.returncode == 0, out.stderr
    one = labelmend("shards", shards, "--out", tmp_path / "one", "--threads", *more, workspace=tmp_path / "w")
    assert one.returncode == 0, one.stderr
    assert out.stdout.splitlines()[1:] == one.stdout.splitlines()[1:]
    for name in folder(tmp_path / "one").names():
        if name != SUMMARY:
            assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
