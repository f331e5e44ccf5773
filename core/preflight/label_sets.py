"""Label columns with several labels a cell: told from those with one, taken apart, matched with classes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from core.errors import InputError, Problem, refuse
from core.multilabel import LIST, LabelSets, cell_tokens, list_values
from core.preflight.labels import ClassList, GivenLabels, as_text
from core.preflight.reconcile import Classes, Where, merge_spellings, reconcile
from core.preflight.table_checks import label_remarks, unused_remark

DELIMITERS = ("|", ";", ",")
"""What is looked for between labels where nobody says what stands there; any other text can be said."""
_REPEATED = 0.8
_LEAST_ROWS = 0.01


def guess_delimiter(cells: pd.Series) -> str:
    """What stands between the labels in these cells, LIST for JSON lists, "" for one label a row.

    Said only where it is clear: a hundredth of the cells or more hold it, rows differ in how many labels
    they have and never have one twice, most labels occur in several sets, and there are at least twice as
    many sets as labels. So "Salmon, smoked" beside "Cod, fresh" stays one label.
    """
    texts = as_text(cells).dropna()
    counts = Counter(text for text in texts.tolist() if text.strip())
    if counts and all(list_values(text) is not None for text in counts):
        return LIST
    return next((mark for mark in DELIMITERS if _is_clear(counts, mark)), "")


def _is_clear(counts: Counter[str], mark: str) -> bool:
    rows = sum(n for text, n in counts.items() if mark in text)
    if rows == 0 or rows < _LEAST_ROWS * counts.total():
        return False
    cells = [cell_tokens(text, mark) or [] for text in counts]
    sets = {frozenset(cell) for cell in cells}
    within = Counter(label for one in sets for label in one)
    joined = {label for one in sets if len(one) > 1 for label in one}
    repeated = sum(within[label] > 1 for label in joined)
    return (
        len({len(one) for one in sets}) > 1
        and all(len(cell) == len(set(cell)) for cell in cells)
        and repeated >= _REPEATED * len(joined)
        and 2 * len(within) <= len(sets)
    )


@dataclass(frozen=True, eq=False)
class _Parts:
    """Distinct cells taken apart. labels: as GivenLabels, whose codes are those of each (cell, label) pair.

    cell: (pairs,) the cell of each pair. delimiter: as most cells have it. empty: whether a list is empty.
    bare: whether the elements are numbers.
    """

    labels: GivenLabels
    cell: np.ndarray
    delimiter: str
    empty: bool
    bare: bool


def read_sets(
    given: GivenLabels,
    where: Where,
    delimiter: str,
    listed: ClassList | None = None,
    columns: tuple[str, ...] | None = None,
    width: int | None = None,
    merge: bool = False,
) -> Classes:
    """Match the labels within cells with class list and probability columns; see `reconcile`.

    given: the cells, encoded. The Classes that come back have `sets`; their names are the sets that rows
    have, fewest labels first and then in class order. merge: as `merge_spellings`.
    Raises InputError for cells that hold no set, and where `reconcile` does.
    """
    parts = _take_apart(given, where, delimiter)
    labels, problems = merge_spellings(parts.labels, where, merge)
    problems += label_remarks(labels, where.data, where.column)
    errors = [p for p in problems if p.severity == "error"]
    if errors:
        raise InputError(*problems)
    try:
        found = reconcile(labels, where, listed, columns, width)
    except InputError as error:
        raise InputError(*problems, *error.problems) from error
    sets = LabelSets(found.names, found.tokens, parts.delimiter, parts.empty, parts.bare)
    _check_names(sets, where)
    member = np.zeros((len(given.values), len(found.names)), dtype=bool)
    member[parts.cell, found.labels] = True
    texts, code_of_cell = _distinct(member, sets)
    codes = np.append(code_of_cell, -1)[given.codes].astype(np.int32)
    problems += [*found.problems, *unused_remark(found.names, found.labels, where.data)]
    problems.append(_said(member, given, where, delimiter))
    cells = tuple(sets.cell(text) for text in texts)
    return replace(found, names=texts, tokens=cells, labels=codes, problems=tuple(problems), sets=sets)


def _take_apart(given: GivenLabels, where: Where, delimiter: str) -> _Parts:
    """Raises InputError for a cell that is no list where it has to be, or holds separators alone."""
    places: dict[str, int] = {}
    cells: list[int] = []
    labels: list[int] = []
    empty = False
    mark = re.compile(rf"\s*{re.escape(delimiter.strip())}\s*" if delimiter.strip() else r"\s+")
    styles: Counter[str] = Counter()
    kinds: Counter[type] = Counter()
    for number, text in enumerate(given.values):
        found = cell_tokens(text, delimiter)
        if found is None or not (found or delimiter == LIST):
            raise _no_set(given, number, where, delimiter)
        empty |= not found
        for label in dict.fromkeys(found):
            labels.append(places.setdefault(label, len(places)))
            cells.append(number)
        if delimiter == LIST:
            kinds.update({type(v) for v in list_values(text) or ()})
        elif len(found) > 1:
            styles[mark.findall(text.strip())[0]] += int(given.counts[number])
    if len(kinds) > 1:
        mend = "write them in one way"
        raise refuse("some lists hold texts, some numbers", file=where.data, column=where.column, mend=mend)
    bare = int in kinds
    style = delimiter if delimiter == LIST or not styles else styles.most_common(1)[0][0]
    codes, cell = np.array(labels, dtype=np.int64), np.array(cells, dtype=np.int64)
    counts = np.bincount(codes, given.counts[cell], len(places)).astype(np.int64)
    first = np.full(len(places), len(given.codes), dtype=np.int64)
    np.minimum.at(first, codes, given.first[cell])
    return _Parts(GivenLabels(tuple(places), codes, counts, first), cell, style, empty, bare)


def _no_set(given: GivenLabels, number: int, where: Where, delimiter: str) -> InputError:
    fault, expected = "a separator without a label", f"labels separated by {delimiter.strip() or 'space'}"
    if delimiter == LIST:
        fault, expected = "no list of labels", 'such as ["joy", "love"]'
    return refuse(
        f"{given.values[number][:60]!r} is {fault}",
        file=where.data,
        row=int(given.first[number]) + 1,
        column=where.column,
        count=int(given.counts[number]),
        expected=expected,
        mend="mend the cell, or say how the labels of a row are separated",
    )


def _check_names(sets: LabelSets, where: Where) -> None:
    """Raises InputError for a class whose name would be read as two."""
    for name in sets.names:
        if sets.delimiter != LIST and cell_tokens(name, sets.delimiter) != [name]:
            raise refuse(
                f"the class {name!r} has the separator {sets.delimiter!r} in its name",
                file=where.data,
                column=where.column,
                mend="call the class otherwise in the class list",
            )


def _distinct(member: np.ndarray, sets: LabelSets) -> tuple[tuple[str, ...], np.ndarray]:
    """(the canonical texts of the distinct sets in order, (cells,) the place of each cell's set in it)."""
    rows, code = np.unique(np.packbits(member, axis=1), axis=0, return_inverse=True)
    places: Sequence[tuple[int, ...]] = [
        tuple(np.flatnonzero(row).tolist()) for row in np.unpackbits(rows, axis=1, count=member.shape[1])
    ]
    order = sorted(range(len(places)), key=lambda i: (len(places[i]), places[i]))
    texts = tuple(sets.text(sets.names[k] for k in places[i]) for i in order)
    return texts, np.argsort(order)[code.reshape(-1)]


def _said(member: np.ndarray, given: GivenLabels, where: Where, delimiter: str) -> Problem:
    several = int(given.counts[member.sum(axis=1) > 1].sum())
    how = "as lists" if delimiter == LIST else f"separated by {delimiter.strip() or 'space'!r}"
    found = f"a row can have several labels, {how}: {several:,} of {int(given.counts.sum()):,} rows do"
    mend = "" if delimiter == LIST else "say on loading that a row has one label, if this is wrong"
    return Problem("notice", found, mend, file=where.data, column=where.column)
