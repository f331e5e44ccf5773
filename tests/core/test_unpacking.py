from __future__ import annotations

import io
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import unpacking
from core.errors import InputError
from core.progress import Cancelled, Progress
from core.unpacking import Entry, check_entries, tar_entries, unpack


def zipped(path: Path, *names: str, content: bytes = b"picture") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, content)
    return path


def tarred(path: Path, *members: tarfile.TarInfo | str) -> Path:
    with tarfile.open(path, "w") as archive:
        for member in members:
            info = tarfile.TarInfo(member) if isinstance(member, str) else member
            info.size = 7 if info.isreg() else 0
            archive.addfile(info, io.BytesIO(b"picture"))
    return path


def files_below(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


def test_unpack__zip_by_digest_and_only_once(tmp_path: Path) -> None:
    path = zipped(tmp_path / "set.zip", "cat/1.png", "dog/2.png", "__MACOSX/cat/._1.png", "cat/.DS_Store")
    place = unpack(path, tmp_path / "w")
    assert place.name == "set" and len(place.parent.name) == 64 and place.parent.parent == tmp_path / "w"
    assert files_below(place) == ["cat", "cat/1.png", "dog", "dog/2.png"]
    assert (place / "dog/2.png").read_bytes() == b"picture"
    (place / "mark").touch()
    assert unpack(path, tmp_path / "w") == place and (place / "mark").exists()
    assert len(list((tmp_path / "w").iterdir())) == 1


def test_unpack__the_same_bytes_under_another_name(tmp_path: Path) -> None:
    path = zipped(tmp_path / "set.zip", "cat/1.png")
    place = unpack(path, tmp_path / "w")
    other = path.rename(tmp_path / "other.zip")
    assert unpack(other, tmp_path / "w") == place and (place / "cat/1.png").is_file()


@pytest.mark.parametrize(
    ("name", "folder"), [("...zip", "data"), ("..a.zip", "a"), (".zip", "zip"), ("a b.zip", "a b")]
)
def test_unpack__folder_called_as_the_archive(tmp_path: Path, name: str, folder: str) -> None:
    place = unpack(zipped(tmp_path / name, "cat/1.png"), tmp_path / "w" / "v")
    assert place.name == folder and files_below(tmp_path / "w")[0] == "v"
    assert files_below(place) == ["cat", "cat/1.png"]


def test_unpack__tar(tmp_path: Path) -> None:
    path = tarred(tmp_path / "set.tar", "./a/1.png", "b/" + "x" * 150 + ".png")
    place = unpack(path, tmp_path / "w")
    assert files_below(place) == ["a", "a/1.png", "b", "b/" + "x" * 150 + ".png"]
    assert (place / "a/1.png").read_bytes() == b"picture"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a.png", "../b.png"], "path '../b.png' leads out"),
        (["/b.png"], "path '/b.png' leads out"),
        (["x/../../b.png"], "leads out"),
        (["..\\b.png"], "leads out"),
        (["C:\\b.png"], "leads out"),
        (["C:b.png"], "leads out"),
        (["a/1.png", "A/1.PNG"], "differ only by case"),
        (["Cat/1.png", "cat/2.png"], "'Cat' and 'cat' differ only by case"),
        (["a/\u00e9.png", "a/e\u0301.png"], "differ only by case"),
        (["a", "a/1.png"], "'a' is there twice"),
        (["a/1.png", "a"], "'a' is there twice"),
        (["a\n.png"], "is not text"),
        (["x" * 300 + ".png"], "is too long"),
    ],
)
@pytest.mark.parametrize("pack", [zipped, tarred])
def test_unpack__refused_names_leave_nothing(tmp_path: Path, pack, names: list[str], message: str) -> None:
    path = pack(tmp_path / "x.zip", *names)
    with pytest.raises(InputError, match=message) as caught:
        unpack(path, tmp_path / "w")
    assert caught.value.problems[0].file == "x.zip" and caught.value.problems[0].mend
    assert files_below(tmp_path) == ["w", "x.zip"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_unpack__one_name_twice(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'a\.png' is there twice"):
        unpack(zipped(tmp_path / "x.zip", "a.png", "a.png"), tmp_path / "w")


@pytest.mark.parametrize(("mode", "kind"), [(0o120777, "link"), (0o010644, "device"), (0o060644, "device")])
def test_unpack__links_and_devices_in_a_zip(tmp_path: Path, mode: int, kind: str) -> None:
    info = zipfile.ZipInfo("l.png")
    info.external_attr = mode << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(info, "target")
    with pytest.raises(InputError, match=rf"'l\.png' is a {kind}"):
        unpack(tmp_path / "x.zip", tmp_path / "w")


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (tarfile.SYMTYPE, "link"),
        (tarfile.LNKTYPE, "link"),
        (tarfile.FIFOTYPE, "device"),
        (tarfile.CHRTYPE, "device"),
    ],
)
def test_unpack__links_and_devices_in_a_tar(tmp_path: Path, kind: bytes, word: str) -> None:
    info = tarfile.TarInfo("l.png")
    info.type, info.linkname = kind, "a.png"
    with pytest.raises(InputError, match=rf"'l\.png' is a {word}"):
        unpack(tarred(tmp_path / "x.tar", "a.png", info), tmp_path / "w")


def flags(path: Path, bit: int) -> Path:
    """Set one bit of the general purpose flag of the only entry, in both of its headers."""
    data = bytearray(path.read_bytes())
    for at in (6, data.index(b"PK\x01\x02") + 8):
        data[at] |= bit
    path.write_bytes(data)
    return path


