from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from PIL import Image

from core.errors import InputError
from core.importers import zip_folder
from core.loading import Plan, guess_columns, prepare
from core.progress import Progress
from core.reading import formats, read_table


def zipped(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"picture")
    return path


def test_read_table__zip_is_the_folder_it_unpacks_to(tmp_path: Path) -> None:
    path = zipped(tmp_path / "pets.zip", "cat/1.png", "dog/2.png", "__MACOSX/cat/._1.png")
    raw = read_table(path, unpack_to=tmp_path / "w")
    assert raw.frame.to_dict("list") == {"path": ["cat/1.png", "dog/2.png"], "label": ["cat", "dog"]}
    assert raw.source.format == "image_folder" and raw.source.path.name == "pets"
    assert raw.source.path.is_relative_to(tmp_path / "w") and raw.problems == ()
    again = read_table(path, unpack_to=tmp_path / "w")
    assert again.source == raw.source


@pytest.mark.parametrize(
    ("names", "paths", "labels"),
    [
        (["top/cat/1.png", "top/dog/2.png"], ["cat/1.png", "dog/2.png"], ["cat", "dog"]),
        (["a/b/cat/1.png", "a/b/dog/2.png"], ["cat/1.png", "dog/2.png"], ["cat", "dog"]),
        (["cat/1.png", "cat/2.png"], ["cat/1.png", "cat/2.png"], ["cat", "cat"]),
        (["train/cat/1.png", "test/cat/2.png"], ["test/cat/2.png", "train/cat/1.png"], ["cat", "cat"]),
    ],
)
def test_read_table__folders_around_the_classes_do_not_count(
    tmp_path: Path, names: list[str], paths: list[str], labels: list[str]
) -> None:
    raw = read_table(zipped(tmp_path / "x.zip", *names), unpack_to=tmp_path / "w")
    assert raw.frame["path"].tolist() == paths and raw.frame["label"].tolist() == labels


def test_read_table__zip_without_a_workspace(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"x\.zip: a zipped image folder cannot be read in place"):
        read_table(zipped(tmp_path / "x.zip", "cat/1.png"))


@pytest.mark.parametrize("names", [["a.csv"], ["[Content_Types].xml", "xl/media/image1.png"], []])
def test_sniff__other_zips_are_none(tmp_path: Path, names: list[str]) -> None:
    path = zipped(tmp_path / "x.zip", *names)
    assert not zip_folder.sniff(path, path.read_bytes())
    with pytest.raises(InputError, match=r"x\.zip"):
        read_table(path, unpack_to=tmp_path / "w")
    assert not (tmp_path / "w").exists()


def test_sniff__by_the_bytes_alone(tmp_path: Path) -> None:
    path = zipped(tmp_path / "photos.csv", "cat/1.png")
    assert [f.name for f in formats().values() if f.sniff(path, path.read_bytes())] == ["zip"]


def test_prepare__pictures_of_a_zip_are_read(tmp_path: Path) -> None:
    for name in ("a/1.png", "b/2.png"):
        (tmp_path / "d" / name).parent.mkdir(parents=True)
        Image.new("RGB", (4, 4)).save(tmp_path / "d" / name)
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name in ("a/1.png", "b/2.png"):
            archive.write(tmp_path / "d" / name, name)
    raw = read_table(tmp_path / "x.zip", Progress(), tmp_path / "w")
    prepared = prepare(raw, Plan("x", guess_columns(raw)))
    assert prepared.ok and prepared.dataset is not None and prepared.dataset.media_hash is not None
    assert (prepared.dataset.media_hash != "").all()
    assert prepared.dataset.row_ids.tolist() == ["a/1.png", "b/2.png"]


@pytest.mark.parametrize("name", ["zip_slip.zip", "zip_bomb_100MB.zip", "symlink.tar"])
def test_hostile__refused_and_nothing_unpacked(shared_data: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=name) as caught:
        read_table(shared_data / "hostile" / "archives" / name, unpack_to=tmp_path / "w")
    assert caught.value.problems[0].mend or caught.value.problems[0].expected
    assert not [p for p in tmp_path.rglob("*") if p != tmp_path / "w"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("zip_slip.zip", "is a link"),
        ("zip_bomb_100MB.zip", "would unpack from"),
        ("symlink.tar", "is a link"),
    ],
)
def test_hostile__unpack_itself_refuses(shared_data: Path, tmp_path: Path, name: str, message: str) -> None:
    from core.unpacking import unpack

    with pytest.raises(InputError, match=message):
        unpack(shared_data / "hostile" / "archives" / name, tmp_path / "w")
    assert list((tmp_path / "w").iterdir()) == []
