"""Folders with a table for each split: read as one data set, and written back as the same files."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.corrections import Corrections
from core.errors import InputError
from core.export_check import verify_export
from core.exporting import default_format, write_export
from core.label_forms.form import LabelForm
from core.loading import Plan, guess_columns, prepare, read_table
from core.reading import stamp
from core.review.decisions import Action
from tests.core.exporters.tool_files import corrected, load
from tests.core.image_layouts import put
from tests.core.label_forms import forms

TRAIN, TEST = "id,text,label\n0,a text,cat\n1,b text,dog\n", "id,text,label\n0,c text,dog\n1,d text,cat\n"


def folder(tmp_path: Path, **files: str | bytes) -> Path:
    return put(tmp_path / "data", {name.replace("__", "."): text for name, text in files.items()})


def written(path: Path, choices: dict[int, Any], **options: Any) -> dict[str, bytes]:
    """The files of an export, every cell of which was verified."""
    corrections: Corrections = corrected(load(path), choices, **options)
    assert corrections.conflicts == () and default_format(corrections.source).name == "split_files"
    summary = write_export(corrections, path.parent / "out.zip")
    checked = verify_export(corrections, summary)
    assert checked.ok, checked.examples
    with zipfile.ZipFile(summary.path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_read__one_data_set_with_a_split_column(tmp_path: Path) -> None:
    path = folder(tmp_path, train__csv=TRAIN, test__csv=TEST, README__md="read me")
    raw = read_table(path)
    assert raw.source.format == "split_files"
    assert raw.frame.to_dict("list") == {
        "id": ["0", "1", "0", "1"],
        "text": ["c text", "d text", "a text", "b text"],
        "label": ["dog", "cat", "cat", "dog"],
        "split": ["test", "test", "train", "train"],
    }
    said = "\n".join(map(str, raw.problems))
    assert "not among the tables, left out: 'README.md'" in said
    assert "column id: every file counts its rows anew: the column is no id of a row" in said
    columns = guess_columns(raw)
    assert (columns.id, columns.label, columns.split, columns.content) == (None, "label", "split", ("text",))
    dataset = load(path).dataset
    assert dataset is not None and sorted(dataset.splits.unique()) == ["test", "train"]  # type: ignore[union-attr]


def test_export__each_file_is_its_own(tmp_path: Path) -> None:
    path = folder(
        tmp_path, train__csv=TRAIN.replace("\n", "\r\n"), test__csv="\ufeff" + TEST.replace(",", ";")
    )
    same = written(path, {})
    assert same == {name: (path / name).read_bytes() for name in ("test.csv", "train.csv")}
    got = written(path, {1: "dog", 2: Action.EXCLUDE})
    assert got["test.csv"] == same["test.csv"].replace(b"d text;cat", b"d text;dog")
    assert got["train.csv"] == same["train.csv"].replace(b"0,a text,cat\r\n", b"")


def test_export__columns_in_another_order(tmp_path: Path) -> None:
    path = folder(tmp_path, train__csv=TRAIN, test__csv="label,text,id\ndog,c,0\ncat,d,1\n")
    assert read_table(path).frame["text"].tolist() == ["c", "d", "a text", "b text"]
    got = written(path, {0: "cat", 3: "cat"}, add=("decision",))
    assert got == {
        "test.csv": b"label,text,id,decision\ncat,c,0,relabel\ncat,d,1,\n",
        "train.csv": b"id,text,label,decision\n0,a text,cat,\n1,b text,cat,relabel\n",
    }


def test_export__only_the_splits_that_are_wanted(tmp_path: Path) -> None:
    path = folder(tmp_path, train__csv=TRAIN, test__csv=TEST)
    assert written(path, {3: "cat", 0: "cat"}, splits=("train",)) == {
        "train.csv": TRAIN.replace("b text,dog", "b text,cat").encode()
    }


def test_export__cells_are_made_safe_for_spreadsheets(tmp_path: Path) -> None:
    path = folder(tmp_path, train__csv=TRAIN.replace("a text", "=1+1"), test__csv=TEST)
    got = written(path, {0: "cat"}, spreadsheet_safe=True)
    assert got["train.csv"] == TRAIN.replace("a text", "'=1+1").encode()
    assert got["test.csv"] == TEST.replace("c text,dog", "c text,cat").encode()


@pytest.mark.parametrize("format", forms.FORMATS)
def test_export__every_format(tmp_path: Path, format: str) -> None:
    path = tmp_path / "data"
    path.mkdir()
    for split, start in (("train", 0), ("validation", 3), ("test", 6)):
        rows = [
            {"uid": f"r{start + i}", "text": f"text {i}", "label": ["cat", "dog"][i % 2]} for i in range(3)
        ]
        forms.table(path / f"{split}.{format}", format, rows)
    assert load(path).dataset.table["split"].tolist() == ["test"] * 3 + ["train"] * 3 + ["validation"] * 3  # type: ignore[union-attr]
    same = written(path, {})
    assert same == {file.name: file.read_bytes() for file in path.iterdir()}
    got = written(path, {4: "cat"})
    assert {name for name in got if got[name] != same[name]} == {f"train.{format}"}


def test_read__other_columns_are_named(tmp_path: Path) -> None:
    path = folder(tmp_path, train__csv=TRAIN, test__csv="id,txt,label\n0,c,dog\n")
    with pytest.raises(InputError) as caught:
        read_table(path)
    assert str(caught.value).startswith(
        "train.csv: other columns than in test.csv: it lacks 'txt' and has 'text' besides. Expected: the "
        "same columns in every file: id, txt, label. Mend: give both files the same columns"
    )


def test_read__other_types_are_named(tmp_path: Path) -> None:
    path = folder(tmp_path, train__jsonl='{"t": "a", "label": 1}\n', test__jsonl='{"t": "a", "label": "x"}\n')
    with pytest.raises(InputError, match=r"column label: text in test\.jsonl and numbers in train\.jsonl"):
        read_table(path)


def test_read__labels_missing_in_one_file(tmp_path: Path) -> None:
    rows = '{"t": "a", "label": 1}\n{"t": "b", "label": 2}\n'
    path = folder(tmp_path, train__jsonl=rows, test__jsonl='{"t": "c", "label": null}\n')
    assert load(path).dataset.labels.tolist() == [-1, 0, 1]  # type: ignore[union-attr]
    assert written(path, {0: "2"})["test.jsonl"] == b'{"t": "c", "label": 2}\n'


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (["train.csv", "test.csv"], ["test", "train"]),
        (
            ["train-00000-of-00002.csv", "train-00001-of-00002.csv", "test-00000-of-00001.csv"],
            ["test", "train", "train"],
        ),
        (["news_train.csv", "news_dev.csv"], ["dev", "train"]),
        (["part1.csv", "part2.csv"], ["part1", "part2"]),
        (["train.csv", "test.csv", "classes.csv"], ["test", "train"]),
        (["train_1.csv", "train_2.csv"], ["train_1", "train_2"]),
    ],
)
def test_read__splits_by_the_names_of_files(tmp_path: Path, names: list[str], splits: list[str]) -> None:
    path = put(tmp_path / "d", dict.fromkeys(names, "text,label\na,cat\n"))
    assert read_table(path).frame["split"].tolist() == splits


@pytest.mark.parametrize(
    "names",
    [
        ["train.csv"],
        ["train.csv", "test.jsonl"],
        ["train.csv", "test.csv", "train/cat/1.png"],
        ["a.csv", "b.csv", "cat/1.png"],
        ["metadata.csv", "1.png"],
        [".train.csv", ".test.csv"],
        ["train.csv", "test.csv", "dataset_dict.json"],
    ],
)
def test_sniff__another_folder(tmp_path: Path, names: list[str]) -> None:
    from core.reading import formats

    content = {".csv": "text,label\na,cat\n", ".jsonl": '{"text": "a"}\n', ".png": b"\x89PNG", ".json": "{}"}
    path = put(tmp_path / "d", {name: content[Path(name).suffix] for name in names})
    assert not formats()["split_files"].sniff(path, b"")


def test_sniff__a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    path = folder(tmp_path, train__csv=TRAIN)
    (tmp_path / "secret.csv").write_text(TEST)
    (path / "test.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(InputError, match="no images in this folder"):
        read_table(path)


def test_export__a_file_that_changed_is_refused(tmp_path: Path) -> None:
    path = folder(tmp_path, train__csv=TRAIN, test__csv=TEST)
    corrections = corrected(load(path), {0: "cat"})
    before = stamp(path)
    (path / "train.csv").write_text(TRAIN + "2,e text,cat\n")
    assert stamp(path) != before
    with pytest.raises(InputError, match="the source has changed since it was loaded"):
        write_export(corrections, tmp_path / "out.zip")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data"]


def test_export__a_file_without_rows_stays(tmp_path: Path) -> None:
    path = folder(tmp_path, train__csv=TRAIN, dev__csv="id,text,label\n", test__csv=TEST)
    assert written(path, {0: "cat"})["dev.csv"] == b"id,text,label\n"


@pytest.mark.parametrize("kind", ["wide", "long"])
def test_export__answers_of_annotators_in_several_files(tmp_path: Path, kind: str) -> None:
    if kind == "wide":
        form = LabelForm("wide", ("ann_a", "ann_b"))
        path = folder(
            tmp_path,
            train__csv="id,ann_a,ann_b\n1,cat,cat\n2,dog,\n",
            test__csv="id,ann_a,ann_b\n3,cat,dog\n",
        )
        wanted = {
            "test.csv": b"id,ann_a,ann_b\n3,dog,dog\n",
            "train.csv": b"id,ann_a,ann_b\n1,dog,dog\n2,dog,\n",
        }
        choices: dict[int, Any] = {0: "dog", 1: "dog"}
    else:
        form = LabelForm("long", ("label",), "item", "who")
        path = folder(
            tmp_path,
            train__csv="item,who,label\n1,a,cat\n1,b,cat\n",
            test__csv="item,who,label\n1,c,dog\n2,a,dog\n",
        )
        wanted = {
            "test.csv": b"item,who,label\n1,c,dog\n",
            "train.csv": b"item,who,label\n1,a,dog\n1,b,dog\n",
        }
        choices = {0: "dog", 1: Action.EXCLUDE}
    corrections = corrected(forms.load(path, form), choices)
    summary = write_export(corrections, tmp_path / "out.zip")
    assert verify_export(corrections, summary).ok
    with zipfile.ZipFile(summary.path) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == wanted


CELL = st.sampled_from(["a", 'b"', "c,d", "e\nf", "é", ""])
ROW = st.tuples(CELL, st.sampled_from(["cat", "dog", ""]))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ROW, min_size=1, max_size=6), st.lists(ROW, min_size=1, max_size=6), st.data())
def test_export__only_decided_cells_differ(tmp_path: Path, test, train, data) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "data"
    path.mkdir(exist_ok=True)
    for name, rows in (("test", test), ("train", train)):
        forms.table(path / f"{name}.csv", "csv", [{"text": t, "label": c, "n": "x"} for t, c in rows])
    raw = read_table(path)
    prepared = prepare(raw, Plan("set", guess_columns(raw)))
    if not prepared.ok or prepared.dataset is None or len(prepared.dataset.classes) < 2:
        return
    every = [*test, *train]
    chosen = {
        i: data.draw(st.sampled_from(["cat", "dog"])) for i in range(len(every)) if data.draw(st.booleans())
    }
    corrections = corrected(prepared, chosen)
    summary = write_export(corrections, tmp_path / "out.zip")
    assert verify_export(corrections, summary).ok
    with zipfile.ZipFile(summary.path) as archive:
        archive.extractall(tmp_path / "again")
    frame = read_table(tmp_path / "again").frame
    assert frame["label"].tolist() == [chosen.get(i, label) for i, (_, label) in enumerate(every)]
    assert frame.drop(columns="label").equals(raw.frame.drop(columns="label"))


def test_read__ag_news_in_two_files(shared_data: Path, tmp_path: Path) -> None:
    whole = pd.read_csv(
        next((shared_data / "text_agnews_human").glob("*.csv")), dtype=str, keep_default_na=False
    )
    path = tmp_path / "data"
    path.mkdir()
    parts = np.arange(len(whole)) % 5 == 0
    whole[~parts].to_csv(path / "train.csv", index=False)
    whole[parts].to_csv(path / "test.csv", index=False)
    raw = read_table(path)
    assert len(raw.frame) == len(whole) and raw.frame["split"].value_counts().to_dict() == {
        "train": int((~parts).sum()),
        "test": int(parts.sum()),
    }
