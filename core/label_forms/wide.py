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
    """The table with three columns more at its end: the given label, its share of the answers, its lead.

    Row i is record i. like: the layout of a source to name these columns alike.
    """
    check_columns(frame, form.columns, file)
    if len(form.columns) < 2:
        raise refuse("one annotator's column only", file=file, mend="choose it as the column of labels")
    labels, codes, said = answers.encode([frame[c] for c in form.columns], file)
    given = answers.agreed(labels, codes, form.method, file)
    label = like["label_column"] if like else free_name(frame, "label", "given label")
    made, about = answers.put(frame, given, label, like)
    layout = {
        **about,
        "annotators": {label: {name: name for name in form.columns}},
        "aside": [*form.columns, *about["about_label"]],
        **answers.classes(labels, given.codes),
    }
    rows = np.arange(len(frame))
    held = {name: codes[:, i] for i, name in enumerate(form.columns)}
    edits = partial(answers.edits, held, rows, given.codes, file=file)
    said += answers.remarks(codes, given, form.method, file, label)
    return Formed(made, layout, rows, edits, tuple(said))
