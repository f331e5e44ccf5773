"""Three small data sets with planted, listed errors, and where each of their files lies."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.dataset import Kind
    from core.loading import Prepared

ROOT = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Sample:
    """One sample: its files and the roles of its columns. `python -m sample_data.make` writes the files.

    name: the data set's name in the app, and its folder's.
    title: what people read.
    model: what made pred_probs, out-of-sample.
    file: the source file's name in the folder.
    """

    name: str
    title: str
    model: str
    file: str
    label_column: str
    content_columns: tuple[str, ...]
    kind: Kind
    id_column: str = "id"
    split_column: str = "split"

    @property
    def folder(self) -> Path:
        return ROOT / self.name

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

    def prepare(self) -> Prepared:
        """Read the sample with the roles of its columns; nothing is guessed."""
        from core.dataset import Columns
        from core.loading import Plan, prepare, read_table

        columns = Columns(
            self.id_column, self.label_column, self.split_column, self.content_columns, self.kind
        )
        plan = Plan(self.name, columns, self.classes, self.pred_probs, self.embeddings)
        prepared = prepare(read_table(self.path), plan)
        return replace(prepared, predictions=replace(prepared.predictions, model=self.model))


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
        name="digits",
        title="Sample: handwritten digits",
        model="kernel logistic regression on pixels, 5-fold out-of-sample",
        file="digits.csv",
        label_column="label",
        content_columns=("path",),
        kind="image",
    ),
    Sample(
        name="messages",
        title="Sample: customer messages",
        model="logistic regression on TF-IDF, 5-fold out-of-sample",
        file="messages.jsonl",
        label_column="intent",
        content_columns=("text",),
        kind="text",
    ),
    Sample(
        name="wine",
        title="Sample: wine analyses",
        model="logistic regression on standardised columns, 5-fold out-of-sample",
        file="wine.parquet",
        label_column="cultivar",
        content_columns=WINE_COLUMNS,
        kind="tabular",
    ),
)
