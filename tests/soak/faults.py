"""A server and its database that are killed at random moments, and started again."""

from __future__ import annotations

import asyncio
import random
import time
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import replace
from pathlib import Path

from core.session_token import Session, mint_session
from core.settings import Settings
from core.workspace import Workspace
from tests.browser.serving import Server
from tests.postgres import Postgres

LONGEST_AWAY_S = 2.0
_STARTS = 20
_ANSWERS_S = 60


class Install:
    """The app as a team runs it: one server process, on SQLite or on a PostgreSQL of its own."""

    def __init__(self, root: Path, postgres: Postgres | None) -> None:
        self.server, self.postgres = Server(root), postgres
        self.kills: Counter[str] = Counter()
        if postgres is not None:
            url = postgres.database()
            settings: Settings = replace(self.server.workspace.settings, database_url=url)
            self.server.workspace = Workspace(settings)
            self.server.environ["LABELMEND_DATABASE_URL"] = url

    @property
    def database(self) -> str:
        return "SQLite" if self.postgres is None else "PostgreSQL"

    async def answers(self) -> None:
        """Wait until the server has answered a request that reads the data and the decisions."""
        deadline = time.monotonic() + _ANSWERS_S
        while not await asyncio.to_thread(self._asked):
            if time.monotonic() > deadline:
                raise RuntimeError("the server does not answer:\n" + self.server.log.read_text()[-4000:])
            await asyncio.sleep(0.1)

    def _asked(self) -> bool:
        workspace = self.server.workspace
        token = mint_session(workspace.secret(), Session("probe", "probe"))
        url = f"{self.server.url}/labelmend/items?ds={workspace.names()[0]}&n=1"
        request = urllib.request.Request(url, headers={"X-Labelmend-Token": token})
        try:
            with urllib.request.urlopen(request, timeout=_ANSWERS_S) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    async def break_for(self, seconds: float, mean_s: float, least: int, rng: random.Random) -> None:
        """For so long, and until `least` times, kill the server, the database or both at a random moment.

        mean_s: seconds of work between two kills on average, at most twice that.
        """
        kinds = ["server"] if self.postgres is None else ["server", "database", "both"]
        end = time.monotonic() + seconds
        while time.monotonic() < end or self.kills.total() < least:
            await self.answers()
            await asyncio.sleep(min(rng.expovariate(1 / mean_s), 2 * mean_s))
            await self._break(rng.choice(kinds), rng.uniform(0, LONGEST_AWAY_S))
        await self.answers()

    async def _break(self, kind: str, away_s: float) -> None:
        self.kills[kind] += 1
        if kind != "server" and self.postgres is not None:
            await asyncio.to_thread(self.postgres.kill)
        if kind != "database":
            await asyncio.to_thread(self.server.kill)
        await asyncio.sleep(away_s)
        if kind != "database":  # in an outage of both, the server is up before its database
            await asyncio.to_thread(self.server.start)
        if kind != "server" and self.postgres is not None:
            await asyncio.to_thread(_started, self.postgres)


def _started(postgres: Postgres) -> None:
    """Start a cluster that was killed; it refuses while a process of its last life still ends."""
    for left in reversed(range(_STARTS)):
        try:
            return postgres.start()
        except RuntimeError:
            if not left:
                raise
            time.sleep(0.1)
