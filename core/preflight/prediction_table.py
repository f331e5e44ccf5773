"""What the columns of a table of predictions are: ids, numbers a class, lists, or a predicted class."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import Problem, refuse
from core.preflight.array_files import ArrayFile
from core.preflight.cleanlab_columns import cleanlab_columns
from core.preflight.labels import as_text
from core.preflight.predicted_labels import PredictedLabels
from core.preflight.prediction_cells import holds_numbers, read_cells
from core.source import RawTable

_IDS = ("id", "row_id", "example_id", "sample_id", "item_id", "uuid")
_INDEX = ("column 1", "Unnamed: 0", "index", "__index_level_0__")
_LISTS = {
    "pred_probs": ("pred_probs", "probs", "probabilities", "probas", "pred_proba", "predictions", "scores"),
    "embeddings": ("embeddings", "embedding", "features", "vector"),
}
"""What a column of lists is called where a table has several, or numbers beside it."""
_PREDICTED = ("prediction", "predicted", "predicted_label", "predicted_class", "pred", "pred_label",
              "pred_class", "y_pred")  # fmt: skip
_NUMBER = (*_PREDICTED, "predictions", "predicted_value", "predicted_number", "pred_value", "y_hat", "yhat")
"""What a column of predicted numbers is called beside other columns of numbers."""
_SCORED = ("label", "class", *_PREDICTED)
_SCORES = ("score", "confidence", "probability", "prob", "max_prob")
_NESTED = "lists or structs"


def from_table(raw: RawTable, id_column: str | None, key: str) -> ArrayFile | PredictedLabels:
    """The numbers of a table, with the ids beside them; for pred_probs also a class a row.

    In this order: a column of lists that is called after `key`; a predicted class, where the table says no
    more than that and perhaps its score; all columns of numbers, where there are several; the only column
    of lists. Columns that are left out are said. Raises InputError where there is none of these.
    """
    table = _Table(raw, id_column)
    cells = [c for c in table.columns if holds_numbers(raw.frame[c])]
    if key == "predicted":
        return table.number()
    named = [c for c in cells if _plain(c) in _LISTS.get(key, ())]
    numeric = {c for c in table.columns if pd.api.types.is_numeric_dtype(raw.frame[c])}
    if len(named) == 1:
        return table.lists(named[0])
    if key == "pred_probs" and (found := table.predicted(cells)) is not None:
        return found
    if cells and len(numeric) < 2:
        if len(cells) > 1:
            raise refuse(
                f"{len(cells)} columns of lists ({', '.join(cells[:10])})",
                file=table.file,
                expected=f"one of them called {key}",
                mend="rename the one that counts, or leave the others out",
            )
        return table.lists(cells[0])
    return table.numbers()


def ids_of(raw: RawTable, id_column: str | None) -> pd.Index | None:
    """The ids of a table's rows: the column that is called as the data's, else one that is called an id."""
    name = _id_column(raw, id_column)
    return None if name is None else pd.Index(raw.frame[name].astype("str").fillna(""), dtype="str")


def _id_column(raw: RawTable, id_column: str | None) -> str | None:
    header = bool(raw.source.layout.get("header", True))
    names = set(map(str, raw.frame.columns)) if header else set()
    return next((c for c in (id_column, *_IDS) if c in names), None)


class _Table:
    """A table without its ids and its row number. columns: the others, in their order."""

    def __init__(self, raw: RawTable, id_column: str | None) -> None:
        self.frame, self.file = raw.frame, raw.source.path.name
        self.header = bool(raw.source.layout.get("header", True))
        names = [str(c) for c in self.frame.columns]
        row_id = _id_column(raw, id_column)
        index = (c for c in _INDEX if self.header and c in names and c != row_id)
        number = next((c for c in index if _counts_up(self.frame[c])), None)
        self.columns = [c for c in names if c not in (row_id, number)]
        self.ids = ids_of(raw, id_column)
        self.problems = tuple(
            p for p in raw.problems if not (p.column in names and p.found.startswith(_NESTED))
        )

    def lists(self, column: str) -> ArrayFile:
        values, names, said = read_cells(self.frame[column], self.file, column)
        problems = (*self.problems, *self._left_out([c for c in self.columns if c != column], True), *said)
        return ArrayFile(self.file, values, names, self.ids, problems)

    def predicted(self, cells: list[str]) -> PredictedLabels | None:
        """A class a row, where no other column has numbers; None otherwise."""
        if not self.header:
            return None
        scores = [c for c in self.columns if _plain(c) in _SCORES]
        labels = [c for c in self.columns if _plain(c) in (_SCORED if scores else _PREDICTED)]
        others = [c for c in self.columns if c not in (*scores, *labels)]
        numbers = any(pd.api.types.is_numeric_dtype(self.frame[c]) for c in others)
        if len(labels) != 1 or len(scores) > 1 or cells or numbers:
            return None
        score = numbers_of(self.frame[scores[0]], self.file, scores[0]) if scores else None
        if scores and score is None:
            return None
        if any(numbers_of(self.frame[c], self.file, c) is not None for c in others):
            return None  # numbers as text: columns of classes
        problems = (*self.problems, *self._left_out(others, True))
        labels_ = as_text(self.frame[labels[0]]).rename(labels[0])
        return PredictedLabels(self.file, labels[0], labels_, score, self.ids, problems)

    def numbers(self) -> ArrayFile:
        found: dict[str, np.ndarray] = {}
        left = []
        for name in self.columns:
            values = numbers_of(self.frame[name], self.file, name)
            if values is None:
                left.append(name)
            else:
                found[name] = values
        if found and found.keys() <= set(cleanlab_columns(self.columns)):
            mend = "give it as flags (--flags, or on the Load page)"
            raise refuse("flags of cleanlab, no predictions", file=self.file, mend=mend)
        if not found:
            raise refuse(
                "no column of numbers",
                file=self.file,
                expected="one column for each class or dimension",
                mend='a column of predicted class names is read where it is called "prediction"',
            )
        names = tuple(found) if self.header else None
        problems = (*self.problems, *self._left_out(left, False))
        return ArrayFile(self.file, np.stack(list(found.values()), axis=1), names, self.ids, problems)

    def number(self) -> ArrayFile:
        """The column of predicted numbers, (N, 1). Raises InputError where it is not clear which it is."""
        called = [c for c in self.columns if self.header and _plain(c) in _NUMBER]
        likely = called or [c for c in self.columns if pd.api.types.is_numeric_dtype(self.frame[c])]
        likely = likely or self.columns
        found = {c: v for c in likely if (v := numbers_of(self.frame[c], self.file, c)) is not None}
        if len(found) != 1:
            few = f"{len(found)} columns of numbers ({', '.join(list(found)[:10])})" if found else ""
            raise refuse(
                few or "no column of numbers",
                file=self.file,
                expected="one predicted number for each row",
                mend='call their column "prediction"',
            )
        name, values = next(iter(found.items()))
        problems = (*self.problems, *self._left_out([c for c in self.columns if c != name], True))
        return ArrayFile(self.file, values[:, None], (name,), self.ids, problems)

    def _left_out(self, columns: list[str], any_kind: bool) -> list[Problem]:
        if not columns:
            return []
        kind = "other columns" if any_kind else "columns without numbers"
        said = f"{kind} are left out: {', '.join(columns[:5])}"
        return [Problem("notice", said, file=self.file, count=1)]


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _counts_up(values: pd.Series) -> bool:
    """Whether a column is the row number, 0, 1, 2, ..."""
    return bool((values.astype("str").to_numpy() == np.arange(len(values)).astype("str")).all())


def numbers_of(values: pd.Series, file: str, name: str) -> np.ndarray | None:
    """float64 values, NaN for empty cells; None for a column that is not of numbers.

    Raises InputError for a column whose first cell is a number and another one is not.
    """
    if pd.api.types.is_numeric_dtype(values):
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    if not isinstance(values.dtype, pd.StringDtype):
        return None
    cells = pc.utf8_trim_whitespace(pa.array(values, pa.large_string()))
    cells = pc.if_else(pc.equal(cells, ""), None, cells)
    try:
        return pc.cast(cells, pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        good = pd.to_numeric(values, errors="coerce").notna().to_numpy()
        if not good[:1].all():
            return None
        bad = np.flatnonzero(~good)
        found = f"{values.iloc[bad[0]]!r} is no number"
        raise refuse(found, file=file, row=int(bad[0]) + 1, column=name, count=len(bad)) from None
