"""Labels that each name one person, product or speaker: strangers in a class, and classes that are one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from core.dataset import Dataset
from core.issues import Check, Cost, Result, Setting, issue_table, nothing
from core.methods.identity import (
    BINS,
    LEAST_ROWS,
    SEED,
    Cleaned,
    Cosines,
    Levels,
    clean,
    cosines,
    nearest_class,
    split_means,
)
from core.methods.neighbours import nearest, unit_rows
from core.predictions import Predictions
from core.progress import Progress
from core.splits import splits_of

APART, MERGE = "apart", "merge"
"""Why a row is flagged: it is unlike its class, or its whole class is another one."""
SHOWN = 1000
_ACROSS = 5
_APART_BY = 0.1
_ROWS_AT_ONCE = 4096


def run(dataset: Dataset, predictions: Predictions, params: Mapping[str, Any], progress: Progress) -> Result:
    """Flag rows outside the largest group of their class, and rows of a class that is one with a larger one.

    score: for a row the cosine to the mean of its class's kept rows, 0 where it is below 0; for a row of a
    class to be merged 1 - the cosine of the two means. suggestion: the class whose mean is nearest, if at
    least as near as rows of one class are; the larger class.
    Extra columns: why (APART, MERGE, ""), copy (bool: nearly the same as an earlier row of its class).
    Nothing is flagged where classes are few or large, or where the embeddings cannot tell classes apart;
    the note then says why. Figures: cosines, merges, rounds, across_splits.
    """
    embeddings, labels = predictions.embeddings, dataset.labels
    assert embeddings is not None
    levels = Levels(1 - params["eps"], params["merge"], params["ambiguous"], params["near_duplicate"])
    if why := _unfit(labels, len(dataset.classes), params, levels, dataset.sets is not None):
        return _nothing(dataset, why, {})
    progress.report(0, "comparing rows of each class")
    found = cosines(embeddings, labels, progress.part(0, 0.2))
    figure = {"cosines": _cosines_frame(found)}
    if why := _cannot_tell(found, levels):
        return _nothing(dataset, why, figure, found)
    cleaned = clean(embeddings, labels, len(dataset.classes), levels, progress.part(0.2, 0.7))
    table = _table(dataset, embeddings, cleaned, levels, progress.part(0.7, 0.9))
    figures = {
        **figure,
        "merges": _merges_frame(dataset, cleaned),
        "rounds": pd.DataFrame([vars(line) for line in cleaned.rounds]).assign(
            share=lambda lines: lines["rows"] / lines["of"]
        ),
        "across_splits": _across_frame(dataset, embeddings, cleaned, levels, progress.part(0.9, 1)),
    }
    figures["rounds"].insert(0, "round", np.arange(1, len(cleaned.rounds) + 1))
    return Result(table, _summary(dataset, table, cleaned, found, figures, params), figures)


def _unfit(labels: np.ndarray, classes: int, params: Mapping[str, Any], levels: Levels, several: bool) -> str:
    """Why the check does not fit these classes or settings, as a sentence; "" where it does.

    Many and small: a class of few rows is one thing that looks alike; a class of hundreds is a kind of
    things, of which the largest group is not the right one.
    """
    if several:
        return "Rows can have several labels here; this is for classes that each name one thing."
    if not -1 < levels.ambiguous <= levels.merge <= 1 or not -1 < levels.same <= 1:
        return "Nothing was compared: the settings ask for 0 <= eps < 2 and ambiguous <= merge <= 1."
    sizes = np.bincount(labels[labels >= 0], minlength=classes)
    sizes = sizes[sizes > 0]
    middle = float(np.median(sizes)) if len(sizes) else 0.0
    if len(sizes) >= params["least_classes"] and middle <= params["most_rows"]:
        return ""
    return (
        f"Not for these classes: this looks at data with at least {params['least_classes']:,} classes of "
        f"usually {params['most_rows']:,} rows or fewer (people, products, speakers); here are "
        f"{len(sizes):,} of usually {middle:,.0f}."
    )


def _cannot_tell(found: Cosines, levels: Levels) -> str:
    """Why nothing should be cleaned with these embeddings, with what to do; "" where they can tell."""
    if not np.isfinite(found.middle):
        return "No class has two rows, so that there is nothing to compare."
    if found.middle < levels.same:
        return (
            "Stopped, nothing is flagged: two rows of one class usually have a cosine of "
            f"{found.middle:.2f}, below the {levels.same:.2f} at which rows hang together (1 - eps), so that "
            f"good rows would be thrown out. {_way_out(found)}"
        )
    if found.far >= levels.same:
        return (
            "Stopped, nothing is flagged: of pairs of rows of two classes 5% or more have a cosine above "
            f"{found.far:.2f}, so that the {levels.same:.2f} at which rows hang together (1 - eps) joins "
            f"strangers. {_way_out(found)}"
        )
    return ""


def _way_out(found: Cosines) -> str:
    """What to do; an eps half-way between the cosines of one class and the upper end of those of two."""
    far = found.far if np.isfinite(found.far) else 0.0
    other = "bring embeddings of a model that tells these classes apart."
    if found.middle - far < _APART_BY:
        return f"Rows of one class and of two are nearly as much alike: {other}"
    eps = 1 - (found.middle + far) / 2
    return f"Look at the histograms: set eps to {eps:.2f} if the two lie apart there, else {other}"


def _table(
    dataset: Dataset, embeddings: np.ndarray, cleaned: Cleaned, levels: Levels, progress: Progress
) -> pd.DataFrame:
    n = len(dataset)
    labelled = dataset.labels >= 0
    own = _own_cosine(embeddings, cleaned, progress.part(0, 0.4))
    merged = labelled & cleaned.kept & (cleaned.labels != dataset.labels)
    apart = labelled & ~cleaned.kept
    rows = np.flatnonzero(apart)
    progress.report(0.4, "comparing rows with classes")
    near, likeness = nearest_class(
        embeddings, rows, cleaned.means, cleaned.labels[rows], progress.part(0.4, 1)
    )
    score = np.where(np.isnan(own), 1, own.clip(0, 1))
    score[merged] = 1 - cleaned.cosine[dataset.labels[merged]].clip(0, 1)
    suggestion = np.full(n, -1, dtype=np.int32)
    suggestion[merged] = cleaned.labels[merged]
    close = (likeness >= levels.same) & (near >= 0)
    suggestion[rows[close]] = near[close]
    reasons = _merge_reasons(dataset, cleaned, merged)
    reasons |= _apart_reasons(dataset, cleaned, rows, own, near, likeness, close)
    why: Any = pd.array(np.where(apart, APART, np.where(merged, MERGE, "")).astype(object), dtype="str")
    return issue_table(
        dataset,
        score,
        apart | merged,
        suggestion,
        reasons,
        why=why,
        copy=cleaned.copies,
    )


def _own_cosine(embeddings: np.ndarray, cleaned: Cleaned, progress: Progress) -> np.ndarray:
    """(N,) cosine to the mean of the row's class after merging; NaN where the class has none."""
    own = np.full(len(cleaned.labels), np.nan)
    has_mean = np.append(cleaned.means.any(axis=1), False)[cleaned.labels]
    rows = np.flatnonzero(has_mean)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        progress.report(start / len(rows), "comparing rows with their class")
        some = rows[start : start + _ROWS_AT_ONCE]
        own[some] = (unit_rows(embeddings, some) * cleaned.means[cleaned.labels[some]]).sum(axis=1)
    return own


