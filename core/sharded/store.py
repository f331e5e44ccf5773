"""A folder of shards: on this machine, or behind a URL that fsspec knows."""

from __future__ import annotations

import io
import os
import secrets
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO

import numpy as np

from core.errors import refuse
from core.files import staged

_LONGEST_HEADER = 10_000  # bytes, as numpy itself reads at most of a file that is not trusted


@dataclass(frozen=True)
class Array:
    """A .npy file of a store, its header read: (rows, width) numbers of `dtype` that begin at byte
    `offset`."""

    name: str
    rows: int
    width: int
    dtype: str
    offset: int


@dataclass(frozen=True)
class Store:
    """One folder. url: an absolute path, or a URL such as s3://bucket/folder; small, so that it can be sent.

    Raises OSError where the folder cannot be read or written, InputError where fsspec is needed and not
    there.
    """

    url: str

    @classmethod
    def at(cls, where: str) -> Store:
        """The folder of a path or URL as a person gives it."""
        if where.startswith("file://"):
            where = where.removeprefix("file://")
        return cls(where.rstrip("/") if _is_url(where) else str(Path(where).expanduser().resolve()))

    @property
    def is_local(self) -> bool:
        return not _is_url(self.url)

    def within(self, folder: str) -> Store:
        """A folder inside this one."""
        return replace(self, url=f"{self.url}/{folder}")

    def path(self, name: str) -> str:
        """Where a file is, in words."""
        return f"{self.url}/{name}"

    def make(self) -> None:
        """Make the folder where it is missing."""
        if self.is_local:
            Path(self.url).mkdir(parents=True, exist_ok=True)
        else:
            fs, root = self._there
            fs.makedirs(root, exist_ok=True)

    def names(self) -> list[str]:
        """Names of all that lies in the folder, sorted; none where there is no folder."""
        if self.is_local:
            folder = Path(self.url)
            return sorted(path.name for path in folder.iterdir()) if folder.exists() else []
        fs, root = self._there
        fs.invalidate_cache()
        try:
            listed = fs.ls(root, detail=False)
        except FileNotFoundError:
            return []
        own = [name.rstrip("/").rpartition("/")[2] for name in listed if name.rstrip("/") != root.rstrip("/")]
        return sorted(own)

    def size(self, name: str) -> int:
        """Bytes of a file."""
        if self.is_local:
            return Path(self.path(name)).stat().st_size
        fs, root = self._there
        return int(fs.size(f"{root}/{name}"))

    def read(self, name: str, start: int = 0, stop: int | None = None) -> bytes:
        """Bytes [start, stop) of a file; fewer where it ends before."""
        if self.is_local:
            with Path(self.path(name)).open("rb") as file:
                file.seek(start)
                return file.read(-1 if stop is None else stop - start)
        fs, root = self._there
        return bytes(fs.cat_file(f"{root}/{name}", start=start, end=stop))

    def file(self, name: str) -> Any:
        """An open file, to be closed by whoever asked, for Parquet's reader, which jumps about in it."""
        if self.is_local:
            return Path(self.path(name)).open("rb")
        fs, root = self._there
        return fs.open(f"{root}/{name}", "rb")

    def header(self, name: str) -> Array:
        """What a .npy file says of itself, checked against its size. Raises InputError in words.

        Nothing of the values is read, and no Python object is ever made from the file.
        """
        body = self.read(name, 0, _LONGEST_HEADER + 12)
        shape, dtype, columns_first, offset = _npy_header(body, self.path(name))
        where = {"file": self.path(name)}
        if dtype.hasobject:
            found = "the array holds Python objects, which could run code and are never read"
            raise refuse(found, **where, mend="save it as numbers: np.save(file, array.astype(np.float32))")
        if len(shape) != 2:
            raise refuse(f"an array of shape {shape}", **where, expected="two dimensions, a line a row")
        if columns_first and min(shape) > 1:
            mend = "np.save(file, np.ascontiguousarray(array))"
            raise refuse("values are stored column by column", **where, expected="row by row", mend=mend)
        rows, width = shape
        wanted = offset + rows * width * dtype.itemsize
        if (size := self.size(name)) != wanted:
            found = f"the file has {size:,} bytes; {rows:,} x {width:,} values of {dtype} need {wanted:,}"
            raise refuse(found, **where, mend="write the file again: it was cut short or added to")
        return Array(name, rows, width, dtype.str, offset)

    def rows(self, array: Array, start: int = 0, stop: int | None = None) -> np.ndarray:
        """(stop - start, width) rows: mapped from a file of this machine, else read. Not to be written to."""
        stop = array.rows if stop is None else min(stop, array.rows)
        if stop <= start or not array.width:
            return np.empty((max(stop - start, 0), array.width), array.dtype)
        line = array.width * np.dtype(array.dtype).itemsize
        begin = array.offset + start * line
        shape = (stop - start, array.width)
        if self.is_local:
            return np.memmap(self.path(array.name), array.dtype, "r", begin, shape)
        body = self.read(array.name, begin, begin + shape[0] * line)
        return np.frombuffer(body, array.dtype).reshape(shape)

    def write(self, name: str, write: Callable[[BinaryIO], object]) -> None:
        """Write a file, whole or not at all; one of the same name is replaced."""
        if self.is_local:
            with staged(Path(self.path(name))) as (temporary,), temporary.open("wb") as file:
                write(file)
            return
        body = io.BytesIO()
        write(body)
        fs, root = self._there
        fs.pipe_file(f"{root}/{name}", body.getvalue())  # an object store shows an object once it is whole

    def save(self, name: str, values: np.ndarray) -> None:
        """Write a .npy file."""
        self.write(name, lambda file: np.save(file, values, allow_pickle=False))

    def load(self, name: str) -> np.ndarray:
        """A .npy file that `save` has written."""
        return np.load(io.BytesIO(self.read(name)), allow_pickle=False)

    def save_all(self, name: str, **values: np.ndarray) -> None:
        """Write several arrays as one .npz file."""
        self.write(name, lambda file: np.savez(file, **values))  # type: ignore[arg-type]

    def load_all(self, name: str) -> dict[str, np.ndarray]:
        """The arrays of a .npz file."""
        with np.load(io.BytesIO(self.read(name)), allow_pickle=False) as found:
            return {key: found[key] for key in found.files}

    def move(self, name: str, to: Store) -> None:
        """Put a file of this folder into another folder of the same file system, replacing its like."""
        if self.is_local:
            os.replace(self.path(name), to.path(name))
            return
        fs, root = self._there
        fs.mv(f"{root}/{name}", f"{to._there[1]}/{name}", recursive=False)

    def remove(self, names: Iterable[str]) -> None:
        """Remove files of this folder that are there."""
        for name in names:
            if self.is_local:
                Path(self.path(name)).unlink(missing_ok=True)
            else:
                fs, root = self._there
                if fs.exists(f"{root}/{name}"):
                    fs.rm(f"{root}/{name}")

    def remove_all(self) -> None:
        """Remove the folder and all that lies in it, also where somebody still writes there: it is renamed
        first, so that a file that is begun afterwards finds no folder."""
        if self.is_local:
            folder = Path(self.url)
            if folder.exists():
                away = folder.with_name(f"work-{secrets.token_hex(8)}")
                folder.rename(away)
                shutil.rmtree(away)
            return
        fs, root = self._there
        if fs.exists(root):
            fs.rm(root, recursive=True)

    @cached_property
    def _there(self) -> tuple[Any, str]:
        """fsspec's file system and the folder's path in it."""
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            raise refuse(f"{self.url} needs fsspec", mend="pip install 'labelmend[dask]'") from error
        try:
            return url_to_fs(self.url)
        except (ImportError, ValueError) as error:
            raise refuse(f"{self.url} cannot be opened: {error}", mend="check the URL") from error

    def __getstate__(self) -> dict[str, str]:
        return {"url": self.url}  # the file system is opened again where the store arrives


def _is_url(where: str) -> bool:
    return "://" in where or "::" in where


def _npy_header(body: bytes, file: str) -> tuple[tuple[int, ...], np.dtype, bool, int]:
    """Shape, dtype, whether columns come first, and where the values begin."""
    npy, opened = np.lib.format, io.BytesIO(body)
    try:
        version = npy.read_magic(opened)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"version {version[0]}.{version[1]} of the format")
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, columns_first, dtype = read(opened, max_header_size=_LONGEST_HEADER)
        return shape, dtype, columns_first, opened.tell()
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError, TokenError) as error:
        why = " ".join(str(error).split())[:200]
        raise refuse(
            f"the file cannot be read as an array: {why}", file=file, mend="write it with np.save"
        ) from error
