"""More models for a data set that is there already, each checked like the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from core.dataset import Dataset
from core.errors import InputError, Problem
from core.predictions import Predictions
from core.preflight.array_files import ArrayFile
from core.preflight.checked_probs import checked_probs
from core.preflight.detections import with_class_names
from core.preflight.labels import ClassList
from core.preflight.model_outputs import Asked
from core.preflight.probabilities import as_float_matrix
from core.preflight.reconcile import Classes, column_order
from core.preflight.targets import checked_numbers
from core.preflight.tool_predictions import Model, read_models
from core.progress import Progress
from core.source import Source

Checked = tuple[Predictions, list[Problem]]
"""A model's probabilities aligned with the data set, and what was found."""


def read_model(
    dataset: Dataset, path: Path, softmax: bool = False, progress: Progress | None = None
) -> Checked:
    """The first model of a file; see `read_further`."""
    return read_further(dataset, path, None, softmax, progress)[0]


def read_further(
    dataset: Dataset,
    path: Path,
    source: Source | None = None,
    softmax: bool = False,
    progress: Progress | None = None,
) -> list[Checked]:
    """Each model of a file, named after the file where that does not name it.

    By id where the file has ids, else by order; columns by name where they have names, else in the order of
    the classes. source: of the data set; COCO results need its categories. Raises InputError for what does
    not fit, and where no model of the file can be used; of several, those that cannot are told and left out.
    """
    models = read_models(path, asked_by(dataset, source))
    checked, failed = check_models(dataset, models, path.stem, softmax, progress)
    if not checked:
        raise InputError(*(p for model in failed for p in model.errors))
    first, problems = checked[0]
    return [(first, [*problems, *(p for m in failed for p in m.left_out)]), *checked[1:]]


def check_models(
    dataset: Dataset,
    models: Sequence[Model],
    otherwise: str,
    softmax: bool = False,
    progress: Progress | None = None,
) -> tuple[list[Checked], list[Model]]:
    """([each model that can be used], those that cannot). otherwise: the name of a nameless model."""
    checked: list[Checked] = []
    failed: list[Model] = []
    for model in models:
        if model.output is None:
            failed.append(model)
            continue
        try:
            checked.append(_check(dataset, model.output, model.name or otherwise, softmax, progress))
        except InputError as error:
            failed.append(replace(model, errors=error.problems))
    return checked, failed


def asked_by(dataset: Dataset, source: Source | None = None) -> Asked:
    """What a stored data set says of itself to a file of predictions."""
    names, tokens = dataset.names, dataset.tokens if dataset.sets is None else dataset.sets.tokens
    listed = ClassList(tokens, names, dataset.name)
    format, layout = ("", {}) if source is None else (source.format, source.layout)
    columns = dataset.columns
    if dataset.sets is not None:
        columns = replace(columns, delimiter=dataset.sets.delimiter)
    return Asked(columns, dataset.table, dataset.row_ids, lambda: (tokens, listed), format, layout)


def _check(
    dataset: Dataset, found: ArrayFile, name: str, softmax: bool, progress: Progress | None
) -> Checked:
    names = dataset.names
    tokens = dataset.tokens if dataset.sets is None else dataset.sets.tokens
    values, problems = as_float_matrix(found.values, found.file, "pred_probs")
    if dataset.targets is not None:
        classes = Classes(dataset.classes, dataset.tokens, dataset.labels, targets=dataset.targets)
        predicted, said = checked_numbers(replace(found, values=values), classes, dataset.row_ids)
        return Predictions(name, predicted=predicted), [*problems, *said]
    order = column_order(found.names, values.shape[1], names, tokens, found.file)
    classes = Classes(dataset.classes, dataset.tokens, dataset.labels, order, (), dataset.sets)
    array = replace(found, values=values)
    (probs, log_sums), said = checked_probs(array, classes, dataset.row_ids, softmax, progress or Progress())
    boxes = with_class_names(found.detections, names, tokens)
    return Predictions(name, probs, detections=boxes, log_sums=log_sums), [*problems, *said]
