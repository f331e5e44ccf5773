from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from core.review.claims import HELD_S, Claims
from core.review.database import Database


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def claims(store_url: str, clock: Clock) -> Iterator[Claims]:
    database = Database(store_url)
    yield Claims(database, clock)
    database.close()


def holders(claims: Claims) -> dict[str, str]:
    return {row_id: claim.annotator for row_id, claim in claims.held("d").items()}


def test_take__gives_each_row_to_one_annotator(claims: Claims) -> None:
    mine = claims.take("d", "ann", ["r1", "r2", "r2"])
    assert {r: (c.annotator, c.expires_at) for r, c in mine.items()} == {
        "r1": ("ann", 1000 + HELD_S),
        "r2": ("ann", 1000 + HELD_S),
    }
    theirs = claims.take("d", "bob", ["r2", "r3"])
    assert {r: c.annotator for r, c in theirs.items()} == {"r2": "ann", "r3": "bob"}
    assert holders(claims) == {"r1": "ann", "r2": "ann", "r3": "bob"}
    assert claims.take("other", "bob", ["r1"])["r1"].annotator == "bob"
    assert claims.take("d", "bob", []) == {}


def test_take__expires(claims: Claims, clock: Clock) -> None:
    claims.take("d", "ann", ["r1"])
    clock.now += HELD_S - 1
    assert claims.take("d", "bob", ["r1"])["r1"].annotator == "ann"
    clock.now += 1
    assert holders(claims) == {}
    assert claims.take("d", "bob", ["r1"])["r1"].annotator == "bob"
    assert claims.take("d", "ann", ["r1"])["r1"].annotator == "bob"


def test_renew__begins_the_time_anew_and_gives_back_what_is_done(claims: Claims, clock: Clock) -> None:
    claims.take("d", "ann", ["r1", "r2"])
    claims.take("d", "bob", ["r3"])
    clock.now += HELD_S - 1
    assert claims.renew("d", "ann", ["r1", "r3"]) == clock.now + HELD_S
    assert holders(claims) == {"r2": "ann", "r3": "bob"}
    clock.now += 1
    assert holders(claims) == {"r2": "ann"}


def test_renew__does_not_revive_what_has_expired(claims: Claims, clock: Clock) -> None:
    claims.take("d", "ann", ["r1"])
    clock.now += HELD_S
    claims.renew("d", "ann")
    assert holders(claims) == {}


def test_release__gives_back_ones_own(claims: Claims) -> None:
    claims.take("d", "ann", ["r1"])
    claims.take("d", "bob", ["r2"])
    claims.release("d", "ann")
    assert holders(claims) == {"r2": "bob"}


def test_take__many_rows_and_threads_never_share_one(claims: Claims) -> None:
    rows = [f"r{i}" for i in range(1200)]
    got: dict[str, set[str]] = {}

    def work(name: str) -> None:
        taken = claims.take("d", name, rows)
        got[name] = {r for r, c in taken.items() if c.annotator == name}

    threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(rows) for rows in got.values()) == [0, 0, 0, 1200]
