"""The figures of the check of split leakage."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from core.dataset import Dataset
from core.methods.across_splits import SEVERAL, TRAINING, Copies, Pairs
from core.methods.intervals import wilson
from core.methods.ngram_cover import LENGTH, LONG
from core.splits import Splits

EXACT, NEAR, PICTURE, EMBEDDING = "exact", "near_duplicate", "picture", "embedding"
NGRAM, RUN, JUDGED = "ngram_8", "ngram_13", "judged"
METHODS = {
    EXACT: "Equal content",
    NEAR: "Nearly equal text",
    PICTURE: "Pictures that look the same",
    EMBEDDING: "Embeddings that almost coincide",
    NGRAM: f"More than half covered by runs of {LENGTH} words",
    RUN: f"Any run of {LONG} words (not flagged by itself)",
    JUDGED: "Rephrased or otherwise the same: a pair of it was judged the same",
}
"""How a held-out row can be found in another split, and what that is called."""
CANDIDATES = 100
_BINS = np.array([-1.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0])


def splits_frame(splits: Splits, table: pd.DataFrame) -> pd.DataFrame:
    """One line a split: split, training, rows, leaked, share, low, high: the flagged share of a held-out
    split with its 95% interval; for training, leaked counts the rows that a flagged row was matched with."""
    size = len(splits.names)
    training = np.isin(splits.names, splits.training)
    there = splits.codes >= 0
    rows = np.bincount(splits.codes[there], minlength=size)
    hit = (table["flagged"] | table["leaks"]).to_numpy() & there
    leaked = np.bincount(splits.codes[hit], minlength=size)
    low, high = wilson(leaked, rows)
    frame = pd.DataFrame({"split": splits.names, "training": training, "rows": rows, "leaked": leaked})
    for name, values in (("share", leaked / rows), ("low", low), ("high", high)):
        frame[name] = np.where(training, np.nan, values)
    return frame


def pairs_frame(splits: Splits, table: pd.DataFrame, other: np.ndarray, rows: np.ndarray) -> pd.DataFrame:
    """Flagged rows by the split they are in, the split of the row they are like, and the method."""
    some = rows[other[rows] >= 0]
    names = np.array(splits.names, dtype=object)
    columns = {
        "split": names[splits.codes[some]],
        "other_split": names[splits.codes[other[some]]],
        "method": table["method"].to_numpy(dtype=object)[some],
    }
    frame = pd.DataFrame(columns, dtype="str")
    return (
        frame.value_counts(sort=False)
        .rename("rows")
        .reset_index()
        .sort_values(list(columns), ignore_index=True)
    )


def methods_frame(
    by_method: Mapping[str, np.ndarray], of: int, same: np.ndarray, different: np.ndarray
) -> pd.DataFrame:
    """One line a method: method, title, rows (it finds), only (no other method that flags finds them),
    share of all held-out rows with low and high, judged_same and judged_different (of the rows it finds).

    same, different: (of,) bool: a pair of the row was judged the same; all that were judged are different."""
    flagging = [mask for name, mask in by_method.items() if name != RUN]
    count = np.sum(flagging, axis=0)
    lines = []
    for name, mask in by_method.items():
        only = mask & (count == (0 if name == RUN else 1))
        said = (int((mask & same).sum()), int((mask & different).sum()))
        lines.append((name, METHODS[name], int(mask.sum()), int(only.sum()), *said))
    columns = ["method", "title", "rows", "only", "judged_same", "judged_different"]
    frame = pd.DataFrame(lines, columns=columns)
    frame["share"] = frame["rows"] / of
    frame["low"], frame["high"] = wilson(frame["rows"].to_numpy(), np.full(len(frame), of))
    return frame


def bins_frame(copies: Copies, nearest: Pairs, flagged: np.ndarray, rows: np.ndarray) -> pd.DataFrame:
    """Held-out rows by the cosine to their nearest training row: low, high, rows, flagged. Rows of content
    that lies in training too have cosine 1."""
    cosine = np.full(len(copies.first), np.nan)
    cosine[nearest.asked] = 1 - nearest.distance
    cosine[(copies.own == SEVERAL) & (copies.inside < len(copies.first))] = 1
    value = cosine[copies.first[rows]]
    known = ~np.isnan(value)
    counts = [np.histogram(value[known & keep], _BINS)[0] for keep in (np.True_, flagged[rows])]
    return pd.DataFrame({"low": _BINS[:-1], "high": _BINS[1:], "rows": counts[0], "flagged": counts[1]})


def candidates_frame(dataset: Dataset, copies: Copies, nearest: Pairs, flagged: np.ndarray) -> pd.DataFrame:
    """The pairs that no method flags and that are most alike, most first: row_id, other, cosine."""
    asked, other, distance = nearest
    order = np.lexsort((asked, distance))
    order = order[~flagged[asked[order]] & (copies.side[asked[order]] > TRAINING)][:CANDIDATES]
    ids = dataset.row_ids.to_numpy(dtype=object)
    return pd.DataFrame(
        {
            "row_id": pd.array(ids[asked[order]], dtype="str"),
            "other": pd.array(ids[copies.inside[other[order]]], dtype="str"),
            "cosine": (1 - distance[order]).astype(np.float32),
        }
    )
