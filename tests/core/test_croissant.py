"""The metadata against the specification's required keys, the written file, and MLCommons' own reader."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import core.importers
from core.corrections import Corrections
from core.croissant import ENCODINGS, VERSION, croissant, encoding
from core.export_check import _READ_AS
from core.exported import Exported, read_exported
from core.exporting import formats, write_export
from core.importers._base import ImportFormat
from core.progress import Progress
from core.registry import collect
from core.source import file_sha256
from tests.conftest import make_dataset
from tests.core.exporters.conftest import load, plan
from tests.core.label_sets import moods
from tests.core.reviewed import project_of, record_of, said
from tests.core.test_exporting import IMPORTS, make_source

READERS = collect(core.importers, ImportFormat)
TABLES = sorted(name for name, format in formats().items() if not format.only_own)
OWN = sorted(set(formats()) - set(TABLES) - {"label_errors", "label_form"})


def written(
    corrections: Corrections, out: Path, format: str | None = None
) -> tuple[dict[str, Any], Exported]:
    """The metadata of an export to `out`, put beside it."""
    write_export(corrections, out, format)
    found = read_exported(out, corrections.dataset.name)
    text = croissant(corrections, found)
    (out.parent / "metadata.json").write_text(text, encoding="utf-8")
    return json.loads(text), found


def sets_of(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["@id"]: one for one in document["recordSet"]}


def check_required(document: dict[str, Any]) -> None:
    """The keys that the specification requires of what we write, and references that lead somewhere."""
    assert document["@type"] == "sc:Dataset"
    assert document["conformsTo"] == VERSION == "http://mlcommons.org/croissant/1.0"
    assert {"@context", "name", "description", "distribution", "recordSet"} <= set(document)
    assert not {"license", "url", "creator", "datePublished"} & set(document)  # nothing is made up
    ids = [one["@id"] for one in document["distribution"]]
    for one in document["distribution"]:
        assert one["@type"] == "cr:FileObject"
        assert {"name", "contentUrl", "contentSize", "encodingFormat", "sha256"} <= set(one)
    fields = [field for one in document["recordSet"] for field in one["field"]]
    for one in document["recordSet"]:
        assert one["@type"] == "cr:RecordSet"
        if "data" in one:
            known = {field["@id"] for field in one["field"]}
            assert all(set(row) == known for row in one["data"])
            assert one["key"]["@id"] in known
    names = [field["@id"] for field in fields]
    assert len({*ids, *names}) == len(ids) + len(names)
    for field in fields:
        assert field["@type"] == "cr:Field" and field["name"] and field["dataType"]
        if "source" in field:
            assert field["source"]["fileObject"]["@id"] in ids
            assert len(field["source"]["extract"]) == 1
        if "references" in field:
            assert field["references"]["field"]["@id"] in names


def test_encodings__every_export_format_has_one() -> None:
    assert sorted(ENCODINGS) == TABLES
    assert all("/" in encoding(format) for format in formats())


@pytest.mark.parametrize("format", OWN)
def test_croissant__describes_the_file_but_not_the_records_of_other_formats(
    format: str, tmp_path: Path
) -> None:
    loaded = load(make_source(format, tmp_path), format)
    document, found = written(plan(loaded), tmp_path / "out", format)
    check_required({"recordSet": [], **document})
    assert "recordSet" not in document
    assert document["distribution"][0]["sha256"] == found.sha256
    assert formats()[format].title in document["description"]


@pytest.mark.parametrize("format", IMPORTS)
@pytest.mark.parametrize("export", TABLES)
def test_croissant__describes_the_file_of_every_format(export: str, format: str, tmp_path: Path) -> None:
    loaded = load(make_source(format, tmp_path), format)
    corrections = plan(loaded, {0: loaded[0].classes[1 - loaded[0].labels[0]]})
    document, found = written(corrections, tmp_path / "out", export)
    check_required(document)
    file = document["distribution"][0]
    assert file["sha256"] == file_sha256(tmp_path / "out") == found.sha256
    assert file["contentSize"] == f"{(tmp_path / 'out').stat().st_size} B"
    assert file["encodingFormat"] == ENCODINGS[export]
    frame = READERS[_READ_AS.get(export, export)].read(tmp_path / "out", Progress()).frame
    fields = sets_of(document)["records"]["field"]
    assert [field["name"] for field in fields] == list(frame.columns)
    label = next(field for field in fields if field["name"] == "label")
    assert "cr:Label" in label["dataType"]
    held = {str(row["classes/label"]) for row in sets_of(document)["classes"]["data"]}
    assert {str(value) for value in frame["label"]} <= held


def test_croissant__added_columns_are_fields(tmp_path: Path) -> None:
    loaded = load(make_source("csv", tmp_path))
    corrections = plan(loaded, {0: "dog"}, add=("given_label", "annotator"), excluded="mark")
    document, _ = written(corrections, tmp_path / "out.csv")
    fields = sets_of(document)["records"]["field"]
    assert [f["name"] for f in fields] == ["text", "label", "given_label", "annotator", "excluded"]
    assert [f["dataType"][0] for f in fields] == ["sc:Text"] * 4 + ["sc:Boolean"]
    assert [f.get("description", "") for f in fields[1:3]] == ["Label.", "Label before review."]


@pytest.mark.parametrize(
    ("names", "types"),
    [
        (
            ["train", "Dev", "test"],
            {"Dev": "cr:ValidationSplit", "test": "cr:TestSplit", "train": "cr:TrainingSplit"},
        ),
        (["train", "fold 7"], {"fold 7": None, "train": None}),
    ],
)
def test_croissant__splits(names: list[str], types: dict[str, str | None], tmp_path: Path) -> None:
    data = make_dataset([0, 1, 0, 1, 0, 1])
    table = data.table.assign(part=(names * 3)[:6])
    data = replace(data, table=table, columns=replace(data.columns, split="part"))
    record = record_of(project_of(data, tmp_path), [], tmp_path)
    document, _ = written(record.corrections, tmp_path / "out.csv")
    check_required(document)
    splits = sets_of(document)["splits"]
    assert splits["dataType"] == "cr:Split"
    assert {row["splits/name"]: row.get("splits/url") for row in splits["data"]} == types


def test_croissant__several_labels_a_row(tmp_path: Path) -> None:
    data = moods()
    document, _ = written(record_of(project_of(data, tmp_path), [], tmp_path).corrections, tmp_path / "o.csv")
    label = sets_of(document)["records"]["field"][1]
    assert label["repeated"] is True
    assert label["source"]["transform"] == {"separator": "|"}
    assert [row["classes/name"] for row in sets_of(document)["classes"]["data"]] == ["joy", "love", "sad"]


def test_croissant__hostile_names_are_values_and_nothing_else(tmp_path: Path) -> None:
    evil = 'a"b\\ \u202e\n</script>{"@id":"http://evil.test"}'
    data = make_dataset([0, 1, 0], (evil, "dog"))
    data = replace(
        data, table=data.table.rename(columns={"text": evil}), columns=replace(data.columns, content=(evil,))
    )
    record = record_of(project_of(data, tmp_path), [], tmp_path)
    document, found = written(record.corrections, tmp_path / "a file's \u202e\n%name.csv")
    check_required(document)
    assert document["distribution"][0]["contentUrl"] == "a%20file%27s%20%E2%80%AE%0A%25name.csv"
    assert [f["@id"] for f in sets_of(document)["records"]["field"]] == [
        "records/0",
        "records/1",
        "records/2",
    ]
    assert sets_of(document)["records"]["field"][1]["source"]["extract"] == {"column": evil}
    assert croissant(record.corrections, found).isascii()


@pytest.mark.parametrize("format", ["csv", "json", "jsonl", "parquet"])
def test_croissant__mlcommons_own_reader_reads_the_records(format: str, tmp_path: Path) -> None:
    mlc = pytest.importorskip("mlcroissant")
    data = make_dataset([0, 1, 0, 1, 1], ("cat", "dog"))
    data = replace(
        data,
        table=data.table.assign(part=["train"] * 4 + ["test"]),
        columns=replace(data.columns, split="part"),
    )
    record = record_of(project_of(data, tmp_path), [said(data, 0, "ann", "dog")], tmp_path)
    written(record.corrections, tmp_path / f"out.{format}", format)
    read = mlc.Dataset(jsonld=tmp_path / "metadata.json")
    assert not read.metadata.ctx.issues.errors
    rows = pd.DataFrame(list(read.records("records"))).map(
        lambda v: v.decode() if isinstance(v, bytes) else v
    )
    assert rows["records/2"].tolist() == ["dog", "dog", "cat", "dog", "dog"]
    assert rows["records/3"].tolist() == ["train"] * 4 + ["test"]


def test_croissant__mlcommons_own_reader_joins_labels_that_are_numbers(tmp_path: Path) -> None:
    mlc = pytest.importorskip("mlcroissant")
    data = make_dataset([0, 1, 0], ("cat", "dog"))
    table = data.table.assign(label=["0", "1", "0"])
    data = replace(data, table=table, tokens=("0", "1"))
    record = record_of(project_of(data, tmp_path), [said(data, 0, "ann", "dog")], tmp_path)
    document, _ = written(record.corrections, tmp_path / "out.csv")
    assert sets_of(document)["classes"]["data"][1] == {"classes/label": 1, "classes/name": "dog"}
    rows = list(mlc.Dataset(jsonld=tmp_path / "metadata.json").records("records"))
    assert [row["records/2"] for row in rows] == [1, 1, 0]
