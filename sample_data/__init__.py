"""Three small data sets with planted, listed errors, and where each of their files lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.dataset import Kind

ROOT = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Sample:
    """One sample: its files and the roles of its columns. `python -m sample_data.make` writes the files.

    key: its folder's name.
    name: the name to show.
    model: what made pred_probs, out-of-sample.
    file: the source file's name in the folder.
    """

    key: str
    name: str
    model: str
    file: str
    label_column: str
    content_columns: tuple[str, ...]
    kind: Kind
    id_column: str = "id"
    split_column: str = "split"

    @property
    def folder(self) -> Path:
        return ROOT / self.key

    @property
    def path(self) -> Path:
        """The labelled file. Image paths in it are relative to its folder."""
        return self.folder / self.file

    @property
    def classes(self) -> Path:
        """CSV `label,name`: how the file writes each class, and its name, in pred_probs' column order."""
        return self.folder / "classes.csv"

    @property
    def pred_probs(self) -> Path:
        """(N, K) float32 `.npy`, rows as in the file, columns as in classes.csv."""
        return self.folder / "pred_probs.npy"

    @property
    def embeddings(self) -> Path:
        """(N, D) float16 or float32 `.npy`, rows as in the file, made without any label."""
        return self.folder / "embeddings.npy"

    @property
    def truth(self) -> Path:
        """CSV `id,true_label,planted,duplicate_of`: every planted row and no other. Only for scoring."""
        return self.folder / "truth.csv"


WINE_COLUMNS = (
    "alcohol",
    "malic_acid",
    "ash",
    "alcalinity_of_ash",
    "magnesium",
    "total_phenols",
    "flavanoids",
    "nonflavanoid_phenols",
    "proanthocyanins",
    "color_intensity",
    "hue",
    "od280/od315_of_diluted_wines",
    "proline",
)

SAMPLES: tuple[Sample, ...] = (
    Sample(
        key="digits",
        name="Sample: handwritten digits",
        model="kernel logistic regression on pixels, 5-fold out-of-sample",
        file="digits.csv",
        label_column="label",
        content_columns=("path",),
        kind="image",
    ),
    Sample(
        key="messages",
        name="Sample: customer messages",
        model="logistic regression on TF-IDF, 5-fold out-of-sample",
        file="messages.jsonl",
        label_column="intent",
        content_columns=("text",),
        kind="text",
    ),
    Sample(
        key="wine",
        name="Sample: wine analyses",
        model="logistic regression on standardised columns, 5-fold out-of-sample",
        file="wine.parquet",
        label_column="cultivar",
        content_columns=WINE_COLUMNS,
        kind="tabular",
    ),
)
