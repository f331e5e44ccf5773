"""A stored data set: one folder with its table, its arrays and what is said of them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from core.dataset import Columns, Dataset
from core.errors import Problem, refuse
from core.files import link, write_json
from core.flags import Flags
from core.masks import Masks
from core.multilabel import LabelSets
from core.predictions import MODEL_PARTS, Predictions
from core.preflight.large_arrays import chunks
from core.source import Source
from core.targets import Targets

if TYPE_CHECKING:
    from core.loading import Prepared

_FORMAT = 1
_INDEX = "__row_id__"
_TABLE = "table.arrow"
_DETECTIONS = "detections.parquet"
_MASKS = "masks.arrow"


def write_dataset(folder: Path, prepared: Prepared, dataset: Dataset, others: Iterable[Path] = ()) -> None:
    """Write a prepared data set into an empty folder, every file flushed to disk.

    others: folders of stored data sets. Where one has the same table, it is linked and not written again.
    """
    if not any(_linked(other, folder, prepared, dataset) for other in others):
        frame = dataset.table.rename_axis(_index_name(dataset)).reset_index()
        table = pa.Table.from_pandas(frame, preserve_index=False)
        with pa.OSFile(str(folder / _TABLE), "wb") as out, pa.ipc.new_file(out, table.schema) as writer:
            writer.write_table(table)
    arrays = {
        "labels": dataset.labels,
        "media_hash": None if dataset.media_hash is None else dataset.media_hash.astype("S64"),
        "pred_probs": prepared.predictions.pred_probs,
        "embeddings": prepared.predictions.embeddings,
        "predicted": prepared.predictions.predicted,
        "log_sums": prepared.predictions.log_sums,
        "flags": None if dataset.flags is None else dataset.flags.rows,
    }
    for name, array in arrays.items():
        if array is not None:
            save_array(folder / f"{name}.npy", array)
    if prepared.predictions.detections is not None:
        save_detections(folder / _DETECTIONS, prepared.predictions.detections)
    if dataset.masks is not None:
        _write_masks(dataset.masks, folder / _MASKS)
        dataset.part("masks")
    dataset.fingerprint  # noqa: B018 - computed here so that opening hashes nothing
    for part in MODEL_PARTS:
        prepared.predictions.part(part)
    for file in folder.iterdir():
        with file.open("rb") as handle:
            os.fsync(handle.fileno())
    write_json(
        folder / "dataset.json",
        {
            "format": _FORMAT,
            "name": dataset.name,
            "columns": asdict(dataset.columns),
            "classes": dataset.classes,
            "tokens": dataset.tokens,
            "sets": None if dataset.sets is None else asdict(dataset.sets),
            "targets": None if dataset.targets is None else asdict(dataset.targets),
            "flags": None if dataset.flags is None else _said_of_flags(dataset.flags),
            "masks": None if dataset.masks is None else _said_of_masks(dataset.masks),
            "media_root": None if dataset.media_root is None else str(dataset.media_root),
            "model": prepared.predictions.model,
            "parts": {"dataset": dataset.parts, "predictions": prepared.predictions.parts},
            "source": {**asdict(prepared.source), "path": str(prepared.source.path)},
            "problems": [asdict(p) for p in prepared.problems if p not in prepared.model_problems],
            "model_problems": [asdict(p) for p in prepared.model_problems],
        },
    )


def _linked(other: Path, folder: Path, prepared: Prepared, dataset: Dataset) -> bool:
    """Whether the table of another stored data set is the same, and so could be linked."""
    try:
        meta = json.loads((other / "dataset.json").read_text())
        whole = meta["format"] == _FORMAT and len(_table(other)) == len(dataset)
        same = whole and _same_table(meta, other, prepared, dataset)
        if same:
            link(other / _TABLE, folder / _TABLE)
        return same
    except (FileNotFoundError, pa.ArrowException):
        return False  # somebody has just put another version in its place, or it is damaged


def _columns(stored: dict[str, Any]) -> Columns:
    """Columns out of JSON. Data sets that were stored before there were tokens say nothing of them."""
    lists = {name: tuple(stored.get(name, ())) for name in ("content", "tokens")}
    return Columns(**{**stored, **lists})


def _table(folder: Path) -> pa.Table:
    """The table, memory-mapped. Raises FileNotFoundError, or pa.ArrowException where it is damaged."""
    return pa.ipc.open_file(pa.memory_map(str(folder / _TABLE))).read_all()


def _same_table(meta: dict[str, Any], other: Path, prepared: Prepared, dataset: Dataset) -> bool:
    """Whether a stored data set has the same rows and ids: by its digests, or because it was read from the
    same bytes in the same way; then its digests are taken. Pictures are not in those bytes."""
    parts, held = meta["parts"]["dataset"], dataset.parts
    if {"ids", "table"} <= held.keys():
        return (parts["ids"], parts["table"]) == (held["ids"], held["table"])
    source, columns = meta["source"], _columns(meta["columns"])
    mine = json.loads(json.dumps(asdict(prepared.source), default=str))
    same = all(source[fact] == mine[fact] for fact in ("sha256", "format", "layout")) and mine["layout"]
    if not same or columns != dataset.columns or dataset.columns.kind == "image":
        return False
    if _table(other).column_names != [_index_name(dataset), *dataset.table.columns]:
        return False
    dataset.trust({part: parts[part] for part in ("ids", "content", "split", "table")})
    return True


def read_dataset(folder: Path) -> tuple[Dataset, Predictions, Source, tuple[Problem, ...]]:
    """The data set of a folder, memory-mapped. Raises InputError where another version wrote it, or its table
    is damaged."""
    meta = json.loads((folder / "dataset.json").read_text())
    if meta["format"] != _FORMAT:
        raise refuse(
            f"data set {folder.name!r} was stored by another version", mend="load it again from its source"
        )
    try:
        table = _table(folder)
    except pa.ArrowException as error:
        found = f"the table stored for data set {folder.name!r} is damaged: {error}"
        raise refuse(found, mend="load the data set again from its source; decisions are kept") from error
    frame = table.to_pandas(split_blocks=True).set_index(table.column_names[0]).rename_axis(None)
    frame.index = pd.Index(frame.index, dtype="str")
    columns = _columns(meta["columns"])
    source = Source(**{**meta["source"], "path": Path(meta["source"]["path"])})
    media_hash = load_array(folder / "media_hash.npy")
    dataset = Dataset(
        name=folder.name,
        table=frame,
        columns=columns,
        classes=tuple(meta["classes"]),
        tokens=tuple(meta["tokens"]),
        labels=np.asarray(load_array(folder / "labels.npy")),
        media_root=None if meta["media_root"] is None else Path(meta["media_root"]),
        media_hash=None if media_hash is None else media_hash.astype("U64"),
        sets=_label_sets(meta.get("sets")),
        flags=_flags(meta.get("flags"), folder),
        annotators=source.annotators(columns.label, frame.columns),
        targets=None if meta.get("targets") is None else Targets(**meta["targets"]),
        masks=_masks(meta.get("masks"), folder),
    )
    predictions = Predictions(
        model=meta["model"],
        pred_probs=load_array(folder / "pred_probs.npy"),
        embeddings=load_array(folder / "embeddings.npy"),
        predicted=load_array(folder / "predicted.npy"),
        detections=load_detections(folder / _DETECTIONS),
        log_sums=load_array(folder / "log_sums.npy"),
    )
    dataset.trust(meta["parts"]["dataset"])
    predictions.trust(meta["parts"]["predictions"])
    said = (*meta["problems"], *meta.get("model_problems", ()))
    return dataset, predictions, source, tuple(Problem(**p) for p in said)


def _index_name(dataset: Dataset) -> str:
    """What the column of row ids, the first of the stored table, is called beside the source's columns."""
    name = _INDEX
    while name in dataset.table.columns:
        name += "_"
    return name


