"""Where steps run: processes that are killed, errors that come back, a Dask cluster that loses workers."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from core.errors import InputError, refuse
from core.progress import Cancelled, Progress
from core.sharded.run import Asked, run_shards
from core.sharded.runners import Dask, InTurn, Local
from tests.core.sharded.shards import folder, made_up, same_files, write_shards
from tests.core.sharded.test_run import MODEL

ASKED = Asked(("features", "labels", "copies", "places", "neighbours"), features=MODEL, k=5)


def die_once(where: str, number: int) -> int:
    """Kill the own process, as the system does for want of memory, but once for each third number."""
    mark = Path(where) / f"died-{number}"
    if number % 3 == 0 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def die(number: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def complain(number: int) -> int:
    if number == 3:
        raise refuse("no such number", file="part-3.parquet", row=7)
    return number


def test_local__killed_processes_are_replaced_and_nothing_is_lost(tmp_path: Path) -> None:
    with Local(2) as runner:
        found = dict(runner.map(partial(die_once, str(tmp_path)), range(8), Progress(), "counting"))
    assert found == {i: i * i for i in range(8)}
    assert len(list(tmp_path.iterdir())) == 3


def test_local__gives_up_where_processes_die_again_and_again() -> None:
    with Local(1) as runner, pytest.raises(InputError, match="workers died again and again while counting"):
        list(runner.map(die, range(2), Progress(), "counting"))


@pytest.mark.parametrize("runner", [InTurn(), Local(2), Local(2, processes=False)])
def test_map__an_error_comes_back_as_it_was(runner: InTurn | Local) -> None:
    with pytest.raises(InputError) as error, runner:
        list(runner.map(complain, range(6), Progress(), "counting"))
    assert (error.value.problems[0].file, error.value.problems[0].row) == ("part-3.parquet", 7)


@pytest.fixture(scope="module")
def cluster() -> Iterator[object]:
    """Two worker processes, each with a nanny that replaces it."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as made:
        yield made


@pytest.mark.timeout(240)
def test_dask__workers_killed_in_mid_run_change_nothing(cluster: object, tmp_path: Path) -> None:
    labels, probs = made_up(4000, 5, 1)
    texts = [f"text {i % 900}" for i in range(4000)]
    write_shards(folder(tmp_path / "in"), [0, 1, 700, 700, 1500, 3999], labels, probs, None, texts)
    run_shards(folder(tmp_path / "in"), folder(tmp_path / "one"), ASKED, InTurn(), Progress())
    killed: list[str] = []

    def kill(fraction: float, message: str) -> None:
        for words in ("embedding", "comparing rows"):
            if message.startswith(words) and words not in killed:
                nanny = next(n for n in cluster.workers.values() if n.pid)  # type: ignore[attr-defined]
                os.kill(nanny.pid, signal.SIGKILL)
                killed.append(words)

    with Dask(cluster.scheduler_address) as runner:  # type: ignore[attr-defined]
        run_shards(folder(tmp_path / "in"), folder(tmp_path / "two"), ASKED, runner, Progress(kill))
    assert len(killed) == 2
    same_files(folder(tmp_path / "one"), folder(tmp_path / "two"))


def test_dask__cancelled_while_workers_are_busy_leaves_nothing(cluster: object, tmp_path: Path) -> None:
    write_shards(folder(tmp_path / "in"), [400, 800], contents=[f"t{i}" for i in range(1200)])
    progress = Progress(lambda _, said: begun.append(said) or _cancel_at(progress, begun))  # type: ignore[func-returns-value]
    begun: list[str] = []
    asked = Asked(("features",), features=MODEL)
    with Dask(cluster.scheduler_address) as runner, pytest.raises(Cancelled):  # type: ignore[attr-defined]
        run_shards(folder(tmp_path / "in"), folder(tmp_path / "out"), asked, runner, progress)
    time.sleep(1.5)  # a shard in hand takes 0.5 s; what its worker writes must find no folder
    assert folder(tmp_path / "out").names() == []


def _cancel_at(progress: Progress, begun: list[str]) -> None:
    if len([said for said in begun if said.startswith("embedding, 0")]) == 3:
        progress.cancel()


def test_dask__an_error_comes_back_as_it_was(cluster: object) -> None:
    with pytest.raises(InputError) as error, Dask(cluster.scheduler_address) as runner:  # type: ignore[attr-defined]
        list(runner.map(complain, range(6), Progress(), "counting"))
    assert (error.value.problems[0].file, error.value.problems[0].row) == ("part-3.parquet", 7)


def test_dask__nobody_answers() -> None:
    pytest.importorskip("distributed")
    with pytest.raises(InputError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        Dask("tcp://127.0.0.1:9", wait_s=1)


def test_dask__not_installed_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"pip install 'labelmend\[dask\]'"):
        Dask("tcp://127.0.0.1:8786")
