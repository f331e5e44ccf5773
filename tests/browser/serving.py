"""A server of the app in a process group of its own, and the data sets that the browser tests use."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

from core.audit import run_audit
from core.dataset import Columns, Dataset
from core.loading import Prepared
from core.predictions import Predictions
from core.review.store import Store
from core.settings import Settings
from core.source import Source
from core.workspace import Workspace

ROOT = Path(__file__).parents[2]
START_S = 60


class Server:
    """The app on a free port. It keeps its port over a restart, as a server in use does."""

    def __init__(self, root: Path, annotator: str = "ann") -> None:
        self.workspace = Workspace(Settings(root, (root,), "", annotator))
        self.annotator = annotator
        self.environ: dict[str, str] = {}
        self.options: list[str] = []
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self.log = root / "server.log"

    def start(self) -> None:
        environment = {
            **os.environ,
            "LABELMEND_WORKSPACE": str(self.workspace.root),
            "LABELMEND_DATA_ROOTS": str(self.workspace.root),
            "LABELMEND_ANNOTATOR": self.annotator,
            **self.environ,
        }
        options = [f"--server.port={self.port}", "--server.address=127.0.0.1", "--server.headless=true"]
        options += self.options
        command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), *options]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + START_S
        while not self._healthy():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the server did not start:\n" + self.log.read_text()[-4000:])
            time.sleep(0.05)

    @property
    def pid(self) -> int:
        """The process of the server while it runs."""
        if self._process is None:
            raise RuntimeError("the server does not run")
        return self._process.pid

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def kill(self) -> None:
        """As a crash would: no time to finish anything."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        if self._process is None:
            return
        with suppress(subprocess.TimeoutExpired, ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(timeout=5)
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)
        self._process.wait()
        self._process = None

    def store(self) -> Store:
        """The decisions, read by this process."""
        return Store(self.workspace.database_url)


def save(workspace: Workspace, dataset: Dataset, predictions: Predictions) -> None:
    """Put a data set into the workspace as an import would, and analyse it."""
    source = Source(workspace.root / f"{dataset.name}.csv", "csv", "0" * 64, 0)
    workspace.save(Prepared(dataset, predictions, source, ()))
    project = workspace.open(dataset.name)
    run_audit(project.dataset, project.predictions, workspace.cache_dir)


def probabilities(labels: np.ndarray, k: int, wrong: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(N, k) rows that favour the label, or the next class where `wrong` says that the label is not right."""
    probs = rng.random((len(labels), k)).astype(np.float32) * 0.2
    favoured = np.where(wrong, (labels + 1) % k, labels)
    probs[np.arange(len(labels)), favoured] += 3
    return probs / probs.sum(axis=1, keepdims=True)


def table(ids: list[str], labels: np.ndarray, classes: tuple[str, ...], **columns: object) -> pd.DataFrame:
    names = pd.array([classes[k] for k in labels], dtype="str")
    frame = pd.DataFrame({"id": pd.array(ids, dtype="str"), **columns, "label": names})
    return frame.set_index(pd.Index(ids, dtype="str"))


@cache
def png(noise: bytes, number: str) -> bytes:
    """A picture of 12 x 12 coloured squares with a number on it. Every data set has the same ones."""
    squares = np.frombuffer(noise, dtype=np.uint8).reshape(12, 12, 3)
    image = Image.fromarray(squares).resize((240, 200), 0)
    ImageDraw.Draw(image).text((20, 20), number, fill="white", font_size=60)
    encoded = io.BytesIO()
    image.save(encoded, "png")
    return encoded.getvalue()


def pictures(workspace: Workspace, n: int = 240, name: str = "pictures") -> None:
    """n small pictures with their row's number on them, 10 classes, half of the labels wrong."""
    rng = np.random.default_rng(0)
    folder = workspace.root / name
    folder.mkdir()
    for i in range(n):
        noise = rng.integers(60, 200, (12, 12, 3), dtype=np.uint8)
        (folder / f"{i}.png").write_bytes(png(noise.tobytes(), str(i)))
    (folder / "7.png").write_bytes(b"this is no picture")
    classes = ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")
    labels = (np.arange(n) % 10).astype(np.int32)
    wrong = np.arange(n) % 2 == 1
    ids = [f"img-{i:03d}" for i in range(n)]
    frame = table(ids, labels, classes, path=pd.array([f"{i}.png" for i in range(n)], dtype="str"))
    dataset = Dataset(
        name,
        frame,
        Columns("id", "label", None, ("path",), "image"),
        classes,
        classes,
        labels,
        media_root=folder,
        media_hash=np.array([f"{i:064x}" for i in range(n)]),
    )
    embeddings = np.pad(rng.normal(size=(n, 8)).astype(np.float32), ((0, 0), (0, 2)))
    embeddings += 8 * np.eye(10, dtype=np.float32)[labels]
    save(workspace, dataset, Predictions("test", probabilities(labels, 10, wrong, rng), embeddings))


HOSTILE = "<img src=x onerror=\"document.title='pwned'\"><script>document.title='pwned'</script>"


def messages(workspace: Workspace, n: int = 60, name: str = "messages") -> None:
    """n texts with 1,000 classes; texts and labels hold markup. Row m-3 is longer than is sent at first."""
    rng = np.random.default_rng(1)
    classes = (f"<b>bold</b> {HOSTILE}", "zebra crossing", *(f"class {i:04d}" for i in range(998)))
    labels = (np.arange(n) % 5).astype(np.int32)
    texts = [f"Message {i}: where is my order? {HOSTILE} **not bold** $x^2$" for i in range(n)]
    texts[3] = "long " * 6000 + "the very end"
    ids = [f"m-{i}" for i in range(n)]
    frame = table(ids, labels, classes, text=pd.array(texts, dtype="str"))
    columns = Columns("id", "label", None, ("text",), "text")
    dataset = Dataset(name, frame, columns, classes, classes, labels)
    wrong = np.arange(n) % 2 == 1
    save(workspace, dataset, Predictions("test", probabilities(labels, 1000, wrong, rng)))


def measurements(workspace: Workspace, n: int = 80, name: str = "measurements") -> None:
    """n rows of 8 numbers, 3 classes; row 0 has one value far from those of its class."""
    rng = np.random.default_rng(2)
    classes = ("low", "middle", "high")
    labels = (np.arange(n) % 3).astype(np.int32)
    values = rng.normal(size=(n, 8)) + labels[:, None]
    values[0, 5] = 40.0
    names = ("acidity", "sugar", "chlorides", "density", "pH", "sulphates", "alcohol", "ash")
    columns = {name: values[:, i] for i, name in enumerate(names)}
    ids = [str(i) for i in range(n)]
    frame = table(ids, labels, classes, **columns)
    dataset = Dataset(name, frame, Columns("id", "label", None, names, "tabular"), classes, classes, labels)
    wrong = np.arange(n) % 4 == 0
    probs = probabilities(labels, 3, wrong, rng)
    save(workspace, dataset, Predictions("test", probs, values.astype(np.float32)))