def test_unpack__encrypted(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'a\.png' is encrypted"):
        unpack(flags(zipped(tmp_path / "x.zip", "a.png"), 1), tmp_path / "w")


def test_unpack__unusual_packing(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.png", b"x")
    with pytest.raises(InputError, match=r"packed by method 14.*stored or deflated"):
        unpack(tmp_path / "x.zip", tmp_path / "w")


def test_unpack__bomb_by_ratio(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(5 << 20))
    with pytest.raises(InputError, match=r"'a\.png' would unpack from 5,\d+ to 5,242,880 bytes"):
        unpack(tmp_path / "x.zip", tmp_path / "w")


def test_unpack__many_small_bombs(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(40):
            archive.writestr(f"{i}.png", bytes(1 << 20))
    with pytest.raises(InputError, match="the archive would unpack"):
        unpack(tmp_path / "x.zip", tmp_path / "w")


def test_unpack__size_that_lies(tmp_path: Path) -> None:
    """What a directory says is too small is cut there, and its checksum then fails."""
    path = zipped(tmp_path / "x.zip", "a.png", content=b"p" * 1000)
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 10)
    path.write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        unpack(path, tmp_path / "w")
    assert files_below(tmp_path / "w") == []


@pytest.mark.parametrize(
    ("limit", "value", "message"),
    [
        ("MOST_FILES", 1, "2 files"),
        ("MOST_BYTES", 10, "14 bytes in all"),
        ("MOST_BYTES_OF_ONE", 6, "7 bytes"),
    ],
)
def test_unpack__limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, message: str
) -> None:
    path = zipped(tmp_path / "x.zip", "a.png", "b.png")
    assert unpack(path, tmp_path / "fits").is_dir()
    monkeypatch.setattr(unpacking, limit, value)
    with pytest.raises(InputError, match=message):
        unpack(path, tmp_path / "w")


def test_unpack__no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 5}))
    with pytest.raises(InputError, match="it unpacks to 7 bytes, and the workspace's disk has 5 left"):
        unpack(zipped(tmp_path / "x.zip", "a.png"), tmp_path / "w")


def test_unpack__bytes_said_to_lie_before_the_file(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", "a.png")
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x05\x06") + 16  # where the directory begins: further on than it does
    data[at : at + 4] = struct.pack("<I", 5000)
    path.write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        unpack(path, tmp_path / "w")


@pytest.mark.parametrize("name", [b"\0.png", b"a\0png"])
def test_unpack__name_with_a_nul(tmp_path: Path, name: bytes) -> None:
    path = zipped(tmp_path / "x.zip", "a.png")
    path.write_bytes(path.read_bytes().replace(b"a.png", name))
    with pytest.raises(InputError, match="leads out"):
        unpack(path, tmp_path / "w")


@pytest.mark.parametrize("keep", [40, 70])
def test_unpack__cut_off(tmp_path: Path, keep: int) -> None:
    path = zipped(tmp_path / "x.zip", "a.png")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match="damaged"):
        unpack(path, tmp_path / "w")


def test_unpack__tar_cut_off(tmp_path: Path) -> None:
    path = tarred(tmp_path / "x.tar", "a.png", "b.png")
    path.write_bytes(path.read_bytes()[: 512 + 512 + 512 + 3])
    with pytest.raises(InputError, match=r"damaged|ends early"):
        unpack(path, tmp_path / "w")


def test_unpack__cancelled_leaves_nothing(tmp_path: Path) -> None:
    progress = Progress(lambda fraction, message: "Unpacking" in message and progress.cancel())
    path = zipped(tmp_path / "x.zip", *(f"{i}.png" for i in range(300)))
    with pytest.raises(Cancelled):
        unpack(path, tmp_path / "w", progress)
    assert files_below(tmp_path / "w") == []


def test_tar_entries__negative_size_ends(tmp_path: Path) -> None:
    """A size below zero would lead the reader back to the same header, for ever."""
    path = tarred(tmp_path / "x.tar", "a.png")
    data = bytearray(path.read_bytes())
    data[124:136] = (-1024).to_bytes(12, "big", signed=True)
    data[148:156] = b"        "
    data[148:156] = b"%06o\0 " % sum(data[:512])
    path.write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        list(tar_entries(path))


def test_tar_entries__long_header_is_not_read_into_memory(tmp_path: Path) -> None:
    info = tarfile.TarInfo("name")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 100 << 20
    (tmp_path / "x.tar").write_bytes(info.tobuf() + bytes(2048))
    with pytest.raises(InputError, match="a header of absurd length"):
        list(tar_entries(tmp_path / "x.tar"))


def test_tar_entries__spans_cover_the_file(tmp_path: Path) -> None:
    path = tarred(tmp_path / "x.tar", "a.png", "y" * 200 + ".png", "c.png")
    entries = list(tar_entries(path))
    assert [e.start for e in entries] == [0, *(e.stop for e in entries[:-1])]
    assert {path.read_bytes()[e.offset : e.offset + e.size] for e in entries} == {b"picture"}


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text("aA./\\:\0é\u0301", min_size=1, max_size=6), max_size=4))
def test_check_entries__what_passes_stays_below_and_apart(tmp_path_factory, names: list[str]) -> None:
    folder = tmp_path_factory.getbasetemp()
    entries = [Entry(name, 1, 1) for name in names]
    try:
        check_entries(entries, folder)
    except InputError:
        return
    places = [(folder / e.path).resolve() for e in entries]
    assert all(p.is_relative_to(folder.resolve()) and p != folder.resolve() for p in places)
    assert len({str(p).casefold() for p in places}) == len(names)
