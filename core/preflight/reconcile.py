"""Which class each label means, and which column of the probabilities is its: by name, never by luck."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import InputError, Problem, refuse, some
from core.multilabel import LabelSets
from core.preflight.labels import ClassList, GivenLabels, integer
from core.targets import Targets

_PREFIX = re.compile(r"(?i)^(pred_?probs?|pred_?proba|probability|proba|probs?|p|class|score)[ _.:\-]+")
_SUFFIX = re.compile(r"(?i)[ _.:\-]+(probability|proba|probs?|p|score)$")
_NO_CLASS = {
    "label",
    "target",
    "prediction",
    "predicted",
    "pred",
    "confidence",
    "max_prob",
    "entropy",
    "split",
    "fold",
}


@dataclass(frozen=True, eq=False)
class Classes:
    """K classes, the labels as codes into them, and the columns of the probabilities in their order.

    tokens: how each class is written in the label column. labels: (N,) int32, -1 = unlabelled.
    columns: (K,) positions in the file of the probabilities, None where there is none.
    sets: where a row has several labels; names and tokens are then those of sets, K counts sets.names.
    targets: where labels are numbers; names and tokens are then these numbers as texts.
    """

    names: tuple[str, ...]
    tokens: tuple[str, ...]
    labels: np.ndarray
    columns: tuple[int, ...] | None = None
    problems: tuple[Problem, ...] = ()
    sets: LabelSets | None = None
    targets: Targets | None = None


@dataclass(frozen=True)
class Where:
    """The files and the column that a problem speaks of."""

    data: str
    column: str
    pred_probs: str = ""


def merge_spellings(given: GivenLabels, where: Where, merge: bool) -> tuple[GivenLabels, list[Problem]]:
    """Says which labels differ only in case or white space and, where asked to, makes them one.

    The most frequent spelling stands for all. Other spellings stay in the data as they are.
    """
    groups: dict[str, list[int]] = {}
    for i, value in enumerate(given.values):
        groups.setdefault(" ".join(value.split()).casefold(), []).append(i)
    several = [g for g in groups.values() if len(g) > 1]
    if not several:
        return given, []
    best = {i: max(group, key=lambda j: (given.counts[j], -j)) for group in groups.values() for i in group}
    shown = "; ".join(" = ".join(repr(given.values[i]) for i in group) for group in several[:3])
    rows = int(sum(given.counts[i] for group in several for i in group if i != best[i]))
    first = int(min(given.first[i] for group in several for i in group if i != best[i]))
    found = f"labels that differ only in case or white space{', read as one' if merge else ''}: {shown}"
    mend = "" if merge else "merge the spellings when loading if they mean one class"
    said = Problem("notice", found, mend, "", where.data, first + 1, where.column, rows)
    if not merge:
        return given, [said]
    kept = sorted(set(best.values()))
    place = {old: new for new, old in enumerate(kept)}
    recode = np.array([place[best[i]] for i in range(len(given.values))] + [-1], dtype=np.int32)
    counts = np.bincount(recode[:-1], given.counts, len(kept)).astype(np.int64)
    firsts = np.full(len(kept), len(given.codes), dtype=np.int64)
    np.minimum.at(firsts, recode[:-1], given.first)
    values = tuple(given.values[i] for i in kept)
    return GivenLabels(values, recode[given.codes], counts, firsts), [said]


def reconcile(
    given: GivenLabels,
    where: Where,
    listed: ClassList | None = None,
    columns: tuple[str, ...] | None = None,
    width: int | None = None,
) -> Classes:
    """Match labels, class list and probability columns.

    columns: the names of the probability columns, None where they have none; width: their number,
    None without probabilities. In this order of trust: names of columns, the class list, integer
    labels as column numbers, string labels in sorted order (which is said, and is for the caller to
    check against the predictions). Raises InputError where they contradict each other.
    """
    if listed is not None and not listed.firm:
        listed = _shortened(given, listed, columns, width)
    if listed is None:
        numbers = [integer(v) for v in given.values]
        if any(n is None for n in numbers) and not all(n is None for n in numbers):
            raise _mixed(given, numbers, where)
        if columns is not None and (named := _by_column_names(given, columns, where)) is not None:
            return named
        if not given.values:
            raise _no_classes(where)
        if all(n is not None for n in numbers):
            return _by_number(given, [n for n in numbers if n is not None], where, width)
        return _by_sorted_names(given, where, width)
    return _by_list(given, listed, where, columns, width)


def _by_list(
    given: GivenLabels, listed: ClassList, where: Where, columns: tuple[str, ...] | None, width: int | None
) -> Classes:
    codes, tokens = _against_list(given, listed, where)
    order: tuple[int, ...] | None = None
    if columns is not None:
        found = _matched(columns, listed.names) or _matched(columns, listed.tokens)
        if found is None:
            raise refuse(
                f"the columns ({_quoted(columns)}) are not named as the classes ({_quoted(listed.names)})",
                file=where.pred_probs,
                mend="name one column for each class",
            )
        order = found
    elif width is not None:
        if width != len(listed.names):
            raise refuse(
                f"{width} columns, but the class list has {len(listed.names)} classes",
                file=where.pred_probs,
                mend="give one column for each class, in the order of the list",
            )
        order = tuple(range(width))
    return Classes(listed.names, tokens, _recode(codes, given), order)


def column_order(
    columns: tuple[str, ...] | None, width: int, names: tuple[str, ...], tokens: tuple[str, ...], file: str
) -> tuple[int, ...]:
    """(K,) the column of each of K known classes: by name, token or number where columns have names.

    Raises InputError where they are named otherwise, or where there is another number of them.
    """
    if columns is not None:
        numbers = tuple(map(str, range(len(names))))
        found = _matched(columns, names) or _matched(columns, tokens) or _matched(columns, numbers)
        if found is None:
            shown = f"the columns ({_quoted(columns)}) are not named as the classes ({_quoted(names)})"
            raise refuse(shown, file=file, mend="name one column for each class")
        return found
    if width != len(names):
        shown = f"{width} columns, but the data has {len(names)} classes ({_quoted(names)})"
        raise refuse(shown, file=file, expected="one column for each class, in this order")
    return tuple(range(width))


def _against_list(given: GivenLabels, listed: ClassList, where: Where) -> tuple[list[int], tuple[str, ...]]:
    """(index in the list of each label value, tokens). Labels may be written as tokens, as names, or
    as numbers that equal the tokens ("3.0" for "3") or the positions of a list of names."""
    positions = tuple(str(i) for i in range(len(listed.names)))
    best: list[int] = []
    for tokens in (listed.tokens, listed.names, positions):
        codes = _codes(given, tokens)
        if not best or sum(c >= 0 for c in codes) > sum(c >= 0 for c in best):
            best, written = codes, _written(given, codes, tokens)
        if min(codes, default=0) >= 0:
            return codes, written
    raise _unknown(given, [i for i, c in enumerate(best) if c < 0], listed, where)


def _unknown(given: GivenLabels, unknown: list[int], listed: ClassList, where: Where) -> InputError:
    """One error for each of the first labels that are not in the list, one for all where they are joined."""
    known = {*listed.tokens, *listed.names}
    if all(set(re.split(r"[|,;]\s*", given.values[i])) <= known for i in unknown):
        return refuse(
            f"several labels in one cell, such as {given.values[unknown[0]]!r}",
            file=where.data,
            row=int(given.first[unknown].min()) + 1,
            column=where.column,
            count=int(given.counts[unknown].sum()),
            expected="one label for each row",
            mend="say how the labels of a row are separated (--label-delimiter, or on the Load page)",
        )
    shown = unknown[:10]
    said = [
        Problem(
            "error",
            f"the label {given.values[i]!r} is not in the class list",
            "add it to the list, or mend the label (spellings can be merged when loading)",
            _quoted(listed.names),
            where.data,
            int(given.first[i]) + 1,
            where.column,
            int(given.counts[i]),
        )
        for i in shown
    ]
    rest = unknown[len(shown) :]
    if rest:
        found = f"{len(rest):,} more labels are not in the class list"
        count = int(given.counts[rest].sum())
        row = int(given.first[rest].min()) + 1
        said.append(Problem("error", found, "", "", where.data, row, where.column, count))
    return InputError(*said)


def _shortened(
    given: GivenLabels, listed: ClassList, columns: tuple[str, ...] | None, width: int | None
) -> ClassList | None:
    """The list that came with the data, or only its used classes where just those have a column."""
    if set(given.values) - set(listed.tokens):
        return None
    used = tuple(t for t in listed.tokens if t in set(given.values))
    fits_all = columns is not None and _matched(columns, listed.tokens) is not None
    if columns is not None and not fits_all:
        return ClassList(used, used, listed.file)
    if width is not None and columns is None and width != len(listed.tokens) and width == len(used):
        return ClassList(used, used, listed.file)
    return listed


def _by_column_names(given: GivenLabels, columns: tuple[str, ...], where: Where) -> Classes | None:
    """Classes named by the columns; None where columns that say nothing ("0", "p_1") meet other names."""
    readings = _readings(columns)
    said = Problem("notice", "columns are matched to the classes by name", file=where.pred_probs)
    for place in readings:
        values = set(given.values)
        kept = {n: c for n, c in place.items() if n in values or n.lower() not in _NO_CLASS}
        names = tuple(kept)
        codes = _codes(given, names)
        if min(codes, default=0) >= 0:
            return Classes(
                names, _written(given, codes, names), _recode(codes, given), tuple(kept.values()), (said,)
            )
    names = tuple(readings[-1])
    if all(integer(name) is not None for name in names):
        return None
    codes = _codes(given, tuple(str(i) for i in range(len(names))))
    if min(codes, default=-1) >= 0:
        said = Problem("notice", "labels are numbers of the named columns, from 0", file=where.pred_probs)
        tokens = _written(given, codes, tuple(str(i) for i in range(len(names))))
        return Classes(names, tokens, _recode(codes, given), tuple(readings[-1].values()), (said,))
    unknown = sorted(set(given.values) - set(names))
    raise refuse(
        f"no column for the class{'es' if len(unknown) > 1 else ''} {_quoted(unknown)}",
        file=where.pred_probs,
        expected=f"a column for each of the {len(given.values)} classes; there are {_quoted(names)}",
        mend="name the columns as the classes are written in the data, or give a class list (--classes)",
    )


def _by_number(given: GivenLabels, numbers: list[int], where: Where, width: int | None) -> Classes:
    distinct = sorted(set(numbers))
    if width is not None and distinct[0] >= 0 and distinct[-1] < width:
        classes = list(range(width))
        found = f"labels are integers: label 0 is the first of the {width} columns"
        said = [Problem("notice", found, file=where.pred_probs)]
    else:
        classes = distinct
        said = _said_of_shifted(distinct, where, width)
    place = {n: i for i, n in enumerate(classes)}
    codes = [place[n] for n in numbers]
    names = tuple(str(n) for n in classes)
    order = None if width is None else tuple(range(width))
    return Classes(names, _written(given, codes, names), _recode(codes, given), order, tuple(said))


def _said_of_shifted(distinct: list[int], where: Where, width: int | None) -> list[Problem]:
    """What to say of integers that are no column numbers. Raises InputError where they cannot be matched."""
    if width is None:
        return []
    if len(distinct) != width:
        raise refuse(
            f"the labels are {len(distinct)} integers from {distinct[0]} to {distinct[-1]}, "
            f"but there are {width} columns",
            file=where.pred_probs,
            expected=f"integers from 0 to {width - 1}",
            mend="give a class list that says which label is which column",
        )
    found = (
        f"labels run from {distinct[0]} to {distinct[-1]}, columns from 0 to {width - 1}: 0 "
        f"{'never occurs' if 0 not in distinct else 'is there'} and {distinct[-1]} is out of range. Read as: "
        f"label {distinct[0]} is the first column, label {distinct[-1]} the last"
    )
    mend = "give a class list (--classes) to settle which label is which column"
    return [Problem("warning", found, mend, "", where.data, None, where.column)]


def _by_sorted_names(given: GivenLabels, where: Where, width: int | None) -> Classes:
    names = tuple(sorted(given.values))
    place = {v: i for i, v in enumerate(names)}
    labels = _recode([place[v] for v in given.values], given)
    if width is None:
        return Classes(names, names, labels)
    if width != len(names):
        spelled = {" ".join(v.split()).casefold() for v in names}
        merged = (
            " or merge the spellings that differ only in case or white space" if len(spelled) == width else ""
        )
        raise refuse(
            f"{width} columns, but the data has {len(names)} different labels ({_quoted(names)})",
            file=where.pred_probs,
            expected="one column for each class",
            mend=f"give a class list in the order of the columns (--classes){merged}",
        )
    found = f"columns are taken in the sorted order of the class names: {_quoted(names)}"
    mend = "give a class list (--classes) if they are in another order"
    return Classes(
        names, names, labels, tuple(range(width)), (Problem("notice", found, mend, file=where.pred_probs),)
    )


def _readings(columns: tuple[str, ...]) -> list[dict[str, int]]:
    """Class name -> column: the names as they are, then those of "p_cat" or "cat_prob" columns alone."""
    readings = [{name: i for i, name in enumerate(columns)}]
    for mark in (_PREFIX, _SUFFIX):
        bare = {mark.sub("", c): i for i, c in enumerate(columns) if mark.search(c)}
        if len(bare) > 1:
            readings.append(bare)
    return readings


def _matched(columns: tuple[str, ...], classes: tuple[str, ...]) -> tuple[int, ...] | None:
    """The column of each class, None unless every class has one."""
    for place in _readings(columns):
        if all(c in place for c in classes):
            return tuple(place[c] for c in classes)
    return None


def _codes(given: GivenLabels, tokens: tuple[str, ...]) -> list[int]:
    """The index of each label value in tokens, -1 where it is not there; "3.0" equals "3"."""
    place = {token: i for i, token in enumerate(tokens)}
    by_number: dict[int | None, int] = {integer(token): i for i, token in enumerate(tokens)}
    by_number.pop(None, None)
    return [place.get(v, by_number.get(integer(v), -1)) for v in given.values]


def _written(given: GivenLabels, codes: list[int], otherwise: tuple[str, ...]) -> tuple[str, ...]:
    """How the data writes each class: its most frequent spelling; a class that never occurs as listed."""
    tokens = list(otherwise)
    most = np.zeros(len(otherwise), dtype=np.int64)
    pointed = all(v.strip().endswith(".0") for v in given.values) and bool(given.values)
    tokens = [f"{t}.0" if pointed and t.isdigit() else t for t in tokens]
    for i, code in enumerate(codes):
        if code >= 0 and given.counts[i] > most[code]:
            tokens[code], most[code] = given.values[i], given.counts[i]
    return tuple(tokens)


def _recode(codes: list[int], given: GivenLabels) -> np.ndarray:
    return np.array([*codes, -1], dtype=np.int32)[given.codes]


def _quoted(values: Sequence[str], limit: int = 8) -> str:
    return some([repr(v[:40]) for v in values], limit)


def _mixed(given: GivenLabels, numbers: list[int | None], where: Where) -> InputError:
    names = [i for i, n in enumerate(numbers) if n is None]
    integers = [i for i, n in enumerate(numbers) if n is not None]
    fewer = min(names, integers, key=lambda group: int(given.counts[group].sum()))
    shown = [_quoted([given.values[i] for i in group], 3) for group in (names, integers)]
    return refuse(
        f"some labels are names ({shown[0]}) and some are numbers ({shown[1]})",
        file=where.data,
        column=where.column,
        row=int(given.first[fewer].min()) + 1,
        count=int(given.counts[fewer].sum()),
        mend="write them in one way, or give a class list (--classes) that has them all",
    )


def _no_classes(where: Where) -> InputError:
    found = "no row has a label"
    return refuse(
        found, file=where.data, column=where.column, mend="choose the label column, or give a class list"
    )
