"""A tabular row's fields, each beside what is usual among the rows with the same given label."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from core.checks.label_issues import percent
from core.dataset import UNLABELLED, Dataset

UNUSUAL = 0.02
"""A field is unusual where at most this share of the rows lies as far out or has so rare a value."""
FEW_ROWS = 10
"""In a class of fewer rows nothing is called usual or unusual."""
_SAMPLE_A_CLASS = 20_000


@dataclass(frozen=True, eq=False)
class _Numbers:
    """values: sorted, missing and infinite ones left out."""

    values: np.ndarray

    def usual(self, value: Any) -> str:
        low, high = self._range
        return f"{_short(low)} to {_short(high)}"

    @cached_property
    def _range(self) -> tuple[float, float]:
        low, high = np.quantile(self.values, [0.05, 0.95])
        return float(low), float(high)

    def tail(self, value: Any) -> float:
        return min(1.0, 2 * min(self._percentile(value), 100 - self._percentile(value)) / 100)

    def note(self, value: Any, unusual: bool) -> str:
        percentile = self._percentile(value)
        if unusual:
            return f"unusual: {percentile:.1f} percentile"
        low, high = self._range
        return "above" if value > high else "below" if value < low else ""

    def _percentile(self, value: Any) -> float:
        """0 to 100; equal values count half."""
        below, to = (np.searchsorted(self.values, float(value), side) for side in ("left", "right"))
        return float(50 * (below + to) / len(self.values))


@dataclass(frozen=True, eq=False)
class _Names:
    """share: of the rows, by value."""

    share: Mapping[str, float]

    def usual(self, value: Any) -> str:
        return f"{percent(self.share.get(str(value), 0.0))} have it"

    def tail(self, value: Any) -> float:
        own = self.share.get(str(value), 0.0)
        return float(sum(share for share in self.share.values() if share <= own))

    def note(self, value: Any, unusual: bool) -> str:
        return "unusual: a rare value" if unusual else ""


_Usual = _Numbers | _Names | None
_KNOWN: WeakKeyDictionary[Dataset, dict[tuple[str, int], _Usual]] = WeakKeyDictionary()


def fields(dataset: Dataset, position: int, columns: Iterable[str]) -> list[dict[str, Any]]:
    """A row's fields in these columns, the most unusual for its given label first, the others in order.

    name, value: as text. usual: for a number the 5th to 95th percentile of the rows with the same given
    label, for a text the share of them that has it; "" where too few rows, or texts that hardly repeat, say
    nothing, or labels are numbers. note: where the value lies outside of that; unusual: whether by far.
    Classes of more than 20,000 rows are sampled evenly.
    """
    code = int(dataset.labels[position])
    return [
        field
        for _, field in sorted(
            (_field(dataset, column, code, position) for column in columns),
            key=lambda pair: pair[0],
        )
    ]


def cell_text(value: Any) -> str:
    """A table's value as it is shown; "" for a missing one."""
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return ""
    return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)


def _field(dataset: Dataset, column: str, code: int, position: int) -> tuple[float, dict[str, Any]]:
    """(the share of the class that is as unusual, the field)."""
    value = dataset.table[column].iloc[position]
    shown: dict[str, Any] = {
        "name": str(column),
        "value": cell_text(value),
        "usual": "",
        "note": "",
        "unusual": False,
    }
    unknown = code == UNLABELLED or not shown["value"] or dataset.targets is not None
    usual = None if unknown else _usual(dataset, column, code)
    if usual is None:
        return 1.0, shown
    tail = usual.tail(value)
    unusual = tail <= UNUSUAL
    return tail, {
        **shown,
        "usual": usual.usual(value),
        "note": usual.note(value, unusual),
        "unusual": unusual,
    }


def _usual(dataset: Dataset, column: str, code: int) -> _Usual:
    """What is usual in a column for a class; None where nothing can be said. Computed once a data set."""
    known = _KNOWN.setdefault(dataset, {})
    if (column, code) not in known:
        rows = np.flatnonzero(dataset.labels == code)
        values = dataset.table[column].iloc[rows[:: max(1, len(rows) // _SAMPLE_A_CLASS)]].dropna()
        known[column, code] = _describe(values) if len(values) >= FEW_ROWS else None
    return known[column, code]


def _describe(values: pd.Series) -> _Usual:
    numeric = pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype)
    if numeric:
        numbers = values.to_numpy(dtype=np.float64)
        finite = numbers[np.isfinite(numbers)]
        return _Numbers(np.sort(finite)) if len(finite) >= FEW_ROWS else None
    share = values.astype("str").value_counts(normalize=True)
    hardly_repeat = len(share) > len(values) / 2
    return None if hardly_repeat else _Names({str(name): float(part) for name, part in share.items()})


def _short(value: float) -> str:
    return f"{value:.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.3g}"
