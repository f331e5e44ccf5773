"""The tables of the decision store, as the newest migration leaves them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    MetaData,
    String,
    Table,
    Text,
    false,
)

metadata = MetaData()
decisions = Table(
    "decisions",
    metadata,
    # Given by us while we hold the write lock, so that its order is the order of the commits:
    # "everything after seq" then never misses an event that another process commits late.
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("op_id", String(64), nullable=False, unique=True),
    Column("dataset", Text, nullable=False),
    Column("row_id", Text, nullable=False),
    Column("action", String(16), nullable=False),
    Column("annotator", Text, nullable=False),
    Column("given_label", Text, nullable=False),
    Column("label", Text),
    Column("undoes", String(64)),
    Column("shown", Text, nullable=False),
    Column("decided_at", String(32), nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
    Column("based_on", BigInteger),
    Column("final", Boolean, nullable=False, server_default=false()),
    Index("decisions_dataset_seq", "dataset", "seq"),
    Index("decisions_undoes", "undoes"),
)
claims = Table(
    "claims",
    metadata,
    Column("dataset", Text, primary_key=True),
    Column("row_id", Text, primary_key=True),
    Column("annotator", Text, nullable=False),
    Column("expires_at", BigInteger, nullable=False),  # milliseconds since 1970, by the database's clock
    Index("claims_dataset_annotator", "dataset", "annotator"),
)
