"""A Hugging Face dataset on disk, in a zip to be unpacked and loaded with `load_from_disk`.

A zip is one file, so that it appears whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from core.cells import is_missing
from core.exporters._arrow import Correct, correct_views, corrected_batches, write_batches
from core.exporters._base import ExportFormat
from core.exporters._table import check_cell, check_count
from core.importers._arrow_messages import ArrowTable
from core.importers._hf import DICT, INFO, STATE, Part, parts, read_arrow
from core.importers.hf_dataset import read
from core.progress import Progress

if TYPE_CHECKING:
    from core.corrections import Corrections

_CHUNK = 1 << 20
_FEATURES = {pa.string(): "string", pa.float64(): "float64", pa.bool_(): "bool", pa.int64(): "int64"}


def write(corrections: Corrections, out: Path, progress: Progress) -> int:
    """Write every file; those without changes byte for byte. In the others label cells differ, excluded rows
    are gone, and added columns and classes are among the features.
    """
    source, start = corrections.source.path, 0
    found = parts(source)
    with zipfile.ZipFile(out, "w") as archive:
        if found[0].folder:
            _copy(archive, source, DICT)
        for number, part in enumerate(found):
            progress.report(number / len(found), f"writing {part.name or source.name}")
            start = _write_part(corrections, part, archive, start, progress)
        check_count(corrections, start)
    return 0


def _write_part(
    corrections: Corrections, part: Part, archive: zipfile.ZipFile, start: int, progress: Progress
) -> int:
    """Write one split whose first row is at position `start`. Returns the position behind its last row."""
    source, begin = corrections.source.path, start
    arrows = [read_arrow(source, file) for file in part.files]
    schemas = [
        _correct(corrections, file)(arrow.schema.empty_table(), start).schema
        for file, arrow in zip(part.files, arrows, strict=True)
    ]
    features = _features(corrections, part, schemas[0])
    stop = start + sum(arrow.table.num_rows for arrow in arrows)
    same = features == part.features and not _touched(corrections, start, stop)
    prints = hashlib.sha256()
    for file, arrow, schema in zip(part.files, arrows, schemas, strict=True):
        if same:
            _copy(archive, source, file)
        else:
            with tempfile.TemporaryFile() as made:
                _write_file(corrections, arrow, schema, features, file, start, made, progress)
                prints.update(_store(archive, file, made))
        start += arrow.table.num_rows
    if same:
        _copy(archive, source, part.folder + INFO)
        _copy(archive, source, part.folder + STATE)
        return stop
    info = {**part.info, "features": features}
    kept = int((~corrections.dropped[begin:stop]).sum())
    for said in info.get("splits") or {}:
        if isinstance(info["splits"][said], dict):
            info["splits"] = {**info["splits"], said: {**info["splits"][said], "num_examples": kept}}
    # What the library has cached for the rows as they were must not be taken for these.
    state = {**part.state, "_fingerprint": prints.hexdigest()[:16]}
    archive.writestr(zipfile.ZipInfo(part.folder + INFO), json.dumps(info, indent=2))
    archive.writestr(zipfile.ZipInfo(part.folder + STATE), json.dumps(state, indent=2))
    return stop


def _touched(corrections: Corrections, start: int, stop: int) -> bool:
    return bool(
        corrections.changes_in(start, stop)
        or corrections.dropped[start:stop].any()
        or corrections.added_names
    )


def _write_file(
    corrections: Corrections,
    arrow: ArrowTable,
    schema: pa.Schema,
    features: Mapping[str, Any],
    file: str,
    start: int,
    out: IO[bytes],
    progress: Progress,
) -> None:
    said = dict(arrow.schema.metadata or {})
    if b"huggingface" in said:
        known = json.loads(said[b"huggingface"])
        known["info"] = {**known.get("info", {}), "features": features}
        said[b"huggingface"] = json.dumps(known).encode()
    batches = corrected_batches(arrow, _correct(corrections, file), start, progress)
    write_batches(arrow, schema.with_metadata(said), batches, out)


def _correct(corrections: Corrections, file: str) -> Correct:
    label = corrections.dataset.columns.label

    def correct(block: pa.Table, start: int) -> pa.Table:
        for change in corrections.changes_in(start, start + len(block)) if label else ():
            found = block.column(label)[change.position - start].as_py()
            held = corrections.dataset.table[label].iat[change.position]
            check_cell(corrections, change.position, None if found == -1 and is_missing(held) else found)
        return correct_views(corrections, block, start, label, file)

    return correct


def _features(corrections: Corrections, part: Part, schema: pa.Schema) -> dict[str, Any]:
    """The features with the classes as they are called now, and those of the added columns.

    schema: of what is written.
    """
    features: dict[str, Any] = dict(part.features)
    label = corrections.dataset.columns.label or ""
    names = corrections.source.layout["class_names"].get(label)
    if names is not None and label in features:
        features[label] = {**features[label], "names": _names(corrections, names)}
    for name in corrections.added_names:
        kind = _FEATURES.get(schema.field(name).type, "string")
        features[name] = {"dtype": kind, "_type": "Value"}
    return features


def _names(corrections: Corrections, names: list[str]) -> list[str]:
    """The classes in the order of their numbers: the source's names, but for those that people changed."""
    dataset, now = corrections.dataset, corrections.written.names
    before = dict(zip(dataset.tokens, dataset.classes, strict=True))
    changed = {int(t): name for t, name in now.items() if t.isdecimal() and name != before.get(t)}
    return [changed.get(i, name) for i, name in enumerate(names)] + [
        changed.get(i, f"class {i}") for i in range(len(names), max(changed, default=-1) + 1)
    ]


def _copy(archive: zipfile.ZipFile, source: Path, name: str) -> None:
    with (source / name).open("rb") as handle:
        _store(archive, name, handle)


def _store(archive: zipfile.ZipFile, name: str, made: IO[bytes]) -> bytes:
    """Put a file into the archive as it is, without a date. Returns the digest of its bytes."""
    digest = hashlib.sha256()
    made.seek(0)
    with archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as entry:
        while chunk := made.read(_CHUNK):
            digest.update(chunk)
            entry.write(chunk)
    return digest.digest()


def read_back(corrections: Corrections, path: Path, progress: Progress) -> pd.DataFrame:
    """The table that the written files make, without the added split column where rows have none."""
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
        frame = read(Path(folder), progress).frame
    split = corrections.source.layout.get("split")
    order = [*map(str, corrections.dataset.table.columns), *corrections.added_names]
    return frame[order] if split and sorted(order) == sorted(frame.columns) else frame


HF_DATASET = ExportFormat(
    "hf_dataset",
    "Hugging Face dataset on disk (zip)",
    ".zip",
    write,
    frozenset({"hf_dataset"}),
    True,
    read_back,
)
