"""What pairs of rows that are alike across splits come to: the table and the figures of split leakage.

Drawn from the pairs alone, so that it is drawn again where people have judged some of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from core.checks._leak_figures import (
    EMBEDDING,
    EXACT,
    JUDGED,
    METHODS,
    NEAR,
    NGRAM,
    PICTURE,
    RUN,
    bins_frame,
    candidates_frame,
    methods_frame,
    pairs_frame,
    splits_frame,
)
from core.checks.near_duplicates import SAME
from core.dataset import Dataset
from core.issues import issue_table
from core.methods.across_splits import NONE, TRAINING, Copies, Pairs
from core.splits import Splits

_NUMBER = {name: number for number, name in enumerate(METHODS)}
_NO_ROWS = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Leaks:
    """Pairs of first rows of equal content that are alike across splits, by method.

    bits: (N,) uint16; bit i of a held-out row: method i of METHODS finds it, whatever others find.
    nearest: the rows nearest to each held-out row, whatever their distance, nearest first; None: not looked
    for. space: of what, EMBEDDING or NEAR. unequal: first rows whose copies are judged no duplicates.
    """

    splits: Splits
    copies: Copies
    pairs: Mapping[str, Pairs]
    bits: np.ndarray
    nearest: Pairs | None = None
    space: str = ""
    unequal: np.ndarray = field(default_factory=lambda: _NO_ROWS)

    @property
    def rows(self) -> np.ndarray:
        """(M,) the held-out rows."""
        return np.flatnonzero(self.copies.side > TRAINING)

    def by_method(self) -> dict[str, np.ndarray]:
        """For each method that ran, and judging, (M,) bool: it finds the held-out row."""
        said = self.bits[self.rows]
        there = {*self.pairs, EXACT, JUDGED, *([RUN] if NGRAM in self.pairs else [])}
        ran = [name for name in METHODS if name in there]
        return {name: (said >> _NUMBER[name] & 1).astype(bool) for name in ran}


def sides_of(splits: Splits) -> np.ndarray:
    """(N,) as Copies.side: one side for training, one for each held-out split."""
    return np.where(splits.trains, TRAINING, np.where(splits.codes >= 0, splits.codes + 1, NONE))


def bits_of(masks: Mapping[str, np.ndarray], n: int, rows: np.ndarray) -> np.ndarray:
    """(n,) uint16 as Leaks.bits. masks: (len(rows),) bool by method."""
    bits = np.zeros(n, dtype=np.uint16)
    for name, mask in masks.items():
        bits[rows[mask]] |= np.uint16(1 << _NUMBER[name])
    return bits


def equal_rows(copies: Copies) -> np.ndarray:
    """(N,) bool: held-out rows of which an equal one lies on another side."""
    rows = np.flatnonzero(copies.side > TRAINING)
    found = np.zeros(len(copies.side), dtype=bool)
    found[rows] = copies.pick(copies.first[rows], copies.side[rows]) >= 0
    return found


@dataclass(frozen=True, eq=False)
class Verdicts:
    """Judged pairs of contents. same, different: (P, 2) first rows, the smaller first; the two are one row
    where the verdict is about rows of equal content. No pair is in both."""

    same: np.ndarray
    different: np.ndarray

    def of_rows(self, copies: Copies) -> tuple[np.ndarray, np.ndarray]:
        """(N,) bool: a pair with the row's content is judged the same; every one that is judged is not."""
        n = len(copies.first)
        masks = np.zeros((2, n), dtype=bool)
        masks[0, self.same.ravel()] = True
        masks[1, self.different.ravel()] = True
        same, different = masks[:, copies.first]
        return same, different & ~same


