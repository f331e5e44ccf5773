"""Label Studio under the annotators of bench_team: its own POST of an annotation and its own next task.

It runs from an install of its own; LABELMEND_LABEL_STUDIO names the bin folder of its virtual environment:

    python3.11 -m venv studio && studio/bin/pip install label-studio==1.23.*
    LABELMEND_LABEL_STUDIO=studio/bin python -m tests.benchmarks.bench_team

SQLite, as it comes; signed in by its own form, as a browser is; short texts with four classes. The clients
have a session each and are one user.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tests.benchmarks.bench_review import spread

VARIABLE = "LABELMEND_LABEL_STUDIO"
USER, PASSWORD = "ann@example.org", "a long password for the benchmark"
CHOICES = ("bill", "crash", "login", "refund")
CONFIG = (
    '<View><Text name="text" value="$text"/><Choices name="label" toName="text">'
    + "".join(f'<Choice value="{name}"/>' for name in CHOICES)
    + "</Choices></View>"
)
START_S, TIMEOUT_S = 180, 60
AT_ONCE = 1000


def measure(people: int, pace: tuple[float, float], seconds: float) -> None:
    """Print what as many annotators at the same pace wait for Label Studio, where it is installed."""
    named = os.environ.get(VARIABLE)
    if not named:
        print(f"Label Studio: not measured, {VARIABLE} names no install")
        return
    with running(Path(named)) as (url, version):
        posts, rounds = asyncio.run(_work(url, people, pace, seconds))
    print(f"Label Studio {version}, SQLite: {people} annotators, {len(posts):,} annotations")
    for what, times in (("acknowledged", posts), ("acknowledged and next task here", rounds)):
        median, p95 = spread(times)
        print(f"  {what}: {median:.0f} ms median, {p95:.0f} ms p95", flush=True)


@contextmanager
def running(folder: Path) -> Iterator[tuple[str, str]]:
    """(its address, its version) of a fresh server with one user."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as data:
        options = ["--no-browser", "--port", str(port), "--data-dir", data]
        user = ["--username", USER, "--password", PASSWORD]
        command = [str(folder / "label-studio"), "start", *options, *user]
        environment = {
            **os.environ,
            "LABEL_STUDIO_COLLECT_ANALYTICS": "0",
            "SENTRY_DSN": "",
            "FRONTEND_SENTRY_DSN": "",
        }
        log = Path(data) / "log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                command, env=environment, stdout=out, stderr=out, start_new_session=True
            )
        try:
            url = f"http://127.0.0.1:{port}"
            yield url, _wait(url, process, log)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> str:
    """Its version, when it answers."""
    deadline = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            return httpx2.get(f"{url}/api/version", trust_env=False).json()["release"]
        except (httpx2.TransportError, ValueError):
            time.sleep(0.5)
    raise RuntimeError(log.read_text()[-4000:])


async def _signed_in(url: str) -> httpx2.AsyncClient:
    client = httpx2.AsyncClient(base_url=url, timeout=TIMEOUT_S, trust_env=False)
    page = await client.get("/user/login/")
    hidden = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    form = {"email": USER, "password": PASSWORD, "csrfmiddlewaretoken": hidden[1] if hidden else ""}
    answer = await client.post("/user/login/", data=form, headers={"Referer": f"{url}/user/login/"})
    if answer.status_code != 302:
        raise RuntimeError(f"Label Studio did not let us in: {answer.status_code} {answer.text[:500]}")
    client.headers.update({"X-CSRFToken": client.cookies["csrftoken"], "Referer": f"{url}/"})
    return client


async def _work(
    url: str, people: int, pace: tuple[float, float], seconds: float
) -> tuple[list[float], list[float]]:
    """Milliseconds of each POST of an annotation, and of each such POST with the next task after it."""
    clients = [await _signed_in(url) for _ in range(people)]
    made = await _json(clients[0], "POST", "/api/projects/", {"title": "tickets", "label_config": CONFIG})
    project, tasks = made["id"], int(people * seconds / pace[0]) + people
    texts = [{"text": f"Ticket {i}: please help"} for i in range(tasks)]
    for start in range(0, tasks, AT_ONCE):
        await _json(clients[0], "POST", f"/api/projects/{project}/import", texts[start : start + AT_ONCE])
    posts: list[float] = []
    rounds: list[float] = []
    end = time.monotonic() + seconds
    each = (_annotator(c, project, pace, end, posts, rounds, seed) for seed, c in enumerate(clients))
    await asyncio.gather(*each)
    for client in clients:
        await client.aclose()
    return posts, rounds


async def _annotator(
    client: httpx2.AsyncClient,
    project: int,
    pace: tuple[float, float],
    end: float,
    posts: list[float],
    rounds: list[float],
    seed: int,
) -> None:
    rng = random.Random(seed)
    await asyncio.sleep(rng.uniform(0, pace[1]))
    task = await _json(client, "GET", f"/api/projects/{project}/next")
    while time.monotonic() < end:
        await asyncio.sleep(rng.uniform(*pace))
        value = {"choices": [rng.choice(CHOICES)]}
        result = [{"from_name": "label", "to_name": "text", "type": "choices", "value": value}]
        body = {"result": result, "lead_time": 1.0, "project": project}
        start = time.monotonic()
        await _json(client, "POST", f"/api/tasks/{task['id']}/annotations/?project={project}", body)
        posts.append(1000 * (time.monotonic() - start))
        task = await _json(client, "GET", f"/api/projects/{project}/next")
        rounds.append(1000 * (time.monotonic() - start))


async def _json(client: httpx2.AsyncClient, method: str, path: str, body: object = None) -> dict:
    answer = await client.request(method, path, json=body)
    if answer.status_code >= 400:
        raise RuntimeError(f"Label Studio: {method} {path} {answer.status_code} {answer.text[:500]}")
    return answer.json()
