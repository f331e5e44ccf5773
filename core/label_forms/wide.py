"""A column of labels for each annotator."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from core.errors import refuse
from core.label_forms import answers
from core.label_forms.form import Formed, LabelForm, check_columns, free_name


def formed(frame: pd.DataFrame, form: LabelForm, file: str, like: Mapping[str, Any] | None = None) -> Formed:
    """The table with two columns more at its end: the given label, and the share of answers that gave it.

    Row i is record i. like: the layout of a source to name these columns alike.
    """
    check_columns(frame, form.columns, file)
    if len(form.columns) < 2:
        raise refuse("one annotator's column only", file=file, mend="choose it as the column of labels")
    labels, codes, said = answers.encode([frame[c] for c in form.columns], file)
    given = answers.agreed(labels, codes, form.method, file)
    label = like["label_column"] if like else free_name(frame, "label", "given label")
    share = like["share_column"] if like else free_name(frame, f"share of {label}")
    layout = {
        "label_column": label,
        "share_column": share,
        "annotators": {label: {name: name for name in form.columns}},
        "aside": [*form.columns, share],
        **answers.classes(labels, given.codes),
    }
    made = frame.copy(deep=False)
    made[label] = given.texts.set_axis(frame.index)
    made[share] = given.share
    rows = np.arange(len(frame))
    held = {name: codes[:, i] for i, name in enumerate(form.columns)}
    edits = partial(answers.edits, held, rows, given.codes, file=file)
    said += answers.remarks(codes, given, form.method, file, label)
    return Formed(made, layout, rows, edits, tuple(said))
