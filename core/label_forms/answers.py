"""What the answers of several annotators say together, and which of them change with the given label."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from core.errors import Problem, refuse
from core.label_forms.form import METHODS, Edits, Tokens, free_name
from core.label_forms.votes import LEAD, SHARE
from core.methods.agreement import alpha_interval, class_counts
from core.methods.consensus import consensus
from core.preflight.labels import MISSING, as_text, integer, read_given

MOST_ANSWERS = 100_000_000
"""Cells of rows times annotators that are held at once."""
_SEED = 0
_ORDER_MEND = "choose the majority, which needs no table of all annotators"


@dataclass(frozen=True, eq=False)
class Given:
    """Given labels out of answers. labels: as they are written. codes: (N,) into labels, -1 = none.
    share: (N,) of the row's answers that gave the label, in (0, 1]; NaN without a label.
    lead: (N,) how much larger it is than the next share, 0 in a tie; NaN without an answer."""

    labels: tuple[str, ...]
    codes: np.ndarray
    share: np.ndarray
    lead: np.ndarray

    @property
    def texts(self) -> pd.Series:
        """(N,) the given labels, missing where there is none."""
        return pd.Series(np.array([*self.labels, None], dtype=object)[self.codes], dtype="str")


def encode(columns: Sequence[pd.Series], file: str) -> tuple[tuple[str, ...], np.ndarray, list[Problem]]:
    """(the different labels as written, (R, C) int32 codes into them, -1 = no answer, notices).

    Whole numbers of a column of floats, which they become where answers are missing, are read as such.
    """
    texts = pd.concat([_texts(column) for column in columns], ignore_index=True)
    given, _ = read_given(texts, file)
    words = sorted(MISSING & set(texts.dropna().unique()))
    found = f"read as no answer: {', '.join(words)}"
    said = [Problem("notice", found, file=file, column=str(columns[0].name))] if words else []
    codes = given.codes.reshape(len(columns), -1).T.astype(np.int32)
    return given.values, np.ascontiguousarray(codes), said


def agreed(labels: tuple[str, ...], answers: np.ndarray, method: str, file: str) -> Given:
    """The given label of each row of (N, A) answers. A tie has none, nor has a label that nobody gave."""
    if method not in METHODS:
        raise refuse(f"no way of agreeing called {method!r}", expected="one of " + ", ".join(METHODS))
    if answers.size > MOST_ANSWERS:
        found = f"{answers.shape[0]:,} rows and {answers.shape[1]:,} annotators"
        raise refuse(found, file=file, mend=_ORDER_MEND)
    codes = consensus(answers, max(len(labels), 1), method).labels.astype(np.int32)
    counts = class_counts(answers, max(len(labels), 1))
    same = ((answers == codes[:, None]) & (codes >= 0)[:, None]).sum(axis=1)
    codes[same == 0] = -1
    answered = (answers >= 0).sum(axis=1)
    others = counts.copy()
    others.data[others.indices == np.repeat(codes, np.diff(others.indptr))] = 0
    most = others.max(axis=1).toarray().ravel() if len(labels) else np.zeros(len(codes))
    return Given(labels, codes, part(same, answered, codes >= 0), lead(codes, same, most, answered))


def part(some: np.ndarray, of: np.ndarray, where: np.ndarray) -> np.ndarray:
    """(N,) some / of to four digits, NaN elsewhere."""
    return np.round(np.divide(some, of, out=np.full(len(of), np.nan), where=where), 4)


def lead(codes: np.ndarray, same: np.ndarray, most: np.ndarray, answered: np.ndarray) -> np.ndarray:
    """(N,) how far the label's share, of `same`, lies before the next one, of `most`; 0 without a label."""
    return part(np.where(codes >= 0, same - most, 0), answered, answered > 0)


def put(
    frame: pd.DataFrame, given: Given, label: str, like: Mapping[str, Any] | None
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """(the table with its given labels, share and lead in columns at its end, what a layout says of them)."""
    about = like["about_label"] if like else [free_name(frame, name.format(label)) for name in (SHARE, LEAD)]
    made = frame.copy(deep=False)
    made[label] = given.texts.set_axis(frame.index)
    made[about[0]], made[about[1]] = given.share, given.lead
    return made, {"label_column": label, "about_label": about}


def classes(labels: Sequence[str], given: np.ndarray) -> dict[str, list[str]]:
    """{"classes": all labels, sorted} where some of them are no row's given label, else {}."""
    if len(np.unique(given[given >= 0])) == len(labels):
        return {}
    return {"classes": sorted(labels, key=lambda name: (integer(name) or 0, name))}


def remarks(answers: np.ndarray, given: Given, method: str, file: str, column: str) -> list[Problem]:
    """How the given labels came about, how many ties there are, and how far annotators agree."""
    count = (answers >= 0).sum(axis=1)
    how = "what most of them say" if method == "majority" else "what Dawid-Skene makes of their answers"
    several = int((count > 1).sum())
    found = f"several annotators: the given label is {how}"
    said = [Problem("notice", found, "", "", file, None, column, several)]
    ties = np.flatnonzero((count > 1) & (given.codes < 0))
    if len(ties):
        found = "annotators tie: read as unlabelled, so that nobody is preferred"
        row = int(ties[0]) + 1
        said.append(Problem("notice", found, "decide these rows", "", file, row, column, len(ties)))
    alpha = alpha_interval(answers, _SEED)
    found = f"how far annotators agree is not told. {alpha.reason}"
    if not math.isnan(alpha.value):
        found = f"annotators agree: Krippendorff's alpha is {alpha.value:.2f}"
        if not math.isnan(alpha.low):
            found += f", 95% interval {alpha.low:.2f} to {alpha.high:.2f}"
        found += f", over {alpha.rows:,} rows (1: always, 0: no better than chance)"
    return [*said, Problem("notice", found.rstrip("."), file=file, column=column)]


def edits(
    answers: Mapping[str, np.ndarray], rows: np.ndarray, given: np.ndarray, tokens: Tokens, file: str
) -> Edits:
    """The answers that change with the given labels: those that gave it, or all where there is none.

    answers: {column: (R,) codes}; rows: (R,) the row of each record; given: (N,) codes.
    Raises InputError for a row that nobody has answered.
    """
    wanted = np.zeros(len(given), dtype=bool)
    wanted[list(tokens)] = True
    placed = np.zeros(len(given), dtype=bool)
    made: Edits = {}
    for column, codes in answers.items():
        holds = (codes >= 0) & ((given[rows] < 0) | (codes == given[rows]))
        records = np.flatnonzero(wanted[rows] & holds)
        placed[rows[records]] = True
        if len(records):
            made[column] = {record: tokens[int(rows[record])] for record in records.tolist()}
    left = np.flatnonzero(wanted & ~placed)
    if len(left):
        raise refuse(
            "nobody has chosen a label here, so that there is no answer to correct",
            file=file,
            row=int(left[0]) + 1,
            count=len(left),
            mend="export as CSV, JSON or Parquet, which have the given label as a column of its own",
        )
    return made


def _texts(column: pd.Series) -> pd.Series:
    if types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")
    return as_text(column)