def judge(leaks: Leaks, verdicts: Verdicts) -> Leaks:
    """The leaks without the pairs that are judged different, and with those that are judged the same."""
    copies, n = leaks.copies, len(leaks.copies.first)
    kept = {name: pairs for name, pairs in leaks.pairs.items() if name != JUDGED}
    for name, pairs in kept.items():
        low, high = np.minimum(pairs.asked, pairs.other), np.maximum(pairs.asked, pairs.other)
        stays = ~np.isin(low * n + high, keys_of(verdicts.different, n))
        kept[name] = Pairs(*(column[stays] for column in pairs))
    one, two = verdicts.same[verdicts.same[:, 0] != verdicts.same[:, 1]].T
    asked, other = np.concatenate([one, two]), np.concatenate([two, one])
    kept[JUDGED] = Pairs(asked, other, np.zeros(len(asked)))
    equal = verdicts.different[:, 0] == verdicts.different[:, 1]
    bits = leaks.bits & ~np.uint16(1 << _NUMBER[JUDGED])
    same, _ = verdicts.of_rows(copies)
    bits[same & (copies.side > TRAINING)] |= np.uint16(1 << _NUMBER[JUDGED])
    return replace(leaks, pairs=kept, bits=bits, unequal=verdicts.different[equal, 0])


def keys_of(pairs: np.ndarray, n: int) -> np.ndarray:
    """(P,) one number for each of these pairs of N rows."""
    return pairs[:, 0] * n + pairs[:, 1]


