"""A throw-away PostgreSQL cluster, run as a plain user from the server's binaries on this machine."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from contextlib import suppress
from pathlib import Path

PLAIN_USER, PLAIN_GROUP = "nobody", "nogroup"
START_S = 60


def binaries() -> Path | None:
    """The folder of the newest server on this machine; None where there is none."""
    versions = Path("/usr/lib/postgresql")  # where Debian keeps them, off the PATH
    found = sorted(versions.glob("*/bin/postgres"), key=lambda p: int(p.parent.parent.name))
    named = shutil.which("postgres")
    server = found[-1] if found else Path(named).resolve() if named else None
    return None if server is None else server.parent


class Postgres:
    """One cluster on a free port of the loopback, with synchronous commits as a team install has them."""

    def __init__(self) -> None:
        folder = binaries()
        if folder is None:
            raise RuntimeError("no PostgreSQL server on this machine")
        self._bin = folder
        self._root = Path(tempfile.mkdtemp(prefix="labelmend-pg-"))
        # PostgreSQL refuses to run as root. setpriv becomes the server, so that its end is seen by us.
        plain = ["setpriv", f"--reuid={PLAIN_USER}", f"--regid={PLAIN_GROUP}", "--clear-groups", "--"]
        self._as_user = plain if os.geteuid() == 0 else []
        if self._as_user:
            shutil.chown(self._root, PLAIN_USER)
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._login = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "labelmend"]
        options = ["-D", "data", "-U", "labelmend", "-A", "trust", "-E", "UTF8", "--no-sync"]
        self._run(str(self._bin / "initdb"), *options, "--locale=C.UTF-8")

    def _run(self, *command: str) -> None:
        made = subprocess.run([*self._as_user, *command], cwd=self._root, capture_output=True, text=True)
        if made.returncode:
            raise RuntimeError(made.stdout + made.stderr)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        log = (self._root / "log").open("ab")
        options = ["-p", str(self.port), "-k", str(self._root), "-c", "listen_addresses=127.0.0.1"]
        self._process = subprocess.Popen(
            [*self._as_user, str(self._bin / "postgres"), "-D", "data", *options],
            cwd=self._root,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        ready = [
            str(self._bin / "pg_isready"),
            "-q",
            "-U",
            "labelmend",
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
        ]
        deadline = time.monotonic() + START_S
        while subprocess.run(ready).returncode:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self._root / "log").read_text()[-4000:])
            time.sleep(0.05)

    def database(self) -> str:
        """The URL of a new, empty database."""
        name = f"t{uuid.uuid4().hex[:12]}"
        self._run(str(self._bin / "createdb"), *self._login, name)
        return f"postgresql://labelmend@127.0.0.1:{self.port}/{name}"

    def kill(self) -> None:
        """As a crash would: every process of the server dies at once."""
        pid = None if self._process is None else self._process.pid
        # Each is in a session of its own, where a signal to the first one's group does not reach it; and the
        # first, as long as it runs, starts others.
        self._signal(signal.SIGSTOP)
        listed = Path(f"/proc/{pid}/task/{pid}/children")
        others = [int(child) for child in listed.read_text().split()] if listed.exists() else []
        self._end(signal.SIGKILL)
        for child in others:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        # The memory that they share is theirs until the last has ended, and no server starts before.
        deadline = time.monotonic() + START_S
        while any(map(_runs, others)) and time.monotonic() < deadline:
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop the server, without writing out what is removed next, and remove the cluster."""
        self._end(signal.SIGQUIT)
        shutil.rmtree(self._root, ignore_errors=True)

    def _end(self, number: signal.Signals) -> None:
        self._signal(number)
        if self._process is not None:
            self._process.wait(timeout=30)
            self._process = None

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, number)


def _runs(pid: int) -> bool:
    """Whether the process is there, and not only its entry that waits to be read by its parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
