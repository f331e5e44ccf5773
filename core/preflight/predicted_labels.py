"""Predictions that name one class a row, perhaps with its score, as probabilities over all classes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.errors import Problem, refuse
from core.preflight.array_files import ArrayFile
from core.preflight.labels import ClassList, integer, read_given

_HAIR = 1e-6


@dataclass(frozen=True, eq=False)
class PredictedLabels:
    """A predicted class a row, as its file has it.

    labels: (N,) as written. scores: (N,) the probability of that class, None where the file has none.
    ids: row ids, None where rows are matched by their order.
    """

    file: str
    column: str
    labels: pd.Series
    scores: np.ndarray | None = None
    ids: pd.Index | None = None
    problems: tuple[Problem, ...] = ()


def as_probabilities(
    found: PredictedLabels, given: Collection[str], listed: ClassList | None = None
) -> ArrayFile:
    """One column a class: 1 for the predicted class, or its score, with the rest spread evenly.

    given: the labels of the data. listed: the class list, where there is one; its order is then the order
    of the columns, and predictions may also be its tokens or positions. Without a list a predicted class
    that the data never use is a class too, as long as others are the data's.
    Raises InputError for rows without a prediction, for classes that are unknown, and for scores that the
    likeliest of K classes cannot have.
    """
    predicted, _ = read_given(found.labels, found.file, frozenset(given))
    at = {"file": found.file, "column": found.column}
    if (predicted.codes < 0).any():
        missing = np.flatnonzero(predicted.codes < 0)
        mend = "predict these rows too, or leave them out of both files"
        raise refuse("no predicted label", row=int(missing[0]) + 1, count=len(missing), mend=mend, **at)
    names, columns, unknown = place_of_classes(predicted.values, given, listed)
    bad = [i for i, value in enumerate(predicted.values) if value in unknown]
    if bad:
        shown = f"the predicted label {predicted.values[bad[0]]!r} is no class of the data"
        count, row = int(predicted.counts[bad].sum()), int(predicted.first[bad].min()) + 1
        mend = "write the classes as the data do, or give a class list whose order the numbers follow"
        some = ", ".join(map(repr, names[:5] if listed else sorted(given)[:5]))
        raise refuse(shown, row=row, count=count, expected=f"classes such as {some}", mend=mend, **at)
    codes = np.array(columns, dtype=np.int64)[predicted.codes]
    values, problems = _spread(codes, found, len(names))
    return ArrayFile(found.file, values, names, found.ids, (*found.problems, *problems))


def place_of_classes(
    predicted: tuple[str, ...], given: Collection[str], listed: ClassList | None = None
) -> tuple[tuple[str, ...], list[int], set[str]]:
    """(the classes, the place among them of each predicted one, those that are no class of the data).

    See `as_probabilities` for what is a class.
    """
    names = listed.names if listed is not None else _names(given, predicted)
    place = _places(names, listed)
    columns = [place.get(v, place.get(_plain(v), -1)) for v in predicted]
    overlap = listed is not None or any(names[c] in set(given) for c in columns if c >= 0)
    unknown = {v for v, c in zip(predicted, columns, strict=True) if c < 0 or not overlap}
    return names, columns, unknown


def _names(given: Collection[str], predicted: tuple[str, ...]) -> tuple[str, ...]:
    """The classes of data and predictions, each once: sorted, numbers by their size."""
    known = {_plain(v) for v in given}
    names = [*given, *(v for v in predicted if _plain(v) not in known)]
    numbers = [integer(n) for n in names]
    if all(n is not None for n in numbers):
        return tuple(n for _, n in sorted(zip(numbers, names, strict=True)))
    return tuple(sorted(names))


def _places(names: tuple[str, ...], listed: ClassList | None) -> dict[str, int]:
    """The column of each way to write a class; names before tokens before positions."""
    ways = [tuple(map(str, range(len(names)))), listed.tokens] if listed is not None else []
    place: dict[str, int] = {}
    for way in (*ways, names):
        place.update({_plain(v): i for i, v in enumerate(way)})
        place.update({v: i for i, v in enumerate(way)})
    return place


def _plain(value: str) -> str:
    number = integer(value)
    return value if number is None else str(number)


def _spread(codes: np.ndarray, found: PredictedLabels, k: int) -> tuple[np.ndarray, list[Problem]]:
    rows = np.arange(len(codes))
    values = np.zeros((len(codes), k), dtype=np.float32)
    if found.scores is None:
        values[rows, codes] = 1
        return values, []
    low = 1 / max(k, 1)
    bad = np.flatnonzero(~((found.scores >= low - _HAIR) & (found.scores <= 1 + _HAIR)))
    if len(bad):
        said = f"a score of {found.scores[bad[0]]:.4g} for the likeliest class"
        expected = f"from {low:.3g} (the likeliest of {k} classes has at least 1 in {k}) to 1"
        raise refuse(said, file=found.file, row=int(bad[0]) + 1, count=len(bad), expected=expected)
    scores = np.minimum(found.scores, 1)
    values[:] = ((1 - scores) / max(k - 1, 1))[:, None]
    values[rows, codes] = scores
    if k == 2:
        return values, []
    text = (
        "only the likeliest class and its score: the rest is spread evenly over the other classes. That "
        "costs the order of rows where the model disagrees, since the given label's own probability is not "
        "known, and it leaves no second suggestion"
    )
    return values, [Problem("warning", text, "save the probability of every class", file=found.file)]