def _merge_reasons(dataset: Dataset, cleaned: Cleaned, merged: np.ndarray) -> dict[int, str]:
    names = dataset.classes
    out = {}
    for row in np.flatnonzero(merged).tolist():
        given, new = int(dataset.labels[row]), int(cleaned.labels[row])
        said = (
            f"All of {names[given]} looks like {names[new]} (cosine {cleaned.cosine[given]:.2f} of the two)."
        )
        out[row] = _sentence(said)
    return out


def _apart_reasons(
    dataset: Dataset,
    cleaned: Cleaned,
    rows: np.ndarray,
    own: np.ndarray,
    near: np.ndarray,
    likeness: np.ndarray,
    close: np.ndarray,
) -> dict[int, str]:
    names, out = dataset.classes, {}
    for i, row in enumerate(rows.tolist()):
        code = int(cleaned.labels[row])
        size, given = int(cleaned.sizes[code]), names[dataset.labels[row]]
        if not size:
            said = f"No two rows of {given} look alike"
        elif np.isnan(own[row]):
            said = f"Unlike the {size:,} rows of {given} that look alike"
        else:
            said = f"Unlike the {size:,} rows that are most of {given} (cosine {own[row]:.2f})"
        if near[i] >= 0:
            how = "most like" if close[i] else "not near any class, the nearest is"
            said += f"; {how} {names[near[i]]} ({likeness[i]:.2f})"
        out[row] = _sentence(f"{said}.")
    return out


