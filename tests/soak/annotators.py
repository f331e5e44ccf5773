"""Simulated annotators: what one tab of the review surface asks of the server, at a pace that can be chosen.

Each keeps what is not acknowledged in an outbox and sends it again under the same op_id, as the browser does.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

import httpx2

FETCH = 24
BATCH = 100
PULSE_S = 3.0
RETRY_S = (0.5, 1, 2, 4, 8)
TIMEOUT_S = 30.0
AWAY = (429, 502, 503, 504)
"""Answers after which the surface sends again by itself."""

Answer = dict[str, Any]


@dataclass
class Op:
    """One event that an annotator made. receipts: every answer to it; polite: on a row lent to them.

    made: when, by the monotonic clock; took: seconds from then to the first acknowledgement.
    """

    body: dict[str, Any]
    made: float
    polite: bool = True
    receipts: list[Answer] = field(default_factory=list)
    took: float | None = None

    @property
    def op_id(self) -> str:
        return self.body["op_id"]

    @property
    def many(self) -> bool:
        """Whether it is one verdict on several rows."""
        return "rows" in self.body

    @property
    def row(self) -> str:
        return self.body.get("row_id", "")


@dataclass(frozen=True)
class Habits:
    """What an annotator does, as weights, and how fast: seconds between two acts, drawn evenly.

    rude: decides a row that somebody else has decided. many: one verdict on several rows. cut: the share of
    requests whose answer is thrown away, as if the line had broken.
    """

    pace: tuple[float, float] = (1.0, 3.0)
    decide: int = 80
    undo: int = 6
    redo: int = 3
    note: int = 2
    rude: int = 4
    many: int = 2
    release: int = 2
    cut: float = 0.02


CALM = Habits(undo=0, redo=0, note=0, rude=0, many=0, release=0, cut=0.0)
"""Decides row after row; nothing goes wrong on the way."""


@dataclass
class Room:
    """What the annotators of one run share. given: the label of every row. touched: rows lately decided."""

    url: str
    dataset: str
    given: dict[str, str]
    classes: tuple[str, ...]
    touched: deque[str] = field(default_factory=lambda: deque(maxlen=300))
    wrong: list[str] = field(default_factory=list)


class Annotator:
    """One tab. `run` works until `stop`; `drain` then sends what is left."""

    def __init__(self, room: Room, name: str, token: str, habits: Habits, seed: int) -> None:
        self.room, self.name, self.habits = room, name, habits
        self.ops: list[Op] = []
        self.done: list[Op] = []
        self.undone: list[tuple[Op, Op]] = []
        """(the op, the UNDO that took it back)"""
        self.fetches: list[float] = []
        self.resent = 0
        self._random = random.Random(seed)
        self._outbox: dict[str, Op] = {}
        self._items: deque[Answer] = deque()
        self._queue: dict[str, Any] = {}
        self._at: int | None = None
        self._seen = 0
        self._stopped = asyncio.Event()
        self._leaving = False
        self._news = asyncio.Event()
        headers = {"Origin": room.url, "Sec-Fetch-Site": "same-origin", "X-Labelmend-Token": token}
        self._http = httpx2.AsyncClient(
            base_url=f"{room.url}/labelmend/", headers=headers, timeout=TIMEOUT_S, trust_env=False
        )

    # --- a day's work -----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Work until told to stop, then send what is left. Closes the connections."""
        sending = asyncio.create_task(self._send_all())
        try:
            await asyncio.gather(self._work(), self._pulse())
            self._leaving = True
            self._news.set()
            await sending
        finally:
            sending.cancel()
            await self._http.aclose()

    def stop(self) -> None:
        self._stopped.set()

    @property
    def unsent(self) -> int:
        return len(self._outbox)

    async def _work(self) -> None:
        acts: dict[str, Callable[[], Any]] = {
            "decide": self._decide,
            "undo": self._undo,
            "redo": self._redo,
            "note": self._note,
            "rude": self._rude,
            "many": self._decide_many,
            "release": self._release,
        }
        weights = [getattr(self.habits, act) for act in acts]
        await self._pause(self._random.uniform(0, self.habits.pace[1]))  # they do not all begin at once
        while not self._stopped.is_set():
            await acts[self._random.choices([*acts], weights)[0]]()
            await self._pause(self._random.uniform(*self.habits.pace))

    async def _pause(self, seconds: float) -> None:
        """Sleep, but no longer than until told to stop."""
        try:
            await asyncio.wait_for(self._stopped.wait(), seconds)
        except TimeoutError:
            return

    # --- acts -------------------------------------------------------------------------------------------

    async def _decide(self) -> None:
        if len(self._items) < FETCH // 4:
            await self._fetch()
        if self._items:
            item = self._items.popleft()
            self._verdict(item["row_id"], item["seen"], polite=True)

    async def _rude(self) -> None:
        if self.room.touched:
            self._verdict(self._random.choice(self.room.touched), self._seen, polite=False)

    async def _note(self) -> None:
        if self.room.touched:
            row = self._random.choice(self.room.touched)
            self._step(self._op(row, "note", detail=json.dumps({"text": f"seen by {self.name}"})))

    async def _undo(self) -> None:
        if self.done:
            op = self.done.pop()
            undo = self._op(op.row, "undo", undoes=op.op_id)
            self.undone.append((op, undo))
            self._put(undo)

    async def _redo(self) -> None:
        if self.undone:
            op, undo = self.undone.pop()
            self.done.append(op)
            self._put(self._op(op.row, "undo", undoes=undo.op_id))

    async def _decide_many(self) -> None:
        """One verdict on rows chosen at random. What comes after it waits for the answer, as in the grid."""
        rows = self._random.sample([*self.room.given], min(5, len(self.room.given)))
        wish = {"ds": self.room.dataset, "action": "keep", "rows": rows, "seen": self._seen}
        op = Op({"op_id": self._id(), **wish}, time.monotonic())
        self._put(op)
        while not op.receipts and not self._stopped.is_set():
            await self._pause(0.1)

    async def _release(self) -> None:
        """Give the rows back. What was decided is sent first, or others would be lent rows that are done."""
        if not self._outbox:
            self._items.clear()
            self._at = None
            await self._ask("POST", "release", cut=0, json={"ds": self.room.dataset})

    def _verdict(self, row: str, seen: int, *, polite: bool) -> None:
        action = self._random.choices(
            ("keep", "relabel", "exclude", "ambiguous", "needs_review"), (40, 40, 10, 5, 5)
        )[0]
        others = [name for name in self.room.classes if name != self.room.given[row]]
        label = self._random.choice(others) if action == "relabel" else None
        self.room.touched.append(row)
        self._step(self._op(row, action, label=label, based_on=seen, polite=polite))

    def _op(self, row: str, action: str, *, polite: bool = True, **more: Any) -> Op:
        body = {
            "op_id": self._id(),
            "dataset": self.room.dataset,
            "row_id": row,
            "action": action,
            "given_label": self.room.given[row] if row else "",
            "shown": json.dumps({"find": "", "suggestion": None}),
        }
        return Op({**body, **more}, time.monotonic(), polite)

    def _id(self) -> str:
        return uuid.UUID(int=self._random.getrandbits(128)).hex

    def _step(self, op: Op) -> None:
        self.done.append(op)
        self.undone = []
        self._put(op)

    def _put(self, op: Op) -> None:
        self.ops.append(op)
        self._outbox[op.op_id] = op
        self._news.set()

    # --- the line ---------------------------------------------------------------------------------------

    async def _fetch(self) -> None:
        params: dict[str, Any] = {"ds": self.room.dataset, "n": FETCH, **self._queue}
        if self._at is not None:
            params["at"] = self._at
        start = time.monotonic()
        answer = await self._ask("GET", "items", params=params)
        if answer is None:
            return
        self.fetches.append(time.monotonic() - start)
        self._queue = {"as_of": answer["as_of"], "tag": answer["tag"]}
        self._items.extend(i for i in answer["items"] if i["waits"] and not i["held"])
        self._seen = max([self._seen, *(i["seen"] for i in answer["items"])])
        self._at = answer["until"] if answer["until"] < answer["total"] else None

    async def _pulse(self) -> None:
        since = 0
        while not self._stopped.is_set():
            await self._pause(PULSE_S)
            answer = await self._ask("GET", "pulse", params={"ds": self.room.dataset, "since": since})
            since = since if answer is None else answer["seq"]

    async def _send_all(self) -> None:
        tries = 0
        while self._outbox or not self._leaving:
            if not self._outbox:
                self._news.clear()
                await self._news.wait()
            elif await self._send():
                tries = 0
            else:
                await asyncio.sleep(RETRY_S[min(tries, len(RETRY_S) - 1)] * self._random.uniform(0.5, 1))
                tries += 1

    async def _send(self) -> bool:
        """Send the oldest of what is not acknowledged. Returns whether it is now."""
        first, *others = [*self._outbox.values()][:BATCH]
        batch = [first] if first.many else [first, *takewhile(lambda op: not op.many, others)]
        path = "bulk" if first.many else "decisions"
        body = first.body if first.many else {"decisions": [op.body for op in batch]}
        answer = await self._ask("POST", path, json=body)
        if answer is None:
            self.resent += len(batch)
            return False
        receipts = [answer] if first.many else answer["receipts"]
        for op, receipt in zip(batch, receipts, strict=True):
            del self._outbox[op.op_id]
            self._acknowledged(op, receipt)
        return True

    def _acknowledged(self, op: Op, receipt: Answer) -> None:
        op.receipts.append(receipt)
        op.took = op.took or time.monotonic() - op.made
        if op.many and "error" not in receipt:
            self.done.append(op)
            self.undone = []

    async def timeline(self) -> Answer:
        """What the server says this annotator can undo; through a connection of its own."""
        async with httpx2.AsyncClient(headers=self._http.headers, timeout=TIMEOUT_S, trust_env=False) as http:
            answer = await http.get(f"{self.room.url}/labelmend/timeline", params={"ds": self.room.dataset})
            return answer.json()

    async def _ask(self, method: str, path: str, cut: float | None = None, **more: Any) -> Answer | None:
        """The JSON of an answer; None where none came, or one that says to come again."""
        try:
            request = self._http.request(method, path, **more)
            if self._random.random() < (self.habits.cut if cut is None else cut):
                await asyncio.wait_for(request, self._random.uniform(0, 0.05))
                return None  # it was stored, and this annotator does not know it
            answer = await request
        except (httpx2.TransportError, TimeoutError):
            return None
        if answer.status_code in AWAY:
            return None
        if answer.status_code != 200:
            self.room.wrong.append(f"{self.name}: {method} {path} {answer.status_code} {answer.text[:300]}")
            return None
        return answer.json()
