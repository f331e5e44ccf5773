"""Errors that pile up: in which slices of the data labels look wrong more often than chance allows.

A test asks whether the errors of one kind, say shirts that look like t-shirts, lie on the rows of their class
at random, or more often on the rows of one slice. It is exact (hypergeometric), and what is reported is a
finding after all tests that were made, by Benjamini and Hochberg.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import numpy as np
import pandas as pd

from core.methods.intervals import wilson
from core.methods.significance import adjusted, hypergeometric_tail
from core.progress import Progress

Q = 0.05
LEAST = 5
"""Rows of a slice, and errors of a kind, from which a test is made; errors in a cell that is reported."""
SAME = 0.8
"""Share of their errors that two findings have in common (Jaccard) from which they are one."""
MOST = 200
"""Findings that are compared with each other and kept; how many more there were is said."""
_LONGEST = 60

COLUMNS = (
    "given",
    "suggested",
    "column",
    "value",
    "rows",
    "observed",
    "expected",
    "ratio",
    "low",
    "high",
    "p",
    "q",
    "also",
    "sentence",
    "params",
)


@dataclass(frozen=True, eq=False)
class SliceColumn:
    """One way to cut the rows into slices.

    name: as people call it. values: (N,) object array of text, None where a row lies in no slice.
    param: the query parameter that chooses a slice: "where" (as core.review.where writes it), "split" or
    "cluster"; "" where none does.
    """

    name: str
    values: np.ndarray
    param: str = "where"

    def codes(self) -> tuple[np.ndarray, list[str]]:
        """(N,) codes, -1 for None, and the value of each code, in alphabetical order."""
        codes, values = pd.factorize(self.values, sort=True, use_na_sentinel=True)
        return codes.astype(np.int64), [str(v) for v in values]

    def words(self, value: str) -> str:
        """ "with source = shop_b", "in cluster 3": the slice as a part of a sentence."""
        if self.param in ("split", "cluster"):
            return f"in {self.param} {plain(value)}"
        return f"with {plain(self.name)} = {plain(value)}"

    def query(self, value: str) -> dict[str, str]:
        """The query parameters that narrow a queue to the slice."""
        if self.param == "where":
            return {"where": urlencode({self.name: value}, errors="replace")}
        return {self.param: value} if self.param else {}


@dataclass(frozen=True, eq=False)
class Systematic:
    """findings: one line a finding, the surest first, columns COLUMNS:
        given, suggested: class names, "" where a finding is not about one. column, value: the slice.
        rows: in the slice (of that class); observed: wrong ones; expected: by the rate of the whole class, or
        of all rows; ratio: observed / expected, with its 95% interval low to high.
        p, q: exact one-sided tail probability, and the same after all tests.
        also: slices with nearly the same errors, folded into this one. sentence: for people.
        params: the query parameters that make the queue, as JSON.
    tests: how many were made. folded, left_out: findings that are part of another; beyond the MOST surest.
    """

    findings: pd.DataFrame
    tests: int
    folded: int
    left_out: int

    @property
    def estimator(self) -> str:
        return (
            f"exact hypergeometric tests of {self.tests:,} slices and pairs of classes, false discovery rate "
            f"{Q:.0%} (Benjamini-Hochberg); 95% Wilson intervals, the expected rate held fixed"
        )


@dataclass(frozen=True, eq=False)
class _Cells:
    """What was counted in one column. kind: number of the kind of errors, -1 for errors of all kinds."""

    column: int
    kind: np.ndarray
    value: np.ndarray
    rows: np.ndarray
    observed: np.ndarray
    marked: np.ndarray
    total: np.ndarray


def systematic_errors(
    wrong: np.ndarray,
    given: np.ndarray | None,
    classes: Sequence[str],
    slices: Sequence[SliceColumn],
    suggested: np.ndarray | None = None,
    *,
    confirmed: bool = False,
    q: float = Q,
    find: str = "label_issues",
    progress: Progress | None = None,
) -> Systematic:
    """Find slices, and slices of a class, in which more labels are wrong than chance allows.

    wrong: (N,) bool, flagged or confirmed. given: (N,) codes into classes, -1 = no label: such rows take no
    part; None: rows have no single class, and only whole slices are tested. suggested: (N,) codes, -1 = none;
    with it the kinds of errors are pairs (given, suggested), else given classes.
    confirmed: whether people said that the labels are wrong, which only changes the words.
    find: the check whose queue is meant. Raises ValueError where lengths do not fit.
    """
    progress = progress or Progress()
    n = len(wrong)
    if any(len(a) != n for a in (given, suggested, *(s.values for s in slices)) if a is not None):
        raise ValueError("wrong, given, suggested and slices differ in length")
    inside = np.ones(n, dtype=bool) if given is None else np.asarray(given) >= 0
    wrong = np.asarray(wrong, dtype=bool) & inside
    kinds = _Kinds.of(wrong, given, suggested, len(classes))
    cells, coded, tests = [], [], 0
    for i, column in enumerate(slices):
        progress.report(0.8 * i / len(slices), f"looking for patterns by {column.name}")
        codes, values = column.codes()
        coded.append((codes, values))
        for counted, made in (_whole(i, codes, values, wrong, inside), kinds.cells(i, codes, values)):
            tests += made
            cells.append(counted)
    progress.report(0.8, "comparing patterns")
    surest = _tested(cells, tests, q)
    found = surest[:MOST]
    members = [np.flatnonzero(wrong & (coded[f.column][0] == f.value) & kinds.members(f.kind)) for f in found]
    progress.report(0.9, "comparing patterns")
    also = _folded(members, n, [f.kind >= 0 for f in found])
    words = [slices[f.column].words(coded[f.column][1][f.value]) for f in found]
    lines = [
        _line(found[i], slices[found[i].column], coded[found[i].column][1], kinds, classes, confirmed, find)
        | {"also": "; ".join(dict.fromkeys(words[j] for j in folded if words[j] != words[i]))}
        for i, folded in also.items()
    ]
    frame = pd.DataFrame(lines, columns=list(COLUMNS))
    return Systematic(frame, tests, len(found) - len(also), len(surest) - len(found))


@dataclass(frozen=True)
class _Finding:
    """A cell that is a finding; the fields of _Cells, for one cell, and its p and q."""

    column: int
    kind: int
    value: int
    rows: int
    observed: int
    marked: int
    total: int
    p: float
    q: float


@dataclass(frozen=True, eq=False)
class _Kinds:
    """Kinds of errors with enough of them. of_row: (N,) kind of each wrong row, -1 = none or too few.

    given, suggested: class codes of each kind, suggested -1 where unknown. counts: errors of each kind.
    labels: (N,) given codes, None where there are no kinds.
    """

    of_row: np.ndarray
    given: np.ndarray
    suggested: np.ndarray
    counts: np.ndarray
    labels: np.ndarray | None
    k: int

    @classmethod
    def of(cls, wrong: np.ndarray, given: np.ndarray | None, suggested: np.ndarray | None, k: int) -> _Kinds:
        none = np.empty(0, dtype=np.int64)
        of_row = np.full(len(wrong), -1, dtype=np.int64)
        if given is None:
            return cls(of_row, none, none, none, None, k)
        labels = np.asarray(given, dtype=np.int64)
        to = np.full(len(wrong), -1) if suggested is None else np.asarray(suggested, dtype=np.int64)
        counted = wrong if suggested is None else wrong & (to >= 0) & (to != labels)
        pairs = labels[counted] * (k + 1) + to[counted] + 1
        found, inverse, counts = np.unique(pairs, return_inverse=True, return_counts=True)
        enough = counts >= LEAST
        number = np.where(enough, np.cumsum(enough) - 1, -1)
        of_row[counted] = number[inverse]
        found = found[enough]
        return cls(of_row, found // (k + 1), found % (k + 1) - 1, counts[enough], labels, k)

    def members(self, kind: int) -> np.ndarray | bool:
        """(N,) which errors are of this kind; all are of kind -1."""
        return True if kind < 0 else self.of_row == kind

    def cells(self, column: int, codes: np.ndarray, values: list[str]) -> tuple[_Cells, int]:
        """The cells (kind, value) with an error, and how many cells are tested."""
        v = len(values)
        if self.labels is None or not v or not len(self.given):
            return _no_cells(column), 0
        labelled = self.labels >= 0
        of_class = np.bincount(self.labels[labelled], minlength=self.k)
        here = labelled & (codes >= 0)
        rows = np.bincount(self.labels[here] * v + codes[here], minlength=self.k * v).reshape(self.k, v)
        tested = (rows >= LEAST) & (rows < of_class[:, None])
        at = (self.of_row >= 0) & (codes >= 0)
        cell, observed = np.unique(self.of_row[at] * v + codes[at], return_counts=True)
        kind, value = cell // v, cell % v
        keep = tested[self.given[kind], value]
        kind, value, observed = kind[keep], value[keep], observed[keep]
        g = self.given[kind]
        found = _Cells(column, kind, value, rows[g, value], observed, self.counts[kind], of_class[g])
        return found, int(tested.sum(axis=1)[self.given].sum())


def _no_cells(column: int) -> _Cells:
    none = np.empty(0, dtype=np.int64)
    return _Cells(column, none, none, none, none, none, none)


def _whole(
    column: int, codes: np.ndarray, values: list[str], wrong: np.ndarray, inside: np.ndarray
) -> tuple[_Cells, int]:
    """Each value of a column over all classes, and how many of them are tested."""
    total, marked = int(inside.sum()), int(wrong.sum())
    if not values or marked < LEAST:
        return _no_cells(column), 0
    rows = np.bincount(codes[inside & (codes >= 0)], minlength=len(values))
    observed = np.bincount(codes[wrong & (codes >= 0)], minlength=len(values))
    value = np.flatnonzero((rows >= LEAST) & (rows < total))
    same = np.ones(len(value), dtype=np.int64)
    found = _Cells(column, -same, value, rows[value], observed[value], same * marked, same * total)
    return found, len(value)


def _tested(cells: list[_Cells], tests: int, q: float) -> list[_Finding]:
    """The cells that are findings, the surest first; ties in the order of columns, kinds and values."""
    names = ("kind", "value", "rows", "observed", "marked", "total")
    columns = {name: np.concatenate([getattr(c, name) for c in cells] or [[]]) for name in names}
    frame = pd.DataFrame(columns).astype(np.int64)
    frame.insert(0, "column", np.repeat([c.column for c in cells], [len(c.kind) for c in cells]))
    counts = [frame[name].to_numpy() for name in ("observed", "rows", "marked", "total")]
    frame["p"] = hypergeometric_tail(*counts)
    frame["q"] = adjusted(frame["p"].to_numpy(), tests)
    frame = frame[(frame["q"] <= q) & (frame["observed"] >= LEAST)]
    frame = frame.sort_values(["p", "column", "kind", "value"], kind="stable")
    return [_Finding(*values) for values in zip(*(frame[c].tolist() for c in frame), strict=True)]


def _folded(members: list[np.ndarray], n: int, of_class: list[bool]) -> dict[int, list[int]]:
    """Numbers of the findings to keep, in order, and for each of them those with nearly the same errors.

    members: rows of each finding's errors, the surest finding first. of_class: whether it is about one class:
    where a whole slice has the same errors, the finding about the class says more and stands for both.
    """
    from scipy.sparse import csr_matrix

    sizes = np.array([len(m) for m in members], dtype=np.int64)
    if not len(sizes):
        return {}
    at = np.concatenate(members)
    starts = np.append(0, np.cumsum(sizes))
    matrix = csr_matrix((np.ones(len(at), dtype=np.int64), at, starts), shape=(len(sizes), n))
    shared = (matrix @ matrix.T).toarray()
    same = shared / (sizes[:, None] + sizes[None, :] - shared) >= SAME
    alike: dict[int, list[int]] = {}
    for i in range(len(sizes)):
        first = next((j for j in alike if same[i, j]), i)
        alike.setdefault(first, []).append(i)
    groups = [(next((i for i in group if of_class[i]), group[0]), group) for group in alike.values()]
    return {head: [i for i in group if i != head] for head, group in groups}


def _line(
    cell: _Finding,
    column: SliceColumn,
    values: list[str],
    kinds: _Kinds,
    classes: Sequence[str],
    confirmed: bool,
    find: str,
) -> dict[str, object]:
    kind, value, rows, observed = cell.kind, values[cell.value], cell.rows, cell.observed
    rate = cell.marked / cell.total
    given = "" if kind < 0 else classes[kinds.given[kind]]
    to = int(kinds.suggested[kind]) if kind >= 0 else -1
    suggested = "" if to < 0 else classes[to]
    low, high = wilson(np.array([observed]), np.array([rows]))
    params = {"find": find}
    params |= {"given": given} if given else {}
    params |= {"sug": suggested} if suggested else {}
    labelled = f" labelled {plain(given)}" if given else ""
    verb = "are" if confirmed else "look"
    found = f"{verb} wrong" if not suggested else f"{'are' if confirmed else 'look like'} {plain(suggested)}"
    expected = rows * rate
    return {
        "given": given,
        "suggested": suggested,
        "column": column.name,
        "value": value,
        "rows": rows,
        "observed": observed,
        "expected": expected,
        "ratio": observed / expected,
        "low": float(low[0] / rate),
        "high": float(high[0] / rate),
        "p": cell.p,
        "q": cell.q,
        "sentence": (
            f"Of {rows:,} rows{labelled} {column.words(value)}, {observed:,} {found}; "
            f"{count(expected)} were to be expected."
        ),
        "params": json.dumps(params | column.query(value), ensure_ascii=False),
    }


def params_of(text: str) -> Mapping[str, str]:
    """The query parameters of a finding."""
    found: dict[str, str] = json.loads(text)
    return found


def count(expected: float) -> str:
    """An expected count for people: "31", "1.4", "under 0.1"."""
    if expected >= 9.95:
        return f"{expected:,.0f}"
    return f"{expected:.1f}" if expected >= 0.1 else "under 0.1"


def plain(text: str) -> str:
    """A name on one line, shortened."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
