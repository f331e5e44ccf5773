"""A record for each answer: what is labelled, by whom, and as what."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from core.errors import Problem, refuse
from core.label_forms import answers
from core.label_forms.answers import MOST_ANSWERS
from core.label_forms.form import Formed, LabelForm, check_columns
from core.preflight.labels import as_text

MOST_ANNOTATORS = 100
"""Above it, columns stand for a row's first answer, its second, ..., and not for one annotator each."""


def formed(frame: pd.DataFrame, form: LabelForm, file: str, like: Mapping[str, Any] | None = None) -> Formed:
    """One row for each item, in the order of their first records.

    Its columns: those that say the same in all records of an item; one for each annotator; the given label,
    called as the column of answers; the share of answers that gave it, and its lead. Columns that differ
    within an item are left out, and that is told. like: the layout of a source to name columns alike.
    """
    label = _column(frame, form, file)
    rows, first = _items(frame[form.item], file)
    labels, codes, said = answers.encode([frame[label]], file)
    codes = codes[:, 0]
    who, people = _annotators(frame[form.annotator], rows, codes >= 0)
    by_person = len(people) <= MOST_ANNOTATORS if like is None else like["by_person"]
    slots, names = (who, people) if by_person else _by_position(rows, codes >= 0)
    shown = _matrix(rows, slots, codes, len(first), len(names), file)
    weighed = shown
    if form.method != "majority" and not by_person:
        weighed = _matrix(rows, who, codes, len(first), len(people), file)
    given = answers.agreed(labels, weighed, form.method, file)
    kept, differ = _constant(frame.drop(columns=[label, form.annotator]), rows, first)
    made = frame[kept].iloc[first].reset_index(drop=True)
    taken = {*made.columns, label}
    columns = like["annotators"][label] if like else _columns(taken, label, names, by_person)
    written = zip(names, _texts(labels, shown), strict=True)
    made = pd.concat([made, pd.DataFrame({columns[name]: texts for name, texts in written})], axis=1)
    made, about = answers.put(made, given, label, like)
    layout = {
        **about,
        "id_column": form.item,
        "by_person": by_person,
        "annotators": {label: columns},
        "aside": [*columns.values(), *about["about_label"]],
        **answers.classes(labels, given.codes),
    }
    edits = partial(answers.edits, {label: codes}, rows, given.codes, file=file)
    said += [_said(len(frame), len(first), file, form), *_said_of(differ, file)]
    said += answers.remarks(shown, given, form.method, file, label)
    return Formed(made, layout, rows, edits, tuple(said))


def _column(frame: pd.DataFrame, form: LabelForm, file: str) -> str:
    """The column of answers. Raises InputError unless three different columns are named."""
    check_columns(frame, (form.item, form.annotator, *form.columns), file)
    if len(form.columns) != 1:
        raise refuse("a table of one answer a row has one column of labels", file=file)
    return form.columns[0]


def _items(column: pd.Series, file: str) -> tuple[np.ndarray, np.ndarray]:
    """((R,) the row of each record, (N,) the first record of each row). Raises InputError for a blank id."""
    ids = as_text(column).fillna("")
    blank = np.flatnonzero((ids.str.strip() == "").to_numpy())
    if len(blank):
        row, name = int(blank[0]) + 1, str(column.name)
        mend = "say in every record what it is about"
        raise refuse("no id", file=file, row=row, column=name, count=len(blank), mend=mend)
    rows, found = pd.factorize(ids)
    first = np.full(len(found), len(rows), dtype=np.int64)
    np.minimum.at(first, rows, np.arange(len(rows)))
    return rows, first


def _annotators(column: pd.Series, rows: np.ndarray, said: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """((R,) which of the names a record's answer belongs to, -1 without one; the names).

    A second answer of one person to one item is told apart, as in the files of annotation tools.
    """
    people = as_text(column).fillna("").str.strip().replace("", "unknown")
    table = pd.DataFrame({"row": rows, "person": people.to_numpy()})[said]
    again = table.groupby(["row", "person"]).cumcount()
    names = table["person"].where(again == 0, table["person"] + " (" + (again + 1).astype(str) + ")")
    codes, found = pd.factorize(names)
    who = np.full(len(rows), -1, dtype=np.int64)
    who[np.flatnonzero(said)] = codes
    return who, [str(name) for name in found]


def _by_position(rows: np.ndarray, said: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """As `_annotators`, for a row's first answer, its second, ..."""
    places = pd.Series(rows[said]).groupby(rows[said]).cumcount().to_numpy()
    slots = np.full(len(rows), -1, dtype=np.int64)
    slots[said] = places
    return slots, [f"answer {i + 1}" for i in range(int(places.max(initial=-1)) + 1)]


def _matrix(
    rows: np.ndarray, slots: np.ndarray, codes: np.ndarray, n: int, width: int, file: str
) -> np.ndarray:
    """(n, width) int32 codes of the answers, -1 = none."""
    if n * width > MOST_ANSWERS:
        found = f"{n:,} items with room for {width:,} answers each"
        raise refuse(found, file=file, mend="is this the column that says what is labelled?")
    table = np.full((n, width), -1, dtype=np.int32)
    there = codes >= 0
    table[rows[there], slots[there]] = codes[there]
    return table


def _constant(frame: pd.DataFrame, rows: np.ndarray, first: np.ndarray) -> tuple[list[str], list[str]]:
    """(columns that say the same in all records of an item, the others)."""
    kept: list[str] = []
    differ: list[str] = []
    for name in frame.columns:
        codes = pd.factorize(frame[name])[0]
        (kept if (codes == codes[first][rows]).all() else differ).append(name)
    return kept, differ


def _columns(taken: set[str], label: str, names: list[str], by_person: bool) -> dict[str, str]:
    """{annotator: what their column is called}, each a name that is not taken."""
    columns = {}
    for name in names:
        wanted = f"{label} by {name}" if by_person else f"{label}, {name}"
        while wanted in taken:
            wanted += "_"
        taken.add(wanted)
        columns[name] = wanted
    return columns


def _texts(labels: tuple[str, ...], shown: np.ndarray) -> list[pd.Series]:
    known = np.array([*labels, None], dtype=object)
    return [pd.Series(known[column], dtype="str") for column in shown.T]


def _said(records: int, items: int, file: str, form: LabelForm) -> Problem:
    found = f"a record for each answer: {records:,} records about {items:,} rows"
    return Problem("notice", found, file=file, column=form.item)


def _said_of(differ: list[str], file: str) -> list[Problem]:
    if not differ:
        return []
    named = ", ".join(differ[:5]) + (f" and {len(differ) - 5:,} more" if len(differ) > 5 else "")
    found = f"columns that differ between the answers to a row are not shown: {named}"
    return [Problem("notice", found, "they stay in the file as they are", file=file)]
