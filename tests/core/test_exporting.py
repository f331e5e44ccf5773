"""Contracts of every export format, and of the files that an export writes."""

from __future__ import annotations

import csv
import json
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import core.importers
from core import export_check
from core.corrections import Corrections, preview
from core.errors import InputError
from core.export_check import verify_export
from core.exporters.csv_file import CSV
from core.exporting import (
    LOG_COLUMNS,
    _other_suffixes,
    default_format,
    formats,
    side_files,
    suffix_of,
    write_export,
)
from core.importers import csv_file
from core.importers._base import ImportFormat
from core.progress import Cancelled, Progress
from core.reading import read_table
from core.registry import collect
from core.review.decisions import Action
from core.source import file_sha256
from core.spreadsheet import unescape

from .exporters.conftest import load, plan
from .exporters.test_hf_dataset import save
from .image_layouts import LAYOUTS
from .importers import samples
from .sql_databases import database, snapshot

ROWS = [("one", "cat"), ("two, \u00e9", "dog"), ("=1+1", "cat"), ("", "dog"), ("five", "cat")]


def _tool_file(make: Callable[[], bytes]) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        path.write_bytes(make())
        return path

    return write


def _label(task: dict) -> dict:
    """Label Studio's question called as these tests call the label."""
    for one in task["annotations"]:
        one["result"][0]["from_name"] = "label"
    return task


def _sample(number: int, label: str) -> dict:
    one = samples.sample(number, label)
    return {**one, "label": one.pop("ground_truth")}


PETS = [label for _, label in ROWS]
TOOLS = {
    "argilla": _tool_file(lambda: samples.listed([samples.record(i, pet) for i, pet in enumerate(PETS)])),
    "doccano": _tool_file(
        lambda: samples.lines([{"id": i, "text": "", "label": [pet]} for i, pet in enumerate(PETS)])
    ),
    "fiftyone_labels": _tool_file(
        lambda: samples.listed({"classes": ["cat", "dog"], "labels": {str(i): p for i, p in enumerate(PETS)}})
    ),
    "fiftyone_samples": _tool_file(
        lambda: samples.listed({"samples": [_sample(i, pet) for i, pet in enumerate(PETS)]})
    ),
    "label_studio": _tool_file(
        lambda: samples.listed(
            [_label(samples.task(i, [samples.annotation([pet])])) for i, pet in enumerate(PETS)]
        )
    ),
    "label_studio_min": _tool_file(
        lambda: samples.listed([samples.short(i, pet) for i, pet in enumerate(PETS)]).replace(
            b"sentiment", b"label"
        )
    ),
}


def make_source(format: str, folder: Path) -> Path:
    """The same five rows in each import format."""
    path = folder / f"pets.{format}"
    records = [{"text": text, "label": label} for text, label in ROWS]
    if format == "csv":
        with path.open("w", newline="", encoding="utf-8") as handle:
            csv.writer(handle).writerows([("text", "label"), *ROWS])
    elif format == "json":
        path.write_text(json.dumps(records, indent=1))
    elif format == "jsonl":
        path.write_text("".join(json.dumps(r) + "\n" for r in records))
    elif format == "parquet":
        pq.write_table(pa.Table.from_pylist(records), path, row_group_size=2)
    elif format == "arrow":
        table = pa.Table.from_pylist(records)
        with pa.ipc.new_file(str(path), table.schema) as writer:
            writer.write_table(table, max_chunksize=2)
    elif format == "conll":
        path.write_text("\n\n".join(f"{text}\tB-{label}" for text, label in ROWS) + "\n", encoding="utf-8")
    elif format == "token_json":
        tagged = [{"id": i, "tokens": [text], "tags": [label]} for i, (text, label) in enumerate(ROWS)]
        path.write_bytes(samples.listed(tagged))
    elif format in TOOLS:
        return TOOLS[format](path.with_suffix(".jsonl" if format == "doccano" else ".json"))
    elif format == "xlsx":
        book = openpyxl.Workbook()
        for row in (("text", "label"), *ROWS):
            book.active.append(row)
        for cell in (c for row in book.active.iter_rows() for c in row if c.value is not None):
            cell.data_type = "s"
        book.save(path)
    elif format == "npy":
        np.save(path, np.array([label for _, label in ROWS]))
    elif format == "image_folder":
        for i, (_, label) in enumerate(ROWS):
            (path / label).mkdir(parents=True, exist_ok=True)
            (path / label / f"{i}.png").write_bytes(b"\x89PNG")
    elif format == "hf_dataset":
        codes = [("cat", "dog").index(label) for _, label in ROWS]
        save(path, {"text": [text for text, _ in ROWS], "label": codes})
    elif format == "split_files":
        path.mkdir()
        for name, rows in (("test", ROWS[:2]), ("train", ROWS[2:])):
            lines = [json.dumps({"text": text, "label": label}) for text, label in rows]
            (path / f"{name}.jsonl").write_text("\n".join(lines))
    elif format == "sql_table":
        return snapshot(database(folder / "pets.db", ROWS), "pets", folder).rename(folder / "pets.table")
    elif format in LAYOUTS:
        LAYOUTS[format](path, [label for _, label in ROWS])
    else:
        raise AssertionError(f"say here how to write a small {format} source")
    return path


