"""One table of decisions, as the first version made it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "decisions",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("op_id", sa.String(64), nullable=False, unique=True),
        sa.Column("dataset", sa.Text, nullable=False),
        sa.Column("row_id", sa.Text, nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("annotator", sa.Text, nullable=False),
        sa.Column("given_label", sa.Text, nullable=False),
        sa.Column("label", sa.Text),
        sa.Column("undoes", sa.String(64)),
        sa.Column("shown", sa.Text, nullable=False),
        sa.Column("decided_at", sa.String(32), nullable=False),
    )
    op.create_index("decisions_dataset_seq", "decisions", ["dataset", "seq"])
