"""Whether a table looks like one of these forms; a proposal for a person, never taken unasked."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd
from pandas.api import types

from core.label_forms.form import LabelForm
from core.label_forms.reading import TABLES
from core.preflight.columns import SAMPLE, label_by_name
from core.preflight.labels import as_text
from core.preflight.prediction_cells import SUM_OFF, holds_numbers
from core.source import RawTable

_ANSWERS = {"annotator", "annotators", "annotation", "ann", "annot", "rater", "rating", "coder", "judge",
            "expert", "reviewer", "labeler", "labeller", "label", "labels", "answer", "crowd"}  # fmt: skip
_PEOPLE = ("annotator", "annotator_id", "worker", "worker_id", "workerid", "rater", "rater_id", "coder",
           "coder_id", "judge", "judge_id", "labeler", "labeller", "labeler_id", "annotated_by", "labeled_by",
           "reviewer", "user", "user_id", "person")  # fmt: skip
_ITEMS = ("item", "item_id", "id", "task", "task_id", "example_id", "sample_id", "text_id", "image_id",
          "doc_id", "record_id", "question", "hit_id", "uid", "uuid")  # fmt: skip
_SOFT = {"soft", "vote", "votes", "share", "shares", "distribution", "dist", "count", "counts", "human"}
_MOST_CLASSES = 200
_SHARED = 0.5
_ONE_EACH = 0.9


def guess_form(raw: RawTable) -> LabelForm | None:
    """The form that a table looks like; None for a column of given labels. Deterministic.

    wide: columns called alike ("annotator_1", "label_bob") whose labels are much the same. long: ids that
    repeat beside a column of annotators. soft: lists, mappings or columns of shares, called so.
    A table with a column called label is none of the first and, unless it holds shares, of the last.
    """
    if raw.source.format not in TABLES or len(raw.frame) < 2:
        return None
    return _long(raw.frame) or _soft(raw.frame) or _wide(raw.frame)


def sentence(form: LabelForm) -> str:
    """What a table looks like, for a person; no full stop."""
    named = ", ".join(form.columns[:6]) + (", ..." if len(form.columns) > 6 else "")
    if form.kind == "wide":
        return f"columns {named} look like the labels of one annotator each"
    if form.kind == "long":
        return (
            f"{form.item} repeats, and {form.annotator} looks like who labelled it: a record for each answer"
        )
    return f"{named} {'looks' if len(form.columns) == 1 else 'look'} like soft labels"


def guess_long(frame: pd.DataFrame) -> LabelForm:
    """The likeliest columns of a table of one answer a row, whether or not it is one; "" where none is."""
    names = list(map(str, frame.columns))
    who = _named(names, _PEOPLE) or ""
    items = [n for n in (_named(names, (name,)) for name in _ITEMS) if n is not None and n != who]
    items += [n for n in names if n.lower().endswith("_id") and n not in (who, *items)]
    item = next((n for n in items if not frame[n].is_unique), items[0] if items else "")
    label = label_by_name([n for n in names if n not in (who, item)])
    label = label or _named([n for n in names if n not in (who, item)], ("answer", "annotation", "rating"))
    return LabelForm("long", (label,) if label else (), item, who)


def _long(frame: pd.DataFrame) -> LabelForm | None:
    found = guess_long(frame)
    if not (found.item and found.annotator and found.columns) or frame[found.item].is_unique:
        return None
    pairs = frame.drop_duplicates([found.item, found.annotator])
    return found if len(pairs) >= _ONE_EACH * len(frame) else None


def _wide(frame: pd.DataFrame) -> LabelForm | None:
    if label_by_name(map(str, frame.columns)) is not None:
        return None
    head = frame.iloc[:: max(1, len(frame) // SAMPLE)]
    groups: dict[tuple[str, str], list[str]] = {}
    for name in map(str, frame.columns):
        parts = re.split(r"[ _.\-]+|(?<=[A-Za-z])(?=\d)", name.strip())
        if len(parts) > 1 and parts[0].lower() in _ANSWERS:
            groups.setdefault(("begins", "_".join(parts[:-1]).lower()), []).append(name)
        elif len(parts) > 1 and parts[-1].lower() in _ANSWERS:
            groups.setdefault(("ends", "_".join(parts[1:]).lower()), []).append(name)
    fitting = [g for g in groups.values() if len(g) > 1 and _share_classes(head[g])]
    best = max(fitting, key=len, default=None)
    return None if best is None else LabelForm("wide", tuple(best))


def _share_classes(frame: pd.DataFrame) -> bool:
    """Whether the columns hold few different labels, and much the same ones."""
    if any(types.is_float_dtype(frame[c]) and (frame[c].dropna() % 1 != 0).any() for c in frame):
        return False
    cells = [as_text(frame[c]).dropna().str.strip() for c in frame if frame[c].dtype != object]
    values = [set(c[c != ""]) for c in cells]
    if len(values) < len(frame.columns) or not all(values):
        return False
    answers = sum(int((c != "").sum()) for c in cells)
    for i, own in enumerate(values):
        others = set().union(*values[:i], *values[i + 1 :])
        if len(own & others) < _SHARED * len(own):
            return False
    return len(set().union(*values)) <= min(_MOST_CLASSES, max(2, answers // 2))


def _soft(frame: pd.DataFrame) -> LabelForm | None:
    label = label_by_name(map(str, frame.columns))
    for name in map(str, frame.columns):
        if (
            (name == label or _words(name) & _SOFT)
            and holds_numbers(frame[name])
            and not _is_set(frame[name])
        ):
            return LabelForm("soft", (name,))
    if label is not None:
        return None
    groups: dict[str, list[str]] = {}
    for name in map(str, frame.columns):
        parts = re.split(r"[ _.:\-]+", name)
        if len(parts) > 1 and parts[0].lower() in _SOFT:
            groups.setdefault(parts[0].lower(), []).append(name)
    head = frame.iloc[:: max(1, len(frame) // SAMPLE)]
    fitting = [g for g in groups.values() if len(g) > 1 and _are_shares(head[g])]
    most = max((len(g) for g in fitting), default=0)
    return next((LabelForm("soft", tuple(g)) for g in fitting if len(g) == most), None)


def _is_set(column: pd.Series) -> bool:
    """Whether lists are of different lengths, or of whole numbers without a 0: labels, not shares."""
    cells = [c for c in column.dropna().head(100).tolist() if c.strip().startswith("[")]
    counts = {c.count(",") for c in cells}
    whole = all(re.fullmatch(r"\s*\[[\s\d,]*\]\s*", c) for c in cells) and bool(cells)
    return len(counts) > 1 or (whole and not any(re.search(r"\b0\b", c) for c in cells))


def _are_shares(frame: pd.DataFrame) -> bool:
    """Whether columns hold numbers from 0 that are whole, as votes are, or sum to 1 in every row."""
    numbers = frame.apply(lambda c: pd.to_numeric(as_text(c), errors="coerce")).to_numpy(dtype=float)
    if np.isnan(numbers).any() or (numbers < 0).any() or not numbers.sum():
        return False
    whole = bool((numbers % 1 == 0).all())
    return whole or bool((np.abs(numbers.sum(axis=1) - 1) <= SUM_OFF).all())


def _words(name: str) -> set[str]:
    return set(re.split(r"[^a-z]+", name.lower()))


def _named(columns: Iterable[str], names: tuple[str, ...]) -> str | None:
    lower = {re.sub(r"[ \-]", "_", c.strip().lower()): c for c in columns}
    return next((lower[n] for n in names if n in lower), None)