# The votes of labelerrors.com have no column called label: see exporters/test_annotation_tools.py.
# A zip is read as the folder that it unpacks to. Masks have no label: see importers/test_mask_folder.py.
ANEW = {"manifest", "yolo", "hf_dataset", "label_form", "split_files", "sql_table"}
"""Export formats whose files are no sources in that format."""
IMPORTS = sorted(set(collect(core.importers, ImportFormat)) - {"label_errors", "mask_folder", "zip"})
EXPORTS = sorted(name for name, format in formats().items() if not format.only_own)
# A manifest and the zips are not the folder itself, a script is not the table.
PRESERVING = [
    (e, i) for e in sorted(formats()) for i in sorted(formats()[e].rewrites) if e not in ANEW and i in IMPORTS
]
# A form of labels is no format of a file: see label_forms/test_forms.py.
PAIRS = [(e, i) for e in sorted(formats()) for i in IMPORTS if formats()[e].writes(i)]


@pytest.mark.parametrize("format", IMPORTS)
def test_formats__each_import_format_has_its_export_format(format: str, tmp_path: Path) -> None:
    _, source = load(make_source(format, tmp_path), format)
    assert format in default_format(source).rewrites


@pytest.mark.parametrize("format", IMPORTS)
def test_read_table__each_source_is_recognised_whatever_it_is_called(format: str, tmp_path: Path) -> None:
    path = make_source(format, tmp_path)
    for name in ("other.csv", "other.zip", "other"):
        path = path.rename(tmp_path / name)
        assert read_table(path).source.format == format


@pytest.mark.parametrize(("export", "format"), PRESERVING)
def test_write__without_decisions_gives_the_identical_file(export: str, format: str, tmp_path: Path) -> None:
    path = make_source(format, tmp_path)
    summary = write_export(plan(load(path, format)), tmp_path / "out", export)
    assert summary.path.read_bytes() == path.read_bytes()
    assert summary.sha256 == file_sha256(path)


@pytest.mark.parametrize(("export", "format"), PAIRS)
def test_write__every_format_from_every_source(export: str, format: str, tmp_path: Path) -> None:
    dataset, source = load(make_source(format, tmp_path), format)
    other = {0: dataset.classes[1 - dataset.labels[0]], 3: Action.EXCLUDE, 4: Action.KEEP}
    corrections = plan((dataset, source), other)
    summary = write_export(corrections, tmp_path / "out", export)
    assert (summary.rows_read, summary.rows_written, summary.cells_changed, summary.rows_excluded) == (
        5,
        4,
        1,
        1,
    )
    checked = verify_export(corrections, summary)
    columns = 1 if export == "npy" else dataset.table.shape[1]
    assert (checked.identical, checked.changed, checked.unexpected) == (4 * columns - 1, 1, 0)
    assert str(checked) == f"Checked: {4 * columns - 1} cells identical, 1 changed, 0 unexpected."
    assert_log_is(corrections)


