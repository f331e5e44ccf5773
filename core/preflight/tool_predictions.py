"""Which models a file of predictions has, and what each of them says of the rows of a data set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from core.errors import InputError, Problem, refuse
from core.importers._tools import tool_of
from core.preflight import coco_results
from core.preflight.array_files import ArrayFile
from core.preflight.content_ids import content_ids
from core.preflight.labels import as_text
from core.preflight.model_outputs import Asked, of_output
from core.preflight.predicted_labels import PredictedLabels, as_probabilities
from core.preflight.prediction_files import read_numbers, read_predictions
from core.progress import Progress
from core.reading import HEAD, read_table
from core.source import ModelOutput, RawTable

_TOOLS = ("label_studio", "fiftyone_samples")
_CHOOSE = "choose another on Overview under Models, or with: labelmend models NAME --use MODEL"


@dataclass(frozen=True, eq=False)
class Model:
    """One model of a file. name: "" where the file does not say. output: None where it cannot be used, for
    the reasons in errors."""

    name: str
    output: ArrayFile | None
    errors: tuple[Problem, ...] = ()

    @property
    def left_out(self) -> tuple[Problem, ...]:
        """The errors as warnings, for a file of which other models are used."""
        return tuple(replace(p, severity="warning", found=f"left out, since: {p.found}") for p in self.errors)


def read_models(path: Path, asked: Asked) -> list[Model]:
    """The models of a file, those that can be used first and of these the one with most rows first.

    Label Studio's and FiftyOne's files can have several; every other file has one. Rows are told by id,
    else by what they hold, else by their order. Raises InputError where no model can be used.
    """
    if asked.columns.target:
        return [Model("", read_numbers(path, asked.columns.id))]
    head = _head(path)
    if coco_results.is_results(head):
        return [Model("", coco_results.read(path, asked))]
    if tool_of(path, head) not in _TOOLS:
        found = read_predictions(path, asked.columns.id)
        if isinstance(found, PredictedLabels):
            found = _spread(found, asked)
        return [Model("", found)]
    raw = read_table(path, Progress())
    if not raw.models:
        raise refuse("no prediction of classes of whole records in this file", file=path.name)
    models = _usable(raw, _ids(raw, asked), asked, several=len(raw.models) > 1)
    if models[0].output is None:
        raise InputError(*(p for m in models for p in m.errors))
    return models


def own_models(raw: RawTable, asked: Asked) -> list[Model]:
    """The models of which the data's own file holds predictions, as `read_models` orders them; it may be
    that none can be used."""
    try:
        return _usable(raw, asked.row_ids, asked, several=True)
    except InputError as error:
        return [Model("", None, error.problems)]


def _usable(raw: RawTable, ids: pd.Index | None, asked: Asked, several: bool) -> list[Model]:
    outputs = sorted(_answering(raw, asked), key=lambda o: -sum(map(bool, o.rows)))
    models = [_model(output, raw, ids, asked, several) for output in outputs]
    models.sort(key=lambda m: m.output is None)
    names = [m.name for m in models if m.output is not None]
    if len(names) > 1 and (first := models[0].output) is not None:
        listed = f"{len(names)} models ({', '.join(names[:8])})"
        found = f"{listed}: {names[0]} is in use at first, the others are kept beside it"
        said = Problem("notice", found, _CHOOSE, file=first.file)
        models[0] = replace(models[0], output=replace(first, problems=(*first.problems, said)))
    return models


def _answering(raw: RawTable, asked: Asked) -> list[ModelOutput]:
    """The outputs that answer the data's question, or the only question there is.

    Raises InputError where several questions leave the choice open.
    """
    questions = list(dict.fromkeys(o.question for o in raw.models))
    label = asked.columns.label
    if label in questions:
        return [o for o in raw.models if o.question == label]
    if len(questions) > 1:
        found = f"models answer {', '.join(map(repr, questions[:8]))}, but the labels are those of {label!r}"
        mend = "choose the column of labels that the models predict"
        raise refuse(found, file=raw.source.path.name, mend=mend)
    return list(raw.models)


def _model(output: ModelOutput, raw: RawTable, ids: pd.Index | None, asked: Asked, several: bool) -> Model:
    file = raw.source.path.name
    label = f"{file}, model {output.name.replace('/', '|')}" if several else file
    try:
        return Model(output.name, of_output(output, label, ids, asked))
    except InputError as error:
        return Model(output.name, None, error.problems)


def _ids(raw: RawTable, asked: Asked) -> pd.Index | None:
    """The ids of the rows of a tool's file as the data has them, None where it has none.

    The data's column is looked for in the tool's own table where the data is of that tool, else among the
    data that records hold, else the tool's ids are. Without ids the content tells the rows.
    """
    place = {(group, key): name for group, key, name in raw.source.layout["names"]}

    def column(name: str) -> str | None:
        own = name if name in raw.frame else None
        return own if asked.format == raw.source.format else place.get(("data", name), own)

    wanted = asked.columns.id
    if wanted is not None:
        found = column(wanted)
        return None if found is None else pd.Index(as_text(raw.frame[found]).fillna(""), dtype="str")
    content = [column(name) for name in asked.columns.content]
    there = [name for name in content if name is not None]
    if not content or len(there) < len(content):
        return None
    return content_ids(raw.frame, there)


def _spread(found: PredictedLabels, asked: Asked) -> ArrayFile:
    if asked.several:
        mend = "save one column for each class: its probability, or 0 and 1"
        raise refuse("one predicted class a row, but rows can have several", file=found.file, mend=mend)
    return as_probabilities(found, asked.tokens, asked.listed)


def _head(path: Path) -> bytes:
    """The first bytes of a file; b"" for what cannot be read, which is told where it is read."""
    try:
        with path.open("rb") as handle:
            return handle.read(HEAD)
    except OSError:
        return b""