def _label_sets(kept: dict[str, Any] | None) -> LabelSets | None:
    """None also for a data set that was stored before rows could have several labels."""
    if kept is None:
        return None
    return LabelSets(**{**kept, "names": tuple(kept["names"]), "tokens": tuple(kept["tokens"])})


def _said_of_flags(flags: Flags) -> dict[str, Any]:
    return {"tool": flags.tool, "score_column": flags.score_column, "reversed": flags.reversed}


def _flags(kept: dict[str, Any] | None, folder: Path) -> Flags | None:
    """None also for a data set that was stored before flags were read."""
    rows = None if kept is None else load_array(folder / "flags.npy")
    return None if kept is None or rows is None else Flags(**kept, rows=rows)


def _write_masks(masks: Masks, path: Path) -> None:
    table = pa.Table.from_pandas(masks.rows, preserve_index=False)
    with pa.OSFile(str(path), "wb") as out, pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)


def _said_of_masks(masks: Masks) -> dict[str, Any]:
    return {
        "names": masks.names,
        "root": str(masks.root),
        "predicted_root": str(masks.predicted_root),
        "probs": None if masks.probs is None else str(masks.probs),
        "probs_hash": masks.probs_hash,
    }


def _masks(kept: dict[str, Any] | None, folder: Path) -> Masks | None:
    """None also for a data set that was stored before masks were read."""
    if kept is None:
        return None
    rows = pa.ipc.open_file(pa.memory_map(str(folder / _MASKS))).read_all().to_pandas()
    return Masks(
        names=tuple(kept["names"]),
        root=Path(kept["root"]),
        predicted_root=Path(kept["predicted_root"]),
        rows=rows,
        probs=None if kept["probs"] is None else Path(kept["probs"]),
        probs_hash=kept["probs_hash"],
    )


def save_array(path: Path, array: np.ndarray) -> None:
    """Copy an array, possibly a memory map larger than memory, in pieces and native byte order."""
    dtype = array.dtype.newbyteorder("=")
    head = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": array.shape}
    with path.open("wb") as out:  # not mapped: on a full disk the system ends who writes to a map
        np.lib.format.write_array_header_1_0(out, head)
        for _, rows in chunks(array):
            out.write(rows.astype(dtype, copy=False).tobytes())


def save_detections(path: Path, detections: pd.DataFrame) -> None:
    """Write a model's detections as Parquet; each path and class is kept once."""
    detections.to_parquet(path, index=False)


def load_detections(path: Path) -> pd.DataFrame | None:
    """What `save_detections` wrote; None where there is no such file."""
    return pd.read_parquet(path) if path.exists() else None


def load_array(path: Path) -> np.ndarray | None:
    """A stored array, memory-mapped; None where there is no such file."""
    return np.load(path, mmap_mode="r", allow_pickle=False) if path.exists() else None
