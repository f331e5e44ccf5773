"""Which rows a person looks at, and in which order: the filters that the address bar carries."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from core.dataset import Dataset
from core.errors import refuse
from core.issues import Result
from core.review.decisions import Action, Decision

DEFAULT_FIND = "label_issues"
STATES: dict[str, frozenset[Action]] = {
    "undecided": frozenset(),
    "decided": frozenset(Action) - {Action.UNDO},
    "keep": frozenset({Action.KEEP}),
    "changed": frozenset({Action.RELABEL}),
    "excluded": frozenset({Action.EXCLUDE}),
    "ambiguous": frozenset({Action.AMBIGUOUS}),
    "needs_review": frozenset({Action.NEEDS_REVIEW}),
}
"""Each state that can be filtered by, and the actions in force that make it."""
SORTS = ("worst", "best", "row")
"""Lowest score first, highest score first, data set order."""


@dataclass(frozen=True)
class Filters:
    """What narrows a queue; an empty value narrows nothing. Field names are the query parameters.

    find: the check whose flagged rows, scores and suggestions are used ("": the usual one).
    given, sug: class names. split: a value of the split column. state: one of STATES.
    cut: rows scored at or below it, flagged or not; None: the flagged rows.
    q: text that the row's id or content contains, upper and lower case alike.
    """

    find: str = ""
    given: str = ""
    sug: str = ""
    cut: float | None = None
    split: str = ""
    state: str = ""
    q: str = ""
    sort: str = "worst"

    @classmethod
    def from_query(cls, params: Mapping[str, str]) -> Filters:
        """Filters from query parameters; others are ignored.

        Raises InputError for a cut, state or sort that means nothing.
        """
        values: dict[str, Any] = {f.name: params[f.name] for f in fields(cls) if params.get(f.name)}
        if "cut" in values:
            values["cut"] = _cut(values["cut"])
        for name, allowed in (("state", tuple(STATES)), ("sort", SORTS)):
            if values.get(name, allowed[0]) not in allowed:
                raise refuse(
                    f"{name}={values[name]!r} is not a filter", expected="one of " + ", ".join(allowed)
                )
        return cls(**values)

    def to_query(self) -> dict[str, str]:
        """The query parameters that `from_query` reads back as these filters; defaults left out."""
        set_fields = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: str(value) for name, value in set_fields.items() if value != getattr(_NONE, name)}

    @property
    def narrowing(self) -> list[str]:
        """Names of the filters that leave rows out, in field order."""
        return [name for name in self.to_query() if name not in ("find", "sort")]


_NONE = Filters()


def check_in_use(results: Mapping[str, Result], filters: Filters) -> str:
    """Name of the check that `filters` look at: as asked, else label issues, else the first; "" if none."""
    if filters.find in results:
        return filters.find
    return DEFAULT_FIND if DEFAULT_FIND in results else next(iter(results), "")


def select(
    dataset: Dataset,
    results: Mapping[str, Result],
    in_force: Mapping[str, Decision],
    filters: Filters,
) -> np.ndarray:
    """(M,) int64 positions of the rows that match, ordered by `filters.sort`, ties in data set order.

    Without a cut these are the flagged rows of the check. Without results, every row in data set order.
    """
    keep = np.ones(len(dataset), dtype=bool)
    name = check_in_use(results, filters)
    if filters.find and filters.find != name:
        keep[:] = False  # asked for a check that has not run
    score = None
    if name:
        table = results[name].table
        score = table["score"].to_numpy()
        keep &= table["flagged"].to_numpy() if filters.cut is None else score <= filters.cut
        if filters.sug:
            keep &= _suggested(table["suggestion"], filters.sug)
    elif filters.sug or filters.cut is not None:
        keep[:] = False
    if filters.given:
        code = dataset.classes.index(filters.given) if filters.given in dataset.classes else None
        keep &= False if code is None else dataset.labels == code
    if filters.split:
        keep &= False if dataset.splits is None else _equal(dataset.splits, filters.split)
    if filters.state:
        keep &= _in_state(dataset, in_force, filters.state)
    positions = np.flatnonzero(keep)
    if filters.q:
        positions = positions[_contains(dataset, positions, filters.q)]
    return positions if score is None else _ordered(positions, score, filters.sort)


def _ordered(positions: np.ndarray, score: np.ndarray, sort: str) -> np.ndarray:
    if sort == "row":
        return positions
    found = score[positions]
    return positions[np.argsort(found if sort == "worst" else -found, kind="stable")]


def _in_state(dataset: Dataset, in_force: Mapping[str, Decision], state: str) -> np.ndarray:
    actions = STATES[state] or STATES["decided"]
    positions = dataset.positions([r for r, d in in_force.items() if d.action in actions])
    mask = np.zeros(len(dataset), dtype=bool)
    mask[positions[positions >= 0]] = True
    return mask if STATES[state] else ~mask


def _suggested(suggestion: pd.Series, label: str) -> np.ndarray:
    categories = suggestion.cat.categories
    if label not in categories:
        return np.zeros(len(suggestion), dtype=bool)
    return suggestion.cat.codes.to_numpy() == categories.get_loc(label)


def _equal(values: pd.Series, wanted: str) -> np.ndarray:
    found = pc.fill_null(pc.equal(_strings(values), pa.scalar(wanted, pa.large_string())), False)
    return found.to_numpy(zero_copy_only=False)


def _contains(dataset: Dataset, positions: np.ndarray, wanted: str) -> np.ndarray:
    """(len(positions),) whether the id or a text column of the content contains `wanted`."""
    table = dataset.table
    columns = [table.index.to_series(), *(table[c] for c in dataset.columns.content)]
    mask = np.zeros(len(positions), dtype=bool)
    everything = len(positions) == len(table)
    for column in columns:
        if pd.api.types.is_numeric_dtype(column.dtype):
            continue
        some = _strings(column if everything else column.iloc[positions])
        found = pc.fill_null(pc.match_substring(some, wanted, ignore_case=True), False)
        mask |= found.to_numpy(zero_copy_only=False)
    return mask


def _strings(values: pd.Series) -> pa.Array:
    array = pa.Array.from_pandas(values.astype("str"))
    chunked = array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])
    return chunked.cast(pa.large_string()).combine_chunks()


def _cut(text: str) -> float:
    try:
        cut = float(text)
    except ValueError:
        cut = math.nan
    if not 0 <= cut <= 1:
        raise refuse(f"cut={text!r} is not a score", expected="a number from 0 (worst) to 1 (clean)")
    return cut
