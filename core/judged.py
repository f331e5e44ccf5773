"""What checks found, after what people and recorded verdicts say of pairs of rows.

A check is not run again for a judgement: what it found is kept as pairs, and its conclusions are drawn anew.
A judgement is about contents: it holds for all rows that have the same content as the two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from core.audit import Audit
from core.checks import _leaks, identity_cleaning, near_duplicates
from core.checks._leak_figures import EXACT, JUDGED, RUN
from core.checks._leaks import Leaks, Verdicts, keys_of
from core.dataset import Dataset
from core.issues import Result
from core.methods.across_splits import NONE, SEVERAL, Copies, Pairs
from core.methods.duplicates import Matches
from core.review.judgements import DIFFERENT, SAME, Judgements, pair_of
from core.splits import splits_of

_NO_PAIRS = np.empty((0, 2), dtype=np.int64)


def judged_audit(audit: Audit, dataset: Dataset, found: Judgements) -> Audit:
    """The audit with split leakage, near-duplicates and identities as they are after the judgements; itself
    where no pair is judged."""
    results = dict(audit.results)
    for name, judge in _JUDGES.items():
        if found.rows and name in results and "matches" in results[name].figures:
            results[name] = judge(dataset, results[name], found)
    name = "identity_cleaning"
    if found.classes and name in results and "merges" in results[name].figures:
        results[name] = judged_identities(dataset, results[name], found)
    return audit if results == audit.results else replace(audit, results=results)


def judged_identities(dataset: Dataset, result: Result, found: Judgements) -> Result:
    """Identities without the merges of classes that are judged not to be one."""
    table = result.table
    apart = {pair for pair, judged in found.classes.items() if judged.verdict == DIFFERENT}
    merged = np.flatnonzero((table["why"] == identity_cleaning.MERGE).to_numpy())
    given, new = dataset.given_labels(merged), table["suggestion"].iloc[merged].astype("str")
    kept = [pair_of(str(a), str(b)) in apart for a, b in zip(given, new, strict=True)]
    rows = merged[np.array(kept, dtype=bool)]
    if not len(rows):
        return result
    table, ids = table.copy(), table.index[rows]
    for column, value in (("flagged", False), ("score", np.float32(1)), ("reason", ""), ("why", "")):
        table.loc[ids, column] = value
    table.loc[ids, "suggestion"] = None
    summary = {
        **result.summary,
        "flagged": int(table["flagged"].sum()),
        "to_be_renamed": int((table["why"] == identity_cleaning.MERGE).sum()),
        "estimator": f"{result.summary['estimator']}; without classes that were judged to be two",
    }
    return Result(table, summary, result.figures)


def judged_leaks(dataset: Dataset, result: Result, found: Judgements) -> Result:
    """Split leakage without pairs judged different, and with pairs judged the same that lie across splits.

    summary gets "judged": pairs (judged across splits), same, different, cleared and added (rows).
    """
    splits = splits_of(dataset)
    assert splits is not None  # else there were no matches
    figures = result.figures
    copies = Copies.of(result.table["content"].to_numpy().astype(np.int64), _leaks.sides_of(splits))
    verdicts = _across(verdicts_of(dataset, copies.first, found), copies)
    matches = _leaks.read_matches(figures["matches"])
    none = Pairs(*(np.empty(0, kind) for kind in (np.int64, np.int64, np.float64)))
    ran = [name for name in figures["methods"]["method"] if name not in (EXACT, RUN, JUDGED)]
    nearest = _leaks.pairs_from_frame(figures["retrieved"]) if "retrieved" in figures else None
    leaks = Leaks(
        splits,
        copies,
        {name: matches.get(name, none) for name in ran},
        result.table["found"].to_numpy(),
        nearest,
        str(result.summary["space"]),
    )
    table, drawn = _leaks.conclude(dataset, _leaks.judge(leaks, verdicts), verdicts)
    before, after = result.table["flagged"].to_numpy(), table["flagged"].to_numpy()
    summary = {
        **_said(result, verdicts),
        "flagged": int(after.sum()),
        "training_rows_that_leak": int(table["leaks"].sum()),
        "judged": {**_counted(verdicts), **_moved(before, after)},
    }
    # "matches" and "retrieved" stay what was found, whatever was said of it.
    return Result(table, summary, {**figures, **drawn, "matches": figures["matches"]})


def judged_duplicates(dataset: Dataset, result: Result, found: Judgements) -> Result:
    """Near-duplicates without pairs judged different, and with pairs judged the same.

    summary gets "judged": pairs, same, different, cleared and added (rows).
    """
    first = result.table["content"].to_numpy().astype(np.int64)
    verdicts = verdicts_of(dataset, first, found)
    sources = near_duplicates.read_matches(result.figures["matches"])
    n = len(first)
    different = keys_of(verdicts.different, n)
    for name, matches in sources.items():
        stays = ~np.isin(matches.others.astype(np.int64) * n + matches.rows, different)
        sources[name] = Matches(matches.rows[stays], matches.others[stays], matches.distance[stays])
    one, two = verdicts.same[verdicts.same[:, 0] != verdicts.same[:, 1]].T
    sources[near_duplicates.JUDGED] = Matches(two, one, np.zeros(len(one)))
    first, sources = _parted(first, sources, verdicts)
    table, figures = near_duplicates.conclude(dataset, first, sources)
    table["content"] = result.table["content"]
    before, after = result.table["flagged"].to_numpy(), table["flagged"].to_numpy()
    summary = {
        **_said(result, verdicts),
        **near_duplicates.counts(figures["groups"]),
        "judged": {**_counted(verdicts), **_moved(before, after)},
    }
    return Result(table, summary, {**figures, "matches": result.figures["matches"]})


_JUDGES: dict[str, Callable[[Dataset, Result, Judgements], Result]] = {
    "split_leakage": judged_leaks,
    "near_duplicates": judged_duplicates,
}
JUDGED_CHECKS = frozenset({*_JUDGES, "identity_cleaning"})
"""The checks whose results hang on judgements."""


def verdicts_of(dataset: Dataset, first: np.ndarray, found: Judgements) -> Verdicts:
    """The judged pairs of rows as pairs of contents; those of rows that are gone are left out.

    first: (N,) as duplicates.first_copies gives it. Where two pairs of rows with these contents are judged
    differently, the contents are the same.
    """
    pairs = np.array(list(found.rows), dtype=object).reshape(-1, 2)
    same = np.array([judged.verdict == SAME for judged in found.rows.values()], dtype=bool)
    places = np.stack([dataset.positions(pairs[:, 0]), dataset.positions(pairs[:, 1])], axis=1)
    there = (places >= 0).all(axis=1)
    contents = np.sort(first[places[there]], axis=1)
    joined = np.unique(contents[same[there]], axis=0) if there.any() else _NO_PAIRS
    apart = np.unique(contents[~same[there]], axis=0) if there.any() else _NO_PAIRS
    n = len(first)
    return Verdicts(joined, apart[~np.isin(keys_of(apart, n), keys_of(joined, n))])


def _across(verdicts: Verdicts, copies: Copies) -> Verdicts:
    """The verdicts on contents that lie in two splits."""

    def of(pairs: np.ndarray) -> np.ndarray:
        own = copies.own[pairs]
        inside = (own != NONE).all(axis=1)
        return pairs[inside & ((own[:, 0] != own[:, 1]) | (own == SEVERAL).any(axis=1))]

    return Verdicts(of(verdicts.same), of(verdicts.different))


def _parted(
    first: np.ndarray, sources: dict[str, Matches], verdicts: Verdicts
) -> tuple[np.ndarray, dict[str, Matches]]:
    """Each row its own content where equal content is judged different; what is like one is like each."""
    equal = verdicts.different[verdicts.different[:, 0] == verdicts.different[:, 1], 0]
    if not len(equal):
        return first, sources
    parted = np.isin(first, equal)
    copies = {int(c): np.flatnonzero(first == c) for c in equal.tolist()}
    out = {}
    for name, matches in sources.items():
        touched = np.isin(matches.rows, equal) | np.isin(matches.others, equal)
        rows, others = [matches.rows[~touched]], [matches.others[~touched]]
        distance = [matches.distance[~touched]]
        for i in np.flatnonzero(touched).tolist():
            ends = [copies.get(int(e), np.array([e])) for e in (matches.rows[i], matches.others[i])]
            one, two = (grid.ravel() for grid in np.meshgrid(*ends))
            rows.append(np.maximum(one, two))
            others.append(np.minimum(one, two))
            distance.append(np.full(len(one), matches.distance[i]))
        out[name] = Matches(np.concatenate(rows), np.concatenate(others), np.concatenate(distance))
    return np.where(parted, np.arange(len(first)), first), out


def _said(result: Result, verdicts: Verdicts) -> dict[str, Any]:
    """The summary with an estimator that names the judgements."""
    many = len(verdicts.same) + len(verdicts.different)
    estimator = f"{result.summary['estimator']}; after {many:,} judged pair{'' if many == 1 else 's'}"
    return {**result.summary, "estimator": estimator}


def _counted(verdicts: Verdicts) -> dict[str, int]:
    same, different = len(verdicts.same), len(verdicts.different)
    return {"pairs": same + different, "same": same, "different": different}


def _moved(before: np.ndarray, after: np.ndarray) -> dict[str, int]:
    """How many rows are flagged no longer, and how many newly."""
    return {"cleared": int((before & ~after).sum()), "added": int((after & ~before).sum())}
