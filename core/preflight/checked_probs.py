"""A model's probabilities put into the order of the data's rows and classes, and checked."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core.errors import InputError, Problem
from core.preflight.agreement import agreement, set_agreement
from core.preflight.array_files import ArrayFile
from core.preflight.large_arrays import each_chunk
from core.preflight.prediction_files import align
from core.preflight.probabilities import check_label_probs, check_scores
from core.preflight.reconcile import Classes
from core.progress import Progress


def checked_probs(
    array: ArrayFile, classes: Classes, ids: pd.Index, softmax: bool, progress: Progress
) -> tuple[tuple[np.ndarray, np.ndarray | None], list[Problem]]:
    """((N, K) in the order of rows and classes, checked, and compared with the given labels; log_sums as
    Predictions has them).
    """
    values, problems = align(array, ids)
    columns = classes.columns or ()
    if columns != tuple(range(values.shape[1])):
        order = list(columns)
        values = each_chunk(values, lambda chunk: chunk[:, order], len(order), values.dtype)
    log_sums = None
    try:
        if classes.sets is None:
            values, log_sums, said = check_scores(values, array.file, softmax, progress)
        else:
            values, said = check_label_probs(values, array.file, softmax, progress)
    except InputError as error:
        raise InputError(*problems, *error.problems) from error
    problems += said
    if classes.sets is None:
        return (values, log_sums), problems + agreement(classes.labels, values, classes.names, array.file)
    member = classes.sets.indicator(classes.names)
    return (values, None), problems + set_agreement(classes.labels, member, values, array.file)
