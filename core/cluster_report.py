"""The numbers behind the clusters on the Explore page: what each cluster holds and how it stands out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from core.dataset import Dataset
from core.methods.intervals import wilson
from core.progress import Progress

SAMPLED = 200
"""Rows of a cluster, at most, that its words are taken from."""
SEED = 0
WORDS = 3
_TIMES = 2.0  # as frequent as among the rows of other clusters, at least
_TEXT = 1_000  # characters read of a text
_LONGEST = 30  # characters of a word
_BLOCK = 2_000
_EXPECTED = 5.0  # rows of a split in a cluster from which the chi-square test says something


def cluster_frame(
    dataset: Dataset, clusters: np.ndarray, table: pd.DataFrame | None, words: Sequence[str] = ()
) -> pd.DataFrame:
    """One line a cluster, the highest lower bound of its flagged share first, equals by number.

    clusters: (N,) numbers from 0, none of them empty. table: the label check's, None where it has not run.
    words: (k,) distinguishing words of each cluster, "" for none; empty: no cluster has any.

    Columns: cluster (counted from 1), name, rows, labelled (rows with a label), label (the most frequent
    given one, "" for none), purity (its share of the labelled rows), flagged (rows), flagged_share (of the
    labelled rows); *_low and *_high of the two shares: 95% Wilson intervals; and those of `drift`. NaN where
    there is nothing to divide by, or no check.
    """
    rows = np.bincount(clusters)
    labelled = dataset.labels >= 0
    counted = np.bincount(clusters[labelled], minlength=len(rows))
    common, most = _most_frequent(clusters[labelled], dataset.labels[labelled], len(rows))
    names = np.array([*dataset.classes, ""], dtype=object)
    frame = pd.DataFrame({"cluster": np.arange(1, len(rows) + 1), "rows": rows, "labelled": counted})
    frame["label"] = pd.array(names[common], dtype="str")
    frame.insert(1, "name", pd.Series(_named(frame, words), dtype="str"))
    frame = frame.assign(**_share("purity", most, counted))
    flagged = np.zeros(len(dataset), dtype=bool) if table is None else table["flagged"].to_numpy() & labelled
    found = np.bincount(clusters[flagged], minlength=len(rows))
    frame = frame.assign(
        flagged=found, **_share("flagged", found, counted if table is not None else 0 * rows)
    )
    frame = frame.rename(columns={"flagged_rate": "flagged_share", "purity_rate": "purity"})
    frame = frame.assign(**drift(clusters, dataset.splits))
    return frame.sort_values("flagged_low", ascending=False, kind="stable", ignore_index=True)


def drift(clusters: np.ndarray, splits: pd.Series | None) -> dict[str, np.ndarray]:
    """Whether the rows of a cluster are spread over the splits as the other rows are.

    drift: half the sum of the differences between the shares of its rows by split and those of all rows, in
    [0, 1], 0 = the same (total variation). drift_p: Pearson's chi-square test of cluster against the other
    rows, adjusted over the clusters (Benjamini, Hochberg, 1995); NaN where a split would hold fewer than 5
    of the cluster's rows by chance. drift_words: "test 34%, overall 20%", of the split that differs most.
    Rows without a split are left out. All NaN and "" where there are no splits, or one.
    """
    k = int(clusters.max()) + 1 if len(clusters) else 0
    out = {"drift": np.full(k, np.nan), "drift_p": np.full(k, np.nan), "drift_words": np.full(k, "", object)}
    if splits is None or splits.nunique() < 2:
        return out
    codes, names = pd.factorize(splits, sort=True)
    if not k:
        return out
    there = codes >= 0
    flat = np.bincount(clusters[there].astype(np.int64) * len(names) + codes[there], minlength=k * len(names))
    counts = flat.reshape(k, len(names))
    size, total = counts.sum(axis=1, keepdims=True), counts.sum(axis=0)
    overall = total / total.sum()
    share = counts / np.where(size > 0, size, 1)
    filled = size[:, 0] > 0
    out["drift"] = np.where(filled, np.abs(share - overall).sum(axis=1) / 2, np.nan)
    out["drift_p"] = _drift_p(counts, size, total)
    widest = np.abs(share - overall).argmax(axis=1)
    out["drift_words"] = np.array(
        [
            f"{names[s]} {share[c, s]:.0%}, overall {overall[s]:.0%}" if filled[c] else ""
            for c, s in enumerate(widest.tolist())
        ],
        dtype=object,
    )
    return out


def _drift_p(counts: np.ndarray, size: np.ndarray, total: np.ndarray) -> np.ndarray:
    from scipy.stats import chi2, false_discovery_control

    everything = total.sum()
    expected = size * total / everything
    rest = total - counts
    expected_rest = total - expected
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = ((counts - expected) ** 2 / expected + (rest - expected_rest) ** 2 / expected_rest).sum(
            axis=1
        )
    enough = (np.minimum(expected, expected_rest) >= _EXPECTED).all(axis=1)
    p = np.full(len(counts), np.nan)
    if enough.any():
        p[enough] = false_discovery_control(chi2.sf(statistic[enough], counts.shape[1] - 1))
    return p


def example_rows(
    clusters: np.ndarray, number: int, table: pd.DataFrame | None, medoid: int, count: int
) -> np.ndarray:
    """(<= count,) positions of rows of a cluster: the medoid first, then those with the lowest scores.

    number: from 0. table: of the label check; without one the rows follow in data set order.
    """
    inside = np.flatnonzero(clusters == number)
    if table is not None:
        inside = inside[np.argsort(table["score"].to_numpy()[inside], kind="stable")]
    return np.append(medoid, inside[inside != medoid])[:count]


def keep_frame(frame: pd.DataFrame, complexity: np.ndarray, kept: np.ndarray) -> pd.DataFrame:
    """One line a cluster, the smallest kept share first, equals by number: what a budget does to it.

    frame: as from `cluster_frame`. complexity, kept: (k,), as from core.methods.keep_budget. Columns:
    cluster, name, rows, complexity, kept (rows), kept_share, at_random (rows that as many rows drawn from
    all would keep of it, on average).
    """
    at = frame["cluster"].to_numpy() - 1
    rows = frame["rows"].to_numpy()
    shown = frame[["cluster", "name", "rows"]].assign(
        complexity=complexity[at],
        kept=kept[at],
        kept_share=kept[at] / rows,
        at_random=rows * (kept.sum() / max(1, rows.sum())),
    )
    return shown.sort_values(["kept_share", "cluster"], kind="stable", ignore_index=True)


def medoids(clusters: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """(k,) int64 position of the row nearest to the centre of each cluster, the first of equals.

    By cosine distance this is the row with the least mean distance to all rows of its cluster.
    """
    order = np.lexsort((distance, clusters))
    return order[np.flatnonzero(np.diff(clusters[order], prepend=-1))]


def cluster_words(dataset: Dataset, clusters: np.ndarray, progress: Progress) -> list[str]:
    """(k,) the words that tell a cluster of texts from the others, "card, payment, declined"; "" for none.

    Ranked by class-based TF-IDF: share of the cluster's words times log(1 + mean words a cluster / frequency
    over all). A word counts only where two texts of the cluster hold it, and the share of its texts that do
    is twice that among the other clusters' texts, which leaves out stop words of any language. From up to
    SAMPLED rows of each cluster, drawn by SEED, and their first 1,000 characters. All "" for other kinds.
    Source: Grootendorst: BERTopic: Neural topic modeling with a class-based TF-IDF procedure, 2022.
    """
    from scipy.sparse import csr_matrix

    k = int(clusters.max()) + 1 if len(clusters) else 0
    if dataset.columns.kind != "text" or k < 2:
        return [""] * k
    progress.report(0, "naming clusters")
    rows = sampled_rows(clusters)
    text, word, names = _words(_texts(dataset, rows), progress.part(0, 0.7, "naming clusters"))
    progress.report(0.7, "naming clusters")
    if not len(names):
        return [""] * k
    of = clusters[rows]
    member = csr_matrix((np.ones(len(rows)), (of, np.arange(len(rows)))), shape=(k, len(rows)))
    # Twice the same word in a text: their 1s are added up here.
    used = csr_matrix((np.ones(len(word)), (text, word)), shape=(len(rows), len(names)))
    times, held = member @ used, member @ used.sign()
    times.sort_indices()
    held.sort_indices()  # both have a cell where a cluster has a word, so that these are in the same order
    progress.report(0.9, "naming clusters")
    cluster, which = np.repeat(np.arange(k), np.diff(times.indptr)), times.indices
    texts = np.bincount(of, minlength=k)
    own = held.data / texts[cluster]
    others = (held.sum(axis=0).A1[which] - held.data) / np.maximum(len(rows) - texts[cluster], 1)
    length, over_all = times.sum(axis=1).A1, times.sum(axis=0).A1
    score = times.data / length[cluster] * np.log1p(length.mean() / over_all[which])
    order = np.flatnonzero((held.data >= 2) & (own >= _TIMES * others))
    order = order[np.lexsort((which[order], -score[order], cluster[order]))]
    return _first_words(cluster[order], names[which[order]], k)


def sampled_rows(clusters: np.ndarray, most: int = SAMPLED, seed: int = SEED) -> np.ndarray:
    """Positions of up to `most` rows of each cluster, drawn without replacement, in data set order."""
    order = np.lexsort((np.random.default_rng(seed).random(len(clusters)), clusters))
    size = np.bincount(clusters)
    place = np.arange(len(clusters)) - np.repeat(np.cumsum(size) - size, size)
    return np.sort(order[place < most])


def _first_words(cluster: np.ndarray, words: np.ndarray, k: int) -> list[str]:
    stops = np.searchsorted(cluster, np.arange(k + 1))
    return [", ".join(words[a : min(a + WORDS, b)]) for a, b in pairwise(stops)]


def _texts(dataset: Dataset, rows: np.ndarray) -> pa.Array:
    """The beginnings of the rows' texts, several columns one after the other; a missing one is empty."""
    columns = []
    for name in dataset.columns.content:
        found = pa.Array.from_pandas(dataset.table[name].iloc[rows].astype("str"))
        found = found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
        columns.append(pc.utf8_slice_codeunits(pc.fill_null(found.cast(pa.large_string()), ""), 0, _TEXT))
    return pc.binary_join_element_wise(*columns, pa.scalar(" ", pa.large_string()))


