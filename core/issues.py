"""The one schema in which every check describes itself and returns what it found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd

from core.dataset import Dataset, Kind
from core.predictions import Predictions
from core.progress import Progress

NEEDS = (
    "labels",
    "pred_probs",
    "predicted",
    "embeddings",
    "log_sums",
    "content",
    "split",
    "flags",
    "votes",
    "tokens",
    "boxes",
    "detections",
    "masks",
)
"""What a check can ask for. The cache keys a result by the digests of what it needs and uses."""


@dataclass(frozen=True)
class Setting:
    """One choice of a check: its name, default, allowed values (empty: any of that type) and help."""

    name: str
    default: Any
    help: str
    choices: tuple[Any, ...] = ()


_NONE = "none: "


@dataclass(frozen=True, eq=False)
class Result:
    """What one check found in one data set.

    table: indexed by row_id in Dataset order, one line for every row:
        score (float32 in [0, 1], 0 = worst), flagged (bool), suggestion (class name or missing),
        reason (one plain sentence where flagged, else ""); extra raw columns are allowed.
    summary: JSON-able; holds at least "flagged" (int) and "estimator" (how the count was made).
    figures: named frames behind the charts.
    """

    table: pd.DataFrame
    summary: dict[str, Any]
    figures: dict[str, pd.DataFrame] = field(default_factory=dict)

    @property
    def looked(self) -> bool:
        """Whether there was something to look for; see `nothing`."""
        return not str(self.summary["estimator"]).startswith(_NONE)

    @cached_property
    def cells(self) -> Mapping[str, Any]:
        """The table's columns, for single cells: cutting a row or a column out of the table is slow."""
        return {str(name): self.table[name].array for name in self.table.columns}


@dataclass(frozen=True)
class Cost:
    """What a check takes for a million rows on two cores, beyond the two below: seconds, and megabytes at the
    peak. searches: it uses the nearest rows, which are searched once for all checks. reads: it opens the
    pictures, which happens once too. Measured by tests/benchmarks/bench_scale.py and bench_quality.py.
    """

    seconds: float
    megabytes: float
    searches: bool = False
    reads: bool = False


Run = Callable[[Dataset, Predictions, Mapping[str, Any], Progress], Result]


@dataclass(frozen=True)
class Check:
    """An extension of the audit. version is part of the cache key: raise it when results change.

    needs: what must be there (of NEEDS); uses: what is read where it is there.
    limits: what its numbers do not cover, in plain sentences, shown beside them as evidence.
    optional: whether few data sets have what it needs, so that nobody is told where it is missing.
    kind: the one kind of content that it looks at; None: any. labels: the one kind of label that it judges,
    "class" or "number"; None: any.
    whole: it compares whole records, which the tokens of a sentence, all with the same text, are not, and the
    boxes in a picture neither.
    """

    name: str
    title: str
    help: str
    needs: frozenset[str]
    run: Run
    version: int = 1
    uses: frozenset[str] = frozenset()
    settings: tuple[Setting, ...] = ()
    limits: str = ""
    optional: bool = False
    cost: Cost = Cost(10, 1000)
    kind: Kind | None = None
    labels: Literal["class", "number"] | None = None
    whole: bool = False

    def missing(self, dataset: Dataset, predictions: Predictions) -> list[str]:
        """The needs that this data set does not meet, in the order of NEEDS, then its kind, then "whole"; of
        labels of another kind alone, since then nothing else is to the point."""
        if self.labels not in (None, "class" if dataset.targets is None else "number"):
            return [self.labels]
        there = available(dataset, predictions)
        absent = [n for n in NEEDS if n in self.needs and n not in there]
        if self.kind is not None and self.kind != dataset.columns.kind:
            absent.append(self.kind)
        parts = bool(dataset.columns.tokens) or dataset.boxes is not None
        return [*absent, "whole"] if self.whole and parts else absent


def available(dataset: Dataset, predictions: Predictions) -> set[str]:
    """Which of NEEDS a data set and its predictions offer."""
    there = {
        "labels": bool((dataset.labels >= 0).any()),
        "pred_probs": predictions.pred_probs is not None,
        "predicted": predictions.predicted is not None,
        "embeddings": predictions.embeddings is not None,
        "log_sums": predictions.log_sums is not None,
        "content": bool(dataset.columns.content),
        "split": dataset.columns.split is not None,
        "flags": dataset.flags is not None,
        "votes": bool(dataset.annotators),
        "tokens": bool(dataset.columns.tokens),
        "boxes": dataset.boxes is not None,
        "detections": predictions.detections is not None,
        "masks": dataset.masks is not None,
    }
    return {name for name, present in there.items() if present}


def issue_table(
    dataset: Dataset,
    score: np.ndarray,
    flagged: np.ndarray,
    suggestion: np.ndarray | None = None,
    reasons: Mapping[int, str] | None = None,
    suggested_sets: tuple[str, ...] = (),
    **extra: Any,
) -> pd.DataFrame:
    """Build a Result.table. suggestion: (N,) class codes, -1 for none; reasons: by row position.

    suggested_sets: sets of labels beyond those that rows have, whose codes follow. They have to be in the
    figure "suggested_sets" too, so that a stored result can be read back.
    """
    n = len(dataset)
    codes = np.full(n, -1, dtype=np.int32) if suggestion is None else suggestion
    reason = np.full(n, "", dtype=object)
    for position, text in (reasons or {}).items():
        reason[position] = text
    columns = {
        "score": np.asarray(score, dtype=np.float32),
        "flagged": np.asarray(flagged, dtype=bool),
        "suggestion": pd.Categorical.from_codes(codes, pd.Index((*dataset.classes, *suggested_sets))),
        "reason": pd.array(reason, dtype="str"),
        **extra,
    }
    return pd.DataFrame(columns, index=dataset.row_ids)


def nothing(
    dataset: Dataset,
    why: str,
    /,
    more: Mapping[str, Any] | None = None,
    figures: dict[str, pd.DataFrame] | None = None,
    **extra: Any,
) -> Result:
    """For data in which a check has nothing to look for: each row has score 1 and none is flagged.

    why: ends the estimator. more: what else belongs in the summary. extra: raw columns of the check.
    """
    n = len(dataset)
    table = issue_table(dataset, np.ones(n), np.zeros(n, dtype=bool), **extra)
    return Result(table, {"flagged": 0, "estimator": _NONE + why, **(more or {})}, figures or {})
