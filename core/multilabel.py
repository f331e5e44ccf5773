"""Several labels a row: a set of class names that is kept as one text, and written as its file writes it.

The text of a set is canonical: the names in class order, joined as the file joins them. So a set is a given
label like any other, and every decision, claim and export treats it as one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

LIST = "[]"
"""The delimiter of cells that are JSON lists: ["joy", "love"]."""


@dataclass(frozen=True)
class LabelSets:
    """How the sets of a data set are written.

    names: the K classes; they fix the column order of pred_probs. tokens: how the file writes each of them.
    delimiter: what stands between two of them, white space included, or LIST.
    may_be_empty: whether the file has a row with no label at all that is not an unlabelled row.
    bare: whether the elements of lists are numbers.
    """

    names: tuple[str, ...]
    tokens: tuple[str, ...]
    delimiter: str
    may_be_empty: bool = False
    bare: bool = False

    @cached_property
    def _place(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.names)}

    def text(self, members: Iterable[str]) -> str:
        """The canonical text of a set. Raises KeyError for a name that is no class."""
        places = sorted({self._place[name] for name in members})
        return _joined([self.names[place] for place in places], self.delimiter)

    def members(self, text: str) -> tuple[str, ...]:
        """The names in the canonical text of a set, in class order.

        Raises ValueError for any other text: unknown names, another order, an empty set where there is none.
        """
        found = cell_tokens(text, self.delimiter)
        known = found is not None and all(name in self._place for name in found)
        if found is None or not known or self.text(found) != text or not (found or self.may_be_empty):
            raise ValueError(f"{text!r} is no set of these classes")
        return tuple(found)

    def holds(self, text: str | None) -> bool:
        """Whether a text is the canonical text of a set that a row can have."""
        try:
            self.members(text or "")
        except ValueError:
            return False
        return True

    def cell(self, text: str) -> str:
        """The label cell of a set, given as its canonical text."""
        tokens = [self.tokens[self._place[name]] for name in self.members(text)]
        return _joined([int(t) for t in tokens] if self.bare else tokens, self.delimiter)

    def indicator(self, texts: Iterable[str]) -> np.ndarray:
        """(len(texts), K) bool: which classes each set holds."""
        rows = [[self._place[name] for name in self.members(text)] for text in texts]
        found = np.zeros((len(rows), len(self.names)), dtype=bool)
        for row, places in enumerate(rows):
            found[row, places] = True
        return found


def cell_tokens(cell: str, delimiter: str) -> list[str] | None:
    """The labels in a cell as they are written, in its order; None for a cell that is no JSON list of
    texts or whole numbers where it has to be one. White space round a label does not count."""
    if delimiter != LIST:
        mark = delimiter.strip()
        parts = cell.split(mark) if mark else re.split(r"\s+", cell)
        return [part.strip() for part in parts if part.strip()]
    values = list_values(cell)
    return None if values is None else [str(value) for value in values]


def list_values(cell: str) -> list[str] | list[int] | None:
    """The values of a JSON list of texts alone or of whole numbers alone; None for anything else."""
    try:
        values = json.loads(cell)
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, list) or {type(v) for v in values} not in (set(), {str}, {int}):
        return None
    return values if all(str(value).strip() for value in values) else None


def _joined(values: list[str] | list[int], delimiter: str) -> str:
    return json.dumps(values, ensure_ascii=False) if delimiter == LIST else delimiter.join(map(str, values))
