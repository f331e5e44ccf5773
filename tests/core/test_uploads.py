from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

from core.errors import InputError
from core.uploads import store_upload, store_upload_folder


def test_store_upload__same_content_is_stored_once(tmp_path: Path) -> None:
    first = store_upload(tmp_path, "a.csv", BytesIO(b"x,y\n1,2\n"))
    assert first.read_bytes() == b"x,y\n1,2\n"
    assert first.name == "a.csv"
    assert store_upload(tmp_path, "a.csv", BytesIO(b"x,y\n1,2\n")) == first
    assert store_upload(tmp_path, "a.csv", BytesIO(b"x,y\n1,3\n")) != first
    assert len(list(tmp_path.iterdir())) == 2


def test_store_upload__keeps_only_the_last_part_of_a_path(tmp_path: Path) -> None:
    assert store_upload(tmp_path, "folder/a.csv", BytesIO(b"x")).name == "a.csv"


@pytest.mark.parametrize(
    "name", ["../a.csv", "/etc/passwd", "C:\\a.csv", "a\0.csv", "", "x/../../a.csv", "..\\a"]
)
def test_store_upload__refuses_names_that_leave_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="is not a file name inside a folder"):
        store_upload(tmp_path, name, BytesIO(b"x"))
    assert list(tmp_path.iterdir()) == []


def test_store_upload_folder__returns_the_folder_of_the_classes(tmp_path: Path) -> None:
    files = [("pets/cat/1.png", BytesIO(b"1")), ("pets/dog/2.png", BytesIO(b"2"))]
    folder = store_upload_folder(tmp_path, files)
    assert folder.name == "pets"
    assert sorted(str(p.relative_to(folder)) for p in folder.rglob("*.png")) == ["cat/1.png", "dog/2.png"]


def test_store_upload_folder__several_top_folders_stay_beside_each_other(tmp_path: Path) -> None:
    folder = store_upload_folder(tmp_path, [("cat/1.png", BytesIO(b"1")), ("dog/2.png", BytesIO(b"2"))])
    assert sorted(p.name for p in folder.iterdir()) == ["cat", "dog"]


def test_store_upload_folder__empty_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no files"):
        store_upload_folder(tmp_path, [])


def test_store_upload__interrupted_leaves_nothing(tmp_path: Path) -> None:
    class Broken(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError("connection lost")

    with pytest.raises(OSError, match="connection lost"):
        store_upload(tmp_path, "a.csv", Broken(b"x"))
    assert list(tmp_path.iterdir()) == []
