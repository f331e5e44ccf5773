"""The rows that are like something: a row, the middle of an area of the map, a pasted text, a picture.

Each by class too: of the rows that are given one label, those nearest.
"""

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


def near_row(project: Project, row: str, among: np.ndarray | None = None) -> np.ndarray:
    """Positions of a row and of the rows nearest to it; none for a row that is not there.

    among: (N,) bool, the rows to look among; None: all.
    """
    from core.methods.neighbours import nearest

    position = int(project.dataset.positions([row])[0])
    embeddings = project.predictions.embeddings
    if position < 0 or embeddings is None:
        return np.empty(0, dtype=np.int64)
    found, _ = nearest(
        embeddings, np.array([position]), LIKE_ROWS, None if among is None else np.flatnonzero(among)
    )
    return np.append(position, found[0][found[0] >= 0]).astype(np.int64)


def near_about(
    workspace: Workspace, project: Project, about: About, among: np.ndarray | None = None
) -> np.ndarray:
    """Positions of the rows that are most like it, nearest first, LIKE_ROWS at most.

    among: (N,) bool, the rows to look among; None: all.
    area: rows outside of it, nearest by cosine to the mean direction of the rows within. text: by BM25 of
    the rows' texts, never by embeddings: these come from a file, and which model made them, and so where it
    would put another text, is not known. picture: as core.picture_likeness placed it. Raises InputError
    without embeddings, a map, texts or pictures, and for a picture that is not kept or not placed yet.
    """
    if about.picture:
        return _near_picture(workspace, project, about.picture, among)
    if about.area is None:
        return _by_words(project.dataset, about.text, among)
    embeddings = project.predictions.embeddings
    places = stored_map(workspace, project, about.area.method)
    if embeddings is None or places is None:
        raise refuse("the map of this data set has not been drawn", mend="open it on Explore first")
    return nearest_to_middle(embeddings, about.area.holds(places), LIKE_ROWS, among)


def _near_picture(workspace: Workspace, project: Project, name: str, among: np.ndarray | None) -> np.ndarray:
    from core.picture_likeness import features, placed

    at = placed(workspace, project, name)
    if at is None:
        raise refuse(
            "the pictures of this data set have not been compared with the uploaded one",
            mend="open this address on Issues first",
        )
    rows = features(workspace, project, at)
    return nearest_to(
        rows, at.vector, np.arange(len(rows)) if among is None else np.flatnonzero(among), LIKE_ROWS
    )


def nearest_to(embeddings: np.ndarray, vector: np.ndarray, rows: np.ndarray, k: int) -> np.ndarray:
    """(<= k,) of these positions, nearest by cosine to a vector, equals in row order. A row of zeros, of
    which nothing is known, is left out. embeddings: (N, D), may be a memory map; vector: (D,); rows: (M,)."""
    from core.methods.neighbours import blockwise, unit_rows

    length = float(np.linalg.norm(vector))
    if not length or not len(rows):
        return np.empty(0, dtype=np.int64)
    direction = (vector / length).astype(np.float32)
    likeness = []
    for block in blockwise(rows):
        unit = unit_rows(embeddings, block)
        likeness.append(np.where(unit.any(axis=1), unit @ direction, -np.inf))
    found = np.concatenate(likeness)
    best = np.argsort(-found, kind="stable")[:k]
    return rows[best[np.isfinite(found[best])]]


def nearest_to_middle(
    embeddings: np.ndarray, inside: np.ndarray, k: int, among: np.ndarray | None = None
) -> np.ndarray:
    """(<= k,) positions of other rows, nearest by cosine to the mean direction of those inside; none where
    there is no such direction. embeddings: (N, D), may be a memory map; inside, among: (N,) bool."""
    from core.methods.neighbours import blockwise, unit_rows

    middle = np.zeros(embeddings.shape[1])
    for block in blockwise(np.flatnonzero(inside)):
        middle += unit_rows(embeddings, block).sum(axis=0, dtype=np.float64)
    outside = np.flatnonzero(~inside if among is None else among & ~inside)
    return nearest_to(embeddings, middle, outside, k)


def _by_words(dataset: Dataset, text: str, among: np.ndarray | None) -> np.ndarray:
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
    if among is not None:
        score = np.where(among, score, 0)
    best = np.argsort(-score, kind="stable")[:LIKE_ROWS]
    return best[score[best] > 0]


def _is_text(column: pd.Series) -> bool:
    return isinstance(column.dtype, pd.StringDtype)
