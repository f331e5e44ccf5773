from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core import guards, media_routes, server
from core.desk import Desk
from core.limits import DECODING, WRITES, Overload, Rate, Workers
from core.review.people import People, Role
from core.session_token import Session, mint_media, mint_session
from core.settings import Settings
from core.team import Team
from core.workspace import Workspace
from tests.browser.serving import pictures

T = TypeVar("T")
HOST = "http://labelmend.test"


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


# --- the bucket -------------------------------------------------------------------------------------


def taken(rate: Rate, key: str, asked: int) -> int:
    """How many of so many requests at once are let through."""
    through = 0
    for _ in range(asked):
        try:
            rate.take(key)
        except Overload:
            continue
        through += 1
    return through


def test_rate__lets_a_burst_through_and_then_so_many_a_second() -> None:
    clock = Clock()
    rate = Rate(5, 20, clock)
    assert taken(rate, "ann", 30) == 20
    clock.now += 1
    assert taken(rate, "ann", 30) == 5
    clock.now += 0.1
    assert taken(rate, "ann", 30) == 0
    clock.now += 3600
    assert taken(rate, "ann", 30) == 20


def test_rate__what_is_refused_is_not_counted() -> None:
    clock = Clock()
    rate = Rate(1, 1, clock)
    assert taken(rate, "ann", 1000) == 1
    clock.now += 1
    assert taken(rate, "ann", 1000) == 1


def test_rate__is_of_each_key() -> None:
    rate = Rate(1, 2, Clock())
    assert (taken(rate, "ann", 5), taken(rate, "ben", 5)) == (2, 2)


def test_rate__says_when_to_come_again() -> None:
    clock = Clock()
    rate = Rate(0.5, 1, clock)
    rate.take("ann")
    with pytest.raises(Overload, match="sent again") as refused:
        rate.take("ann")
    assert (refused.value.status, refused.value.retry_after) == (429, 2)
    clock.now += 2
    rate.take("ann")


def test_rate__forgets_who_has_gone() -> None:
    clock = Clock()
    rate = Rate(50, 500, clock)
    for i in range(5000):
        clock.now += 0.01
        rate.take(f"session {i}")
    assert len(rate) <= 1001  # those of the last 10 s


# --- the workers ------------------------------------------------------------------------------------


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run it in a loop and a thread of its own: a browser test before may have left a loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def test_workers__do_so_many_at_once_and_the_others_wait() -> None:
    workers, lock = Workers(at_once=2, waiting=10), threading.Lock()
    counts = {"now": 0, "most": 0}

    def work(number: int) -> int:
        with lock:
            counts["now"] += 1
            counts["most"] = max(counts.values())
        time.sleep(0.02)
        with lock:
            counts["now"] -= 1
        return number

    async def ask() -> list[int]:
        return await asyncio.gather(*(workers.run(work, i) for i in range(12)))

    assert run(ask()) == list(range(12))
    assert counts == {"now": 0, "most": 2}


def test_workers__refuse_what_the_queue_does_not_hold_and_take_the_next_when_it_does() -> None:
    workers, go = Workers(at_once=1, waiting=2), threading.Event()

    async def ask() -> tuple[list[Any], bool]:
        first = [asyncio.create_task(workers.run(go.wait, 10)) for _ in range(5)]
        await asyncio.sleep(0.05)
        go.set()
        found = await asyncio.gather(*first, return_exceptions=True)
        return found, await workers.run(go.wait, 10)

    found, after = run(ask())
    assert [getattr(f, "status", f) for f in found] == [True, True, True, 503, 503]
    assert after is True


