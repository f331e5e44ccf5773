"""Tables in every form and every format, read, corrected and exported the way people do."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

from core.corrections import Corrections
from core.export_check import verify_export
from core.exporting import write_export
from core.label_forms.form import LabelForm
from core.label_forms.reading import read_form
from core.loading import Plan, Prepared, guess_columns, prepare, read_table
from core.progress import Progress
from tests.core.exporters.tool_files import corrected

Rows = Sequence[Mapping[str, Any]]
FORMATS = ("arrow", "csv", "json", "jsonl", "parquet", "xlsx")
WIDE = LabelForm("wide", ("ann_a", "ann_b", "ann_c"))
LONG = LabelForm("long", ("answer",), "item", "worker")
SOFT = LabelForm("soft", ("votes",))
SHARES = LabelForm("soft", ("p_cat", "p_dog"))


def table(path: Path, format: str, rows: Rows) -> Path:
    """A file of these rows; the keys of the first are its columns, None is an empty cell."""
    names = list(rows[0])
    if format == "csv":
        out = io.StringIO(newline="")
        made = csv.writer(out, lineterminator="\r\n")
        made.writerows([names, *([_text(r[n]) for n in names] for r in rows)])
        path.write_bytes(out.getvalue().encode())
    elif format == "json":
        path.write_text(json.dumps(list(rows), indent=1, ensure_ascii=False))
    elif format == "jsonl":
        path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    elif format == "parquet":
        pq.write_table(pa.Table.from_pylist(list(rows)), path, row_group_size=2)
    elif format == "arrow":
        made_table = pa.Table.from_pylist(list(rows))
        with pa.ipc.new_file(str(path), made_table.schema) as writer:
            writer.write_table(made_table, max_chunksize=2)
    else:
        book = openpyxl.Workbook()
        book.active.append(names)
        for row in rows:
            book.active.append([_text(row[n]) if isinstance(row[n], list | dict) else row[n] for n in names])
        book.save(path)
    return path


def _text(value: Any) -> str:
    return "" if value is None else json.dumps(value) if isinstance(value, list | dict) else str(value)


def load(path: Path, form: LabelForm, **plan: Any) -> Prepared:
    raw = read_form(read_table(path), form)
    prepared = prepare(raw, Plan("set", **{"columns": guess_columns(raw), **plan}))
    assert prepared.ok, [str(p) for p in prepared.problems]
    return prepared


def export(prepared: Prepared, choices: dict[int, Any], out: Path, **options: Any) -> Corrections:
    """The corrections that were written to `out` in the source's own format; every cell was verified."""
    corrections = corrected(prepared, choices, **options)
    assert corrections.conflicts == ()
    summary = write_export(corrections, out)
    assert summary.format == corrections.source.format
    checked = verify_export(corrections, summary)
    assert checked.ok, checked.examples
    return corrections


def records(path: Path) -> list[dict[str, str]]:
    """The records of a file as text, as its own importer reads them."""
    frame = read_table(path, Progress()).frame
    return frame.astype("str").fillna("").to_dict("records")  # type: ignore[return-value]


def labels(prepared: Prepared) -> list[str]:
    assert prepared.dataset is not None
    return prepared.dataset.given_labels().tolist()


def notices(prepared: Prepared) -> str:
    return "\n".join(str(p) for p in prepared.problems)
