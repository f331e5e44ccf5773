"""A NumPy array of labels, one a row. From a .npy source the values keep its type and meaning.

From any other source they are int64 codes: the class's place in the class list, -1 for a row without
a label, as every (N, K) array of this data set counts its columns. Labels that are numbers are float64.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.errors import refuse
from core.exporters._base import ExportFormat
from core.exporters._table import check_cell, check_count
from core.progress import Progress

if TYPE_CHECKING:
    from core.corrections import Corrections


def write(corrections: Corrections, out: Path, progress: Progress) -> int:
    """Write the corrected labels of the rows that are kept, in row order."""
    if corrections.added_names:
        raise refuse(
            "an array of labels has no room for added columns",
            mend="export without them and leave excluded rows out, or choose CSV",
        )
    if corrections.dataset.sets is not None and corrections.source.format != "npy":
        raise refuse(
            "an array of one label a row cannot hold several labels a row",
            mend="export in the format of the source, or as CSV",
        )
    progress.report(0.0, "writing labels")
    if corrections.source.format != "npy":
        labels = _codes(corrections) if corrections.dataset.targets is None else _numbers(corrections)
    elif corrections.untouched:
        shutil.copyfile(corrections.source.path, out)
        return 0
    else:
        labels = _corrected(corrections)
    with out.open("wb") as handle:
        np.save(handle, labels[~corrections.dropped], allow_pickle=False)
    return 0


def _codes(corrections: Corrections) -> np.ndarray:
    dataset = corrections.dataset
    labels = dataset.labels.astype(np.int64)
    for position, token in corrections.tokens_in(0, len(dataset)).items():
        labels[position] = corrections.written.code(token)
    return labels


def _numbers(corrections: Corrections) -> np.ndarray:
    """(N,) float64, NaN for a row without a label."""
    numbers = corrections.dataset.numbers.copy()
    for position, token in corrections.tokens_in(0, len(numbers)).items():
        numbers[position] = float(token)
    return numbers


def _corrected(corrections: Corrections) -> np.ndarray:
    """The source's array with the new labels; strings are widened where a new one is longer."""
    labels = np.load(corrections.source.path, allow_pickle=False)
    check_count(corrections, len(labels))
    for change in corrections.changes:
        found = labels[change.position].item() if labels.ndim == 1 else labels[change.position, 0].item()
        check_cell(corrections, change.position, found.decode() if isinstance(found, bytes) else found)
    tokens = corrections.tokens_in(0, len(labels))
    values = [_typed(token, labels.dtype.kind) for token in tokens.values()]
    if values and labels.dtype.kind in "US":
        labels = labels.astype(np.promote_types(labels.dtype, np.array(values).dtype))
    for position, value in zip(tokens, values, strict=True):
        try:
            labels[position] = value
        except OverflowError as error:
            said = f"{value!r} does not fit into an array of {labels.dtype}"
            raise refuse(said, file=corrections.source.path.name, mend="export as CSV") from error
    return labels


def _typed(token: str, kind: str) -> str | bytes | int | float:
    """A token as a value of an array of this dtype.kind; integers exactly, whatever their size."""
    if kind in "US":
        return token if kind == "U" else token.encode()
    word = {"true": "1", "false": "0"}.get(token.lower(), token)
    return int(word) if word.lstrip("+-").isdigit() else float(word)


NPY_LABELS = ExportFormat("npy", "NumPy array of labels", ".npy", write, frozenset({"npy"}))
