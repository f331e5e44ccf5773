"""Guesses which column plays which role: first by its name, then by its values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import pandas as pd
from pandas.api import types

from core.dataset import Columns, Kind
from core.importers._folders import IMAGE_SUFFIXES, SPLITS
from core.preflight.cleanlab_columns import cleanlab_columns
from core.preflight.label_sets import guess_delimiter
from core.source import RawTable

_Frame = TypeVar("_Frame", pd.DataFrame, pd.Series)

SAMPLE = 1_000
"""Rows, evenly spaced, that are looked at where a role is guessed by values."""

_ID = ("id", "uuid", "guid", "row_id", "rowid", "example_id", "sample_id", "item_id", "image_id", "text_id",
       "doc_id", "record_id", "index", "idx", "key")  # fmt: skip
_LABEL = ("label", "labels", "given_label", "noisy_label", "class", "target", "category", "intent", "y",
          "class_label", "class_name", "label_name", "sentiment", "topic", "tag")  # fmt: skip
_SPLIT = ("split", "subset", "fold", "set", "partition", "usage")
_IMAGE = ("path", "image", "image_path", "img", "img_path", "file", "filename", "file_name", "filepath",
          "file_path")  # fmt: skip
_IMAGE_FILE = r"(?is).*\.(" + "|".join(s[1:] for s in IMAGE_SUFFIXES) + ")"
_ADDRESS = r"\S*[/\\]\S*"
_TEXT = ("text", "sentence", "content", "message", "question", "review", "comment", "prompt", "body",
         "utterance", "document", "query", "title", "description")  # fmt: skip


def guess_columns(raw: RawTable) -> Columns:
    """The likeliest roles of a table's columns. Deterministic; a role that nothing speaks for is None.

    id: named so, unique unless it is called "id" itself (then repeats are an error to be shown).
    label: named so, else the last column with few different values. split: named so, else one that
    holds nothing but names of splits. content: image paths by suffix, else the longest text, else
    every remaining column. delimiter: only where it is clear that rows have several labels.
    What the format knows of its columns goes before any guess.
    """
    if raw.source.format == "image_folder":
        split = "split" if "split" in raw.frame else None
        return Columns("path", "label", split, ("path",), "image")
    layout = raw.source.layout
    aside = {*layout.get("aside", ()), *cleanlab_columns(raw.frame.columns)}
    names = [c for c in raw.frame.columns if not _is_stored_index(c) and c not in aside]
    row_id = layout.get("id_column") or _guess_id(raw.frame[names], header=bool(layout.get("header", True)))
    left = _sample(raw.frame[names])
    left = left.drop(columns=[row_id] if row_id is not None else [])
    label = layout.get("label_column") or _by_name(left.columns, _LABEL)
    split = layout.get("split") or _guess_split(left.drop(columns=[label] if label is not None else []))
    left = left.drop(columns=[split] if split is not None else [])
    label = _guess_label(left) if label is None else label
    left = left.drop(columns=[label] if label is not None else [])
    content, kind = _guess_content(left)
    return Columns(row_id, label, split, content, kind, guess_label_delimiter(raw, label))


def guess_label_delimiter(raw: RawTable, label: str | None) -> str | None:
    """What stands between the labels of a row in this column, None for one label a row. By its values."""
    if label is None or label not in raw.frame or not _is_text(raw.frame[label]):
        return None
    return guess_delimiter(_sample(raw.frame[label])) or None


def label_by_name(columns: Iterable[str]) -> str | None:
    """The column that is called as a column of given labels is, None where none is."""
    return _by_name(columns, _LABEL)


def fill_columns(said: Columns, raw: RawTable) -> Columns:
    """The roles that were said; those left open are guessed."""
    guessed = guess_columns(raw)
    return Columns(
        id=said.id or guessed.id,
        label=said.label or guessed.label,
        split=said.split or guessed.split,
        content=said.content or guessed.content,
        kind=said.kind if said.content else guessed.kind,
        delimiter=said.delimiter
        if said.delimiter is not None
        else guess_label_delimiter(raw, said.label or guessed.label),
    )


def _sample(frame: _Frame) -> _Frame:
    return frame.iloc[:: max(1, len(frame) // SAMPLE)]


def _is_stored_index(name: str) -> bool:
    """A pandas index that was written along with the data says nothing of a row."""
    return name.startswith("__index_level_") or name.startswith("Unnamed: ")


def _by_name(columns: Iterable[str], names: tuple[str, ...]) -> str | None:
    lower = {c.strip().lower().replace(" ", "_").replace("-", "_"): c for c in reversed(list(columns))}
    return next((lower[n] for n in names if n in lower), None)


def _guess_id(frame: pd.DataFrame, header: bool) -> str | None:
    named = _by_name(frame.columns, ("id",))
    if named is not None:
        return named
    endings = tuple(c.strip().lower() for c in frame.columns if c.strip().lower().endswith("_id"))
    for name in (*_ID, *endings):
        column = _by_name(frame.columns, (name,))
        if column is not None and frame[column].notna().all() and frame[column].is_unique:
            return column
    if not header and len(frame.columns) > 1:
        first = frame.iloc[:, 0]
        if first.is_unique and _share(first, r"[+-]?\d+") == 1.0:
            return str(frame.columns[0])
    return None


def _guess_split(frame: pd.DataFrame) -> str | None:
    for name in _SPLIT:
        column = _by_name(frame.columns, (name,))
        if column is not None and 1 <= frame[column].nunique() <= 20:
            return column
    for column in frame.columns:
        values = set(frame[column].dropna().astype("str").str.strip().str.lower())
        if values and values <= SPLITS | {"unlabelled", "unlabeled"}:
            return str(column)
    return None


def _guess_label(frame: pd.DataFrame) -> str | None:
    """The last column of text or integers that holds from 2 to a fifth as many values as rows."""
    for column in reversed(frame.columns):
        values = frame[column]
        if types.is_float_dtype(values) or not _is_plain(values):
            continue
        if 2 <= values.nunique() <= max(2, min(200, len(values) // 5)) and not _is_fractional(values):
            return str(column)
    return None


def _guess_content(frame: pd.DataFrame) -> tuple[tuple[str, ...], Kind]:
    texts = [c for c in frame.columns if _is_text(frame[c]) and not _is_number(frame[c])]
    for column in texts:
        share = _share(frame[column], _IMAGE_FILE)
        if share >= (0.2 if _by_name([column], _IMAGE) else 0.8):
            return (column,), "image"
    texts = [c for c in texts if not _is_category(frame[c]) and _share(frame[c], _ADDRESS) < 0.8]
    lengths = {c: _mean_length(frame[c]) for c in texts}
    longest = max(texts, key=lambda c: lengths[c], default=None)
    named = _by_name(texts, _TEXT)
    # A short "title" beside a long "article" is not what a row is about.
    if named is not None and lengths[named] >= 0.5 * max(lengths.values()):
        return (named,), "text"
    if longest is not None and (lengths[longest] >= 20 or len(frame.columns) == 1):
        return (longest,), "text"
    rest = tuple(c for c in frame.columns if _is_plain(frame[c]))
    return (rest, "tabular") if rest else ((), "none")


def _is_text(values: pd.Series) -> bool:
    return isinstance(values.dtype, pd.StringDtype)


def _is_plain(values: pd.Series) -> bool:
    """Text, a number, a date or a category; not bytes or other objects."""
    return values.dtype != object


def _is_category(values: pd.Series) -> bool:
    """Whether few values stand for many rows: a second name of the class, say, is not what a row is about."""
    return len(values) >= 50 and values.nunique() <= len(values) // 5


def _is_number(values: pd.Series) -> bool:
    return not _is_text(values) or _share(values, r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?") > 0.9


def _is_fractional(values: pd.Series) -> bool:
    """Whether text cells are numbers of which some have decimals: measurements, not classes."""
    if not _is_text(values) or not _is_number(values):
        return False
    return _share(values, r"[+-]?\d+(\.0*)?") < 0.9


def _share(values: pd.Series, pattern: str) -> float:
    """The share of the filled cells that match as a whole."""
    cells = values.dropna().astype("str").str.strip()
    cells = cells[cells != ""]
    return float(cells.str.fullmatch(pattern).mean()) if len(cells) else 0.0


def _mean_length(values: pd.Series) -> float:
    length = values.str.len().mean()
    return 0.0 if pd.isna(length) else float(length)