def test_workers__a_failure_gives_its_place_back() -> None:
    workers = Workers(at_once=1, waiting=0)

    async def ask() -> None:
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                await workers.run(lambda: 1 // 0)

    run(ask())


# --- the routes -------------------------------------------------------------------------------------


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    workspace = Workspace(Settings(tmp_path, (tmp_path,), "", "ann"))
    pictures(workspace, n=20)
    desk = Desk(workspace, lambda project: {})
    yield Team(desk, People(desk.store, Role.OWNER))
    desk.store.close()


@pytest.fixture
def client(team: Team) -> TestClient:
    app = Starlette(routes=server.routes(team.desk.workspace, team))
    return TestClient(app, base_url=HOST, raise_server_exceptions=False)


def headers(team: Team, session: str) -> dict[str, str]:
    token = mint_session(team.desk.workspace.secret(), Session("ann", session))
    return {"Origin": HOST, "Sec-Fetch-Site": "same-origin", "X-Labelmend-Token": token}


def keep(row: str, op_id: str) -> dict[str, Any]:
    given = "t-shirt" if row == "img-000" else "trouser"
    return {"op_id": op_id, "dataset": "pictures", "row_id": row, "action": "keep", "given_label": given}


def test_decisions__too_many_are_put_off_with_a_sentence_and_none_is_lost(
    team: Team, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(guards, "WRITES", Rate(50, 3, clock))
    mine = headers(team, "one")

    def post(op_id: str, signed: dict[str, str]) -> Any:
        body = {"decisions": [keep("img-000", op_id)]}
        return client.post("/labelmend/decisions", json=body, headers=signed)

    answers = [post(f"op{i}", mine) for i in range(5)]
    assert [a.status_code for a in answers] == [200, 200, 200, 429, 429]
    assert answers[3].json() == {
        "error": "Too many changes in a short time. They are sent again in a moment."
    }
    assert answers[3].headers["Retry-After"] == "1"
    assert post("other tab", headers(team, "two")).status_code == 200
    clock.now += 1
    assert [post(f"op{i}", mine).status_code for i in (3, 4)] == [200, 200]
    ids = [e.op_id for e in team.store.events("pictures")]
    assert ids == ["op0", "op1", "op2", "other tab", "op3", "op4"]


def test_writes__a_person_at_the_keyboard_never_meets_the_limit() -> None:
    clock = Clock()
    rate = Rate(WRITES._a_second, int(WRITES._burst), clock)
    for _ in range(30 * 600):  # key repeat is 30 a second at most; ten minutes of it, each sent alone
        clock.now += 1 / 30
        rate.take("ann")


def test_every_route__wants_a_token(team: Team, client: TestClient) -> None:
    """A check that is not awaited would let everybody in: each route is asked without a token."""
    for route in server.routes(team.desk.workspace, team):
        method = "POST" if "POST" in (route.methods or ()) else "GET"
        path = route.path.replace("{dataset}", "pictures").replace("{file}", "x.csv")
        same = {"Origin": HOST, "Sec-Fetch-Site": "same-origin"}
        params = {"ds": "pictures", "row": "img-000"}
        assert client.request(method, path, headers=same, params=params).status_code == 401, path


def test_media__a_full_queue_is_said_and_the_picture_comes_later(
    team: Team, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = mint_media(team.desk.workspace.secret(), "pictures", "ann")
    params = {"row": "img-000", "size": "full", "token": token}
    monkeypatch.setattr(media_routes, "DECODING", Workers(at_once=1, waiting=-1))  # no room for one
    answer = client.get("/labelmend/media/pictures", params=params)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert "waiting to be decoded" in answer.json()["error"]
    monkeypatch.setattr(media_routes, "DECODING", DECODING)
    answer = client.get("/labelmend/media/pictures", params=params)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/png")


def test_media__is_decoded_by_threads_of_its_own(
    team: Team, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def picture(*args: Any) -> Any:
        seen.append(threading.current_thread().name)
        return genuine(*args)

    genuine = media_routes.picture
    monkeypatch.setattr(media_routes, "picture", picture)
    token = mint_media(team.desk.workspace.secret(), "pictures", "ann")
    params = {"row": "img-001", "size": "full", "token": token}
    assert client.get("/labelmend/media/pictures", params=params).status_code == 200
    assert seen and seen[0].startswith("labelmend-worker")
