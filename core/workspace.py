"""The folder on disk that the app and the command line share.

<root>/datasets/<name>/dataset.json   columns, classes, source, digests; written last
                       table.arrow    every source column, memory-mapped when opened
                       *.npy         labels, pred_probs, embeddings, media_hash
                       detections.parquet   what a model found in the pictures, where rows are boxes
<root>/models/<name>/                 predictions of other models, beside those in use (core.model_store)
<root>/cache/                         audit results and thumbnails, by content
<root>/uploads/                       files that came through the browser, by sha256
<root>/unpacked/                      archives, unpacked, by sha256
<root>/kept/                          large tables as they were read (core.spool), hashes of files
<root>/tables/                        tables of databases as they were read, by table and content
<root>/exports/<name>/                corrected files, for download
<root>/labelmend.db                   decisions (unless a database URL is set)
<root>/secret.key                     signs session tokens
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import shutil
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import Problem, refuse
from core.files import write_json
from core.settings import Settings, read_settings

if TYPE_CHECKING:
    from core.dataset import Dataset
    from core.loading import Prepared
    from core.predictions import Predictions
    from core.source import Source

_OPEN_AT_ONCE = 4
_UNFINISHED_S = 24 * 3_600


@dataclass(frozen=True, eq=False)
class Project:
    """One data set of the workspace, opened. problems: what the pre-flight check said of it."""

    dataset: Dataset
    predictions: Predictions
    source: Source
    problems: tuple[Problem, ...]

    @property
    def name(self) -> str:
        return self.dataset.name


class Workspace:
    """Stores and opens data sets. Safe to share between threads; processes share it through the disk."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.root = settings.workspace
        self._lock = threading.Lock()
        self._opened: dict[str, tuple[int, Project]] = {}
        for folder in (self._datasets, self.cache_dir, self.uploads):
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def _datasets(self) -> Path:
        return self.root / "datasets"

    @property
    def cache_dir(self) -> Path:
        return self.root / "cache"

    @property
    def uploads(self) -> Path:
        return self.root / "uploads"

    @property
    def unpacked(self) -> Path:
        """Where archives are unpacked; made when the first one is."""
        return self.root / "unpacked"

    @property
    def kept(self) -> Path:
        """What was read of large files, and hashes of files that were read."""
        folder = self.root / "kept"
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def tables(self) -> Path:
        """Where tables of databases are kept, as <table>/<content>/<file>; made when the first is read."""
        return self.root / "tables"

    def exports(self, name: str) -> Path:
        """The folder of a data set's corrected files, made where it is absent."""
        if name not in self.names():
            raise refuse(f"no data set called {name!r}")
        folder = self.root / "exports" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def database_url(self) -> str:
        return self.settings.database_url or f"sqlite:///{self.root / 'labelmend.db'}"

    def secret(self) -> bytes:
        """The key that signs session tokens, made on first use, readable by its owner only."""
        path = self.root / "secret.key"
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_bytes()
        with os.fdopen(handle, "wb") as out:
            out.write(secrets.token_bytes(32))
        return path.read_bytes()

    def names(self) -> list[str]:
        """Names of the stored data sets, in alphabetical order."""
        return sorted(
            p.parent.name for p in self._datasets.glob("*/dataset.json") if not p.parent.name.startswith(".")
        )

    def resolve(self, path: str | Path) -> Path:
        """The absolute path of an existing file or folder inside a data root, links followed.

        Raises InputError for anything outside the data roots, and for what does not exist.
        """
        roots = (*self.settings.data_roots, self.uploads)
        given = Path(path).expanduser()
        for root in roots:
            full = (root / given).resolve()
            if full.is_relative_to(root) and full.exists():
                return full
        raise refuse(
            f"{str(path)!r} is not an existing file or folder inside the data roots",
            expected="a path inside " + ", ".join(str(r) for r in self.settings.data_roots),
            mend="copy the file there, upload it, or start with LABELMEND_DATA_ROOTS set to its folder",
        )

    def free_name(self, wanted: str, source: Path | None = None) -> str:
        """A name safe in URLs and folders; the same again for the same source, else one not taken."""
        base = safe_name(wanted)
        name, number = base, 1
        while name in self.names() and (source is None or not self._is_of(name, source)):
            number += 1
            name = f"{base}-{number}"
        return name

    def save(self, prepared: Prepared) -> str:
        """Store a prepared data set under its name, all or nothing. Returns the name.

        Replaces a data set of that name; decisions are kept, since they are keyed by row id, and so are
        predictions of a model of another name.
        """
        from core.model_store import keep_model
        from core.storage import write_dataset

        dataset = prepared.dataset
        if dataset is None or not prepared.ok:
            raise TypeError("only a prepared data set without errors can be stored")
        if dataset.name != self.free_name(dataset.name) and dataset.name not in self.names():
            raise ValueError(f"{dataset.name!r} is not a safe name; use free_name")
        _forget_unfinished(self._datasets)
        folder = Path(tempfile.mkdtemp(prefix=".new-", dir=self._datasets))
        try:
            write_dataset(folder, prepared, dataset, map(self.folder, self.names()))
            if dataset.name in self.names() and self._model_of(dataset.name) != prepared.predictions.model:
                keep_model(self, dataset.name)
            self.replace(dataset.name, folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return dataset.name

    def folder(self, name: str) -> Path:
        """The folder of a stored data set. Raises InputError where there is none of that name."""
        if name not in self.names():
            raise refuse(
                f"no data set called {name!r}", expected="one of " + (", ".join(self.names()) or "none yet")
            )
        return self._datasets / name

    def replace(self, name: str, folder: Path) -> None:
        """Put a finished folder in the place of a data set's, choices kept."""
        _swap(folder, self._datasets / name)

    def open(self, name: str) -> Project:
        """The stored data set of that name, memory-mapped. Raises InputError where there is none."""
        from core.storage import read_dataset  # pandas: not before it is needed

        folder = self.folder(name)
        with self._lock:
            stamp = (folder / "dataset.json").stat().st_mtime_ns
            held = self._opened.get(name)
            if held is None or held[0] != stamp:
                self._opened.pop(name, None)
                while len(self._opened) >= _OPEN_AT_ONCE:
                    self._opened.pop(next(iter(self._opened)))
                self._opened[name] = held = (stamp, Project(*read_dataset(folder)))
            return held[1]

    def remember(self, name: str, key: str, value: Any) -> None:
        """Keep a small JSON-able choice of a data set (which audit settings are in use)."""
        path = self._datasets / name / "choices.json"
        with self._lock:
            choices = {**self._choices(name), key: value}
            write_json(path, choices)

    def recall(self, name: str, key: str, default: Any = None) -> Any:
        """The choice kept by `remember`, or the default."""
        return self._choices(name).get(key, default)

    def _choices(self, name: str) -> dict[str, Any]:
        path = self._datasets / name / "choices.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def _model_of(self, name: str) -> str:
        return json.loads((self._datasets / name / "dataset.json").read_text())["model"]

    def _is_of(self, name: str, source: Path) -> bool:
        """Whether a data set came from this file, or from the table of a database that this file is."""
        kept = Path(json.loads((self._datasets / name / "dataset.json").read_text())["source"]["path"])
        table = source.parent.parent
        return kept == source or (table.parent == self.tables and kept.parent.parent == table)


def safe_name(wanted: str) -> str:
    """A name of a data set that is safe in URLs and folders."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", wanted).strip("-.").lower()[:60] or "data"


def _forget_unfinished(datasets: Path) -> None:
    """Delete what processes left that were killed while they stored a data set, a day ago or more."""
    for folder in datasets.glob(".new-*"):
        with suppress(FileNotFoundError):  # it was put in its place meanwhile
            if time.time() - folder.stat().st_mtime > _UNFINISHED_S:
                shutil.rmtree(folder)


def _swap(new: Path, place: Path) -> None:
    """Put a finished folder in its place. A reader sees the old one or the new one, never a mixture."""
    old = None
    with (place.parent / ".lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two who load the same file would move each other's folders
        if place.exists():
            choices = place / "choices.json"
            if choices.exists():
                shutil.copy2(choices, new / "choices.json")
            old = place.with_name(f".old-{secrets.token_hex(4)}")
            os.rename(place, old)
        os.rename(new, place)
    if old is not None:
        shutil.rmtree(old)


@cache
def shared_workspace() -> Workspace:
    """The workspace that the environment names; the pages and the routes of a process use one object."""
    return Workspace(read_settings())