def _words(texts: pa.Array, progress: Progress) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(text, word) of every word, as numbers, and the words: runs of letters, in lower case."""
    found, of = [], []
    for start in range(0, len(texts), _BLOCK):
        progress.report(start / len(texts))
        # RE2: linear in the length of the text, whatever it holds.
        split = pc.split_pattern_regex(pc.utf8_lower(texts.slice(start, _BLOCK)), r"[^\p{L}\p{M}]+")
        word, text = pc.list_flatten(split), pc.list_parent_indices(split)
        length = pc.utf8_length(word)
        usable = pc.and_(pc.greater_equal(length, 2), pc.less_equal(length, _LONGEST))
        found.append(word.filter(usable))
        of.append(text.filter(usable).to_numpy() + start)
    coded = pa.chunked_array(found, pa.large_string()).combine_chunks().dictionary_encode()
    words = np.array(coded.dictionary.to_pylist(), dtype=object)
    return np.concatenate(of), coded.indices.to_numpy(), words


def _named(frame: pd.DataFrame, words: Sequence[str]) -> list[str]:
    told = words or [""] * len(frame)
    lines = zip(told, frame["label"], frame["cluster"], strict=True)
    return [said or (f"{label}, cluster {n}" if label else f"cluster {n}") for said, label, n in lines]


def _most_frequent(clusters: np.ndarray, labels: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """(k,) the most frequent label of each cluster, the first of equals, -1 for none; (k,) its rows."""
    width = int(labels.max()) + 1 if len(labels) else 1
    pair, times = np.unique(clusters.astype(np.int64) * width + labels, return_counts=True)
    common, most = np.full(k, -1), np.zeros(k, dtype=np.int64)
    order = np.lexsort((-pair, times))  # of several assignments to a place the last one wins
    common[pair[order] // width] = pair[order] % width
    most[pair[order] // width] = times[order]
    return common, most


def _share(name: str, hits: np.ndarray, trials: np.ndarray) -> dict[str, np.ndarray]:
    """<name>_rate, _low and _high: a share with its 95% Wilson interval; NaN without trials."""
    there = trials > 0
    some = np.where(there, trials, 1)
    low, high = wilson(hits, some)
    return {
        f"{name}_{what}": np.where(there, value, np.nan)
        for what, value in (("rate", hits / some), ("low", low), ("high", high))
    }
