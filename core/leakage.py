"""What to do about rows that lie in two splits: which side to drop, and what that does to the test score."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from core.dataset import Dataset
from core.methods.intervals import wilson
from core.predictions import Predictions
from core.splits import Splits

Side = Literal["training", "held out"]
_ROWS_AT_ONCE = 16_384


@dataclass(frozen=True)
class Share:
    """hits of `of` rows, with the 95% Wilson interval of the share. of > 0."""

    hits: int
    of: int
    low: float
    high: float

    def __str__(self) -> str:
        """ "91.2% (88.0% to 93.7%)"."""
        return f"{self.hits / self.of:.1%} ({self.low:.1%} to {self.high:.1%})"


@dataclass(frozen=True, eq=False)
class Repair:
    """side: the side that is dropped. rows: (M,) positions of the rows to drop.

    leaked: flagged held-out rows that this sets apart from training. left: flagged rows that lie in two
    held-out splits and not in training: dropping training rows leaves them as they are. locked: rows that
    would be dropped too, were their split not locked: they are only reported.
    """

    side: Side
    rows: np.ndarray
    leaked: int
    left: int
    locked: int = 0


@dataclass(frozen=True)
class Effect:
    """How often predictions agree with the given labels in one held-out split: over all labelled rows, over
    those that leak, and over the rest; None where there are no such rows."""

    split: str
    every: Share
    leaked: Share | None
    rest: Share | None


def repair(
    splits: Splits,
    dataset: Dataset,
    table: pd.DataFrame,
    side: Side = "training",
    locked: Collection[str] = (),
) -> Repair:
    """The rows to drop so that no held-out row is flagged against training any more.

    side: training by default, so that the benchmark stays as it is and older scores stay comparable.
    table: of the check of split leakage. Training rows are those it matched with flagged rows, so that
    running it again may name a few more. locked: splits of which no row is ever dropped.
    """
    flagged = table["flagged"].to_numpy()
    other = dataset.positions(table["other"][flagged])
    inside = int(splits.trains[other[other >= 0]].sum())
    rows = np.flatnonzero(table["leaks"].to_numpy() if side == "training" else flagged)
    left = int(flagged.sum()) - inside if side == "training" else 0
    kept = np.append(np.isin(splits.names, list(locked)), False)[splits.codes[rows]]
    return Repair(side, rows[~kept], int(flagged.sum()) - left, left, int(kept.sum()))


def effects(splits: Splits, dataset: Dataset, predictions: Predictions, table: pd.DataFrame) -> list[Effect]:
    """What leaks do to the score of each held-out split, in the order of their names.

    The score is the share of labelled rows whose likeliest class is the given label. Empty without
    predicted probabilities, and where rows can have several labels.
    """
    if predictions.pred_probs is None or dataset.sets is not None:
        return []
    rows = np.flatnonzero(splits.holds_out & (dataset.labels >= 0))
    right = _likeliest(predictions.pred_probs, rows) == dataset.labels[rows]
    leaked, codes = table["flagged"].to_numpy()[rows], splits.codes[rows]
    found = []
    for name in splits.held_out:
        here = codes == splits.names.index(name)
        every = _share(right[here])
        if every is not None:
            found.append(Effect(name, every, _share(right[here & leaked]), _share(right[here & ~leaked])))
    return found


def in_words(effect: Effect) -> str:
    """The effect as one sentence; names are as in the data."""
    start = f"The {effect.split} score is {effect.every}"
    if effect.leaked is None:
        return f"{start}; no row of it leaks."
    many = f"the {effect.leaked.of:,} leaked rows" if effect.leaked.of != 1 else "the leaked row"
    if effect.rest is None:
        return f"{start}; all of its rows leak."
    return f"{start}, without {many} {effect.rest}; on {many} alone {effect.leaked}."


def headline(splits: Splits, pairs: pd.DataFrame) -> str:
    """ "6 test rows also appear in train", "have a near copy in" where none is equal; names as in the data.

    pairs: the figure of that name of the check of split leakage.
    """
    inside = pairs[pairs["other_split"].isin(splits.training)].groupby("split")["rows"].sum()
    equal = bool((pairs["method"] == "exact").any())
    where = splits.training[0] if len(splits.training) == 1 else "training"
    if len(inside):
        rows, name = int(inside.sum()), str(inside.index[0]) if len(inside) == 1 else "held-out"
        return f"{rows:,} {name} {_appear(rows, equal)} in {where}"
    if len(pairs):
        rows = int(pairs["rows"].sum())
        return f"{rows:,} held-out {_appear(rows, equal)} in another held-out split"
    name = splits.held_out[0] if len(splits.held_out) == 1 else "held-out"
    return f"No {name} row was found in {where}"


def equal_and_near(pairs: pd.DataFrame) -> str:
    """ "2 of them equal, 4 nearly."; "" where there are none of one kind."""
    equal, every = int(pairs.loc[pairs["method"] == "exact", "rows"].sum()), int(pairs["rows"].sum())
    return f"{equal:,} of them equal, {every - equal:,} nearly." if 0 < equal < every else ""


def _appear(rows: int, equal: bool) -> str:
    if rows == 1:
        return "row also appears" if equal else "row has a near copy"
    return "rows also appear" if equal else "rows have a near copy"


def _share(hits: np.ndarray) -> Share | None:
    if not len(hits):
        return None
    count, of = np.array([hits.sum()]), np.array([len(hits)])
    low, high = wilson(count, of)
    return Share(int(count[0]), int(of[0]), float(low[0]), float(high[0]))


def _likeliest(probs: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(len(rows),) the class of the largest probability, read a part at a time from a memory map."""
    parts = [probs[rows[i : i + _ROWS_AT_ONCE]].argmax(axis=1) for i in range(0, len(rows), _ROWS_AT_ONCE)]
    return np.concatenate([np.empty(0, np.int64), *parts])
