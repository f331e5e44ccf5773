"""sha256 of files that were read before, so that nobody waits twice for the same bytes."""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from core.progress import Progress
from core.source import file_sha256

HASHES = "hashes.db"
"""The file's name where a workspace keeps it."""
TOO_FRESH_S = 2.0
"""A file that changed so shortly ago may change again within the same tick of the file system's clock."""
_AT_ONCE = 1_000


class KnownHashes:
    """What the file system says of a file (path, number, size, time of change), and the hash it had then.

    Kept in an SQLite file, a thousand hashes at a time, so that work that was stopped goes on where it was.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._fresh = 0

    def sha256(self, path: Path, progress: Progress | None = None) -> str:
        """sha256 hex of a file's bytes; read only where the file has changed. Raises OSError.

        path: absolute and without links, so that a file has one name.
        """
        stat = path.stat()
        seen = (os.fsencode(path), stat.st_ino, stat.st_size)
        key = (*seen, stat.st_mtime_ns)
        asked = "SELECT sha256 FROM hashes WHERE path = ? AND number = ? AND size = ? AND changed = ?"
        found = self._connection.execute(asked, key).fetchone()
        if found is not None:
            return str(found[0])
        sha256 = file_sha256(path, progress)
        if time.time_ns() - stat.st_mtime_ns > TOO_FRESH_S * 1e9:
            self._connection.execute("INSERT OR REPLACE INTO hashes VALUES (?, ?, ?, ?, ?)", (*key, sha256))
            self._fresh += 1
            if self._fresh % _AT_ONCE == 0:
                self._connection.commit()
        return sha256


@contextmanager
def known_hashes(file: Path | None) -> Iterator[KnownHashes]:
    """The hashes kept in this file, which is made where it is absent or damaged; None: in memory only.

    Raises OSError where it cannot be written, as on a full disk.
    """
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with closing(_opened(file)) as connection:
            try:
                yield KnownHashes(connection)
            finally:
                connection.commit()
    except sqlite3.OperationalError as error:
        raise OSError(errno.EIO, str(error), str(file)) from error


def _opened(file: Path | None) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:" if file is None else file, timeout=30)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS hashes (path BLOB PRIMARY KEY, number INTEGER, size INTEGER, "
            "changed INTEGER, sha256 TEXT) WITHOUT ROWID"
        )
    except sqlite3.DatabaseError as error:
        connection.close()
        if file is None or error.sqlite_errorcode not in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            raise
        file.unlink(missing_ok=True)  # what it held can be read again
        return _opened(file)
    return connection
