from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import InputError
from core.reading import formats, read_table


def write(tmp_path: Path, name: str, data: bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


def test_formats__all_there() -> None:
    assert list(formats()) == [
        "argilla", "arrow", "coco", "conll", "csv", "doccano", "fiftyone_labels", "fiftyone_samples",
        "hf_dataset", "image_folder", "json", "jsonl", "label_errors", "label_studio", "label_studio_min",
        "mask_folder", "npy", "parquet", "split_files", "sql_table", "token_json", "webdataset", "xlsx",
        "yolo", "zip",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("a.data", b"id\tlabel\n1\tx\n", "csv"),
        ("a.csv", b'{"a":1},x\n{"a":2},y\n', "csv"),
        ("a.csv", b"[id],label\n1,x\n", "csv"),
        ("a.csv", b'{"a":1}\n{"a":2}\n', "jsonl"),
        ("a.txt", b'[{"a":1}]', "json"),
        ("a.json", b'{"a":1}\n{"a":2}\n', "jsonl"),
        ("a.json", b'[{"a":1}]', "json"),
        ("a.unknown", b'[{"a":1}]', "json"),
        ("a.csv", "id,label\n1,é\n".encode("utf-16"), "csv"),
    ],
)
def test_read_table__format_by_bytes_then_suffix(
    tmp_path: Path, name: str, data: bytes, expected: str
) -> None:
    assert read_table(write(tmp_path, name, data)).source.format == expected


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"\xef\xbb\xbf", "the file is empty"),
        (b"\xff\xfe", "the file is empty"),
        (b" \n\r\n", "the file is empty"),
        (b"<!DOCTYPE html><html></html>", "HTML or XML page"),
        (b"  <html><body>404</body></html>", "HTML or XML page"),
        (b"PK\x03\x04rest", "zip archive"),
        (b"\x80\x04\x95", "a Python pickle, which can run code"),
        (b"\x1f\x8b\x08\x00\x00", "compressed file"),
        (b"%PDF-1.7\n\x00\x01\x02\x03", "a PDF"),
        (b"%PDF-1.7\n" + b"1 0 obj, <</Type /Catalog>>\n" * 9, "a PDF"),
        (b"\x89PNG\r\n\x1a\n" + b"0" * 600, "a picture"),
        (bytes(range(256)) * 4, "no known format"),
    ],
)
def test_read_table__refused_with_the_formats_that_are_read(
    tmp_path: Path, data: bytes, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_table(write(tmp_path, "a.csv", data))
    assert caught.value.problems[0].file == "a.csv"


def test_read_table__missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        read_table(tmp_path / "nothing.csv")
