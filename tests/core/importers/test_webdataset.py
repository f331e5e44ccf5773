from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from core.errors import InputError
from core.importers import webdataset
from core.loading import Plan, guess_columns, prepare
from core.reading import formats, read_table

from ..image_layouts import tarred

SMALL = {
    "./a/001.jpg": b"picture 1",
    "./a/001.cls": "3\n",
    "./a/001.mask.png": b"mask",
    "a/002.cls": " 7",
    "a/002.png": b"picture 2",
    "a/003.jpg": b"picture 3",
    "b.cls": "3",
}


def test_read__samples_of_one_key(tmp_path: Path) -> None:
    raw = read_table(tarred(tmp_path / "train.tar", SMALL), unpack_to=tmp_path / "w")
    assert raw.frame.astype(object).where(raw.frame.notna(), None).to_dict("list") == {
        "key": ["a/001", "a/002", "a/003", "b"],
        "path": ["a/001.jpg", "a/002.png", "a/003.jpg", None],
        "cls": ["3", "7", None, "3"],
    }
    assert raw.source.path == tmp_path / "train.tar" and raw.source.format == "webdataset"
    assert [p.found for p in raw.problems] == [
        "files of samples that are neither a label nor the first picture, not shown: .mask.png"
    ]
    columns = guess_columns(raw)
    assert (columns.id, columns.label, columns.content, columns.kind) == ("key", "cls", ("path",), "image")
    prepared = prepare(raw, Plan("x", columns))
    assert prepared.ok and prepared.dataset is not None and prepared.dataset.media_hash is not None
    assert (prepared.dataset.media_hash != "").tolist() == [True, True, True, False]
    assert prepared.dataset.labels.tolist() == [0, 1, -1, 0]


def test_read__json_members_become_columns(tmp_path: Path) -> None:
    files = {
        "1.jpg": b"x", "1.json": '{"label": "cat", "key": 5, "size": {"w": 1}}', "1.txt": " a cat\n",
        "2.jpg": b"x", "2.json": '{"label": "dog"}',
    }  # fmt: skip
    raw = read_table(tarred(tmp_path / "x.tar", files))
    assert raw.frame.astype(object).where(raw.frame.notna(), None).to_dict("list") == {
        "key": ["1", "2"],
        "path": ["1.jpg", "2.jpg"],
        "label": ["cat", "dog"],
        "json.key": [5, None],
        "size": ['{"w": 1}', None],
        "txt": ["a cat", None],
    }
    assert raw.source.layout["members"] == {
        "label": ["json", "label"],
        "json.key": ["json", "key"],
        "size": ["json", "size"],
        "txt": ["txt", None],
    }
    assert guess_columns(raw).label == "label"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"1.jpg": b"x", "1.json": "{"}, r"row 1: the JSON of sample '1' is not valid"),
        (
            {"1.jpg": b"x", "1.cls": "0", "2.jpg": b"x", "2.json": "[1]"},
            r"row 2: the JSON of sample '2' is a list",
        ),
        ({"1.jpg": b"x", "1.cls": b"\xff"}, r"row 1: '1\.cls' is not UTF-8 text"),
        ({"1.jpg": b"x", "1.cls": b"x" * (2 << 20)}, r"row 1: '1\.cls' is 2,097,152 bytes long"),
        ({"1.jpg": b"x", "1.cls": "0", "../2.jpg": b"x"}, "leads out of the archive"),
        ({"1.jpg": b"x", "1.cls": "0", "1.CLS": "1"}, "differ only by case"),
    ],
)
def test_read__refused(tmp_path: Path, files: dict[str, str | bytes], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_table(tarred(tmp_path / "x.tar", files), unpack_to=tmp_path / "w")
    assert caught.value.problems[0].file == "x.tar" and not (tmp_path / "w").exists()


def test_read__keys_that_come_back_stop_the_import(tmp_path: Path) -> None:
    files = {"1.jpg": b"x", "1.cls": "0", "2.jpg": b"x", "2.cls": "0", "1.txt": "y"}
    raw = read_table(tarred(tmp_path / "x.tar", files))
    prepared = prepare(raw, Plan("x", guess_columns(raw)))
    assert not prepared.ok
    assert "ids that occur more than once: '1' in rows 1, 3" in prepared.problems[0].found


@pytest.mark.parametrize("name", ["x.tar", "x.csv", "x"])
@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_sniff__by_the_bytes_alone(tmp_path: Path, name: str, format: int) -> None:
    path = tarred(tmp_path / name, SMALL, format)
    head = path.read_bytes()[: 1 << 16]
    assert [f.name for f in formats().values() if f.sniff(path, head)] == ["webdataset"]


@pytest.mark.parametrize(
    "files", [{"a.txt": "x"}, {"a.jpg": b"x", "b.jpg": b"x"}, {"a.jpg": b"x", "b.cls": "1"}]
)
def test_sniff__other_tars_are_none(tmp_path: Path, files: dict[str, str | bytes]) -> None:
    path = tarred(tmp_path / "x.tar", files)
    assert not webdataset.sniff(path, path.read_bytes())
    with pytest.raises(InputError, match="this is a tar archive that is no WebDataset"):
        read_table(path)
