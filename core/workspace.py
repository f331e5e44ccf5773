"""The folder on disk that the app and the command line share.

<root>/datasets/<name>/dataset.json   columns, classes, source, digests; written last
                       table.arrow    every source column, memory-mapped when opened
                       *.npy         labels, pred_probs, embeddings, media_hash
<root>/cache/                         audit results and thumbnails, by content
<root>/uploads/                       files that came through the browser, by sha256
<root>/labelmend.db                   decisions (unless a database URL is set)
<root>/secret.key                     signs session tokens
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import tempfile
import threading
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from core.dataset import Columns, Dataset
from core.errors import Problem, refuse
from core.predictions import Predictions
from core.settings import Settings, read_settings
from core.source import Source

if TYPE_CHECKING:
    from core.loading import Prepared

_FORMAT = 1
_OPEN_AT_ONCE = 4
_INDEX = "__row_id__"


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
        base = re.sub(r"[^A-Za-z0-9._-]+", "-", wanted).strip("-.").lower()[:60] or "data"
        name, number = base, 1
        while name in self.names() and (source is None or self._source_of(name) != str(source)):
            number += 1
            name = f"{base}-{number}"
        return name

    def save(self, prepared: Prepared) -> str:
        """Store a prepared data set under its name, all or nothing. Returns the name.

        Replaces a data set of that name; decisions are kept, since they are keyed by row id.
        """
        dataset = prepared.dataset
        if dataset is None or not prepared.ok:
            raise TypeError("only a prepared data set without errors can be stored")
        if dataset.name != self.free_name(dataset.name) and dataset.name not in self.names():
            raise ValueError(f"{dataset.name!r} is not a safe name; use free_name")
        folder = Path(tempfile.mkdtemp(prefix=".new-", dir=self._datasets))
        try:
            _write(folder, prepared, dataset)
            _swap(folder, self._datasets / dataset.name)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return dataset.name

    def open(self, name: str) -> Project:
        """The stored data set of that name, memory-mapped. Raises InputError where there is none."""
        if name not in self.names():
            raise refuse(
                f"no data set called {name!r}", expected="one of " + (", ".join(self.names()) or "none yet")
            )
        folder = self._datasets / name
        with self._lock:
            stamp = (folder / "dataset.json").stat().st_mtime_ns
            held = self._opened.get(name)
            if held is None or held[0] != stamp:
                self._opened.pop(name, None)
                while len(self._opened) >= _OPEN_AT_ONCE:
                    self._opened.pop(next(iter(self._opened)))
                self._opened[name] = held = (stamp, _read(folder))
            return held[1]

    def remember(self, name: str, key: str, value: Any) -> None:
        """Keep a small JSON-able choice of a data set (which audit settings are in use)."""
        path = self._datasets / name / "choices.json"
        with self._lock:
            choices = {**self._choices(name), key: value}
            _write_json(path, choices)

    def recall(self, name: str, key: str, default: Any = None) -> Any:
        """The choice kept by `remember`, or the default."""
        return self._choices(name).get(key, default)

    def _choices(self, name: str) -> dict[str, Any]:
        path = self._datasets / name / "choices.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def _source_of(self, name: str) -> str:
        return json.loads((self._datasets / name / "dataset.json").read_text())["source"]["path"]


def _write(folder: Path, prepared: Prepared, dataset: Dataset) -> None:
    table = pa.Table.from_pandas(dataset.table.rename_axis(_INDEX).reset_index(), preserve_index=False)
    with pa.OSFile(str(folder / "table.arrow"), "wb") as out, pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)
    arrays = {
        "labels": dataset.labels,
        "media_hash": None if dataset.media_hash is None else dataset.media_hash.astype("S64"),
        "pred_probs": prepared.predictions.pred_probs,
        "embeddings": prepared.predictions.embeddings,
    }
    for name, array in arrays.items():
        if array is not None:
            _save_array(folder / f"{name}.npy", array)
    dataset.fingerprint  # noqa: B018 - computed here so that opening hashes nothing
    for part in ("pred_probs", "embeddings"):
        prepared.predictions.part(part)
    _write_json(
        folder / "dataset.json",
        {
            "format": _FORMAT,
            "name": dataset.name,
            "columns": asdict(dataset.columns),
            "classes": dataset.classes,
            "tokens": dataset.tokens,
            "media_root": None if dataset.media_root is None else str(dataset.media_root),
            "model": prepared.predictions.model,
            "parts": {"dataset": dataset.parts, "predictions": prepared.predictions.parts},
            "source": {**asdict(prepared.source), "path": str(prepared.source.path)},
            "problems": [asdict(p) for p in prepared.problems],
        },
    )


def _read(folder: Path) -> Project:
    meta = json.loads((folder / "dataset.json").read_text())
    if meta["format"] != _FORMAT:
        raise refuse(
            f"data set {folder.name!r} was stored by another version", mend="load it again from its source"
        )
    table = pa.ipc.open_file(pa.memory_map(str(folder / "table.arrow"))).read_all()
    frame = table.to_pandas(split_blocks=True).set_index(_INDEX).rename_axis(None)
    frame.index = pd.Index(frame.index, dtype="str")
    columns = {**meta["columns"], "content": tuple(meta["columns"]["content"])}
    media_hash = _load_array(folder / "media_hash.npy")
    dataset = Dataset(
        name=folder.name,
        table=frame,
        columns=Columns(**columns),
        classes=tuple(meta["classes"]),
        tokens=tuple(meta["tokens"]),
        labels=np.asarray(_load_array(folder / "labels.npy")),
        media_root=None if meta["media_root"] is None else Path(meta["media_root"]),
        media_hash=None if media_hash is None else media_hash.astype("U64"),
    )
    predictions = Predictions(
        model=meta["model"],
        pred_probs=_load_array(folder / "pred_probs.npy"),
        embeddings=_load_array(folder / "embeddings.npy"),
    )
    dataset.trust(meta["parts"]["dataset"])
    predictions.trust(meta["parts"]["predictions"])
    source = Source(**{**meta["source"], "path": Path(meta["source"]["path"])})
    return Project(dataset, predictions, source, tuple(Problem(**p) for p in meta["problems"]))


def _save_array(path: Path, array: np.ndarray) -> None:
    """Copy an array, possibly a memory map larger than memory, in pieces and native byte order."""
    dtype = array.dtype.newbyteorder("=")
    out = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=array.shape)
    step = max(1, (64 << 20) // max(1, array[:1].nbytes))
    for start in range(0, len(array), step):
        out[start : start + step] = array[start : start + step]
    out.flush()


def _load_array(path: Path) -> np.ndarray | None:
    return np.load(path, mmap_mode="r", allow_pickle=False) if path.exists() else None


def _write_json(path: Path, value: Any) -> None:
    """Write a file whole or not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".json-")
    with os.fdopen(handle, "w") as out:
        json.dump(value, out, indent=1)
        out.flush()
        os.fsync(out.fileno())
    os.replace(temporary, path)


def _swap(new: Path, place: Path) -> None:
    """Put a finished folder in its place. A reader sees the old one or the new one, never a mixture."""
    old = None
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
