"""Labels that are numbers: whether a column looks like that, its cells, and a model's numbers for it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from core.errors import InputError, Problem, refuse
from core.preflight.agreement import IS_IT_IN_ORDER, LEAST_KAPPA
from core.preflight.array_files import ArrayFile
from core.preflight.labels import MISSING, GivenLabels, as_text
from core.preflight.prediction_files import align
from core.preflight.reconcile import Classes, Where
from core.preflight.table_checks import FEW
from core.source import RawTable
from core.targets import Targets, number_of, spoken

_NAMES_OF_CLASSES = {"class", "category", "intent", "sentiment", "topic", "tag", "class_label",
                     "class_name", "label_name"}  # fmt: skip
_TABLES = {"arrow", "csv", "hf_dataset", "json", "jsonl", "npy", "parquet", "split_files", "sql", "xlsx"}
"""The formats whose label cells can be numbers: those whose exporters write any cell."""
_FEW_VALUES = 20
_MANY_WHOLE = 50
_WIDE = 10
"""How many times wider than the count of its values the range of whole numbers is that are no codes."""
_SHARE_WHOLE = 0.1
_SURELY_MANY = 1_000


def guess_target(raw: RawTable, label: str | None) -> bool:
    """Whether a label column looks like numbers rather than classes: a proposal, for a person to confirm.

    Numbers with decimals and over 20 different values; or whole numbers that are no codes: over 50 different
    ones, their range ten times that, in more than a tenth of the rows or over 1,000 of them.
    """
    layout, known = raw.source.layout, label is not None and label in raw.frame
    if (
        label is None
        or not known
        or raw.source.format not in _TABLES
        or layout.get("class_names", {}).get(label)
    ):
        return False
    column = raw.frame[label]
    if "classes" in layout or label.strip().lower().replace(" ", "_") in _NAMES_OF_CLASSES:
        return False
    if types.is_bool_dtype(column.dtype) or isinstance(column.dtype, pd.CategoricalDtype):
        return False
    if not (types.is_numeric_dtype(column.dtype) or isinstance(column.dtype, pd.StringDtype)):
        return False
    head = as_text(column.iloc[:: max(1, len(column) // 1_000)]).dropna().str.strip()
    if any(number_of(cell) is None for cell in head if cell and cell not in MISSING):
        return False
    texts = as_text(column).dropna().drop_duplicates().str.strip()
    numbers = [number_of(cell) for cell in texts if cell and cell not in MISSING]
    values = np.unique(np.array([n for n in numbers if n is not None]))
    if len(values) < len(numbers) * 0.5 or any(n is None for n in numbers):
        return False
    if (values % 1 != 0).any():
        return len(values) > _FEW_VALUES
    rows = int(column.notna().sum())
    wide = len(values) > _MANY_WHOLE and values[-1] - values[0] + 1 > _WIDE * len(values)
    return bool(wide and (len(values) > _SHARE_WHOLE * rows or len(values) > _SURELY_MANY))


def read_targets(given: GivenLabels, where: Where, column: pd.Series) -> Classes:
    """The cells of a label column as numbers: each number once, by size, in its most frequent spelling.

    Raises InputError naming the first row that is no finite number, and where no row has one.
    """
    texts = [value.strip() for value in given.values]
    numbers = [number_of(text) for text in texts]
    bad = sorted((i for i, n in enumerate(numbers) if n is None), key=lambda i: given.first[i])
    at: dict[str, Any] = {"file": where.data, "column": where.column}
    if bad:
        raise refuse(
            f"{given.values[bad[0]][:60]!r} is no number",
            row=int(given.first[bad[0]]) + 1,
            count=int(given.counts[bad].sum()),
            expected="digits with a point, such as 12.5, no unit and no marks between thousands",
            mend="mend these cells, or say that the labels are classes (--label-kind class)",
            **at,
        )
    if not texts:
        raise refuse("no row has a label", mend="is this the column of labels?", **at)
    values = np.array(numbers, dtype=np.float64)
    codes, names = _numbered(texts, values, given.counts)
    labels = np.append(codes, -1)[given.codes].astype(np.int32)
    targets = Targets.of(names, column.dtype)
    rows = int(given.counts.sum())
    span = f"{spoken(names[0])} to {spoken(names[-1])}"
    said = f"labels are read as numbers: {len(names):,} different ones in {rows:,} rows, from {span}"
    problems = [Problem("notice", said, "say --label-kind class, or Classes on the Load page, if not", **at)]
    if len(names) == 1 and rows > 1:
        found = f"every label is {names[0]}: with one number no label error can be found"
        problems = [Problem("warning", found, "is this the column of labels?", **at)]
    return Classes(names, names, labels, None, tuple(problems), None, targets)


def _numbered(texts: list[str], values: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """((V,) the code of each spelling, the spelling of each number), numbers by size.

    Numbers that a float cannot tell apart, such as 2**53 and 2**53 + 1, are told apart by their digits.
    """
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    twin = np.zeros(len(order), dtype=bool)
    twin[1:] = ordered[1:] == ordered[:-1]
    twin[:-1] |= twin[1:]
    keys = {i: Decimal(texts[i]) for i in order[twin].tolist()}
    ranked = sorted(order.tolist(), key=lambda i: (values[i], keys.get(i, 0))) if keys else order.tolist()
    codes = np.empty(len(texts), dtype=np.int64)
    best: list[int] = []
    last: object = None
    for i in ranked:
        key = keys.get(i, values[i])
        if not best or key != last:
            best.append(i)
        elif counts[i] > counts[best[-1]]:
            best[-1] = i
        last = key
        codes[i] = len(best) - 1
    return codes, tuple(texts[i] for i in best)


def checked_numbers(array: ArrayFile, classes: Classes, ids: pd.Index) -> tuple[np.ndarray, list[Problem]]:
    """(N,) float64, a model's number for each row of the data, and how they go with the given ones.

    Raises InputError for more than one number a row, and naming the first row without a finite number.
    """
    if array.values.ndim != 2 or array.values.shape[1] != 1:
        raise refuse(
            f"{array.values.shape[-1]:,} numbers for each row",
            file=array.file,
            expected="one predicted number for each row, since the labels are numbers",
            mend="save one column of predictions, shape (N,) or (N, 1)",
        )
    values, problems = align(array, ids)
    predicted = np.ascontiguousarray(values[:, 0], dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(predicted))
    if len(bad):
        error = refuse(
            f"{predicted[bad[0]]} is no finite number",
            file=array.file,
            row=int(bad[0]) + 1,
            count=len(bad),
            expected="a predicted number for each row",
            mend="predict these rows too, or leave them out of both files",
        )
        raise InputError(*problems, *error.problems)
    given = np.append(np.array([float(name) for name in classes.names]), np.nan)[classes.labels]
    return predicted, [*problems, *number_agreement(given, predicted, array.file)]


def number_agreement(given: np.ndarray, predicted: np.ndarray, file: str) -> list[Problem]:
    """States how far a model's numbers go with the given ones, and warns where they hardly do.

    given: (N,) NaN = unlabelled. By Spearman's correlation of ranks, which a few wrong numbers do not move;
    below LEAST_KAPPA the rows may be in another order.
    """
    there = np.isfinite(given)
    if there.sum() < 2 or len(np.unique(given[there])) < 2:
        return []
    one, other = (pd.Series(v[there]).rank().to_numpy() for v in (given, predicted))
    if one.std() == 0 or other.std() == 0:
        share = 0.0
    else:
        share = float(np.corrcoef(one, other)[0, 1])
    text = f"the correlation of given and predicted numbers is {share:.2f} (by ranks; 1: in the same order)"
    if there.sum() >= FEW and share < LEAST_KAPPA:
        return [
            Problem(
                "warning", f"the predictions hardly go with the labels: {text}", IS_IT_IN_ORDER, file=file
            )
        ]
    return [Problem("notice", text, file=file)]