def assert_log_is(corrections: Corrections) -> None:
    """changes.csv, changes.json and the preview say the same."""
    log_csv, log_json, _ = side_files(corrections.source.path.parent / "out")
    shown = preview(corrections)
    entries = json.loads(log_json.read_text())
    with log_csv.open(newline="") as handle:
        rows = [{k: unescape(v) for k, v in row.items()} for row in csv.DictReader(handle)]
    assert rows == [{k: "" if v is None else str(v) for k, v in entry.items()} for entry in entries]
    names = ["row", "row_id", "column", "before", "after", "annotator", "how", "decided_at", "reason"]
    assert shown.values.tolist() == [[entry[name] for name in names] for entry in entries]


@pytest.mark.parametrize("export", [e for e in EXPORTS if e != "npy"])
def test_write__preview_is_the_difference_of_the_files(export: str, tmp_path: Path) -> None:
    loaded = load(make_source("csv", tmp_path))
    before = write_export(plan(loaded), tmp_path / "before", export)
    corrections = plan(loaded, {1: "cat", 2: "dog", 4: Action.EXCLUDE}, excluded="mark")
    after = write_export(corrections, tmp_path / "after", export)
    reader = collect(core.importers, ImportFormat)["csv" if export == "manifest" else export]
    old, new = (reader.read(s.path, Progress()).frame.astype("str") for s in (before, after))
    old["excluded"] = "False"
    differ = [
        (row + 1, name, old[name][row] if name != "excluded" else "", new[name][row])
        for row in range(len(old))
        for name in old.columns
        if old[name][row] != new[name][row]
    ]
    shown = preview(corrections)[["row", "column", "before", "after"]]
    assert [tuple(line) for line in shown.values.tolist()] == differ
    assert len(differ) == 3


def test_write__change_log_and_summary(tmp_path: Path) -> None:
    corrections = plan(load(make_source("csv", tmp_path)), {0: "dog", 3: Action.EXCLUDE})
    out = tmp_path / "pets.corrected.csv"
    summary = write_export(corrections, out)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "pets.corrected.changes.csv",
        "pets.corrected.changes.json",
        "pets.corrected.csv",
        "pets.corrected.summary.json",
        "pets.csv",
    ]
    assert (tmp_path / "pets.corrected.changes.csv").read_text() == (
        ",".join(LOG_COLUMNS)
        + "\nr0,1,label,cat,dog,relabel,ann,1 annotator,,2026-01-02T03:04:05Z,the model says so,op0\n"
        + "r3,4,,dog,,exclude,ann,1 annotator,,2026-01-02T03:04:05Z,the model says so,op3\n"
    )
    said = json.loads((tmp_path / "pets.corrected.summary.json").read_text())
    assert said["sha256"] == file_sha256(out) == summary.sha256
    assert said["file"] == "pets.corrected.csv"
    assert said["source"] == {"file": "pets.csv", "format": "csv", "sha256": corrections.source.sha256}
    assert (said["cells_changed"], said["rows_excluded"], said["rows_written"]) == (1, 1, 4)
    assert summary.sentence == (
        "pets.corrected.csv: 4 rows, 1 label changed; 1 excluded row left out; policy: Agreed only. "
        "Change log: pets.corrected.changes.csv"
    )