def conclude(
    dataset: Dataset, leaks: Leaks, verdicts: Verdicts | None = None
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """The table and the figures. verdicts: those that the leaks were judged by."""
    splits, copies, rows = leaks.splits, leaks.copies, leaks.rows
    method, other, distance = _best(copies, leaks.pairs, leaks.unequal)
    flagged = other >= 0
    ids = np.append(dataset.row_ids.to_numpy(dtype=object), "")
    names = np.array([*METHODS, ""], dtype=object)
    table = issue_table(
        dataset,
        score=np.where(flagged, distance.clip(0, 1), 1),
        flagged=flagged,
        reasons=_reasons(dataset, splits, method, other, distance),
        other=pd.array(ids[other], dtype="str"),
        method=pd.array(names[method], dtype="str"),
        distance=np.where(flagged, distance, np.nan).astype(np.float32),
        leaks=_leaking(copies, leaks.pairs, flagged & ~np.isin(copies.first, leaks.unequal)),
        content=copies.first.astype(np.int32),
        found=leaks.bits,
    )
    n = len(dataset)
    said = (np.zeros(n, dtype=bool),) * 2 if verdicts is None else verdicts.of_rows(copies)
    figures = {
        "splits": splits_frame(splits, table),
        "pairs": pairs_frame(splits, table, other, rows),
        "methods": methods_frame(leaks.by_method(), len(rows), *(mask[rows] for mask in said)),
        "matches": matches_frame(leaks.pairs),
    }
    if leaks.nearest is not None:
        nearest = first_of_each(leaks.nearest)
        if verdicts is not None:  # a judged pair is no candidate; the next of its row may be one
            known = keys_of(np.concatenate([verdicts.same, verdicts.different]), n)
            low = np.minimum(leaks.nearest.asked, leaks.nearest.other)
            high = np.maximum(leaks.nearest.asked, leaks.nearest.other)
            open_ = ~np.isin(low * n + high, known)
            candidates = first_of_each(Pairs(*(column[open_] for column in leaks.nearest)))
        else:
            candidates = nearest
        if leaks.space == EMBEDDING:
            figures["cosine_bins"] = bins_frame(copies, nearest, flagged, rows)
        figures["candidates"] = candidates_frame(dataset, copies, candidates, flagged)
        figures["retrieved"] = _pairs_to_frame(leaks.nearest)
    return table, figures


def matches_frame(pairs: Mapping[str, Pairs]) -> pd.DataFrame:
    """Every pair that a method found: row, other (positions of first rows), distance, method."""
    frames = [_pairs_to_frame(found).assign(method=name) for name, found in pairs.items()]
    empty = _pairs_to_frame(Pairs(_NO_ROWS, _NO_ROWS, np.empty(0))).assign(method=pd.array([], dtype="str"))
    return pd.concat([empty, *frames], ignore_index=True).astype({"method": "str"})


def read_matches(frame: pd.DataFrame) -> dict[str, Pairs]:
    """What `matches_frame` was given, without methods that found nothing."""
    return {
        str(name): pairs_from_frame(some) for name, some in frame.groupby("method", sort=False) if len(some)
    }


def _pairs_to_frame(pairs: Pairs) -> pd.DataFrame:
    columns = {"row": pairs.asked, "other": pairs.other}
    frame = pd.DataFrame({name: values.astype(np.int32) for name, values in columns.items()})
    return frame.assign(distance=pairs.distance)


def pairs_from_frame(frame: pd.DataFrame) -> Pairs:
    """The pairs of a figure "retrieved", or of one method of "matches"."""
    asked, other = (frame[name].to_numpy().astype(np.int64) for name in ("row", "other"))
    return Pairs(asked, other, frame["distance"].to_numpy())


def first_of_each(pairs: Pairs) -> Pairs:
    """The nearest of each; pairs of one row stand together, nearest first."""
    at = np.unique(pairs.asked, return_index=True)[1]
    return Pairs(*(column[at] for column in pairs))


def _best(
    copies: Copies, pairs: Mapping[str, Pairs], unequal: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each of N rows: (the first of METHODS that finds it, the row it is like or -1, their distance)."""
    n = len(copies.first)
    which, like, apart = np.full(n, -1), np.full(n, -1), np.full(n, np.inf)
    for number, name in enumerate(METHODS):
        if name not in pairs:
            continue
        asked, other, distance = pairs[name]
        order = np.lexsort((other, copies.inside[other] == n, distance, asked))
        order = order[np.unique(asked[order], return_index=True)[1]]
        better = order[like[asked[order]] < 0]
        rows = asked[better]
        which[rows], like[rows], apart[rows] = number, other[better], distance[better]
    method, other, distance = np.full(n, -1), np.full(n, -1), np.full(n, np.inf)
    held = np.flatnonzero(copies.side > TRAINING)
    same = copies.pick(copies.first[held], copies.side[held])
    same[np.isin(copies.first[held], unequal)] = NONE
    equal, rest = held[same >= 0], held[same < 0]
    method[equal], other[equal], distance[equal] = 0, same[same >= 0], 0
    rest = rest[like[copies.first[rest]] >= 0]
    first = copies.first[rest]
    method[rest], distance[rest] = which[first], apart[first]
    other[rest] = copies.pick(like[first], copies.side[rest])
    method[other < 0] = -1  # judged the same, but on the same side
    return method, other, distance


def _leaking(copies: Copies, pairs: Mapping[str, Pairs], flagged: np.ndarray) -> np.ndarray:
    """(N,) bool: training rows that a flagged row was matched with, by any method."""
    touched = np.zeros(len(copies.first), dtype=bool)
    touched[copies.first[flagged]] = True  # equal content: training rows among the copies
    for found in pairs.values():
        touched[found.other] = True
    return touched[copies.first] & (copies.side == TRAINING)


def _reasons(
    dataset: Dataset, splits: Splits, method: np.ndarray, other: np.ndarray, distance: np.ndarray
) -> dict[int, str]:
    ids, labels, classes = dataset.row_ids, dataset.labels, dataset.classes
    names = tuple(METHODS)
    out = {}
    for row in np.flatnonzero(other >= 0).tolist():
        that = int(other[row])
        label = f"labelled {classes[labels[that]]}" if labels[that] >= 0 else "without a label"
        split = splits.names[splits.codes[that]]
        start = _likeness(dataset, names[method[row]], float(distance[row]))
        out[row] = " ".join(f"{start} {ids[that]}, which is in {split} and {label}.".split())
    return out


def _likeness(dataset: Dataset, method: str, distance: float) -> str:
    share = int(100 * (1 - distance) + 1e-6)  # never rounded up to 100%
    return {
        EXACT: SAME.get(dataset.columns.kind, "Same content as row"),
        NEAR: f"Shares {share}% of its text with row",
        PICTURE: f"Looks the same (difference {distance:.2g}) as row",
        EMBEDDING: f"To the model almost the same (distance {distance:.2g}) as row",
        NGRAM: f"Has {share}% of its words in the same order as row",
        JUDGED: "Was judged to be the same as row",
    }[method]