def _sentence(text: str) -> str:
    return " ".join(text.split())


def _cosines_frame(found: Cosines) -> pd.DataFrame:
    """low, high, same, cross: how many of the random pairs of one class, and of two, have such a cosine."""
    return pd.DataFrame({"low": BINS[:-1], "high": BINS[1:], "same": found.same, "cross": found.cross})


def _merges_frame(dataset: Dataset, cleaned: Cleaned) -> pd.DataFrame:
    """class, other (of the two the larger), cosine, rows (of class), other_rows, verdict (merge, ambiguous):
    what was merged, then what a person should look at, most alike first; up to SHOWN of the latter."""
    given = np.bincount(dataset.labels[dataset.labels >= 0], minlength=len(dataset.classes))
    gone = np.flatnonzero(cleaned.into != np.arange(len(cleaned.into)))
    gone = gone[np.lexsort((gone, -cleaned.cosine[gone]))]
    lines = [(c, int(cleaned.into[c]), float(cleaned.cosine[c]), MERGE) for c in gone.tolist()]
    for (one, two), cosine in zip(
        cleaned.ambiguous[:SHOWN].tolist(), cleaned.likeness.tolist(), strict=False
    ):
        small, large = sorted((one, two), key=lambda c: (cleaned.sizes[c], -c))
        lines.append((small, large, cosine, "ambiguous"))
    frame = pd.DataFrame(lines, columns=["code", "other_code", "cosine", "verdict"])
    codes, others = (frame[name].to_numpy(dtype=np.int64) for name in ("code", "other_code"))
    names = np.array(dataset.classes, dtype=object)
    return pd.DataFrame(
        {
            "class": pd.array(names[codes], dtype="str"),
            "other": pd.array(names[others], dtype="str"),
            "cosine": frame["cosine"].to_numpy(dtype=np.float64),
            "rows": given[codes],
            "other_rows": given[others],
            "verdict": pd.array(frame["verdict"].to_numpy(dtype=object), dtype="str"),
        }
    )


def _across_frame(
    dataset: Dataset, embeddings: np.ndarray, cleaned: Cleaned, levels: Levels, progress: Progress
) -> pd.DataFrame:
    """class, split, other, other_split, cosine: classes of two names whose means in two splits lie above the
    merge level, most alike first; up to SHOWN. Of each class and split the nearest _ACROSS are looked at.
    """
    columns = ["class", "split", "other", "other_split", "cosine"]
    splits = splits_of(dataset)
    if splits is None or len(splits.names) < 2:
        return pd.DataFrame(columns=columns).astype({"cosine": float, **dict.fromkeys(columns[:4], "str")})
    labels = np.where(cleaned.kept, dataset.labels, -1)
    code, group, means = split_means(embeddings, labels, splits.codes, progress.part(0, 0.3))
    names, lines = np.array(dataset.classes, dtype=object), []
    for number, split in enumerate(splits.names[:-1]):
        work = progress.part(
            0.3 + 0.7 * number / len(splits.names), 0.3 + 0.7 * (number + 1) / len(splits.names)
        )
        asked, among = np.flatnonzero(group == number), np.flatnonzero(group > number)
        if not len(asked) or not len(among):
            continue
        found, distance = nearest(means, asked, _ACROSS, among, work)
        at, which = np.nonzero((found >= 0) & (1 - distance > levels.merge))
        for one, two, far in zip(asked[at], found[at, which], distance[at, which], strict=True):
            if code[one] != code[two]:
                pair = (names[code[one]], split, names[code[two]], splits.names[group[two]])
                lines.append((*pair, float(1 - far)))
    lines.sort(key=lambda line: (-line[4], line))
    frame = pd.DataFrame(lines[:SHOWN], columns=columns)
    return frame.astype({"cosine": float, **dict.fromkeys(columns[:4], "str")})