def test_write__formulas_in_the_change_log_are_escaped(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("text,label\na,=cat\nb,dog\n")
    write_export(plan(load(path), {0: "dog"}), tmp_path / "out.csv")
    assert "r0,1,label,'=cat,dog," in (tmp_path / "out.changes.csv").read_text()
    assert json.loads((tmp_path / "out.changes.json").read_text())[0]["before"] == "=cat"


def test_verify__spreadsheet_safe_cells_are_changes(tmp_path: Path) -> None:
    corrections = plan(load(make_source("csv", tmp_path)), {0: "dog"}, spreadsheet_safe=True)
    summary = write_export(corrections, tmp_path / "out.csv")
    assert summary.cells_escaped == 1
    assert str(verify_export(corrections, summary)) == "Checked: 8 cells identical, 2 changed, 0 unexpected."


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"one,dog", b"one,cat", "row 1, column label: found 'cat' instead of 'dog'"),
        (b"five", b"six", "row 4, column text: found 'six' instead of 'five'"),
        (b"five,cat\r\n", b"", "found 3 rows and the columns text, label instead of 4 rows"),
    ],
)
@pytest.mark.parametrize("large", [False, True])
def test_verify__sees_what_is_wrong(
    tmp_path: Path, old: bytes, new: bytes, said: str, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:
        monkeypatch.setattr(csv_file, "LARGE", 0)
        monkeypatch.setattr(export_check, "BLOCK_ROWS", 2)
    corrections = plan(load(make_source("csv", tmp_path)), {0: "dog", 3: Action.EXCLUDE})
    summary = write_export(corrections, tmp_path / "out.csv")
    assert verify_export(corrections, summary).ok
    there = sorted(tmp_path.iterdir())
    summary.path.write_bytes(summary.path.read_bytes().replace(old, new))
    checked = verify_export(corrections, summary)
    assert not checked.ok
    assert checked.examples[0].startswith(said)
    assert sorted(tmp_path.iterdir()) == there


def test_verify__a_first_label_at_the_end_of_its_record(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(
        '{"n": 1}\n{"text": "b", "label": "cat", "n": 2}\n{"text": "c", "label": "dog", "n": 3}\n'
    )
    corrections = plan(load(path, "jsonl"), {0: "dog"})
    summary = write_export(corrections, tmp_path / "out.jsonl")
    assert summary.path.read_text().startswith('{"n": 1, "label": "dog"}\n')
    assert verify_export(corrections, summary).ok


def failing_writer(corrections: Corrections, out: Path, progress: Progress) -> int:
    CSV.write(corrections, out, progress)
    raise OSError("disk full")


def test_write__failure_half_way_leaves_everything_as_it_was(tmp_path: Path, monkeypatch) -> None:
    corrections = plan(load(make_source("csv", tmp_path)), {0: "dog"})
    out = tmp_path / "out.csv"
    out.write_text("old")
    before = sorted(tmp_path.iterdir())
    monkeypatch.setattr("core.exporting.formats", lambda: {"csv": replace(CSV, write=failing_writer)})
    with pytest.raises(OSError, match="disk full"):
        write_export(corrections, out, "csv")
    assert sorted(tmp_path.iterdir()) == before
    assert out.read_text() == "old"


def test_write__cancel_leaves_nothing(tmp_path: Path) -> None:
    corrections = plan(load(make_source("csv", tmp_path)), {0: "dog"})
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        write_export(corrections, tmp_path / "out.csv", progress=progress)
    assert [p.name for p in tmp_path.iterdir()] == ["pets.csv"]


def test_write__source_changed_since_it_was_loaded(tmp_path: Path) -> None:
    path = make_source("csv", tmp_path)
    corrections = plan(load(path), {0: "dog"})
    path.write_bytes(path.read_bytes().replace(b"five", b"FIVE"))
    with pytest.raises(InputError, match=r"pets\.csv: the source has changed since it was loaded"):
        write_export(corrections, tmp_path / "out.csv")
    path.unlink()
    with pytest.raises(InputError, match="the source is gone"):
        write_export(corrections, tmp_path / "out.csv")
    assert list(tmp_path.iterdir()) == []


def test_write__source_changed_while_it_was_read(tmp_path: Path, monkeypatch) -> None:
    path = make_source("csv", tmp_path)

    def write(corrections: Corrections, out: Path, progress: Progress) -> int:
        CSV.write(corrections, out, progress)
        path.write_bytes(path.read_bytes() + b"six,cat\r\n")
        return 0

    monkeypatch.setattr("core.exporting.formats", lambda: {"csv": replace(CSV, write=write)})
    with pytest.raises(InputError, match="has changed since it was loaded"):
        write_export(plan(load(path), {0: "dog"}), tmp_path / "out.csv", "csv")
    assert [p.name for p in tmp_path.iterdir()] == ["pets.csv"]


def test_write__image_folder_changed(tmp_path: Path) -> None:
    path = make_source("image_folder", tmp_path)
    corrections = plan(load(path, "image_folder"), {0: "dog"})
    (path / "cat" / "new.png").write_bytes(b"\x89PNG")
    with pytest.raises(InputError, match="has changed since it was loaded"):
        write_export(corrections, tmp_path / "out.csv")


def test_write__never_overwrites_the_source(tmp_path: Path) -> None:
    path = make_source("csv", tmp_path)
    content = path.read_bytes()
    corrections = plan(load(path), {0: "dog"})
    os.link(path, tmp_path / "hard.csv")
    (tmp_path / "soft.csv").symlink_to(path)
    for name in ("pets.csv", "hard.csv", "soft.csv"):
        with pytest.raises(InputError, match="an export never overwrites it"):
            write_export(corrections, tmp_path / name)
    assert path.read_bytes() == content


def test_write__change_log_never_overwrites_the_source(tmp_path: Path) -> None:
    path = make_source("csv", tmp_path).rename(tmp_path / "pets.changes.csv")
    with pytest.raises(InputError, match=r"pets\.changes\.csv is the source itself"):
        write_export(plan(load(path), {0: "dog"}), tmp_path / "pets.csv")


def test_write__conflicts_are_refused_or_skipped(tmp_path: Path) -> None:
    loaded = load(make_source("csv", tmp_path))
    with pytest.raises(InputError, match="decided class 'scarf' is not in your class list"):
        write_export(plan(loaded, {0: "scarf"}), tmp_path / "out.csv")
    assert [p.name for p in tmp_path.iterdir()] == ["pets.csv"]
    summary = write_export(plan(loaded, {0: "scarf", 1: "cat"}, conflicts="skip"), tmp_path / "out.csv")
    assert (summary.cells_changed, len(summary.skipped)) == (1, 1)
    assert "scarf" in json.loads((tmp_path / "out.summary.json").read_text())["skipped"][0]


def test_write__unknown_format_and_missing_folder(tmp_path: Path) -> None:
    corrections = plan(load(make_source("csv", tmp_path)))
    with pytest.raises(
        InputError, match=r"no export format called 'xls'\. Expected: one of argilla, arrow, coco, conll, csv"
    ):
        write_export(corrections, tmp_path / "out", "xls")
    with pytest.raises(InputError, match="does not exist"):
        write_export(corrections, tmp_path / "nowhere" / "out.csv")


@pytest.mark.parametrize(
    ("source", "out", "expected"),
    [
        ("t.csv", "out.csv", "csv"),
        ("t.csv", "out.tsv", "csv"),
        ("t.tsv", "out.csv", "csv"),
        ("t.csv", "out.parquet", "parquet"),
        ("t.csv", "out.jsonl", "jsonl"),
        ("t.csv", "out.feather", "arrow"),
        ("t.csv", "out", "csv"),
    ],
)
def test_default_format__is_the_source_s_unless_the_suffix_names_another(
    tmp_path: Path, source: str, out: str, expected: str
) -> None:
    (tmp_path / source).write_text("text,label\na,cat\n")
    assert default_format(load(tmp_path / source)[1], Path(out)).name == expected


@pytest.mark.parametrize(
    ("format", "out", "expected"),
    [
        ("parquet", "out.csv", "csv"),
        ("image_folder", "out.csv", "manifest"),
        ("sql_table", "out.csv", "csv"),
        ("sql_table", "out.sql", "sql_table"),
        ("sql_table", "out.parquet", "parquet"),
        ("sql_table", "out", "sql_table"),
    ],
)
def test_default_format__where_several_formats_have_the_suffix(
    tmp_path: Path, format: str, out: str, expected: str
) -> None:
    assert default_format(load(make_source(format, tmp_path), format)[1], Path(out)).name == expected


def test_suffix_of__is_the_source_s_where_the_format_s_files_are_called_so(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text("text\tlabel\na\tcat\n")
    text, table = load(tmp_path / "t.tsv")[1], load(make_source("sql_table", tmp_path), "sql_table")[1]
    found = [suffix_of(text, formats()[n]) for n in ("csv", "json")]
    assert found == [".tsv", ".json"]
    assert [suffix_of(table, formats()[n]) for n in ("sql_table", "csv")] == [".sql", ".csv"]
    assert all(f.suffix in _other_suffixes(f) for f in formats().values() if f.name not in ANEW)


def test_write__two_exports_at_once_do_not_mix(tmp_path: Path) -> None:
    loaded = load(make_source("csv", tmp_path))
    made = [plan(loaded, {0: "dog"}), plan(loaded, {1: "cat"})]
    threads = [threading.Thread(target=write_export, args=(c, tmp_path / "out.csv")) for c in made * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wanted = {b"one,dog", b"one,cat"}
    assert (tmp_path / "out.csv").read_bytes().splitlines()[1] in wanted
    assert len(list(tmp_path.iterdir())) == 5
