"""What a file says of the database's table that was read into it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from core.importers._arrow_messages import FILE_MAGIC

KEY = b"labelmend.sql_table"
"""The schema's metadata under this key make an Arrow file a table of a database."""
NAME = "sql_table"


@dataclass(frozen=True)
class SqlTable:
    """Where a table is, in names that the database gave; never a URL.

    source: the operator's name of the database. dialect: its kind, as SQLAlchemy calls it. schema: None where
    there are none. primary_key: its columns, none for a view. digested: the columns of bytes.
    """

    source: str
    dialect: str
    schema: str | None
    table: str
    primary_key: tuple[str, ...] = ()
    digested: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The table with its schema, for a person."""
        return f"{self.schema}.{self.table}" if self.schema else self.table

    def metadata(self) -> dict[bytes, bytes]:
        """The metadata of an Arrow schema that say this."""
        return {KEY: json.dumps(asdict(self), sort_keys=True).encode()}

    def layout(self) -> dict[str, Any]:
        """What the source's layout keeps of it."""
        said: dict[str, Any] = {"nested": [], "sql": asdict(self), "aside": list(self.digested)}
        return {**said, "id_column": self.primary_key[0]} if len(self.primary_key) == 1 else said

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> SqlTable:
        """What `asdict` or JSON made of it. Raises ValueError, KeyError or TypeError for anything else."""
        texts = [said["source"], said["dialect"], said["table"], *said["primary_key"], *said["digested"]]
        if not all(isinstance(text, str) for text in texts) or not isinstance(said["schema"], str | None):
            raise ValueError("not the names of a table")
        keys = tuple(said["primary_key"]), tuple(said["digested"])
        return cls(said["source"], said["dialect"], said["schema"], said["table"], *keys)


def sql_table(path: Path, head: bytes) -> SqlTable | None:
    """What an Arrow file says of the table that it holds; None where it is no table of a database."""
    if not head.startswith(FILE_MAGIC):
        return None
    try:
        with pa.memory_map(str(path)) as mapped:
            schema = pa.ipc.open_stream(mapped.read_buffer().slice(len(FILE_MAGIC))).schema
        found = SqlTable.of(json.loads((schema.metadata or {})[KEY]))
        known = {*schema.names}
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return found if known >= {*found.primary_key, *found.digested} else None
