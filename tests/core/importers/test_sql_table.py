"""The file that a table of a database is read into, and what else calls itself so."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from core.importers._sql import KEY, SqlTable
from core.loading import guess_columns
from core.reading import read_table

NAMES = {"source": "s", "dialect": "sqlite", "schema": None, "table": "t"}
GOOD = {**NAMES, "primary_key": ["k"], "digested": []}


def arrow(path: Path, said: object, kind: str = "file") -> Path:
    table = pa.table({"k": [1, 2], "text": ["a", "b"], "label": ["x", "y"]})
    raw = said if isinstance(said, bytes) else json.dumps(said).encode()
    schema = table.schema.with_metadata({KEY: raw})
    make = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
    with make(str(path), schema) as writer:
        writer.write_table(table)
    return path


def test_read__the_primary_key_is_the_id_column(tmp_path: Path) -> None:
    raw = read_table(arrow(tmp_path / "a.table", GOOD))
    assert raw.source.format == "sql_table"
    assert SqlTable.of(raw.source.layout["sql"]) == SqlTable("s", "sqlite", None, "t", ("k",), ())
    assert guess_columns(raw).id == "k"
    # As it is stored with a data set and read again.
    assert SqlTable.of(json.loads(json.dumps(raw.source.layout))["sql"]).primary_key == ("k",)


def test_read__columns_of_bytes_are_no_content(tmp_path: Path) -> None:
    raw = read_table(arrow(tmp_path / "a.table", {**GOOD, "digested": ["text"]}))
    assert guess_columns(raw).content == ()


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        [],
        {},
        {**GOOD, "primary_key": ["nope"]},
        {**GOOD, "digested": ["nope"]},
        {**GOOD, "primary_key": [1]},
        {**GOOD, "primary_key": None},
        {**GOOD, "schema": 1},
        {**GOOD, "table": None},
        {k: v for k, v in GOOD.items() if k != "dialect"},
    ],
)
def test_sniff__what_says_it_badly_is_an_arrow_file(tmp_path: Path, said: object) -> None:
    assert read_table(arrow(tmp_path / "a.table", said)).source.format == "arrow"


def test_sniff__a_stream_is_no_table_of_a_database(tmp_path: Path) -> None:
    assert read_table(arrow(tmp_path / "a.table", GOOD, "stream")).source.format == "arrow"


def test_sniff__names_of_very_many_columns(tmp_path: Path) -> None:
    """The schema is longer than the bytes that a sniffer is given."""
    many = pa.table({f"column number {i} of many": [1] for i in range(3_000)} | {"k": [1]})
    schema = many.schema.with_metadata({KEY: json.dumps(GOOD).encode()})
    with pa.ipc.new_file(str(tmp_path / "a.table"), schema) as writer:
        writer.write_table(many)
    assert read_table(tmp_path / "a.table").source.format == "sql_table"
