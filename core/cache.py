"""Results on disk, keyed by the content that they were computed from.

<cache_dir>/<check>/<key>/table.parquet      score, flagged, suggestion (class code), reason, extra columns
                          figure-*.parquet   one file a figure
                          summary.json
                          manifest.json      sha256 of each file

What is no check's result, such as the clusters, has a table or an array and a manifest only.

An entry is written to a temporary folder and renamed, so it is there whole or not at all. An entry that
does not match its manifest is never trusted: it is computed again and replaced.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from core.dataset import Dataset
from core.issues import NEEDS, Check, Result
from core.predictions import MADE, Predictions
from core.source import file_sha256

log = logging.getLogger(__name__)

_FORMAT = 1
_TABLE, _SUMMARY, _MANIFEST = "table.parquet", "summary.json", "manifest.json"
_FIGURE, _ARRAY = "figure-", "array.npy"


def cache_key(check: Check, settings: Mapping[str, Any], dataset: Dataset, predictions: Predictions) -> str:
    """sha256 of all that a result depends on: check, version, settings, row ids, and the digest of each
    part that the check needs or uses. A part that it does not read may change without a new key."""
    read = [part for part in NEEDS if part in check.needs | check.uses]
    digests = {part: _digest(part, dataset, predictions) for part in ["ids", *read]}
    if "content" in read:
        digests["kind"] = dataset.columns.kind
    body = [_FORMAT, check.name, check.version, dict(settings), digests]
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def load(cache_dir: Path, check: Check, key: str, dataset: Dataset) -> Result | None:
    """The stored result, or None where there is none or where it is damaged."""
    folder = cache_dir / check.name / key
    if not folder.is_dir():
        return None
    try:
        names = _verified(folder)
        table = _read(folder / _TABLE)
        table.index = dataset.row_ids
        summary = json.loads((folder / _SUMMARY).read_text(encoding="utf-8"))
        figures = {n[len(_FIGURE) : -8]: _read(folder / n) for n in names if n.startswith(_FIGURE)}
        more = figures["suggested_sets"]["set"] if "suggested_sets" in figures else ()
        codes = pd.Index((*dataset.classes, *more))
        table["suggestion"] = pd.Categorical.from_codes(table["suggestion"].to_numpy(), codes)
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        log.warning("damaged result of %s is computed again: %s", check.name, error)
        return None
    return Result(table, summary, figures)


def store(cache_dir: Path, check: Check, key: str, result: Result) -> None:
    """Keep a result; replaces a damaged entry of the same key."""
    table = result.table.assign(suggestion=result.table["suggestion"].cat.codes.astype("int32"))
    with _new_entry(cache_dir / check.name, key) as made:
        _write(made / _TABLE, table.reset_index(drop=True))
        for name, frame in result.figures.items():
            _write(made / f"{_FIGURE}{name}.parquet", frame)
        _write_text(made / _SUMMARY, json.dumps(result.summary, sort_keys=True))


def load_table(cache_dir: Path, name: str, key: str) -> pd.DataFrame | None:
    """A stored table, or None where there is none or where it is damaged."""
    folder = cache_dir / name / key
    if not folder.is_dir():
        return None
    try:
        _verified(folder)
        return _read(folder / _TABLE)
    except (OSError, ValueError, pa.ArrowException) as error:
        log.warning("damaged %s are computed again: %s", name, error)
        return None


def store_table(cache_dir: Path, name: str, key: str, table: pd.DataFrame) -> None:
    """Keep a table that is no check's result; replaces a damaged entry of the same key."""
    with _new_entry(cache_dir / name, key) as made:
        _write(made / _TABLE, table)


def load_array(cache_dir: Path, name: str, key: str) -> np.ndarray | None:
    """A stored array, memory-mapped, or None where there is none or where it is damaged."""
    folder = cache_dir / name / key
    if not folder.is_dir():
        return None
    try:
        _verified(folder)
        return np.load(folder / _ARRAY, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        log.warning("damaged %s are computed again: %s", name, error)
        return None


def store_array(cache_dir: Path, name: str, key: str, array: np.ndarray) -> None:
    """Keep an array that is no check's result; replaces a damaged entry of the same key."""
    with _new_entry(cache_dir / name, key) as made, (made / _ARRAY).open("wb") as out:
        np.save(out, array, allow_pickle=False)
        out.flush()
        os.fsync(out.fileno())


@contextmanager
def _new_entry(parent: Path, key: str) -> Iterator[Path]:
    """A temporary folder to write an entry's files to; then its manifest is added and it takes its place."""
    parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".new-", dir=parent))
    try:
        yield made
        files = {path.name: file_sha256(path) for path in sorted(made.iterdir())}
        _write_text(made / _MANIFEST, json.dumps(files, sort_keys=True))
        _move(made, parent / key)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _digest(part: str, dataset: Dataset, predictions: Predictions) -> str:
    return predictions.part(part) if part in MADE else dataset.part(part)


def _verified(folder: Path) -> list[str]:
    """The entry's file names. Raises ValueError where the files are not those it was stored with."""
    stored = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
    files = {path.name: file_sha256(path) for path in folder.iterdir() if path.name != _MANIFEST}
    if files != stored:
        raise ValueError("its files do not match its manifest")
    return list(files)


def _read(path: Path) -> pd.DataFrame:
    return pq.read_table(path).to_pandas()


def _write(path: Path, frame: pd.DataFrame) -> None:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    with path.open("wb") as out:
        pq.write_table(table, out, compression="zstd")
        out.flush()
        os.fsync(out.fileno())


def _write_text(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())


def _move(made: Path, entry: Path) -> None:
    """Rename into place. An entry that is there already is damaged or a twin: the new one replaces it."""
    while True:
        try:
            made.rename(entry)
            return
        except OSError:
            if not entry.is_dir():
                raise
            shutil.rmtree(entry, ignore_errors=True)
