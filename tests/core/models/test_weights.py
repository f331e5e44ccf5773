"""Where weights are found, and that nothing is downloaded unless somebody asks."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path

import pytest

from core.errors import InputError
from core.models import _weights
from core.progress import Cancelled, Progress


def package(root: Path, name: str, *files: str) -> None:
    """An installed package of data files; its code would fail the test if it ran."""
    (root / name).mkdir(parents=True)
    (root / name / "__init__.py").write_text("raise AssertionError('imported')")
    listed = [f"{name}/__init__.py,,", f"{name}-1.0.dist-info/METADATA,,"]
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(b"weights")
        listed.append(f"{file},,")
    info = root / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "RECORD").write_text("\n".join(listed))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return tmp_path / "site"


def test_located__a_path_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path)
    assert _weights.located("model", False, Progress()) == tmp_path / "model"
    assert _weights.spelled("model", tmp_path / "model") == str(tmp_path / "model")
    assert _weights.spelled("some-package", tmp_path / "model") == "some-package"


def test_located__a_package_is_found_without_running_it(site: Path) -> None:
    package(
        site, "fine_model", "fine_model/model/model.safetensors", "fine_model/model/1_Pooling/config.json"
    )
    package(site, "described", "described/m/model.safetensors", "described/m/config.json")
    assert _weights.located("fine_model", False, Progress()) == site / "fine_model/model/model.safetensors"
    assert _weights.located("described", False, Progress()) == site / "described/m"


def test_located__a_package_of_several_models_is_refused(site: Path) -> None:
    package(site, "two", "two/a.onnx", "two/b.onnx")
    with pytest.raises(InputError, match="two carries several models"):
        _weights.located("two", False, Progress())


def test_located__a_package_cannot_point_outside_itself(site: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.safetensors").write_bytes(b"secret")
    package(site, "sly", "sly/readme.txt")
    record = site / "sly-1.0.dist-info" / "RECORD"
    record.write_text(record.read_text() + "\n../secret.safetensors,,\n")
    with pytest.raises(InputError, match="no weights called 'sly'"):
        _weights.located("sly", False, Progress())


@pytest.mark.parametrize(
    "named", ["", "no-such-package", "../nowhere", "a b", "a/b/c", "~nobody-here/x", "a\0b", "x" * 300]
)
def test_located__what_is_not_there_is_said(named: str) -> None:
    with pytest.raises(InputError, match="no weights"):
        _weights.located(named, False, Progress())


def test_located__a_hub_is_not_asked_unless_somebody_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse_it(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse_it)
    monkeypatch.setattr(socket, "getaddrinfo", refuse_it)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with pytest.raises(InputError, match=r"nothing is downloaded unless you ask.*--download"):
        _weights.located("owner/name", False, Progress())
    assert os.environ["HF_HUB_OFFLINE"] == "1"


HUB = """
import os, pathlib, sys, time
def snapshot_download(named, local_files_only, allow_patterns, ignore_patterns):
    assert local_files_only is False and "HF_HUB_OFFLINE" not in os.environ
    assert not [p for p in allow_patterns if p.endswith((".bin", ".py", ".pth"))]
    if named == "owner/slow":
        pathlib.Path({pid!r}).write_text(str(os.getpid()))
        time.sleep(60)
    if named != "owner/name":
        raise LookupError("no such repository" + chr(10) + "secret details")
    return {folder!r}
"""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub's client that downloads nothing; its folder."""
    (tmp_path / "client" / "huggingface_hub").mkdir(parents=True)
    code = HUB.format(folder=str(tmp_path / "kept"), pid=str(tmp_path / "pid"))
    (tmp_path / "client" / "huggingface_hub" / "__init__.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "client"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return tmp_path


def test_located__downloads_in_a_process_of_its_own_where_asked(hub: Path) -> None:
    assert _weights.located("owner/name", True, Progress()) == hub / "kept"
    assert os.environ["HF_HUB_OFFLINE"] == "1"  # this process stays offline


def test_located__a_failed_download_is_told(hub: Path) -> None:
    with pytest.raises(
        InputError, match="'owner/gone' cannot be downloaded: LookupError: no such repository"
    ):
        _weights.located("owner/gone", True, Progress())


def test_located__a_download_that_is_cancelled_ends(hub: Path) -> None:
    progress = Progress()

    def cancel_soon() -> None:
        while not (hub / "pid").exists():
            time.sleep(0.05)
        progress.cancel()

    threading.Thread(target=cancel_soon, daemon=True).start()
    with pytest.raises(Cancelled):
        _weights.located("owner/slow", True, progress)
    with pytest.raises(ProcessLookupError):
        os.kill(int((hub / "pid").read_text()), 0)


def test_files_of__code_in_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "b.bin").write_text("")
    assert _weights.files_of(tmp_path, (".json",)) == [tmp_path / "a.json"]
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "modeling_own.py").write_text("import os")
    with pytest.raises(InputError, match=r"holds code \(modeling_own.py\), which is never run"):
        _weights.files_of(tmp_path, (".json",))


def test_files_of__a_folder_of_many_files_is_no_model(tmp_path: Path) -> None:
    for i in range(1_001):
        (tmp_path / f"{i}.json").touch()
    with pytest.raises(InputError, match="more than 1,000 files"):
        _weights.files_of(tmp_path, (".json",))


def test_the_file__is_the_only_one(tmp_path: Path) -> None:
    (tmp_path / "a.pth").touch()
    assert _weights.the_file(tmp_path, (".pth",)) == tmp_path / "a.pth"
    assert _weights.the_file(tmp_path / "a.pth", (".pth",)) == tmp_path / "a.pth"
    with pytest.raises(InputError, match=r"no weights in a.pth. Expected: one file .safetensors"):
        _weights.the_file(tmp_path / "a.pth", (".safetensors",))
    (tmp_path / "b.pth").touch()
    with pytest.raises(InputError, match="2 files of weights"):
        _weights.the_file(tmp_path, (".pth",))


def test_digest__says_one_changed_byte(tmp_path: Path) -> None:
    files = [tmp_path / "a", tmp_path / "b"]
    for file in files:
        file.write_bytes(b"same")
    first = _weights.digest(files, Progress())
    files[1].write_bytes(b"sane")
    assert first != _weights.digest(files, Progress())
    files[1].write_bytes(b"same")
    assert first == _weights.digest(files, Progress())


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[" * 100_000, b" " * (4 << 20) + b"{}"])
def test_read_json__damage_is_refused(body: bytes, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(body)
    with pytest.raises(InputError, match=r"config.json: it cannot be read as JSON"):
        _weights.read_json(tmp_path / "config.json")
    with pytest.raises(InputError, match=r"no other.json in .*. Mend: name the whole folder of the model"):
        _weights.read_json(tmp_path / "other.json")
