"""A small data set with several labels a row, for the tests of what is made of it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core.dataset import Columns, Dataset
from core.multilabel import LabelSets

MOODS = LabelSets(("joy", "love", "sad"), ("joy", "love", "sad"), "|")
CLASSES = ("joy", "love", "sad", "joy|love")
GIVEN = ["joy|love", "sad", "joy", "love", None, "love|joy"]
"""The cells; the last has another order than its class."""


def moods(name: str = "moods") -> Dataset:
    """Six texts r0 to r5 with the labels of GIVEN."""
    ids = pd.Index([f"r{i}" for i in range(len(GIVEN))], dtype="str")
    texts = pd.array([f"text {i}" for i in range(len(GIVEN))], dtype="str")
    table = pd.DataFrame({"text": texts, "label": pd.array(GIVEN, dtype="str")}, index=ids)
    labels = np.array([3, 2, 0, 1, -1, 3], dtype=np.int32)
    columns = Columns(None, "label", None, ("text",), "text", "|")
    return Dataset(name, table, columns, CLASSES, CLASSES, labels, sets=MOODS)


PROBS = np.array(
    [
        [0.95, 0.03, 0.60],
        [0.02, 0.05, 0.90],
        [0.90, 0.10, 0.10],
        [0.10, 0.90, 0.05],
        [0.50, 0.50, 0.50],
        [0.90, 0.80, 0.05],
    ],
    dtype=np.float32,
)
"""The model would give row 0 sad, and not love."""
