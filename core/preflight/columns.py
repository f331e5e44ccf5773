"""Guesses which column plays which role: first by its name, then by its values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

import pandas as pd
from pandas.api import types

from core.dataset import Columns, Kind
from core.preflight.cleanlab_columns import cleanlab_columns
from core.preflight.label_sets import guess_delimiter
from core.preflight.masks import CONFIDENCE, PREDICTED
from core.preflight.targets import guess_target
from core.preflight.text_facts import TextFacts, text_facts
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
_MASK = ("mask", "mask_path", "masks", "segmentation", "segmentation_mask", "seg_mask", "label_mask",
         "annotation_mask")  # fmt: skip
_TEXT = ("text", "sentence", "content", "message", "question", "review", "comment", "prompt", "body",
         "utterance", "document", "query", "title", "description")  # fmt: skip


def guess_columns(raw: RawTable, said: Columns | None = None) -> Columns:
    """The likeliest roles of a table's columns. Deterministic; a role that nothing speaks for is None.

    said: roles that are known; their columns are no others' guess, least of all content.
    id: named so, unique unless it is called "id" itself (then repeats are an error to be shown).
    label: named so, else the last column with few different values. split: named so, else one that
    holds nothing but names of splits. content: image paths by suffix, else the longest text, else
    every remaining column. target: as `guess_target` sees it. delimiter: only where it is clear that rows
    have several labels. What the format knows of its columns goes before any guess.
    """
    if raw.source.format == "image_folder":
        split = "split" if "split" in raw.frame else None
        return Columns("path", "label", split, ("path",), "image")
    if raw.source.format == "mask_folder":
        split = "split" if "split" in raw.frame else None
        return Columns("path", None, split, ("path",), "image", mask="mask")
    layout = raw.source.layout
    if tokens := layout.get("tokens"):
        split = "split" if "split" in raw.frame else None
        return Columns("id", "label", split, (tokens[-1], "text"), "text", tokens=tuple(tokens))
    aside = {*layout.get("aside", ()), *cleanlab_columns(raw.frame.columns)}
    names = [c for c in raw.frame.columns if not _is_stored_index(c) and c not in aside]
    row_id = layout.get("id_column") or _guess_id(raw.frame[names], header=bool(layout.get("header", True)))
    sample = _sample(raw.frame[[c for c in names if c != row_id]])
    facts = text_facts(sample[[c for c, kind in sample.dtypes.items() if isinstance(kind, pd.StringDtype)]])
    mask = _guess_mask(sample, facts)
    sample = sample.drop(columns=[c for c in sample if mask is not None and _is_of_masks(str(c), mask)])
    said = said or Columns()
    label = said.label or layout.get("label_column") or _by_name(sample.columns, _LABEL)
    split = said.split or layout.get("split") or _guess_split(_without(sample, label), facts)
    left = _without(sample, split)
    label = _guess_label(left, facts) if label is None and mask is None else label
    content, kind = _guess_content(_without(left, label), facts)
    if kind == "tabular":  # a picture's path may be its id
        content = tuple(c for c in content if c != said.id)
        kind = kind if content else "none"
    mask = mask if kind == "image" else None
    target = guess_target(raw, label) or None
    return Columns(row_id, label, split, content, kind, guess_label_delimiter(raw, label), target, mask=mask)


def guess_label_delimiter(raw: RawTable, label: str | None) -> str | None:
    """What stands between the labels of a row in this column, None for one label a row. By its values."""
    if label is None or label not in raw.frame or not isinstance(raw.frame[label].dtype, pd.StringDtype):
        return None
    return guess_delimiter(_sample(raw.frame[label])) or None


def label_by_name(columns: Iterable[str]) -> str | None:
    """The column that is called as a column of given labels is, None where none is."""
    return _by_name(columns, _LABEL)


def fill_columns(said: Columns, raw: RawTable) -> Columns:
    """The roles that were said; those left open are guessed."""
    guessed = guess_columns(raw, said)
    return Columns(
        id=said.id or guessed.id,
        label=said.label or guessed.label,
        split=said.split or guessed.split,
        content=said.content or guessed.content,
        kind=said.kind if said.content else guessed.kind,
        delimiter=said.delimiter
        if said.delimiter is not None
        else guess_label_delimiter(raw, said.label or guessed.label),
        target=said.target
        if said.target is not None
        else guess_target(raw, said.label or guessed.label) or None,
        tokens=said.tokens or guessed.tokens,
        mask=said.mask or (guessed.mask if not said.content or said.kind == "image" else None),
    )


def _sample(frame: _Frame) -> _Frame:
    return frame.iloc[:: max(1, len(frame) // SAMPLE)]


def _without(frame: pd.DataFrame, column: str | None) -> pd.DataFrame:
    return frame if column is None else frame.drop(columns=[column], errors="ignore")


def _is_stored_index(name: str) -> bool:
    """A pandas index that was written along with the data says nothing of a row."""
    return name.startswith("__index_level_") or name.startswith("Unnamed: ")


def _by_name(columns: Iterable[str], names: tuple[str, ...]) -> str | None:
    lower = _lower(columns)
    return next((lower[n] for n in names if n in lower), None)


def _lower(columns: Iterable[str]) -> dict[str, str]:
    """The first column of each name in small letters, with _ between its words."""
    return {c.strip().lower().replace(" ", "_").replace("-", "_"): c for c in reversed(list(columns))}


def _guess_id(frame: pd.DataFrame, header: bool) -> str | None:
    known = _lower(frame.columns)
    if "id" in known:
        return known["id"]
    endings = (c.strip().lower() for c in frame.columns if c.strip().lower().endswith("_id"))
    for name in dict.fromkeys((*_ID, *endings)):
        column = known.get(name)
        if column is not None and frame[column].notna().all() and frame[column].is_unique:
            return column
    if not header and len(frame.columns) > 1:
        first = frame.iloc[:, 0]
        if first.is_unique and _is_numbered(first):
            return str(frame.columns[0])
    return None


def _is_numbered(values: pd.Series) -> bool:
    """Whether the filled cells are whole numbers without a point."""
    cells = values.dropna().astype("str").str.strip()
    cells = cells[cells != ""]
    return len(cells) > 0 and bool(cells.str.fullmatch(r"[+-]?\d+").all())


def _guess_split(frame: pd.DataFrame, facts: Mapping[str, TextFacts]) -> str | None:
    known = _lower(frame.columns)
    for name in _SPLIT:
        column = known.get(name)
        if column is not None and 1 <= frame[column].nunique() <= 20:
            return column
    return next((c for c in frame.columns if _is_split(frame[c], facts.get(c))), None)


def _is_split(values: pd.Series, said: TextFacts | None) -> bool:
    """Whether a column holds nothing but names of splits. said: of a column of text."""
    if said is not None:
        return said.split
    if types.is_numeric_dtype(values) or types.is_datetime64_any_dtype(values):
        return False
    texts = values.dropna().astype("str").to_frame("texts")
    return text_facts(texts)["texts"].split


def _guess_mask(frame: pd.DataFrame, facts: Mapping[str, TextFacts]) -> str | None:
    """A column that is called so and holds names of pictures, beside another one that does."""
    pictures = [c for c in frame.columns if c in facts and facts[c].image >= 0.5]
    named = _by_name(pictures, _MASK)
    others = [c for c in pictures if named is not None and not _is_of_masks(str(c), named)]
    return named if others else None


def _is_of_masks(column: str, mask: str) -> bool:
    return column == mask or column.strip().lower() in (*PREDICTED, *CONFIDENCE)


def _guess_label(frame: pd.DataFrame, facts: Mapping[str, TextFacts]) -> str | None:
    """The last column of text or integers that holds from 2 to a fifth as many values as rows."""
    most = max(2, min(200, len(frame) // 5))
    for column in reversed(frame.columns):
        said = facts.get(column)
        if said is None and (types.is_float_dtype(frame[column]) or not _is_plain(frame[column])):
            continue
        distinct = frame[column].nunique() if said is None else said.distinct
        if 2 <= distinct <= most and not (said and _is_fractional(said)):
            return str(column)
    return None


def _guess_content(frame: pd.DataFrame, facts: Mapping[str, TextFacts]) -> tuple[tuple[str, ...], Kind]:
    texts = [c for c in frame.columns if c in facts and not _is_number(facts[c])]
    for column in texts:
        if facts[column].image >= (0.2 if _by_name([column], _IMAGE) else 0.8):
            return (column,), "image"
    texts = [c for c in texts if not _is_category(facts[c], len(frame)) and facts[c].address < 0.8]
    lengths = {c: facts[c].length for c in texts}
    longest = max(texts, key=lambda c: lengths[c], default=None)
    named = _by_name(texts, _TEXT)
    # A short "title" beside a long "article" is not what a row is about.
    if named is not None and lengths[named] >= 0.5 * max(lengths.values()):
        return (named,), "text"
    if longest is not None and (lengths[longest] >= 20 or len(frame.columns) == 1):
        return (longest,), "text"
    rest = tuple(c for c in frame.columns if _is_plain(frame[c]))
    return (rest, "tabular") if rest else ((), "none")


def _is_plain(values: pd.Series) -> bool:
    """Text, a number, a date or a category; not bytes or other objects."""
    return not types.is_object_dtype(values)


def _is_category(said: TextFacts, rows: int) -> bool:
    """Whether few values stand for many rows: a second name of the class, say, is not what a row is about."""
    return rows >= 50 and said.distinct <= rows // 5


def _is_number(said: TextFacts) -> bool:
    return said.number > 0.9


def _is_fractional(said: TextFacts) -> bool:
    """Whether text cells are numbers of which some have decimals: measurements, not classes."""
    return _is_number(said) and said.whole < 0.9
