"""A table as read, turned into one row for each thing that is labelled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.errors import refuse
from core.label_forms import long, soft, wide
from core.label_forms.form import LABEL_FORM, Formed, LabelForm, formed_source
from core.source import RawTable

TABLES = frozenset({"arrow", "csv", "json", "jsonl", "parquet", "split_files", "xlsx"})
"""The formats whose tables can be in such a form: those that are written back cell by cell."""
_FORMS = {"wide": wide.formed, "long": long.formed, "soft": soft.formed}


def read_form(raw: RawTable, form: LabelForm) -> RawTable:
    """The table as a data set needs it: one row for each item, with a column of given labels.

    The source keeps what its exporter needs to write the answers themselves (core.exporters.label_form).
    Raises InputError for columns that are not there or hold something else, naming file, row and column.
    """
    found = formed(raw, form)
    source = formed_source(raw, form, found.frame, found.layout)
    return RawTable(found.frame, source, (*raw.problems, *found.problems), raw.media_root)


def formed(raw: RawTable, form: LabelForm, like: Mapping[str, Any] | None = None) -> Formed:
    """The same with what an exporter needs. like: the layout of a source to name columns alike."""
    file = raw.source.path.name
    if raw.source.format not in TABLES:
        already = raw.source.format == LABEL_FORM
        found = "the answers were put together already" if already else "this is no plain table"
        raise refuse(found, file=file, expected="a file of " + ", ".join(sorted(TABLES)))
    if not len(raw.frame):
        raise refuse("no rows", file=file, mend="give a table with at least one row besides the header")
    return _FORMS[form.kind](raw.frame, form, file, like)
