"""Image folders with Hugging Face's metadata files."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.corrections import correct
from core.errors import InputError
from core.export_check import verify_export
from core.exporting import write_export
from core.loading import Plan, guess_columns, prepare, read_table
from core.progress import Progress
from core.review.classes import class_list
from core.review.decisions import Action, Decision
from core.review.policy import Outcomes


def make(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return root


def put(root: Path, name: str, text: str) -> Path:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)
    return root


def said(raw) -> list[tuple[str, str, int]]:
    return [(p.severity, p.found, p.count) for p in raw.problems]


def test_read__one_table_at_the_top_is_the_source(tmp_path: Path) -> None:
    root = make(tmp_path / "d", "1.png", "sub/2.png", "3.png", "4.png")
    put(root, "metadata.csv", "file_name,label,note\n./1.png,cat,x\nsub/2.png,dog,y\ngone.png,cat,z\n")
    raw = read_table(root)
    assert raw.frame.to_dict("list") == {
        "file_name": ["./1.png", "sub/2.png", "gone.png"],
        "label": ["cat", "dog", "cat"],
        "note": ["x", "y", "z"],
    }
    assert raw.source.path == root / "metadata.csv" and raw.source.format == "csv"
    assert said(raw) == [("warning", "image without a row in the metadata: '3.png', '4.png'", 2)]
    prepared = prepare(raw, Plan("d", guess_columns(raw)))
    assert prepared.ok and prepared.dataset is not None and prepared.dataset.media_hash is not None
    assert (prepared.dataset.media_hash != "").tolist() == [True, True, False]
    assert any("no such file in the image folder: 'gone.png'" in p.found for p in prepared.problems)


def test_export__metadata_keeps_every_other_byte(tmp_path: Path) -> None:
    root = make(tmp_path / "d", "1.png", "2.png", "3.png")
    put(root, "metadata.csv", 'file_name;label;note\r\n1.png;"cat";"a;b"\r\n2.png;dog;\r\n3.png;cat;c\r\n')
    prepared = prepare(read_table(root), Plan("d", guess_columns(read_table(root))))
    dataset = prepared.dataset
    assert dataset is not None
    decision = Decision(
        "d", str(dataset.row_ids[0]), Action.RELABEL, "ann", "cat", "op", label="dog", decided_at="2026-01-02"
    )
    decided = Outcomes({decision.row_id: decision}, class_list(dataset.classes))
    corrections = correct(dataset, prepared.source, decided)
    summary = write_export(corrections, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == (
        b'file_name;label;note\r\n1.png;"dog";"a;b"\r\n2.png;dog;\r\n3.png;cat;c\r\n'
    )
    assert verify_export(corrections, summary).ok


def test_read__jsonl_with_types(tmp_path: Path) -> None:
    root = make(tmp_path / "d", "1.png", "2.png")
    put(root, "metadata.jsonl", '{"file_name": "1.png", "label": 3}\n{"file_name": "2.png", "label": 4}\n')
    raw = read_table(root)
    assert raw.source.format == "jsonl" and raw.frame["label"].tolist() == [3, 4]


def test_read__a_table_a_split_is_joined(tmp_path: Path) -> None:
    root = make(tmp_path / "d", "train/1.png", "train/2.png", "test/a.png", "test/b.png")
    put(root, "train/metadata.jsonl", '{"file_name": "2.png", "label": "dog", "n": 7}\n')
    put(root, "test/metadata.csv", "file_name,label\na.png,cat\nb.png,dog\nc.png,dog\n")
    raw = read_table(root)
    assert raw.frame.astype(object).where(raw.frame.notna(), None).to_dict("list") == {
        "path": ["test/a.png", "test/b.png", "train/1.png", "train/2.png"],
        "label": ["cat", "dog", "", "dog"],
        "split": ["test", "test", "train", "train"],
        "n": [None, None, None, 7],
    }
    assert raw.source.format == "image_folder" and "classes" not in raw.source.layout
    assert said(raw) == [
        ("warning", "row without an image, left out: 'test/c.png'", 1),
        ("warning", "image without a row in the metadata: 'train/1.png'", 1),
    ]
    put(root, "test/metadata.csv", "file_name,label\na.png,dog\nb.png,dog\nc.png,dog\n")
    assert read_table(root).source.sha256 != raw.source.sha256


def test_read__class_folders_keep_the_labels_where_the_table_has_none(tmp_path: Path) -> None:
    root = make(tmp_path / "d", "cat/1.png", "dog/2.png")
    put(root, "metadata.csv", "file_name,caption,path\ncat/1.png,a cat,x\n")
    raw = read_table(root)
    assert raw.frame.fillna("").to_dict("list") == {
        "path": ["cat/1.png", "dog/2.png"],
        "label": ["cat", "dog"],
        "caption": ["a cat", ""],
        "path (2)": ["x", ""],
    }
    assert raw.source.layout == {"classes": ["cat", "dog"], "splits": False}


def test_read__no_file_name(tmp_path: Path) -> None:
    root = put(make(tmp_path / "d", "1.png"), "metadata.csv", "image,label\n1.png,cat\n")
    with pytest.raises(
        InputError, match=r"metadata\.csv: the columns image, label\. Expected: a column 'file_"
    ):
        read_table(root)


def test_read__one_image_named_twice(tmp_path: Path) -> None:
    root = make(tmp_path / "d", "cat/1.png", "dog/2.png")
    put(root, "metadata.csv", "file_name,x\ncat/1.png,1\ndog/2.png,2\n./cat/1.png,3\n")
    with pytest.raises(
        InputError, match=r"row 3, column file_name: 'cat/1\.png' is named again, after row 1"
    ):
        read_table(root, Progress())


def test_read__one_image_in_two_tables(tmp_path: Path) -> None:
    root = make(tmp_path / "d", "train/1.png", "test/2.png")
    put(root, "metadata.csv", "file_name,x\ntest/2.png,1\ntrain/1.png,2\n")
    put(root, "train/metadata.csv", "file_name,label\n1.png,cat\n")
    with pytest.raises(
        InputError, match=r"train/metadata\.csv, row 1, column file_name: 'train/1\.png' has a row in another"
    ):
        read_table(root)


def test_read__rows_that_name_nothing(tmp_path: Path) -> None:
    root = make(tmp_path / "d", "train/1.png", "test/2.png")
    put(root, "train/metadata.csv", "file_name,label\n1.png,cat\n,dog\n,dog\n")
    raw = read_table(root)
    assert raw.frame["label"].tolist() == ["", "cat"]
    assert ("warning", "row without an image, left out: ''", 2) in said(raw)
