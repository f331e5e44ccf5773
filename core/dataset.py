"""A labelled data set: its table, its columns' roles, its classes and its fingerprint."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from core.boxes import Boxes, boxes_of
from core.flags import Flags
from core.masks import Masks
from core.multilabel import LabelSets
from core.sentences import Sentences, sentences_of
from core.targets import Targets

Kind = Literal["image", "text", "tabular", "none"]
UNLABELLED = -1


@dataclass(frozen=True)
class Columns:
    """Which column plays which role. None: the data set has no such column.

    content: the columns that show what a row is; one for image (paths) and text, many for tabular.
    delimiter: what stands between the labels of a row, core.multilabel.LIST for lists; "" or None: one
    label a row. Where a person says the columns, None leaves it to be found out.
    target: whether a label is a number; None likewise.
    tokens: where a row is one token of a sentence, the columns that say which sentence, which place in it,
    and the token itself; () where a row is a whole record.
    mask: the paths of the masks, whose pixels say the class of each pixel of the row's picture.
    """

    id: str | None = None
    label: str | None = None
    split: str | None = None
    content: tuple[str, ...] = ()
    kind: Kind = "none"
    delimiter: str | None = None
    target: bool | None = None
    tokens: tuple[str, ...] = ()
    mask: str | None = None


@dataclass(frozen=True, eq=False)
class Dataset:
    """N examples in the order of their source file, one row for each record.

    table: indexed by unique str row_id, every source column in source order.
    classes: K class names; they fix the column order of every (N, K) array.
    tokens: how each class is written in the label column ("3" for class "Disgust").
    labels: (N,) int32 codes into classes, -1 where the row has no label.
    media_root: the folder that image paths are relative to.
    media_hash: for images, (N,) sha256 hex of each file's bytes, "" where it cannot be read.
    sets: where a row has several labels, how they are written. classes and tokens are then those sets that
    rows have, each as one text, and K is the number of names in `sets`. None: one label a row.
    targets: where a label is a number, how it is written. classes and tokens are then the different numbers
    by size, each as its text, and K is 0: there are no classes to choose from. None: labels are classes.
    flags: what another tool has said of each row's label, where the data came with that.
    annotators: the columns of the table that hold one annotator's labels each; () where there are none.
    masks: where a row's picture has a mask, given and predicted.
    """

    name: str
    table: pd.DataFrame
    columns: Columns
    classes: tuple[str, ...]
    tokens: tuple[str, ...]
    labels: np.ndarray
    media_root: Path | None = None
    media_hash: np.ndarray | None = None
    sets: LabelSets | None = None
    flags: Flags | None = None
    annotators: tuple[str, ...] = ()
    targets: Targets | None = None
    masks: Masks | None = None
    # Not an argument: a copy made with dataclasses.replace must digest its own values.
    _parts: dict[str, str] = field(default_factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.table)

    @property
    def row_ids(self) -> pd.Index:
        return self.table.index

    def positions(self, row_ids: Iterable[str]) -> np.ndarray:
        """(len(row_ids),) positions in the table, -1 for an id that is not there."""
        return self.table.index.get_indexer(pd.Index(list(row_ids), dtype="str"))

    @property
    def names(self) -> tuple[str, ...]:
        """The K class names in the column order of every (N, K) array; without sets, `classes`. None where
        labels are numbers."""
        if self.targets is not None:
            return ()
        return self.classes if self.sets is None else self.sets.names

    def given_labels(self, positions: np.ndarray | slice = slice(None)) -> np.ndarray:
        """The given labels of these rows as an object array of class names, "" for an unlabelled row."""
        return np.array([*self.classes, ""], dtype=object)[self.labels[positions]]  # UNLABELLED is the last

    def knows(self, label: str | None) -> bool:
        """Whether a label can be given to a row: a class, a set of classes as one text, or a number."""
        if self.targets is not None:
            return self.targets.holds(label) or label in self.classes
        return label in self.classes if self.sets is None else self.sets.holds(label)

    @cached_property
    def numbers(self) -> np.ndarray:
        """(N,) float64 given labels that are numbers, NaN for an unlabelled row.

        Raises ValueError where labels are classes.
        """
        if self.targets is None:
            raise ValueError("the labels of this data set are classes")
        return np.append(np.array([float(text) for text in self.classes]), np.nan)[self.labels]

    @cached_property
    def splits(self) -> pd.Series | None:
        """The split of each row as text, or None where the data set has no split column."""
        return None if self.columns.split is None else self.table[self.columns.split].astype("str")

    @cached_property
    def sentences(self) -> Sentences | None:
        """The sentences that rows are tokens of, None where rows are whole records."""
        return sentences_of(self.table, self.columns.tokens) if self.columns.tokens else None

    @cached_property
    def boxes(self) -> Boxes | None:
        """Where rows are boxes in pictures, with columns x, y, w, h beside the paths: where they lie."""
        columns = self.columns
        is_image = columns.kind == "image" and columns.content
        return boxes_of(self.table, columns.content[0]) if is_image else None

    def part(self, name: str) -> str:
        """sha256 over every value of one part: ids, labels, content, split, table, tokens, flags, votes,
        boxes or masks.

        A cached result is keyed by the parts that it depends on, so that one changed label
        invalidates what reads labels and nothing else.
        """
        if name not in self._parts:
            self._parts[name] = self._digest(name)
        return self._parts[name]

    @property
    def fingerprint(self) -> str:
        """sha256 over every value of the data set, never sampled."""
        joined = "".join(self.part(p) for p in ("ids", "labels", "content", "split", "table"))
        return hashlib.sha256(joined.encode()).hexdigest()

    def trust(self, parts: Mapping[str, str]) -> None:
        """Take digests that were stored together with these very values."""
        self._parts.update(parts)

    @property
    def parts(self) -> dict[str, str]:
        """The digests computed so far; stored so that opening a data set hashes nothing again."""
        return dict(self._parts)

    def _digest(self, name: str) -> str:
        columns = self.columns
        sha = hashlib.sha256(f"{name}:1:".encode())
        if name == "ids":
            _feed(sha, self.table.index.to_series())
        elif name == "labels":
            sha.update("\x00".join(self.classes).encode())
            sha.update(np.ascontiguousarray(self.labels, dtype=np.int32).data)
            if self.sets is not None:
                sha.update(repr(self.sets).encode())
            if self.targets is not None:
                sha.update(repr(self.targets).encode())
        elif name == "flags":
            return "" if self.flags is None else self.flags.digest
        elif name == "votes":
            for column in self.annotators:
                sha.update(column.encode("utf-8", "surrogatepass"))
                _feed(sha, self.table[column])
        elif name == "boxes":
            return self._digest_boxes()
        elif name == "masks":
            return "" if self.masks is None else self.masks.digest
        elif name == "split":
            if columns.split is not None:
                _feed(sha, self.table[columns.split])
        elif name in ("content", "tokens"):
            for column in columns.content if name == "content" else columns.tokens:
                sha.update(column.encode())
                _feed(sha, self.table[column])
            if self.media_hash is not None and name == "content":
                sha.update("".join(self.media_hash.tolist()).encode())
        elif name == "table":
            for column in self.table.columns:
                sha.update(str(column).encode())
                _feed(sha, self.table[column])
        else:
            raise ValueError(f"no part called {name!r}")
        return sha.hexdigest()

    def _digest_boxes(self) -> str:
        """Of the boxes and of the pictures that they lie in; "" where rows are no boxes."""
        if self.boxes is None:
            return ""
        sha = hashlib.sha256(f"boxes:{self.boxes.shares}:".encode())
        sha.update(np.ascontiguousarray(self.boxes.values).data)
        sha.update(self.part("content").encode())
        return sha.hexdigest()


def _feed(sha: hashlib._Hash, values: pd.Series) -> None:
    """Hash every value of a column with its type, lengths and missing mask; equal columns hash equal."""
    array = pa.Array.from_pandas(values)
    chunks = array.chunks if isinstance(array, pa.ChunkedArray) else [array]
    for chunk in chunks:
        kind = chunk.type
        if pa.types.is_dictionary(kind):
            chunk = chunk.dictionary_decode()
            kind = chunk.type
        if pa.types.is_string(kind) or pa.types.is_string_view(kind):
            chunk = chunk.cast(pa.large_string())
            kind = chunk.type
        sha.update(str(kind).encode())
        sha.update(np.packbits(chunk.is_null().to_numpy(zero_copy_only=False)).data)
        if pa.types.is_large_string(kind):
            filled = pc.fill_null(chunk, "") if chunk.null_count else chunk
            # Lengths first, so that ("ab", "c") and ("a", "bc") differ.
            sha.update(np.ascontiguousarray(pc.binary_length(filled).to_numpy()).data)
            offsets = np.frombuffer(filled.buffers()[1], dtype=np.int64)
            start, stop = offsets[filled.offset], offsets[filled.offset + len(filled)]
            data = filled.buffers()[2]
            if data is not None and stop > start:
                sha.update(memoryview(data)[start:stop])
        elif pa.types.is_primitive(kind) and not pa.types.is_boolean(kind):
            sha.update(np.ascontiguousarray(pc.fill_null(chunk, 0).to_numpy(zero_copy_only=False)).data)
        else:
            sha.update(repr(chunk.to_pylist()).encode())
