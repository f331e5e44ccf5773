"""How a table holds the labels of its rows, where it has no single column of given labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import pandas as pd

from core.errors import Problem, refuse
from core.source import RawTable, Source

Kind = Literal["wide", "long", "soft"]
LABEL_FORM = "label_form"
"""The format of a source that was read in one of these forms."""
METHODS = ("majority", "dawid_skene")
"""How a given label is made of several answers: of core.methods.consensus those that need no model."""

Tokens = Mapping[int, str]
"""{row: its new label as it is written}"""
Edits = dict[str, dict[int, str]]
"""{column of the source: {record: its new cell}}"""


@dataclass(frozen=True)
class LabelForm:
    """Where the answers are.

    kind: "wide", a column of labels for each annotator; "long", a record for each answer; "soft", shares of
        the classes.
    columns: of the answers: the annotators' columns, the one of a long table, or those of the shares (one
        that holds lists or mappings, or one for each class).
    item, annotator: of a long table, the columns that say what is labelled and by whom.
    method: one of METHODS; for wide and long tables.
    """

    kind: Kind
    columns: tuple[str, ...]
    item: str = ""
    annotator: str = ""
    method: str = "majority"


@dataclass(frozen=True, eq=False)
class Formed:
    """A table with one row for each thing that is labelled, and a column of given labels.

    layout: added to that of the source, as that of an annotation tool (core.importers._answers.read_answers).
    edits: ({row: new label}) -> the cells of the source that change; refuses rows that have no answer.
    rows: (R,) the row of each record of the source.
    """

    frame: pd.DataFrame
    layout: Mapping[str, Any]
    rows: Any
    edits: Callable[[Tokens], Edits]
    problems: tuple[Problem, ...] = field(default=())


def formed_source(raw: RawTable, form: LabelForm, frame: pd.DataFrame, layout: Mapping[str, Any]) -> Source:
    """The source of a table that was read in a form. Its layout has beside what `Formed` says: the form; of,
    the format and layout that the file itself has; columns, those of its records."""
    inner, columns = raw.source, [str(c) for c in raw.frame.columns]
    kept = {key: inner.layout[key] for key in ("header", "split") if key in inner.layout}
    if kept.get("split") not in frame:
        kept.pop("split", None)
    nested = [name for name in inner.layout.get("nested", ()) if name in frame]
    said = {
        **kept,
        **layout,
        "nested": nested,
        "aside": [*inner.layout.get("aside", ()), *layout["aside"]],
        "form": asdict(form),
        "columns": columns,
        "of": {"format": inner.format, "layout": dict(inner.layout)},
    }
    return replace(inner, format=LABEL_FORM, layout=said)


def inner_source(source: Source) -> Source:
    """The source as the file itself has it; any other source as it is."""
    if source.format != LABEL_FORM:
        return source
    of = source.layout["of"]
    return replace(source, format=of["format"], layout=of["layout"])


def form_of(source: Source) -> LabelForm:
    """The form that a source was read in. Raises KeyError for any other."""
    said = source.layout["form"]
    return LabelForm(**{**said, "columns": tuple(said["columns"])})


def how_given(source: Source) -> tuple[str, tuple[str, ...]] | None:
    """(what the given labels were made of, in words, the columns that hold it); None for any other source."""
    if source.format != LABEL_FORM:
        return None
    form = form_of(source)
    if form.kind == "soft":
        return "the class of the largest share, none in a tie, in soft labels", form.columns
    said = (
        "what most annotators said, none in a tie,"
        if form.method == "majority"
        else "Dawid-Skene's consensus"
    )
    return f"{said} of {'columns of answers' if form.kind == 'wide' else 'answers in records'}", form.columns


def free_name(frame: pd.DataFrame, *wanted: str) -> str:
    """The first of these names that no column has, else the last with as many _ as it takes."""
    name = next((name for name in wanted if name not in frame), wanted[-1])
    while name in frame:
        name += "_"
    return name


def check_columns(frame: pd.DataFrame, names: tuple[str, ...], file: str) -> None:
    """Raises InputError unless these are different columns of the table, none of which holds bytes."""
    known = ", ".join(str(c) for c in frame.columns[:20])
    for name in names:
        if name not in frame:
            raise refuse(f"there is no column {name!r}", file=file, expected=f"one of {known}")
        if names.count(name) > 1:
            raise refuse("a column is named twice", file=file, column=name, mend="name each column once")
        if frame[name].dtype == object:
            raise refuse("the cells are no text or numbers", file=file, column=name, mend="choose another")