def _summary(
    dataset: Dataset,
    table: pd.DataFrame,
    cleaned: Cleaned,
    found: Cosines,
    figures: dict[str, pd.DataFrame],
    params: Mapping[str, Any],
) -> dict[str, Any]:
    flagged = table["flagged"].to_numpy()
    why = table["why"].to_numpy(dtype=object)
    sizes = np.bincount(dataset.labels[dataset.labels >= 0], minlength=len(dataset.classes))
    small = int(((sizes > 0) & (sizes < LEAST_ROWS)).sum())
    notes = []
    if small:
        verb = "class has" if small == 1 else "classes have"
        notes.append(f"{small:,} {verb} fewer than {LEAST_ROWS} rows and were left alone.")
    if not cleaned.settled:
        notes.append(f"After {len(cleaned.rounds)} rounds classes were still being merged.")
    across = len(figures["across_splits"])
    if across:
        verb = "pair of classes lies" if across == 1 else "pairs of classes lie"
        more = " or more" if across == SHOWN else ""
        notes.append(
            f"{across:,}{more} {verb} in two splits under two names: a test on new classes would leak there."
        )
    return {
        "flagged": int(flagged.sum()),
        "estimator": (
            f"rows outside the largest group of their class (DBSCAN, cosine distance {params['eps']:g}, at "
            f"least 2 rows), and classes whose means have a cosine above {params['merge']:g}, in turns until "
            f"nothing changes: {len(cleaned.rounds)} rounds"
        ),
        **_said(found),
        "stopped": False,
        "apart": int((why == APART).sum()),
        "to_be_renamed": int((why == MERGE).sum()),
        "merged_classes": int((cleaned.into != np.arange(len(cleaned.into))).sum()),
        "ambiguous_pairs": len(cleaned.ambiguous),
        "near_copies": int(cleaned.copies.sum()),
        "pairs_across_splits": across,
        "settled": cleaned.settled,
        "note": " ".join(notes),
    }


def _said(found: Cosines) -> dict[str, Any]:
    """The cosines of one class and of two, JSON-able."""
    return {
        "same_class_median": round(found.middle, 4) if np.isfinite(found.middle) else None,
        "cross_class_95": round(found.far, 4) if np.isfinite(found.far) else None,
        "random_pairs": found.pairs,
        "seed": SEED,
    }


def _nothing(
    dataset: Dataset,
    why: str,
    figures: dict[str, pd.DataFrame],
    found: Cosines | None = None,
) -> Result:
    """For data to which the check does not apply, or whose embeddings cannot carry it."""
    n = len(dataset)
    return nothing(
        dataset,
        "it was not run" if found is None else "stopped before anything was flagged",
        {"stopped": found is not None, "note": why, **({} if found is None else _said(found))},
        figures,
        why=pd.array(np.full(n, "", dtype=object), dtype="str"),
        copy=np.zeros(n, dtype=bool),
    )


CHECK = Check(
    name="identity_cleaning",
    title="Identities",
    help="Rows unlike the rest of their class, and classes that are one, where classes are many and small.",
    needs=frozenset({"labels", "embeddings"}),
    uses=frozenset({"split"}),
    run=run,
    cost=Cost(90, 3600),
    optional=True,
    settings=(
        Setting("eps", 0.5, "Cosine distance up to which two rows of a class hang together, 0 to 2."),
        Setting("merge", 0.7, "Cosine of the means of two classes above which they are one, -1 to 1."),
        Setting("ambiguous", 0.5, "The same, above which a person is asked, up to the one before."),
        Setting("near_duplicate", 0.95, "Cosine above which two rows of a class are nearly the same."),
        Setting("least_classes", 20, "With fewer classes than this the check says nothing."),
        Setting("most_rows", 100, "With more rows than this in the usual class the check says nothing."),
    ),
    limits=(
        "The right cosines belong to one embedder: look at them beside the histograms. A class of which most "
        "rows are wrong keeps the wrong ones. Of each class the 10 nearest are looked at for merging. "
        "A class of fewer than 3 rows is left alone."
    ),
)
