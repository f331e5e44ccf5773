"""The rows that are like something: like a row, like the middle of an area of the map, like a pasted text."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from core.data_map import stored_map
from core.dataset import Dataset
from core.errors import refuse
from core.review.about import About
from core.review.where import strings
from core.workspace import Project, Workspace

LIKE_ROWS = 100
"""How many rows there are at most, beside the row that they are like."""


def near_row(project: Project, row: str) -> np.ndarray:
    """Positions of a row and of the rows nearest to it; none for a row that is not there."""
    from core.methods.neighbours import nearest

    position = int(project.dataset.positions([row])[0])
    embeddings = project.predictions.embeddings
    if position < 0 or embeddings is None:
        return np.empty(0, dtype=np.int64)
    found, _ = nearest(embeddings, np.array([position]), LIKE_ROWS)
    return np.append(position, found[0][found[0] >= 0]).astype(np.int64)


def near_about(workspace: Workspace, project: Project, about: About) -> np.ndarray:
    """Positions of the rows that are most like it, nearest first, LIKE_ROWS at most.

    area: rows outside of it, nearest by cosine to the mean direction of the rows within. text: by BM25 of
    the rows' texts, never by embeddings: these come from a file, and which model made them, and so where it
    would put another text, is not known. Raises InputError without embeddings, a map, or texts.
    """
    if about.area is None:
        return _by_words(project.dataset, about.text)
    embeddings = project.predictions.embeddings
    places = stored_map(workspace, project, about.area.method)
    if embeddings is None or places is None:
        raise refuse("the map of this data set has not been drawn", mend="open it on Explore first")
    return nearest_to_middle(embeddings, about.area.holds(places), LIKE_ROWS)


def nearest_to_middle(embeddings: np.ndarray, inside: np.ndarray, k: int) -> np.ndarray:
    """(<= k,) positions of other rows, nearest by cosine to the mean direction of those inside; none where
    there is no such direction. embeddings: (N, D), may be a memory map; inside: (N,) bool."""
    from core.methods.neighbours import blockwise, unit_rows

    middle = np.zeros(embeddings.shape[1])
    for block in blockwise(np.flatnonzero(inside)):
        middle += unit_rows(embeddings, block).sum(axis=0, dtype=np.float64)
    outside = np.flatnonzero(~inside)
    if not middle.any() or not len(outside):
        return np.empty(0, dtype=np.int64)
    direction = (middle / np.linalg.norm(middle)).astype(np.float32)
    likeness = np.concatenate([unit_rows(embeddings, block) @ direction for block in blockwise(outside)])
    return outside[np.argsort(-likeness, kind="stable")[:k]]


def _by_words(dataset: Dataset, text: str) -> np.ndarray:
    from core.methods.text_likeness import bm25, words_of

    columns = [dataset.table[name] for name in dataset.columns.content if _is_text(dataset.table[name])]
    if dataset.columns.kind != "text" or not columns:
        raise refuse(
            "rows like a text are found by their words, and these rows have none",
            mend="look for rows like one row, or like an area of the map",
        )
    if not words_of(text):
        raise refuse("there is no word in this text", expected="letters or digits")
    parts = [pc.fill_null(strings(column), "") for column in columns]
    texts = pc.binary_join_element_wise(*parts, pa.scalar(" ", pa.large_string()))
    score = bm25(texts, text)
    best = np.argsort(-score, kind="stable")[:LIKE_ROWS]
    return best[score[best] > 0]


def _is_text(column: pd.Series) -> bool:
    return isinstance(column.dtype, pd.StringDtype)
