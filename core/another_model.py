"""One more model's file for a data set that is there already, checked like the first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from core.dataset import Dataset
from core.errors import Problem, refuse
from core.loading import checked_probs
from core.predictions import Predictions
from core.preflight.labels import ClassList
from core.preflight.predicted_labels import PredictedLabels, as_probabilities
from core.preflight.prediction_files import read_predictions
from core.preflight.probabilities import as_float_matrix
from core.preflight.reconcile import Classes, column_order
from core.progress import Progress


def read_model(
    dataset: Dataset, path: Path, softmax: bool = False, progress: Progress | None = None
) -> tuple[Predictions, list[Problem]]:
    """(a model's probabilities aligned with the data set, named after the file; what was found).

    By id where the file has ids, else by order; columns by name where they have names, else in the order of
    the classes. Raises InputError for what does not fit.
    """
    found = read_predictions(path, dataset.columns.id)
    names = dataset.names
    tokens = dataset.tokens if dataset.sets is None else dataset.sets.tokens
    if isinstance(found, PredictedLabels):
        if dataset.sets is not None:
            mend = "save one column for each class: its probability, or 0 and 1"
            raise refuse("one predicted class a row, but rows can have several", file=found.file, mend=mend)
        found = as_probabilities(found, tokens, ClassList(tokens, names, dataset.name))
    values, problems = as_float_matrix(found.values, found.file, "pred_probs")
    order = column_order(found.names, values.shape[1], names, tokens, found.file)
    classes = Classes(dataset.classes, dataset.tokens, dataset.labels, order, (), dataset.sets)
    array = replace(found, values=values)
    probs, said = checked_probs(array, classes, dataset.row_ids, softmax, progress or Progress())
    return Predictions(path.stem, probs), [*problems, *said]
