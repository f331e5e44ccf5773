"""How classes are written in a label column, those included that were added, renamed or merged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import count

import numpy as np
import pandas as pd

from core.dataset import Dataset
from core.errors import Problem
from core.multilabel import LabelSets
from core.review.classes import ClassList
from core.targets import Targets


@dataclass(frozen=True, eq=False)
class Written:
    """The label cell of each class of now.

    Where the column holds names, a class is written as it is called now. Where it holds other tokens, as
    the codes of a class list or of a typed column, a renamed class keeps its token, merged classes get the
    token of the class that took them in (of the first one, where that is new), and an added class gets the
    next whole number, where all tokens are such.

    tokens: by name. codes: the class's place in the class list of the data, by name; added classes follow.
    numeric: whether the column can hold numbers only. sets: where a row can have several labels; any set of
    them can be written then, and tokens are those of the sets that rows have. targets: where labels are
    numbers; a number is written as it was decided, and there are no tokens.
    """

    tokens: Mapping[str, str]
    codes: Mapping[str, int]
    numeric: bool = False
    sets: LabelSets | None = None
    targets: Targets | None = None

    @classmethod
    def of(cls, dataset: Dataset, classes: ClassList) -> Written:
        """How the classes of a data set are written."""
        if dataset.targets is not None:
            there = {text: place for place, text in enumerate(dataset.classes)}
            return cls({}, there, True, None, dataset.targets)
        places = _places(dataset, classes)
        if dataset.tokens == dataset.classes:
            tokens = {name: name for name in places}
        else:
            numbers = _whole_numbers(dataset.tokens)
            tokens = {name: dataset.tokens[at] for name, at in places.items() if at < len(dataset.tokens)}
            added = [name for name, at in places.items() if at >= len(dataset.tokens)]
            if numbers:
                tokens |= {name: str(max(numbers) + 1 + i) for i, name in enumerate(added)}
        label = dataset.columns.label
        is_there = label is not None and label in dataset.table.columns
        numeric = is_there and pd.api.types.is_numeric_dtype(dataset.table[label].dtype)
        return cls(tokens, places, numeric, dataset.sets)

    def token(self, name: str) -> str | Problem:
        """The label cell of a class, or why there is none."""
        if self.sets is not None and self.sets.holds(name):
            return self.sets.cell(name)
        if self.targets is not None:
            if name in self.codes or self.targets.holds(name):
                return name
            mend = "decide this row again"
            return Problem("error", self.targets.why_not(name).rstrip("."), mend=mend)
        if name not in self.codes:
            return Problem(
                "error",
                f"decided class {name!r} is not in your class list",
                mend="add it to the class list, or decide again",
            )
        token = self.tokens.get(name)
        if token is None:
            return Problem(
                "error",
                f"the label column holds codes, and the new class {name!r} has none",
                mend="load the data with a class list that has it",
            )
        if self.numeric and not _is_number(token):
            return Problem(
                "error",
                f"the label column holds numbers, and the class {name!r} cannot be written as one",
                mend="load the data with a class list that gives each number its name",
            )
        return token

    def cell(self, name: str) -> str:
        """The label cell of a class that has one; see `token`."""
        if self.targets is not None:
            return name
        return self.tokens[name] if self.sets is None else self.sets.cell(name)

    def text(self, name: str) -> str:
        """As `cell`, and a class that has none by its name."""
        return self.tokens.get(name, name)

    def code(self, token: str) -> int:
        """The place in the class list of the class that is written so."""
        return self.codes[self.names[token]]

    @cached_property
    def names(self) -> dict[str, str]:
        """token -> the class's name now."""
        return {token: name for name, token in self.tokens.items()}


def rewritten(dataset: Dataset, classes: ClassList) -> int:
    """How many label cells hold another token than their class has now."""
    if dataset.targets is not None:
        return 0
    tokens = Written.of(dataset, classes).tokens
    rows = np.bincount(dataset.labels[dataset.labels >= 0], minlength=len(dataset.classes)).tolist()
    given = zip(dataset.classes, dataset.tokens, rows, strict=True)
    return sum(n for name, token, n in given if tokens.get(classes.resolve(name)) != token)


def _places(dataset: Dataset, classes: ClassList) -> dict[str, int]:
    """Each class of now -> its place in the class list of the data; added ones follow."""
    at = {name: place for place, name in enumerate(dataset.classes)}
    first: dict[str, int] = {}
    for name, place in at.items():
        first.setdefault(classes.resolve(name), place)
    known = {name: at.get(classes.origin(name), first.get(name)) for name in classes.names}
    added = count(len(at))
    return {name: next(added) if place is None else place for name, place in known.items()}


def _whole_numbers(tokens: tuple[str, ...]) -> list[int]:
    """The tokens as numbers, where each is one; else none."""
    try:
        return [int(token) for token in tokens]
    except ValueError:
        return []


def _is_number(token: str) -> bool:
    try:
        float({"True": "1", "False": "0"}.get(token, token))
    except ValueError:
        return False
    return True
