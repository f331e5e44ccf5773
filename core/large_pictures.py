"""Pictures too large to decode inside the server: a process of its own decodes them, one at a time.

That process has a limit of memory and of time, so that a picture made to do harm ends it and nothing else.
For the large view it cuts the picture into tiles at its full size, half of it, a quarter, ..., which are
kept on disk: a browser then fetches the few that are on its screen.

    python -m core.large_pictures BYTES render PATH LONGEST      writes the encoded picture to stdout
    python -m core.large_pictures BYTES cut PATH FOLDER          writes the tiles into the folder
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from core.decoding import MediaError, Picture, encode, kept_picture, render, upright

MAX_PIXELS = 160_000_000
"""A picture of more pixels is never decoded."""
MEMORY = 2 << 30
"""Bytes of address space that the decoding process may use (on Linux)."""
SECONDS = 60
"""Time after which the decoding process is ended."""
TILE = 512
"""The side of a tile in pixels; those at the right and lower edge are smaller."""
PREVIEW = 1600
"""A level whose longest side is no longer than this has no tiles: the large view shows it as one picture."""
KEPT = 24
"""Of so many pictures the tiles are kept; those looked at longest ago go first."""
_REFUSED = 3  # exit status: stderr is a sentence for the person
_ONE_AT_A_TIME = threading.Lock()


def rendered(path: Path, longest: int) -> Picture:
    """The picture, at most `longest` pixels wide and high. Raises MediaError."""
    with _ONE_AT_A_TIME:
        data = _decode("render", path, str(longest))
    return Picture(data, "image/png" if data.startswith(b"\x89PNG") else "image/jpeg")


def tile(path: Path, digest: str, cache_dir: Path, level: int, x: int, y: int) -> Picture:
    """Column x and row y of the tiles at 1 / 2**level of the full size.

    digest: of the file's bytes, "" where it is not known. Raises MediaError; for a tile that the picture does
    not have too.
    """
    folder = cache_dir / "tiles" / (digest or _name_by_time(path))
    if not folder.is_dir():
        with _ONE_AT_A_TIME:
            if not folder.is_dir():
                _cut_into(folder, path)
    kept = kept_picture(folder / f"{level}-{x}-{y}")
    if kept is None:
        raise MediaError(f"The picture has no tile {x}, {y} at level {level}.")
    os.utime(folder)
    return kept


def is_cut(path: Path, digest: str, cache_dir: Path) -> bool:
    """Whether the picture's tiles are there already."""
    return (cache_dir / "tiles" / (digest or _name_by_time(path))).is_dir()


def _name_by_time(path: Path) -> str:
    found = path.stat()
    return hashlib.sha256(f"{path}\0{found.st_size}\0{found.st_mtime_ns}".encode()).hexdigest()


def _cut_into(folder: Path, path: Path) -> None:
    """The folder appears with all tiles or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as made:
        whole = Path(made) / "tiles"
        whole.mkdir()
        _decode("cut", path, str(whole))
        if not folder.is_dir():  # another server process may have been as fast
            whole.rename(folder)
    _forget_oldest(folder.parent)


def _forget_oldest(parent: Path) -> None:
    kept = sorted(
        (f for f in parent.iterdir() if not f.name.startswith(".")), key=lambda f: -f.stat().st_mtime
    )
    for folder in kept[KEPT:]:
        shutil.rmtree(folder)


def _decode(job: str, path: Path, argument: str) -> bytes:
    """What the decoding process writes to its stdout. Raises MediaError."""
    command = [sys.executable, "-P", "-m", "core.large_pictures", str(MEMORY), job, str(path), argument]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    try:
        ended = subprocess.run(command, capture_output=True, env=environment, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise MediaError(f"The picture cannot be read: it takes more than {SECONDS} seconds.") from error
    if ended.returncode == _REFUSED:
        raise MediaError(ended.stderr.decode("utf-8", "replace").strip())
    if ended.returncode:
        raise MediaError("The picture cannot be read: decoding it failed.")
    return ended.stdout


def _cut(path: Path, folder: Path) -> None:
    image, _ = upright(path, MAX_PIXELS)
    level = 0
    while max(image.size) > PREVIEW:
        for top in range(0, image.height, TILE):
            for left in range(0, image.width, TILE):
                right, bottom = min(left + TILE, image.width), min(top + TILE, image.height)
                made = encode(image.crop((left, top, right, bottom)))
                name = f"{level}-{left // TILE}-{top // TILE}{made.suffix}"
                (folder / name).write_bytes(made.data)
        level += 1
        image = image.reduce(2)


def main(memory: str, job: str, path: str, argument: str) -> int:
    """The decoding process. Returns its exit status."""
    if sys.platform == "linux":  # other systems accept the limit and do not keep it
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    try:
        if job == "render":
            sys.stdout.buffer.write(render(Path(path), int(argument), MAX_PIXELS).data)
        else:
            _cut(Path(path), Path(argument))
    except (MediaError, MemoryError) as error:
        sys.stderr.write(str(error) or "The picture cannot be read: it needs more memory than it may use.")
        return _REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
