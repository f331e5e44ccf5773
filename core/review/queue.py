"""Which rows a person looks at, and in which order: the filters that the address bar carries."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from core.dataset import Dataset
from core.errors import refuse
from core.issues import Result
from core.review.about import About
from core.review.areas import Area
from core.review.changes import Change
from core.review.clusters import Cluster
from core.review.decisions import Action
from core.review.orders import SORTS, Material, ordered
from core.review.where import conditions, equal, matching, strings

DEFAULT_FIND = "label_issues"
NUMBER_FIND = "target_errors"
MASK_FIND = "mask_errors"
"""In its place where labels are numbers."""
SETTLED = {
    "keep": Action.KEEP,
    "changed": Action.RELABEL,
    "excluded": Action.EXCLUDE,
    "ambiguous": Action.AMBIGUOUS,
    "needs_review": Action.NEEDS_REVIEW,
}
STATES = ("undecided", "decided", "disagreed", *SETTLED)
"""What can be filtered by: no verdict at all, any verdict, verdicts that differ, or the verdict in force."""


@dataclass(frozen=True)
class Filters:
    """What narrows a queue; an empty value narrows nothing. Field names are the query parameters.

    find: the check whose flagged rows, scores and suggestions are used ("": the usual one).
    given, sug: class names; where a row can have several labels, one of its labels is this one.
    split: a value of the split column. state: one of STATES.
    cut: rows scored at or below it, flagged or not; None: the flagged rows.
    q: text that the row's id or content contains, upper and lower case alike; /between slashes/ a regular
    expression (RE2's).
    where: conditions on columns, as core.review.where reads them.
    cluster: a cluster's number, from 1, the largest, or what else core.review.clusters reads. area: of a map,
    as core.review.areas reads it.
    like: a row id: the rows nearest to it in the embedding space and itself, flagged or not.
    about: what rows are to be like otherwise, as core.review.about reads it: the rows most like that.
    Either with `given`: of the rows given that label, those nearest.
    gate: id of a spot check: the rows of its batch in the order of the draw, whatever the other filters say.
    change: two versions of the labels and how rows differ between them, as core.review.changes reads it:
    those rows, flagged or not.
    sort: one of SORTS. A random audit is over all rows that the other filters leave, flagged or not, and a
    benchmark over all of them that have a label.
    """

    find: str = ""
    given: str = ""
    sug: str = ""
    cut: float | None = None
    split: str = ""
    state: str = ""
    q: str = ""
    where: str = ""
    cluster: str = ""
    area: str = ""
    like: str = ""
    about: str = ""
    gate: str = ""
    change: str = ""
    sort: str = "worst"

    @classmethod
    def from_query(cls, params: Mapping[str, str]) -> Filters:
        """Filters from query parameters; others are ignored.

        Raises InputError for one that means nothing.
        """
        values: dict[str, Any] = {f.name: params[f.name] for f in fields(cls) if params.get(f.name)}
        if "gate" in values:
            values = {name: values[name] for name in ("find", "gate") if name in values}
        if "cut" in values:
            values["cut"] = _cut(values["cut"])
        for name, allowed in (("state", STATES), ("sort", SORTS)):
            if values.get(name, allowed[0]) not in allowed:
                raise refuse(
                    f"{name}={values[name]!r} is not a filter", expected="one of " + ", ".join(allowed)
                )
        filters = cls(**values)
        if filters.where:
            conditions(filters.where)
        if filters.area:
            Area.parse(filters.area)
        if filters.cluster:
            Cluster.parse(filters.cluster)
        if filters.about:
            About.parse(filters.about)
        if filters.change:
            Change.parse(filters.change)
        if filters.about and filters.like:
            raise refuse("rows are to be like a row and like something else", mend="take one filter off")
        if (pattern := filters.pattern) is not None:
            _compiled(pattern)
        return filters

    @property
    def pattern(self) -> str | None:
        """The regular expression in q; None where q is plain text."""
        whole = len(self.q) > 2 and self.q.startswith("/") and self.q.endswith("/")
        return self.q[1:-1] if whole else None

    def to_query(self) -> dict[str, str]:
        """The query parameters that `from_query` reads back as these filters; defaults left out."""
        set_fields = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: str(value) for name, value in set_fields.items() if value != getattr(_NONE, name)}

    @property
    def blind(self) -> bool:
        """Whether rows are shown without a suggestion, whatever the review plan says."""
        return bool(self.gate) or self.sort == "benchmark"

    @property
    def clusters_by(self) -> str:
        """The method of the clusters that these filters ask for; "" where they ask for none."""
        return Cluster.parse(self.cluster or "1").method if self.cluster or self.sort == "cluster" else ""

    @property
    def narrowing(self) -> list[str]:
        """Names of the filters that leave rows out, in field order."""
        return [name for name in self.to_query() if name not in ("find", "sort")]


_NONE = Filters()


@dataclass(frozen=True, eq=False)
class Space:
    """What is known of where the N rows lie, and of what they give; None where nothing asks for it.

    clusters: (N,) cluster numbers from 0, -1 for rows in none, by the method that the filter names. layout:
    (N, 2) places on the map of the area. near: positions of the row in `like` and of those nearest to it,
    or of those most like `about`, nearest first. gain: (N,) wrong labels a second to be expected of each row.
    turn: (N,) by which rows of a benchmark are read, infinite for rows that are not in it. changed: (N,)
    bool, the rows of `change`.
    """

    clusters: np.ndarray | None = None
    layout: np.ndarray | None = None
    near: np.ndarray | None = None
    gain: np.ndarray | None = None
    turn: np.ndarray | None = None
    changed: np.ndarray | None = None


_NOWHERE = Space()


def check_in_use(results: Mapping[str, Result], filters: Filters) -> str:
    """Name of the check that `filters` look at: as asked, else that of wrong labels, else the first; "" if
    none."""
    usual = [name for name in (filters.find, DEFAULT_FIND, NUMBER_FIND, MASK_FIND) if name in results]
    return usual[0] if usual else next(iter(results), "")


def default_find(dataset: Dataset) -> str:
    """The check that looks for wrong labels in a data set, whether or not it has run."""
    if dataset.targets is not None:
        return NUMBER_FIND
    return MASK_FIND if dataset.masks is not None and dataset.columns.label is None else DEFAULT_FIND


def select(
    dataset: Dataset,
    results: Mapping[str, Result],
    actions: Mapping[str, Action | None],
    filters: Filters,
    space: Space = _NOWHERE,
) -> np.ndarray:
    """(M,) int64 positions of the rows that match, ordered by `filters.sort`, ties in data set order.

    Without a cut these are the flagged rows of the check; for a random audit and a benchmark they are all
    rows, so that the first n of them are a fair sample of the data set, or of what the other filters leave.
    Without results, every row.

    actions: the action in force on each row with a verdict, None where annotators differ.
    Raises InputError for clusters or a map that have not been made, and for a column that is not there.
    """
    name = check_in_use(results, filters)
    keep = _found(dataset, results, name, filters)
    if filters.given:
        keep &= given_mask(dataset, filters.given)
    if filters.split:
        keep &= False if dataset.splits is None else equal(dataset.splits, filters.split)
    if filters.state:
        keep &= _in_state(dataset, actions, filters.state)
    if filters.where:
        keep &= matching(dataset.table, filters.where)
    keep &= _in_space(len(dataset), filters, space)
    positions = np.flatnonzero(keep)
    if filters.q:
        positions = positions[_contains(dataset, positions, filters)]
    material = Material(dataset, results, name, space.clusters, space.near, space.gain, space.turn)
    return ordered(positions, material, filters.sort)


def tag_of(positions: np.ndarray) -> str:
    """A tag of a queue that changes when its rows or their order do. positions: as from `select`."""
    return hashlib.sha256(np.ascontiguousarray(positions).data).hexdigest()[:12]


def _found(dataset: Dataset, results: Mapping[str, Result], name: str, filters: Filters) -> np.ndarray:
    """(N,) whether the check in use finds the row, its cut and suggestion considered."""
    keep = np.ones(len(dataset), dtype=bool)
    whole = bool(filters.like or filters.about or filters.change)
    audit = filters.sort in ("random", "benchmark") or whole
    if filters.find and filters.find != name and not audit:
        keep[:] = False  # asked for a check that has not run
    if name:
        table = results[name].table
        if filters.cut is not None:
            keep &= table["score"].to_numpy() <= filters.cut
        elif not audit:
            keep &= table["flagged"].to_numpy()
        if filters.sug:
            keep &= _suggested(dataset, table["suggestion"], filters.sug)
    elif filters.sug or filters.cut is not None:
        keep[:] = False
    return keep


def _in_space(rows: int, filters: Filters, space: Space) -> np.ndarray:
    """(N,) whether the row lies where the filters ask for."""
    keep = np.ones(rows, dtype=bool)
    if filters.cluster:
        if space.clusters is None:
            raise refuse(
                "the clusters of this data set have not been found", mend="open them on Explore first"
            )
        keep &= space.clusters == Cluster.parse(filters.cluster).number
    if filters.area:
        if space.layout is None:
            raise refuse("the map of this data set has not been drawn", mend="open it on Explore first")
        keep &= Area.parse(filters.area).holds(space.layout)
    if filters.like or filters.about:
        near = np.zeros(rows, dtype=bool)
        near[[] if space.near is None else space.near] = True
        keep &= near
    if space.turn is not None:
        keep &= np.isfinite(space.turn)
    if filters.change:
        keep &= False if space.changed is None else space.changed
    return keep


def _in_state(dataset: Dataset, actions: Mapping[str, Action | None], state: str) -> np.ndarray:
    """(N,) whether the row is in a state of STATES."""
    if state in ("undecided", "decided"):
        mask = _at(dataset, actions)
        return mask if state == "decided" else ~mask
    wanted = None if state == "disagreed" else SETTLED[state]
    return _at(dataset, [row_id for row_id, action in actions.items() if action is wanted])


def _at(dataset: Dataset, row_ids: Iterable[str]) -> np.ndarray:
    """(N,) whether the row's id is among these; ids of other rows are left out."""
    positions = dataset.positions(row_ids)
    mask = np.zeros(len(dataset), dtype=bool)
    mask[positions[positions >= 0]] = True
    return mask


def given_mask(dataset: Dataset, label: str) -> np.ndarray:
    """(N,) whether the row is given this label, alone or among others."""
    if dataset.sets is not None:
        return _among(dataset, dataset.classes, label)[dataset.labels]
    code = dataset.classes.index(label) if label in dataset.classes else None
    return np.zeros(len(dataset), dtype=bool) if code is None else dataset.labels == code


def _suggested(dataset: Dataset, suggestion: pd.Series, label: str) -> np.ndarray:
    """(N,) whether this label is suggested for the row, alone or among others."""
    categories, codes = suggestion.cat.categories, suggestion.cat.codes.to_numpy()
    if dataset.sets is not None:
        return _among(dataset, categories, label)[codes]
    if label not in categories:
        return np.zeros(len(suggestion), dtype=bool)
    return codes == categories.get_loc(label)


def _among(dataset: Dataset, texts: Iterable[str], label: str) -> np.ndarray:
    """(len(texts) + 1,) whether each set of labels holds this one; the last, for the code -1, does not."""
    if dataset.sets is None or label not in dataset.sets.names:
        return np.zeros(len(list(texts)) + 1, dtype=bool)
    return np.append(dataset.sets.indicator(texts)[:, dataset.sets.names.index(label)], False)


def _contains(dataset: Dataset, positions: np.ndarray, filters: Filters) -> np.ndarray:
    """(len(positions),) whether the id or a text column of the content contains what is searched for."""
    table, pattern = dataset.table, filters.pattern
    columns = [table.index.to_series(), *(table[c] for c in dataset.columns.content)]
    mask = np.zeros(len(positions), dtype=bool)
    everything = len(positions) == len(table)
    match, wanted = (
        (pc.match_substring, filters.q) if pattern is None else (pc.match_substring_regex, pattern)
    )
    for column in columns:
        if pd.api.types.is_numeric_dtype(column.dtype):
            continue
        some = strings(column if everything else column.iloc[positions])
        found = pc.fill_null(match(some, wanted, ignore_case=True), False)
        mask |= found.to_numpy(zero_copy_only=False)
    return mask


def _compiled(pattern: str) -> None:
    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except pa.ArrowInvalid:
        raise refuse(f"/{pattern}/ is not a regular expression", expected="RE2 syntax") from None


def _cut(text: str) -> float:
    try:
        cut = float(text)
    except ValueError:
        cut = math.nan
    if not 0 <= cut <= 1:
        raise refuse(f"cut={text!r} is not a score", expected="a number from 0 (worst) to 1 (clean)")
    return cut
